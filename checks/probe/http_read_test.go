package probe

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reading is a session that can only read.
func reading(data []byte) *Session {
	return &Session{br: bufio.NewReader(bytes.NewReader(data))}
}

func TestReadAnswer(t *testing.T) {
	for _, c := range []struct {
		name, sent string
		status     int
		body       string
		reusable   bool
		err        error
	}{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true, nil},
		{"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", 200, "hello", true, nil},
		{"no space after the colon, as Chrome has it", "HTTP/1.1 200 OK\r\nContent-Length:5\r\n\r\nhello", 200, "hello", true, nil},
		{"no reason", "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", 404, "", true, nil},
		{"up to the end", "HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello", false, nil},
		{"close", "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", false, nil},
		{"1.0", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", false, nil},
		{"1.0 that keeps", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true, nil},
		{"no content", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true, nil},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: t\r\n\r\n", 200, "hello", true, nil},
		{"chunks and a length", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello", false, nil},
		{"more than it says", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello", 200, "he", false, nil},
		{"interim", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true, nil},
		{"folded", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nno field\r\n: empty\r\nContent-Length : 5\r\n\r\nhello", 200, "hello", true, nil},
		{"gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + zipped("hello"), 200, "hello", false, nil},
		{"not gzip after all", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nhello", 200, "hello", false, nil},
		{"unknown coding", "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\nhello", 200, "hello", false, nil},
		{"nothing", "", 0, "", false, io.EOF},
		{"begun", "HTT", 0, "", false, io.ErrUnexpectedEOF},
		{"switched", "HTTP/1.1 101 Switching Protocols\r\n\r\n", 0, "", false, ErrMalformed},
		{"another transfer coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nhello", 200, "", false, ErrMalformed},
		{"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", 0, "", false, ErrMalformed},
		{"greeting", "220 mx.example.test ESMTP\r\n", 0, "", false, ErrMalformed},
		{"code too long", "HTTP/1.1 2000 OK\r\n\r\n", 0, "", false, ErrMalformed},
		{"code too small", "HTTP/1.1 099 OK\r\n\r\n", 0, "", false, ErrMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := readAnswer(reading([]byte(c.sent)))
			require.ErrorIs(t, err, c.err)
			if c.status == 0 {
				require.Nil(t, a)
				return
			}
			assert.Equal(t, c.status, a.status)
			assert.Equal(t, c.body, string(a.body))
			assert.Equal(t, c.reusable, a.reusable)
		})
	}
}

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

// A bomb of 16 MiB in each coding gives maxBody bytes, quickly, and without the memory that it asks for.
func TestDecodeBomb(t *testing.T) {
	zeros := make([]byte, 16<<20)
	var gz, zl, fl bytes.Buffer
	g, _ := gzip.NewWriterLevel(&gz, flate.BestSpeed)
	z, _ := zlib.NewWriterLevel(&zl, flate.BestSpeed)
	f, _ := flate.NewWriter(&fl, flate.BestSpeed)
	for _, w := range []io.WriteCloser{g, z, f} {
		_, _ = w.Write(zeros)
		require.NoError(t, w.Close())
	}
	for name, c := range map[string]struct {
		coding string
		bomb   []byte
	}{"gzip": {"gzip", gz.Bytes()}, "zlib": {"deflate", zl.Bytes()}, "raw deflate": {"deflate", fl.Bytes()}} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			plain, more := decode(c.bomb[:min(len(c.bomb), maxBody)], c.coding)
			runtime.ReadMemStats(&after)
			assert.True(t, more)
			assert.Len(t, plain, maxBody)
			assert.Less(t, time.Since(start), 5*time.Second)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20))
		})
	}
}

func TestHTTPBombOnTheWire(t *testing.T) {
	page := zipped("<title>bomb</title>" + strings.Repeat(" ", 1<<20))
	f := &fakeWeb{pages: map[string]string{"/": raw("200 OK", "Server: x\r\nContent-Encoding: gzip\r\n"+htmlType, page)}, other: notFound}
	d := f.mustHTTP(t, Options{})
	assert.Equal(t, "bomb", d.Title)
	assert.Equal(t, maxBody, d.BodyBytes)
	assert.True(t, d.Truncated)
}

func FuzzReadAnswer(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.0 200 OK\r\nContent-Encoding: deflate\r\n\r\n\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "HTTP/1.1 200 OK\r\n x\r\n\r\n", "\x15\x03\x01\x00\x02\x02\x46",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := readAnswer(reading(data))
		if a == nil {
			if err == nil {
				t.Fatal("neither answer nor error")
			}
			return
		}
		if len(a.body) > maxBody || len(a.header) > maxHeaderFields || a.status < 100 || a.status > 999 {
			t.Fatalf("bounds: %d bytes, %d fields, status %d", len(a.body), len(a.header), a.status)
		}
		if err != nil && a.reusable {
			t.Fatal("a broken conversation must not go on")
		}
		d := describeAnswer(a, nil)
		for name, value := range d.Headers {
			if len(d.Headers) > maxKeptFields || len(name) > maxKeptValue || len(value) > maxKeptValue {
				t.Fatalf("header bounds: %d, %q", len(d.Headers), name)
			}
		}
		if p := proxyFrom(a); p != nil && a.status < 400 {
			t.Fatalf("status %d cannot be a forward proxy's", a.status)
		}
		w := newWebClient(&Session{Words: []string{"hello"}, Peer: mustPeer})
		w.requests = maxRequests // nothing may be asked
		w.look(a, d, true)
		suggestsCDP(a, glance(a))
		suggestsWebDriver(a, glance(a), nil)
		suggestsKubernetes(a)
		suggestsDocker(a)
		parsePing(a)
	})
}
