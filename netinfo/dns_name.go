package netinfo

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
	"golang.org/x/net/idna"
)

// maxName bounds a name, in bytes, as it is shown (RFC 1035 section 2.3.4 bounds it on the wire).
const maxName = 253

// cleanName makes a name from an answer fit to be kept: lower case, no trailing dot. It refuses the root, names that
// are not possible, and names that are longer than 253 bytes once unusual bytes are escaped. What passes is
// printable ASCII.
func cleanName(s string) (string, bool) {
	s = strings.ReplaceAll(strings.ToLower(trimDot(s)), `\ `, `\032`) // the parser leaves an escaped space bare
	if s == "" || len(s) > maxName || strings.Trim(s, ".") == "" {
		return "", false
	}
	if _, ok := dns.IsDomainName(s); !ok {
		return "", false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return "", false // the parser escapes these; nothing that it did not may pass
		}
	}
	return s, true
}

// trimDot takes off the dot at the end, unless it is an escaped one that belongs to the last label.
func trimDot(s string) string {
	t, ok := strings.CutSuffix(s, ".")
	if slashes := len(t) - len(strings.TrimRight(t, `\`)); ok && slashes%2 == 0 {
		return t
	}
	return s
}

// queryName makes a name that a person gave into one that can be asked for. Names in other scripts are turned into
// their ASCII form (RFC 5891).
func queryName(name string) (string, error) {
	s := strings.TrimSpace(name)
	refuse := func(why string) (string, error) {
		return "", &LookupError{s, "address", errors.New(why)}
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return refuse("an address, not a name")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r > '~' }) {
		ascii, err := idna.Lookup.ToASCII(s)
		if err != nil {
			return refuse("not a domain name; write its ASCII form, xn--...")
		}
		s = ascii
	}
	clean, ok := cleanName(s)
	if !ok || strings.ContainsAny(clean, `/:@\"'()<>;,`) || strings.Contains(clean, "..") || clean[0] == '.' {
		return refuse("not a domain name; write one such as example.org")
	}
	return dns.Fqdn(clean), nil
}
