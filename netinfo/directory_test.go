package netinfo

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDirectoryCombinesWhatIsKnown(t *testing.T) {
	s := startNameserver(t, "7.100.51.198.in-addr.arpa. 60 IN PTR mx.example.test.", "mx.example.test. 60 IN A 198.51.100.7")
	geo, err := OpenGeo(write(t, "asn.mmdb", asnBytes(t, "GeoLite2-ASN", 6, someASNs...)), "")
	require.NoError(t, err)
	customers, err := OpenCustomers("testdata/customers/good.csv")
	require.NoError(t, err)
	d := Directory{Resolver: newResolver(t, s.addr), Geo: geo, Customers: customers}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			n, o := d.Look(ctxFor(t), addr("198.51.100.7"))
			if n.ASN == nil || *n.ASN != 64500 || n.Country != nil || !slices.Equal(n.PTR, []string{"mx.example.test"}) ||
				n.PTRConfirmed == nil || !*n.PTRConfirmed || o == nil || o.Customer != "C1042" {
				t.Errorf("got %+v %+v", n, o)
			}
		})
	}
	wg.Wait()
	n, o := Directory{}.Look(ctxFor(t), addr("198.51.100.7"))
	require.Equal(t, Network{}, n)
	require.Nil(t, o)

	done, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("stop"))
	n, o = d.Look(done, addr("198.51.100.9"))
	require.Nil(t, n.PTR)
	require.NotNil(t, n.ASN)
	require.NotNil(t, o)
}
