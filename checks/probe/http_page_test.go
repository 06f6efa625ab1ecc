package probe

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"golang.org/x/text/encoding/charmap"
)

var mustPeer = netip.MustParseAddrPort("192.0.2.1:8080")

func TestParsePage(t *testing.T) {
	for _, c := range []struct{ name, body, contentType, title string }{
		{"plain", "<title>a</title><title>b</title>", "", "a"},
		{"folded", "<TITLE lang=nl>\r\n a \t b\n</TITLE>", "", "a b"},
		{"entities", "<title>a &amp; b &#x42;</title>", "", "a & b B"},
		{"not that of a drawing", "<svg><title>icon</title></svg><title>page</title>", "", "page"},
		{"a drawing without contents", "<svg/><title>page</title>", "", "page"},
		{"unclosed", "<title>half of it", "", "half of it"},
		{"empty", "<title></title><title>b</title>", "", ""},
		{"in a comment", "<!-- <title>no</title> --><title>yes</title>", "", "yes"},
		{"in a script", "<script>'<title>no</title>'</script><title>yes</title>", "", "yes"},
		{"declared in the header", string(encode("<title>Бригадир</title>")), "text/html; charset=windows-1251", "Бригадир"},
		{"declared in the page", "<meta charset=windows-1251>" + string(encode("<title>Бригадир</title>")), "text/html", "Бригадир"},
		{"latin", "<title>caf\xe9</title>", "text/html; charset=ISO-8859-1", "café"},
		{"latin, undeclared", "<title>caf\xe9</title>", "text/html", "café"},
		{"utf-8, undeclared and late", strings.Repeat(" ", 2000) + "<title>Тарас</title>", "text/html", "Тарас"},
		{"unknown charset", "<title>a</title>", "text/html; charset=klingon", "a"},
		{"escapes stay", "<title>\x1b]0;x\x07</title>", "", "\x1b]0;x\x07"},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.title, parsePage([]byte(c.body), c.contentType).title) })
	}
}

func encode(text string) []byte {
	b, err := charmap.Windows1251.NewEncoder().Bytes([]byte(text))
	if err != nil {
		panic(err)
	}
	return b
}

func TestParsePageRefs(t *testing.T) {
	p := parsePage([]byte(`<base href="https://base.example.org/app/"><base href="https://second.example.org/">
<link rel="stylesheet icon" href="one.png"><link rel=icon href=two.png><meta http-equiv="Refresh" content="0; URL='https://next.example.org/x'">
<form action="http://192.0.2.9/"><form action="https://xn--e1afmkfd.example/"><form action="https://Пример.example/"><script src=a.js></script>
<script>inline()</script><form action="https://under_score.example.org/"><form action="https://bad..example.org/">`), "")
	assert.Equal(t, "https://base.example.org/app/", p.base)
	assert.Equal(t, "one.png", p.icon)
	assert.Equal(t, []string{"a.js"}, p.scripts)
	assert.Equal(t, []string{"base.example.org", "next.example.org", "xn--e1afmkfd.example", "under_score.example.org"}, p.hosts)
	assert.Contains(t, string(p.inline), "inline()")
	assert.NotContains(t, string(p.text), "inline()")
}

// Whatever a page of maxBody bytes is made of, it is read in time linear in its size, into bounded lists.
func TestParsePageBounds(t *testing.T) {
	for _, unit := range []string{
		"<", "<a ", "<!--", "<title>", "<svg>", "<script>", "</", "&amp;", "<script src=x></script>", "<link rel=canonical href=//a.example.org>",
		"<p a=b c=d e=f ", "<meta content='x'", "<![CDATA[", "<textarea>", "\x00", "<form action=http://", "<script><!--<script>", "\xff",
	} {
		start := time.Now()
		p := parsePage([]byte(strings.Repeat(unit, maxBody/len(unit))), "text/html; charset=utf-8")
		assert.Less(t, time.Since(start), 5*time.Second, unit) // some milliseconds; quadratic work takes minutes
		assert.LessOrEqual(t, len(p.scripts), 4*maxScripts)
		assert.LessOrEqual(t, len(p.hosts), maxHosts)
		assert.LessOrEqual(t, len(p.title), maxTitle)
	}
}

