package netinfo

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"MX1.Example.Test.":          "mx1.example.test",
		"_dmarc.example.test.":       "_dmarc.example.test",
		`a\032b.test.`:               `a\032b.test`,
		`a\ b.test.`:                 `a\032b.test`,
		`\027[31m.test.`:             `\027[31m.test`,
		`dot\.label.test.`:           `dot\.label.test`,
		`last\..`:                    `last\.`,
		"<script>.test.":             "<script>.test",
		".":                          "",
		"":                           "",
		"a..b.":                      "",
		"a\x1b.test.":                "",
		strings.Repeat("a", 64):      "",
		strings.Repeat(`\001.`, 100): "",
	} {
		got, ok := cleanName(in)
		require.Equal(t, want, got, "%q", in)
		require.Equal(t, want != "", ok, "%q", in)
	}
}

// message makes a reply with the answers.
func message(t testing.TB, q question, rcode int, answers ...string) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(q.name, q.qtype)
	m.Response, m.RecursionAvailable, m.Rcode = true, true, rcode
	for _, a := range answers {
		rr, err := dns.NewRR(a)
		require.NoError(t, err)
		m.Answer = append(m.Answer, rr)
	}
	return m
}

func TestInterpretTakesOnlyWhatBelongsToTheQuestion(t *testing.T) {
	q := question{"a.test.", dns.TypeA}
	a, err := interpret(message(t, q, dns.RcodeSuccess, "b.test. 60 IN A 203.0.113.66", "A.TEST. 60 IN A 198.51.100.1", "a.test. 20 CH A 203.0.113.67",
		"a.test. 10 IN TXT hello", "a.test. 30 IN A 198.51.100.1"), q, maxCNAME)
	require.NoError(t, err)
	require.Len(t, a.addrs, 1)
	require.Equal(t, "198.51.100.1", a.addrs[0].String())
	require.Equal(t, 30*time.Second, a.ttl, "the shortest TTL of what was taken")

	a, err = interpret(message(t, q, dns.RcodeNameError, "a.test. 60 IN CNAME gone.test."), q, maxCNAME)
	require.NoError(t, err)
	require.True(t, a.missing)
	require.Equal(t, missingTTL, a.ttl)

	a, err = interpret(message(t, q, dns.RcodeSuccess, "a.test. 60 IN CNAME B.test."), q, maxCNAME)
	require.NoError(t, err)
	require.Equal(t, "b.test.", a.next)
	require.False(t, a.missing)
}

func FuzzInterpret(f *testing.F) {
	for _, q := range []question{{"7.100.51.198.in-addr.arpa.", dns.TypePTR}, {"a.test.", dns.TypeA}, {"a.test.", dns.TypeMX}} {
		for _, answers := range [][]string{
			nil, {q.name + " 60 IN PTR mx.example.test.", q.name + " 60 IN A 198.51.100.1", q.name + " 60 IN MX 10 mx.example.test."},
			{q.name + " 60 IN CNAME " + q.name}, {q.name + " 60 IN CNAME x.test.", `x.test. 60 IN PTR a\032b.test.`, "x.test. 4294967295 IN A 198.51.100.2"},
		} {
			b, err := message(f, q, dns.RcodeSuccess, answers...).Pack()
			require.NoError(f, err)
			f.Add(b, q.name, q.qtype)
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte, name string, qtype uint16) {
		m := new(dns.Msg)
		if len(wire) > maxReply || unpack(m, wire) != nil {
			return
		}
		a, err := interpret(m, question{strings.ToLower(dns.Fqdn(name)), qtype}, maxCNAME)
		if err != nil {
			require.Equal(t, answer{}, a)
			return
		}
		require.LessOrEqual(t, len(a.names), maxPTR)
		require.LessOrEqual(t, len(a.addrs), maxAddrs)
		require.LessOrEqual(t, len(a.mx), maxMX)
		require.LessOrEqual(t, a.hops, maxCNAME)
		require.GreaterOrEqual(t, a.ttl, time.Duration(0))
		require.LessOrEqual(t, a.ttl, maxTTL)
		for _, n := range a.names {
			require.LessOrEqual(t, len(n), maxName)
			for _, c := range []byte(n) {
				require.True(t, c > ' ' && c <= '~' && (c < 'A' || c > 'Z'), "%q", n)
			}
			again, ok := cleanName(n)
			require.True(t, ok)
			require.Equal(t, n, again)
		}
	})
}
