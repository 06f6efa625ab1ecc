package probe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// IMAP is what a mailbox server says of itself (RFC 9051) before any log-in.
type IMAP struct {
	Greeting     string   `json:"greeting" expr:"greeting"`         // text of the greeting, at most 512 bytes
	Refused      bool     `json:"refused,omitempty" expr:"refused"` // the greeting was BYE; nothing more was asked
	Preauth      bool     `json:"preauth,omitempty" expr:"preauth"` // the greeting was PREAUTH: no log-in is asked of us
	Host         string   `json:"host" expr:"host"`                 // a domain that the greeting names; "" when it names none
	Software     string   `json:"software" expr:"software"`         // "dovecot", "courier", "cyrus", ...; "" when not told
	Capabilities []string `json:"capabilities" expr:"capabilities"` // as in RFC 9051 section 7.2.2, at most 64
	StartTLS     *bool    `json:"starttls" expr:"starttls"`         // offered; nil: capabilities were not told
}

func newIMAP() Details { return new(IMAP) }

// Protocol implements Details.
func (*IMAP) Protocol() string { return "imap" }

// Names implements Details: the host of the greeting.
func (d *IMAP) Names() []Name { return greetingNames(d.Host) }

// Summary implements Details.
func (d *IMAP) Summary() string { return d.Greeting }

const (
	imapLine     = 8192      // octets of one line: RFC 7162 section 4 asks clients for as many
	imapLiteral  = 64 << 10  // octets of a literal that is skipped; none has a place before log-in
	imapLiterals = 4         // of them in one line
	imapUntagged = mailLines // untagged responses before the tagged one
)

// imapResponse is one line of a server (RFC 9051 section 2.2.2) taken apart: "*", "+" or our tag, then OK, NO, BAD, BYE,
// PREAUTH or the name of untagged data in upper case, then the rest. code is the response code in brackets, without
// them.
type imapResponse struct{ tag, kind, code, text string }

// parseIMAPLine takes one line apart.
func parseIMAPLine(line string) (imapResponse, error) {
	tag, rest, ok := strings.Cut(line, " ")
	if !ok || tag == "" || len(tag) > 32 {
		return imapResponse{}, fmt.Errorf("%q is no imap response: %w", clip(line, 40), ErrMalformed)
	}
	kind, text, _ := strings.Cut(rest, " ")
	r := imapResponse{tag: tag, kind: strings.ToUpper(kind), text: text}
	if code, after, ok := strings.Cut(strings.TrimPrefix(text, "["), "]"); ok && strings.HasPrefix(text, "[") {
		r.code, r.text = code, strings.TrimPrefix(after, " ")
	}
	return r, nil
}

// capabilities returns the capabilities that a response tells, as a response code or as untagged data.
func (r imapResponse) capabilities() ([]string, bool) {
	if r.tag == "*" && r.kind == "CAPABILITY" {
		return strings.Fields(r.text), true
	}
	name, list, _ := strings.Cut(r.code, " ")
	if strings.EqualFold(name, "CAPABILITY") {
		return strings.Fields(list), true
	}
	return nil, false
}

// literal returns the length of the literal that line ends with (RFC 9051 section 4.3); ok is false when it ends with none.
func literal(line string) (octets int, ok bool, err error) {
	open := strings.LastIndexByte(line, '{')
	if open < 0 || !strings.HasSuffix(line, "}") {
		return 0, false, nil
	}
	number := strings.TrimSuffix(line[open+1:len(line)-1], "+")
	if number == "" || !allDigits(number) {
		return 0, false, nil
	}
	octets, err = strconv.Atoi(number)
	if err != nil || octets > imapLiteral {
		return 0, true, fmt.Errorf("literal of %s octets before log-in: %w", clip(number, 20), ErrMalformed)
	}
	return octets, true, nil
}

