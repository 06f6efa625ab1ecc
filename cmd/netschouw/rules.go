package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/cmd/netschouw/config"
)

var rulesSettings = []string{"rules.packs", "rules.dirs"}

func rulesCommand(w *world) *cli.Command {
	return group("rules", "what is looked for, and why", rulesListCommand(w), rulesLintCommand(w), rulesTestCommand(w), rulesExplainCommand(w))
}

// loadRules loads the packs that the configuration names.
func loadRules(cfg *config.Config) (*checks.Ruleset, error) {
	rules, err := checks.Load(checks.LoadOptions{Packs: cfg.Rules.Packs, Dirs: cfg.Rules.Dirs})
	return rules, input(err)
}

// rulesOf loads the packs of a command line, with further folders.
func (w *world) rulesOf(c *cli.Context, dirs ...string) (*checks.Ruleset, *config.Config, error) {
	cfg, err := w.load(c)
	if err != nil {
		return nil, nil, err
	}
	cfg.Rules.Dirs = append(cfg.Rules.Dirs, dirs...)
	rules, err := loadRules(cfg)
	return rules, cfg, err
}

func formatFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Value: "text", Usage: "`text|json` how the answer is written (default text)"}
}

// wantsJSON reads the flag of formatFlag.
func wantsJSON(c *cli.Context) (bool, error) {
	switch f := c.String("format"); f {
	case "text", "json":
		return f == "json", nil
	default:
		return false, usage("want text or json", "--format: %q is not known here", f)
	}
}

func writeJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func rulesListCommand(w *world) *cli.Command {
	return command("list", "the loaded rules with their weight, basis and sources", manual{
		about:    "Lists every rule that a sweep would apply. With --format json everything of each rule.",
		settings: rulesSettings,
		examples: []example{
			{"what is looked for", "netschouw rules list"},
			{"everything of each rule", "netschouw rules list --format json"},
		},
	}, func(c *cli.Context) error {
		asJSON, err := wantsJSON(c)
		if err != nil {
			return err
		}
		rules, _, err := w.rulesOf(c)
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(w.stdout, rules.List())
		}
		return listRules(w.stdout, rules.List())
	}, formatFlag())
}

func listRules(out io.Writer, list []checks.RuleInfo) error {
	tw := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "RULE\tGROUP\tWEIGHT\tBASIS\tWHAT IT SEES") //nolint:errcheck // Flush tells
	for _, r := range list {
		weight := strconv.FormatFloat(r.Weight, 'f', 1, 64)
		if r.Hard {
			weight += " hard"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", r.Rule, r.Group, weight, r.Basis, r.Title) //nolint:errcheck // as above
	}
	return tw.Flush()
}

func rulesLintCommand(w *world) *cli.Command {
	return command("lint", "check rule packs without using them", manual{
		about: "Loads the configured packs and those of the named folders, and tells every mistake with file, line, " +
			"column and remedy, and what is suspicious though well-formed. Exits with 2 for a mistake, with 1 for a suspicion.",
		operands: "[DIR...]", max: -1, settings: rulesSettings,
		examples: []example{
			{"the configured packs", "netschouw rules lint"},
			{"a folder with a pack of your own, before it is configured", "netschouw rules lint ./rules"},
		},
	}, func(c *cli.Context) error {
		rules, _, err := w.rulesOf(c, c.Args().Slice()...)
		if err != nil {
			return err
		}
		return w.tellLint(rules)
	})
}

func (w *world) tellLint(rules *checks.Ruleset) error {
	found := checks.Lint(rules)
	for _, p := range found {
		if _, err := fmt.Fprintln(w.stdout, p.Error()); err != nil {
			return err
		}
	}
	if len(found) > 0 {
		return &failure{fmt.Errorf("%s in the packs", count(len(found), "suspicious thing")), "none is a mistake of form; each wants a person's look"}
	}
	for _, pack := range rules.Packs() {
		if _, err := fmt.Fprintf(w.stdout, "ok    %s\n", pack); err != nil {
			return err
		}
	}
	return nil
}

func rulesTestCommand(w *world) *cli.Command {
	return command("test", "run the cases that each rule carries", manual{
		about: "Runs every rule on its own cases: hosts on which it must fire, and look-alikes on which it must not. " +
			"Exits with 1 when a case fails.",
		operands: "[DIR...]", max: -1, settings: rulesSettings,
		examples: []example{
			{"the configured packs", "netschouw rules test"},
			{"all cases, one a line, for a program", "netschouw rules test --format json"},
		},
	}, func(c *cli.Context) error {
		asJSON, err := wantsJSON(c)
		if err != nil {
			return err
		}
		rules, _, err := w.rulesOf(c, c.Args().Slice()...)
		if err != nil {
			return err
		}
		return w.tellCases(checks.Test(rules), asJSON)
	}, formatFlag())
}

func (w *world) tellCases(results []checks.CaseResult, asJSON bool) error {
	failed := 0
	for _, r := range results {
		if !r.OK() {
			failed++
		}
		if asJSON {
			if err := json.NewEncoder(w.stdout).Encode(r); err != nil {
				return err
			}
		} else if !r.OK() {
			if _, err := fmt.Fprintln(w.stdout, r); err != nil {
				return err
			}
		}
	}
	if failed > 0 {
		return &failure{fmt.Errorf("%s of %d failed", count(failed, "case"), len(results)), "correct the rule or its case, then run this again"}
	}
	if !asJSON {
		_, err := fmt.Fprintf(w.stdout, "ok    %s\n", count(len(results), "case"))
		return err
	}
	return nil
}
