package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/netschouw/netschouw/cmd/netschouw/config"
	"github.com/netschouw/netschouw/netinfo"
	"github.com/netschouw/netschouw/report"
	"github.com/netschouw/netschouw/sweep"
)

func checkCommand(w *world) *cli.Command {
	return command("check", "one host or domain, deeply, now", manual{
		about: "Looks deeply at single hosts: at the ports of a sweep and the scripts of their pages, at all 65,535 ports of a suspect, or of any " +
			"host with --escalate all-ports, which takes two minutes. Shows everything that was seen. Targets are addresses, CIDRs up to /28 " +
			"(IPv6: /124), and domain names, of which the addresses and those of the mail exchangers are taken. " +
			"What is not owned, or excluded, is left out and said so: nothing outside scope.owned is contacted.",
		operands: "TARGET...", min: 1, max: -1,
		settings: []string{"scope.owned", "scope.excluded", "scope.excluded_files", "sweep.ports", "sweep.rate", "sweep.per_host",
			"sweep.timeout.connect", "sweep.timeout.handshake", "sweep.timeout.host", "sweep.escalate", "sweep.per_suspect",
			"sweep.rate_per_suspect", "sweep.timeout.suspect", "identify.contact", "identify.ehlo", "netinfo.resolvers",
			"netinfo.asn_db", "netinfo.country_db", "netinfo.customers", "rules.packs", "rules.dirs", "rules.prior", "output.format",
			"output.file", "output.lang", "fail_on", "log.level", "log.format", "log.quiet"},
		examples: []example{
			{"one address", "netschouw check 198.51.100.8"},
			{"a domain of a customer, with its mail servers", "netschouw check shop.example.org"},
			{"a small range, for another program", "netschouw check 198.51.100.0/28 --format jsonl"},
			{"all of its ports, whatever it looks like", "netschouw check 198.51.100.8 --escalate all-ports"},
			{"how its score came about", "netschouw check 198.51.100.8 --format jsonl --quiet | netschouw rules explain -"},
		},
	}, func(c *cli.Context) error {
		cfg, err := w.load(c)
		if err != nil {
			return err
		}
		return w.check(c.Context, cfg, c.Args().Slice())
	})
}

func (w *world) check(ctx context.Context, cfg *config.Config, words []string) error {
	aims, err := parseAims(words)
	if err != nil {
		return err
	}
	e, err := w.equip(cfg)
	if err != nil {
		return err
	}
	defer e.close()
	if len(aims.domains) > 0 && e.resolver == nil {
		if e.resolver, err = e.systemResolver(); err != nil {
			return err
		}
	}
	if err := e.resolve(ctx, aims); err != nil {
		return err
	}
	set, skipped := e.admit(aims)
	if set.IsEmpty() {
		return usage("check looks at owned addresses that are not excluded; see: netschouw scope show "+aims.addrs[0].String(), "none of the targets may be contacted")
	}
	e.targets, e.names, e.deep = set, aims.names, true
	t, err := e.tour(func(*sweep.Config) {})
	if err != nil {
		return err
	}
	return w.tellCheck(ctx, e, t, words, skipped)
}

func (w *world) tellCheck(ctx context.Context, e *expedition, t *sweep.Tour, words []string, skipped uint64) error {
	out, err := w.output(e.cfg.Output)
	if err != nil {
		return err
	}
	opts := w.reportOptions(e.cfg.Output, out.Writer)
	opts.All, opts.Detail = true, true
	writer, err := report.New(e.cfg.Output.Format, out, opts)
	if err != nil {
		out.discard()
		return input(err)
	}
	r := &results{report: writer, all: true}
	sum, ended := e.run(ctx, w.stop, t, r)
	s := e.summary(sum, skipped, ended)
	s.Ranges = words
	if err := errors.Join(writer.Close(s), out.commit()); err != nil {
		return errors.Join(ended, err)
	}
	if ended != nil {
		return ended
	}
	return r.failed(e.cfg.FailOn)
}

// aims are the targets of a check: addresses, and the names that led to them.
type aims struct {
	addrs   []netip.Addr
	domains []string
	names   map[netip.Addr][]string
}

// The widest networks that check takes, in host bits: sixteen addresses.
const maxHostBits = 4

