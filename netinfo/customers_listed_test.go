package netinfo

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListedAreTheSmallIPv6Prefixes(t *testing.T) {
	c, err := ReadCustomers(strings.NewReader("prefix,customer_id\n"+
		"198.51.100.7/32,C1\n2001:db8:40::/48,C2\n2001:db8:40::1/128,C3\n2001:db8:40::100/120,C4\n2001:db8:40::110/124,C5\n2001:db8:40:1::/64,C6\n"), "customers.csv")
	require.NoError(t, err)
	var b SetBuilder
	b.Add(netip.MustParsePrefix("2001:db8:40::1/128"))
	b.Add(netip.MustParsePrefix("2001:db8:40::100/120"))
	require.True(t, c.Listed().Equal(b.Set()), "%v", c.Listed().Size())
	require.True(t, (*Customers)(nil).Listed().IsEmpty())
}
