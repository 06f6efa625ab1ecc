package probe

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// taped remembers what is read from a connection.
type taped struct {
	net.Conn
	heard bytes.Buffer
}

func (c *taped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.heard.Write(p[:n])
	return n, err
}

// sshHost plays a host with these keys, and returns what it heard once it ends. preamble is sent before its identification.
func sshHost(t *testing.T, preamble, version string, keys ...any) (handle func(net.Conn), heard chan []byte) {
	t.Helper()
	config := &ssh.ServerConfig{NoClientAuth: true, ServerVersion: version}
	for _, key := range keys {
		signer, err := ssh.NewSignerFromKey(key)
		require.NoError(t, err)
		config.AddHostKey(signer)
	}
	heard = make(chan []byte, 1)
	return func(c net.Conn) {
		_, _ = io.WriteString(c, preamble)
		tape := &taped{Conn: c}
		conn, _, _, err := ssh.NewServerConn(tape, config)
		if err == nil { // without authentication nobody gets this far
			_ = conn.Close()
			t.Error("the client authenticated")
		}
		heard <- tape.heard.Bytes()
	}, heard
}

// sshPackets returns the numbers of the unencrypted messages in what a client sent behind its identification (RFC 4253 section 6).
func sshPackets(t *testing.T, b []byte) (numbers []byte) {
	t.Helper()
	for len(b) > 0 {
		require.Greater(t, len(b), 6)
		size := 4 + int(binary.BigEndian.Uint32(b))
		require.LessOrEqual(t, size, len(b))
		numbers = append(numbers, b[5])
		b = b[size:]
	}
	return numbers
}

func TestSSH(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		preamble string
		keys     []any
		kind     string
		want     any // the key that is shown
	}{
		"prefers Ed25519": {"", []any{rs, ec, ed}, "ssh-ed25519", ed},
		"ECDSA":           {"", []any{rs, ec}, "ecdsa-sha2-nistp256", ec},
		"RSA":             {"", []any{rs}, "ssh-rsa", rs},
		"behind a notice": {"Authorised use only.\r\nAll is logged.\n", []any{ed}, "ssh-ed25519", ed},
	} {
		t.Run(name, func(t *testing.T) {
			handle, heard := sshHost(t, c.preamble, "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3", c.keys...)
			limits := testLimits
			limits.Lifetime = 5 * time.Second // key exchanges are slow under the race detector
			s := converse(t, limits, Options{Identity: Identity{Contact: "https://noc.example.net/scan"}}, handle)
			_, err := s.Peek(time.Second) // as Identify does
			require.NoError(t, err)
			d, err := askSSH(s)
			require.NoError(t, err)
			signer, err := ssh.NewSignerFromKey(c.want)
			require.NoError(t, err)
			require.Equal(t, &SSH{Version: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3", Software: "OpenSSH_9.2p1 Debian-2+deb12u3", KeyType: c.kind,
				KeySHA256: strings.TrimPrefix(ssh.FingerprintSHA256(signer.PublicKey()), "SHA256:")}, d)
			require.Empty(t, d.Names())

			sent := <-heard
			version, packets, _ := strings.Cut(string(sent), "\r\n")
			require.Equal(t, "SSH-2.0-netschouw_1 https://noc.example.net/scan", version)
			require.Equal(t, []byte{20, 30}, sshPackets(t, []byte(packets)), "KEXINIT and ECDH_INIT, no NEWKEYS, no service request")
		})
	}
}

func TestSSHKeepsTheBanner(t *testing.T) {
	for name, c := range map[string]struct {
		greeting string
		failed   bool
	}{
		"no key exchange": {"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\nProtocol mismatch.\r\n", true},
		"closes":          {"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", true},
		"lying packet":    {"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n\xff\xff\xff\xff\x04\x14", true},
		"version 1":       {"SSH-1.5-1.2.27\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := converse(t, testLimits, Options{}, func(conn net.Conn) {
				_, _ = io.WriteString(conn, c.greeting)
				_ = conn.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, conn)
			})
			d, err := askSSH(s)
			require.Equal(t, c.failed, err != nil, "%v", err)
			version, _, _ := strings.Cut(c.greeting, "\r\n")
			require.Equal(t, version, d.(*SSH).Version)
			require.Empty(t, d.(*SSH).KeySHA256)
		})
	}
}

