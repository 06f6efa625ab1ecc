package indicators

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/netinfo"
)

var now = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

func listOf(t testing.TB, lines string) []Indicator {
	t.Helper()
	list, err := Read(strings.NewReader("type,value,expires\n"+lines), Options{})
	require.NoError(t, err)
	require.Empty(t, list.Skipped)
	return list.Indicators
}

func value(i *Indicator) string {
	if i == nil {
		return ""
	}
	return i.Value
}

func TestIndex(t *testing.T) {
	x := NewIndex(listOf(t, strings.Join([]string{
		"ip,198.51.100.0/24,", "ip,198.51.100.16/28,", "ip,198.51.100.20,", "ip,198.51.100.200-198.51.101.3,", "ip,2001:db8::/32,", "ip,2001:db8::1,",
		"ip,203.0.113.9,2026-01-02", "ip,203.0.113.10,2026-01-03", "domain,example.test,", "domain,mail.example.test,", "certificate," + abab + ",",
	}, "\n")), nil, now)
	require.Equal(t, 10, x.Len(), "one has expired")
	for in, want := range map[string]string{
		"198.51.100.1": "198.51.100.0/24", "198.51.100.16": "198.51.100.16/28", "198.51.100.20": "198.51.100.20", "198.51.100.32": "198.51.100.0/24",
		"198.51.100.201": "198.51.100.200-198.51.101.3", "198.51.101.3": "198.51.100.200-198.51.101.3", "198.51.101.4": "", "198.51.99.255": "",
		"2001:db8::1": "2001:db8::1", "2001:db8::2": "2001:db8::/32", "2001:db9::": "", "::ffff:198.51.100.20": "198.51.100.20",
		"203.0.113.9": "", "203.0.113.10": "203.0.113.10",
	} {
		require.Equal(t, want, value(x.Address(netip.MustParseAddr(in))), in)
	}
	for in, want := range map[string]string{
		"example.test": "example.test", "www.Example.TEST.": "example.test", "mail.example.test": "mail.example.test", "mx.mail.example.test": "mail.example.test",
		"notexample.test": "", "test": "", "": "", "example.test.example.org": "",
	} {
		require.Equal(t, want, value(x.Domain(in)), in)
	}
	require.Equal(t, abab, value(x.Certificate(strings.ToUpper(abab))))
	require.Nil(t, x.Certificate(strings.Repeat("cd", 32)))
	require.Nil(t, x.Certificate("abab"))

	var none *Index
	require.Nil(t, none.Address(netip.MustParseAddr("198.51.100.1")))
	require.Nil(t, none.Domain("example.test"))
	require.Nil(t, none.Certificate(abab))
	require.Zero(t, none.Len())
	require.True(t, none.Addresses().IsEmpty())
	require.Nil(t, x.Address(netip.Addr{}))
}

// TestIndexAgainstEachIndicator compares with looking at every indicator in turn.
func TestIndexAgainstEachIndicator(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	address := func() netip.Addr {
		if rng.IntN(2) == 0 {
			return netip.AddrFrom4([4]byte{198, 51, byte(rng.IntN(4)), byte(rng.IntN(256))})
		}
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 14: byte(rng.IntN(4)), 15: byte(rng.IntN(256))})
	}
	for range 50 {
		var list []Indicator
		for range 40 {
			a := address()
			p, err := a.Prefix(a.BitLen() - rng.IntN(10))
			require.NoError(t, err)
			list = append(list, Indicator{Kind: Address, Value: netinfo.RangeOf(p).String()})
		}
		x := NewIndex(list, nil, now)
		for range 400 {
			a, want := address(), ""
			for i := range list {
				r := list[i].Range()
				if r.Contains(a) && (want == "" || r.Size().Cmp((&Indicator{Kind: Address, Value: want}).Range().Size()) < 0) {
					want = list[i].Value
				}
			}
			require.Equal(t, want, value(x.Address(a)), a)
		}
	}
}

const good = `{"name":"resolvers","type":"cidr","version":1,"description":"d","list":["198.51.100.53","198.51.100.64/28","x"]}`

