package probe

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

const fullPage = `<!DOCTYPE html><html><head><title>
 Panel   of example.org </title><link rel="canonical" href="https://WWW.Example.org./start"><meta property="og:url" content="//og.example.org/">
<link rel="shortcut icon" href="/static/i.ico"><script src="/assets/app.js"></script><script src="https://cdn.example.net/x.js"></script>
<script>var tabSouls = "thoughts"</script></head>
<body><form action="https://login.example.com:8443/in"></form><form action="/local"></form>Souls and thoughts of soulsearchers</body></html>`

func TestHTTPSite(t *testing.T) {
	f := &fakeWeb{pages: map[string]string{
		"/":             raw("200 OK", "Server: nginx/1.22\r\nSet-Cookie: PHPSESSID=secret; path=/\r\nSet-Cookie: lang=nl\r\nX-Powered-By: Taras\r\n"+htmlType, fullPage),
		"/static/i.ico": raw("200 OK", "Content-Type: image/x-icon\r\n", "icon"),
	}}
	d := f.mustHTTP(t, Options{Words: []string{"souls", "thoughts", "taras"}})
	assert.Equal(t, []string{"/", "/static/i.ico"}, f.paths())
	assert.Equal(t, 1, f.conns, "a page with its icon costs one connection")
	assert.Equal(t, 200, d.StatusCode)
	assert.Equal(t, "nginx/1.22", d.Server)
	assert.Equal(t, "PHPSESSID, lang", d.Headers["set-cookie"])
	assert.Equal(t, "Panel of example.org", d.Title)
	assert.Equal(t, len(fullPage), d.BodyBytes)
	assert.Len(t, d.BodySHA256, 64)
	assert.Equal(t, []Script{{Path: "/assets/app.js"}}, d.Scripts)
	require.NotNil(t, d.Favicon)
	assert.EqualValues(t, 1355950459, d.Favicon.MMH3) // see TestHashIcon
	assert.Equal(t, []string{"www.example.org", "og.example.org", "login.example.com"}, d.Hosts)
	assert.Equal(t, "200 | nginx/1.22 | Panel of example.org", d.Summary())
	var found []string
	for _, w := range d.Words {
		found = append(found, w.In+":"+w.Word)
	}
	assert.Equal(t, []string{"header:taras", "page:souls", "page:thoughts", "script:souls", "script:thoughts"}, found)
	assert.Equal(t, []Name{{"www.example.org", InPage, 0}, {"og.example.org", InPage, 0}, {"login.example.com", InPage, 0}, {"example.org", InPage, 0}}, d.Names())
	_, err := json.Marshal(d)
	require.NoError(t, err)
}

func TestHTTPHost(t *testing.T) {
	for _, c := range []struct {
		peer   string
		secure bool
		want   string
	}{
		{"192.0.2.1:80", false, "192.0.2.1"}, {"192.0.2.1:8080", false, "192.0.2.1:8080"}, {"192.0.2.1:443", true, "192.0.2.1"},
		{"192.0.2.1:443", false, "192.0.2.1:443"}, {"[2001:db8::1]:80", false, "[2001:db8::1]"}, {"[2001:db8::1]:9222", true, "[2001:db8::1]:9222"},
		{"[fe80::1%eth0]:80", false, "[fe80::1]"}, {"[::ffff:192.0.2.1]:81", false, "192.0.2.1:81"},
	} {
		assert.Equal(t, c.want, originOf(netip.MustParseAddrPort(c.peer), c.secure).Host, c.peer)
	}
}

func TestHTTPContactCannotAddHeader(t *testing.T) {
	f := &fakeWeb{other: notFound}
	f.mustHTTP(t, Options{Identity: Identity{Contact: "https://noc.example.net/\r\nAuthorization: Basic eA=="}})
}