func TestSSHTarpit(t *testing.T) {
	t.Parallel()
	t.Run("slow", func(t *testing.T) { // endlessh: a random line now and then, for ever
		s := converse(t, testLimits, Options{}, func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "kq'3f1\r\n"); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
		begun := time.Now()
		d, err := askSSH(s)
		require.Nil(t, d)
		require.ErrorContains(t, err, "no ssh identification, a tarpit perhaps")
		require.ErrorContains(t, err, "timeout")
		require.Less(t, time.Since(begun), 2*time.Second)
	})
	t.Run("fast", func(t *testing.T) {
		s := converse(t, testLimits, Options{}, endless(strings.Repeat("kq'3f1\r\n", 1000)))
		d, err := askSSH(s)
		require.Nil(t, d)
		require.ErrorIs(t, err, ErrMalformed)
		require.ErrorContains(t, err, "more than 50 lines")
	})
}

// Nobody reads from the session's buffer once askSSH has returned, though the library's reader may be under way.
func TestSSHLeavesNoReader(t *testing.T) {
	s := converse(t, testLimits, Options{}, func(c net.Conn) {
		_, _ = io.WriteString(c, "SSH-2.0-x\r\n")
		_, _ = io.Copy(io.Discard, c)
	})
	conn := s.view("")
	ended := make(chan error)
	go func() {
		var err error
		for err == nil {
			_, err = conn.Read(make([]byte, 1))
		}
		ended <- err
	}()
	_ = conn.Close()
	s.br.Reset(strings.NewReader("")) // a data race unless the reader is gone or has been turned away
	require.Error(t, <-ended)
	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, errHandedBack)
}

func TestSSHVersion(t *testing.T) {
	require.Equal(t, "SSH-2.0-netschouw_1", sshVersion(Identity{}))
	require.Equal(t, "SSH-2.0-netschouw_1 https://a.test", sshVersion(Identity{Contact: "https://a.test"}))
	require.Equal(t, "SSH-2.0-netschouw_1", sshVersion(Identity{Contact: "a\r\nb"}))
	require.Equal(t, "SSH-2.0-netschouw_1", sshVersion(Identity{Contact: strings.Repeat("a", 300)}))
}

func TestParseSSH(t *testing.T) {
	for line, software := range map[string]string{
		"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3": "OpenSSH_9.2p1 Debian-2+deb12u3", "SSH-1.99-Cisco-1.25": "Cisco-1.25",
		"SSH-2.0-": "", "SSH-2.0-\x1b[2J": "\x1b[2J",
	} {
		d, err := parseSSH(line)
		require.NoError(t, err)
		require.Equal(t, &SSH{Version: line, Software: software}, d)
	}
	for _, line := range []string{"", "SSH", "SSH-", "SSH-2.0", "SSH--x", "SSH-a.b-x", "SSH-2.0.1-x", "ssh-2.0-x", " SSH-2.0-x"} {
		_, err := parseSSH(line)
		require.ErrorIs(t, err, ErrMalformed, "%q", line)
	}
}

func TestSSHMeetsHostileHosts(t *testing.T) {
	meetHostile(t, "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", askSSH, true)
}

func FuzzSSH(f *testing.F) {
	const banner = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"
	fuzzAsk(f, askSSH, `(SSH-2\.0-netschouw_1\r\n.*)?`, banner, "notice\r\n"+banner, "SSH-1.5-1.2.27\r\n", "SSH-1.99-x\n", "SSH-2.0-x",
		strings.Repeat("a\n", 60), banner+"\x00\x00\x00\x0c\x0a\x14", banner+"\xff\xff\xff\xff")
}
