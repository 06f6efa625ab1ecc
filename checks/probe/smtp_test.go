package probe

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// postfixAnswers is how a Debian postfix answers.
var postfixAnswers = map[string]string{
	"EHLO ": "250-mail.example.org\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n" +
		"250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n",
	"STARTTLS": "220 2.0.0 Ready to start TLS\r\n" + thenTLS,
	"QUIT":     "221 2.0.0 Bye\r\n" + thenClose,
}

const postfixGreeting = "220 mail.example.org ESMTP Postfix (Debian/GNU)\r\n"

// with returns answers with one of them changed.
func with(answers map[string]string, key, answer string) map[string]string {
	changed := map[string]string{key: answer}
	for k, v := range answers {
		if k != key {
			changed[k] = v
		}
	}
	return changed
}

func yes() *bool { v := true; return &v }
func no() *bool  { v := false; return &v }

func TestSMTP(t *testing.T) {
	p := &script{greeting: postfixGreeting, answers: postfixAnswers}
	s, d, heard, err := p.ask(t, Options{Identity: Identity{EHLO: "scan.example.net"}}, askSMTP)
	require.NoError(t, err)
	require.Equal(t, &SMTP{Greeting: "mail.example.org ESMTP Postfix (Debian/GNU)", Code: 220, Host: "mail.example.org",
		EHLOHost: "mail.example.org", Software: "postfix", StartTLS: yes(), Extensions: []string{"PIPELINING", "SIZE 10240000",
			"VRFY", "ETRN", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING"}}, d)
	require.Equal(t, []Name{{Value: "mail.example.org", In: InGreeting}}, d.Names())
	require.Equal(t, []string{"mx.example.test"}, s.TLS.Names)
	require.Equal(t, []string{"EHLO scan.example.net\r\n", "STARTTLS\r\n", "tls:QUIT\r\n"}, heard)
}

func TestSMTPSendsNothingElse(t *testing.T) {
	literal := "EHLO [127.0.0.1]\r\n"
	for name, c := range map[string]struct {
		greeting string
		answers  map[string]string
		opts     Options
		heard    []string
	}{
		"no STARTTLS":       {postfixGreeting, with(postfixAnswers, "EHLO ", "250 mail.example.org\r\n"), Options{}, []string{literal, "QUIT\r\n"}},
		"EHLO refused":      {postfixGreeting, with(postfixAnswers, "EHLO ", "502 what?\r\n"), Options{}, []string{literal, "QUIT\r\n"}},
		"STARTTLS refused":  {postfixGreeting, with(postfixAnswers, "STARTTLS", "454 no\r\n"), Options{}, []string{literal, "STARTTLS\r\n", "QUIT\r\n"}},
		"refusal":           {"554 mx.example.org no\r\n", postfixAnswers, Options{}, []string{"QUIT\r\n"}},
		"FTP":               {"220 FTP ready\r\n", nil, Options{}, nil},
		"smuggling by name": {postfixGreeting, postfixAnswers, Options{Identity: Identity{EHLO: "a\r\nMAIL FROM:<>"}}, []string{literal, "STARTTLS\r\n", "tls:QUIT\r\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &script{greeting: c.greeting, answers: c.answers}
			if c.heard == nil {
				p.answers = map[string]string{"EHLO ": "530 Please login with USER and PASS.\r\n"}
				_, d, heard, err := p.ask(t, c.opts, askSMTP)
				require.Nil(t, d)
				require.ErrorIs(t, err, ErrMalformed)
				require.Equal(t, []string{literal}, heard)
				return
			}
			_, d, heard, _ := p.ask(t, c.opts, askSMTP)
			require.NotNil(t, d)
			require.Equal(t, c.heard, heard)
		})
	}
}

func TestSMTPKeepsWhatWasLearnt(t *testing.T) {
	for name, c := range map[string]struct {
		greeting string
		answers  map[string]string
		check    func(t *testing.T, s *Session, d *SMTP, err error)
	}{
		"refusal": {"554-mx.example.org ESMTP\r\n554 Go away\r\n", postfixAnswers, func(t *testing.T, s *Session, d *SMTP, err error) {
			require.NoError(t, err)
			require.Equal(t, &SMTP{Greeting: "mx.example.org ESMTP\nGo away", Code: 554, Refused: true, Host: "mx.example.org"}, d)
			require.Equal(t, "mx.example.org ESMTP Go away", d.Summary())
		}},
		"busy": {"421 4.7.0 mx.example.org Too many connections\r\n" + thenClose, nil, func(t *testing.T, s *Session, d *SMTP, err error) {
			require.NoError(t, err)
			require.True(t, d.Refused)
			require.Nil(t, d.StartTLS, "not looked at")
		}},
		"STARTTLS refused": {postfixGreeting, with(postfixAnswers, "STARTTLS", "454 4.7.0 TLS not available\r\n"), func(t *testing.T, s *Session, d *SMTP, err error) {
			require.ErrorIs(t, err, ErrDeclined)
			require.ErrorContains(t, err, "454 4.7.0 TLS not available")
			require.Equal(t, yes(), d.StartTLS)
			require.Nil(t, s.TLS)
		}},
		"no TLS after consent": {postfixGreeting, with(postfixAnswers, "STARTTLS", "220 go\r\n"+thenClose), func(t *testing.T, s *Session, d *SMTP, err error) {
			require.ErrorContains(t, err, "starttls")
			require.Equal(t, "postfix", d.Software)
		}},
		"injection into TLS": {postfixGreeting, with(postfixAnswers, "STARTTLS", "220 go\r\n250 injected\r\n"), func(t *testing.T, s *Session, d *SMTP, err error) {
			require.ErrorContains(t, err, "between its consent")
			require.Equal(t, "postfix", d.Software)
		}},
		"EHLO cut off": {postfixGreeting, with(postfixAnswers, "EHLO ", "250-mail.example.org\r\n250-STAR"+thenClose), func(t *testing.T, s *Session, d *SMTP, err error) {
			require.ErrorIs(t, err, io.EOF)
			require.Nil(t, d.StartTLS)
			require.Equal(t, "mail.example.org", d.Host)
		}},
		"codes that change": {postfixGreeting, with(postfixAnswers, "EHLO ", "250-mail.example.org\r\n550 no\r\n"), func(t *testing.T, s *Session, d *SMTP, err error) {
			require.ErrorIs(t, err, ErrMalformed)
			require.NotNil(t, d)
		}},
		"greeting cut off within the name": {"220 mail.example.or" + thenClose, nil, func(t *testing.T, s *Session, d *SMTP, err error) {
			require.ErrorIs(t, err, io.EOF)
			require.Equal(t, "mail.example.or", d.Greeting)
			require.Empty(t, d.Host, "half a name is no evidence")
			require.Empty(t, d.Names())
		}},
		"escapes": {"220 mail.example.org \x1b]0;owned\a\x1b[2J ESMTP\r\n", postfixAnswers, func(t *testing.T, s *Session, d *SMTP, err error) {
			require.NoError(t, err)
			require.Equal(t, "mail.example.org \x1b]0;owned\a\x1b[2J ESMTP", d.Greeting)
		}},
		"400 extensions": {postfixGreeting, with(postfixAnswers, "EHLO ", "250-a.example.org\r\n"+strings.Repeat("250-X"+strings.Repeat("y", 500)+"\r\n", 95)+"250 STARTTLS\r\n"),
			func(t *testing.T, s *Session, d *SMTP, err error) {
				require.NoError(t, err)
				require.Len(t, d.Extensions, maxSMTPWords)
				require.Len(t, d.Extensions[0], maxKeyword)
				require.Equal(t, yes(), d.StartTLS, "also beyond the bound")
			}},
		"endless reply": {postfixGreeting, with(postfixAnswers, "EHLO ", strings.Repeat("250-X\r\n", 1000)), func(t *testing.T, s *Session, d *SMTP, err error) {
			require.ErrorIs(t, err, ErrMalformed)
			require.NotNil(t, d)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &script{greeting: c.greeting, answers: c.answers}
			s, d, _, err := p.ask(t, Options{}, askSMTP)
			require.NotNil(t, d, "%v", err)
			c.check(t, s, d.(*SMTP), err)
		})
	}
}

func TestSMTPInsideTLSDoesNotAskForIt(t *testing.T) {
	cert := certFor(t, "mx.example.test")
	p := &script{greeting: postfixGreeting, answers: postfixAnswers, ended: make(chan struct{})}
	s := converse(t, testLimits, Options{}, func(c net.Conn) {
		p.serve(tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}}))
	})
	require.NoError(t, s.StartTLS(""))
	d, err := askSMTP(s)
	require.NoError(t, err)
	require.Equal(t, yes(), d.(*SMTP).StartTLS)
	<-p.ended
	require.Equal(t, []string{"EHLO [127.0.0.1]\r\n", "QUIT\r\n"}, p.heard)
}