func TestHTTPConnections(t *testing.T) {
	page := htmlPage("<title>t</title>")
	closing := strings.Replace(page, "Server:", "Connection: close\r\nServer:", 1)
	for name, f := range map[string]*fakeWeb{
		"keeps": {pages: map[string]string{"/": page}, other: notFound}, "says close": {pages: map[string]string{"/": closing}, other: notFound},
		"hangs up":  {pages: map[string]string{"/": page}, other: notFound, hangUp: true},
		"old":       {pages: map[string]string{"/": strings.Replace(page, "HTTP/1.1", "HTTP/1.0", 1)}, other: notFound, hangUp: true},
		"no length": {pages: map[string]string{"/": "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Type: text/html\r\n\r\n<title>t</title>"}, other: notFound, hangUp: true},
	} {
		t.Run(name, func(t *testing.T) {
			d := f.mustHTTP(t, Options{})
			assert.Equal(t, "t", d.Title)
			assert.Equal(t, "/favicon.ico", f.paths()[len(f.paths())-1])
			want := 2
			if name == "keeps" {
				want = 1
			}
			assert.Equal(t, want, f.conns)
		})
	}
}

// Inside TLS all goes on inside TLS: further connections too, and only https is the same origin.
func TestHTTPInsideTLS(t *testing.T) {
	f := &fakeWeb{other: notFound, hangUp: true}
	cfg := &tls.Config{Certificates: []tls.Certificate{certFor(t, "panel.example.org")}, NextProtos: []string{"http/1.1"}}
	s := converse(t, dial.Options{Lifetime: 5 * time.Second}, Options{}, inTLS(cfg, f.handle))
	require.NoError(t, s.StartTLS("", "http/1.1"))
	f.pages = map[string]string{"/": raw("302 Found", "Location: https://"+s.Peer.String()+"/in\r\n", ""),
		"/in": htmlPage("<title>in</title><script src=http://" + s.Peer.String() + "/clear.js></script><script src=secure.js></script>")}
	d, err := askHTTP(s)
	require.NoError(t, err)
	f.check(t, Options{})
	assert.Equal(t, "in", d.(*HTTP).Title)
	assert.Equal(t, []Script{{Path: "/secure.js"}}, d.(*HTTP).Scripts)
	assert.Equal(t, []string{"/", "/in", "/favicon.ico"}, f.paths())
	assert.Equal(t, "http/1.1", s.TLS.ALPN)
}

// A server that closes after every answer never costs more than maxWebConnections, and what was learnt by then stands.
func TestHTTPConnectionBudget(t *testing.T) {
	f := &fakeWeb{pages: map[string]string{"/": raw("302 Found", "Location: /a\r\n", ""), "/a": raw("302 Found", "Location: /b\r\n", ""),
		"/b": raw("302 Found", "Location: /c\r\n", ""), "/c": htmlPage("<title>never reached</title>")}, hangUp: true}
	d := f.mustHTTP(t, Options{})
	assert.Equal(t, 302, d.StatusCode)
	assert.Equal(t, []string{"/a", "/b", "/c"}, d.Redirects)
	assert.Equal(t, maxWebConnections, f.conns)
}

