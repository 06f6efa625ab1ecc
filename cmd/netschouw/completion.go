package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// shells is the list of shells that completion is written for.
var shells = []struct {
	name  string
	write func([]*cli.Command) string
}{
	{"bash", bashCompletion},
	{"zsh", zshCompletion},
	{"fish", fishCompletion},
}

func completionCommand(w *world) *cli.Command {
	var names []string
	for _, s := range shells {
		names = append(names, s.name)
	}
	return command("completion", "write a shell's completion script: "+strings.Join(names, ", "), manual{
		operands: strings.Join(names, "|"), min: 1, max: 1,
		about: "Writes a script that completes commands, flags and their values. It holds all words itself and runs nothing.",
		examples: []example{
			{"for this session of bash", "netschouw completion bash"},
			{"for zsh, into a folder of $fpath", "netschouw completion zsh > _netschouw"},
			{"for fish", "netschouw completion fish > netschouw.fish"},
		},
	}, func(c *cli.Context) error {
		for _, s := range shells {
			if s.name == c.Args().First() {
				_, err := io.WriteString(w.stdout, s.write(c.App.Commands))
				return err
			}
		}
		return usage("there are: "+strings.Join(names, ", "), "no completion for %q", c.Args().First())
	})
}

// place is one point of the command tree: the words that lead there, and what can follow.
type place struct {
	path  string // "", " sweep", " scope show"
	words []string
	flags []cli.Flag
}

func places(prefix string, list []*cli.Command) []place {
	here := place{path: prefix}
	var below []place
	for _, c := range list {
		here.words = append(here.words, c.Name)
		if len(c.Subcommands) > 0 {
			below = append(below, places(prefix+" "+c.Name, c.Subcommands)...)
			continue
		}
		leaf := place{path: prefix + " " + c.Name, flags: c.Flags, words: []string{"--help"}}
		if strings.Contains(c.ArgsUsage, "|") {
			leaf.words = append(leaf.words, strings.Split(c.ArgsUsage, "|")...)
		}
		for _, f := range c.Flags {
			leaf.words = append(leaf.words, "--"+f.Names()[0])
		}
		below = append(below, leaf)
	}
	return append([]place{here}, below...)
}

// valuesOf lists what can follow a flag: words, or files.
func valuesOf(f cli.Flag) (words []string, files, takes bool) {
	name := f.Names()[0]
	if _, isSwitch := f.(*cli.BoolFlag); isSwitch {
		return nil, false, false
	}
	k, ok := settingOf(f)
	if !ok {
		arg, _ := ownFlag(f)
		if strings.Contains(arg, "|") {
			return strings.Split(arg, "|"), false, true
		}
		return nil, name == configFlag || arg == "FILE" || arg == "DIR", true
	}
	return k.Choices, k.Files, true
}

func bashCompletion(list []*cli.Command) string {
	all := places("", list)
	var b strings.Builder
	b.WriteString("# bash completion for netschouw\n_netschouw() {\n" +
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path='' words='' i\n" +
		"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n\t\tcase \"$path ${COMP_WORDS[i]}\" in\n\t\t")
	for i, p := range all[1:] {
		if i > 0 {
			b.WriteString(" | ")
		}
		fmt.Fprintf(&b, "'%s'", p.path)
	}
	b.WriteString(") path=\"$path ${COMP_WORDS[i]}\" ;;\n\t\tesac\n\tdone\n\tcase \"$path:$prev\" in\n")
	for _, p := range all {
		for _, f := range p.flags {
			words, files, takes := valuesOf(f)
			switch {
			case !takes:
				continue
			case files:
				fmt.Fprintf(&b, "\t'%s:--%s') mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n", p.path, f.Names()[0])
			default:
				fmt.Fprintf(&b, "\t'%s:--%s') mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\"); return ;;\n", p.path, f.Names()[0], strings.Join(words, " "))
			}
		}
	}
	b.WriteString("\tesac\n\tcase \"$path\" in\n")
	for _, p := range all {
		fmt.Fprintf(&b, "\t'%s') words='%s' ;;\n", p.path, strings.Join(p.words, " "))
	}
	b.WriteString("\tesac\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n" +
		"complete -o default -F _netschouw netschouw\n")
	return b.String()
}

// zshCompletion is the script of bash through zsh's own adapter; mapfile, which zsh lacks, is written as its (f) flag.
func zshCompletion(list []*cli.Command) string {
	script := bashCompletion(list)
	for _, kind := range []string{"-f", "-W"} {
		script = strings.ReplaceAll(script, "mapfile -t COMPREPLY < <(compgen "+kind, "_netschouw_reply "+kind)
	}
	script = strings.ReplaceAll(script, `-- "$cur")`, `-- "$cur"`)
	script = strings.TrimPrefix(script, "# bash completion for netschouw\n")
	return "#compdef netschouw\n# zsh completion for netschouw\nautoload -U +X bashcompinit && bashcompinit\n" +
		"_netschouw_reply() { COMPREPLY=(\"${(@f)$(compgen \"$@\")}\"); }\n" + script
}

func fishCompletion(list []*cli.Command) string {
	var b strings.Builder
	b.WriteString("# fish completion for netschouw\ncomplete -c netschouw -f\n")
	for _, c := range list {
		fmt.Fprintf(&b, "complete -c netschouw -n __fish_use_subcommand -a %s -d %s\n", c.Name, fishQuote(c.Usage))
	}
	for _, p := range places("", list)[1:] {
		words := strings.Fields(p.path)
		seen := "__fish_seen_subcommand_from " + words[0]
		if len(words) == 2 {
			seen += "; and __fish_seen_subcommand_from " + words[1]
		}
		if p.flags == nil && len(words) == 1 && !slices.Contains(p.words, "--help") { // a group
			fmt.Fprintf(&b, "complete -c netschouw -n %s -a %s\n", fishQuote(seen+"; and not __fish_seen_subcommand_from "+strings.Join(p.words, " ")), fishQuote(strings.Join(p.words, " ")))
			continue
		}
		var plain []string
		for _, word := range p.words {
			if !strings.HasPrefix(word, "-") {
				plain = append(plain, word)
			}
		}
		if len(plain) > 0 {
			fmt.Fprintf(&b, "complete -c netschouw -n %s -a %s\n", fishQuote(seen), fishQuote(strings.Join(plain, " ")))
		}
		for _, f := range p.flags {
			fmt.Fprintf(&b, "complete -c netschouw -n %s -l %s%s\n", fishQuote(seen), f.Names()[0], fishValues(f))
		}
	}
	return b.String()
}

func fishValues(f cli.Flag) string {
	words, files, takes := valuesOf(f)
	switch {
	case !takes:
		return ""
	case files:
		return " -r -F"
	case len(words) > 0:
		return " -x -a " + fishQuote(strings.Join(words, " "))
	}
	return " -x"
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
