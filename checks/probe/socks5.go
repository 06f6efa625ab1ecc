package probe

// SOCKS5 is the method that a SOCKS5 proxy chose from our offer of "no authentication" (RFC 1928 section 3).
type SOCKS5 struct {
	Method string `json:"method" expr:"method"` // "none" (05 00, open), "password" (05 02), "refused" (05 FF), "other"
}

func newSOCKS5() Details { return new(SOCKS5) }

// Protocol implements Details.
func (*SOCKS5) Protocol() string { return "socks5" }

// Names implements Details.
func (d *SOCKS5) Names() []Name { return nil }

// Summary implements Details.
func (d *SOCKS5) Summary() string { return "SOCKS5 " + d.Method }

func askSOCKS5(s *Session) (Details, error) { return nil, nil }
