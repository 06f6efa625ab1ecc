package sweep

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

const (
	fullHouse = 8 // open ports from which on a host is asked whether it accepts everything
	strays    = 3 // random ports that must be open too
	deafness  = 1 // and how many further ones may be silent: a proxy under load drops some
)

// acceptsAll tells whether a host accepts connections on every port, as SYN proxies, tarpits and honeypots do: (nearly) all
// ports that were tried are open, and so are three that nobody would choose.
func (t *Tour) acceptsAll(ctx context.Context, a dial.Answer) bool {
	open, tried := 0, 0
	for _, o := range a.Outcomes {
		switch o {
		case dial.Open:
			open++
			tried++
		case dial.Refused, dial.TimedOut, dial.Unreachable, dial.Reset:
			tried++
		}
	}
	return open >= fullHouse && 10*open >= 9*tried && t.strays(ctx, a)
}

// strays tells whether random high ports of a host are open. They are connected to, not only sent a SYN, whatever found
// the open ones.
func (t *Tour) strays(ctx context.Context, a dial.Answer) bool {
	random := rand.New(rand.NewPCG(t.cfg.Seed, a.Index)) //nolint:gosec // not secret, and the same when repeated
	missed := 0
	for open := 0; open < strays; {
		port, ok := stray(random, t.cfg.Discoverer.Ports())
		if !ok {
			return true // so many ports were tried that strays are among them
		}
		conn, err := t.cfg.Dialer.Dial(ctx, netip.AddrPortFrom(a.Addr.Unmap(), port))
		if err == nil {
			_ = conn.Close()
			open++
			continue
		}
		var why *dial.Error
		if missed++; missed > deafness || !errors.As(err, &why) || why.Outcome != dial.TimedOut {
			return false
		}
	}
	return true
}

// stray is a port of the dynamic range (RFC 6335 section 6) that is not among those tried; false when none is found.
func stray(random *rand.Rand, tried []uint16) (uint16, bool) {
	for range 64 {
		port := uint16(49152 + random.IntN(65536-49152)) //nolint:gosec // fits
		if !slices.Contains(tried, port) {
			return port, true
		}
	}
	return 0, false
}
