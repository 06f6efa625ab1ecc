package netinfo

import (
	"fmt"
	"iter"
	"math/big"
	"net/netip"
)

// OwnedRange is one owned entry as it was written, and what becomes of it.
type OwnedRange struct {
	Range     Range
	Source    Source
	Addresses *big.Int // how many it has
	Targets   *big.Int // how many of them may be contacted
}

// Summary counts a scope. Counts are numbers of addresses; overlapping entries count once.
type Summary struct {
	OwnedEntries, ExcludedEntries int
	Owned                         *big.Int
	Excluded                      *big.Int // owned ones that are excluded
	Targets                       *big.Int
	Walk                          uint64
}

// Summary counts what is owned, excluded and to be looked at.
func (s *Scope) Summary() Summary {
	return Summary{
		OwnedEntries: s.owned.len(), ExcludedEntries: s.excluded.len(),
		Owned:    s.ownedSet.Size(),
		Excluded: s.ownedSet.Intersect(s.excludedSet).Size(),
		Targets:  s.targets.Size(),
		Walk:     s.walk.Count(),
	}
}

// OwnedRanges yields the owned entries, IPv4 first, each family in the order of the configuration.
func (s *Scope) OwnedRanges() iter.Seq[OwnedRange] {
	return func(yield func(OwnedRange) bool) {
		for r, src := range s.owned.all() {
			if !yield(OwnedRange{r, src, r.Size(), s.targets.Within(r).Size()}) {
				return
			}
		}
	}
}

// ExcludedRanges yields the excluded entries in the same order, whether owned or not.
func (s *Scope) ExcludedRanges() iter.Seq2[Range, Source] { return s.excluded.all() }

// Explanation says what a scope makes of an address and which entries decide.
type Explanation struct {
	Addr netip.Addr
	// Why is "" for an address that may be contacted.
	Why Why
	// Owned and Excluded are the most specific entries that have the address; nil when there is none.
	Owned, Excluded *Deciding
}

// Deciding is an entry that has an address.
type Deciding struct {
	Range  Range
	Source Source
}

func (d *Deciding) String() string { return fmt.Sprintf("%s from %s", d.Range, d.Source) }

// Explain tells what an address is to the scope. It looks at every entry, so it is for people and not for sweeps.
func (s *Scope) Explain(a netip.Addr) Explanation {
	x := Explanation{Addr: a}
	if s.Check(a) != nil {
		x.Why = s.why(a)
	}
	if r, src, ok := s.owned.deciding(a); ok {
		x.Owned = &Deciding{r, src}
	}
	if r, src, ok := s.excluded.deciding(a); ok {
		x.Excluded = &Deciding{r, src}
	}
	return x
}

func (x Explanation) String() string {
	switch {
	case x.Addr.Zone() != "":
		return fmt.Sprintf("%s is never contacted: an address with a zone belongs to one interface of one machine", x.Addr)
	case x.Excluded != nil && x.Owned != nil:
		return fmt.Sprintf("%s is excluded (%s), though owned (%s)", x.Addr, x.Excluded, x.Owned)
	case x.Excluded != nil:
		return fmt.Sprintf("%s is excluded (%s), and not owned", x.Addr, x.Excluded)
	case x.Owned == nil:
		return fmt.Sprintf("%s is not owned: no entry of scope.owned has it", x.Addr)
	case x.Why == NotInRange:
		return fmt.Sprintf("%s is owned (%s), but outside --range", x.Addr, x.Owned)
	}
	return fmt.Sprintf("%s is looked at: owned (%s) and not excluded", x.Addr, x.Owned)
}
