package report

import (
	"bytes"
	"strings"
	"time"

	"github.com/netschouw/netschouw/checks"
)

// style is an ANSI SGR sequence (ECMA-48 section 8.3.117).
type style string

const (
	plain  style = ""
	bold   style = "\x1b[1m"
	dim    style = "\x1b[2m"
	red    style = "\x1b[1;31m"
	yellow style = "\x1b[1;33m"
	green  style = "\x1b[32m"
	reset        = "\x1b[0m"
)

// page is a text in the making. What its methods are given is escaped already, but for values, which show cleans.
type page struct {
	bytes.Buffer
	opts  Options
	t     *texts
	rows  []row
	steps map[checks.Verdict]string // the first host whose card tells the next steps of a verdict
	said  map[string]string         // explanation or suggestion -> the first host whose card tells it
}

// ink colours an escaped string where colour is wanted.
func (p *page) ink(s style, text string) string {
	if !p.opts.Color || s == plain || text == "" {
		return text
	}
	return string(s) + text + reset
}

// line ends a line of text.
func (p *page) line(text string) {
	p.WriteString(strings.TrimRight(text, " "))
	p.WriteByte('\n')
}

// gap is one empty line.
func (p *page) gap() { p.WriteByte('\n') }

// heading begins a section.
func (p *page) heading(text string) {
	p.gap()
	p.line(p.ink(bold, text))
}

// rule is a line across the page.
func (p *page) rule() { p.line(p.ink(dim, strings.Repeat("─", p.opts.Width))) }

// para writes a wrapped paragraph behind a lead, with its further lines under the first.
func (p *page) para(lead, text string, s style) {
	under := strings.Repeat(" ", columns(lead))
	for i, l := range wrap(text, max(p.opts.Width-columns(lead), 16)) {
		if i > 0 {
			lead = under
		}
		p.line(lead + p.ink(s, l))
	}
}

// labelWidth is the column at which the value after a label begins.
const labelWidth = 14

// field writes a label and its value, wrapped.
func (p *page) field(label, value string) {
	lines := wrap(value, max(p.opts.Width-labelWidth, 16))
	for i, l := range lines {
		if i > 0 {
			label = ""
		}
		p.line(p.ink(dim, pad(label, labelWidth, false)) + l)
	}
}

// show cleans a value that came from a probed host, or from any file, for the width that is left after indent.
func (p *page) show(s string, indent int) string { return Terminal(s, max(p.opts.Width-indent, 16)) }

// stamp writes a moment in the reader's time zone.
func (p *page) stamp(at time.Time) string {
	return at.In(p.opts.Location).Format("2006-01-02 15:04:05 MST")
}

// verdict is the word for a verdict, and its colour.
func (p *page) verdict(v checks.Verdict) (string, style) {
	switch v {
	case checks.Match:
		return p.t.Match, red
	case checks.Suspect:
		return p.t.Suspect, yellow
	}
	return p.t.Clear, green
}
