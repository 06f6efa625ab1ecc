package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/netschouw/netschouw/cmd/netschouw/config"
	"github.com/netschouw/netschouw/netinfo"
)

// ground is what is known before the first packet: which addresses are ours, whose they are, who announces them.
// Whatever is wrong here is an inputError, and nothing was probed.
type ground struct {
	cfg       *config.Config
	whole     *netinfo.Scope     // all that is owned and not excluded
	scope     *netinfo.Scope     // the same, narrowed to sweep.range
	customers *netinfo.Customers // nil: not configured
	geo       *netinfo.Geo
}

// survey reads databases, customers and ranges.
func survey(cfg *config.Config) (*ground, error) {
	if err := cfg.RequireOwned(); err != nil {
		return nil, input(err)
	}
	g := &ground{cfg: cfg}
	var err error
	if g.geo, err = netinfo.OpenGeo(cfg.NetInfo.ASNDB, cfg.NetInfo.CountryDB); err != nil {
		return nil, input(err)
	}
	if err := g.readScope(); err != nil {
		_ = g.geo.Close()
		return nil, err
	}
	return g, nil
}

func (g *ground) close() { _ = g.geo.Close() }

func (g *ground) readScope() (err error) {
	cfg := g.cfg
	sc := netinfo.ScopeConfig{Owned: texts(cfg.Scope.Owned), OwnedFiles: cfg.Scope.OwnedFiles,
		Excluded: texts(cfg.Scope.Excluded), ExcludedFiles: cfg.Scope.ExcludedFiles}
	if cfg.NetInfo.Customers != "" {
		if g.customers, err = netinfo.OpenCustomers(cfg.NetInfo.Customers); err != nil {
			return input(err)
		}
		sc.Exclusions = g.customers.Exclusions()
	}
	if g.scope, err = netinfo.NewScope(sc); err != nil {
		return input(locateFaults(err, cfg))
	}
	if g.whole = g.scope; len(cfg.Sweep.Range) > 0 {
		if g.scope, err = g.scope.Narrow(texts(cfg.Sweep.Range)); err != nil {
			return input(locateFaults(err, cfg))
		}
	}
	return nil
}

// verify holds the owned ranges against the ASN database, when there is one and scope.asns says what to expect.
func (g *ground) verify() error {
	db := g.geo.ASN()
	if db == nil || len(g.cfg.Scope.ASNs) == 0 {
		return nil
	}
	diffs, err := g.scope.Verify(db, g.cfg.Scope.ASNs)
	if err != nil {
		return input(err)
	}
	if len(diffs) == 0 {
		return nil
	}
	lines := []string{fmt.Sprintf("%s of the owned ranges not announced by %s:", count(len(diffs), "part"), asNames(g.cfg.Scope.ASNs))}
	for i, d := range diffs {
		if i == 20 {
			lines = append(lines, fmt.Sprintf("and %d more", len(diffs)-i))
			break
		}
		lines = append(lines, d.String())
	}
	return &inputError{errors.New(strings.Join(lines, "\n")),
		"take them out of scope.owned, or add the number to scope.asns if it is yours; the database may also be old"}
}

func asNames(list []uint32) string {
	names := make([]string, len(list))
	for i, n := range list {
		names[i] = fmt.Sprintf("AS%d", n)
	}
	return strings.Join(names, ", ")
}

func texts(items []config.Item) []string {
	out := make([]string, len(items))
	for i, it := range items {
		out[i] = it.Text
	}
	return out
}

// placed gives an entry of the configuration the place where it stands: "netschouw.yaml:2:11" instead of
// "scope.owned, entry 1".
func placed(s netinfo.Source, cfg *config.Config) netinfo.Source {
	lists := map[string][]config.Item{"scope.owned": cfg.Scope.Owned, "scope.excluded": cfg.Scope.Excluded, "--range": cfg.Sweep.Range}
	if list := lists[s.Name]; s.Inline && s.Line >= 1 && s.Line <= len(list) {
		return netinfo.Source{Name: list[s.Line-1].At, Note: s.Note}
	}
	return s
}

// locateFaults places each fault of an error.
func locateFaults(err error, cfg *config.Config) error {
	var faults *netinfo.Faults
	if !errors.As(err, &faults) {
		return err
	}
	for _, f := range faults.List {
		f.Source = placed(f.Source, cfg)
	}
	return err
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(uint64(n)) + " " + noun + "s" //nolint:gosec // never negative
}
