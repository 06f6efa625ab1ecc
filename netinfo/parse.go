package netinfo

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// ParseRange reads an address, a CIDR prefix (RFC 4632, RFC 4291 section 2.3) without host bits, or a range first-last.
// White space around the parts is ignored. The error is a *Fault that says what is wrong and what to write instead.
// An IPv4-mapped IPv6 address or prefix is taken for the IPv4 one.
func ParseRange(value string) (Range, error) {
	r, f := parseRange(value)
	if f != nil {
		return Range{}, f
	}
	return r, nil
}

func parseRange(value string) (Range, *Fault) {
	value = strings.TrimSpace(value)
	r, problem, remedy := parse(value)
	if problem != "" {
		return Range{}, &Fault{Value: value, Problem: problem, Remedy: remedy}
	}
	return r, nil
}

// parse returns the range, or the problem and its remedy.
func parse(s string) (Range, Problem, string) {
	if s == "" {
		return Range{}, ProblemEmpty, "write an address, a prefix such as 198.51.100.0/24, or first-last"
	}
	if plain := dashes.Replace(s); plain != s {
		if r, problem, _ := parse(plain); problem == "" {
			return Range{}, ProblemDash, "did you mean " + r.String() + "?"
		}
		return Range{}, ProblemDash, "write first-last with a plain hyphen" // what is no range is not repeated: it may hold anything
	}
	if strings.Contains(s, "://") {
		return Range{}, ProblemName, "write the addresses of the host"
	}
	if left, right, ok := strings.Cut(s, "/"); ok {
		return parsePrefix(left, right)
	}
	if left, right, ok := strings.Cut(s, "-"); ok && looksNumeric(left) {
		return parseEnds(strings.TrimSpace(left), strings.TrimSpace(right))
	}
	a, problem, remedy := parseAddr(s)
	return Range{a, a}, problem, remedy
}

// dashes are what word processors make of a hyphen: en dash, em dash, minus sign, non-breaking hyphen.
var dashes = strings.NewReplacer("\u2013", "-", "\u2014", "-", "\u2212", "-", "\u2011", "-")

func parsePrefix(left, right string) (Range, Problem, string) {
	a, problem, remedy := parseAddr(left)
	if problem != "" {
		return Range{}, problem, remedy
	}
	if fields := splitValues(right); len(fields) > 1 {
		return Range{}, ProblemTrailing, "write one value per line, comments after #"
	}
	if mask, err := netip.ParseAddr(right); err == nil && mask.Is4() && a.Is4() {
		return Range{}, ProblemNetmask, netmaskRemedy(a, v4Of(mask))
	}
	most := a.BitLen()
	mapped := a.Is4() && strings.Contains(left, ":")
	if mapped {
		most = 128
	}
	bits, err := strconv.ParseUint(right, 10, 8)
	if err != nil || int(bits) > most || (len(right) > 1 && right[0] == '0') || right[0] == '+' {
		return Range{}, ProblemLength, fmt.Sprintf("write a number from 0 to %d after the slash", most)
	}
	if mapped {
		if bits < 96 {
			return Range{}, ProblemMapped, "write the IPv4 prefix"
		}
		bits -= 96
	}
	p := netip.PrefixFrom(a, int(bits))
	r := RangeOf(p)
	if r.First != a {
		return Range{}, ProblemHostBits, fmt.Sprintf("did you mean %s, or %s alone?", p.Masked(), a)
	}
	if !r.IsValid() {
		return Range{}, ProblemMapped, "write the IPv4 prefix and the IPv6 prefix separately"
	}
	return r, "", ""
}

func netmaskRemedy(a netip.Addr, mask v4) string {
	for n := range 33 {
		if v4(0).ones(n) == ^mask {
			return fmt.Sprintf("did you mean %s?", netip.PrefixFrom(a, n).Masked())
		}
	}
	return "write the number of leading one bits after the slash"
}

