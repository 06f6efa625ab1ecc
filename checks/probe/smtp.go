package probe

import (
	"errors"
	"fmt"
	"strings"
)

// SMTP is what a mail server says of itself (RFC 5321) before any mail: greeting, EHLO answer, STARTTLS.
type SMTP struct {
	Greeting   string   `json:"greeting" expr:"greeting"`         // without the code, lines joined by "\n", at most 512 bytes
	Code       int      `json:"code" expr:"code"`                 // the greeting's reply code: 220; 421, 521 or 554 for a refusal
	Refused    bool     `json:"refused,omitempty" expr:"refused"` // the greeting was a refusal; nothing more was asked
	Host       string   `json:"host" expr:"host"`                 // the domain that the greeting names; "" when it names none
	EHLOHost   string   `json:"ehlo_host" expr:"ehlo_host"`       // the domain in the answer to EHLO
	Software   string   `json:"software" expr:"software"`         // "postfix", "exim", "exchange", ...; "" when not told
	Extensions []string `json:"extensions" expr:"extensions"`     // EHLO keywords with parameters, upper case keyword, at most 40
	StartTLS   *bool    `json:"starttls" expr:"starttls"`         // offered; nil: EHLO was not answered
}

func newSMTP() Details { return new(SMTP) }

// Protocol implements Details.
func (*SMTP) Protocol() string { return "smtp" }

// Names implements Details: the hosts of the greeting and of the answer to EHLO.
func (d *SMTP) Names() []Name { return greetingNames(d.Host, d.EHLOHost) }

// Summary implements Details.
func (d *SMTP) Summary() string { return strings.ReplaceAll(d.Greeting, "\n", " ") }

// smtpReply is one reply (RFC 5321 section 4.2.1): its code and the text of each line.
type smtpReply struct {
	code  int
	lines []string
}

// parseSMTPLine takes one reply line apart. last says that no line follows.
func parseSMTPLine(line string) (code int, text string, last bool, err error) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !allDigits(line[1:3]) ||
		len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return 0, "", false, fmt.Errorf("%q is no smtp reply: %w", clip(line, 40), ErrMalformed)
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	if len(line) == 3 {
		return code, "", true, nil
	}
	return code, line[4:], line[3] == ' ', nil
}

func allDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// readSMTPReply reads one reply from next, a source of lines such as Session.ReadLine. It returns the lines that came
// before an error too; the last of them may be incomplete then.
func readSMTPReply(next func(limit int) (string, error)) (smtpReply, error) {
	var r smtpReply
	for range mailLines {
		line, readErr := next(mailLine)
		if readErr != nil && line == "" {
			return r, readErr
		}
		code, text, last, err := parseSMTPLine(line)
		if err == nil && len(r.lines) > 0 && code != r.code {
			err = fmt.Errorf("reply code changes from %d to %d within a reply: %w", r.code, code, ErrMalformed)
		}
		if readErr != nil && err != nil { // the end came within the line: that is the news, not its form
			return r, readErr
		}
		if err != nil {
			return r, err
		}
		r.code, r.lines = code, append(r.lines, text)
		if last || readErr != nil {
			return r, readErr
		}
	}
	return r, fmt.Errorf("reply of more than %d lines: %w", mailLines, ErrMalformed)
}

// greet puts the greeting into the details. A greeting that was cut off (whole is false) is kept, but its words prove
// nothing.
func (d *SMTP) greet(r smtpReply, whole bool) {
	d.Code, d.Refused = r.code, r.code != 220
	d.Greeting = clip(strings.Join(r.lines, "\n"), maxGreeting)
	if !whole {
		return
	}
	for _, line := range r.lines {
		if d.Host = hostToken(firstWord(line)); d.Host != "" {
			break
		}
	}
	d.Software = mailSoftware(d.Host, d.Greeting)
}

// ehlo puts the answer to EHLO into the details.
func (d *SMTP) ehlo(r smtpReply) {
	offered := false
	d.StartTLS = &offered
	d.EHLOHost = hostToken(firstWord(r.lines[0]))
	d.Extensions = capabilities(r.lines[1:], maxSMTPWords)
	offered = offers(r.lines[1:], "STARTTLS")
	if d.Software == "" {
		d.Software = mailSoftware(d.EHLOHost, r.lines[0])
	}
}

