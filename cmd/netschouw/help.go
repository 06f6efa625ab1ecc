package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/netschouw/netschouw/cmd/netschouw/config"
)

// helpFor says whether a command line asks for help, and gives the text: `netschouw`, `netschouw help COMMAND...`, and
// --help or -h anywhere before "--".
func helpFor(app *cli.App, args []string) (text string, wanted bool, err error) {
	words := args[min(1, len(args)):]
	if len(words) == 0 {
		return rootHelp(app), true, nil
	}
	if end := slices.Index(words, "--"); end >= 0 {
		words = words[:end]
	}
	isHelp := func(s string) bool { return s == "--help" || s == "-help" || s == "-h" }
	switch {
	case len(words) == 0:
		return "", false, nil
	case words[0] == "help":
		words = words[1:]
	case slices.ContainsFunc(words, isHelp):
		words = slices.DeleteFunc(slices.Clone(words), func(s string) bool { return strings.HasPrefix(s, "-") })
	default:
		return "", false, nil
	}
	way, rest := locate(app.Commands, words)
	if len(way) == 0 {
		if len(rest) > 0 {
			return "", true, unknownCommand(app.Commands, "netschouw", rest[0])
		}
		return rootHelp(app), true, nil
	}
	last := way[len(way)-1]
	if len(last.Subcommands) > 0 && len(rest) > 0 {
		return "", true, unknownCommand(last.Subcommands, fullName(way), rest[0])
	}
	return commandHelp(fullName(way), last), true, nil
}

func fullName(way []*cli.Command) string {
	names := []string{"netschouw"}
	for _, c := range way {
		names = append(names, c.Name)
	}
	return strings.Join(names, " ")
}

func rootHelp(app *cli.App) string {
	var b strings.Builder
	fmt.Fprintf(&b, "netschouw - %s\n\nUsage:\n  netschouw COMMAND [FLAGS] [ARGUMENTS]\n\nCommands:\n", app.Usage)
	commandList(&b, "", app.Commands)
	b.WriteString(`
Begin with:
  # a simulated fleet on this machine, swept for real
  netschouw demo
  # a configuration for your own ranges
  netschouw init --owned 198.51.100.0/24

Exit status: 0 complete; 1 failed; 2 bad usage, configuration or input (nothing was
probed); 3 complete, and hosts at or above --fail-on were found; 4 stopped early.

Every setting is a key of netschouw.yaml, an environment variable and mostly a flag.
More on a command: netschouw COMMAND --help
`)
	return b.String()
}

func commandList(b *strings.Builder, prefix string, list []*cli.Command) {
	for _, c := range list {
		if len(c.Subcommands) > 0 {
			commandList(b, prefix+c.Name+" ", c.Subcommands)
			continue
		}
		fmt.Fprintf(b, "  %-16s  %s\n", prefix+c.Name, c.Usage)
	}
}

func commandHelp(name string, c *cli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s - %s\n\nUsage:\n", name, c.Usage)
	if len(c.Subcommands) > 0 {
		fmt.Fprintf(&b, "  %s COMMAND [FLAGS] [ARGUMENTS]\n\nCommands:\n", name)
		commandList(&b, "", c.Subcommands)
		return b.String()
	}
	fmt.Fprintf(&b, "  %s", strings.TrimSpace(name+" [FLAGS] "+c.ArgsUsage))
	b.WriteString("\n")
	if c.Description != "" {
		b.WriteString("\n" + fill(c.Description, 80, "") + "\n")
	}
	if c.CustomHelpTemplate != "" {
		b.WriteString("\nExamples:\n" + c.CustomHelpTemplate)
	}
	b.WriteString("\nFlags:\n")
	for _, f := range c.Flags {
		flagHelp(&b, f)
	}
	b.WriteString("  --help\n        this text\n")
	return b.String()
}

func flagHelp(b *strings.Builder, f cli.Flag) {
	name := f.Names()[0]
	if name == configFlag {
		fmt.Fprintf(b, "  --config FILE\n%s\n", fill("the configuration; else "+strings.Join(config.Places(), ", else ")+" ("+config.ConfigEnv+")", 80, "        "))
		return
	}
	k, ok := settingOf(f)
	if !ok {
		arg, use := ownFlag(f)
		fmt.Fprintf(b, "  --%s\n%s\n", strings.TrimSpace(name+" "+arg), fill(use, 80, "        "))
		return
	}
	use := k.Usage
	if k.List {
		use += "; repeatable, or separated by commas"
	}
	facts := k.Path + ", " + k.Env()
	if d := k.DefaultText(); d != "" && d != "false" {
		facts += "; default " + d
	}
	fmt.Fprintf(b, "  --%s\n%s\n", strings.TrimSpace(name+" "+k.Arg), fill(use+" ("+facts+")", 80, "        "))
}

// settingOf is the setting that a flag sets. A flag that has a usage of its own sets none, even if a setting elsewhere has
// the same flag: the formats of `scope show` are not those of a report.
func settingOf(f cli.Flag) (config.Key, bool) {
	if _, use := ownFlag(f); use != "" {
		return config.Key{}, false
	}
	i := slices.IndexFunc(config.Keys(), func(k config.Key) bool { return k.Flag == f.Names()[0] })
	if i < 0 {
		return config.Key{}, false
	}
	return config.Keys()[i], true
}

// ownFlag is a flag that is no setting: its placeholder stands in back quotes at the head of its usage.
func ownFlag(f cli.Flag) (arg, use string) {
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return "", ""
	}
	use = doc.GetUsage()
	if rest, quoted := strings.CutPrefix(use, "`"); quoted {
		arg, use, _ = strings.Cut(rest, "` ")
	}
	return arg, use
}

// fill breaks a text into lines of at most width columns, each after the indent.
func fill(text string, width int, indent string) string {
	var lines []string
	line := indent
	for _, word := range strings.Fields(text) {
		if line != indent && len(line)+1+len(word) > width {
			lines, line = append(lines, line), indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}
