package probe

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// loopback is a gate that permits 127.0.0.0/8 and ::1 only.
type loopback struct{}

func (loopback) Check(a netip.Addr) error {
	if !a.IsLoopback() {
		return &net.AddrError{Err: "not loopback", Addr: a.String()}
	}
	return nil
}

// serve plays a host: each accepted connection is given to handle, and closed when it returns.
func serve(t testing.TB, handle func(net.Conn)) netip.AddrPort {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
				handle(conn)
			}()
		}
	}()
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

// testLimits keeps hostile servers from making tests slow: half a second a conversation, 256 KiB.
var testLimits = dial.Options{ConnectTimeout: time.Second, Lifetime: 500 * time.Millisecond, MaxBytes: 256 << 10}

// converse opens a session with the server that handle plays. Again works twice.
func converse(t testing.TB, limits dial.Options, opts Options, handle func(net.Conn)) *Session {
	t.Helper()
	addr := serve(t, handle)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	d := dial.New(loopback{}, nil, limits)
	conn, err := d.Dial(ctx, addr)
	require.NoError(t, err)
	s := newSession(ctx, conn, opts)
	left := 2
	s.redial = func() (*dial.Conn, error) {
		if left--; left < 0 {
			return nil, dial.ErrBudget
		}
		return d.Dial(ctx, addr)
	}
	t.Cleanup(func() { _ = s.conn.Close() })
	return s
}

// The hostile servers that every protocol meets; greeting is what an honest one would begin with.

// closing hangs up at once.
func closing(net.Conn) {}

func silent(c net.Conn) { _, _ = c.Read(make([]byte, 1)); time.Sleep(5 * time.Second) }

func endless(greeting string) func(net.Conn) {
	return func(c net.Conn) {
		block := make([]byte, 4096)
		for i := range block {
			block[i] = 'A'
		}
		_, _ = c.Write([]byte(greeting))
		for {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	}
}

func slow(greeting string) func(net.Conn) {
	return func(c net.Conn) {
		for _, b := range []byte(greeting) {
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}
}

func truncating(greeting string) func(net.Conn) {
	return func(c net.Conn) { _, _ = c.Write([]byte(greeting[:len(greeting)/2])) }
}