func TestHTTPRedirects(t *testing.T) {
	to := func(location string) string {
		return raw("302 Found", "Server: x\r\nLocation: "+location+"\r\n", "")
	}
	for _, c := range []struct {
		name      string
		pages     map[string]string
		asked     []string
		redirects []string
		title     string
	}{
		{"relative", map[string]string{"/": to("login?next=/"), "/login?next=/": htmlPage("<title>in</title>")},
			[]string{"/", "/login?next=/", "/favicon.ico"}, []string{"login?next=/"}, "in"},
		{"dots", map[string]string{"/": to("/a/b"), "/a/b": to("../c#frag"), "/c": htmlPage("<title>c</title>")},
			[]string{"/", "/a/b", "/c", "/favicon.ico"}, []string{"/a/b", "../c#frag"}, "c"},
		{"loop of one", map[string]string{"/": to("/")}, []string{"/"}, []string{"/"}, ""},
		{"loop of two", map[string]string{"/": to("/a"), "/a": to("/")}, []string{"/", "/a"}, []string{"/a", "/"}, ""},
		{"endless", map[string]string{"/": to("/1"), "/1": to("/2"), "/2": to("/3"), "/3": to("/4")},
			[]string{"/", "/1", "/2", "/3"}, []string{"/1", "/2", "/3", "/4"}, ""},
		{"no url", map[string]string{"/": to("http://[::bad/")}, []string{"/"}, []string{"http://[::bad/"}, ""},
		{"not http", map[string]string{"/": to("javascript:alert(1)")}, []string{"/"}, []string{"javascript:alert(1)"}, ""},
		{"same address as a name", map[string]string{"/": to("http://localhost/")}, []string{"/"}, []string{"http://localhost/"}, ""},
		{"without location", map[string]string{"/": raw("302 Found", "Server: x\r\n", "")}, []string{"/"}, nil, ""},
		{"escapes", map[string]string{"/": to("/a b\tc"), "/a%20b%09c": htmlPage("<title>q</title>")}, []string{"/"}, []string{"/a b\tc"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeWeb{pages: c.pages, other: notFound}
			d := f.mustHTTP(t, Options{})
			assert.Equal(t, c.asked, f.paths())
			assert.Equal(t, c.redirects, d.Redirects)
			assert.Equal(t, c.title, d.Title)
		})
	}
}

// A redirect to any other host, port or scheme is written down and never followed: the second listener must stay untouched.
func TestHTTPRedirectOutOfScope(t *testing.T) {
	var touched atomic.Int32
	other := serve(t, func(c net.Conn) { touched.Add(1); _, _ = io.WriteString(c, htmlPage("trap")) })
	for _, location := range []string{
		"http://" + other.String() + "/trap", "//" + other.String() + "/trap", "https://" + other.String() + "/trap", "http://127.0.0.2:%d/trap",
		"https://127.0.0.1:%d/trap", "http://[::1]:%d/trap", "http://example.org:%d/trap", "http://127.0.0.1:%d@" + other.String() + "/trap",
		"/\\" + other.String(),
	} {
		t.Run(location, func(t *testing.T) {
			f := &fakeWeb{other: notFound}
			s := converse(t, testLimits, Options{}, f.handle)
			if strings.Contains(location, "%d") {
				location = fmt.Sprintf(location, s.Peer.Port())
			}
			f.pages = map[string]string{"/": raw("301 Moved", "Server: x\r\nLocation: "+location+"\r\n", ""), "/%5C" + other.String(): notFound}
			d, err := askHTTP(s)
			require.NoError(t, err)
			f.check(t, Options{})
			assert.Equal(t, []string{location}, d.(*HTTP).Redirects)
		})
	}
	assert.Zero(t, touched.Load())
}

func TestHTTPRedirectToItself(t *testing.T) {
	f := &fakeWeb{other: notFound}
	s := converse(t, testLimits, Options{}, f.handle)
	f.pages = map[string]string{"/": raw("301 Moved", "Server: x\r\nLocation: http://"+s.Peer.String()+"/x\r\n", ""), "/x": htmlPage("<title>x</title>")}
	d, err := askHTTP(s)
	require.NoError(t, err)
	f.check(t, Options{})
	assert.Equal(t, "x", d.(*HTTP).Title)
	assert.Empty(t, d.Names(), "an address is no name")
}

func TestHTTPRedirectNames(t *testing.T) {
	f := &fakeWeb{pages: map[string]string{"/": raw("301 Moved", "Server: x\r\nLocation: https://Mail.Example.org/\r\n", "")}}
	assert.Equal(t, []Name{{"mail.example.org", InRedirect, 0}}, f.mustHTTP(t, Options{}).Names())
}

