package netinfo

import (
	"errors"
	"fmt"
	"net/netip"
)

// ScopeConfig is the scope section of the configuration, and the exclusions that other parts add.
type ScopeConfig struct {
	Owned         []string // scope.owned: prefixes, addresses, first-last ranges
	OwnedFiles    []string // scope.owned_files: paths of lists of the same, one per line
	Excluded      []string // scope.excluded
	ExcludedFiles []string // scope.excluded_files
	// Exclusions are further ones that have been parsed already, such as Customers.Exclusions.
	Exclusions []Exclusion
}

// Exclusion is a prefix that must not be contacted, and who said so.
type Exclusion struct {
	Prefix netip.Prefix
	Source Source
}

// Scope decides which addresses may be contacted: those that are owned, and within the narrowed part if it was
// narrowed, and not excluded. It is immutable and safe for concurrent use. The zero value permits nothing.
type Scope struct {
	owned, excluded        entries
	ownedSet, excludedSet  *Set
	narrowed               *entries // nil: not narrowed
	narrowedSet            *Set
	targets, walk, tooMany *Set
}

// ErrNoOwned is returned by NewScope when nothing is owned.
var ErrNoOwned = errors.New("scope.owned is empty: netschouw looks only at addresses that are declared as yours; " +
	"list your prefixes under scope.owned or in scope.owned_files")

// NewScope reads the configuration's ranges and files. Every faulty entry is an error, since a typing mistake must
// never mean "not excluded": the error is a *Faults with the first 20 of them, or ErrNoOwned.
func NewScope(cfg ScopeConfig) (*Scope, error) {
	var faults Faults
	owned := collect{faults: &faults, check: ownable}
	owned.values("scope.owned", cfg.Owned)
	for _, path := range cfg.OwnedFiles {
		owned.file(path)
	}
	excluded := collect{faults: &faults}
	excluded.values("scope.excluded", cfg.Excluded)
	for _, path := range cfg.ExcludedFiles {
		excluded.file(path)
	}
	for _, x := range cfg.Exclusions {
		r := RangeOf(x.Prefix)
		if !r.IsValid() {
			faults.add(&Fault{Source: x.Source, Value: x.Prefix.String(), Problem: ProblemAddress, Remedy: "write a prefix"})
			continue
		}
		excluded.add(r, x.Source)
	}
	if err := faults.err(); err != nil {
		return nil, err
	}
	if owned.len() == 0 {
		return nil, ErrNoOwned
	}
	s := &Scope{owned: owned.entries, excluded: excluded.entries}
	s.ownedSet, s.excludedSet = s.owned.set(), s.excluded.set()
	s.settle()
	return s, nil
}

// settle derives what may be contacted and what of that is walked.
func (s *Scope) settle() {
	base, chosen := s.ownedSet, &s.owned
	if s.narrowed != nil {
		base, chosen = s.narrowedSet, s.narrowed
	}
	s.targets = base.Subtract(s.excludedSet)

	listed := enumerable(&s.owned)
	if s.narrowed != nil {
		listed = listed.Union(enumerable(chosen))
	}
	s.walk = newSet(s.targets.v4, intersect(s.targets.v6, listed.v6))
	s.tooMany = newSet(nil, subtract(s.targets.v6, s.walk.v6))
}

// Narrow returns a scope that permits only the part of s that lies in the ranges (the --range flag). It never widens:
// a range with an address that is not owned, or not in what s was narrowed to before, is an error that names that
// part. Exclusions stay in force. The error is a *Faults.
func (s *Scope) Narrow(ranges []string) (*Scope, error) {
	var faults Faults
	bound := s.bound()
	chosen := collect{faults: &faults, check: func(r Range) *Fault { return outside(bound, r) }}
	chosen.values("--range", ranges)
	if len(ranges) == 0 {
		faults.add(&Fault{Source: Source{Name: "--range"}, Problem: ProblemEmpty, Remedy: "leave the flag out to look at all that is owned"})
	}
	if err := faults.err(); err != nil {
		return nil, err
	}
	n := *s
	n.narrowed, n.narrowedSet = &chosen.entries, chosen.set()
	n.settle()
	return &n, nil
}

// bound is what is owned and within the narrowed part.
func (s *Scope) bound() *Set {
	if s.narrowed != nil {
		return s.narrowedSet
	}
	if s.ownedSet == nil {
		return new(Set)
	}
	return s.ownedSet
}

// outside returns the fault of a range that is not entirely in bound.
func outside(bound *Set, r Range) *Fault {
	var one SetBuilder
	one.AddRange(r)
	rest := one.Set().Subtract(bound)
	if rest.IsEmpty() {
		return nil
	}
	if in := bound.Within(r); in.IsEmpty() {
		return &Fault{Problem: ProblemNotOwned, Remedy: "no address of it is owned; a range can narrow scope.owned, never widen it"}
	}
	names := ""
	n := 0
	for x := range rest.Ranges() {
		if n++; n > 3 {
			names += fmt.Sprintf(" and %d further parts", rest.Intervals()-3)
			break
		}
		if n > 1 {
			names += ", "
		}
		names += x.String()
	}
	return &Fault{Problem: ProblemNotOwned, Remedy: "not owned: " + names + "; a range can narrow scope.owned, never widen it"}
}

// Why says why an address was refused.
type Why string

// The reasons of a refusal.
const (
	NotOwned   Why = "not owned"    // outside scope.owned
	Excluded   Why = "excluded"     // owned or not, an exclusion has it
	NotInRange Why = "not in range" // owned, but outside what --range narrowed the scope to
)

// RefusedError is what Check returns for an address that must not be contacted.
type RefusedError struct {
	Addr netip.Addr
	Why  Why
}

func (e *RefusedError) Error() string {
	switch e.Why {
	case Excluded:
		return fmt.Sprintf("%s is excluded; see netschouw scope show %s", e.Addr, e.Addr)
	case NotInRange:
		return fmt.Sprintf("%s is owned, but outside --range", e.Addr)
	}
	return fmt.Sprintf("%s is not in scope.owned", e.Addr)
}

// Check returns nil for an address that may be contacted, else a *RefusedError. An exclusion wins over everything
// else. It allocates nothing for a permitted address. An address with a zone is never permitted.
func (s *Scope) Check(a netip.Addr) error {
	if s.targets != nil && s.targets.Contains(a) {
		return nil
	}
	return &RefusedError{a, s.why(a)}
}

func (s *Scope) why(a netip.Addr) Why {
	switch {
	case s.targets == nil:
		return NotOwned
	case s.excludedSet.Contains(a):
		return Excluded
	case s.ownedSet.Contains(a):
		return NotInRange
	}
	return NotOwned
}

// Owned is every owned address, excluded or not, whatever the scope was narrowed to.
func (s *Scope) Owned() *Set { return s.ownedSet }

// Excluded is every excluded address, owned or not.
func (s *Scope) Excluded() *Set { return s.excludedSet }

// Targets is every address that Check permits. It may hold IPv6 ranges too large to be visited one by one: see Walk.
func (s *Scope) Targets() *Set { return s.targets }
