package netinfo

import (
	"iter"
	"math"
	"math/big"
	"net/netip"
	"slices"
	"sort"
)

// Set is an immutable set of addresses, kept as sorted disjoint intervals: 8 bytes for an IPv4 interval, 32 for an
// IPv6 one, and an eighth of a byte each for At. The zero value is the empty set. A Set is safe for concurrent use.
//
// An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is the IPv4 address that it maps. An address with a zone
// (RFC 4007) is in no set, because what it means depends on an interface.
type Set struct {
	v4 []span[v4]
	v6 []span[v6]
	// sums4[i] is the number of addresses before interval i*block; sums6 goes on counting where IPv4 ends.
	sums4, sums6  []uint64
	count4, count uint64
}

// block is how many intervals share one entry of the prefix sums.
const block = 64

func newSet(a []span[v4], b []span[v6]) *Set {
	s := &Set{v4: a, v6: b}
	s.sums4, s.count4 = sums(a, 0)
	s.sums6, s.count = sums(b, s.count4)
	return s
}

// sums counts addresses, saturating at math.MaxUint64.
func sums[P point[P]](s []span[P], total uint64) ([]uint64, uint64) {
	out := make([]uint64, 0, (len(s)+block-1)/block)
	for i, x := range s {
		if i%block == 0 {
			out = append(out, total)
		}
		if n := x.first.distance(x.last); n > math.MaxUint64-total {
			total = math.MaxUint64
		} else {
			total += n
		}
	}
	return out, total
}

// Contains says whether the address is in the set. It allocates nothing and costs a binary search.
func (s *Set) Contains(a netip.Addr) bool {
	switch {
	case a.Is4():
		return contains4(s.v4, v4Of(a))
	case a.Zone() != "" || !a.IsValid():
		return false
	case a.Is4In6():
		return contains4(s.v4, v4Of(a.Unmap()))
	}
	return contains6(s.v6, v6Of(a))
}

// contains4 and contains6 are the same search written out twice: through the generic form the comparison would be an
// indirect call, which doubles the time of the busiest function of a sweep.
func contains4(s []span[v4], p v4) bool {
	lo, hi := 0, len(s)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if s[mid].first <= p {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo > 0 && p <= s[lo-1].last
}

func contains6(s []span[v6], p v6) bool {
	lo, hi := 0, len(s)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if s[mid].first.compare(p) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo > 0 && p.compare(s[lo-1].last) <= 0
}

// Intervals is the number of separate runs of addresses.
func (s *Set) Intervals() int { return len(s.v4) + len(s.v6) }

// IsEmpty says whether the set has no address.
func (s *Set) IsEmpty() bool { return s.Intervals() == 0 }

// Size is the exact number of addresses. It is a big number because a single IPv6 /64 exceeds a uint64.
func (s *Set) Size() *big.Int {
	total := new(big.Int).SetUint64(s.count4)
	for _, x := range s.v6 {
		total.Add(total, size6(x))
	}
	return total
}

func size6(x span[v6]) *big.Int {
	f, l := x.first.addr().As16(), x.last.addr().As16()
	n := new(big.Int).SetBytes(l[:])
	return n.Sub(n, new(big.Int).SetBytes(f[:])).Add(n, big.NewInt(1))
}

// SizeV4 is the number of IPv4 addresses.
func (s *Set) SizeV4() uint64 { return s.count4 }

// Count is the number of addresses that At reaches: all of them, or math.MaxUint64 when there are more than that. A
// caller that means to visit each asks Scope.Walk for a set that is small enough.
func (s *Set) Count() uint64 { return s.count }

// At is the i-th address, from 0, IPv4 before IPv6, each in numerical order. It costs a binary search and allocates
// nothing. Like an index of a slice, i must be less than Count.
func (s *Set) At(i uint64) netip.Addr {
	switch {
	case i < s.count4:
		return at(s.v4, s.sums4, i).addr()
	case i < s.count:
		return at(s.v6, s.sums6, i).addr()
	}
	panic("netinfo: Set.At: index out of range")
}

func at[P point[P]](s []span[P], sums []uint64, i uint64) P {
	b := sort.Search(len(sums), func(k int) bool { return sums[k] > i }) - 1
	i -= sums[b]
	for _, x := range s[b*block:] {
		n := x.first.distance(x.last)
		if i < n {
			return x.first.plus(i)
		}
		i -= n
	}
	panic("netinfo: prefix sums of a Set disagree with its intervals")
}

// Union returns the addresses of either set.
func (s *Set) Union(t *Set) *Set { return newSet(union(s.v4, t.v4), union(s.v6, t.v6)) }

// Intersect returns the addresses that are in both sets.
func (s *Set) Intersect(t *Set) *Set { return newSet(intersect(s.v4, t.v4), intersect(s.v6, t.v6)) }

// Subtract returns the addresses of s that are not in t.
func (s *Set) Subtract(t *Set) *Set { return newSet(subtract(s.v4, t.v4), subtract(s.v6, t.v6)) }

// Within returns the addresses of s that lie in r, in time that depends on what it returns and not on s.
func (s *Set) Within(r Range) *Set {
	if !r.IsValid() {
		return new(Set)
	}
	if r.First.Is4() {
		return newSet(within(s.v4, span[v4]{v4Of(r.First), v4Of(r.Last)}), nil)
	}
	return newSet(nil, within(s.v6, span[v6]{v6Of(r.First), v6Of(r.Last)}))
}

// Equal says whether both sets have the same addresses.
func (s *Set) Equal(t *Set) bool { return slices.Equal(s.v4, t.v4) && slices.Equal(s.v6, t.v6) }

// Ranges yields the intervals in the order of At.
func (s *Set) Ranges() iter.Seq[Range] {
	return func(yield func(Range) bool) {
		for _, x := range s.v4 {
			if !yield(Range{x.first.addr(), x.last.addr()}) {
				return
			}
		}
		for _, x := range s.v6 {
			if !yield(Range{x.first.addr(), x.last.addr()}) {
				return
			}
		}
	}
}

// SetBuilder collects ranges and makes a Set of them. The zero value is ready for use. It is for one goroutine.
type SetBuilder struct {
	v4 []span[v4]
	v6 []span[v6]
}

// Add adds every address of the prefix. Host bits are ignored; an invalid prefix adds nothing.
func (b *SetBuilder) Add(p netip.Prefix) { b.AddRange(RangeOf(p)) }

// AddAddr adds one address. An invalid one, or one with a zone, adds nothing.
func (b *SetBuilder) AddAddr(a netip.Addr) {
	a = a.Unmap()
	b.AddRange(Range{a, a})
}

// AddRange adds every address of the range. An invalid range adds nothing.
func (b *SetBuilder) AddRange(r Range) {
	switch {
	case !r.IsValid():
	case r.First.Is4():
		b.v4 = append(b.v4, span[v4]{v4Of(r.First), v4Of(r.Last)})
	default:
		b.v6 = append(b.v6, span[v6]{v6Of(r.First), v6Of(r.Last)})
	}
}

// Set returns the addresses added so far and empties the builder.
func (b *SetBuilder) Set() *Set {
	s := newSet(trim(merge(b.v4)), trim(merge(b.v6)))
	*b = SetBuilder{}
	return s
}

// trim gives back memory that growing or merging left unused; small waste is cheaper than a copy.
func trim[T any](s []T) []T {
	if cap(s)-len(s) > len(s)/8 {
		return append(make([]T, 0, len(s)), s...)
	}
	return s
}
