package probe

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const dovecotGreeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS AUTH=PLAIN] Dovecot (Debian) ready.\r\n"

var imapAnswers = map[string]string{
	"a CAPABILITY": "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\na OK done\r\n",
	"b STARTTLS":   "b OK Begin TLS negotiation now.\r\n" + thenTLS,
	"c LOGOUT":     "* BYE Logging out\r\nc OK Logout completed.\r\n" + thenClose,
}

func TestIMAP(t *testing.T) {
	p := &script{greeting: dovecotGreeting, answers: imapAnswers}
	s, d, heard, err := p.ask(t, Options{}, askIMAP)
	require.NoError(t, err)
	require.Equal(t, &IMAP{Greeting: "Dovecot (Debian) ready.", Software: "dovecot", StartTLS: yes(),
		Capabilities: []string{"IMAP4REV1", "SASL-IR", "LOGIN-REFERRALS", "ID", "ENABLE", "IDLE", "LITERAL+", "STARTTLS", "AUTH=PLAIN"}}, d)
	require.Equal(t, []string{"mx.example.test"}, s.TLS.Names)
	require.Equal(t, []string{"b STARTTLS\r\n", "tls:c LOGOUT\r\n"}, heard)
}

func TestIMAPConversations(t *testing.T) {
	const bare = "* OK mail.example.org Cyrus IMAP4 v2.4.17-Fedora-RPM-2.4.17-8.el7_1 server ready\r\n"
	for name, c := range map[string]struct {
		greeting string
		answers  map[string]string
		heard    []string
		check    func(t *testing.T, s *Session, d *IMAP, err error)
	}{
		"capabilities asked for": {bare, imapAnswers, []string{"a CAPABILITY\r\n", "b STARTTLS\r\n", "tls:c LOGOUT\r\n"}, func(t *testing.T, s *Session, d *IMAP, err error) {
			require.NoError(t, err)
			require.Equal(t, "mail.example.org", d.Host)
			require.Equal(t, "cyrus", d.Software)
			require.Equal(t, []string{"IMAP4REV1", "STARTTLS", "LOGINDISABLED"}, d.Capabilities)
			require.Equal(t, []Name{{Value: "mail.example.org", In: InGreeting}}, d.Names())
		}},
		"no STARTTLS": {bare, with(imapAnswers, "a CAPABILITY", "* CAPABILITY IMAP4rev1\r\na OK\r\n"), []string{"a CAPABILITY\r\n", "c LOGOUT\r\n"}, func(t *testing.T, s *Session, d *IMAP, err error) {
			require.NoError(t, err)
			require.Equal(t, no(), d.StartTLS)
		}},
		"capabilities refused": {bare, with(imapAnswers, "a CAPABILITY", "a BAD what\r\n"), []string{"a CAPABILITY\r\n", "c LOGOUT\r\n"}, func(t *testing.T, s *Session, d *IMAP, err error) {
			require.NoError(t, err)
			require.Nil(t, d.StartTLS, "not told is not absent")
		}},
		"PREAUTH": {"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", imapAnswers, []string{"c LOGOUT\r\n"}, func(t *testing.T, s *Session, d *IMAP, err error) {
			require.NoError(t, err)
			require.True(t, d.Preauth)
			require.Nil(t, s.TLS)
		}},
		"BYE": {"* BYE mail.example.org too many connections\r\n" + thenClose, imapAnswers, nil, func(t *testing.T, s *Session, d *IMAP, err error) {
			require.NoError(t, err)
			require.True(t, d.Refused)
			require.Equal(t, "mail.example.org", d.Host)
		}},
		"STARTTLS refused": {dovecotGreeting, with(imapAnswers, "b STARTTLS", "b NO not today\r\n"), []string{"b STARTTLS\r\n", "c LOGOUT\r\n"}, func(t *testing.T, s *Session, d *IMAP, err error) {
			require.ErrorIs(t, err, ErrDeclined)
			require.Equal(t, "dovecot", d.Software)
		}},
		"injection into TLS": {dovecotGreeting, with(imapAnswers, "b STARTTLS", "b OK go\r\n* CAPABILITY AUTH=PLAIN\r\n"), []string{"b STARTTLS\r\n"}, func(t *testing.T, s *Session, d *IMAP, err error) {
			require.ErrorContains(t, err, "between its consent")
			require.NotNil(t, d.StartTLS)
		}},
		"literals": {"* OK hello {13}\r\na OK forged\r\n again {0}\r\n\r\n", with(imapAnswers, "a CAPABILITY", "* CAPABILITY X {3}\r\nabc STARTTLS\r\na OK done\r\n"),
			[]string{"a CAPABILITY\r\n", "b STARTTLS\r\n", "tls:c LOGOUT\r\n"}, func(t *testing.T, s *Session, d *IMAP, err error) {
				require.NoError(t, err)
				require.Equal(t, []string{"X", "{3}", "STARTTLS"}, d.Capabilities)
			}},
		"lying literal": {"* OK hello {99999999999999999999}\r\n", imapAnswers, nil, func(t *testing.T, s *Session, d *IMAP, err error) {
			require.ErrorIs(t, err, ErrMalformed)
			require.Nil(t, d)
		}},
		"endless untagged": {bare, with(imapAnswers, "a CAPABILITY", strings.Repeat("* X\r\n", 1000)), []string{"a CAPABILITY\r\n"}, func(t *testing.T, s *Session, d *IMAP, err error) {
			require.ErrorIs(t, err, ErrMalformed)
			require.Equal(t, "cyrus", d.Software)
		}},
		"cut off": {bare, with(imapAnswers, "a CAPABILITY", "* CAPABILITY IMAP4rev1 START"+thenClose), []string{"a CAPABILITY\r\n"}, func(t *testing.T, s *Session, d *IMAP, err error) {
			require.ErrorIs(t, err, io.EOF)
			require.Nil(t, d.StartTLS)
		}},
		"many capabilities": {"* OK [CAPABILITY " + strings.Repeat("X ", 500) + "STARTTLS] \x1b]0;owned\a\r\n", imapAnswers, []string{"b STARTTLS\r\n", "tls:c LOGOUT\r\n"}, func(t *testing.T, s *Session, d *IMAP, err error) {
			require.NoError(t, err)
			require.Len(t, d.Capabilities, maxMailWords)
			require.Equal(t, yes(), d.StartTLS)
			require.Equal(t, "\x1b]0;owned\a", d.Summary(), "raw: cleaned where it is shown")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &script{greeting: c.greeting, answers: c.answers}
			s, d, heard, err := p.ask(t, Options{}, askIMAP)
			imap, _ := d.(*IMAP)
			c.check(t, s, imap, err)
			require.Equal(t, c.heard, heard)
		})
	}
}

