package netinfo

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Bounds of what is kept of an answer.
const (
	maxCNAME = 8  // aliases followed for one question
	maxPTR   = 16 // names of an address
	maxAddrs = 64 // addresses of a name, each family
	maxMX    = 32 // mail exchangers of a domain

	maxTTL     = 6 * time.Hour    // the longest that an answer is kept; a tour is over by then
	maxNegTTL  = time.Hour        // the same for "there is none" (RFC 2308 section 5 suggests one to three hours)
	missingTTL = 30 * time.Second // for "there is none" without the SOA that says how long
)

// question is what is asked: a lower-case name that ends in a dot, and a type. The class is always IN.
type question struct {
	name  string
	qtype uint16
}

// answer is what is kept of a reply to a question.
type answer struct {
	names   []string // PTR
	mx      []MX
	addrs   []netip.Addr // A, AAAA
	missing bool         // NXDOMAIN
	ttl     time.Duration
	// next is the name to ask for next, when the reply ends in an alias; hops is how many aliases it followed.
	next string
	hops int
}

var (
	errReferral  = errors.New("the server does not resolve for us (it referred to others); is it a recursive resolver?")
	errAliasLoop = fmt.Errorf("more than %d aliases in a row", maxCNAME)
)

// rcodeError is a reply that is no answer: SERVFAIL, REFUSED and the like.
type rcodeError int

func (e rcodeError) Error() string {
	if s, ok := dns.RcodeToString[int(e)]; ok {
		return s
	}
	return fmt.Sprintf("rcode %d", int(e))
}

// interpret turns a reply whose question was checked into an answer, following at most hops aliases within it. It is
// pure, and what it returns is bounded whatever the reply holds.
func interpret(m *dns.Msg, q question, hops int) (answer, error) {
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return answer{}, rcodeError(m.Rcode)
	}
	a := answer{ttl: maxTTL}
	name := q.name
	for a.collect(m, name, q.qtype) == 0 {
		cname := alias(m, name)
		if cname == nil {
			return a.withoutRecords(m, q, name)
		}
		if a.hops++; a.hops > hops {
			return answer{}, errAliasLoop
		}
		name = strings.ToLower(cname.Target)
		a.ttl = min(a.ttl, seconds(cname.Hdr.Ttl))
	}
	a.tidy()
	return a, nil
}

// withoutRecords tells "there is none" from "ask for another name" and from "ask somebody else".
func (a answer) withoutRecords(m *dns.Msg, q question, name string) (answer, error) {
	soa := authority(m)
	switch {
	case m.Rcode == dns.RcodeNameError:
		a.missing = true
	case name != q.name && soa == nil:
		a.next = name
		return a, nil
	case len(m.Answer) == 0 && soa == nil && !m.RecursionAvailable && !m.Authoritative:
		return answer{}, errReferral
	}
	neg := missingTTL
	if soa != nil {
		neg = min(maxNegTTL, seconds(min(soa.Hdr.Ttl, soa.Minttl))) // RFC 2308 section 5
	}
	a.ttl = min(a.ttl, neg)
	a.tidy()
	return a, nil
}

// collect takes the records of name and qtype, and returns how many there were.
func (a *answer) collect(m *dns.Msg, name string, qtype uint16) int {
	n := 0
	for _, rr := range m.Answer {
		h := rr.Header()
		if h.Rrtype != qtype || h.Class != dns.ClassINET || !strings.EqualFold(h.Name, name) {
			continue
		}
		n++
		a.ttl = min(a.ttl, seconds(h.Ttl))
		switch rr := rr.(type) {
		case *dns.PTR:
			if s, ok := cleanName(rr.Ptr); ok {
				a.names = append(a.names, s)
			}
		case *dns.MX:
			if s, ok := cleanName(rr.Mx); ok {
				a.mx = append(a.mx, MX{s, rr.Preference})
			}
		case *dns.A:
			a.addAddr(rr.A.To4())
		case *dns.AAAA:
			a.addAddr(rr.AAAA)
		}
	}
	return n
}

func (a *answer) addAddr(ip net.IP) {
	if addr, ok := netip.AddrFromSlice(ip); ok {
		a.addrs = append(a.addrs, addr.Unmap())
	}
}

// tidy sorts, so that a server's rotation does not read as a change, drops doubles, and cuts to the bounds.
func (a *answer) tidy() {
	slices.Sort(a.names)
	a.names = cut(slices.Compact(a.names), maxPTR)
	slices.SortFunc(a.mx, func(x, y MX) int { return cmp.Or(cmp.Compare(x.Pref, y.Pref), cmp.Compare(x.Host, y.Host)) })
	a.mx = cut(slices.Compact(a.mx), maxMX)
	slices.SortFunc(a.addrs, netip.Addr.Compare)
	a.addrs = cut(slices.Compact(a.addrs), maxAddrs)
}

// cut copies the first n elements, so that the rest can be freed. It never returns nil.
func cut[T any](s []T, n int) []T {
	s = s[:min(len(s), n)]
	return append(make([]T, 0, len(s)), s...)
}

func alias(m *dns.Msg, name string) *dns.CNAME {
	for _, rr := range m.Answer {
		if c, ok := rr.(*dns.CNAME); ok && c.Hdr.Class == dns.ClassINET && strings.EqualFold(c.Hdr.Name, name) {
			return c
		}
	}
	return nil
}

func authority(m *dns.Msg) *dns.SOA {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa
		}
	}
	return nil
}

// seconds is a TTL; one with the top bit set counts as zero (RFC 2181 section 8).
func seconds(ttl uint32) time.Duration {
	if ttl > 1<<31-1 {
		return 0
	}
	return time.Duration(ttl) * time.Second
}
