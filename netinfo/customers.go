package netinfo

import (
	"cmp"
	"net/netip"
	"slices"
)

// Customers knows to whom each prefix was assigned. It is immutable and safe for concurrent use. The zero value knows
// nobody.
//
// Prefixes nest, and the longest one wins. Since the list does not change, it is flattened once into intervals, each
// with the row that decides there: a look-up is one binary search, and a row costs about 20 bytes.
type Customers struct {
	v4       []decided[v4]
	v6       []decided[v6]
	rows     []row
	people   []Owner // one for each distinct set of details; Range is not set
	excluded []Exclusion
}

// decided says which row decides from an address on, up to the next entry. noRow: none.
type decided[P point[P]] struct {
	from P
	row  int32
}

const noRow int32 = -1

type row struct {
	person int32
	bits   uint8
}

// assigned is a row while the list is being read.
type assigned[P point[P]] struct {
	first  P
	person int32
	line   int32
	bits   uint8
}

// Len is the number of prefixes.
func (c *Customers) Len() int { return len(c.rows) }

// Lookup returns the owner by the longest prefix that has the address. It allocates nothing; the caller must not change
// the Tags.
func (c *Customers) Lookup(a netip.Addr) (Owner, bool) {
	if c == nil || !a.IsValid() || a.Zone() != "" {
		return Owner{}, false
	}
	a = a.Unmap()
	i := noRow
	if a.Is4() {
		i = decide4(c.v4, v4Of(a))
	} else {
		i = decide6(c.v6, v6Of(a))
	}
	if i == noRow {
		return Owner{}, false
	}
	o := c.people[c.rows[i].person]
	o.Range = netip.PrefixFrom(a, int(c.rows[i].bits)).Masked()
	return o, true
}

// decide4 and decide6 are one search written out twice, for speed; see contains4.
func decide4(s []decided[v4], p v4) int32 {
	lo, hi := 0, len(s)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if s[mid].from <= p {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return noRow
	}
	return s[lo-1].row
}

func decide6(s []decided[v6], p v6) int32 {
	lo, hi := 0, len(s)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if s[mid].from.compare(p) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return noRow
	}
	return s[lo-1].row
}

// Listed is the IPv6 addresses of the prefixes that are small enough to be visited one by one, a /112 at most: where a
// range is too large to walk, these are known to be in use.
func (c *Customers) Listed() *Set {
	if c == nil {
		return new(Set)
	}
	const most = 112 // bits; see maxWalkV6
	var b SetBuilder
	for i, x := range c.v6 {
		if x.row == noRow || c.rows[x.row].bits < most {
			continue
		}
		end := x.from.ones(int(c.rows[x.row].bits))
		if i+1 < len(c.v6) { // a longer prefix within it may decide from there on
			if next := c.v6[i+1].from.prev(); next.compare(end) < 0 {
				end = next
			}
		}
		b.v6 = append(b.v6, span[v6]{x.from, end})
	}
	return b.Set()
}

// Exclusions are the prefixes of customers who opted out, for ScopeConfig.Exclusions.
func (c *Customers) Exclusions() []Exclusion { return slices.Clone(c.excluded) }

// Excluded is the same without the sources.
func (c *Customers) Excluded() []netip.Prefix {
	out := make([]netip.Prefix, len(c.excluded))
	for i, x := range c.excluded {
		out[i] = x.Prefix
	}
	return out
}

// flatten turns nested prefixes, sorted by first address and then by length, into intervals. rows gets the rows in use.
func flatten[P point[P]](list []assigned[P], rows *[]row) []decided[P] {
	var out []decided[P]
	type open struct {
		last P
		row  int32
	}
	var stack []open
	from := func(p P, row int32) {
		// A prefix that begins where another one began, or ended, takes its place.
		if n := len(out); n > 0 && out[n-1].from == p {
			out[n-1].row = row
			return
		}
		out = append(out, decided[P]{p, row})
	}
	// shut closes the innermost open prefix: from its end on, the one around it decides again.
	shut := func() {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		outer := noRow
		if len(stack) > 0 {
			outer = stack[len(stack)-1].row
		}
		if end := top.last.next(); top.last.compare(end) < 0 { // nothing follows the last address of the family
			from(end, outer)
		}
	}
	for _, a := range list {
		for len(stack) > 0 && stack[len(stack)-1].last.compare(a.first) < 0 {
			shut()
		}
		i := int32(len(*rows))
		*rows = append(*rows, row{a.person, a.bits})
		from(a.first, i)
		stack = append(stack, open{a.first.ones(int(a.bits)), i})
	}
	for len(stack) > 0 {
		shut()
	}
	return trim(out)
}

func byPrefix[P point[P]](a, b assigned[P]) int {
	return cmp.Or(a.first.compare(b.first), cmp.Compare(a.bits, b.bits), cmp.Compare(a.line, b.line))
}

// unique drops all but the last of equal prefixes, and calls clash for those that belong to different customers.
func unique[P point[P]](list []assigned[P], people []Owner, clash func(netip.Prefix, assigned[P], assigned[P])) []assigned[P] {
	slices.SortFunc(list, byPrefix)
	n := 0
	for _, a := range list {
		if n > 0 && list[n-1].first == a.first && list[n-1].bits == a.bits {
			if people[list[n-1].person].Customer != people[a.person].Customer {
				clash(netip.PrefixFrom(a.first.addr(), int(a.bits)), list[n-1], a)
			}
			n--
		}
		list[n] = a
		n++
	}
	return list[:n]
}
