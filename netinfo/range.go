package netinfo

import (
	"iter"
	"math/big"
	"net/netip"
)

// Range is the addresses from First up to and including Last: same family, no zone, IPv4 never in its mapped form.
type Range struct{ First, Last netip.Addr }

// RangeOf returns the addresses of a prefix, its host bits ignored. A prefix within ::ffff:0:0/96 gives the IPv4
// range that it maps; an invalid prefix gives an invalid range.
func RangeOf(p netip.Prefix) Range {
	if !p.IsValid() {
		return Range{}
	}
	a := p.Addr()
	if a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
		a = p.Addr()
	}
	if a.Is4() {
		n := v4Of(a)
		return Range{n.mask(p.Bits()).addr(), n.ones(p.Bits()).addr()}
	}
	n := v6Of(a)
	return Range{n.mask(p.Bits()).addr(), n.ones(p.Bits()).addr()}
}

// IsValid says whether the range is what its type promises and holds at least one address. An IPv6 range may not end or
// begin amid the IPv4-mapped addresses: it would seem to hold IPv4 addresses that it does not.
func (r Range) IsValid() bool {
	return r.First.IsValid() && r.Last.IsValid() && r.First.Is4() == r.Last.Is4() &&
		!r.First.Is4In6() && !r.Last.Is4In6() && r.First.Zone() == "" && r.Last.Zone() == "" &&
		r.First.Compare(r.Last) <= 0
}

// Contains says whether the address lies in the range.
func (r Range) Contains(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsValid() && a.Zone() == "" && a.Is4() == r.First.Is4() && r.First.Compare(a) <= 0 && a.Compare(r.Last) <= 0
}

// Size is the number of addresses.
func (r Range) Size() *big.Int {
	if r.First.Is4() {
		return new(big.Int).SetUint64(v4Of(r.First).distance(v4Of(r.Last)))
	}
	return size6(span[v6]{v6Of(r.First), v6Of(r.Last)})
}

// Prefixes yields the fewest prefixes that make up the range, in order.
func (r Range) Prefixes() iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		switch {
		case !r.IsValid():
		case r.First.Is4():
			prefixes(span[v4]{v4Of(r.First), v4Of(r.Last)}, yield)
		default:
			prefixes(span[v6]{v6Of(r.First), v6Of(r.Last)}, yield)
		}
	}
}

// String writes the range as a person would: an address, a prefix, or first-last.
func (r Range) String() string {
	if !r.IsValid() {
		return "invalid range"
	}
	if r.First == r.Last {
		return r.First.String()
	}
	for p := range r.Prefixes() {
		if RangeOf(p) == r {
			return p.String()
		}
		break
	}
	return r.First.String() + "-" + r.Last.String()
}
