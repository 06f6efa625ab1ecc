package netinfo

import (
	"context"
	"net/netip"
)

// Directory combines what is configured to be known of an address. Each source may be nil, and its part is then "not
// looked at". It is safe for concurrent use.
type Directory struct {
	Resolver  *Resolver
	Geo       *Geo
	Customers *Customers
}

// Look gathers what the sources know of an address; the owner is nil when there is no customer list or it does not
// have the address. It never fails: what could not be learnt, because a server did not answer or the context ended, is
// nil in the Network.
func (d Directory) Look(ctx context.Context, a netip.Addr) (Network, *Owner) {
	n := d.Geo.Lookup(a)
	if d.Resolver != nil {
		if ptr, err := d.Resolver.PTR(ctx, a); err == nil {
			n.PTR, n.PTRConfirmed = ptr.Names, ptr.Confirmed
		}
	}
	if o, ok := d.Customers.Lookup(a); ok {
		return n, &o
	}
	return n, nil
}
