package probe

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// As squid 5.7 sends it to a GET of its root.
var squidAnswer = raw("400 Bad Request", "Server: squid/5.7\r\nMime-Version: 1.0\r\nContent-Type: text/html;charset=utf-8\r\nX-Squid-Error: ERR_INVALID_URL 0\r\n"+
	"X-Cache: MISS from proxy.example.org\r\nVia: 1.1 proxy.example.org:3128 (squid/5.7)\r\nConnection: close\r\n",
	"<html><head><title>ERROR: The requested URL could not be retrieved</title>")

func TestHTTPProxy(t *testing.T) {
	html := htmlType
	for _, c := range []struct {
		name, answer     string
		software, access string // software "-": no forward proxy
	}{
		{"squid", squidAnswer, "squid", "unknown"},
		{"squid without its name", raw("400 Bad Request", "Server: x\r\n"+html, "<title>ERROR: The requested URL could not be retrieved</title>"), "squid", "unknown"},
		{"squid that denies", raw("403 Forbidden", "Server: squid\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n", ""), "squid", "denied"},
		{"squid with a log-in", raw("407 Proxy Authentication Required", "Server: squid\r\nProxy-Authenticate: Basic realm=\"q\"\r\nX-Squid-Error: ERR_CACHE_ACCESS_DENIED 0\r\n", ""), "squid", "auth"},
		{"tinyproxy", raw("400 Bad Request", "Server: tinyproxy/1.11.1\r\n"+html, "<title>400 Bad Request</title>"), "tinyproxy", "unknown"},
		{"privoxy", "HTTP/1.1 400 Invalid header received from client\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nInvalid header received from client.\r\n", "privoxy", "unknown"},
		{"privoxy's agent", raw("400 Bad Request", "Proxy-Agent: Privoxy 3.0.34\r\n", ""), "privoxy", "unknown"},
		{"3proxy", "HTTP/1.0 400 Bad Request\r\nProxy-Connection: close\r\nContent-type: text/html; charset=us-ascii\r\n\r\n<html><head><title>400 Bad Request</title></head>\r\n", "3proxy", "unknown"},
		{"3proxy with a log-in", "HTTP/1.0 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"proxy\"\r\nProxy-Connection: close\r\n\r\n", "", "auth"},
		{"ccproxy", raw("407 Unauthorized", "Server: Proxy\r\nProxy-Authenticate: Basic realm=\"CCProxy Authorization\"\r\n", ""), "ccproxy", "auth"},
		{"gost", raw("503 Service Unavailable", "Proxy-Agent: gost/2.11.5\r\n", ""), "gost", "unknown"},
		{"goproxy", raw("500 Internal Server Error", "Content-Type: text/plain\r\n", "This is a proxy server. Does not respond to non-proxy requests.\n"), "goproxy", "unknown"},
		{"mitmproxy", raw("400 Bad Request", "Server: mitmproxy 9.0.1\r\n", ""), "mitmproxy", "unknown"},

		{"a CDN", raw("200 OK", "Server: cloudflare\r\nVia: 1.1 varnish, 1.1 squid\r\n"+html, "<title>t</title>"), "-", ""},
		{"a page that an accelerator of squid's fetched", raw("404 Not Found", "Server: Apache\r\nVia: 1.1 cache (squid/5.7)\r\n"+html, "<p>no"), "-", ""},
		{"an accelerator that cannot reach its server", raw("503 Service Unavailable", "Server: squid/5.7\r\nX-Squid-Error: ERR_CONNECT_FAIL 111\r\n"+html, "<p>no"), "-", ""},
		{"a page about squid", htmlPage("<title>ERROR: The requested URL could not be retrieved</title>"), "-", ""},
		{"a load balancer's 502", raw("502 Bad Gateway", "Server: nginx\r\nVia: 1.1 google\r\n"+html, "<p>no"), "-", ""},
		{"a similar name", raw("404 Not Found", "Server: gostak\r\n"+html, "<p>no"), "-", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeWeb{pages: map[string]string{"/": c.answer}, other: notFound}
			f.hangUp = strings.HasPrefix(c.answer, "HTTP/1.0") || !strings.Contains(c.answer, "Content-Length")
			d, err := f.ask(t, Options{}, hinted("http-proxy"))
			require.NoError(t, err)
			if c.software == "-" {
				assert.IsType(t, &HTTP{}, d)
				return
			}
			require.IsType(t, &HTTPProxy{}, d)
			p := d.(*HTTPProxy)
			assert.Equal(t, c.software, p.Software)
			assert.Equal(t, c.access, p.Access)
			assert.NotEmpty(t, p.Summary())
			assert.Equal(t, []string{"/"}, f.paths(), "one question is enough, and nothing is forwarded")
		})
	}
}

func TestHTTPProxyFields(t *testing.T) {
	a, err := readAnswer(reading([]byte(squidAnswer)))
	require.NoError(t, err)
	d := proxyFrom(a)
	assert.Equal(t, &HTTPProxy{StatusCode: 400, Server: "squid/5.7", Via: "1.1 proxy.example.org:3128 (squid/5.7)", Error: "ERR_INVALID_URL 0",
		Software: "squid", Access: "unknown"}, d)
	assert.Equal(t, []Name{{"proxy.example.org", InGreeting, 0}}, d.Names())
	assert.Empty(t, (&HTTPProxy{Via: "1.1 tinyproxy (tinyproxy/1.11.1)"}).Names())
	assert.Empty(t, (&HTTPProxy{Via: "x"}).Names())
}