func TestGood(t *testing.T) {
	names := `{"name":"clouds","type":"hostname","version":1,"description":"d","list":["cloud.test",".cdn.example.test"]}`
	exact := `{"name":"mixed","type":"string","version":1,"description":"d","list":["just.example.test","203.0.113.1","` + abab + `"]}`
	g, err := ReadGood(strings.NewReader(good), strings.NewReader(names), strings.NewReader(exact))
	require.NoError(t, err)
	require.Equal(t, 7, g.Entries)
	require.Equal(t, 1, g.NotTaken)
	require.Equal(t, "resolvers", g.Skipped[0].Where)
	require.Equal(t, 3, g.Skipped[0].Line)

	list := listOf(t, "ip,198.51.100.53,\nip,198.51.100.64/29,\nip,198.51.100.0/24,\nip,203.0.113.1,\ndomain,a.cloud.test,\ndomain,x.cdn.example.test,\n"+
		"domain,just.example.test,\ndomain,below.just.example.test,\ncertificate,"+abab+",\n")
	use, set := g.Split(list)
	require.Equal(t, "198.51.100.0/24 below.just.example.test", use[0].Value+" "+use[1].Value)
	require.Len(t, set, len(list)-2)

	x := NewIndex(list, g, now)
	require.Equal(t, 2, x.Len())
	require.Equal(t, "198.51.100.0/24", value(x.Address(netip.MustParseAddr("198.51.100.54"))))
	require.Nil(t, x.Address(netip.MustParseAddr("198.51.100.53")), "a good address within a listed range")
	require.False(t, x.Addresses().Contains(netip.MustParseAddr("198.51.100.70")))
	require.Nil(t, NewIndex(listOf(t, "domain,test.example.org,\n"), g, now).Domain("example.org"))

	for doc, want := range map[string]string{
		`{"name":"x","type":"regex","list":[".*"]}`: "regex", `{"name":"x","type":"substring","list":["a"]}`: "substring",
		`{"list":[]}`: "missing", `[]`: "not a MISP warninglist", `{"name":"x","type":"cidr"}`: "missing",
	} {
		g, err := ReadGood(strings.NewReader(doc))
		require.ErrorContains(t, err, want)
		require.Nil(t, g)
	}
	var nobody *Good
	require.False(t, nobody.Has(&list[0]))
}

func FuzzGood(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"name":"x","type":"string","list":["a.test","::/0"]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		g, err := ReadGood(strings.NewReader(string(text)))
		require.Equal(t, err != nil, g == nil)
	})
}

// manyCSV writes a list of n indicators: addresses for the most part, then names, then certificates.
func manyCSV(n int) string {
	var b strings.Builder
	b.WriteString("type,value,first_seen,last_seen,source,confidence\n")
	for i := range n {
		var four [4]byte
		binary.BigEndian.PutUint32(four[:], uint32(0x14000000+i*257))
		switch {
		case i%4 < 2:
			fmt.Fprintf(&b, "ip,%s,2026-01-01,2026-01-02,feed,80\n", netip.AddrFrom4(four))
		case i%4 == 2:
			fmt.Fprintf(&b, "domain,host-%d.zone-%d.example.test,2026-01-01,,feed,\n", i, i%1000)
		default:
			fmt.Fprintf(&b, "certificate,%064x,,,feed,\n", i)
		}
	}
	return b.String()
}

func manySTIX(n int) string {
	var b strings.Builder
	b.WriteString(`{"type":"bundle","id":"bundle--1","objects":[` + "\n")
	for i := range n {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, `{"type":"indicator","spec_version":"2.1","id":"indicator--%032x","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","pattern":"[domain-name:value = 'host-%d.example.test']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z","object_marking_refs":["marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"]}`, i, i)
	}
	return b.String() + "]}"
}

const million = 1_000_000

func BenchmarkReadCSVMillion(b *testing.B) { benchmarkRead(b, manyCSV(million)) }

func BenchmarkReadSTIXMillion(b *testing.B) { benchmarkRead(b, manySTIX(million)) }

func benchmarkRead(b *testing.B, text string) {
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		list, err := Read(strings.NewReader(text), Options{Source: "bench"})
		require.NoError(b, err)
		require.Len(b, list.Indicators, million)
	}
}

func BenchmarkIndexMillion(b *testing.B) {
	list, err := Read(strings.NewReader(manyCSV(million)), Options{})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		require.Equal(b, million, NewIndex(list.Indicators, nil, now).Len())
	}
}

func BenchmarkMatch(b *testing.B) {
	list, err := Read(strings.NewReader(manyCSV(million)), Options{})
	require.NoError(b, err)
	x := NewIndex(list.Indicators, nil, now)
	listed, other := list.Indicators[0].Range().First, netip.MustParseAddr("198.51.100.1")
	b.Run("address listed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if x.Address(listed) == nil {
				b.Fatal("not found")
			}
		}
	})
	b.Run("address not listed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if x.Address(other) != nil {
				b.Fatal("found")
			}
		}
	})
	b.Run("domain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if x.Domain("mx.host-2.zone-2.example.test") == nil || x.Domain("www.example.org") != nil {
				b.Fatal("wrong")
			}
		}
	})
	b.Run("certificate", func(b *testing.B) {
		sum := fmt.Sprintf("%064x", 3)
		b.ReportAllocs()
		for b.Loop() {
			if x.Certificate(sum) == nil || x.Certificate(abab) != nil {
				b.Fatal("wrong")
			}
		}
	})
}