func TestNamesIn(t *testing.T) {
	for text, want := range map[string][]string{
		"Welcome to Mail.Example.ORG!":       {"mail.example.org"},
		"admin@otanmail.com | log in":        {"otanmail.com"},
		"mlrtr.com. mlrtr.com":               {"mlrtr.com"},
		"Node.js v1.2.3 on 192.0.2.1":        nil,
		"co.uk and org":                      nil,
		"a.test b.internal c.localhost":      nil,
		"...":                                nil,
		strings.Repeat("x1.example.org ", 3): {"x1.example.org"},
	} {
		assert.Equal(t, want, namesIn(text), text)
	}
	var many []string
	for _, c := range "abcdefghijklmno" {
		many = append(many, string(c)+".example.org")
	}
	assert.Len(t, namesIn(strings.Join(many, " ")), maxTitleNames)
}

func TestHostName(t *testing.T) {
	for text, want := range map[string]string{
		"Example.ORG.": "example.org", "localhost": "", "192.0.2.1": "", "2001:db8::1": "", "a b.org": "", "-a.org": "", "a.org-": "",
		strings.Repeat("a", 64) + ".org": "", strings.Repeat("a.", 127) + "org": "", "": "", ".": "", "..": "", "пример.рф": "xn--e1afmkfd.xn--p1ai",
	} {
		assert.Equal(t, want, hostName(text), text)
	}
}

func FuzzPage(f *testing.F) {
	f.Add(fullPage, "text/html; charset=utf-8", "/assets/../x.js?y")
	f.Add("<title>caf\xe9</title>", "text/html; charset=iso-8859-1", "//192.0.2.1:8080/a")
	f.Add("<base href=/x/><script src=a></script><link rel=icon href=b>", "text/html", "http://192.0.2.1:8080/%zz")
	f.Add("", "", "///.. ")
	f.Add("0", "Ǩԡѡƶ", "0?\xa6 \xb0ÃK\xfe")
	f.Add("<svg><title>\x1b[2J</title></svg>", "", "\\\\example.org")
	f.Fuzz(func(t *testing.T, body, contentType, ref string) {
		if len(body) > maxBody {
			return
		}
		p := parsePage([]byte(body), contentType)
		if len(p.title) > maxTitle || len(p.hosts) > maxHosts || len(p.scripts) > 4*maxScripts || len(p.text)+len(p.inline) > 8*maxBody {
			t.Fatal("bounds")
		}
		for _, h := range p.hosts {
			if h == "" || h != hostName(h) || len(h) > 253 {
				t.Fatalf("host %q", h)
			}
		}
		w := newWebClient(&Session{Peer: mustPeer})
		a := &answer{path: "/", body: []byte(body)}
		for _, s := range append(w.scripts(a, p), Script{Path: "/"}) {
			checkTarget(t, s.Path)
		}
		if target, ok := w.sameOrigin(w.base(a, p), ref); ok {
			checkTarget(t, target)
			// A path that begins with two slashes reads as an address when it is taken for a reference.
			if again, ok := w.sameOrigin(w.origin, target); !strings.HasPrefix(target, "//") && (!ok || again != target) {
				t.Fatalf("%q is not stable: %q", target, again)
			}
		}
		for _, n := range (&HTTP{Title: p.title, Hosts: p.hosts, Redirects: []string{ref}}).Names() {
			if n.Value != hostName(n.Value) || n.Value == "" {
				t.Fatalf("name %q", n.Value)
			}
		}
	})
}

// checkTarget wants what may stand in a request line and nothing else.
func checkTarget(t *testing.T, target string) {
	t.Helper()
	if !strings.HasPrefix(target, "/") || len(target) > maxTarget || strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		t.Fatalf("target %q", target)
	}
}
