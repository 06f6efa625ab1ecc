package indicators

import (
	"cmp"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/netschouw/netschouw/netinfo"
)

// Index answers fast whether something is listed. It holds the indicators that it was made from, and is safe for
// concurrent use. The nil Index lists nothing.
type Index struct {
	list    []Indicator
	set     *netinfo.Set
	good    *Good
	singles []single
	ranges  []interval // by first address, then from the widest in
	domains map[string]int32
	hashes  map[[32]byte]int32
}

// single is an indicator of one address, interval one of several.
type single struct {
	addr netip.Addr
	at   int32
}

type interval struct {
	netinfo.Range
	reach netip.Addr // the last address of all intervals up to this one, in its family
	at    int32
}

// NewIndex makes an index of indicators that have not expired at a moment and are not known to be good. It keeps the list,
// which must not be changed any more. good may be nil.
func NewIndex(list []Indicator, good *Good, now time.Time) *Index {
	x := &Index{list: list, good: good, domains: map[string]int32{}, hashes: map[[32]byte]int32{}}
	var b netinfo.SetBuilder
	for i := range list {
		indicator := &list[i]
		if indicator.Expired(now) || good.Has(indicator) {
			continue
		}
		switch indicator.Kind {
		case Address:
			r := indicator.Range()
			b.AddRange(r)
			if r.First == r.Last {
				x.singles = append(x.singles, single{r.First, int32(i)})
			} else {
				x.ranges = append(x.ranges, interval{Range: r, at: int32(i)})
			}
		case Domain:
			x.domains[indicator.Value] = int32(i)
		case Certificate:
			if sum, ok := parseSum(indicator.Value); ok {
				x.hashes[sum] = int32(i)
			}
		}
	}
	x.set = b.Set()
	if good != nil {
		x.set = x.set.Subtract(good.set)
	}
	x.sort()
	return x
}

// sort brings the addresses into the order in which they are searched.
func (x *Index) sort() {
	slices.SortFunc(x.singles, func(a, b single) int { return a.addr.Compare(b.addr) })
	slices.SortFunc(x.ranges, func(a, b interval) int {
		return cmp.Or(a.First.Compare(b.First), b.Last.Compare(a.Last), cmp.Compare(a.at, b.at))
	})
	var reach netip.Addr
	for i := range x.ranges {
		r := &x.ranges[i]
		if !reach.IsValid() || reach.Is4() != r.Last.Is4() || reach.Less(r.Last) {
			reach = r.Last
		}
		r.reach = reach
	}
}

// Len is the number of indicators that can be hit.
func (x *Index) Len() int {
	if x == nil {
		return 0
	}
	return len(x.singles) + len(x.ranges) + len(x.domains) + len(x.hashes)
}

// Addresses is every listed address, those known to be good left out: what of it lies in one's own ranges is its
// intersection with them.
func (x *Index) Addresses() *netinfo.Set {
	if x == nil {
		return new(netinfo.Set)
	}
	return x.set
}

// Address returns the indicator that lists an address, the narrowest where several do; nil when none does. Its cost is a
// binary search where nothing is listed.
func (x *Index) Address(a netip.Addr) *Indicator {
	if x == nil || !x.set.Contains(a) {
		return nil
	}
	a = a.Unmap()
	if i, ok := slices.BinarySearchFunc(x.singles, a, func(s single, a netip.Addr) int { return s.addr.Compare(a) }); ok {
		return &x.list[x.singles[i].at]
	}
	after, _ := slices.BinarySearchFunc(x.ranges, a, func(r interval, a netip.Addr) int {
		if r.First.Compare(a) <= 0 {
			return -1
		}
		return 1
	})
	var best *interval
	for i := after - 1; i >= 0; i-- {
		r := &x.ranges[i]
		if r.First.Is4() != a.Is4() || r.reach.Less(a) {
			break // nothing before it reaches so far
		}
		if r.Contains(a) && (best == nil || r.Size().Cmp(best.Size()) < 0) {
			best = r
		}
	}
	if best == nil {
		return nil
	}
	return &x.list[best.at]
}

// Domain returns the indicator that lists a name or one above it, the longest where several do; nil when none does. It
// takes names in lower or upper case, with a final dot or without.
func (x *Index) Domain(name string) *Indicator {
	if x == nil || len(x.domains) == 0 {
		return nil
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if x.good != nil && (x.good.exact[name] || isBelow(x.good.below, name)) {
		return nil
	}
	for {
		if at, ok := x.domains[name]; ok {
			return &x.list[at]
		}
		dot := strings.IndexByte(name, '.')
		if dot < 0 {
			return nil
		}
		name = name[dot+1:]
	}
}

// Certificate returns the indicator that lists a certificate by its SHA-256 in hexadecimal; nil when none does.
func (x *Index) Certificate(sha256 string) *Indicator {
	if x == nil || len(x.hashes) == 0 {
		return nil
	}
	if sum, ok := parseSum(sha256); ok {
		if at, listed := x.hashes[sum]; listed {
			return &x.list[at]
		}
	}
	return nil
}

func parseSum(s string) (sum [32]byte, ok bool) {
	if len(s) != 64 {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(s))
	return sum, err == nil
}
