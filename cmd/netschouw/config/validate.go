package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
)

// validate checks what one key alone cannot know: bounds between keys, and forms that need more than a parser. Ranges
// are checked by package netinfo when the scope is made of them.
func (c *Config) validate() error {
	for _, check := range []func() *Error{c.checkTimeouts, c.checkIdentity, c.checkResolvers, c.checkASNs, c.checkPolicy, c.checkBudget, c.checkCanary} {
		if e := check(); e != nil {
			return e
		}
	}
	return nil
}

// RequireOwned is nil when the configuration says which ranges are ours. Commands that contact hosts ask it.
func (c *Config) RequireOwned() error {
	if len(c.Scope.Owned)+len(c.Scope.OwnedFiles) > 0 {
		return nil
	}
	return &Error{Key: "scope.owned", What: "no range is owned, so nothing may be contacted",
		Remedy: "write your own ranges, such as owned: [198.51.100.0/24], or begin with: netschouw init --owned 198.51.100.0/24"}
}

// at builds the fault of a key that has a value.
func (c *Config) at(path, remedy, format string, args ...any) *Error {
	e := fault(remedy, format, args...)
	e.Key = path
	if at := c.origins[path]; at != "" {
		e.At = at
	}
	return e
}

func (c *Config) checkTimeouts() *Error {
	t := c.Sweep.Timeout
	if t.Handshake > t.Host {
		path := "sweep.timeout.handshake"
		if c.origins[path] == "" {
			path = "sweep.timeout.host"
		}
		return c.at(path, "raise timeout.host or lower timeout.handshake",
			"one handshake may last %s, but a whole host only %s", t.Handshake, t.Host)
	}
	if t.Connect > t.Host {
		return c.at("sweep.timeout.connect", "raise timeout.host or lower timeout.connect",
			"one connection attempt may last %s, but a whole host only %s", t.Connect, t.Host)
	}
	return nil
}

// hostname is a name as RFC 1123 section 2.1 and RFC 5321 section 4.1.2 allow it: nothing that could break out of an
// EHLO line or a header.
var hostname = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$`)

// IsHostname says whether a text is a host name of at least two labels, without a trailing dot.
func IsHostname(s string) bool { return len(s) <= 253 && hostname.MatchString(s) }

func (c *Config) checkIdentity() *Error {
	if s := c.Identify.EHLO; s != "" && !IsHostname(s) {
		return c.at("identify.ehlo", "write the full name of the scanning machine, such as scan.example.net", "%q is not a host name", s)
	}
	if s := c.Identify.Contact; s != "" {
		u, err := url.Parse(s)
		if err != nil || !contactURL(u) || !printable(s) {
			return c.at("identify.contact", "write a page or an address, such as https://noc.example.net/netschouw or mailto:noc@example.net",
				"%q is not a URL that an operator could open", s)
		}
	}
	return nil
}

func contactURL(u *url.URL) bool {
	switch u.Scheme {
	case "http", "https":
		return u.Host != ""
	case "mailto":
		return u.Opaque != ""
	}
	return false
}

func printable(s string) bool {
	for _, r := range s {
		if r <= ' ' || r > '~' || r == '(' || r == ')' {
			return false
		}
	}
	return len(s) <= 200
}

func (c *Config) checkResolvers() *Error {
	for i, s := range c.NetInfo.Resolvers {
		host, port, err := net.SplitHostPort(s)
		if err != nil { // a bare address means port 53
			host, port = s, "53"
		}
		_, errAddr := netip.ParseAddr(host)
		n, errPort := strconv.ParseUint(port, 10, 16)
		if errAddr != nil || errPort != nil || n == 0 {
			return c.at("netinfo.resolvers", `write an address and a port, such as 192.0.2.53:53 or "[2001:db8::53]:53"`,
				"%q is not a resolver's address", s)
		}
		c.NetInfo.Resolvers[i] = net.JoinHostPort(host, port)
	}
	return nil
}

func (c *Config) checkASNs() *Error {
	if len(c.Scope.ASNs) > 0 && c.NetInfo.ASNDB == "" {
		return c.at("scope.asns", "set netinfo.asn_db to an MMDB file, or remove scope.asns",
			"cannot be verified without an ASN database")
	}
	return nil
}

func (c *Config) checkPolicy() *Error {
	if p := c.Rules.Policy; p.Suspect > p.Match {
		path := "rules.suspect"
		if c.origins[path] == "" {
			path = "rules.match"
		}
		return c.at(path, "swap them, or leave one out", "a suspect's score (%v) is above a match's (%v)", p.Suspect, p.Match)
	}
	return nil
}

// handshakeRoom is how many connections are left for handshakes, beyond one attempt on each port, when nobody said how
// many a host may have: six ports that cost the most there is (probe.MaxConnections).
const handshakeRoom = 36

// checkBudget keeps a host's budget from ending before its ports: hosts would look clear that were hardly looked at. A
// budget that nobody wrote grows with the ports.
func (c *Config) checkBudget() *Error {
	const path = "sweep.per_host"
	need := len(c.Sweep.Ports.list) + handshakeRoom
	if c.origins[path] == "" {
		c.Sweep.PerHost = max(c.Sweep.PerHost, need)
		return nil
	}
	if c.Sweep.PerHost <= len(c.Sweep.Ports.list) {
		return c.at(path, fmt.Sprintf("raise it to at least %d, or name fewer ports", need),
			"%d connections are not enough to try %d ports and talk to one that is open", c.Sweep.PerHost, len(c.Sweep.Ports.list))
	}
	return nil
}

// checkCanary keeps a canary's port among those that are tried: it is looked for as everything else is.
func (c *Config) checkCanary() *Error {
	for _, a := range c.Sweep.Canary {
		if a.Port() != 0 && !slices.Contains(c.Sweep.Ports.list, a.Port()) {
			return c.at("sweep.canary", fmt.Sprintf("add %d to sweep.ports, or name another port of it", a.Port()),
				"port %d of canary %s is not among the ports that are tried", a.Port(), a.Addr())
		}
	}
	return nil
}
