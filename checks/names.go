package checks

import (
	"net/netip"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// registrable returns the part of a name that was registered, by the Public Suffix List: "example.org" for
// "mx1.mail.example.org"; "" for an address, a public suffix, or a name that exists only inside a machine or a house.
func registrable(name string) string {
	name = strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(name), "*."), ".")
	if !strings.Contains(name, ".") || len(name) > 253 || isPrivateName(name) {
		return ""
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return ""
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return ""
	}
	return domain
}

// isPrivateName tells names that nobody registered: RFC 6762, RFC 6761, RFC 8375, and what Linux installers write.
func isPrivateName(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	switch last {
	case "local", "localhost", "localdomain", "lan", "internal", "intranet", "invalid", "arpa", "home", "corp":
		return true
	}
	return false
}

// listing holds a pack's indicators for look-up.
type listing struct {
	domains   map[string]bool
	hashes    map[string]bool
	addresses map[netip.Addr]bool
	prefixes  []netip.Prefix
}

// domain tells whether a name is a listed domain or below one. It allocates nothing for a lower-case name.
func (l *listing) domain(name string) bool {
	if len(l.domains) == 0 {
		return false
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	for {
		if l.domains[name] {
			return true
		}
		dot := strings.IndexByte(name, '.')
		if dot < 0 {
			return false
		}
		name = name[dot+1:]
	}
}

func (l *listing) hash(hex string) bool { return l.hashes[strings.ToLower(hex)] }

func (l *listing) address(a netip.Addr) bool {
	a = a.Unmap()
	if l.addresses[a] {
		return true
	}
	for _, p := range l.prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
