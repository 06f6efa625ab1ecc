package probe

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// POP3 is what a mailbox server says of itself (RFC 1939, RFC 2449) before any log-in.
type POP3 struct {
	Greeting     string   `json:"greeting" expr:"greeting"`         // text of the greeting, at most 512 bytes
	Refused      bool     `json:"refused,omitempty" expr:"refused"` // the greeting was -ERR; nothing more was asked
	Host         string   `json:"host" expr:"host"`                 // a domain that the greeting names; "" when it names none
	Software     string   `json:"software" expr:"software"`         // "dovecot", "courier", "cyrus", ...; "" when not told
	Capabilities []string `json:"capabilities" expr:"capabilities"` // as CAPA tells them, upper case keyword, at most 64
	StartTLS     *bool    `json:"starttls" expr:"starttls"`         // offered (STLS); nil: capabilities were not told
}

func newPOP3() Details { return new(POP3) }

// Protocol implements Details.
func (*POP3) Protocol() string { return "pop3" }

// Names implements Details: the host of the greeting.
func (d *POP3) Names() []Name { return greetingNames(d.Host) }

// Summary implements Details.
func (d *POP3) Summary() string { return d.Greeting }

// parsePOP3Status takes a status line apart (RFC 1939 section 3).
func parsePOP3Status(line string) (ok bool, text string, err error) {
	for _, status := range []string{"+OK", "-ERR"} {
		text, found := strings.CutPrefix(line, status)
		if found && (text == "" || text[0] == ' ') {
			return status == "+OK", strings.TrimPrefix(text, " "), nil
		}
	}
	return false, "", fmt.Errorf("%q is no pop3 response: %w", clip(line, 40), ErrMalformed)
}

// readPOP3List reads the lines of a multi-line response up to its end, and undoes the byte-stuffing (RFC 1939 section 3).
// It returns the whole lines that came before an error too.
func readPOP3List(next func(limit int) (string, error)) (lines []string, err error) {
	for range mailLines {
		line, err := next(mailLine)
		if err != nil {
			return lines, err
		}
		if line == "." {
			return lines, nil
		}
		lines = append(lines, strings.TrimPrefix(line, "."))
	}
	return lines, fmt.Errorf("response of more than %d lines: %w", mailLines, ErrMalformed)
}

// isPOP3 recognises the greeting, also a refusal, and leaves out what Redis answers to a foreign question.
func isPOP3(first []byte) bool {
	if isRedis(first) {
		return false
	}
	line, _, _ := bytes.Cut(first, []byte("\n"))
	_, _, err := parsePOP3Status(strings.TrimRight(string(line[:min(len(line), mailLine)]), "\r"))
	return err == nil
}

// greet puts the greeting into the details. A greeting that was cut off (whole is false) is kept, but its words prove
// nothing.
func (d *POP3) greet(text string, ok, whole bool) {
	d.Greeting, d.Refused = clip(text, maxGreeting), !ok
	if whole {
		d.Host = hostWithin(text)
		d.Software = mailSoftware(d.Host, text)
	}
}

// tell keeps what CAPA told.
func (d *POP3) tell(lines []string) {
	offered := offers(lines, "STLS")
	d.Capabilities, d.StartTLS = capabilities(lines, maxMailWords), &offered
	for _, line := range d.Capabilities {
		if implementation, ok := strings.CutPrefix(line, "IMPLEMENTATION "); ok && d.Software == "" {
			d.Software = mailSoftware("", implementation)
		}
	}
}

// askPOP3 reads the greeting, sends CAPA, and STLS where it is offered, and says QUIT.
func askPOP3(s *Session) (Details, error) {
	d := new(POP3)
	line, err := s.ReadLine(mailLine)
	ok, text, bad := parsePOP3Status(line)
	if bad != nil || isRedis([]byte(line)) {
		return nil, notThis("pop3", err)
	}
	d.greet(text, ok, err == nil)
	if err != nil {
		return d, fmt.Errorf("pop3 greeting: %w", err)
	}
	if d.Refused {
		s.goodbye("QUIT", anyLine)
		return d, nil
	}
	if err = d.capa(s); err == nil && s.TLS == nil && d.StartTLS != nil && *d.StartTLS {
		err = d.upgrade(s)
	}
	if err == nil || errors.Is(err, ErrDeclined) {
		s.goodbye("QUIT", anyLine)
	}
	return d, err
}

func anyLine(string) bool { return true }

// capa asks for the capabilities. A server without CAPA (it is of 1998) leaves StartTLS nil, which is no error.
func (d *POP3) capa(s *Session) error {
	ok, _, err := s.pop3("CAPA")
	if err != nil || !ok {
		return err
	}
	lines, err := readPOP3List(s.ReadLine)
	if err != nil {
		d.Capabilities = capabilities(lines, maxMailWords)
		return fmt.Errorf("answer to CAPA: %w", err)
	}
	d.tell(lines)
	return nil
}

func (d *POP3) upgrade(s *Session) error {
	ok, text, err := s.pop3("STLS")
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("stls was answered with -ERR %s: %w", clip(text, 80), ErrDeclined)
	}
	if err := s.StartTLS(""); err != nil {
		return fmt.Errorf("stls: %w", err)
	}
	return nil
}

// pop3 sends one command and reads its status line.
func (s *Session) pop3(command string) (ok bool, text string, err error) {
	if err := s.say(command); err != nil {
		return false, "", err
	}
	line, err := s.ReadLine(mailLine)
	if err == nil {
		ok, text, err = parsePOP3Status(line)
	}
	if err != nil {
		return false, "", fmt.Errorf("answer to %s: %w", command, err)
	}
	return ok, text, nil
}
