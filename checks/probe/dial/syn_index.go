package dial

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"
)

// index finds numbers by a 32-bit hash: which host in hand has an address. It is a table with open addressing and linear
// probing, because at a million look-ups a second a map of addresses would cost more than sending the packets does.
type index struct {
	cells []cell // a power of two of them, at most half in use
	used  int
}

// cell is in use when its number is not negative.
type cell struct {
	hash   uint32
	number int32
}

func newIndex() *index { return &index{cells: emptyCells(1 << 10)} }

func emptyCells(n int) []cell {
	list := make([]cell, n)
	for i := range list {
		list[i].number = nowhere
	}
	return list
}

func (x *index) mask() uint32 { return uint32(len(x.cells) - 1) } //nolint:gosec // at most 2^21

// find returns the number with this hash that is the one meant, nowhere if there is none.
func (x *index) find(hash uint32, meant func(int32) bool) int32 {
	for i := hash & x.mask(); x.cells[i].number != nowhere; i = (i + 1) & x.mask() {
		if c := x.cells[i]; c.hash == hash && meant(c.number) {
			return c.number
		}
	}
	return nowhere
}

// put files a number that is not there.
func (x *index) put(hash uint32, number int32) {
	if x.used++; 2*x.used > len(x.cells) {
		old := x.cells
		x.cells = emptyCells(2 * len(old))
		for _, c := range old {
			if c.number != nowhere {
				x.insert(c)
			}
		}
	}
	x.insert(cell{hash, number})
}

func (x *index) insert(c cell) {
	i := c.hash & x.mask()
	for x.cells[i].number != nowhere {
		i = (i + 1) & x.mask()
	}
	x.cells[i] = c
}

// remove takes a number out, and closes the gap that it leaves, so that the table needs no markers that fill it up.
func (x *index) remove(hash uint32, number int32) {
	gap := hash & x.mask()
	for x.cells[gap].number != number {
		if x.cells[gap].number == nowhere {
			return
		}
		gap = (gap + 1) & x.mask()
	}
	for i := (gap + 1) & x.mask(); x.cells[i].number != nowhere; i = (i + 1) & x.mask() {
		// A cell may move back as far as its hash's own place.
		if home := x.cells[i].hash & x.mask(); (i-home)&x.mask() >= (i-gap)&x.mask() {
			x.cells[gap], gap = x.cells[i], i
		}
	}
	x.cells[gap].number = nowhere
	x.used--
}

// addrHash mixes an address with a seed.
type addrHash uint64

func newAddrHash() addrHash { return addrHash(rand.Uint64()) } //nolint:gosec // the addresses are the caller's own

func (seed addrHash) of(a netip.Addr) uint32 {
	var high, low uint64
	if a.Is4() {
		b := a.As4()
		high, low = 4, uint64(binary.BigEndian.Uint32(b[:]))
	} else {
		b := a.As16()
		high, low = binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])
	}
	h, l := bits.Mul64(high^uint64(seed), 0x9e3779b97f4a7c15)
	h, l = bits.Mul64(h^l^low, 0xd6e8feb86659fd93)
	h ^= l
	return uint32(h>>32) ^ uint32(h) //nolint:gosec // parts of it
}
