package probe

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSOCKS5(t *testing.T) {
	for choice, want := range map[string]string{
		"\x05\x00": "none", "\x05\x02": "password", "\x05\xff": "refused", "\x05\x01": "other", "\x05\x80": "other",
		"\x04\x00": "", "\x00\x5b": "", "HT": "", "\x05\x00\x00": "", "\x05\x01\x00": "", "\x05": "", "": "",
	} {
		sent := make(chan []byte, 1)
		s := converse(t, testLimits, Options{}, func(c net.Conn) {
			offer := make([]byte, 3)
			_, _ = io.ReadFull(c, offer)
			_, _ = io.WriteString(c, choice)
			_ = c.(*net.TCPConn).CloseWrite()
			rest, _ := io.ReadAll(c)
			sent <- append(offer, rest...)
		})
		d, err := askSOCKS5(s)
		s.close()
		require.Equal(t, []byte("\x05\x01\x00"), <-sent, "the offer, and nothing after it")
		if want == "" {
			require.Nil(t, d, "%q", choice)
			require.Error(t, err)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, &SOCKS5{want}, d)
		require.Empty(t, d.Names())
	}
}

// A service that repeats what it is sent begins like a proxy.
func TestSOCKS5IsNotEcho(t *testing.T) {
	s := converse(t, testLimits, Options{}, func(c net.Conn) {
		_, _ = io.CopyN(c, c, 2)
		time.Sleep(50 * time.Millisecond)
		_, _ = io.Copy(c, c)
	})
	d, err := askSOCKS5(s)
	require.Nil(t, d)
	require.ErrorIs(t, err, ErrMalformed)
}

func TestSOCKS5MeetsHostileHosts(t *testing.T) { meetHostile(t, "\x05\x00", askSOCKS5, false) }

func FuzzSOCKS5(f *testing.F) {
	fuzzAsk(f, askSOCKS5, `\x05\x01\x00`, "\x05\x00", "\x05\x02", "\x05\xff", "\x05\x01\x00", "\x05", "HTTP/1.1 400")
}
