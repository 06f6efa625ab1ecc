package sweep

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOrderIsABijection(t *testing.T) {
	sizes := []uint64{1, 2, 3, 5, 7, 100, 255, 256, 257, 1000, 4095, 4096, 4097, 65535, 65536, 65537, 99_991, 1<<20 + 1}
	for range 20 {
		sizes = append(sizes, 1+rand.Uint64N(20_000))
	}
	for _, n := range sizes {
		for _, seed := range []uint64{0, 1, rand.Uint64()} {
			o := NewOrder(n, seed)
			seen := make([]bool, n)
			for i := range n {
				at := o.At(i)
				if at >= n || seen[at] { // not require: a million times it would take seconds
					t.Fatalf("n %d, seed %d: %d is out of bounds or comes twice", n, seed, at)
				}
				seen[at] = true
			}
		}
	}
}

// A range too large to walk: the network must undo itself round by round.
func TestOrderOfManyAddressesIsABijection(t *testing.T) {
	for _, n := range []uint64{1<<32 - 1, 1 << 32, 1<<32 + 1, 1<<40 + 12345, 1<<64 - 1} {
		o := NewOrder(n, 42)
		for range 10_000 {
			i := rand.Uint64N(n)
			at := o.At(i)
			require.Less(t, at, n)
			// Back along the cycle to the first number below n.
			for back := o.inverse(at); ; back = o.inverse(back) {
				if back < n {
					require.Equal(t, i, back)
					break
				}
			}
		}
	}
}

// inverse undoes permute.
func (o Order) inverse(x uint64) uint64 {
	l, r := x>>o.shift, x&o.right
	for k := rounds - 2; k >= 0; k -= 2 {
		r ^= mix(l^o.keys[k+1]) & o.right
		l ^= mix(r^o.keys[k]) & o.left
	}
	return l<<o.shift | r
}

func TestOrderSpreadsNeighbours(t *testing.T) {
	const n = 65536
	o := NewOrder(n, 7)
	same, last := 0, o.At(0)
	perNet := map[uint64]int{}
	for i := uint64(1); i < n; i++ {
		at := o.At(i)
		if at>>8 == last>>8 {
			same++
		}
		last = at
		if i <= 2560 {
			perNet[at>>8]++
		}
	}
	require.Less(t, same, n/128, "neighbours in the order share a /24 as often as chance has it, 1 in 256")
	for net, hits := range perNet { // 10 of each are expected among the first 2560
		require.Less(t, hits, 35, "subnet %d takes a burst", net)
	}
	require.Greater(t, len(perNet), 250)
}

func TestOrderBelongsToItsSeed(t *testing.T) {
	a, b, c := NewOrder(1000, 1), NewOrder(1000, 1), NewOrder(1000, 2)
	differ := 0
	for i := range uint64(1000) {
		require.Equal(t, a.At(i), b.At(i))
		if a.At(i) != c.At(i) {
			differ++
		}
	}
	require.Greater(t, differ, 900)
}

func TestOrderOfNothing(t *testing.T) {
	require.Zero(t, NewOrder(0, 1).Len())
}

func BenchmarkOrder(b *testing.B) {
	for name, n := range map[string]uint64{"slash16": 1 << 16, "slash8": 1 << 24, "odd": 1<<24 + 1} {
		b.Run(name, func(b *testing.B) {
			o, sum := NewOrder(n, 1), uint64(0)
			for i := 0; b.Loop(); i++ {
				sum += o.At(uint64(i) % n)
			}
			_ = sum
		})
	}
}
