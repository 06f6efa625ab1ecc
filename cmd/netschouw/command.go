package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/netschouw/netschouw/cmd/netschouw/config"
)

// example is a command line that works when it is pasted, and what it does.
type example struct{ does, line string }

// manual is what help tells of a command beside its flags.
type manual struct {
	about    string // a few sentences
	operands string // "TARGET..."; "" for none
	min, max int    // how many operands; a negative max is no bound
	settings []string
	examples []example
}

// command builds a sub-command: its settings become flags, operands are counted, mistakes become usageErrors.
func command(name, does string, m manual, action cli.ActionFunc, own ...cli.Flag) *cli.Command {
	c := &cli.Command{
		Name: name, Usage: does, ArgsUsage: m.operands, Description: m.about,
		Flags:    append(own, settings(m.settings)...),
		HideHelp: true, OnUsageError: usageFault,
	}
	c.CustomHelpTemplate = exampleText(m.examples)
	c.Action = func(ctx *cli.Context) error {
		switch n := ctx.Args().Len(); {
		case n < m.min:
			return usage("see: "+ctx.Command.HelpName+" --help", "%s needs %s", shortName(ctx.Command), m.operands)
		case m.max >= 0 && n > m.max:
			return usage("see: "+ctx.Command.HelpName+" --help", "unexpected argument %q", ctx.Args().Get(m.max))
		}
		return action(ctx)
	}
	return c
}

// group builds a command that only has sub-commands.
func group(name, does string, subs ...*cli.Command) *cli.Command {
	return &cli.Command{
		Name: name, Usage: does, Subcommands: subs, HideHelp: true, OnUsageError: usageFault,
		Action: func(c *cli.Context) error {
			return unknownCommand(c.Command.Subcommands, "netschouw "+name, c.Args().First())
		},
	}
}

// configFlag names the configuration file.
const configFlag = "config"

// settings makes flags of keys, by path; --config comes first.
func settings(paths []string) []cli.Flag {
	if len(paths) == 0 {
		return nil
	}
	flags := []cli.Flag{&cli.StringFlag{Name: configFlag}}
	for _, p := range paths {
		key, ok := config.ByPath(p)
		if !ok || key.Flag == "" {
			panic("no setting with a flag at " + p) // a fault of the program that every test would meet
		}
		switch {
		case key.Switch():
			flags = append(flags, &cli.BoolFlag{Name: key.Flag})
		case key.List:
			flags = append(flags, &cli.StringSliceFlag{Name: key.Flag})
		default:
			flags = append(flags, &cli.StringFlag{Name: key.Flag})
		}
	}
	return flags
}

// given collects the settings that flags of this command line set.
func given(c *cli.Context) map[string][]string {
	out := map[string][]string{}
	for _, key := range config.Keys() {
		switch {
		case key.Flag == "" || !c.IsSet(key.Flag):
		case key.Switch():
			out[key.Path] = []string{map[bool]string{true: "true", false: "false"}[c.Bool(key.Flag)]}
		case key.List:
			out[key.Path] = c.StringSlice(key.Flag)
		default:
			out[key.Path] = []string{c.String(key.Flag)}
		}
	}
	return out
}

// load reads the configuration of a command line.
func (w *world) load(c *cli.Context) (*config.Config, error) {
	cfg, _, err := config.Load(config.Sources{File: c.String(configFlag), Environ: w.env, Flags: given(c)})
	return cfg, input(err)
}

func exampleText(list []example) string {
	var b strings.Builder
	for _, e := range list {
		b.WriteString("  # " + e.does + "\n  " + e.line + "\n")
	}
	return b.String()
}
