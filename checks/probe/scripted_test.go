package probe

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// Marks at the end of a scripted reply.
const (
	thenTLS   = "\x00tls"   // turn the conversation into TLS after the reply
	thenClose = "\x00close" // hang up after the reply
)

// script plays a server that greets and answers line by line. It remembers every byte that it was sent.
type script struct {
	greeting string
	answers  map[string]string // by what the line begins with; a line without an answer gets silence
	cert     *tls.Certificate

	mu    sync.Mutex
	heard []string // lines with their ends; those inside TLS begin with "tls:"
	ended chan struct{}
}

func (p *script) serve(c net.Conn) {
	defer close(p.ended)
	conn, where := c, ""
	if p.greeting != "" && !p.reply(conn, p.greeting) {
		return
	}
	br := bufio.NewReader(conn)
	for {
		line, err := br.ReadString('\n')
		p.mu.Lock()
		if line != "" {
			p.heard = append(p.heard, where+line)
		}
		p.mu.Unlock()
		if err != nil {
			return
		}
		for start, answer := range p.answers {
			if !strings.HasPrefix(line, start) {
				continue
			}
			if !p.reply(conn, strings.TrimSuffix(answer, thenTLS)) {
				return
			}
			if strings.HasSuffix(answer, thenTLS) {
				conn, where = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{*p.cert}}), "tls:"
				br = bufio.NewReader(conn)
			}
		}
	}
}

// reply sends an answer; false ends the conversation.
func (p *script) reply(c net.Conn, answer string) bool {
	text, closes := strings.CutSuffix(answer, thenClose)
	_, err := io.WriteString(c, text)
	return err == nil && !closes
}

// ask runs a handshake with the scripted server and returns what it gave and what the server heard.
func (p *script) ask(t *testing.T, opts Options, ask func(*Session) (Details, error)) (*Session, Details, []string, error) {
	t.Helper()
	if p.cert == nil {
		cert := certFor(t, "mx.example.test")
		p.cert = &cert
	}
	p.ended = make(chan struct{})
	s := converse(t, dial.Options{ConnectTimeout: time.Second, Lifetime: 2 * time.Second, MaxBytes: 256 << 10}, opts, p.serve)
	d, err := ask(s)
	s.close()
	<-p.ended
	p.mu.Lock()
	defer p.mu.Unlock()
	return s, d, p.heard, err
}

// meetHostile lets a handshake meet the hostile hosts, all at once. Each conversation must end in bounded time, with an
// error and bounded details. named says that half a greeting gives the protocol away.
func meetHostile(t *testing.T, greeting string, ask func(*Session) (Details, error), named bool) {
	t.Helper()
	t.Parallel()
	type outcome struct {
		name    string
		details Details
		err     error
		took    time.Duration
	}
	hosts := map[string]func(net.Conn){
		"closing": closing, "silent": silent, "endless": endless(greeting), "endless noise": endless("\x1b]0;owned\a\r\n"),
		"slow": slow(greeting), "truncating": truncating(greeting),
	}
	outcomes := make(chan outcome)
	for name, host := range hosts {
		s := converse(t, testLimits, Options{}, host)
		go func() {
			begun := time.Now()
			d, err := ask(s)
			outcomes <- outcome{name, d, err, time.Since(begun)}
		}()
	}
	for range hosts {
		o := <-outcomes
		require.Less(t, o.took, 2*time.Second, o.name)
		require.Error(t, o.err, o.name)
		bounded(t, o.details)
		if named && (o.name == "truncating" || o.name == "endless") {
			require.NotNil(t, o.details, "%s: what was learnt is kept beside the error: %v", o.name, o.err)
		}
	}
}

// bounded says that details are small enough to keep millions of.
func bounded(t testing.TB, d Details) {
	t.Helper()
	if d == nil {
		return
	}
	b, err := json.Marshal(d)
	require.NoError(t, err)
	require.Less(t, len(b), 6*32<<10) // one byte may take six in JSON
	require.LessOrEqual(t, len(d.Summary()), maxGreeting)
	for _, n := range d.Names() {
		require.NotEmpty(t, n.Value)
		require.LessOrEqual(t, len(n.Value), 253)
		require.Equal(t, strings.ToLower(n.Value), n.Value)
		require.Equal(t, InGreeting, n.In)
	}
}

// canned is a connection whose peer says data, whatever it is sent, and then hangs up.
type canned struct {
	io.Reader
	sent bytes.Buffer
}

func (c *canned) Write(p []byte) (int, error)        { return c.sent.Write(p) }
func (c *canned) Close() error                       { return nil }
func (c *canned) LocalAddr() net.Addr                { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 40000} }
func (c *canned) RemoteAddr() net.Addr               { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 25} }
func (c *canned) SetDeadline(t time.Time) error      { return nil }
func (c *canned) SetReadDeadline(t time.Time) error  { return nil }
func (c *canned) SetWriteDeadline(t time.Time) error { return nil }

// against is a session whose peer says data. sent collects what we send.
func against(data []byte) (s *Session, sent *bytes.Buffer) {
	c := &canned{Reader: bytes.NewReader(data)}
	s = &Session{Ctx: context.Background(), conn: &tap{Conn: c}}
	s.br = bufio.NewReaderSize(s.conn, 4096)
	return s, &c.sent
}

