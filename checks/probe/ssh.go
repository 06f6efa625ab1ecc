package probe

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

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

// Names implements Details: SSH names nobody.
func (d *SSH) Names() []Name { return nil }

// Summary implements Details.
func (d *SSH) Summary() string { return d.Version }

const (
	sshLine = 255 // octets of the identification string and of each line before it, CRLF included (RFC 4253 section 4.2)
	// sshLines bounds the lines before the identification string. The RFC sets no bound, which is what a tarpit such as
	// endlessh lives on; real servers send a legal notice at most.
	sshLines = 50
)

// parseSSH takes an identification string apart (RFC 4253 section 4.2).
func parseSSH(line string) (*SSH, error) {
	rest, ok := strings.CutPrefix(line, "SSH-")
	version, software, ok2 := strings.Cut(rest, "-")
	if !ok || !ok2 || !allDigits(strings.Replace(version, ".", "", 1)) || version == "" {
		return nil, fmt.Errorf("%q is no ssh identification: %w", clip(line, 40), ErrMalformed)
	}
	return &SSH{Version: clip(line, sshLine), Software: clip(software, sshLine)}, nil
}

// speaksSSH2 says whether the server has version 2 of the protocol: "2.0", or "1.99" for both (RFC 4253 section 5.1).
func (d *SSH) speaksSSH2() bool {
	return strings.HasPrefix(d.Version, "SSH-2.") || strings.HasPrefix(d.Version, "SSH-1.99-")
}

// readSSH reads from next, a source of lines such as Session.ReadLine, up to the identification string.
func readSSH(next func(limit int) (string, error)) (*SSH, error) {
	for before := range sshLines + 1 {
		line, err := next(sshLine)
		d, bad := parseSSH(line)
		switch {
		case err != nil && bad == nil:
			return d, fmt.Errorf("ssh identification: %w", err)
		case err != nil && before > 0:
			return nil, fmt.Errorf("%d lines and no ssh identification, a tarpit perhaps: %w", before, err)
		case err != nil:
			return nil, fmt.Errorf("ssh identification: %w", err)
		case bad == nil:
			return d, nil
		case strings.HasPrefix(line, "SSH-"):
			return nil, bad
		}
	}
	return nil, fmt.Errorf("more than %d lines and no ssh identification, a tarpit perhaps: %w", sshLines, ErrMalformed)
}

// isSSH recognises the identification string, also behind other lines.
func isSSH(first []byte) bool {
	for line := range strings.Lines(string(first)) {
		if _, err := parseSSH(strings.TrimRight(line, "\r\n")); err == nil {
			return true
		}
	}
	return false
}

// askSSH reads the identification string and exchanges keys up to the host's key. No authentication ever begins.
func askSSH(s *Session) (Details, error) {
	d, err := readSSH(s.ReadLine)
	if d == nil {
		return nil, err
	}
	if err != nil || !d.speaksSSH2() { // version 1 has nothing more that is asked here
		return d, err
	}
	return d, d.exchange(s)
}

// errSeen ends the handshake once the host's key was seen and its signature checked.
var errSeen = errors.New("host key seen")

// exchange runs the key exchange and keeps the host's key. It ends the conversation.
func (d *SSH) exchange(s *Session) error {
	conn := s.view(d.Version + "\r\n")
	defer conn.Close()
	seen := make(chan ssh.PublicKey, 1) // the library may still be at work when its call has ended in another error
	config := sshConfig(s.Identity)
	config.HostKeyCallback = func(_ string, _ net.Addr, key ssh.PublicKey) error {
		seen <- key // called once: a second exchange needs the first to succeed, and errSeen forbids that
		return errSeen
	}
	s.expect()
	_, _, _, err := ssh.NewClientConn(conn, s.Peer.String(), config)
	select {
	case key := <-seen:
		d.KeyType = key.Type()
		d.KeySHA256 = strings.TrimPrefix(ssh.FingerprintSHA256(key), "SHA256:")
		return nil
	default:
		return fmt.Errorf("ssh key exchange: %w", err)
	}
}

// sshConfig offers whatever the library can do, broken algorithms too: no secret is protected by this connection. The
// cheapest comes first, because a scan pays for each exchange: Curve25519 without ML-KEM, and an Ed25519 key.
func sshConfig(id Identity) *ssh.ClientConfig {
	good, bad := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	return &ssh.ClientConfig{
		Config: ssh.Config{
			KeyExchanges: foremost(ssh.KeyExchangeCurve25519, append(good.KeyExchanges, bad.KeyExchanges...)),
			Ciphers:      append(good.Ciphers, bad.Ciphers...),
			MACs:         append(good.MACs, bad.MACs...),
		},
		User:          "netschouw", // never sent: the handshake ends before authentication
		ClientVersion: sshVersion(id),
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
			ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSA,
			ssh.InsecureKeyAlgoDSA}, //lint:ignore SA1019 old routers have no other key, and we only note it
	}
}

// foremost moves one to the front of list.
func foremost(one string, list []string) []string {
	list = slices.DeleteFunc(list, func(s string) bool { return s == one })
	return slices.Insert(list, 0, one)
}

// sshVersion is our identification string, with the contact as its comment where it fits (RFC 4253 section 4.2).
func sshVersion(id Identity) string {
	const version = "SSH-2.0-netschouw_1"
	if !printable(id.Contact) || len(version)+1+len(id.Contact) > sshLine-len("\r\n") {
		return version
	}
	return version + " " + id.Contact
}
