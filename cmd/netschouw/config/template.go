package config

import (
	"fmt"
	"strconv"
	"strings"
)

// head is the first lines of the file that `netschouw init` writes.
const head = `# netschouw: the yearly walk along your own dike.
# Every key has a default but scope.owned; a line that begins with "#key" shows the default.
# Unknown keys are errors. Each key is also an environment variable (NETSCHOUW_SWEEP_RATE for sweep.rate).
`

// Template writes a commented configuration file: every key with its meaning and default, those that preset names
// (by path) set to these values. It loads as it stands when preset has scope.owned.
func Template(preset map[string][]string) string {
	var b strings.Builder
	b.WriteString(head)
	var open []string
	for _, k := range keys {
		if !inTemplate(k.Path) {
			continue
		}
		names := strings.Split(k.Path, ".")
		sections := names[:len(names)-1]
		for i, s := range sections {
			if i < len(open) && open[i] == s {
				continue
			}
			if i == 0 {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "%s%s:\n", strings.Repeat("  ", i), s)
		}
		if len(sections) == 0 {
			b.WriteString("\n")
		}
		open = sections
		writeKey(&b, k, strings.Repeat("  ", len(sections)), names[len(names)-1], preset)
	}
	return b.String()
}

// inTemplate says whether the file that Template writes shows a key. The part of the ranges to sweep, and whether to go
// on with a run, belong to one run and not to a file.
func inTemplate(path string) bool { return path != "sweep.range" && path != "sweep.resume" }

func writeKey(b *strings.Builder, k Key, indent, name string, preset map[string][]string) {
	fmt.Fprintf(b, "%s# %s\n", indent, k.Usage)
	mark, vals := "#", k.bind(Default()).show()
	if set, ok := preset[k.Path]; ok {
		mark, vals = "", set
	} else if k.Path == "scope.owned" {
		vals = []string{"198.51.100.0/24", "2001:db8:40::/48"}
	}
	val := strings.Join(quoteAll(vals), ", ")
	if k.List {
		val = "[" + val + "]"
	}
	fmt.Fprintf(b, "%s%s%s: %s\n", indent, mark, name, val)
}

func quoteAll(vals []string) []string {
	out := make([]string, len(vals))
	for i, v := range vals {
		if out[i] = v; v == "" || strings.ContainsAny(v, ":#{}[],&*!|>'\"%@` ") {
			out[i] = strconv.Quote(v)
		}
	}
	return out
}
