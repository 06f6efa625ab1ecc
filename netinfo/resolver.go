package netinfo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/time/rate"
)

// ResolverConfig says whom to ask and how hard. A zero field takes its default.
type ResolverConfig struct {
	// Servers are recursive resolvers, "192.0.2.53", "192.0.2.53:53" or "[2001:db8::53]:53"; at least one. They are asked
	// in this order, and the last one that answered is asked first.
	Servers []string
	// Timeout bounds one attempt; default 2s: an answer that is not in a resolver's cache takes up to a second or so.
	Timeout time.Duration
	// Attempts is how often one question is sent before it counts as failed, each time to the next server; default 3.
	Attempts int
	// Rate is the most queries sent per second, repeats included; default 500, which no resolver will mind.
	Rate float64
	// Concurrency is the most queries that are under way at once; default 64.
	Concurrency int
	// CacheEntries bounds the cache; default 65,536, with at most 32 MiB whatever is in them.
	CacheEntries int
}

func (c ResolverConfig) withDefaults() ResolverConfig {
	if c.Timeout <= 0 {
		c.Timeout = 2 * time.Second
	}
	if c.Attempts <= 0 {
		c.Attempts = 3
	}
	if c.Rate <= 0 {
		c.Rate = 500
	}
	if c.Concurrency <= 0 {
		c.Concurrency = 64
	}
	if c.CacheEntries <= 0 {
		c.CacheEntries = 65536
	}
	return c
}

// Resolver is a stub resolver (RFC 1034 section 5.3.1) that asks the configured servers and no others. It caches, asks
// one question once however many want to know, and keeps to a rate. It is safe for concurrent use.
type Resolver struct {
	cfg     ResolverConfig
	servers []*server
	first   atomic.Int32 // the place of the server that answered last
	limit   *rate.Limiter
	slots   chan struct{}
	cache   *dnsCache
	flights flights
	queries atomic.Uint64
	failed  atomic.Uint64
}

// NewResolver checks the configuration. It sends nothing.
func NewResolver(cfg ResolverConfig) (*Resolver, error) {
	cfg = cfg.withDefaults()
	r := &Resolver{cfg: cfg, cache: newDNSCache(cfg.CacheEntries, time.Now),
		slots: make(chan struct{}, cfg.Concurrency),
		// A burst of a tenth of a second lets questions that arrive together leave together.
		limit: rate.NewLimiter(rate.Limit(cfg.Rate), max(1, int(cfg.Rate/10)))}
	for _, s := range cfg.Servers {
		addr, err := serverAddr(s)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(r.servers, func(s *server) bool { return s.addr == addr }) {
			r.servers = append(r.servers, &server{addr: addr, now: time.Now})
		}
	}
	if len(r.servers) == 0 {
		return nil, errors.New("no resolvers; list addresses under netinfo.resolvers, or do without DNS")
	}
	return r, nil
}

// ErrNoSuchName is wrapped in the error for a name that does not exist (NXDOMAIN), which is an answer and no failure.
var ErrNoSuchName = errors.New("no such name")

// LookupError tells that a question got no answer: it says nothing of what the answer would have been.
type LookupError struct {
	Name string // as asked, without the trailing dot
	Type string // "A", "PTR", ...
	Err  error  // ErrNoSuchName, or what every attempt failed with
}

func (e *LookupError) Error() string {
	return fmt.Sprintf("%s of %s: %v", e.Type, quote(e.Name), e.Err)
}

// Unwrap gives the cause.
func (e *LookupError) Unwrap() error { return e.Err }

// PTRAnswer is what reverse DNS says of an address.
type PTRAnswer struct {
	// Names are sorted, lower case, without the trailing dot, at most 16; empty, not nil, when there are none. Bytes
	// that are unusual in a host name are escaped as RFC 4343 section 2.1 shows, so that a name is always plain ASCII.
	Names []string
	// Confirmed says whether a name resolves back to the address. nil: no name did, and not all could be looked up.
	Confirmed *bool
}

// PTR looks up the names of an address (RFC 1035 section 3.5, delegated as in RFC 2317 or not) and whether one of
// them resolves back to it. The error is a *LookupError: DNS was "not looked at", and the answer is worth nothing.
func (r *Resolver) PTR(ctx context.Context, a netip.Addr) (PTRAnswer, error) {
	a = a.Unmap()
	if !a.IsValid() || a.Zone() != "" {
		return PTRAnswer{}, &LookupError{a.String(), "PTR", errors.New("not an address that DNS knows")}
	}
	arpa, err := dns.ReverseAddr(a.String())
	if err != nil {
		return PTRAnswer{}, &LookupError{a.String(), "PTR", err}
	}
	got, err := r.resolve(ctx, arpa, dns.TypePTR)
	if err != nil {
		return PTRAnswer{}, err
	}
	return PTRAnswer{Names: slices.Clone(got.names), Confirmed: r.confirm(ctx, a, got.names)}, nil
}