// readIMAP reads one response. The contents of literals are skipped: they are not needed, and must not pass for lines.
func (s *Session) readIMAP() (imapResponse, error) {
	var line string
	for range imapLiterals + 1 {
		part, err := s.ReadLine(imapLine - len(line))
		line += part
		if err != nil {
			r, _ := parseIMAPLine(line) // what came before the end, for the greeting
			return r, err
		}
		octets, ok, err := literal(part)
		if err != nil {
			return imapResponse{}, err
		}
		if !ok {
			return parseIMAPLine(line)
		}
		if _, err := io.CopyN(io.Discard, s.br, int64(octets)); err != nil {
			return imapResponse{}, err
		}
	}
	return imapResponse{}, fmt.Errorf("line with more than %d literals: %w", imapLiterals, ErrMalformed)
}

// isIMAP recognises the greeting (RFC 9051 section 7.1) and leaves out MUPDATE's, which begins alike (RFC 3656).
func isIMAP(first []byte) bool {
	for _, kind := range []string{"* OK", "* PREAUTH", "* BYE"} {
		if len(first) < len(kind) || !bytes.EqualFold(first[:len(kind)], []byte(kind)) {
			continue
		}
		rest := first[len(kind):]
		return len(rest) == 0 || bytes.IndexByte([]byte(" \r\n"), rest[0]) >= 0 && !bytes.HasPrefix(rest, []byte(" MUPDATE"))
	}
	return false
}

// greet puts the greeting into the details. A greeting that was cut off (whole is false) is kept, but its words prove
// nothing.
func (d *IMAP) greet(r imapResponse, whole bool) {
	d.Greeting = clip(r.text, maxGreeting)
	d.Refused, d.Preauth = r.kind == "BYE", r.kind == "PREAUTH"
	if !whole {
		return
	}
	d.Host = hostWithin(r.text)
	d.Software = mailSoftware(d.Host, r.text)
	d.tell(r)
}

// tell keeps the capabilities that a response tells.
func (d *IMAP) tell(r imapResponse) {
	list, ok := r.capabilities()
	if !ok {
		return
	}
	offered := offers(list, "STARTTLS")
	d.Capabilities, d.StartTLS = capabilities(list, maxMailWords), &offered
}

// askIMAP reads the greeting, asks for the capabilities if the greeting did not tell them, and for STARTTLS where it is
// offered, and logs out.
func askIMAP(s *Session) (Details, error) {
	d := new(IMAP)
	r, err := s.readIMAP()
	if !isIMAP([]byte(r.tag + " " + r.kind + " " + r.text)) {
		return nil, notThis("imap", err)
	}
	d.greet(r, err == nil)
	if err != nil {
		return d, fmt.Errorf("imap greeting: %w", err)
	}
	if d.Refused { // the server closes the connection itself (RFC 9051 section 7.1.5)
		return d, nil
	}
	if d.StartTLS == nil {
		if _, err = s.imap("a", "CAPABILITY", d.tell); err != nil {
			return d, err
		}
	}
	if s.TLS == nil && !d.Preauth && d.StartTLS != nil && *d.StartTLS { // not allowed after PREAUTH
		err = d.upgrade(s)
	}
	if err == nil || errors.Is(err, ErrDeclined) {
		s.goodbye("c LOGOUT", func(line string) bool { return strings.HasPrefix(line, "c ") })
	}
	return d, err
}

func (d *IMAP) upgrade(s *Session) error {
	r, err := s.imap("b", "STARTTLS", func(imapResponse) {})
	if err != nil {
		return err
	}
	if r.kind != "OK" {
		return fmt.Errorf("starttls was answered with %s %s: %w", clip(r.kind, 10), clip(r.text, 80), ErrDeclined)
	}
	if err := s.StartTLS(""); err != nil {
		return fmt.Errorf("starttls: %w", err)
	}
	return nil
}

// imap sends one command and returns its tagged response; untagged ones go to hear.
func (s *Session) imap(tag, command string, hear func(imapResponse)) (imapResponse, error) {
	if err := s.say(tag + " " + command); err != nil {
		return imapResponse{}, err
	}
	for range imapUntagged {
		r, err := s.readIMAP()
		if err != nil {
			return r, fmt.Errorf("answer to %s: %w", command, err)
		}
		if r.tag == tag || r.tag == "*" {
			hear(r)
		}
		if r.tag == tag {
			return r, nil
		}
	}
	return imapResponse{}, fmt.Errorf("more than %d responses to %s: %w", imapUntagged, command, ErrMalformed)
}