// fuzzAsk runs a whole handshake against arbitrary bytes. It must not panic, must keep bounded details, and may send
// nothing but what allowed matches, whatever the peer says. In allowed, \xNN is the byte NN.
func fuzzAsk(f *testing.F, ask func(*Session) (Details, error), allowed string, seeds ...string) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	only := regexp.MustCompile(`\A(?s:` + allowed + `)\z`)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, sent := against(data)
		d, err := ask(s)
		bounded(t, d)
		if d == nil && err == nil {
			t.Fatal("neither details nor an error")
		}
		runes := make([]rune, 0, sent.Len()) // a regexp sees runes; bytes beyond ASCII are none by themselves
		for _, b := range sent.Bytes() {
			runes = append(runes, rune(b))
		}
		if !only.MatchString(string(runes)) {
			t.Fatalf("sent %q", sent.Bytes())
		}
	})
}

// recognisers are the pure recognisers of the protocols that speak in lines or frames of their own.
var recognisers = map[string]func([]byte) bool{
	"smtp": isSMTP, "imap": isIMAP, "pop3": isPOP3, "ssh": isSSH, "redis": isRedis, "mongodb": isMongoDB,
}

func TestRecognise(t *testing.T) {
	for first, want := range map[string]string{
		"220 mail.example.org ESMTP Postfix (Debian/GNU)\r\n":                                    "smtp",
		"220-cp1.example.org ESMTP Exim 4.97.1 #2 Mon, 01 Jan 2024 00:00:00 +0100 \r\n220-We do": "smtp",
		"220 example.org\r\n":                                                          "smtp",
		"220 [192.0.2.1] ready\r\n":                                                    "smtp",
		"220 ESMTP\r\n":                                                                "smtp",
		"220 smtp.example.org FTP server (vsFTPd 3.0.3)\r":                             "",
		"220 ftp.example.org ESMTP ready\r\n":                                          "smtp",
		"220 Sendmail ready\r\n":                                                       "smtp",
		"554 5.7.1 You have no reverse DNS\r\n":                                        "smtp",
		"554 mx.example.org\r\n":                                                       "smtp",
		"521 example.org does not accept mail\r\n":                                     "smtp",
		"421 4.7.0 Too many connections\r\n":                                           "smtp",
		"421 Too many connections (8) from this IP\r\n":                                "",
		"220 (vsFTPd 3.0.3)\r\n":                                                       "",
		"220 ProFTPD Server (Debian) [::ffff:192.0.2.1]\r":                             "",
		"220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\r\n220-You are": "",
		"220-FileZilla Server 1.7.0\r\n220 Please visit https://filezilla-project.org": "",
		"220 Microsoft FTP Service\r\n":                                                "",
		"220 Welcome\r\n":                                                              "",
		"200 news.example.org InterNetNews NNRP server INN 2.6.3 ready\r\n":            "",
		"* OK [CAPABILITY IMAP4rev1 SASL-IR] Dovecot (Debian) ready.\r\n":              "imap",
		"* PREAUTH welcome\r\n":                                                        "imap",
		"* BYE Too busy\r\n":                                                           "imap",
		"* ok ready\r\n":                                                               "imap",
		"* OK MUPDATE \"mail.example.org\" \"Cyrus\"\r\n":                              "",
		"* OKAY\r\n":                                "",
		"+OK Dovecot (Debian) ready.\r\n":           "pop3",
		"+OK <1896.697170952@mail.example.org>\r\n": "pop3",
		"-ERR [SYS/TEMP] Too many connections\r\n":  "pop3",
		"+OKAY\r\n":                            "",
		"+PONG\r\n":                            "redis",
		"-NOAUTH Authentication required.\r\n": "redis",
		"-DENIED Redis is running in protected mode bec": "redis",
		"-ERR wrong number of arguments for 'get' comma": "redis",
		"-ERR unknown command 'HELO', with args beginni": "redis",
		"-ERR Unknown command.\r\n":                      "pop3",
		"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n":     "ssh",
		"SSH-1.99-Cisco-1.25\n":                          "ssh",
		"Authorised use only\r\nSSH-2.0-dropbear\r\n":    "ssh",
		"kq'3f1\r\nYd8\r\n":                              "",
		"HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 85\r\n\r\n" +
			"It looks like you are trying to access MongoDB over HTTP on the native driver port.\n": "mongodb",
		"HTTP/1.1 200 OK\r\n\r\n": "",
		string(mongoMessage(1, new(bsonBuilder).int32("ok", 1).bytes())): "mongodb",
		"": "", "\r\n": "", "2": "", "220": "", "\x05\x00": "", "\x15\x03\x01\x00\x02\x02\x46": "",
	} {
		var got string
		for name, is := range recognisers {
			if is([]byte(first)) {
				require.Empty(t, got, "%q is two protocols", first)
				got = name
			}
		}
		require.Equal(t, want, got, "%q", first)
	}
}

func FuzzRecognise(f *testing.F) {
	for _, seed := range []string{"220 a.test ESMTP", "* OK ", "+OK", "-ERR unknown command '", "x\nSSH-2.0-a", "HTTP/1.0 200 OK"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, first []byte) {
		before, n := bytes.Clone(first), 0
		for name, is := range recognisers {
			if is(first) && name != "ssh" { // ssh may come behind any other line
				n++
			}
		}
		require.LessOrEqual(t, n, 1, "%q is two protocols", first)
		require.Equal(t, before, first, "a recogniser changed its input")
	})
}
