package main

import (
	"cmp"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/report"
)

func rulesExplainCommand(w *world) *cli.Command {
	return command("explain", "how a host's score came about, number by number", manual{
		about: "Reads hosts as sweep and check write them with --format jsonl or json, works their scores out again from " +
			"the traits in the record, and shows each step from the prior to the verdict. Nothing is contacted.",
		operands: "HOST.json|-", min: 1, max: 1,
		settings: []string{"rules.packs", "rules.dirs", "rules.prior"},
		examples: []example{
			{"one host of a report", "netschouw rules explain host.json"},
			{"for a program", "netschouw rules explain host.json --format json"},
		},
	}, func(c *cli.Context) error {
		asJSON, err := wantsJSON(c)
		if err != nil {
			return err
		}
		rules, cfg, err := w.rulesOf(c)
		if err != nil {
			return err
		}
		name := c.Args().First()
		const hint = "give what sweep or check wrote with --format jsonl or json, or - for standard input"
		in, done, err := w.open(name)
		if err != nil {
			return &inputError{err, hint}
		}
		defer done()
		n := 0
		err = report.Each(in, func(f checks.Finding) error {
			n++
			e := rules.Explain(&f, cfg.Rules.Policy)
			if asJSON {
				return writeJSON(w.stdout, e)
			}
			_, err := fmt.Fprintln(w.stdout, e)
			return err
		})
		if err != nil {
			return &inputError{fmt.Errorf("%s: %w", name, err), cmp.Or(hintOf(err), hint)}
		}
		if n == 0 {
			return &inputError{fmt.Errorf("%s has no host", name), "write one with: netschouw check ADDRESS --format jsonl --all"}
		}
		return nil
	}, formatFlag())
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
