package probe

// SSH is what an SSH server shows (RFC 4253) before any authentication.
type SSH struct {
	Version   string `json:"version" expr:"version"`       // identification string, e.g. "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"
	Software  string `json:"software" expr:"software"`     // its softwareversion and comments part
	KeyType   string `json:"key_type" expr:"key_type"`     // "ssh-ed25519"; "" when the key exchange failed
	KeySHA256 string `json:"key_sha256" expr:"key_sha256"` // fingerprint as ssh-keygen -l prints it, without "SHA256:"
}

func newSSH() Details { return new(SSH) }

// Protocol implements Details.
func (*SSH) Protocol() string { return "ssh" }

// Names implements Details.
func (d *SSH) Names() []Name { return nil }

// Summary implements Details.
func (d *SSH) Summary() string { return d.Version }

func isSSH(first []byte) bool { return false }

func askSSH(s *Session) (Details, error) { return nil, nil }
