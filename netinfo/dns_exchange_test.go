package netinfo

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

func TestForgedRepliesArePassedOver(t *testing.T) {
	s := startNameserver(t, "a.example.test. 60 IN A 198.51.100.1")
	s.answer(func(w dns.ResponseWriter, req *dns.Msg) {
		forge := func(change func(*dns.Msg)) {
			m := new(dns.Msg).SetReply(req)
			rr, _ := dns.NewRR("a.example.test. 60 IN A 203.0.113.66")
			m.Answer = []dns.RR{rr}
			change(m)
			_ = w.WriteMsg(m)
		}
		forge(func(m *dns.Msg) { m.Id++ })
		forge(func(m *dns.Msg) { m.Question[0].Name = "b.example.test." })
		forge(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeTXT })
		forge(func(m *dns.Msg) { m.Response = false })
		forge(func(m *dns.Msg) { m.Question = nil })
		_, _ = w.Write([]byte("no DNS at all"))
		_ = w.WriteMsg(s.reply(req))
	})
	r := newResolver(t, s.addr)
	got, err := r.resolve(ctxFor(t), "a.example.test.", dns.TypeA)
	require.NoError(t, err)
	require.Equal(t, []netip.Addr{addr("198.51.100.1")}, got.addrs)

	s.answer(func(w dns.ResponseWriter, req *dns.Msg) {
		for range maxStrays + 5 {
			m := new(dns.Msg).SetReply(req)
			m.Id++
			_ = w.WriteMsg(m)
		}
		_ = w.WriteMsg(s.reply(req))
	})
	_, err = r.resolve(ctxFor(t), "c.example.test.", dns.TypeA)
	require.ErrorIs(t, err, errStrays)
}

func TestServersThatDoNotKnowEDNS(t *testing.T) {
	s := startNameserver(t, "a.example.test. 60 IN A 198.51.100.1")
	s.answer(func(w dns.ResponseWriter, req *dns.Msg) {
		m := s.reply(req)
		if req.IsEdns0() != nil {
			m = &dns.Msg{MsgHdr: dns.MsgHdr{Id: req.Id, Response: true, Rcode: dns.RcodeFormatError}}
		}
		_ = w.WriteMsg(m)
	})
	got, err := newResolver(t, s.addr).resolve(ctxFor(t), "a.example.test.", dns.TypeA)
	require.NoError(t, err)
	require.Len(t, got.addrs, 1)
}

func TestAliases(t *testing.T) {
	s := startNameserver(t, "loop-a.test. 60 IN CNAME loop-b.test.", "loop-b.test. 60 IN CNAME loop-a.test.", "self.test. 60 IN CNAME self.test.")
	for i := range 9 {
		s.add(t, fmt.Sprintf("c%d.test. 60 IN CNAME c%d.test.", i, i+1))
	}
	s.add(t, "c9.test. 60 IN A 198.51.100.9")
	r := newResolver(t, s.addr)
	for _, name := range []string{"loop-a.test", "self.test", "c0.test"} {
		_, err := r.LookupHost(ctxFor(t), name)
		require.ErrorIs(t, err, errAliasLoop, name)
	}
	got, err := r.LookupHost(ctxFor(t), "c1.test")
	require.NoError(t, err, "eight aliases are followed")
	require.Equal(t, []netip.Addr{addr("198.51.100.9")}, got)

	// A server that leaves the aliases to us: each reply has one, and the loop runs over replies.
	s.forget()
	s.answer(func(w dns.ResponseWriter, req *dns.Msg) {
		m := new(dns.Msg).SetReply(req)
		m.RecursionAvailable = true
		s.mu.Lock()
		name := strings.ToLower(req.Question[0].Name)
		m.Answer = append(s.zone[name+" CNAME"], s.zone[name+" "+dns.TypeToString[req.Question[0].Qtype]]...)
		s.mu.Unlock()
		_ = w.WriteMsg(m)
	})
	r = newResolver(t, s.addr)
	res, err := r.resolve(ctxFor(t), "c1.test.", dns.TypeA)
	require.NoError(t, err)
	require.Equal(t, []netip.Addr{addr("198.51.100.9")}, res.addrs)
	require.Len(t, s.questions(), 9)
	_, err = r.resolve(ctxFor(t), "loop-a.test.", dns.TypeA)
	require.ErrorIs(t, err, errAliasLoop)
	require.Len(t, s.questions(), 9+9, "a loop costs a bounded number of questions")
}