func TestIMAPMeetsHostileHosts(t *testing.T) { meetHostile(t, dovecotGreeting, askIMAP, true) }

func FuzzIMAP(f *testing.F) {
	fuzzAsk(f, askIMAP, `(a CAPABILITY\r\n)?(b STARTTLS\r\n\x16\x03.*|(b STARTTLS\r\n)?(c LOGOUT\r\n)?)`,
		dovecotGreeting, dovecotGreeting+"b OK go\r\n", dovecotGreeting+"b NO go\r\nc OK\r\n", "* OK ready\r\n* CAPABILITY IMAP4rev1\r\na OK\r\n* BYE\r\nc OK\r\n",
		"* PREAUTH x\r\n", "* BYE x\r\n", "* OK {3}\r\nabc\r\n", "* OK {65536}\r\n", "* OK {3+}\r\nab", "* ok\r\n", "* OK [CAPABILITY STARTTLS\r\n")
}

func FuzzIMAPLine(f *testing.F) {
	for _, seed := range []string{dovecotGreeting, "a OK done", "* CAPABILITY IMAP4rev1", "+ idling", "* OK [", "* OK ]", "* OK [x] [y] z", " ", "a {5}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r, err := parseIMAPLine(line)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			require.Zero(t, r)
			return
		}
		require.LessOrEqual(t, len(r.tag)+len(r.code)+len(r.text), len(line))
		list, told := r.capabilities()
		require.True(t, told || list == nil)
		require.LessOrEqual(t, len(capabilities(list, maxMailWords)), maxMailWords)
		if n, ok, err := literal(line); ok && err == nil {
			require.True(t, n >= 0 && n <= imapLiteral)
		}
	})
}
