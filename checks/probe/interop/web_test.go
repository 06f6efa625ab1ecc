package interop

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe"
)

const page = `<!doctype html><html><head><title>Beheer van klant 42</title><script src="/static/app.js"></script></head>
<body>souls and thoughts</body></html>`

func TestNginx(t *testing.T) {
	path := find(t, "nginx", "nginx-light")
	dir, plain, secure := workDir(t), freePort(t), freePort(t)
	cert, key := certificate(t, dir, "www.klant.example.test")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "www", "static"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "www", "index.html"), []byte(page), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "www", "favicon.ico"), []byte("\x00\x00\x01\x00icon"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "www", "static", "app.js"), []byte(`const tabs={brigadir:1}`), 0o644))
	conf := fill(t, dir, "nginx.conf", map[string]string{"DIR": dir, "CERT": cert, "KEY": key,
		"HTTP": strconv.Itoa(plain), "HTTPS": strconv.Itoa(secure)})
	start(t, []int{plain, secure}, path, "-p", dir, "-c", conf)

	for port, connections := range map[int]int{plain: 1, secure: 2} {
		svc := identify(t, port, probe.Options{Words: []string{"souls", "thoughts", "brigadir"}, Deep: true})
		require.Equal(t, probe.StatusOK, svc.Status, svc.Error)
		d, ok := svc.Details.(*probe.HTTP)
		require.True(t, ok, svc.Protocol)
		require.Equal(t, 200, d.StatusCode)
		require.Contains(t, d.Server, "nginx")
		require.Equal(t, "Beheer van klant 42", d.Title)
		require.NotNil(t, d.Favicon)
		require.Len(t, d.Scripts, 1)
		require.Equal(t, "/static/app.js", d.Scripts[0].Path)
		found := map[string]string{}
		for _, w := range d.Words {
			found[w.Word] = w.In
		}
		require.Equal(t, map[string]string{"souls": "page", "thoughts": "page", "brigadir": "script"}, found)
		require.Equal(t, port == secure, svc.TLS != nil)
		require.Equal(t, connections, svc.Connections)
	}
}

// chromiumFlags keep the browser from the network; the debugging port is all that is wanted of it.
func chromiumFlags(port int, dir string) []string {
	return []string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--no-first-run", "--user-data-dir=" + dir,
		"--user-agent=Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/98.0.4758.102 Safari/537.36",
		"--remote-debugging-port=" + strconv.Itoa(port)}
}

func TestChromium(t *testing.T) {
	path := find(t, "chromium", "chromium")
	dir, port := workDir(t), freePort(t)
	start(t, []int{port}, path, chromiumFlags(port, dir)...)

	check := func(svc probe.Service, d *probe.CDP) {
		require.Contains(t, d.Browser, "Chrome/")
		require.Greater(t, d.Major, 90)
		require.Equal(t, 98, d.AgentMajor, "the spoofed User-Agent")
		require.Equal(t, "windows", d.AgentOS)
		require.NotRegexp(t, `browser/[0-9a-f]{8}-`, d.WebSocket, "the GUID is a key to the browser and must be masked")
		require.Empty(t, d.Names())
	}
	d, svc := details[*probe.CDP](t, port)
	check(svc, d)

	// The same browser behind a reverse proxy with TLS on an odd port, as an operator would hide it.
	backend, err := url.Parse("http://127.0.0.1:" + strconv.Itoa(port))
	require.NoError(t, err)
	front := reverseProxy(t, backend)
	d, svc = details[*probe.CDP](t, front)
	check(svc, d)
	require.NotNil(t, svc.TLS)
}

// reverseProxy plays a TLS front for backend and returns its port.
func reverseProxy(t *testing.T, backend *url.URL) int {
	t.Helper()
	cert, key := certificate(t, workDir(t), "app.klant.example.test")
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(backend); r.Out.Host = backend.Host }}
	server := &http.Server{Handler: proxy, ReadHeaderTimeout: 5 * time.Second}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.ServeTLS(ln, cert, key) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	})
	return int(netip.MustParseAddrPort(ln.Addr().String()).Port())
}

func TestChromedriver(t *testing.T) {
	path := find(t, "chromedriver", "chromium-driver")
	port := freePort(t)
	start(t, []int{port}, path, "--port="+strconv.Itoa(port))
	d, _ := details[*probe.WebDriver](t, port)
	require.Equal(t, "chromedriver", d.Kind)
	require.NotNil(t, d.Ready)
	require.True(t, *d.Ready)
}

func TestSquid(t *testing.T) {
	path := find(t, "squid", "squid")
	for _, access := range []string{"allow", "deny"} {
		t.Run(access, func(t *testing.T) {
			dir, port := workDir(t), freePort(t)
			require.NoError(t, os.Chmod(dir, 0o777)) // squid drops root before it writes its pid
			conf := fill(t, dir, "squid.conf", map[string]string{"DIR": dir, "PORT": strconv.Itoa(port), "ACCESS": access})
			start(t, []int{port}, path, "-N", "-f", conf)
			d, _ := details[*probe.HTTPProxy](t, port)
			require.Equal(t, "squid", d.Software)
			require.NotEmpty(t, d.Error)
		})
	}
}
