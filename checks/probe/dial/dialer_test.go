package dial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// only permits one address.
type only netip.Addr

func (o only) Check(a netip.Addr) error {
	if a != netip.Addr(o) {
		return errors.New("not ours")
	}
	return nil
}

var here = only(netip.MustParseAddr("127.0.0.1"))

// listen counts the connections that reach it and gives each to handle.
func listen(t *testing.T, host string, handle func(net.Conn)) (netip.AddrPort, *atomic.Int64) {
	t.Helper()
	ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	var accepted atomic.Int64
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			go func() { defer c.Close(); handle(c) }()
		}
	}()
	return ln.Addr().(*net.TCPAddr).AddrPort(), &accepted
}

func TestDialRefusesWhatTheGateRefuses(t *testing.T) {
	addr, accepted := listen(t, "127.0.0.2", func(net.Conn) {})
	d := New(here, nil, Options{})
	forms := []netip.AddrPort{
		addr,
		netip.AddrPortFrom(netip.AddrFrom16(addr.Addr().As16()), addr.Port()), // IPv4-mapped IPv6
	}
	for _, form := range forms {
		_, err := d.Dial(context.Background(), form)
		var de *Error
		require.ErrorAs(t, err, &de, form)
		require.Equal(t, OutOfScope, de.Outcome, form)
	}
	require.Zero(t, accepted.Load(), "an address out of scope was contacted")
}

func TestNewNeedsAGate(t *testing.T) {
	require.Panics(t, func() { New(nil, nil, Options{}) })
}

type budget struct{ left int }

func (b *budget) Wait(context.Context, netip.Addr) error {
	if b.left--; b.left < 0 {
		return ErrBudget
	}
	return nil
}

func TestDialSpendsTheBudget(t *testing.T) {
	addr, accepted := listen(t, "127.0.0.1", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	d := New(here, &budget{2}, Options{})
	for range 2 {
		c, err := d.Dial(context.Background(), addr)
		require.NoError(t, err)
		require.NoError(t, c.Close())
	}
	_, err := d.Dial(context.Background(), addr)
	var de *Error
	require.ErrorAs(t, err, &de)
	require.Equal(t, OverBudget, de.Outcome)
	require.ErrorIs(t, err, ErrBudget)
	require.Eventually(t, func() bool { return accepted.Load() == 2 }, time.Second, time.Millisecond)
}

func TestDialRefused(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := ln.Addr().(*net.TCPAddr).AddrPort()
	require.NoError(t, ln.Close())
	_, err = New(here, nil, Options{}).Dial(context.Background(), addr)
	var de *Error
	require.ErrorAs(t, err, &de)
	require.Equal(t, Refused, de.Outcome)
}

func TestReadIsBoundedInBytes(t *testing.T) {
	addr, _ := listen(t, "127.0.0.1", func(c net.Conn) {
		for {
			if _, err := c.Write(bytes.Repeat([]byte{'A'}, 4096)); err != nil {
				return
			}
		}
	})
	c, err := New(here, nil, Options{MaxBytes: 10_000}).Dial(context.Background(), addr)
	require.NoError(t, err)
	defer c.Close()
	got, err := io.ReadAll(c)
	require.ErrorIs(t, err, ErrTooMuch)
	require.Len(t, got, 10_000)
	// io.Copy takes a shortcut past Read where a connection offers one.
	n, err := io.Copy(io.Discard, c)
	require.ErrorIs(t, err, ErrTooMuch)
	require.Zero(t, n)
}

func TestNoDeadlineOutlivesTheConversation(t *testing.T) {
	addr, _ := listen(t, "127.0.0.1", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	c, err := New(here, nil, Options{Lifetime: 50 * time.Millisecond}).Dial(context.Background(), addr)
	require.NoError(t, err)
	defer c.Close()
	for _, set := range []func(time.Time) error{c.SetDeadline, c.SetReadDeadline} {
		require.NoError(t, set(time.Now().Add(time.Hour)))
		_, err = c.Read(make([]byte, 1))
		require.Equal(t, TimedOut, Classify(err), "%v", err)
		require.NoError(t, set(time.Time{}))
		_, err = c.Read(make([]byte, 1))
		require.Equal(t, TimedOut, Classify(err), "%v", err)
	}
}

func TestCancellationEndsAReadAndStays(t *testing.T) {
	addr, _ := listen(t, "127.0.0.1", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	ctx, cancel := context.WithCancel(context.Background())
	c, err := New(here, nil, Options{Lifetime: time.Minute}).Dial(ctx, addr)
	require.NoError(t, err)
	defer c.Close()
	ended := make(chan error, 1)
	go func() { _, err := c.Read(make([]byte, 1)); ended <- err }()
	cancel()
	require.Error(t, <-ended)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err = c.Read(make([]byte, 1))
	require.Error(t, err, "a later deadline undid the cancellation")
}

func TestClassify(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want Outcome
	}{
		{nil, Open},
		{fmt.Errorf("connect: %w", syscall.ECONNREFUSED), Refused},
		{fmt.Errorf("read: %w", syscall.ECONNRESET), Reset},
		{syscall.EPIPE, Reset},
		{syscall.EHOSTUNREACH, Unreachable},
		{syscall.ENETUNREACH, Unreachable},
		{syscall.ETIMEDOUT, TimedOut},
		{context.DeadlineExceeded, TimedOut},
		{syscall.EMFILE, LocalError},
		{syscall.EADDRNOTAVAIL, LocalError},
		{syscall.EPERM, LocalError},
		{context.Canceled, LocalError},
		{ErrBudget, OverBudget},
	} {
		require.Equal(t, tc.want, Classify(tc.err), "%v", tc.err)
	}
}

func TestOutcomesHaveDistinctNames(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range Outcomes() {
		require.NotEmpty(t, o.String())
		require.False(t, seen[o.String()], o)
		seen[o.String()] = true
	}
	require.Equal(t, NotLookedAt, Outcome(0), "a forgotten outcome must read as not looked at")
}
