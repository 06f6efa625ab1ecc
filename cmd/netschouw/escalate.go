package main

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/probe/dial"
	"github.com/netschouw/netschouw/netinfo"
	"github.com/netschouw/netschouw/sweep"
)

// escalate adds the second look: at pages, and at all ports.
func (e *expedition) escalate(conf *sweep.Config, dialer *dial.Dialer, prober *probe.Prober) error {
	s := e.cfg.Sweep
	if s.Escalate == "none" {
		return nil
	}
	if conf.Deeper = prober.Deep(); e.deep {
		conf.Prober, conf.Deeper = conf.Deeper, nil
	}
	rest := otherPorts(s.Ports.List())
	// Who names ports for a check means these and no others.
	if s.Escalate != "all-ports" || len(rest) == 0 || e.deep && e.cfg.Origin("sweep.ports") == "--port" {
		return nil
	}
	var err error
	conf.AllPorts, err = dialer.NewEngine(dial.EngineOptions{Ports: rest, Outstanding: allPortsOutstanding})
	return err
}

// allPortsOutstanding bounds the descriptors of the look at all ports: at the default pace of a suspect, one is served
// within it even when nothing answers (500/s for a connect timeout of 2s).
const allPortsOutstanding = 1024

// otherPorts is every port but these, which are in order.
func otherPorts(tried []uint16) []uint16 {
	rest := make([]uint16, 0, 65535-len(tried))
	for port := 1; port <= 65535; port++ {
		if _, found := slices.BinarySearch(tried, uint16(port)); !found { //nolint:gosec // fits
			rest = append(rest, uint16(port)) //nolint:gosec // fits
		}
	}
	return rest
}

// gate is the scope, narrowed to the ranges of this run, and the canaries: these may lie outside the ranges, and must be
// owned and not excluded all the same.
func (e *expedition) gate() (dial.Gate, error) {
	g := canaryGate{Scope: e.scope, whole: e.whole, canaries: map[netip.Addr]bool{}}
	for _, c := range e.cfg.Sweep.Canary {
		if err := e.whole.Check(c.Addr()); err != nil {
			return nil, &inputError{fmt.Errorf("sweep.canary: %w", err), "name an address that is owned and not excluded"}
		}
		g.canaries[c.Addr()] = true
	}
	return g, nil
}

type canaryGate struct {
	*netinfo.Scope
	whole    *netinfo.Scope
	canaries map[netip.Addr]bool
}

// Check implements dial.Gate.
func (g canaryGate) Check(a netip.Addr) error {
	if g.canaries[a] {
		return g.whole.Check(a)
	}
	return g.Scope.Check(a)
}
