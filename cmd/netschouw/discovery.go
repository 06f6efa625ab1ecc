package main

import (
	"errors"

	"github.com/netschouw/netschouw/checks/probe/dial"
	"github.com/netschouw/netschouw/sweep"
)

const (
	// samples are how many of the targets are asked for their route, to see whether they are beyond an interface.
	samples = 16
	// mostInHand bounds the addresses between the order and the report under SYN discovery, where a silent one takes hardly
	// any memory and hundreds of thousands are waited for at once.
	mostInHand = 1 << 17
)

// discoverer makes the engine that the configuration names or, with auto, that suits the targets, and tells which.
func (e *expedition) discoverer(dialer *dial.Dialer, conf *sweep.Config) error {
	s := e.cfg.Sweep
	if s.Discovery != "connect" {
		engine, err := dialer.NewSYN(dial.SYNOptions{Ports: s.Ports.List(), Log: e.log})
		switch why := e.notSYN(err); {
		case s.Discovery == "syn" && errors.Is(err, dial.ErrRawNotPermitted):
			return &inputError{err, "run as root, or permit it once: setcap cap_net_raw+ep $(command -v netschouw); or use --discovery connect"}
		case s.Discovery == "syn" && err != nil:
			return &inputError{err, "use --discovery connect"}
		case s.Discovery == "syn", why == "":
			e.log.Info("discovery by SYN: raw packets, sent again where nothing answers", "asked", s.Discovery)
			conf.Discoverer, conf.InHand = engine, min(engine.Hosts(), mostInHand)
			return nil
		default:
			e.log.Info("discovery by connect", "asked", s.Discovery, "why", why)
		}
	}
	engine, err := dialer.NewEngine(dial.EngineOptions{Ports: s.Ports.List()})
	conf.Discoverer = engine
	return err
}

// notSYN says why auto does not choose raw packets, "" when it does.
func (e *expedition) notSYN(err error) string {
	switch {
	case err != nil:
		return err.Error()
	case e.deep:
		return "for a few hosts a connection that is kept is worth more than speed"
	}
	n := e.targets.Count()
	for i := range min(samples, n) {
		addr := e.targets.At(i * (n / min(samples, n)))
		if leaves, err := dial.Reach(addr); err == nil && !leaves {
			return addr.String() + " is on this machine"
		}
	}
	return ""
}