func TestHostileReplies(t *testing.T) {
	for name, reply := range map[string]func(dns.ResponseWriter, *dns.Msg){
		"referral": func(w dns.ResponseWriter, req *dns.Msg) {
			m := new(dns.Msg).SetReply(req)
			ns, _ := dns.NewRR("test. 60 IN NS ns.test.")
			m.Ns = []dns.RR{ns}
			_ = w.WriteMsg(m)
		},
		"refused":   func(w dns.ResponseWriter, req *dns.Msg) { _ = w.WriteMsg(new(dns.Msg).SetRcode(req, dns.RcodeRefused)) },
		"silent":    func(dns.ResponseWriter, *dns.Msg) {},
		"cut short": func(w dns.ResponseWriter, req *dns.Msg) { b, _ := req.Pack(); _, _ = w.Write(b[:8]) },
		"giant over TCP": func(w dns.ResponseWriter, req *dns.Msg) {
			m := new(dns.Msg).SetReply(req)
			m.Compress = true
			if w.RemoteAddr().Network() == "udp" {
				m.Truncated = true
			} else {
				for i := range 2000 {
					rr, _ := dns.NewRR(fmt.Sprintf("%s 60 IN A 198.51.%d.%d", req.Question[0].Name, i/256, i%256))
					m.Answer = append(m.Answer, rr)
				}
			}
			_ = w.WriteMsg(m)
		},
		"lying length over TCP": func(w dns.ResponseWriter, req *dns.Msg) {
			m := new(dns.Msg).SetReply(req)
			m.Truncated = true
			if w.RemoteAddr().Network() == "udp" {
				_ = w.WriteMsg(m)
				return
			}
			_ = w.Close()
		},
		"other question over TCP": func(w dns.ResponseWriter, req *dns.Msg) {
			m := new(dns.Msg).SetReply(req)
			m.Truncated = w.RemoteAddr().Network() == "udp"
			if !m.Truncated {
				m.Id++
			}
			_ = w.WriteMsg(m)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startNameserver(t)
			s.answer(reply)
			start := time.Now()
			got, err := newResolver(t, s.addr).PTR(ctxFor(t), addr("198.51.100.1"))
			require.Error(t, err)
			require.Nil(t, got.Names)
			require.Nil(t, got.Confirmed)
			require.Less(t, time.Since(start), 5*time.Second)
		})
	}
}

func TestNoServerAnswers(t *testing.T) {
	dead, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer dead.Close()
	r := newResolver(t, dead.LocalAddr().String())
	_, err = r.LookupHost(ctxFor(t), "a.example.test")
	var lookup *LookupError
	require.ErrorAs(t, err, &lookup)
	require.ErrorContains(t, err, `A of "a.example.test": `+dead.LocalAddr().String())
	require.EqualValues(t, 2, r.Stats().Failed)

	ctx, cancel := context.WithCancel(ctxFor(t))
	cancel()
	_, err = r.PTR(ctx, addr("198.51.100.1"))
	require.ErrorIs(t, err, context.Canceled)
	refused := newResolver(t, "127.0.0.1:1")
	_, err = refused.PTR(ctxFor(t), addr("198.51.100.1"))
	require.ErrorContains(t, err, "refused")
}

func TestTheNextServerIsAskedAndRemembered(t *testing.T) {
	dead, err := net.ListenPacket("udp", "127.0.0.1:0") // takes questions and never answers
	require.NoError(t, err)
	defer dead.Close()
	s := startNameserver(t, "a.example.test. 60 IN A 198.51.100.1", "b.example.test. 60 IN A 198.51.100.2")
	r := newResolver(t, dead.LocalAddr().String(), s.addr)
	start := time.Now()
	got, err := r.resolve(ctxFor(t), "a.example.test.", dns.TypeA)
	require.NoError(t, err)
	require.Equal(t, []netip.Addr{addr("198.51.100.1")}, got.addrs)
	require.GreaterOrEqual(t, time.Since(start), 200*time.Millisecond, "the first server had its chance")
	before := r.Stats().Queries
	_, err = r.resolve(ctxFor(t), "b.example.test.", dns.TypeA)
	require.NoError(t, err)
	require.EqualValues(t, 1, r.Stats().Queries-before, "the server that answered is asked first")
}

func TestADeadServerIsLeftAlone(t *testing.T) {
	s := startNameserver(t, "a.example.test. 60 IN A 198.51.100.1")
	s.answer(func(dns.ResponseWriter, *dns.Msg) {})
	r, err := NewResolver(ResolverConfig{Servers: []string{s.addr}, Timeout: 200 * time.Millisecond, Attempts: 1, Rate: 1e6})
	require.NoError(t, err)
	now := time.Unix(1e9, 0)
	r.servers[0].now = func() time.Time { return now }
	fail := func(n int) (sent uint64) {
		before := r.Stats().Queries
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				if _, err := r.attemptOnce(ctxFor(t)); err == nil {
					t.Error("answered")
				}
			})
		}
		wg.Wait()
		return r.Stats().Queries - before
	}
	require.EqualValues(t, deadAfter, fail(deadAfter))
	require.EqualValues(t, 0, fail(50), "nothing is sent to a dead server")
	_, err = r.attemptOnce(ctxFor(t))
	require.ErrorIs(t, err, errDead)
	require.ErrorContains(t, err, s.addr+": has not answered for a while, and is left alone")
	now = now.Add(retryDead)
	require.EqualValues(t, 1, fail(50), "but one question a second")
	s.answer(nil)
	now = now.Add(retryDead)
	_, err = r.attemptOnce(ctxFor(t))
	require.NoError(t, err)
	_, err = r.attemptOnce(ctxFor(t))
	require.NoError(t, err, "it is back")
}

// attemptOnce asks past the cache and past questions under way.
func (r *Resolver) attemptOnce(ctx context.Context) (*dns.Msg, error) {
	return r.ask(ctx, question{"a.example.test.", dns.TypeA})
}
