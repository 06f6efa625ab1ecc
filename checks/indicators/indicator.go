package indicators

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/netschouw/netschouw/netinfo"
)

// Kind is what an indicator is compared with.
type Kind uint8

// The kinds.
const (
	Address     Kind = iota + 1 // an address, prefix or range
	Domain                      // a domain name, and every name below it
	Certificate                 // the SHA-256 of a certificate
)

func (k Kind) String() string {
	return [...]string{"", "address", "domain", "certificate"}[min(k, Certificate)]
}

// TLP is how far an indicator may be told (FIRST, Traffic Light Protocol 2.0), from the widest to the narrowest.
type TLP uint8

// The labels. Unlabelled says that the source gave none.
const (
	Unlabelled TLP = iota
	Clear
	Green
	Amber
	AmberStrict
	Red
)

var tlpNames = [...]string{"", "TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"}

func (t TLP) String() string { return tlpNames[min(t, Red)] }

// parseTLP reads a label as people and programs write it: "TLP:AMBER", "tlp:amber", "amber". TLP 1.0's white is clear. ok is
// false for a text that is no label.
func parseTLP(s string) (label TLP, ok bool) {
	s = strings.ToUpper(strings.TrimSpace(s))
	s = "TLP:" + strings.TrimPrefix(s, "TLP:")
	if s == "TLP:WHITE" {
		return Clear, true
	}
	for i, name := range tlpNames[1:] {
		if s == name {
			return TLP(i + 1), true
		}
	}
	return Unlabelled, false
}

// Time is a moment in seconds since 1970, UTC; 0 says that the source gave none. A list has up to millions of them, in an
// eighth of the memory that time.Time needs.
type Time int64

// Time is the moment as the library has it; the zero time when there is none.
func (t Time) Time() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.Unix(int64(t), 0).UTC()
}

// Indicator is one value that a source published.
type Indicator struct {
	Kind       Kind
	TLP        TLP
	Confidence uint8 // that the source has in it, 1 to 100; 0 when it did not say
	// Value is normalised: an address, a prefix, or first-last; a name in lower case with A-labels (RFC 5890) and without
	// a final dot; 64 lower-case hexadecimal digits.
	Value string
	// Source is who or what published it: an organisation, an event's title, or the name that the caller gave.
	Source    string
	FirstSeen Time
	LastSeen  Time
	Expires   Time  // not to be used from then on
	Line      int32 // in the file, from 1
}

// Range is the addresses of an indicator of kind Address; invalid for the others.
func (i *Indicator) Range() netinfo.Range {
	if i.Kind != Address {
		return netinfo.Range{}
	}
	r, _ := netinfo.ParseRange(i.Value) // a value of ours
	return r
}

// Expired says whether the indicator is not to be used any more.
func (i *Indicator) Expired(now time.Time) bool {
	return i.Expires != 0 && now.Unix() >= int64(i.Expires)
}

// merge adds what another entry of the same value says: the widest time, the narrowest label, the highest confidence. One
// that does not expire outlives one that does.
func (i *Indicator) merge(other Indicator) {
	if i.FirstSeen == 0 || other.FirstSeen != 0 && other.FirstSeen < i.FirstSeen {
		i.FirstSeen = other.FirstSeen
	}
	i.LastSeen = max(i.LastSeen, other.LastSeen)
	if i.Expires == 0 || other.Expires == 0 {
		i.Expires = 0
	} else {
		i.Expires = max(i.Expires, other.Expires)
	}
	i.TLP, i.Confidence = max(i.TLP, other.TLP), max(i.Confidence, other.Confidence)
	i.Source = cmp.Or(i.Source, other.Source)
}

// Skipped is an entry that was not taken.
type Skipped struct {
	Line   int    // in the file, from 1
	Where  string // what identifies the entry beside its line: an id, or ""
	Value  string // raw, at most 120 bytes; clean it where it is shown
	Reason string
}

// String is one line for people, printable ASCII.
func (s Skipped) String() string {
	where := ""
	if s.Where != "" {
		where = fmt.Sprintf(" (%+q)", s.Where)
	}
	return fmt.Sprintf("line %d%s: %+q: %s", s.Line, where, s.Value, s.Reason)
}

// MaxSkipped bounds the entries of List.Skipped.
const MaxSkipped = 10_000

// List is what a file gave.
type List struct {
	Format     string // "stix", "misp" or "csv"
	Indicators []Indicator
	Duplicates int       // entries whose value was there already: merged
	Skipped    []Skipped // the first MaxSkipped entries that were not taken
	NotTaken   int       // how many there are in all

	byValue [Certificate + 1]map[string]int32 // by kind, while the file is read
}

// add takes a normalised indicator, once, and says where in the list it stands and whether it is new there.
func (l *List) add(i Indicator) (at int, fresh bool) {
	places := l.byValue[i.Kind]
	if places == nil {
		places = map[string]int32{}
		l.byValue[i.Kind] = places
	}
	if at, ok := places[i.Value]; ok {
		l.Duplicates++
		l.Indicators[at].merge(i)
		return int(at), false
	}
	at = len(l.Indicators)
	places[i.Value] = int32(at)
	l.Indicators = append(l.Indicators, i)
	return at, true
}

// skip lists an entry that is not taken.
func (l *List) skip(line int, where, value, reason string) {
	if l.NotTaken++; len(l.Skipped) < MaxSkipped {
		l.Skipped = append(l.Skipped, Skipped{line, clip(where, 120), clip(value, 120), reason})
	}
}

func clip(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.Clone(s) // the rest of a line or an object is not to be kept for it
}
