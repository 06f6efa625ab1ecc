// Package strict decodes YAML that people write by hand: every mistake of a file is reported at once, each with its
// file, line, column, the value at fault and a remedy. Unknown keys, keys given twice, wrong types, missing keys,
// anchors, aliases, tags and several documents in one file are all mistakes.
package strict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Pos is a place in a file. Line and Column count from 1; 0 means that the place is not known.
type Pos struct {
	Line, Column int
	// Block says that the value is a literal block ("|"), so that its nth line is line Line+n of the file, indented
	// to Column. Of any other text only the beginning has a place.
	Block bool
}

// Within is the place of a line and column (from 1) inside the text whose place is p.
func (p Pos) Within(line, column int) Pos {
	switch {
	case p.Block:
		return Pos{Line: p.Line + line - 1, Column: p.Column + column - 1}
	case line == 1 && p.Line > 0:
		return Pos{Line: p.Line, Column: p.Column + column - 1}
	}
	return Pos{Line: p.Line, Column: p.Column}
}

// Problem is one mistake in a file.
type Problem struct {
	File string
	Pos
	Path    string // where in the document, e.g. "rules[3].weight"; "" for the whole
	Value   string // the value at fault, at most 80 bytes; "" when there is none
	Message string // what is wrong: lower case, no full stop
	Remedy  string // what to do about it; may be ""
}

// Error is "file:line:column: message; remedy", without the parts that are not known.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
	}
	b.WriteString(": " + p.Message)
	if p.Remedy != "" {
		b.WriteString("; " + p.Remedy)
	}
	return b.String()
}

// MaxProblems bounds the mistakes that are kept of one file.
const MaxProblems = 50

// Errors are the mistakes of one or several files, in the order of their lines; never empty when returned as an error.
type Errors []Problem

// Error is one line for each mistake.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Report gathers the mistakes of one file.
type Report struct {
	File    string
	list    Errors
	dropped int
}

// Add notes a mistake. A second one of the same value is dropped: it follows from the first.
func (r *Report) Add(p Problem) {
	if p.Line > 0 && p.Path != "" && slices.ContainsFunc(r.list, func(o Problem) bool { return o.Pos == p.Pos && o.Path == p.Path }) {
		return
	}
	if len(r.list) >= MaxProblems {
		r.dropped++
		return
	}
	p.File = r.File
	p.Value = Clip(p.Value, 80)
	r.list = append(r.list, p)
}

// Err returns the mistakes in the order of their lines as Errors, or nil when there are none.
func (r *Report) Err() error {
	if len(r.list) == 0 {
		return nil
	}
	out := slices.Clone(r.list)
	slices.SortStableFunc(out, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	if r.dropped > 0 {
		out = append(out, Problem{File: r.File, Message: fmt.Sprintf("and %d more mistakes", r.dropped)})
	}
	return out
}

// Nearest is the remedy "did you mean ...?" when a candidate is close to what was written, else the list of all.
func Nearest(written string, candidates []string) string {
	best, distance := "", 1+max(1, len(written)/3)
	if len(written) == 4 || len(written) == 5 {
		distance = 3 // two letters in the wrong order are two edits
	}
	for _, c := range candidates {
		if len(written) >= 3 && strings.HasPrefix(c, written) {
			return fmt.Sprintf("did you mean %q?", c)
		}
		if d := levenshtein.ComputeDistance(written, c); d < distance {
			best, distance = c, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	if len(candidates) == 0 {
		return ""
	}
	return "one of " + strings.Join(candidates, ", ")
}

// Clip bounds a text in bytes without cutting a UTF-8 character in two.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
