package main

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/cmd/netschouw/config"
	"github.com/netschouw/netschouw/fixtures/netns"
)

func demoCommand(w *world) *cli.Command {
	return command("demo", "a simulated fleet on this machine, swept for real", manual{
		about: "Starts some hundred simulated hosts with real sockets on this machine's loopback addresses, sweeps them " +
			"as a provider would, reports, and compares the verdicts with what the hosts really are. Nothing leaves the " +
			"machine. Exits with 1 when a verdict is wrong that must not be.",
		settings: []string{"sweep.seed", "output.format", "output.lang", "output.all", "log.level", "log.format", "log.quiet"},
		examples: []example{
			{"the demo", "netschouw demo"},
			{"keep the configuration, customers, databases, truth and report to play with", "netschouw demo --keep demo-files"},
			{"another fleet, as lines for another program", "netschouw demo --seed 7 --hosts 500 --format jsonl"},
		},
	}, func(c *cli.Context) error { return w.demo(c) },
		&cli.IntFlag{Name: "hosts", Value: 300, Usage: "`N` simulated hosts (default 300)"},
		&cli.StringFlag{Name: "keep", Usage: "`DIR` write the demo's files there and leave them"})
}

// errElsewhere carries the exit status of the demo that ran in a network of its own.
type errElsewhere struct{ status int }

func (e *errElsewhere) Error() string { return "exit status " + strconv.Itoa(e.status) }

func (w *world) demo(c *cli.Context) error {
	inside := netns.Inside()
	var why error
	switch {
	case inside:
		if err := netns.Up(); err != nil {
			return err
		}
	case w.ours():
		status, err := w.inside(c.Context)
		if err == nil {
			return elsewhere(status)
		}
		var unavailable *netns.UnavailableError
		if !errors.As(err, &unavailable) {
			return err
		}
		why = refusal(unavailable.Err)
	default:
		why = errors.New("the streams are not this process's own")
	}
	return w.perform(c, inside, why)
}

// refusal words why the system gives no namespace, where its own words would mislead: what clone(2) calls "no space left
// on device" is a limit of user namespaces.
func refusal(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return errors.New("the system permits no more user namespaces (user.max_user_namespaces)")
	case errors.Is(err, syscall.EPERM):
		return errors.New("the system does not permit user namespaces to this user")
	}
	return err
}

// ours says that the streams are the process's own: only then can the program be run again in its place.
func (w *world) ours() bool {
	return w.stdin == io.Reader(os.Stdin) && w.stdout == io.Writer(os.Stdout) && w.stderr == io.Writer(os.Stderr)
}

// inside runs the demo in a network of its own. A Ctrl-C of the terminal reaches it by itself; SIGTERM is passed on.
func (w *world) inside(parent context.Context) (int, error) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	defer signal.Stop(term)
	go func() {
		select {
		case <-term:
			cancel()
		case <-ctx.Done():
		}
	}()
	return netns.Run(ctx)
}

func elsewhere(status int) error {
	if status == exitComplete {
		return nil
	}
	return &errElsewhere{status}
}

// perform is the demo itself, in a network of its own or on high ports.
func (w *world) perform(c *cli.Context, real bool, why error) error {
	folder, leave, err := demoFolder(c.String("keep"))
	if err != nil {
		return input(err)
	}
	defer leave()
	flags := given(c)
	ctx, cancel := context.WithCancel(c.Context)
	defer cancel()
	s, err := raise(ctx, folder, demoSeed(flags), c.Int("hosts"), real)
	if err != nil {
		return err
	}
	defer s.fall()
	cfg, _, err := config.Load(config.Sources{File: s.path("netschouw.yaml"), Flags: flags})
	if err != nil {
		return input(err)
	}
	if !cfg.Log.Quiet {
		_, _ = io.WriteString(w.stderr, s.describe(real, why)) // a courtesy
	}
	seen := verdicts{}
	if err := w.sweep(ctx, cfg, seen); errors.Is(err, errStopped) {
		return errStopped // without the advice to resume: the fleet goes with the demo
	} else if err != nil {
		return err
	}
	m := compareTruth(s.fleet.Truth(), seen, s.fleet.Accepted)
	out := w.stderr
	if cfg.Output.Format == "text" {
		out = w.stdout
	}
	return errors.Join(m.write(out), m.err())
}

// verdicts is a sweep.Sink that remembers who was judged how.
type verdicts map[netip.Addr]checks.Verdict

// Host implements sweep.Sink.
func (v verdicts) Host(f checks.Finding) error {
	v[f.Address] = f.Verdict
	return nil
}

// demoFolder is where the files go: a folder that stays, or one that goes with the demo.
func demoFolder(keep string) (path string, leave func(), err error) {
	if keep != "" {
		return keep, func() {}, os.MkdirAll(keep, 0o700)
	}
	path, err = os.MkdirTemp("", "netschouw-demo-*")
	return path, func() { _ = os.RemoveAll(path) }, err
}

// demoSeed is the seed of the fleet: the sweep's own, 1 when there is none, so that everyone sees the same demo.
func demoSeed(flags map[string][]string) uint64 {
	if s := flags["sweep.seed"]; len(s) == 1 {
		if n, err := strconv.ParseUint(s[0], 10, 64); err == nil { // what is no number is told when the settings are loaded
			return n
		}
	}
	return 1
}
