package sweep

import (
	"math/bits"
	"net/netip"
)

// Targets is a set of addresses that can be counted off. *netinfo.Set is the real one.
type Targets interface {
	// Count is the number of addresses.
	Count() uint64
	// At is the address at place i, 0 <= i < Count(), each address at one place.
	At(i uint64) netip.Addr
}

// rounds of the Feistel network. Four make a permutation that no scheme of subnets lines up with; secrecy is not asked.
const rounds = 4

// Order is a permutation of 0 ... n-1, keyed by a seed. It stores nothing for each number: a Feistel network permutes the
// next power of two, and numbers beyond n walk on along their cycle until they come back below it (Black and Rogaway,
// "Ciphers with Arbitrary Finite Domains", 2002), less than two steps on average.
type Order struct {
	n           uint64
	shift       uint // bits of the right half
	left, right uint64
	keys        [rounds]uint64
}

// NewOrder returns the permutation of 0 ... n-1 that belongs to the seed; n may be any number, 0 included.
func NewOrder(n, seed uint64) Order {
	o := Order{n: n}
	if n > 1 {
		width := uint(bits.Len64(n - 1)) //nolint:gosec // 1 ... 64
		o.shift = width - width/2
		o.left, o.right = 1<<(width/2)-1, 1<<o.shift-1
	}
	for i := range o.keys {
		seed += 0x9e3779b97f4a7c15 // the step of splitmix64 (Steele, Lea and Flood, 2014)
		o.keys[i] = mix(seed)
	}
	return o
}

// Len is n.
func (o Order) Len() uint64 { return o.n }

// At is the number at place i of the permutation, i < Len().
func (o Order) At(i uint64) uint64 {
	for {
		if i = o.permute(i); i < o.n {
			return i
		}
	}
}

func (o Order) permute(x uint64) uint64 {
	l, r := x>>o.shift, x&o.right
	for k := 0; k < rounds; k += 2 {
		l ^= mix(r^o.keys[k]) & o.left
		r ^= mix(l^o.keys[k+1]) & o.right
	}
	return l<<o.shift | r
}

// mix is the finaliser of splitmix64: each bit of x changes each bit of the result with probability near one half.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
