package probe

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// patient are the bounds of these tests: shorter than the defaults, because some hosts here sit silent.
var patient = Options{Handshake: 300 * time.Millisecond, Quiet: 100 * time.Millisecond}

// counted plays a host on a port number of choice (0: any) and counts its connections.
func counted(t *testing.T, port int, handle func(net.Conn)) (netip.AddrPort, *atomic.Int64) {
	t.Helper()
	// An address of this process's own, so that a hinted port number is free on it.
	host := fmt.Sprintf("127.77.%d.%d", os.Getpid()>>8&0xff, os.Getpid()&0xff)
	ln, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	var n atomic.Int64
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			go func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				handle(c)
			}()
		}
	}()
	return ln.Addr().(*net.TCPAddr).AddrPort(), &n
}

func prober(pacer dial.Pacer, opts Options) *Prober {
	return New(dial.New(loopback{}, pacer, dial.Options{Lifetime: 3 * time.Second, MaxBytes: 512 << 10}), opts)
}

// certFor makes a certificate with these names.
func certFor(t testing.TB, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func inTLS(cfg *tls.Config, handle func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		tc := tls.Server(c, cfg)
		if tc.Handshake() == nil {
			handle(tc)
		}
		_ = tc.Close()
	}
}

// web answers every request on a connection like a small web server.
func web(c net.Conn) {
	br := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(br)
		if err != nil {
			if br.Buffered() > 0 || err != io.EOF {
				_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			}
			return
		}
		status, body := "200 OK", "<html><title>hallo</title></html>"
		if r.URL.Path != "/" {
			status, body = "404 Not Found", "no"
		}
		fmt.Fprintf(c, "HTTP/1.1 %s\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
	}
}

func devtools(c net.Conn) {
	br := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		status, body := "404 Not Found", ""
		if r.URL.Path == "/json/version" {
			status, body = "200 OK", `{"Browser":"Chrome/124.0.6367.60","Protocol-Version":"1.3","User-Agent":"Mozilla/5.0 (X11; Linux x86_64) Chrome/124.0.0.0","webSocketDebuggerUrl":"ws://127.0.0.1/devtools/browser/01234567-89ab-cdef-0123-456789abcdef"}`
		}
		fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
	}
}

func imapServer(c net.Conn) {
	_, _ = io.WriteString(c, "* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n")
	br := bufio.NewReader(c)
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return
		}
		tag, _, _ := strings.Cut(line, " ")
		fmt.Fprintf(c, "* CAPABILITY IMAP4rev1\r\n%s OK done\r\n", tag)
	}
}

func socksServer(c net.Conn) {
	var hello [3]byte
	if _, err := io.ReadFull(c, hello[:]); err != nil || hello != [3]byte{5, 1, 0} {
		return
	}
	_, _ = c.Write([]byte{5, 2})
}

// redisServer reads lines as the real one does: it hangs up on HTTP without a word, and waits for the end of a line.
func redisServer(c net.Conn) {
	br := bufio.NewReader(c)
	for {
		line, err := br.ReadString('\n')
		switch {
		case err != nil, strings.HasPrefix(line, "Host:"):
			return
		case strings.HasPrefix(line, "PING"):
			_, _ = io.WriteString(c, "+PONG\r\n")
		case strings.HasPrefix(line, "GET "): // answered only after the whole buffer, which Host: prevents
		default:
			fmt.Fprintf(c, "-ERR unknown command '%.20s', with args beginning with: \r\n", strings.TrimSpace(line))
		}
	}
}

func sshServer(t *testing.T) func(net.Conn) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	signer, err := ssh.NewSignerFromKey(key)
	require.NoError(t, err)
	cfg := &ssh.ServerConfig{NoClientAuth: true, ServerVersion: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"}
	cfg.AddHostKey(signer)
	return func(c net.Conn) {
		_, _, _, _ = ssh.NewServerConn(c, cfg)
	}
}

// mongoServer answers HTTP as mongod does, and else its own protocol.
func mongoServer(c net.Conn) {
	br := bufio.NewReader(c)
	if first, _ := br.Peek(4); string(first) == "GET " {
		text := "It looks like you are " + mongoOverHTTP + " on the native driver port.\r\n"
		fmt.Fprintf(c, "HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
		return
	}
	host := mongoHost{answer: func(mongoRequest) []byte {
		return new(bsonBuilder).int32("ok", 1).int32("maxWireVersion", 21).text("version", "7.0.9").bytes()
	}}
	host.serve(&readAhead{c, br})
}

// readAhead is a connection of which a reader has already taken some bytes.
type readAhead struct {
	net.Conn
	br *bufio.Reader
}

func (r *readAhead) Read(p []byte) (int, error) { return r.br.Read(p) }

func greet(line string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = io.WriteString(c, line)
		_, _ = io.Copy(io.Discard, c)
	}
}