func TestHTTPDeep(t *testing.T) {
	page := `<title>t</title><script src="jquery.min.js"></script><script src="vendor.js"></script>`
	pages := map[string]string{"/favicon.ico": notFound, "/jquery.min.js": raw("200 OK", "", "$"), "/vendor.js": raw("200 OK", "", "v")}
	for i := range 6 {
		path := fmt.Sprintf("/app%d.js", i)
		page += `<script src="` + path + `"></script>`
		pages[path] = raw("200 OK", "Content-Type: text/javascript\r\n", fmt.Sprintf(`n.tab%d="tabSouls"`, i))
	}
	pages["/app1.js"] = htmlPage("<title>single page application</title>")
	pages["/"] = htmlPage(page)
	shallow := &fakeWeb{pages: pages}
	assert.Empty(t, shallow.mustHTTP(t, Options{Words: []string{"souls"}}).Words)
	assert.Equal(t, []string{"/", "/favicon.ico"}, shallow.paths())

	f := &fakeWeb{pages: pages}
	d := f.mustHTTP(t, Options{Deep: true, Words: []string{"souls"}})
	assert.Equal(t, []string{"/", "/favicon.ico", "/app0.js", "/app1.js", "/app2.js", "/app3.js", "/app4.js"}, f.paths(), "its own code first, five at most")
	require.Len(t, d.Words, 1)
	assert.Equal(t, Word{"souls", "script", `n.tab0="tabSouls"`}, d.Words[0])
	assert.Len(t, d.Scripts, 8)
	for _, s := range d.Scripts {
		assert.Equal(t, strings.HasPrefix(s.Path, "/app") && s.Path != "/app1.js" && s.Path != "/app5.js", s.SHA256 != "", s.Path)
	}
}

func TestHTTPMongoDB(t *testing.T) {
	text := "It looks like you are trying to access MongoDB over HTTP on the native driver port.\r\n"
	answer := strings.Replace(raw("200 OK", "Connection: close\r\nContent-Type: text/plain\r\n", text), "HTTP/1.1", "HTTP/1.0", 1)
	f := &fakeWeb{other: answer}
	d, err := f.ask(t, Options{}, nil)
	assert.Nil(t, d)
	require.ErrorIs(t, err, ErrMalformed)
	assert.False(t, isHTTP([]byte(answer)))
	assert.True(t, isHTTP([]byte("HTTP/1.1 200 OK\r\n")))
	assert.False(t, isHTTP([]byte("-ERR unknown command")))
}

func TestHTTPWantsTLS(t *testing.T) {
	f := &fakeWeb{other: "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n", hangUp: true}
	d := f.mustHTTP(t, Options{})
	assert.Equal(t, 400, d.StatusCode)
	assert.Equal(t, 1, f.conns)
}

