package netinfo

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// newResolver asks the servers with short timeouts.
func newResolver(t testing.TB, servers ...string) *Resolver {
	t.Helper()
	r, err := NewResolver(ResolverConfig{Servers: servers, Timeout: 400 * time.Millisecond, Attempts: 2, Rate: 1e6})
	require.NoError(t, err)
	return r
}

func ctxFor(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func confirmed(b *bool) string {
	if b == nil {
		return "not looked at"
	}
	return fmt.Sprint(*b)
}

func TestPTRAndForwardConfirmation(t *testing.T) {
	s := startNameserver(t,
		"1.100.51.198.in-addr.arpa. 60 IN PTR MX1.Example.test.", "mx1.example.test. 60 IN A 198.51.100.1", "mx1.example.test. 60 IN A 198.51.100.2",
		"2.100.51.198.in-addr.arpa. 60 IN PTR other.example.test.", "other.example.test. 60 IN A 203.0.113.1",
		"4.100.51.198.in-addr.arpa. 60 IN PTR gone.example.test.",
		"5.100.51.198.in-addr.arpa. 60 IN CNAME 5.0-63.100.51.198.in-addr.arpa.", "5.0-63.100.51.198.in-addr.arpa. 60 IN PTR www.example.test.",
		"www.example.test. 60 IN CNAME web.example.test.", "web.example.test. 60 IN A 198.51.100.5",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 60 IN PTR six.example.test.", "six.example.test. 60 IN AAAA 2001:db8:40::1")
	r := newResolver(t, s.addr)
	for _, c := range []struct {
		addr, confirmed string
		names           []string
	}{
		{"198.51.100.1", "true", []string{"mx1.example.test"}},
		{"::ffff:198.51.100.1", "true", []string{"mx1.example.test"}},
		{"198.51.100.2", "false", []string{"other.example.test"}},
		{"198.51.100.3", "false", []string{}},
		{"198.51.100.4", "false", []string{"gone.example.test"}},
		{"198.51.100.5", "true", []string{"www.example.test"}}, // RFC 2317, and an alias on the way back
		{"2001:db8:40::1", "true", []string{"six.example.test"}},
	} {
		got, err := r.PTR(ctxFor(t), addr(c.addr))
		require.NoError(t, err, c.addr)
		require.Equal(t, c.names, got.Names, c.addr)
		require.NotNil(t, got.Names)
		require.Equal(t, c.confirmed, confirmed(got.Confirmed), c.addr)
	}
	_, err := r.PTR(ctxFor(t), addr("fe80::1%eth0"))
	require.Error(t, err)
	for _, q := range s.questions() {
		require.True(t, strings.HasPrefix(q, "udp "), q)
	}
}

func TestFailureIsNeverAbsence(t *testing.T) {
	s := startNameserver(t, "1.100.51.198.in-addr.arpa. 60 IN PTR a.example.test.", "1.100.51.198.in-addr.arpa. 60 IN PTR b.example.test.",
		"b.example.test. 60 IN A 203.0.113.9")
	s.answer(func(w dns.ResponseWriter, req *dns.Msg) {
		m := s.reply(req)
		if q := req.Question[0]; q.Name == "a.example.test." || strings.HasPrefix(q.Name, "2.") {
			m = new(dns.Msg).SetRcode(req, dns.RcodeServerFailure)
		}
		_ = w.WriteMsg(m)
	})
	r := newResolver(t, s.addr)
	got, err := r.PTR(ctxFor(t), addr("198.51.100.1"))
	require.NoError(t, err)
	require.Equal(t, []string{"a.example.test", "b.example.test"}, got.Names)
	require.Nil(t, got.Confirmed, "a name that could not be looked up may be the one")

	_, err = r.PTR(ctxFor(t), addr("198.51.100.2"))
	var lookup *LookupError
	require.ErrorAs(t, err, &lookup)
	require.Equal(t, "2.100.51.198.in-addr.arpa", lookup.Name)
	require.ErrorContains(t, err, s.addr+": SERVFAIL")
	require.NotErrorIs(t, err, ErrNoSuchName)
	require.Equal(t, 2, s.count("2.100.51.198.in-addr.arpa. PTR"), "asked again")
	_, _ = r.PTR(ctxFor(t), addr("198.51.100.2"))
	require.Equal(t, 4, s.count("2.100.51.198.in-addr.arpa. PTR"), "a failure is not cached")

	n, o := Directory{Resolver: r}.Look(ctxFor(t), addr("198.51.100.2"))
	require.Equal(t, Network{}, n)
	require.Nil(t, o)
}

func TestTruncatedAnswersAreAskedForOverTCP(t *testing.T) {
	s := startNameserver(t)
	for i := range 100 {
		s.add(t, fmt.Sprintf("1.100.51.198.in-addr.arpa. 60 IN PTR name-%02d.example.test.", i))
	}
	s.answer(func(w dns.ResponseWriter, req *dns.Msg) {
		m := s.reply(req)
		if w.RemoteAddr().Network() == "udp" {
			if opt := req.IsEdns0(); opt == nil || opt.UDPSize() != udpSize {
				m = new(dns.Msg).SetRcode(req, dns.RcodeServerFailure)
			}
			m.Truncate(512)
		}
		_ = w.WriteMsg(m)
	})
	got, err := newResolver(t, s.addr).PTR(ctxFor(t), addr("198.51.100.1"))
	require.NoError(t, err)
	require.Len(t, got.Names, maxPTR)
	require.Equal(t, "name-00.example.test", got.Names[0])
	require.Equal(t, []string{"udp 1.100.51.198.in-addr.arpa. PTR", "tcp 1.100.51.198.in-addr.arpa. PTR"}, s.questions()[:2])
}

func TestLookupHostAndMX(t *testing.T) {
	s := startNameserver(t, "example.test. 60 IN A 198.51.100.2", "example.test. 60 IN A 198.51.100.1", "example.test. 60 IN AAAA 2001:db8::1",
		"example.test. 60 IN MX 20 B.example.test.", "example.test. 60 IN MX 10 c.example.test.", "example.test. 60 IN MX 20 a.example.test.",
		"nomail.test. 60 IN MX 0 .", "text.test. 60 IN TXT hello", "xn--mnchen-3ya.test. 60 IN A 198.51.100.8")
	r := newResolver(t, s.addr)
	got, err := r.LookupHost(ctxFor(t), " Example.TEST. ")
	require.NoError(t, err)
	require.Equal(t, []netip.Addr{addr("198.51.100.1"), addr("198.51.100.2"), addr("2001:db8::1")}, got)
	got, err = r.LookupHost(ctxFor(t), "München.test")
	require.NoError(t, err)
	require.Equal(t, []netip.Addr{addr("198.51.100.8")}, got)
	got, err = r.LookupHost(ctxFor(t), "text.test")
	require.NoError(t, err)
	require.Empty(t, got)
	_, err = r.LookupHost(ctxFor(t), "absent.test")
	require.ErrorIs(t, err, ErrNoSuchName)
	require.EqualError(t, err, `A and AAAA of "absent.test": no such name`)

	mx, err := r.LookupMX(ctxFor(t), "example.test")
	require.NoError(t, err)
	require.Equal(t, []MX{{"c.example.test", 10}, {"a.example.test", 20}, {"b.example.test", 20}}, mx)
	for _, domain := range []string{"nomail.test", "text.test"} {
		mx, err = r.LookupMX(ctxFor(t), domain)
		require.NoError(t, err)
		require.Empty(t, mx)
	}
	_, err = r.LookupMX(ctxFor(t), "absent.test")
	require.ErrorIs(t, err, ErrNoSuchName)

	before := r.Stats().Queries
	for _, bad := range []string{"", ".", "198.51.100.1", "2001:db8::1", "a..b", "-.-/x", "http://x", "a b", strings.Repeat("a", 64) + ".test",
		strings.Repeat("abc.", 70), "user@example.org", `a\.b`, "\x00", "x;y", ".example.org"} {
		_, err := r.LookupHost(ctxFor(t), bad)
		require.Error(t, err, bad)
		_, err = r.LookupMX(ctxFor(t), bad)
		require.Error(t, err, bad)
	}
	require.Equal(t, before, r.Stats().Queries, "nothing is asked for what is no name")
}

func TestOneFamilyFailing(t *testing.T) {
	s := startNameserver(t, "example.test. 60 IN A 198.51.100.1")
	s.answer(func(w dns.ResponseWriter, req *dns.Msg) {
		m := s.reply(req)
		if req.Question[0].Qtype == dns.TypeAAAA {
			m = new(dns.Msg).SetRcode(req, dns.RcodeServerFailure)
		}
		_ = w.WriteMsg(m)
	})
	got, err := newResolver(t, s.addr).LookupHost(ctxFor(t), "example.test")
	require.ErrorContains(t, err, "AAAA of \"example.test\"")
	require.Equal(t, []netip.Addr{addr("198.51.100.1")}, got, "what was found stands beside the error")
}

func TestRateAndConcurrencyAreBounded(t *testing.T) {
	s := startNameserver(t)
	var now, most atomic.Int32
	s.answer(func(w dns.ResponseWriter, req *dns.Msg) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(2 * time.Millisecond) // the time a server takes; there is nothing to wait for
		now.Add(-1)
		_ = w.WriteMsg(s.reply(req))
	})
	r, err := NewResolver(ResolverConfig{Servers: []string{s.addr}, Rate: 200, Concurrency: 3})
	require.NoError(t, err)
	start := time.Now()
	var wg sync.WaitGroup
	for i := range 80 {
		wg.Go(func() { _, _ = r.resolve(ctxFor(t), fmt.Sprintf("n%d.test.", i), dns.TypeA) })
	}
	wg.Wait()
	require.EqualValues(t, 80, r.Stats().Queries)
	// 80 questions at 200 a second, 20 of them at once.
	require.GreaterOrEqual(t, time.Since(start), 280*time.Millisecond)
	require.LessOrEqual(t, most.Load(), int32(3))
}

func TestServerAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.53": "192.0.2.53:53", "192.0.2.53:5353": "192.0.2.53:5353", "2001:db8::53": "[2001:db8::53]:53",
		"[2001:db8::53]": "[2001:db8::53]:53", "[2001:db8::53]:54": "[2001:db8::53]:54", " 192.0.2.53 ": "192.0.2.53:53", "fe80::1%eth0": "[fe80::1%eth0]:53",
	} {
		got, err := serverAddr(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got.String())
	}
	for _, in := range []string{"", "dns.example.org", "192.0.2.53:0", "192.0.2.53:99999", "0.0.0.0", "192.0.2.53:x", "[::]:53"} {
		_, err := serverAddr(in)
		require.Error(t, err, in)
	}
	_, err := NewResolver(ResolverConfig{Servers: []string{"dns.example.org:53"}})
	require.EqualError(t, err, `resolver "dns.example.org:53": not an address; write one such as 192.0.2.53:53 or [2001:db8::53]:53`)
	_, err = NewResolver(ResolverConfig{})
	require.EqualError(t, err, "no resolvers; list addresses under netinfo.resolvers, or do without DNS")
	r, err := NewResolver(ResolverConfig{Servers: []string{"192.0.2.53", "192.0.2.53:53"}})
	require.NoError(t, err)
	require.Len(t, r.servers, 1)
}