// confirm is forward confirmation. It stops at the first name that leads back.
func (r *Resolver) confirm(ctx context.Context, a netip.Addr, names []string) *bool {
	qtype := dns.TypeAAAA
	if a.Is4() {
		qtype = dns.TypeA
	}
	yes, no, unknown := true, false, false
	for _, name := range names {
		got, err := r.resolve(ctx, dns.Fqdn(name), qtype)
		switch {
		case err != nil:
			unknown = true
		case slices.Contains(got.addrs, a):
			return &yes
		}
	}
	if unknown {
		return nil
	}
	return &no
}

// LookupHost returns the addresses of a name, IPv4 first, each once, at most 64. What could be found is returned beside
// the error, a *LookupError, when one of the two families failed. A name that does not exist is an error that wraps
// ErrNoSuchName; one that exists without addresses is none.
func (r *Resolver) LookupHost(ctx context.Context, name string) ([]netip.Addr, error) {
	fqdn, err := queryName(name)
	if err != nil {
		return nil, err
	}
	types := [2]uint16{dns.TypeA, dns.TypeAAAA}
	var got [2]answer
	var errs [2]error
	done := make(chan struct{})
	go func() {
		defer close(done)
		got[1], errs[1] = r.resolve(ctx, fqdn, types[1])
	}()
	got[0], errs[0] = r.resolve(ctx, fqdn, types[0])
	<-done
	out := slices.Concat(got[0].addrs, got[1].addrs)
	err = cmp.Or(errs[0], errs[1])
	if err == nil && got[0].missing && got[1].missing {
		err = &LookupError{trimDot(fqdn), "A and AAAA", ErrNoSuchName}
	}
	return out, err
}

// MX is one mail exchanger of a domain.
type MX struct {
	Host string // lower case, without the trailing dot
	Pref uint16 // lower is tried first
}

// LookupMX returns the mail exchangers of a domain by preference, at most 32. A domain with none, or with the null MX
// of RFC 7505, gives an empty list and no error. Other errors are as in LookupHost.
func (r *Resolver) LookupMX(ctx context.Context, domain string) ([]MX, error) {
	fqdn, err := queryName(domain)
	if err != nil {
		return nil, err
	}
	got, err := r.resolve(ctx, fqdn, dns.TypeMX)
	if err == nil && got.missing {
		err = &LookupError{trimDot(fqdn), "MX", ErrNoSuchName}
	}
	return slices.Clone(got.mx), err
}

// ResolverStats counts since the start.
type ResolverStats struct {
	Queries uint64 // messages sent to servers, repeats and TCP included
	Hits    uint64 // questions answered from the cache
	Failed  uint64 // questions that no server answered
}

// Stats returns the counts so far.
func (r *Resolver) Stats() ResolverStats {
	return ResolverStats{r.queries.Load(), r.cache.hits.Load(), r.failed.Load()}
}

// resolve answers a question from the cache or the servers. name ends in a dot.
func (r *Resolver) resolve(ctx context.Context, name string, qtype uint16) (answer, error) {
	key := question{strings.ToLower(name), qtype}
	if a, ok := r.cache.get(key); ok {
		return a, nil
	}
	a, err := r.flights.do(ctx, key, func(ctx context.Context) (answer, error) {
		a, err := r.chase(ctx, key)
		if err == nil {
			r.cache.put(key, a)
		} else {
			r.failed.Add(1)
		}
		return a, err
	})
	if err != nil {
		return answer{}, &LookupError{trimDot(key.name), dns.TypeToString[qtype], err}
	}
	return a, nil
}

// chase asks, and asks again where a server left an alias for us to follow.
func (r *Resolver) chase(ctx context.Context, q question) (answer, error) {
	ttl, hops := maxTTL, 0
	for {
		m, err := r.ask(ctx, q)
		if err != nil {
			return answer{}, err
		}
		a, err := interpret(m, q, maxCNAME-hops)
		if err != nil {
			return answer{}, err
		}
		ttl = min(ttl, a.ttl)
		if a.next == "" {
			a.ttl = ttl
			return a, nil
		}
		q.name = a.next
		hops += a.hops
	}
}