func TestIdentifyWhateverThePort(t *testing.T) {
	cfg := &tls.Config{Certificates: []tls.Certificate{certFor(t, "app.klant.example.test")}}
	for _, tc := range []struct {
		name        string
		port        int // 0: one that says nothing
		handle      func(net.Conn)
		protocol    string
		status      Status
		connections int // exactly what it costs
	}{
		{"http", 0, web, "http", StatusOK, 1},
		{"ssh", 0, sshServer(t), "ssh", StatusOK, 1},
		{"imap", 0, imapServer, "imap", StatusOK, 1},
		{"https", 0, inTLS(cfg, web), "http", StatusOK, 2},
		{"devtools", 0, devtools, "cdp", StatusOK, 1},
		{"devtools inside TLS", 0, inTLS(cfg, devtools), "cdp", StatusOK, 2},
		{"imap inside TLS", 0, inTLS(cfg, imapServer), "imap", StatusOK, 2},
		{"socks5", 0, socksServer, "socks5", StatusOK, 3},
		{"redis", 0, redisServer, "redis", StatusOK, 3},
		{"mongodb explains itself over HTTP", 0, mongoServer, "mongodb", StatusOK, 2},
		{"ftp greets in a way unknown here", 0, greet("220 ProFTPD Server ready.\r\n"), "unknown", StatusUnknown, 1},
		{"endless greeting", 0, endless("\x00\x01 hello"), "unknown", StatusUnknown, 1},
		{"open and silent", 0, silent, "unknown", StatusSilent, 2},
		{"hangs up on everything", 0, closing, "unknown", StatusSilent, 6},
		{"devtools on its own port", 9222, devtools, "cdp", StatusOK, 1},
		{"imaps on its own port", 993, inTLS(cfg, imapServer), "imap", StatusOK, 1},
		{"https on its own port", 443, inTLS(cfg, web), "http", StatusOK, 1},
		{"redis on its own port", 6379, redisServer, "redis", StatusOK, 1},
		{"socks on its own port", 1080, socksServer, "socks5", StatusOK, 1},
		{"http on a mail port", 25, web, "http", StatusOK, 1},
		{"http on the https port", 8443, web, "http", StatusOK, 2},
		{"https on an http port", 8080, inTLS(cfg, web), "http", StatusOK, 2},
		{"ssh on an http port", 8888, sshServer(t), "ssh", StatusOK, 2},
		{"http on the mongodb port", 27017, web, "http", StatusOK, 2},
		{"ssh on the https port", 4443, sshServer(t), "ssh", StatusOK, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if tc.port > 0 && tc.port < 1024 && os.Geteuid() != 0 {
				t.Skip("port numbers below 1024 need root")
			}
			addr, accepted := counted(t, tc.port, tc.handle)
			svc := prober(nil, patient).IdentifyAt(context.Background(), addr)
			require.Equal(t, tc.protocol, svc.Protocol, "%+v", svc)
			require.Equal(t, tc.status, svc.Status, svc.Error)
			require.Equal(t, tc.connections, svc.Connections)
			require.LessOrEqual(t, svc.Connections, MaxConnections)
			require.EqualValues(t, svc.Connections, accepted.Load(), "connections that the host saw")
		})
	}
}

func TestIdentifyUsesTheConnectionOfDiscovery(t *testing.T) {
	addr, accepted := counted(t, 0, web)
	p := prober(nil, patient)
	conn, err := p.dialer.Dial(context.Background(), addr)
	require.NoError(t, err)
	svc := p.Identify(context.Background(), conn)
	require.Equal(t, "http", svc.Protocol)
	require.Equal(t, 1, svc.Connections)
	require.EqualValues(t, 1, accepted.Load())
}

type spend struct{ left atomic.Int64 }

func (s *spend) Wait(context.Context, netip.Addr) error {
	if s.left.Add(-1) < 0 {
		return dial.ErrBudget
	}
	return nil
}

func TestIdentifyStopsAtTheBudget(t *testing.T) {
	addr, accepted := counted(t, 0, closing)
	pacer := new(spend)
	pacer.left.Store(2)
	svc := prober(pacer, patient).IdentifyAt(context.Background(), addr)
	require.Equal(t, StatusBudget, svc.Status)
	require.Equal(t, "unknown", svc.Protocol)
	require.EqualValues(t, 2, accepted.Load())
}

func TestIdentifyTellsAClosedPort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := ln.Addr().(*net.TCPAddr).AddrPort()
	require.NoError(t, ln.Close())
	require.Equal(t, StatusGone, prober(nil, patient).IdentifyAt(context.Background(), addr).Status)
}

func TestIdentifyNeverLeavesTheScope(t *testing.T) {
	svc := prober(nil, patient).IdentifyAt(context.Background(), netip.MustParseAddrPort("198.51.100.1:80"))
	require.Equal(t, StatusLocal, svc.Status)
	require.Contains(t, svc.Error, "not loopback")
}

