package ledger

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
)

// TestEvidenceIsBounded: whatever a host says, its evidence keeps within its bound, and says what was cut.
func TestEvidenceIsBounded(t *testing.T) {
	const limit = 16 << 10
	long := strings.Repeat("\x00\xff<", 30_000) // bytes that JSON writes as six
	banner := probe.Service{Port: 80, Transport: "tcp", Protocol: "unknown", Status: probe.StatusUnknown, Banner: long}
	spoken := banner
	spoken.Port = 25
	for name, c := range map[string]struct {
		change func(*checks.Finding)
		cut    Cut
	}{
		"small":            {func(*checks.Finding) {}, Whole},
		"a long banner":    {func(f *checks.Finding) { f.Services = append(f.Services, banner) }, Spoken},
		"of which a trait": {func(f *checks.Finding) { f.Services = append(f.Services, spoken) }, Bare},
		"many services": {func(f *checks.Finding) {
			f.Traits[0].Evidence = nil
			for port := range uint16(2000) {
				f.Services = append(f.Services, probe.Service{Port: port, Transport: "tcp", Protocol: "http"})
				f.Traits[0].Evidence = append(f.Traits[0].Evidence, checks.Evidence{Port: port})
			}
		}, Quoted},
		"long titles": {func(f *checks.Finding) { f.Traits[0].Title, f.Traits[1].Benign = long, long }, Values},
		"long values": {func(f *checks.Finding) { f.Traits[0].Evidence[0].Value = long }, Quoted},
		"many names":  {func(f *checks.Finding) { f.Network.PTR = strings.Split(strings.Repeat("a.example.test,", 5000), ",") }, Quoted},
		"many traits": {func(f *checks.Finding) {
			for i := range 500 {
				f.Traits = append(f.Traits, checks.Trait{Rule: fmt.Sprint("pack/", i), Evidence: []checks.Evidence{{Port: 25, Field: "f", Value: long[:1000]}}})
			}
		}, RuleOnly},
		"a long reason": {func(f *checks.Finding) { f.Reason = long }, RuleOnly},
	} {
		t.Run(name, func(t *testing.T) {
			f := host(a1, "C1", "mail", "store")
			c.change(&f)
			before, err := json.Marshal(f)
			require.NoError(t, err)
			b, err := newPacker(limit).body(&f, Whole)
			require.NoError(t, err)
			require.Equal(t, c.cut, b.cut)
			require.LessOrEqual(t, b.size, limit)
			after, err := json.Marshal(f)
			require.NoError(t, err)
			require.Equal(t, before, after, "the finding itself is not changed")
			text, err := unpack(b.packed, b.size, b.sha256[:])
			require.NoError(t, err)
			var back checks.Finding
			require.NoError(t, json.Unmarshal(text, &back))
			require.Equal(t, f.Address, back.Address)
			require.Equal(t, f.Owner, back.Owner)
			require.Equal(t, f.Verdict, back.Verdict)
			require.NotEmpty(t, back.Traits[0].Rule)
		})
	}
	f := host(a1, strings.Repeat("c", limit), "mail")
	_, err := newPacker(limit).body(&f, Whole)
	require.ErrorContains(t, err, "does not fit", "the provider's own list is not cut")
}

func TestForgedEvidenceIsNoticed(t *testing.T) {
	f := host(a1, "C1", "mail")
	p := newPacker(64 << 10)
	b, err := p.body(&f, Whole)
	require.NoError(t, err)
	forged, err := p.pack([]byte(`{"verdict":"clear"}`))
	require.NoError(t, err)
	_, err = unpack(forged, b.size, b.sha256[:])
	require.ErrorContains(t, err, "SHA-256")
	_, err = unpack(b.packed, b.size-1, b.sha256[:])
	require.ErrorContains(t, err, "SHA-256")
	_, err = unpack(b.packed, maxBody+1, b.sha256[:])
	require.ErrorContains(t, err, "impossible")
}

func FuzzUnpack(f *testing.F) {
	host, err := os.ReadFile("testdata/host.json")
	require.NoError(f, err)
	for _, text := range [][]byte{host, {}, []byte("{}"), make([]byte, 1<<16)} {
		packed, err := newPacker(0).pack(text)
		require.NoError(f, err)
		f.Add(packed, len(text), text)
		f.Add(packed, len(text)/2, text)
	}
	f.Fuzz(func(t *testing.T, packed []byte, size int, of []byte) {
		sum := sha256.Sum256(of)
		text, err := unpack(packed, size, sum[:])
		if err != nil {
			require.Nil(t, text)
			return
		}
		require.Equal(t, string(of), string(text), "only the text of the digest comes out")
		require.Len(t, text, size)
	})
}
