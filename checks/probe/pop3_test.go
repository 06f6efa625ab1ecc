package probe

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const pop3Greeting = "+OK Dovecot (Debian) ready. <4d2.1.65f.abc@pop.example.org>\r\n"

var pop3Answers = map[string]string{
	"CAPA": "+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nstls\r\nSASL PLAIN LOGIN\r\n.\r\n",
	"STLS": "+OK Begin TLS negotiation now.\r\n" + thenTLS,
	"QUIT": "+OK Logging out\r\n" + thenClose,
}

func TestPOP3(t *testing.T) {
	p := &script{greeting: pop3Greeting, answers: pop3Answers}
	s, d, heard, err := p.ask(t, Options{}, askPOP3)
	require.NoError(t, err)
	require.Equal(t, &POP3{Greeting: "Dovecot (Debian) ready. <4d2.1.65f.abc@pop.example.org>", Host: "pop.example.org", Software: "dovecot",
		Capabilities: []string{"CAPA", "TOP", "UIDL", "STLS", "SASL PLAIN LOGIN"}, StartTLS: yes()}, d)
	require.Equal(t, []Name{{Value: "pop.example.org", In: InGreeting}}, d.Names())
	require.Equal(t, []string{"mx.example.test"}, s.TLS.Names)
	require.Equal(t, []string{"CAPA\r\n", "STLS\r\n", "tls:QUIT\r\n"}, heard)
}

func TestPOP3Conversations(t *testing.T) {
	for name, c := range map[string]struct {
		greeting string
		answers  map[string]string
		heard    []string
		check    func(t *testing.T, s *Session, d *POP3, err error)
	}{
		"no CAPA": {"+OK ready\r\n", with(pop3Answers, "CAPA", "-ERR unknown\r\n"), []string{"CAPA\r\n", "QUIT\r\n"}, func(t *testing.T, s *Session, d *POP3, err error) {
			require.NoError(t, err)
			require.Nil(t, d.StartTLS, "not told is not absent")
		}},
		"no STLS": {"+OK ready\r\n", with(pop3Answers, "CAPA", "+OK\r\nUIDL\r\n..STLS\r\nIMPLEMENTATION Cyrus POP3 server v2.4.17\r\n.\r\n"), []string{"CAPA\r\n", "QUIT\r\n"}, func(t *testing.T, s *Session, d *POP3, err error) {
			require.NoError(t, err)
			require.Equal(t, no(), d.StartTLS)
			require.Equal(t, "cyrus", d.Software)
			require.Equal(t, ".STLS", d.Capabilities[1])
		}},
		"refusal": {"-ERR [SYS/TEMP] mail.example.org busy\r\n", pop3Answers, []string{"QUIT\r\n"}, func(t *testing.T, s *Session, d *POP3, err error) {
			require.NoError(t, err)
			require.True(t, d.Refused)
			require.Equal(t, "mail.example.org", d.Host)
		}},
		"STLS refused": {pop3Greeting, with(pop3Answers, "STLS", "-ERR no\r\n"), []string{"CAPA\r\n", "STLS\r\n", "QUIT\r\n"}, func(t *testing.T, s *Session, d *POP3, err error) {
			require.ErrorIs(t, err, ErrDeclined)
			require.Equal(t, "dovecot", d.Software)
			require.Equal(t, yes(), d.StartTLS)
		}},
		"injection into TLS": {pop3Greeting, with(pop3Answers, "STLS", "+OK\r\n+OK injected\r\n"), []string{"CAPA\r\n", "STLS\r\n"}, func(t *testing.T, s *Session, d *POP3, err error) {
			require.ErrorContains(t, err, "between its consent")
		}},
		"cut off": {pop3Greeting, with(pop3Answers, "CAPA", "+OK\r\nUIDL\r\nST"+thenClose), []string{"CAPA\r\n"}, func(t *testing.T, s *Session, d *POP3, err error) {
			require.ErrorIs(t, err, io.EOF)
			require.Equal(t, []string{"UIDL"}, d.Capabilities)
			require.Nil(t, d.StartTLS)
		}},
		"endless list": {pop3Greeting, with(pop3Answers, "CAPA", "+OK\r\n"+strings.Repeat("X\r\n", 1000)), []string{"CAPA\r\n"}, func(t *testing.T, s *Session, d *POP3, err error) {
			require.ErrorIs(t, err, ErrMalformed)
			require.Len(t, d.Capabilities, maxMailWords)
		}},
		"another tongue": {pop3Greeting, with(pop3Answers, "CAPA", "220 \x1b[2J\r\n"), []string{"CAPA\r\n"}, func(t *testing.T, s *Session, d *POP3, err error) {
			require.ErrorIs(t, err, ErrMalformed)
			require.NotNil(t, d)
		}},
		"Redis": {"-DENIED Redis is running in protected mode\r\n", pop3Answers, nil, func(t *testing.T, s *Session, d *POP3, err error) {
			require.ErrorIs(t, err, ErrMalformed)
			require.Nil(t, d)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &script{greeting: c.greeting, answers: c.answers}
			s, d, heard, err := p.ask(t, Options{}, askPOP3)
			pop3, _ := d.(*POP3)
			c.check(t, s, pop3, err)
			require.Equal(t, c.heard, heard)
		})
	}
}

func TestPOP3MeetsHostileHosts(t *testing.T) { meetHostile(t, pop3Greeting, askPOP3, true) }

func FuzzPOP3(f *testing.F) {
	fuzzAsk(f, askPOP3, `(CAPA\r\n(STLS\r\n\x16\x03.*|(STLS\r\n)?(QUIT\r\n)?))?|QUIT\r\n`,
		pop3Greeting, pop3Greeting+pop3Answers["CAPA"], pop3Greeting+pop3Answers["CAPA"]+"+OK\r\n", pop3Greeting+pop3Answers["CAPA"]+"-ERR\r\n+OK\r\n",
		"-ERR busy\r\n+OK bye\r\n", "+OK\r\n-ERR\r\n", "+OK <@>\r\n", "-ERR unknown command 'CAPA'\r\n", "+PONG\r\n")
}

func FuzzPOP3List(f *testing.F) {
	for _, seed := range []string{".\r\n", "a\r\n..b\r\n.\r\n", "a\n.\n", "a", "....\r\n.\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		s, _ := against([]byte(data))
		lines, err := readPOP3List(s.ReadLine)
		require.LessOrEqual(t, len(lines), mailLines)
		if err == nil {
			require.Contains(t, "\n"+strings.ReplaceAll(data, "\r", ""), "\n.\n")
		}
		for _, line := range lines {
			require.LessOrEqual(t, len(line), mailLine)
		}
	})
}