func TestIdentifyEndsWithItsContext(t *testing.T) {
	addr, _ := counted(t, 0, silent)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	svc := prober(nil, Options{Handshake: time.Minute, Quiet: time.Minute}).IdentifyAt(ctx, addr)
	require.Equal(t, StatusLocal, svc.Status, "a cancelled look says nothing of the host")
}

// TestIdentifySaysWhenItsTimeIsUp has a host that uses up its time: that is told of the host, not of this machine.
func TestIdentifySaysWhenItsTimeIsUp(t *testing.T) {
	addr, _ := counted(t, 0, silent)
	for _, opts := range []Options{
		{Handshake: time.Minute, Quiet: time.Minute},            // it ends within a conversation
		{Handshake: 150 * time.Millisecond, Quiet: time.Second}, // between two
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		svc := prober(nil, opts).IdentifyAt(ctx, addr)
		cancel()
		require.Equal(t, StatusBudget, svc.Status)
		require.Contains(t, svc.Error, "time was used up")
	}
}

// TestWhatWasHeardIsNotSilence has hosts whose first bytes give a protocol away that they then do not go on with.
func TestWhatWasHeardIsNotSilence(t *testing.T) {
	answering := func(text string, next func(net.Conn)) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = c.Read(make([]byte, 512))
			_, _ = io.WriteString(c, text)
			next(c)
		}
	}
	for name, tc := range map[string]struct {
		host func(net.Conn)
		want Status
	}{
		"interim answers":           {answering(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 8), closing), StatusMalformed},
		"half a status line":        {answering("HTTP/1.1 20", closing), StatusReset},
		"half a database message":   {answering("\x00\xc0\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\xdd\x07\x00\x00", silent), StatusTimedOut},
		"a literal that never ends": {func(c net.Conn) { _, _ = io.WriteString(c, "* OK {65536}\r\n"); silent(c) }, StatusTimedOut},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, _ := counted(t, 0, tc.host)
			svc := New(dial.New(loopback{}, nil, testLimits), patient).IdentifyAt(context.Background(), addr)
			require.Equal(t, tc.want, svc.Status, "%s %s", svc.Protocol, svc.Error)
			require.NotEmpty(t, svc.Error)
			require.NotEmpty(t, svc.Banner)
			require.Equal(t, "unknown", svc.Protocol)
		})
	}
}

func TestAPanickingParserLosesOneService(t *testing.T) {
	addr, _ := counted(t, 0, web)
	p := prober(nil, patient)
	q := &inquiry{Prober: p, ctx: context.Background(), peer: addr}
	r := q.play(move{ask: Protocol{Name: "broken", Ask: func(*Session) (Details, error) { panic("index out of range") }}})
	require.Equal(t, settled, r.kind)
	require.Equal(t, StatusCrashed, q.svc.Status)
	require.Contains(t, q.svc.Error, "broken: index out of range")
}

func TestCertificateNamesAreNamesOfTheService(t *testing.T) {
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("klant%d.example.test", i)
	}
	names[0] = "*.Example.TEST"
	addr, _ := counted(t, 0, inTLS(&tls.Config{Certificates: []tls.Certificate{certFor(t, names...)}}, web))
	svc := prober(nil, Options{Handshake: 3 * time.Second, Quiet: 50 * time.Millisecond}).IdentifyAt(context.Background(), addr)
	require.NotNil(t, svc.TLS, svc.Error)
	require.Equal(t, 10_000, svc.TLS.NameCount)
	require.Len(t, svc.TLS.Names, maxNames)
	require.Equal(t, Name{Value: "example.test", In: InCertificate, Port: addr.Port()}, svc.Names()[0])
	require.True(t, svc.TLS.SelfIssued)
}

func TestTLSThatWillNotTalkIsStillTLS(t *testing.T) {
	cfg := &tls.Config{Certificates: []tls.Certificate{certFor(t, "x.test")},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, fmt.Errorf("name please") }}
	addr, _ := counted(t, 0, inTLS(cfg, web))
	svc := prober(nil, patient).IdentifyAt(context.Background(), addr)
	require.Equal(t, "tls", svc.Protocol, "%+v", svc)
	require.NotEmpty(t, svc.Error)
}

func TestEveryPlanFitsTheBound(t *testing.T) {
	for port := range 65536 {
		moves := plan(uint16(port))
		require.NotEmpty(t, moves)
		require.LessOrEqual(t, len(moves), MaxConnections, "port %d", port)
	}
}

func TestServiceSurvivesJSON(t *testing.T) {
	for _, p := range Protocols() {
		in := Service{Port: 1, Transport: "tcp", Protocol: p.Name, Status: StatusOK, Details: p.New(), Connections: 1}
		b, err := in.MarshalJSON()
		require.NoError(t, err)
		var out Service
		require.NoError(t, out.UnmarshalJSON(b))
		require.IsType(t, in.Details, out.Details)
		require.Equal(t, p.Name, out.Details.Protocol())
		again, err := out.MarshalJSON()
		require.NoError(t, err)
		require.JSONEq(t, string(b), string(again))
	}
}
