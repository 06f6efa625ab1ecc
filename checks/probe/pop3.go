package probe

// POP3 is what a mailbox server says of itself (RFC 1939, RFC 2449) before any log-in.
type POP3 struct {
	Greeting     string   `json:"greeting" expr:"greeting"` // text of the greeting, at most 512 bytes
	Host         string   `json:"host" expr:"host"`         // a domain that the greeting names; "" when it names none
	Software     string   `json:"software" expr:"software"` // "dovecot", "courier", "cyrus", ...; "" when not told
	Capabilities []string `json:"capabilities" expr:"capabilities"`
	StartTLS     *bool    `json:"starttls" expr:"starttls"` // offered; nil: capabilities were not told
}

func newPOP3() Details { return new(POP3) }

// Protocol implements Details.
func (*POP3) Protocol() string { return "pop3" }

// Names implements Details.
func (d *POP3) Names() []Name { return nil }

// Summary implements Details.
func (d *POP3) Summary() string { return d.Greeting }

func isPOP3(first []byte) bool { return false }

func askPOP3(s *Session) (Details, error) { return nil, nil }