// parseAims reads the targets; nothing is looked up.
func parseAims(words []string) (*aims, error) {
	a := &aims{names: map[netip.Addr][]string{}}
	for _, word := range words {
		if addr, err := netip.ParseAddr(word); err == nil {
			a.addrs = append(a.addrs, addr.Unmap())
			continue
		}
		if strings.ContainsRune(word, '/') {
			if err := a.network(word); err != nil {
				return nil, err
			}
			continue
		}
		name := strings.ToLower(strings.TrimSuffix(word, "."))
		if !config.IsHostname(name) {
			return nil, usage("write an address, a CIDR up to /28, or a domain name", "%q is no target", word)
		}
		a.domains = append(a.domains, name)
	}
	return a, nil
}

func (a *aims) network(word string) error {
	p, err := netip.ParsePrefix(word)
	if err != nil {
		if strings.Contains(word, "://") {
			return usage("write the name or address alone", "%q is a URL", word)
		}
		return usage("write an address, a CIDR up to /28, or a domain name", "%q is no target", word)
	}
	if p.Addr().BitLen()-p.Bits() > maxHostBits {
		return usage("for a whole range use: netschouw sweep --range "+word, "%s is larger than check takes, which is /28 (IPv6: /124)", word)
	}
	for addr := p.Masked().Addr(); p.Contains(addr); addr = addr.Next() {
		a.addrs = append(a.addrs, addr.Unmap())
	}
	return nil
}

// resolve finds the addresses of the domains and of their mail exchangers. A name that leads nowhere is an error: there
// is nothing to look at, and a slip of the pen should not read as "clear".
func (e *expedition) resolve(ctx context.Context, a *aims) error {
	for _, domain := range a.domains {
		found, err := e.hostsOf(ctx, domain)
		if len(found) == 0 {
			if err == nil {
				err = errors.New("it has no address and no mail exchanger")
			}
			return &inputError{fmt.Errorf("%s: %w", domain, err), "look at its spelling, and at netinfo.resolvers"}
		}
		if err != nil {
			e.log.Warn("part of a name could not be looked up", "name", domain, "err", err)
		}
		for _, addr := range found {
			a.addrs = append(a.addrs, addr)
			if !slices.Contains(a.names[addr], domain) {
				a.names[addr] = append(a.names[addr], domain)
			}
		}
	}
	return nil
}

// hostsOf is A and AAAA of a domain, and of each of its mail exchangers.
func (e *expedition) hostsOf(ctx context.Context, domain string) ([]netip.Addr, error) {
	addrs, err := e.resolver.LookupHost(ctx, domain)
	exchangers, mxErr := e.resolver.LookupMX(ctx, domain)
	for _, mx := range exchangers {
		more, err := e.resolver.LookupHost(ctx, mx.Host)
		if err != nil {
			mxErr = errors.Join(mxErr, err)
		}
		addrs = append(addrs, more...)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	if errors.Is(err, netinfo.ErrNoSuchName) {
		mxErr = nil // the same answer twice
	}
	return slices.Compact(addrs), errors.Join(err, mxErr)
}

// admit is the targets that the scope permits; the others are told, with the reason, and counted.
func (e *expedition) admit(a *aims) (*netinfo.Set, uint64) {
	var b netinfo.SetBuilder
	skipped := uint64(0)
	for _, addr := range a.addrs {
		if err := e.scope.Check(addr); err != nil {
			skipped++
			log := e.log
			if names := a.names[addr]; len(names) > 0 {
				log = log.With("names", strings.Join(names, ","))
			}
			log.Warn("skipped, nothing was sent", "address", addr, "why", err)
			continue
		}
		b.AddRange(netinfo.Range{First: addr, Last: addr})
	}
	return b.Set(), skipped
}

// systemResolver asks the servers of this machine, for names that check was given when no resolver is configured.
func (e *expedition) systemResolver() (*netinfo.Resolver, error) {
	servers, err := systemServers(resolvConf)
	if err != nil {
		return nil, &inputError{fmt.Errorf("no resolver is configured, and this machine's are not known: %w", err), "give one: --resolver 192.0.2.53:53"}
	}
	e.log.Info("names are looked up by this machine's resolvers, because netinfo.resolvers is empty", "servers", strings.Join(servers, ","))
	return newResolver(e.cfg, servers)
}