// A postscreen sends the first line of its greeting and lets the client wait for the last.
func TestSMTPWaitsForTheLastLine(t *testing.T) {
	s := converse(t, testLimits, Options{}, func(c net.Conn) {
		_, _ = io.WriteString(c, "220-mx.example.org ESMTP\r\n")
		time.Sleep(100 * time.Millisecond)
		_, _ = io.WriteString(c, "220 mx.example.org ESMTP Postfix\r\n")
		(&script{answers: with(postfixAnswers, "EHLO ", "250 mx.example.org\r\n"), ended: make(chan struct{})}).serve(c)
	})
	d, err := askSMTP(s)
	require.NoError(t, err)
	require.Equal(t, "postfix", d.(*SMTP).Software)
	require.Equal(t, "mx.example.org ESMTP\nmx.example.org ESMTP Postfix", d.(*SMTP).Greeting)
}

func TestSMTPMeetsHostileHosts(t *testing.T) { meetHostile(t, postfixGreeting, askSMTP, true) }

// A server that never answers QUIT costs no more than the courtesy wait.
func TestGoodbyeIsBounded(t *testing.T) {
	t.Parallel()
	p := &script{greeting: postfixGreeting, answers: map[string]string{"EHLO ": "250 mail.example.org\r\n"}}
	begun := time.Now()
	_, _, heard, err := p.ask(t, Options{}, askSMTP)
	require.NoError(t, err)
	require.Equal(t, "QUIT\r\n", heard[1])
	require.Less(t, time.Since(begun), goodbyeWait+500*time.Millisecond)
}

