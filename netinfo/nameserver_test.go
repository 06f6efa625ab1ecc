package netinfo

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// nameserver is a server on 127.0.0.1, UDP and TCP on one port, that answers from a zone and counts.
type nameserver struct {
	addr     string
	mu       sync.Mutex
	zone     map[string][]dns.RR // by "name. TYPE", lower case
	exists   map[string]bool
	asked    []string // "udp name. TYPE", in order
	override dns.HandlerFunc
}

func (s *nameserver) add(t testing.TB, records ...string) *nameserver {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range records {
		rr, err := dns.NewRR(text)
		require.NoError(t, err, text)
		name := strings.ToLower(rr.Header().Name)
		key := name + " " + dns.TypeToString[rr.Header().Rrtype]
		s.zone[key] = append(s.zone[key], rr)
		s.exists[name] = true
	}
	return s
}

func (s *nameserver) count(question string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, q := range s.asked {
		if strings.HasSuffix(q, question) {
			n++
		}
	}
	return n
}

// answer replaces the zone by a handler.
func (s *nameserver) answer(handler dns.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.override = handler
}

func (s *nameserver) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = nil
}

func (s *nameserver) questions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func (s *nameserver) ServeDNS(w dns.ResponseWriter, req *dns.Msg) {
	q := req.Question[0]
	key := strings.ToLower(q.Name) + " " + dns.TypeToString[q.Qtype]
	s.mu.Lock()
	s.asked = append(s.asked, w.RemoteAddr().Network()+" "+key)
	override := s.override
	s.mu.Unlock()
	if override != nil {
		override(w, req)
		return
	}
	_ = w.WriteMsg(s.reply(req))
}

// reply follows aliases as a recursive resolver does.
func (s *nameserver) reply(req *dns.Msg) *dns.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := new(dns.Msg).SetReply(req)
	m.RecursionAvailable = true
	name, typ := strings.ToLower(req.Question[0].Name), dns.TypeToString[req.Question[0].Qtype]
	for range 12 {
		if rrs := s.zone[name+" "+typ]; rrs != nil {
			m.Answer = append(m.Answer, rrs...)
			return m
		}
		alias := s.zone[name+" CNAME"]
		if alias == nil {
			break
		}
		m.Answer = append(m.Answer, alias...)
		name = strings.ToLower(alias[0].(*dns.CNAME).Target)
	}
	if !s.exists[name] {
		m.Rcode = dns.RcodeNameError
	}
	soa, _ := dns.NewRR("test. 300 IN SOA ns.test. hostmaster.test. 1 2 3 4 60")
	m.Ns = []dns.RR{soa}
	return m
}

func startNameserver(t testing.TB, records ...string) *nameserver {
	t.Helper()
	s := &nameserver{zone: map[string][]dns.RR{}, exists: map[string]bool{}}
	ln, pc := listenBoth(t)
	s.addr = ln.Addr().String()
	for _, srv := range []*dns.Server{{Listener: ln, Handler: s}, {PacketConn: pc, Handler: s}} {
		started := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(started) }
		go func() { _ = srv.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = srv.Shutdown() })
	}
	return s.add(t, records...)
}

func listenBoth(t testing.TB) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 20 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		pc, err := net.ListenPacket("udp", ln.Addr().String())
		if err == nil {
			return ln, pc
		}
		_ = ln.Close()
	}
	t.Fatal("no port that is free for both UDP and TCP")
	return nil, nil
}