// Every hostile server ends in bounded time, with an honest error, and keeps what was learnt before.
func TestHTTPHostile(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nServer: bad\r\nContent-Type: text/html\r\n"
	for _, c := range []struct {
		name    string
		server  func(net.Conn)
		status  Status
		details bool
	}{
		{"closing", closing, StatusReset, false},
		{"silent", silent, StatusTimedOut, false},
		{"slow status line", slow("HTTP/1.1 200 OK"), StatusTimedOut, false},
		{"slow header", slowAfter(head, "X: y"), StatusTimedOut, true},
		{"slow body", slowAfter(head+"Content-Length: 40\r\n\r\n", "<title>"), StatusTimedOut, true},
		{"truncating in the status line", truncating("HTTP/1.1 200 OK"), StatusReset, false},
		{"truncating in the body", once(head + "Content-Length: 999\r\n\r\n<title>half</title>"), StatusReset, true},
		{"truncating in a chunk", once(head + "Transfer-Encoding: chunked\r\n\r\nff\r\n<title>half</title>"), StatusReset, true},
		{"bad chunk", once(head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n<title>half</title>"), StatusMalformed, true},
		{"endless status line", endless("HTTP/1.1 200 "), StatusMalformed, false},
		{"endless header line", endless(head + "X: "), StatusMalformed, true},
		{"endless body", endless(head + "\r\n<title>half</title>"), StatusTruncated, true},
		{"endless garbage", endless("\x00\x00\x12\x04"), StatusMalformed, false},
		{"HTTP/2 settings", once("\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80"), StatusMalformed, false},
		{"HTTP/0.9", once("<html>hello</html>"), StatusMalformed, false},
		{"no code", once("HTTP/1.1 OK\r\n\r\n"), StatusMalformed, false},
		{"ten thousand headers", once(head + strings.Repeat("X-A: b\r\n", 10000) + "\r\n"), StatusMalformed, true},
		{"endless interim", repeating("HTTP/1.1 100 Continue\r\n\r\n"), StatusMalformed, false},
		{"lengths that differ", once(head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), StatusMalformed, true},
		{"negative length", once(head + "Content-Length: -5\r\n\r\nhello"), StatusMalformed, true},
		{"length beyond memory", once(head + "Content-Length: 9223372036854775807\r\n\r\nhello"), StatusReset, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := converse(t, testLimits, Options{}, c.server)
			start := time.Now()
			d, err := askHTTP(s)
			assert.Less(t, time.Since(start), 4*testLimits.Lifetime)
			require.Error(t, err)
			assert.Equal(t, c.status, statusOf(s.Ctx, err), "%v", err)
			require.Equal(t, c.details, d != nil, "%v", err)
			if d != nil {
				assert.Equal(t, "bad", d.(*HTTP).Server)
			}
		})
	}
}

// Whatever the port suggests, a hostile server ends in bounded time, and is not taken for what its port suggests.
func TestHintedHostile(t *testing.T) {
	for _, hint := range []string{"cdp", "webdriver", "http-proxy", "docker", "kubernetes"} {
		for name, server := range map[string]func(net.Conn){
			"closing": closing, "silent": silent, "slow": slow("HTTP/1.1 200 OK"), "truncating": truncating(chromeAnswer[:200]),
			"endless body": endless("HTTP/1.1 200 OK\r\n\r\n{\"Browser\":\""), "endless header": endless("HTTP/1.1 200 OK\r\nX: "), "garbage": endless("\x00"),
		} {
			t.Run(hint+" "+name, func(t *testing.T) {
				t.Parallel()
				s := converse(t, testLimits, Options{}, server)
				s.hint = hint
				start := time.Now()
				d, err := askHTTP(s)
				assert.Less(t, time.Since(start), 8*testLimits.Lifetime)
				require.Error(t, err)
				if d != nil {
					assert.Equal(t, "http", d.Protocol())
				}
			})
		}
	}
}

// The suggested path was answered, by something else, and then the server went away: that it speaks HTTP is known.
func TestHintedThenGone(t *testing.T) {
	f := &fakeWeb{pages: map[string]string{pathCDP: raw("404 Not Found", "Server: bad\r\nConnection: close\r\n", "")}}
	d, err := f.ask(t, Options{}, hinted("cdp"))
	require.ErrorIs(t, err, io.EOF)
	require.IsType(t, &HTTP{}, d)
	assert.Equal(t, "bad", d.(*HTTP).Server)
}

func once(answer string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Read(make([]byte, 2048))
		_, _ = io.WriteString(c, answer)
		_ = c.(*net.TCPConn).CloseWrite() // Close would reset the connection over what it has not read
		_, _ = io.Copy(io.Discard, c)
	}
}

func slowAfter(at, drip string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, at); slow(drip)(c) }
}

