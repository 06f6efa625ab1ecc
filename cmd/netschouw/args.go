package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/netschouw/netschouw/cmd/netschouw/config"
)

// locate walks down the tree of commands as far as the words lead, and returns the way and the words that are left.
func locate(list []*cli.Command, words []string) (way []*cli.Command, rest []string) {
	for len(words) > 0 {
		i := slices.IndexFunc(list, func(c *cli.Command) bool { return c.HasName(words[0]) })
		if i < 0 {
			break
		}
		way, list, words = append(way, list[i]), list[i].Subcommands, words[1:]
	}
	return way, words
}

// arrange puts the flags of a command line before its arguments, because the flag parser stops at the first argument
// and `netschouw check 198.51.100.7 --format json` is how people type.
func arrange(app *cli.App, args []string) ([]string, error) {
	if len(args) < 2 {
		return args, nil
	}
	if first := args[1]; strings.HasPrefix(first, "-") {
		if first == "--version" || first == "-v" {
			return append([]string{args[0], "version"}, args[2:]...), nil
		}
		return nil, usage("write the command first, such as: netschouw sweep "+first, "%s stands before the command", first)
	}
	way, rest := locate(app.Commands, args[1:])
	if len(way) == 0 || len(way[len(way)-1].Subcommands) > 0 {
		return args, nil // a group, or a mistyped command: its Action says so
	}
	head := args[:len(args)-len(rest)]
	flags, operands, bare := split(way[len(way)-1].Flags, rest)
	if bare != "" {
		return nil, usage("see: "+fullName(way)+" --help", "flag %s needs a value", bare)
	}
	return slices.Concat(head, flags, []string{"--"}, operands), nil
}

// split separates flags with their values from operands. After "--" all are operands; "-" is one. bare is a last flag
// that lacks its value.
func split(known []cli.Flag, words []string) (flags, operands []string, bare string) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "--":
			return flags, append(operands, words[i+1:]...), ""
		case w == "-" || !strings.HasPrefix(w, "-"):
			operands = append(operands, w)
		default:
			flags = append(flags, w)
			if strings.Contains(w, "=") || !takesValue(known, strings.TrimLeft(w, "-")) {
				continue
			}
			if i++; i == len(words) {
				return flags, operands, w
			}
			flags = append(flags, words[i])
		}
	}
	return flags, operands, ""
}

func takesValue(known []cli.Flag, name string) bool {
	for _, f := range known {
		if slices.Contains(f.Names(), name) {
			_, isSwitch := f.(*cli.BoolFlag)
			return !isSwitch
		}
	}
	return false
}

// usageFault words the flag parser's errors, and finds the flag that was meant.
func usageFault(c *cli.Context, err error, _ bool) error {
	if name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); unknown {
		name = strings.TrimLeft(name, "-")
		known := flagNames(c.Command)
		hint := "see: " + c.Command.HelpName + " --help"
		if near := config.Nearest(name, known); near != "" {
			hint = "did you mean --" + near + "?"
		}
		for _, key := range config.Keys() { // a setting that this command takes, but not as a flag
			if key.Flag == name {
				hint = "set " + key.Path + " in the configuration, or " + key.Env()
			}
		}
		return usage(hint, "%s has no flag --%s", shortName(c.Command), name)
	}
	return usage("see: "+c.Command.HelpName+" --help", "%v", err)
}

// shortName is a command's name for messages, which begin with the program's.
func shortName(c *cli.Command) string { return strings.TrimPrefix(c.HelpName, "netschouw ") }

func flagNames(c *cli.Command) []string {
	var names []string
	for _, f := range c.Flags {
		names = append(names, f.Names()[0])
	}
	return append(names, "help")
}

// unknownCommand is the error for a word that is no command of this group, or for none at all.
func unknownCommand(list []*cli.Command, group, word string) error {
	var names []string
	for _, c := range list {
		names = append(names, c.Name)
	}
	all := "there are: " + strings.Join(names, ", ")
	if word == "" {
		return usage(all, "%s needs a command", strings.TrimPrefix(group, "netschouw "))
	}
	if near := config.Nearest(word, names); near != "" {
		all = fmt.Sprintf("did you mean: %s %s?", group, near)
	}
	return usage(all, "unknown command %q", word)
}
