package probe

// SMTP is what a mail server says of itself (RFC 5321) before any mail: greeting, EHLO answer, STARTTLS.
type SMTP struct {
	Greeting   string   `json:"greeting" expr:"greeting"`     // text of the 220 line, without the code; at most 512 bytes
	Host       string   `json:"host" expr:"host"`             // the domain that the greeting names; "" when it names none
	EHLOHost   string   `json:"ehlo_host" expr:"ehlo_host"`   // the domain in the answer to EHLO
	Software   string   `json:"software" expr:"software"`     // "postfix", "exim", "exchange", ...; "" when not told
	Extensions []string `json:"extensions" expr:"extensions"` // EHLO keywords with parameters, upper case keyword, at most 40
	StartTLS   *bool    `json:"starttls" expr:"starttls"`     // offered; nil: EHLO was not answered
}

func newSMTP() Details { return new(SMTP) }

// Protocol implements Details.
func (*SMTP) Protocol() string { return "smtp" }

// Names implements Details.
func (d *SMTP) Names() []Name { return nil }

// Summary implements Details.
func (d *SMTP) Summary() string { return d.Greeting }

func isSMTP(first []byte) bool { return false }

func askSMTP(s *Session) (Details, error) { return nil, nil }
