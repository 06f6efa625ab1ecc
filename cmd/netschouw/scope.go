package main

import (
	"fmt"
	"io"
	"math/big"
	"net/netip"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/netschouw/netschouw/netinfo"
)

var scopeSettings = []string{"scope.owned", "scope.excluded", "scope.excluded_files", "sweep.range", "netinfo.customers"}

func scopeCommand(w *world) *cli.Command {
	return group("scope", "what would be probed, what not, and whose it is", scopeShowCommand(w), scopeVerifyCommand(w))
}

func scopeShowCommand(w *world) *cli.Command {
	return command("show", "what would be probed, and what not", manual{
		about: "Shows the owned and the excluded ranges with the place where each is written, and how many addresses " +
			"a sweep would look at. With addresses it tells what becomes of each. Nothing is contacted.",
		operands: "[ADDRESS...]", max: -1, settings: scopeSettings,
		examples: []example{
			{"everything", "netschouw scope show"},
			{"one address: is it looked at, and which line decides", "netschouw scope show 198.51.100.7"},
			{"for a program", "netschouw scope show --format json"},
		},
	}, func(c *cli.Context) error {
		asJSON, err := wantsJSON(c)
		if err != nil {
			return err
		}
		cfg, err := w.load(c)
		if err != nil {
			return err
		}
		g, err := survey(cfg)
		if err != nil {
			return err
		}
		defer g.close()
		if c.Args().Present() {
			return explainAddresses(w.stdout, g, c.Args().Slice())
		}
		if asJSON {
			return scopeJSON(w.stdout, g)
		}
		return scopeText(w.stdout, g)
	}, formatFlag())
}

func explainAddresses(out io.Writer, g *ground, words []string) error {
	for _, word := range words {
		a, err := netip.ParseAddr(word)
		if err != nil {
			return usage("write addresses, such as 198.51.100.7", "%q is not an IP address", word)
		}
		x := g.scope.Explain(a)
		for _, d := range []*netinfo.Deciding{x.Owned, x.Excluded} {
			if d != nil {
				d.Source = placed(d.Source, g.cfg)
			}
		}
		if _, err := fmt.Fprintln(out, x); err != nil {
			return err
		}
	}
	return nil
}

// maxShownEntries bounds each list of the text form; a list from a file can have a million.
const maxShownEntries = 100

func scopeText(out io.Writer, g *ground) error {
	s := g.scope.Summary()
	tw := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(tw, "owned\t%s addresses\tin %s\n", bigGrouped(s.Owned), entryCount(s.OwnedEntries)) //nolint:errcheck // Flush tells
	fmt.Fprintf(tw, "of these excluded\t%s\tby %s\n", bigGrouped(s.Excluded), entryCount(s.ExcludedEntries))
	fmt.Fprintf(tw, "a sweep looks at\t%s\t\n", grouped(s.Walk))
	fmt.Fprintf(tw, "\nOWNED\tADDRESSES\tLOOKED AT\tWRITTEN IN\n")
	shown := 0
	for r := range g.scope.OwnedRanges() {
		if shown++; shown > maxShownEntries {
			continue
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", r.Range, bigGrouped(r.Addresses), bigGrouped(r.Targets), placed(r.Source, g.cfg))
	}
	more(tw, shown)
	excluded(tw, g)
	if err := tw.Flush(); err != nil {
		return err
	}
	if err := g.scope.Walkable(); err != nil {
		_, err = fmt.Fprintf(out, "\nnote: %v\n", err)
		return err
	}
	return nil
}

func excluded(tw io.Writer, g *ground) {
	shown := 0
	for r, src := range g.scope.ExcludedRanges() {
		if shown++; shown == 1 {
			fmt.Fprintf(tw, "\nEXCLUDED\t\t\tWRITTEN IN\n") //nolint:errcheck // the tabwriter's Flush tells
		}
		if shown <= maxShownEntries {
			fmt.Fprintf(tw, "%s\t\t\t%s\n", r, placed(src, g.cfg)) //nolint:errcheck // as above
		}
	}
	more(tw, shown)
}

func more(tw io.Writer, shown int) {
	if shown > maxShownEntries {
		fmt.Fprintf(tw, "and %s more\n", grouped(uint64(shown-maxShownEntries))) //nolint:errcheck,gosec // as above; positive
	}
}

func entryCount(n int) string {
	return strings.Replace(count(n, "entry"), "entrys", "entries", 1)
}

func bigGrouped(n *big.Int) string {
	if n.IsUint64() {
		return grouped(n.Uint64())
	}
	power := fmt.Sprintf("2^%d", n.BitLen()-1)
	if n.TrailingZeroBits() == uint(n.BitLen()-1) { //nolint:gosec // a bit length is never negative
		return power
	}
	return "over " + power
}

// scopeSchema is the schema of the JSON form.
const scopeSchema = "netschouw.scope/v1"

type scopeEntry struct {
	Range     string `json:"range"`
	Source    string `json:"source"`
	Addresses string `json:"addresses,omitempty"` // decimal: an IPv6 range has more than a JSON number can hold
	Targets   string `json:"targets,omitempty"`
}

func scopeJSON(out io.Writer, g *ground) error {
	s := g.scope.Summary()
	doc := struct {
		Schema   string       `json:"schema"`
		Owned    []scopeEntry `json:"owned"`
		Excluded []scopeEntry `json:"excluded"`
		Targets  string       `json:"targets"`
		Walk     uint64       `json:"walk"` // how many addresses a sweep visits
	}{scopeSchema, []scopeEntry{}, []scopeEntry{}, s.Targets.String(), s.Walk}
	for r := range g.scope.OwnedRanges() {
		doc.Owned = append(doc.Owned, scopeEntry{r.Range.String(), placed(r.Source, g.cfg).String(), r.Addresses.String(), r.Targets.String()})
	}
	for r, src := range g.scope.ExcludedRanges() {
		doc.Excluded = append(doc.Excluded, scopeEntry{Range: r.String(), Source: placed(src, g.cfg).String()})
	}
	return writeJSON(out, doc)
}

func scopeVerifyCommand(w *world) *cli.Command {
	return command("verify", "check that your autonomous systems announce the owned ranges", manual{
		about: "Compares every owned range with the ASN database: each must be announced by one of scope.asns. " +
			"A sweep does the same before it begins. Nothing is contacted.",
		settings: []string{"scope.owned", "scope.asns", "netinfo.asn_db"},
		examples: []example{
			{"with the configuration of this folder", "netschouw scope verify"},
			{"without a file", "netschouw scope verify --owned 198.51.100.0/24 --asn 64500 --asn-db /var/lib/GeoIP/GeoLite2-ASN.mmdb"},
		},
	}, func(c *cli.Context) error {
		cfg, err := w.load(c)
		if err != nil {
			return err
		}
		if cfg.NetInfo.ASNDB == "" || len(cfg.Scope.ASNs) == 0 {
			return usage("give --asn and --asn-db, or set scope.asns and netinfo.asn_db", "there is nothing to verify the owned ranges against")
		}
		g, err := survey(cfg)
		if err != nil {
			return err
		}
		defer g.close()
		if err := g.verify(); err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.stdout, "all %s owned addresses are announced by %s\n", bigGrouped(g.scope.Summary().Owned), asNames(cfg.Scope.ASNs))
		return err
	})
}
