package report

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestTerminal(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "mx1.example.test ESMTP", "mx1.example.test ESMTP"},
		{"letters of all kinds", "Bäckerei 漢字 Ωμέγα", "Bäckerei 漢字 Ωμέγα"},
		{"escape sequence", "\x1b[31mred", `\x1b[31mred`},
		{"line ends and tab", "a\r\n\tb", `a\r\n\tb`},
		{"NUL and DEL", "\x00\x7f", `\x00\x7f`},
		{"C1", "\u009b31m", `\u009b31m`},
		{"raw C1 byte", "\x9b31m", `\x9b31m`},
		{"bidi", "\u202eevil\u2069", `\u202eevil\u2069`},
		{"separators", "a\u2028b\u2029c", `a\u2028b\u2029c`},
		{"zero width", "a\u200bb\ufeff", `a\u200bb\ufeff`},
		{"other spaces", "a\u00a0b\u3000c", `a\u00a0b\u3000c`},
		{"tag character", "\U000e0041", `\U000e0041`},
		{"invalid UTF-8", "\xff\xc3(", `\xff\xc3(`},
		{"surrogate half", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"replacement character", "\ufffd", "\ufffd"},
		{"accent", "e\u0301", "e\u0301"},
		{"too many accents", "e\u0301\u0301\u0301\u0301", "e\u0301\u0301\u0301" + `\u0301`},
		{"accent on nothing", "\u0301a \u0301b", `\u0301a \u0301b`},
		{"backslash", `C:\x1b`, `C:\x1b`},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, Terminal(c.in, 0)) })
	}
}

func TestTerminalElidesInTheMiddle(t *testing.T) {
	require.Equal(t, "abcde…wxyz", Terminal("abcdefghijklmnopqrstuvwxyz", 10))
	require.Equal(t, "漢字漢…漢字", Terminal(strings.Repeat("漢字", 50), 12))
	require.Equal(t, "ab", Terminal("abc", 2))
	require.Equal(t, "abc", Terminal("abc", 3))
}

func TestCell(t *testing.T) {
	for in, want := range map[string]string{
		"":                "",
		"plain":           "plain",
		"=1+1":            "'=1+1",
		"+31 20 555":      "'+31 20 555",
		"-2":              "'-2",
		"@SUM(A1)":        "'@SUM(A1)",
		"  =1":            "  '=1",
		"\"=1":            "\"'=1",
		"\t=1":            `\t=1`, // begins with a backslash now
		"\r\n=1":          `\r\n=1`,
		"＝1":              "'＝1",
		"a;=1":            "a;'=1",
		"a; \"@x":         "a; \"'@x",
		"a=b":             "a=b",
		"abuse@example":   "abuse@example",
		"it's; fine":      "it's; fine",
		"'=1":             "'=1",
		"Chrome/1 (a; b)": "Chrome/1 (a; b)",
	} {
		require.Equal(t, want, Cell(in), "of %q", in)
	}
}

func TestCleaningIsBounded(t *testing.T) {
	for name, s := range hostileStrings {
		t.Run(name, func(t *testing.T) {
			for _, width := range []int{2, 3, 20, 4096} {
				require.LessOrEqual(t, columns(Terminal(s, width)), width)
			}
			require.LessOrEqual(t, columns(Cell(s)), 32767)
		})
	}
}

// forbidden returns the first rune of a text that must not reach a reader; "" when there is none.
func forbidden(text string) string {
	if !utf8.ValidString(text) {
		return "invalid UTF-8"
	}
	for _, r := range text {
		if r != '\n' && hidden(r) {
			return visible(r)
		}
	}
	return ""
}

func seedHostile(f *testing.F) {
	for _, s := range hostileStrings {
		if len(s) < 4096 {
			f.Add(s)
		}
	}
}

func FuzzTerminal(f *testing.F) {
	seedHostile(f)
	f.Fuzz(func(t *testing.T, s string) {
		for _, width := range []int{0, 2, 7, 80} {
			got := Terminal(s, width)
			require.Empty(t, forbidden(got))
			require.NotContains(t, got, "\n")
			require.Equal(t, got, Terminal(got, width), "not idempotent")
			if width > 0 {
				require.LessOrEqual(t, columns(got), width)
			}
			require.LessOrEqual(t, len(got), maxShown*16)
		}
	})
}

func FuzzCell(f *testing.F) {
	seedHostile(f)
	f.Fuzz(func(t *testing.T, s string) {
		got := Cell(s)
		require.Empty(t, forbidden(got))
		require.NotContains(t, got, "\n")
		require.Equal(t, got, Cell(got), "not idempotent")
		require.LessOrEqual(t, columns(got), maxCell)
		for _, part := range strings.Split(got, ";") {
			require.False(t, formula(part), "%q begins a formula in %q", part, got)
		}
	})
}

// formula says whether a spreadsheet could take a cell for a formula. It is written apart from guard on purpose.
func formula(cell string) bool {
	cell = strings.TrimLeft(cell, " \t\r\n\"")
	for _, sign := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(cell, sign) {
			return true
		}
	}
	return false
}

func FuzzEscapeJSON(f *testing.F) {
	seedHostile(f)
	f.Fuzz(func(t *testing.T, s string) {
		before, err := json.Marshal(map[string]string{s: s})
		require.NoError(t, err)
		after := escapeJSON(append([]byte(nil), before...))
		require.Empty(t, forbidden(string(after)))
		require.Equal(t, string(after), string(escapeJSON(append([]byte(nil), after...))))
		var want, got map[string]string
		require.NoError(t, json.Unmarshal(before, &want))
		require.NoError(t, json.Unmarshal(after, &got))
		require.Equal(t, want, got)
	})
}

func FuzzWrap(f *testing.F) {
	seedHostile(f)
	f.Fuzz(func(t *testing.T, s string) {
		text := Terminal(s, 0)
		for _, width := range []int{2, 16, 78} {
			lines := wrap(text, width)
			for _, l := range lines {
				require.LessOrEqual(t, columns(l), width)
			}
			require.Equal(t, strings.ReplaceAll(text, " ", ""), strings.ReplaceAll(strings.Join(lines, ""), " ", ""), "wrapping lost something")
		}
	})
}
