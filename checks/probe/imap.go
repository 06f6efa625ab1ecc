package probe

// IMAP is what a mailbox server says of itself (RFC 9051) before any log-in.
type IMAP struct {
	Greeting     string   `json:"greeting" expr:"greeting"` // text of the greeting, at most 512 bytes
	Host         string   `json:"host" expr:"host"`         // a domain that the greeting names; "" when it names none
	Software     string   `json:"software" expr:"software"` // "dovecot", "courier", "cyrus", ...; "" when not told
	Capabilities []string `json:"capabilities" expr:"capabilities"`
	StartTLS     *bool    `json:"starttls" expr:"starttls"` // offered; nil: capabilities were not told
}

func newIMAP() Details { return new(IMAP) }

// Protocol implements Details.
func (*IMAP) Protocol() string { return "imap" }

// Names implements Details.
func (d *IMAP) Names() []Name { return nil }

// Summary implements Details.
func (d *IMAP) Summary() string { return d.Greeting }

func isIMAP(first []byte) bool { return false }

func askIMAP(s *Session) (Details, error) { return nil, nil }