// Nor does one that answers for ever, though it had been given patience before.
func TestGoodbyeIsBoundedForATalker(t *testing.T) {
	t.Parallel()
	s := converse(t, dial.Options{Lifetime: 5 * time.Second}, Options{Handshake: 3 * time.Second}, func(c net.Conn) {
		for {
			if _, err := io.WriteString(c, "221-still here\r\n"); err != nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	begun := time.Now()
	s.quit()
	require.Less(t, time.Since(begun), goodbyeWait+time.Second)
}

func TestSMTPSoftware(t *testing.T) {
	for greeting, want := range map[string]string{
		"mail.example.org ESMTP Postfix":                                    "postfix",
		"exim.example.org ESMTP Postfix":                                    "postfix",
		"postfix.example.org ESMTP":                                         "",
		"cp1.example.org ESMTP Exim 4.97.1 #2":                              "exim",
		"mail.example.org ESMTP Sendmail 8.17.1/8.17.1; Mon":                "sendmail",
		"EX01.example.org Microsoft ESMTP MAIL Service ready at Mon, 1 Jan": "exchange",
		"mail.example.org ESMTP OpenSMTPD":                                  "opensmtpd",
		"mail.example.org ESMTP Haraka/3.0.3 ready":                         "haraka",
		"mail.example.org ESMTP MDaemon 23.5.2; Mon":                        "mdaemon",
		"mail.example.org Stalwart ESMTP at your service":                   "stalwart",
		"mail.example.org ESMTP":                                            "",
	} {
		var d SMTP
		d.greet(smtpReply{220, []string{greeting}}, true)
		require.Equal(t, want, d.Software, greeting)
	}
}

func TestParseSMTPLine(t *testing.T) {
	for line, want := range map[string]struct {
		code int
		text string
		last bool
	}{
		"220 a": {220, "a", true}, "220-a": {220, "a", false}, "250": {250, "", true}, "250 ": {250, "", true},
	} {
		code, text, last, err := parseSMTPLine(line)
		require.NoError(t, err)
		require.Equal(t, want, struct {
			code int
			text string
			last bool
		}{code, text, last}, line)
	}
	for _, line := range []string{"", "2", "22", "2200", "220a", "120 a", "620 a", "2x0 a", " 220 a", "\x1b20 a", "-220 a", "220\ta"} {
		_, _, _, err := parseSMTPLine(line)
		require.ErrorIs(t, err, ErrMalformed, "%q", line)
	}
}

func FuzzSMTP(f *testing.F) {
	ehlo := postfixAnswers["EHLO "]
	fuzzAsk(f, askSMTP, `(EHLO \[192\.0\.2\.1\]\r\n(STARTTLS\r\n(\x16\x03.*|QUIT\r\n)?|QUIT\r\n)?|QUIT\r\n)?`,
		postfixGreeting, postfixGreeting+ehlo, postfixGreeting+ehlo+"454 no\r\n221 bye\r\n", postfixGreeting+ehlo+"220 go\r\n",
		"220-mx.example.org ESMTP\r\n220 mx.example.org ESMTP Postfix\r\n"+ehlo, "554 mx.example.org\r\n221 bye\r\n",
		"421 4.7.0 busy\r\n", "220 (vsFTPd 3.0.3)\r\n530 Please login with USER and PASS.\r\n", "220\r\n250\r\n", "220 x\n250 y\n")
}

func FuzzSMTPReply(f *testing.F) {
	for _, seed := range []string{"250 ok\r\n", "250-a\r\n250 b\r\n", "250-a\r\n550 b\r\n", "250", "250-\n250-\n", "220 \x1b[2J\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		s, _ := against([]byte(data))
		r, err := readSMTPReply(s.ReadLine)
		require.LessOrEqual(t, len(r.lines), mailLines)
		if err == nil {
			require.NotEmpty(t, r.lines)
			require.True(t, r.code >= 200 && r.code < 600)
		}
		for _, line := range r.lines {
			require.LessOrEqual(t, len(line), mailLine)
			require.NotContains(t, line, "\n")
		}
		if err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrLineTooLong) {
			require.ErrorIs(t, err, io.EOF)
		}
	})
}