func repeating(text string) func(net.Conn) {
	return func(c net.Conn) {
		for {
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
}

// A page with a title of 100 MB costs no more than any page: 256 KiB are read.
func TestHTTPHugeTitle(t *testing.T) {
	limits := dial.Options{Lifetime: 5 * time.Second, MaxBytes: 1 << 20}
	s := converse(t, limits, Options{}, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nServer: x\r\nContent-Length: 104857600\r\n\r\n<title>")
		block := strings.Repeat("A\x1b[2J ", 1<<14)
		for n := 0; n < 100<<20; n += len(block) {
			if _, err := io.WriteString(c, block); err != nil {
				return
			}
		}
	})
	d, err := askHTTP(s)
	require.NoError(t, err)
	h := d.(*HTTP)
	assert.True(t, h.Truncated)
	assert.Equal(t, maxBody, h.BodyBytes)
	assert.LessOrEqual(t, len(h.Title), maxTitle)
	assert.True(t, strings.HasPrefix(h.Title, "A\x1b[2J A\x1b[2J"), "raw: the report cleans it")
}

func TestHTTPCancelled(t *testing.T) {
	s := converse(t, testLimits, Options{}, (&fakeWeb{other: notFound}).handle)
	_ = s.conn.Close()
	_, err := askHTTP(s)
	require.Error(t, err)
	assert.False(t, errors.Is(err, ErrMalformed))
}

// The bounds that docs/operations.md promises.
func TestHTTPBounds(t *testing.T) {
	assert.Equal(t, 8, maxRequests)
	assert.Equal(t, 13, maxDeepRequests)
	assert.Equal(t, 3, maxWebConnections)
	w := newWebClient(&Session{Peer: netip.MustParseAddrPort("127.0.0.1:80")})
	w.requests = maxRequests
	_, err := w.get("/")
	require.ErrorIs(t, err, errNoMoreRequests)
}

// TestOnlyTheSameOriginIsAsked has every way to write an address that a page or a redirect may try. What is asked is always a
// path, on the peer that was dialled: a reference can choose which path, and nothing else.
func TestOnlyTheSameOriginIsAsked(t *testing.T) {
	w := newWebClient(&Session{Peer: netip.MustParseAddrPort("192.0.2.10:8080")})
	for ref, want := range map[string]string{
		"/panel":                                   "/panel",
		"panel?x=1#top":                            "/panel?x=1",
		"http://192.0.2.10:8080/a":                 "/a",
		"HTTP://192.0.2.10:8080":                   "/",
		"http://[::ffff:192.0.2.10]:8080/mapped":   "/mapped",
		"http://user:pass@192.0.2.10:8080/a":       "/a", // the credentials are not sent
		"//192.0.2.10:8080/b":                      "/b",
		"/a b?c d HTTP/1.0":                        "/a%20b?c%20d%20HTTP/1.0",
		"/?\xff":                                   "/?%FF",
		"http://192.0.2.10:8080@192.0.2.66/":       "",
		"http://192.0.2.66#@192.0.2.10:8080/":      "",
		"http://192.0.2.66\\@192.0.2.10:8080/":     "",
		"//192.0.2.66/":                            "",
		"https://192.0.2.10:8080/":                 "", // another scheme is another question, which has its own move
		"http://192.0.2.10/":                       "",
		"http://192.0.2.10:80/":                    "",
		"http://192.0.2.10:08080/":                 "",
		"http://192.0.2.10.:8080/":                 "",
		"http://3221225994:8080/":                  "",
		"http://0xC000020A:8080/":                  "",
		"http://0300.0.2.10:8080/":                 "",
		"http://192.0.522:8080/":                   "",
		"http://192.0.2.10.nip.example.org:8080/":  "",
		"http://192.0.2.10%00.example.org:8080/":   "",
		"http://[::ffff:192.0.2.66]:8080/":         "",
		"http://[::ffff:192.0.2.10%25eth0]:8080/":  "/", // the zone of a mapped address means nothing
		"http://localhost:8080/":                   "",
		"http://０.０.０.０:8080/":                     "",
		"http://169.254.169.254/latest/meta-data/": "",
		"file:///etc/passwd":                       "",
		"gopher://192.0.2.10:8080/_EVAL":           "",
		"javascript:alert(1)":                      "",
		"http:192.0.2.66":                          "",
		"/a\r\nX-Injected: yes":                    "",
		"\x00/a":                                   "",
	} {
		got, ok := w.sameOrigin(w.origin, ref)
		require.Equal(t, want != "", ok, "%q gave %q", ref, got)
		if ok {
			require.Equal(t, want, got, "%q", ref)
		}
	}
}
