package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what is shown of one value.
const (
	maxShown = 4 << 10  // columns of one value on a terminal, when the caller names no bound
	maxCell  = 32 << 10 // columns of one CSV cell, less room for a prefix: spreadsheets end at 32,767 characters
	maxBytes = 20       // bytes of input that one column can need at most: a character and its marks, of 4 bytes each
	maxMarks = 3        // combining marks on one character: more would be drawn over neighbouring lines
)

// ellipsis stands for what was left out.
const ellipsis = "…"

// hidden says whether a rune does something else on a screen than show itself: C0 and C1 controls, DEL, bidirectional
// controls (U+061C, U+200E/F, U+202A-E, U+2066-9: "Trojan Source", CVE-2021-42574), zero-width and other invisible
// characters, line and paragraph separators, spaces other than U+0020, tags, private and unassigned code points.
func hidden(r rune) bool {
	if r < 0x7f {
		return r < ' '
	}
	return !unicode.IsPrint(r) || r == '\u2800' ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// visible writes a rune that must not be shown as itself.
func visible(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// Terminal makes a value that came from a probed host fit for a terminal or a mail: one line that shows every
// character, with the others written as escapes (\x1b, \u202e; a byte that is not UTF-8 as \xff), at most width
// columns wide with its middle left out. A width of 0 or less is 4,096 columns; the least
// is 2, that of a wide character. It is idempotent; a backslash stands
// for itself, so what must be exact is read from the JSON formats.
func Terminal(s string, width int) string {
	if width <= 0 {
		width = maxShown
	}
	width = max(width, 2)
	return elide(escape(s, width), width)
}

// escape is Terminal without its bound on the width. Of a value far too long for width columns it looks at the ends only:
// the middle would be left out anyway.
func escape(s string, width int) string {
	if enough := width * maxBytes; len(s) > 2*enough {
		s = s[:enough] + s[len(s)-enough:]
	}
	var b strings.Builder
	b.Grow(len(s))
	marks := maxMarks // a mark without a character before it would sit on what is printed to its left
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r > ' ' && r < 0x7f: // nearly always
			b.WriteByte(byte(r))
			marks = 0
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
			marks = 0
		case unicode.Is(unicode.M, r) && !hidden(r):
			if marks++; marks > maxMarks {
				b.WriteString(visible(r))
			} else {
				b.WriteRune(r)
			}
		case hidden(r):
			b.WriteString(visible(r))
			marks = 0
		case r == ' ':
			b.WriteByte(' ')
			marks = maxMarks
		default:
			b.WriteRune(r)
			marks = 0
		}
		i += n
	}
	return b.String()
}

// Cell makes a value fit for a CSV cell: what Terminal does, and no spreadsheet takes it for a formula (OWASP, "CSV
// Injection"). Where a cell begins with one of = + - @, spaces and quotes before it or not, a ' comes before it. The
// same is done after each semicolon within a value: a spreadsheet whose locale separates by semicolons, as the Dutch
// one does, splits there whatever the quotes say. It is idempotent.
func Cell(s string) string { return elide(guard(escape(s, maxCell)), maxCell-1) }

// guard puts a ' before each character that could begin a formula. Its input was escaped: tabs and line ends, which
// could begin one too, are no longer there.
func guard(s string) string {
	var b strings.Builder
	start := true // nothing but spaces and quotes since the start of a possible cell
	for _, r := range s {
		if start && strings.ContainsRune("=+-@＝＋－＠", r) {
			b.WriteByte('\'')
		}
		start = r == ';' || start && (r == ' ' || r == '"')
		b.WriteRune(r)
	}
	return b.String()
}

// escapeJSON rewrites what encoding/json wrote so that the text itself is safe to show: every rune that is hidden
// becomes a \u escape. Such runes occur within strings only, so the value stays exactly the same.
func escapeJSON(text []byte) []byte {
	var out []byte
	kept := 0
	for i := 0; i < len(text); {
		if text[i] >= ' ' && text[i] < 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		if hidden(r) && r != '\n' {
			out = append(out, text[kept:i]...)
			out = appendUnicode(out, r)
			kept = i + n
		}
		i += n
	}
	if out == nil {
		return text
	}
	return append(out, text[kept:]...)
}

// appendUnicode appends a rune as JSON escapes, beyond the basic plane as a surrogate pair (RFC 8259 section 7).
func appendUnicode(out []byte, r rune) []byte {
	if r < 0x10000 {
		return fmt.Appendf(out, `\u%04x`, r)
	}
	r -= 0x10000
	return fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
}