func parseEnds(left, right string) (Range, Problem, string) {
	first, problem, remedy := parseAddr(left)
	if problem != "" {
		return Range{}, problem, remedy
	}
	if n, err := strconv.ParseUint(right, 10, 8); err == nil && first.Is4() {
		b := first.As4()
		b[3] = byte(n)
		return Range{}, ProblemAddress, fmt.Sprintf("write both ends in full: did you mean %s-%s?", first, netip.AddrFrom4(b))
	}
	last, problem, remedy := parseAddr(right)
	switch {
	case problem != "":
		return Range{}, problem, remedy
	case first.Is4() != last.Is4():
		return Range{}, ProblemFamilies, "write a range of each family"
	case last.Less(first):
		return Range{}, ProblemReversed, fmt.Sprintf("did you mean %s-%s?", last, first)
	}
	return Range{first, last}, "", ""
}

// parseAddr reads one address, and for a value that is none finds out what it is instead.
func parseAddr(s string) (netip.Addr, Problem, string) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		problem, remedy := diagnose(s)
		return netip.Addr{}, problem, remedy
	case a.Zone() != "":
		return netip.Addr{}, ProblemZone, "did you mean " + a.WithZone("").String() + "?"
	}
	return a.Unmap(), "", ""
}

var (
	dottedQuad = regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+$`)
	hostName   = regexp.MustCompile(`^[\pL\pN_]([\pL\pN_.-]*[\pL\pN_])?\.?$`)
	wildcard   = regexp.MustCompile(`^(\d+)\.(\d+|\*)\.(\d+|\*)\.\*$`)
)

// diagnose names the problem of a value that is not an address.
func diagnose(s string) (Problem, string) {
	const expected = "write an address, a prefix such as 198.51.100.0/24, or first-last"
	if fields := splitValues(s); len(fields) > 1 {
		return ProblemTrailing, "write one value per line, comments after #"
	}
	switch {
	case s == "":
		return ProblemAddress, expected
	case dottedQuad.MatchString(s):
		return diagnoseQuad(s)
	case wildcard.MatchString(s):
		return ProblemWildcard, wildcardRemedy(s)
	case strings.Contains(s, "%"):
		return ProblemZone, "write the address without the part from % on"
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ProblemPort, "did you mean " + ap.Addr().WithZone("").String() + "?"
	}
	if inner := strings.Trim(s, "[]"); inner != s {
		if a, err := netip.ParseAddr(inner); err == nil {
			return ProblemAddress, "write it without brackets: " + a.WithZone("").String()
		}
	}
	if hostName.MatchString(s) && strings.ContainsFunc(s, isLetter) {
		return ProblemName, "write the addresses of the host"
	}
	return ProblemAddress, expected
}

// diagnoseQuad tells leading zeros from numbers beyond 255.
func diagnoseQuad(s string) (Problem, string) {
	parts := strings.Split(s, ".")
	for i, p := range parts {
		if parts[i] = strings.TrimLeft(p, "0"); parts[i] == "" {
			parts[i] = "0"
		}
	}
	if a, err := netip.ParseAddr(strings.Join(parts, ".")); err == nil {
		return ProblemLeadingZeros, "did you mean " + a.String() + "?"
	}
	return ProblemAddress, "each of the four numbers is 0 to 255"
}

func wildcardRemedy(s string) string {
	bits := 32 - 8*strings.Count(s, "*")
	p, err := netip.ParsePrefix(strings.ReplaceAll(s, "*", "0") + "/" + strconv.Itoa(bits))
	if err != nil || p.Masked() != p {
		return "write a prefix or first-last"
	}
	return "did you mean " + p.String() + "?"
}

// splitValues cuts at what people put between values; several parts mean several values.
func splitValues(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \t,;|\r\u00a0", r) })
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f }

// looksNumeric says whether what stands before a hyphen is meant as an address, rather than as a part of a name.
func looksNumeric(s string) bool {
	s = strings.TrimSpace(s)
	return strings.Contains(s, ":") || (s != "" && strings.Trim(s, "0123456789.") == "" && strings.Contains(s, "."))
}
