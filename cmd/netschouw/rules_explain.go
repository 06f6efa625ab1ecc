package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/report"
)

func rulesExplainCommand(w *world) *cli.Command {
	return command("explain", "how a host's score came about, number by number", manual{
		about: "Reads hosts as sweep and check write them with --format jsonl or json, applies the rules anew, and shows " +
			"each step from the prior to the verdict. Nothing is contacted.",
		operands: "HOST.json|-", min: 1, max: 1,
		settings: []string{"rules.packs", "rules.dirs", "rules.prior"},
		examples: []example{
			{"one host of a report", "netschouw rules explain host.json"},
			{"with another prior", "netschouw rules explain --prior 0.001 host.json"},
		},
	}, func(c *cli.Context) error {
		rules, cfg, err := w.rulesOf(c)
		if err != nil {
			return err
		}
		in, done, err := w.open(c.Args().First())
		if err != nil {
			return input(err)
		}
		defer done()
		n := 0
		err = report.Each(in, func(f checks.Finding) error {
			n++
			return explain(w.stdout, &f, rules.Assess(&f.Host, cfg.Rules.Policy), cfg.Rules.Policy)
		})
		if err != nil {
			return input(fmt.Errorf("%s: %w", c.Args().First(), err))
		}
		if n == 0 {
			return &inputError{fmt.Errorf("%s has no host", c.Args().First()), "write one with: netschouw check ADDRESS --format jsonl --all"}
		}
		return nil
	})
}

// open opens a file to read, "-" for standard input.
func (w *world) open(name string) (io.Reader, func(), error) {
	if name == "-" {
		return w.stdin, func() {}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	return f, func() { _ = f.Close() }, nil
}

// explain writes one host's way from the prior to the verdict.
func explain(out io.Writer, f *checks.Finding, a checks.Assessment, p checks.Policy) error {
	fmt.Fprintf(out, "%s\n\n", f.Address) //nolint:errcheck // the last line tells
	tw := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	odds := logit(a.Prior)
	fmt.Fprintln(tw, "GROUP\tADDS\tLOG-ODDS\tPROBABILITY\tBECAUSE")                           //nolint:errcheck // Flush tells
	fmt.Fprintf(tw, "\t\t%+.2f\t%s\tprior: before anything is seen\n", odds, chance(a.Prior)) //nolint:errcheck // as above
	for _, t := range a.Traits {
		if !t.Counted {
			fmt.Fprintf(tw, "%s\t(%.2f)\t\t\t%s: %s; not added, a stronger trait of its group is\n", t.Group, t.Weight, t.Rule, t.Title) //nolint:errcheck // as above
			continue
		}
		odds += t.Weight
		fmt.Fprintf(tw, "%s\t%+.2f\t%+.2f\t%s\t%s: %s\n", t.Group, t.Weight, odds, chance(logistic(odds)), t.Rule, t.Title) //nolint:errcheck // as above
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nscore    %s\nverdict  %s: %s\nreason   %s\npacks    %s\n", chance(a.Score), a.Verdict, because(a, p), a.Reason, strings.Join(a.Packs, ", ")) //nolint:errcheck // as above
	if f.Verdict != a.Verdict || math.Abs(f.Score-a.Score) > 1e-9 {
		fmt.Fprintf(out, "note     the report says %s with %s, by %s and a prior of %g\n", f.Verdict, chance(f.Score), //nolint:errcheck // as above
			report.Terminal(strings.Join(f.Packs, ", "), 200), f.Prior)
	}
	_, err := fmt.Fprintln(out)
	return err
}

func logit(p float64) float64    { return math.Log(p / (1 - p)) }
func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// chance writes a probability so that neither a very small nor a very large one becomes 0 or 1.
func chance(p float64) string {
	if p > 0.99995 && p < 1 {
		return "above 0.9999"
	}
	if p < 0.0001 && p > 0 {
		return fmt.Sprintf("%.1e", p)
	}
	return fmt.Sprintf("%.4f", p)
}

// because says which line of the verdict's definition was met.
func because(a checks.Assessment, p checks.Policy) string {
	groups := 0
	for _, g := range a.Groups {
		if g != checks.Groups()[len(checks.Groups())-1] { // context, which is last, counts for no match
			groups++
		}
	}
	for _, t := range a.Traits {
		if t.Hard {
			return "a live indicator (" + t.Rule + ") is enough by itself"
		}
	}
	seen := fmt.Sprintf("score %s and %s of traits", chance(a.Score), count(groups, "independent group"))
	switch a.Verdict {
	case checks.Match:
		return fmt.Sprintf("%s; a match needs %g and %d", seen, p.Match, checks.MatchGroups)
	case checks.Suspect:
		return fmt.Sprintf("%s; a suspect needs %g, a match %g and %d groups", seen, p.Suspect, p.Match, checks.MatchGroups)
	}
	return fmt.Sprintf("%s; a suspect needs %g", seen, p.Suspect)
}
