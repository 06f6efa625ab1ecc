package netinfo

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"net/netip"
	"slices"
	"sort"
)

// v4 and v6 are addresses as plain numbers: a quarter of the size of a netip.Addr, and arithmetic is possible on them.
type (
	v4 uint32
	v6 struct{ hi, lo uint64 }
)

// point is what the interval algorithms need to know of an address family.
type point[P any] interface {
	comparable
	compare(P) int
	next() P // wraps around at the last address of the family
	prev() P // wraps around at the first
	addr() netip.Addr
	// distance is how many addresses lie from the receiver up to and including last, which must not be lower;
	// math.MaxUint64 when there are that many or more.
	distance(last P) uint64
	plus(uint64) P
	// mask clears all but the first n bits; ones sets all but the first n bits.
	mask(n int) P
	ones(n int) P
	width() int
}

func v4Of(a netip.Addr) v4 {
	b := a.As4()
	return v4(binary.BigEndian.Uint32(b[:]))
}

func (p v4) compare(q v4) int { return cmp.Compare(p, q) }
func (p v4) next() v4         { return p + 1 }
func (p v4) prev() v4         { return p - 1 }
func (p v4) width() int       { return 32 }
func (p v4) plus(n uint64) v4 { return p + v4(n) }
func (p v4) mask(n int) v4    { return p &^ v4(math.MaxUint32>>uint(n)) }
func (p v4) ones(n int) v4    { return p | v4(math.MaxUint32>>uint(n)) }

func (p v4) distance(last v4) uint64 { return uint64(last) - uint64(p) + 1 }

func (p v4) addr() netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(p))
	return netip.AddrFrom4(b)
}

func v6Of(a netip.Addr) v6 {
	b := a.As16()
	return v6{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (p v6) compare(q v6) int {
	if c := cmp.Compare(p.hi, q.hi); c != 0 {
		return c
	}
	return cmp.Compare(p.lo, q.lo)
}

func (p v6) next() v6   { return p.plus(1) }
func (p v6) width() int { return 128 }

func (p v6) prev() v6 {
	lo, borrow := bits.Sub64(p.lo, 1, 0)
	return v6{p.hi - borrow, lo}
}

func (p v6) plus(n uint64) v6 {
	lo, carry := bits.Add64(p.lo, n, 0)
	return v6{p.hi + carry, lo}
}

func (p v6) mask(n int) v6 {
	m := hostBits6(n)
	return v6{p.hi &^ m.hi, p.lo &^ m.lo}
}

func (p v6) ones(n int) v6 {
	m := hostBits6(n)
	return v6{p.hi | m.hi, p.lo | m.lo}
}

// hostBits6 has all but the first n bits set. Shifts by 64 and more give 0 in Go.
func hostBits6(n int) v6 {
	if n >= 64 {
		return v6{0, math.MaxUint64 >> uint(n-64)}
	}
	return v6{math.MaxUint64 >> uint(n), math.MaxUint64}
}

func (p v6) distance(last v6) uint64 {
	lo, borrow := bits.Sub64(last.lo, p.lo, 0)
	if hi := last.hi - p.hi - borrow; hi != 0 || lo == math.MaxUint64 {
		return math.MaxUint64
	}
	return lo + 1
}

func (p v6) addr() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], p.hi)
	binary.BigEndian.PutUint64(b[8:], p.lo)
	return netip.AddrFrom16(b)
}

// span is the addresses from first up to and including last. Functions on []span[P] keep them sorted, disjoint and not
// even adjacent, unless they say otherwise.
type span[P point[P]] struct{ first, last P }

// merge sorts spans in place and joins those that overlap or touch.
func merge[P point[P]](s []span[P]) []span[P] {
	slices.SortFunc(s, func(a, b span[P]) int { return a.first.compare(b.first) })
	n := 0
	for _, x := range s {
		// Overlap is tested before adjacency, so that next cannot be fooled by wrapping around.
		if n > 0 && (x.first.compare(s[n-1].last) <= 0 || x.first == s[n-1].last.next()) {
			if x.last.compare(s[n-1].last) > 0 {
				s[n-1].last = x.last
			}
			continue
		}
		s[n] = x
		n++
	}
	return s[:n]
}

func union[P point[P]](a, b []span[P]) []span[P] {
	return trim(merge(slices.Concat(a, b)))
}

func intersect[P point[P]](a, b []span[P]) []span[P] {
	var out []span[P]
	for len(a) > 0 && len(b) > 0 {
		first, last := a[0].first, a[0].last
		if b[0].first.compare(first) > 0 {
			first = b[0].first
		}
		if b[0].last.compare(last) < 0 {
			last = b[0].last
		}
		if first.compare(last) <= 0 {
			out = append(out, span[P]{first, last})
		}
		if a[0].last.compare(b[0].last) < 0 {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return trim(out)
}

func subtract[P point[P]](a, b []span[P]) []span[P] {
	if len(b) == 0 {
		return a
	}
	out := make([]span[P], 0, len(a))
	for _, x := range a {
		// Holes that end before x can matter to no later span either.
		b = b[sort.Search(len(b), func(i int) bool { return b[i].last.compare(x.first) >= 0 }):]
		out = punch(out, x, b)
	}
	return trim(out)
}

// punch appends to out what the holes leave of x.
func punch[P point[P]](out []span[P], x span[P], holes []span[P]) []span[P] {
	for _, h := range holes {
		if h.first.compare(x.last) > 0 {
			break
		}
		if h.first.compare(x.first) > 0 {
			out = append(out, span[P]{x.first, h.first.prev()})
		}
		if h.last.compare(x.last) >= 0 {
			return out
		}
		x.first = h.last.next()
	}
	return append(out, x)
}

// within returns the part of s that lies in x. It costs a binary search and shares nothing with s.
func within[P point[P]](s []span[P], x span[P]) []span[P] {
	from := sort.Search(len(s), func(i int) bool { return s[i].last.compare(x.first) >= 0 })
	to := from + sort.Search(len(s)-from, func(i int) bool { return s[from+i].first.compare(x.last) > 0 })
	return intersect(s[from:to], []span[P]{x})
}

// prefixes calls yield with the fewest prefixes that make up x, in order, until it returns false.
func prefixes[P point[P]](x span[P], yield func(netip.Prefix) bool) bool {
	for {
		n := x.first.width()
		for n > 0 && x.first.mask(n-1) == x.first && x.first.ones(n-1).compare(x.last) <= 0 {
			n--
		}
		if !yield(netip.PrefixFrom(x.first.addr(), n)) {
			return false
		}
		end := x.first.ones(n)
		if end == x.last {
			return true
		}
		x.first = end.next()
	}
}
