package netinfo

import (
	"fmt"
	"strings"
)

const (
	// maxOwnedV4 is the largest IPv4 range that one entry may own, in addresses: a /8, the unit of the IANA IPv4 Address
	// Space Registry. Anything larger is a typing mistake.
	maxOwnedV4 = 1 << 24
	// minOwnedV6Bits is the shortest IPv6 prefix that one entry may own. It is shorter than what
	// providers get, which is a /19 to a /32; anything shorter still is a typing mistake.
	minOwnedV6Bits = 16
	// maxWalkV6 is the largest IPv6 entry that is visited address by address, in addresses: a /112, as many as an IPv4
	// /16. Of a larger one the addresses in use must be listed, since nearly all others are empty.
	maxWalkV6 = 1 << 16
)

// nobody lists the addresses that no host of a provider can have, and those that lead to somebody else's host.
var nobody = []struct {
	prefix Range
	what   string
}{
	{mustRange("0.0.0.0/8"), "0.0.0.0/8 means this network itself (RFC 1122)"},
	{mustRange("169.254.0.0/16"), "169.254.0.0/16 is link-local (RFC 3927)"},
	{mustRange("224.0.0.0/4"), "224.0.0.0/4 is multicast (RFC 5771)"},
	{mustRange("240.0.0.0/4"), "240.0.0.0/4 is reserved, and 255.255.255.255 is broadcast (RFC 1112, RFC 919)"},
	{mustRange("::/128"), ":: is the unspecified address (RFC 4291)"},
	{mustRange("::2-::ffff:ffff"), "::/96 holds IPv4-compatible addresses (RFC 4291)"},
	{Range{mapped.First, mapped.Last}, "::ffff:0:0/96 maps IPv4 addresses (RFC 4291)"},
	{mustRange("64:ff9b::/96"), "64:ff9b::/96 is translated to IPv4 addresses of others (RFC 6052)"},
	{mustRange("64:ff9b:1::/48"), "64:ff9b:1::/48 is translated to IPv4 addresses of others (RFC 8215)"},
	{mustRange("2001::/32"), "2001::/32 is Teredo, tunnelled to IPv4 addresses of others (RFC 4380)"},
	{mustRange("2002::/16"), "2002::/16 is 6to4, tunnelled to IPv4 addresses of others (RFC 3056)"},
	{mustRange("fe80::/10"), "fe80::/10 is link-local (RFC 4291)"},
	{mustRange("ff00::/8"), "ff00::/8 is multicast (RFC 4291)"},
}

// mapped is ::ffff:0:0/96, which no parsed range begins or ends in but a large one may span.
var mapped = Range{v6{0, 0xffff_0000_0000}.addr(), v6{0, 0xffff_ffff_ffff}.addr()}

func mustRange(s string) Range {
	r, err := ParseRange(s)
	if err != nil {
		panic(err)
	}
	return r
}

// ownable returns the fault of a range that nobody may claim to own. Private, loopback and documentation addresses are
// fine: laboratories and the demo own them.
func ownable(r Range) *Fault {
	if r.First.Is4() {
		if v4Of(r.First).distance(v4Of(r.Last)) > maxOwnedV4 {
			return &Fault{Problem: ProblemTooLarge, Remedy: "the largest IPv4 range is a /8; write your own prefixes"}
		}
	} else if v6Of(r.First).ones(minOwnedV6Bits).compare(v6Of(r.Last)) < 0 {
		return &Fault{Problem: ProblemTooLarge, Remedy: fmt.Sprintf("the largest IPv6 range is a /%d; write your own prefixes", minOwnedV6Bits)}
	}
	for _, n := range nobody {
		if r.First.Is4() == n.prefix.First.Is4() && r.First.Compare(n.prefix.Last) <= 0 && n.prefix.First.Compare(r.Last) <= 0 {
			return &Fault{Problem: ProblemSpecial, Remedy: n.what + "; take it out"}
		}
	}
	return nil
}

// enumerable is the addresses of the entries that are small enough to be visited one by one. Only its IPv6 part is
// used: every IPv4 entry is small enough.
func enumerable(e *entries) *Set {
	var b SetBuilder
	for _, x := range e.v6 {
		if x.first.distance(x.last) <= maxWalkV6 {
			b.v6 = append(b.v6, x.span)
		}
	}
	return b.Set()
}

// Walk is the part of Targets that a sweep visits, address by address: all of IPv4, and of IPv6 what is listed in
// entries of at most a /112. Walkable says what is left out.
func (s *Scope) Walk() *Set { return s.walk }

// NotWalkableError tells that targets cannot be visited one by one, or that there are none.
type NotWalkableError struct {
	// TooMany is the IPv6 targets that are in no entry small enough to be listed; empty when there are no targets.
	TooMany *Set
	// Rest is how many addresses can be visited all the same: Scope.Walk().Count(). With a rest, a sweep may go on and
	// show the error as a warning.
	Rest uint64
}

func (e *NotWalkableError) Error() string {
	if e.TooMany.IsEmpty() {
		return "nothing is left to look at: every address in the scope is excluded; see netschouw scope show"
	}
	var names []string
	for r := range e.TooMany.Ranges() {
		if len(names) == 3 {
			names = append(names, fmt.Sprintf("%d more", e.TooMany.Intervals()-3))
			break
		}
		names = append(names, r.String())
	}
	return fmt.Sprintf("too many IPv6 addresses to visit one by one: %s; list the addresses in use with --range or in "+
		"scope.owned_files, in prefixes of at most a /112", strings.Join(names, ", "))
}

// Walkable returns nil when Walk has every target and there is at least one, else a *NotWalkableError.
func (s *Scope) Walkable() error {
	if s.tooMany.IsEmpty() && !s.walk.IsEmpty() {
		return nil
	}
	return &NotWalkableError{TooMany: s.tooMany, Rest: s.walk.Count()}
}
