package netinfo

import (
	"fmt"
	"strconv"
	"strings"
)

// Source says where a value came from.
type Source struct {
	Name   string // a file's path, or the configuration key or flag of a list of values
	Line   int    // the line of the file, or the place in the list, from 1; 0 when it has none
	Inline bool   // the value is from a list of values, not from a file
	Note   string // what else identifies the entry, such as a customer
}

func (s Source) String() string {
	out := s.Name
	switch {
	case s.Line == 0:
	case s.Inline:
		out += ", entry " + strconv.Itoa(s.Line)
	default:
		out += ":" + strconv.Itoa(s.Line)
	}
	if s.Note != "" {
		out += " (" + s.Note + ")"
	}
	return out
}

// Problem is what is wrong with a value: a closed list, in the words of the message.
type Problem string

// The problems of ranges.
const (
	ProblemEmpty        Problem = "the value is empty"
	ProblemHostBits     Problem = "host bits are set beyond the prefix length"
	ProblemReversed     Problem = "the range ends before it begins"
	ProblemFamilies     Problem = "the range mixes IPv4 and IPv6"
	ProblemLeadingZeros Problem = "a number has leading zeros, which some programs read as octal"
	ProblemZone         Problem = "an address with a zone belongs to one interface of one machine"
	ProblemLength       Problem = "the prefix length is not possible"
	ProblemNetmask      Problem = "a netmask stands where a prefix length is expected"
	ProblemMapped       Problem = "the prefix reaches beyond the IPv4-mapped addresses"
	ProblemName         Problem = "a host name is not a range"
	ProblemPort         Problem = "a port is not part of a range"
	ProblemWildcard     Problem = "wildcards are not understood"
	ProblemDash         Problem = "the dash is not a plain hyphen"
	ProblemTrailing     Problem = "more than one value on a line"
	ProblemAddress      Problem = "not an IP address"
	ProblemLong         Problem = "the line is too long to be a range"
	ProblemEncoding     Problem = "the file is UTF-16 text"
	ProblemFile         Problem = "the file cannot be read"
)

// The problems of ranges as a scope.
const (
	ProblemTooLarge Problem = "more addresses than any one network holds"
	ProblemSpecial  Problem = "these addresses are nobody's hosts"
	ProblemNotOwned Problem = "outside the owned ranges"
)

// The problems of a customer list.
const (
	ProblemHeader    Problem = "the header is not that of a customer list"
	ProblemCSV       Problem = "the line is not valid CSV"
	ProblemNotPrefix Problem = "a range that is not one prefix"
	ProblemMissing   Problem = "a required value is missing"
	ProblemFlag      Problem = "neither yes nor no"
	ProblemMail      Problem = "not a mail address"
	ProblemDuplicate Problem = "the prefix belongs to another customer already"
)

// Fault is one faulty entry of a list that a person wrote: where it is, what it says, what is wrong, and the remedy.
type Fault struct {
	Source  Source
	Column  string // the column of a CSV file
	Value   string // raw; Error shows it quoted and bounded
	Problem Problem
	Remedy  string
	Err     error // the cause, for a file that cannot be read
}

func (f *Fault) Error() string {
	var b strings.Builder
	if f.Source.Name != "" {
		b.WriteString(f.Source.String() + ": ")
	}
	if f.Column != "" {
		b.WriteString("column " + f.Column + ": ")
	}
	if f.Value != "" {
		b.WriteString(quote(f.Value) + ": ")
	}
	b.WriteString(string(f.Problem))
	if f.Err != nil {
		b.WriteString(": " + f.Err.Error())
	}
	if f.Remedy != "" {
		b.WriteString("; " + f.Remedy)
	}
	return b.String()
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Err }

// quote shows a value from a file on one line of printable ASCII, at most 80 bytes of it.
func quote(s string) string {
	const most = 80
	if len(s) <= most {
		return strconv.QuoteToASCII(s)
	}
	return strconv.QuoteToASCII(s[:most]) + "..."
}

// maxFaults is how many faults are shown: enough to see a pattern, few enough for a screen.
const maxFaults = 20

// Faults is the error for one or more faulty entries: the first 20 of them, and how many there were in all.
type Faults struct {
	List  []*Fault
	Total int
}

func (e *Faults) Error() string {
	if e.Total == 1 {
		return e.List[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d faulty entries:", e.Total)
	for _, f := range e.List {
		b.WriteString("\n  " + f.Error())
	}
	if more := e.Total - len(e.List); more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return b.String()
}

// Unwrap gives the faults one by one.
func (e *Faults) Unwrap() []error {
	out := make([]error, len(e.List))
	for i, f := range e.List {
		out[i] = f
	}
	return out
}

func (e *Faults) add(f *Fault) {
	if e.Total++; len(e.List) < maxFaults {
		e.List = append(e.List, f)
	}
}

// err is nil when there is no fault.
func (e *Faults) err() error {
	if e.Total == 0 {
		return nil
	}
	return e
}
