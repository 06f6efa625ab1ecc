package report

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// narrow measures as a terminal outside East Asia does, whatever the locale of the machine: a report must not depend
// on who writes it.
var narrow = &runewidth.Condition{}

// columns is the width of an escaped string on a terminal. It adds up the characters rather than the clusters of
// them, which terminals disagree about; the sum is the most that any of them uses.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += narrow.RuneWidth(r)
	}
	return n
}

// elide bounds an escaped string to width columns; the middle of a longer one gives way to an ellipsis.
func elide(s string, width int) string {
	if len(s) <= width || columns(s) <= width {
		return s
	}
	if width < 3 {
		head, _ := cut(s, width)
		return head
	}
	head, _ := cut(s, width/2)
	room := width - 1 - columns(head)
	runes, from := []rune(s), 0
	for from = len(runes); from > 0; from-- {
		if room -= narrow.RuneWidth(runes[from-1]); room < 0 {
			break
		}
	}
	return head + ellipsis + string(runes[from:])
}

// cut splits an escaped string after at most width columns, and after at least one rune.
func cut(s string, width int) (head, tail string) {
	used := 0
	for i, r := range s {
		used += narrow.RuneWidth(r)
		if used > width && i > 0 {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

// wrap breaks an escaped text into lines of at most width columns, between words where that is possible.
func wrap(text string, width int) []string {
	var lines []string
	line, used := "", 0
	for _, word := range strings.Fields(text) {
		n := columns(word)
		if used > 0 && used+1+n <= width {
			line, used = line+" "+word, used+1+n
			continue
		}
		if used > 0 {
			lines = append(lines, line)
		}
		for n > width {
			var head string
			head, word = cut(word, width)
			lines = append(lines, head)
			n = columns(word)
		}
		line, used = word, n
	}
	if used > 0 || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}

// pad fills an escaped string with spaces to width columns; right puts them before it.
func pad(s string, width int, right bool) string {
	fill := strings.Repeat(" ", max(width-columns(s), 0))
	if right {
		return fill + s
	}
	return s + fill
}