// isSMTP tells an SMTP greeting from others that begin with a reply code, above all FTP's (RFC 959).
func isSMTP(first []byte) bool {
	line, _, _ := strings.Cut(string(first[:min(len(first), maxGreeting)]), "\n")
	code, text, _, err := parseSMTPLine(strings.TrimRight(line, "\r"))
	if err != nil {
		return false
	}
	switch code {
	case 521, 554: // RFC 7504, RFC 5321 section 3.1; FTP has neither
		return true
	case 220, 421, 450, 451, 452, 550:
	default:
		return false
	}
	host := hostToken(firstWord(text))
	if saysSMTP(text[min(len(host), len(text)):]) {
		return true
	}
	if saysFTP(text) {
		return false
	}
	return host != "" || mailSoftware("", text) != "" || code != 220 && enhanced(firstWord(text), code)
}

// saysSMTP finds SMTP, ESMTP or LMTP as a word.
func saysSMTP(text string) bool {
	for word := range strings.FieldsFuncSeq(text, notLetter) {
		if w := strings.ToUpper(word); w == "SMTP" || w == "ESMTP" || w == "LMTP" || w == "ESMTPSA" {
			return true
		}
	}
	return false
}

// saysFTP finds a word that FTP servers use of themselves: FTP, vsFTPd, Pure-FTPd, ProFTPD, FileZilla, Serv-U.
func saysFTP(text string) bool {
	text = strings.ToLower(text)
	for _, mark := range []string{"ftp", "filezilla", "serv-u"} {
		if strings.Contains(text, mark) {
			return true
		}
	}
	return false
}

func notLetter(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }

// enhanced says whether word is an enhanced status code of code's class (RFC 3463), which FTP does not have.
func enhanced(word string, code int) bool {
	class, rest, _ := strings.Cut(word, ".")
	subject, detail, ok := strings.Cut(rest, ".")
	return ok && len(class) == 1 && int(class[0]-'0') == code/100 &&
		subject != "" && len(subject) <= 3 && allDigits(subject) && detail != "" && len(detail) <= 3 && allDigits(detail)
}

// askSMTP reads the greeting, sends EHLO, and STARTTLS where it is offered, and says QUIT.
func askSMTP(s *Session) (Details, error) {
	d := new(SMTP)
	r, err := readSMTPReply(s.ReadLine)
	if len(r.lines) > 0 {
		d.greet(r, err == nil)
	}
	if err != nil {
		err = fmt.Errorf("smtp greeting: %w", err)
	}
	switch {
	case !d.evident() && (err != nil || d.Refused || d.Code == 0):
		return nil, notThis("smtp", err)
	case err != nil:
		return d, err
	case d.Refused:
		s.quit()
		return d, nil
	}
	return d.converse(s)
}

// evident says that the greeting alone speaks for SMTP.
func (d *SMTP) evident() bool { return isSMTP(fmt.Appendf(nil, "%03d %s", d.Code, d.Greeting)) }

// converse goes on after a greeting of 220.
func (d *SMTP) converse(s *Session) (Details, error) {
	r, err := s.smtp("EHLO " + s.ehloName())
	if err == nil && r.code == 250 {
		d.ehlo(r)
	} else if !d.evident() { // neither the greeting nor the answer speaks for SMTP: FTP, for one
		return nil, notThis("smtp", err)
	}
	if err != nil {
		return d, err
	}
	if s.TLS == nil && d.StartTLS != nil && *d.StartTLS {
		err = d.upgrade(s)
	}
	if err == nil || errors.Is(err, ErrDeclined) {
		s.quit()
	}
	return d, err
}

func (d *SMTP) upgrade(s *Session) error {
	r, err := s.smtp("STARTTLS")
	if err != nil {
		return err
	}
	if r.code != 220 {
		return fmt.Errorf("starttls was answered with %d %s: %w", r.code, clip(r.lines[0], 80), ErrDeclined)
	}
	if err := s.StartTLS(""); err != nil {
		return fmt.Errorf("starttls: %w", err)
	}
	return nil
}

// smtp sends one command and reads its reply.
func (s *Session) smtp(command string) (smtpReply, error) {
	if err := s.say(command); err != nil {
		return smtpReply{}, err
	}
	r, err := readSMTPReply(s.ReadLine)
	if err != nil {
		err = fmt.Errorf("answer to %s: %w", firstWord(command), err)
	}
	return r, err
}

func (s *Session) quit() {
	s.goodbye("QUIT", func(line string) bool {
		_, _, last, err := parseSMTPLine(line)
		return err != nil || last
	})
}
