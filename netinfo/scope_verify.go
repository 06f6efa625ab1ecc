package netinfo

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/oschwald/maxminddb-golang"
)

// Difference is an owned range that is announced by somebody else, or by nobody.
type Difference struct {
	Range Range
	ASN   uint32 // 0: the database knows nobody who announces it
	Org   string
}

func (d Difference) String() string {
	if d.ASN == 0 {
		return fmt.Sprintf("%s is announced by nobody", d.Range)
	}
	return fmt.Sprintf("%s is announced by AS%d (%s)", d.Range, d.ASN, quote(d.Org))
}

// ErrNoASNs is returned by Verify when there is nothing to compare with.
var ErrNoASNs = errors.New("scope.asns is empty: there is nothing to verify the owned ranges against; " +
	"list the numbers of your autonomous systems")

// Verify compares every owned address with the ASN database: each must be announced by one of asns. It returns the
// ranges that are not, in order, neighbours with the same ASN joined; none means that all is well. It walks the
// database's networks within each range, so that a part that was sold or leased is found however small it is.
func (s *Scope) Verify(db *ASNDatabase, asns []uint32) ([]Difference, error) {
	if len(asns) == 0 {
		return nil, ErrNoASNs
	}
	v := verification{db: db, others: map[uint32]*foreign{}}
	for _, n := range asns {
		v.others[n] = nil
	}
	for r := range s.ownedSet.Ranges() {
		for p := range r.Prefixes() {
			if err := v.walk(p); err != nil {
				return nil, fmt.Errorf("ASN database %s: %s: %w", db.path, p, err)
			}
		}
	}
	return v.differences(s.ownedSet), nil
}

// verification gathers who announces what. A nil entry of others is one of our own.
type verification struct {
	db     *ASNDatabase
	found  SetBuilder
	others map[uint32]*foreign
}

type foreign struct {
	org    string
	ranges SetBuilder
}

// walk visits the networks of the database that lie in the prefix, or the one that it lies in.
func (v *verification) walk(p netip.Prefix) error {
	want := RangeOf(p)
	ipnet := &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
	networks := v.db.tree.NetworksWithin(ipnet, maxminddb.SkipAliasedNetworks)
	for visited := uint(0); networks.Next(); visited++ {
		if visited > v.db.tree.Metadata.NodeCount {
			return errors.New("the search tree has more networks than nodes; the file is corrupt, download it again")
		}
		var rec struct {
			ASN uint32 `maxminddb:"autonomous_system_number"`
			Org string `maxminddb:"autonomous_system_organization"`
		}
		got, err := networks.Network(&rec)
		if err != nil {
			return err
		}
		if part := clip(got, want); part.IsValid() && rec.ASN != 0 {
			v.add(part, rec.ASN, rec.Org)
		}
	}
	return networks.Err()
}

// clip is the part of the database's network that lies in want; invalid when there is none.
func clip(got *net.IPNet, want Range) Range {
	ones, width := got.Mask.Size()
	a, ok := netip.AddrFromSlice(got.IP)
	if width == 0 || !ok {
		return want // a record above ::/96 has all of IPv4, and thus want
	}
	r := RangeOf(netip.PrefixFrom(a, ones))
	if r.First.Is4() != want.First.Is4() {
		return Range{}
	}
	if r.First.Less(want.First) {
		r.First = want.First
	}
	if want.Last.Less(r.Last) {
		r.Last = want.Last
	}
	return r
}

func (v *verification) add(r Range, asn uint32, org string) {
	v.found.AddRange(r)
	f, known := v.others[asn]
	if known && f == nil {
		return
	}
	if f == nil {
		f = &foreign{org: org}
		v.others[asn] = f
	}
	f.ranges.AddRange(r)
}

func (v *verification) differences(owned *Set) []Difference {
	var out []Difference
	for r := range owned.Subtract(v.found.Set()).Ranges() {
		out = append(out, Difference{Range: r})
	}
	for asn, f := range v.others {
		if f == nil {
			continue
		}
		for r := range f.ranges.Set().Ranges() {
			out = append(out, Difference{r, asn, f.org})
		}
	}
	slices.SortFunc(out, func(a, b Difference) int {
		return cmp.Or(a.Range.First.Compare(b.Range.First), cmp.Compare(a.ASN, b.ASN))
	})
	return out
}
