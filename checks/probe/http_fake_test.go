package probe

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeWeb plays a web server, and holds every request of every test to the transcript that netschouw promises: a GET of a permitted path,
// without body, credentials or cookies, within the bounds on requests and connections.
type fakeWeb struct {
	pages  map[string]string // path: raw answer; a path that is missing is answered by other
	other  string            // "" hangs up
	hangUp bool              // close after each answer without having said so

	mu    sync.Mutex
	asked []string
	conns int
}

// raw writes an answer with the right length.
func raw(status, header, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s", status, header, len(body), body)
}

const htmlType = "Content-Type: text/html\r\n"

func htmlPage(body string) string { return raw("200 OK", "Server: nginx\r\n"+htmlType, body) }

var notFound = raw("404 Not Found", "Server: nginx\r\n"+htmlType, "<html><title>404</title></html>")

func (f *fakeWeb) handle(c net.Conn) {
	f.mu.Lock()
	f.conns++
	f.mu.Unlock()
	br := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		f.mu.Lock()
		f.asked = append(f.asked, transcript(r))
		f.mu.Unlock()
		answer, ok := f.pages[r.RequestURI]
		if !ok {
			answer = f.other
		}
		if answer == "" {
			return
		}
		if _, err := io.WriteString(c, answer); err != nil || f.hangUp || strings.Contains(answer, "Connection: close") {
			return
		}
	}
}

// transcript is the request as the rules of the trade see it: "GET /path", or that with what should not be there.
func transcript(r *http.Request) string {
	line := r.Method + " " + r.RequestURI
	for name := range r.Header {
		if !slices.Contains([]string{"User-Agent", "Accept", "Accept-Encoding", "Connection"}, name) {
			line += " !" + name
		}
	}
	if r.ContentLength != 0 || r.Host == "" || !strings.HasPrefix(r.UserAgent(), "netschouw/") {
		line += " !bad"
	}
	return line
}

// ask runs askHTTP against the fake and checks the transcript. configure may be nil.
func (f *fakeWeb) ask(t *testing.T, opts Options, configure func(*Session)) (Details, error) {
	t.Helper()
	s := converse(t, testLimits, opts, f.handle)
	if configure != nil {
		configure(s)
	}
	d, err := askHTTP(s)
	f.check(t, opts)
	return d, err
}

func (f *fakeWeb) check(t *testing.T, opts Options) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	// Spelt out here once more: a path that is added to the program must be thought about twice.
	permitted := []string{"/", "/favicon.ico", "/json/version", "/status", "/wd/hub/status", "/_ping", "/version"}
	for path := range f.pages { // what the test's own pages lead to
		if !slices.Contains([]string{pathCDP, pathWebDriver, pathSelenium3, pathPing, pathVersion}, path) {
			permitted = append(permitted, path)
		}
	}
	for _, line := range f.asked {
		path, ok := strings.CutPrefix(line, "GET ")
		assert.True(t, ok && slices.Contains(permitted, path), "must not be asked: %s", line)
	}
	limit := maxRequests
	if opts.Deep {
		limit = maxDeepRequests
	}
	assert.LessOrEqual(t, len(f.asked), limit)
	assert.LessOrEqual(t, f.conns, maxWebConnections)
}

func (f *fakeWeb) paths() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var paths []string
	for _, line := range f.asked {
		paths = append(paths, strings.TrimPrefix(line, "GET "))
	}
	return paths
}

// mustHTTP asks, and wants an ordinary web server.
func (f *fakeWeb) mustHTTP(t *testing.T, opts Options) *HTTP {
	t.Helper()
	d, err := f.ask(t, opts, nil)
	require.NoError(t, err)
	require.IsType(t, &HTTP{}, d)
	return d.(*HTTP)
}

// hinted makes the port number suggest a protocol.
func hinted(name string) func(*Session) { return func(s *Session) { s.hint = name } }
