package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
)

// check is what must hold for the output of one format on hostile findings, beside what must hold for all.
var check = map[string]func(*testing.T, []byte){
	"text": func(t *testing.T, out []byte) {
		for _, l := range strings.Split(string(out), "\n") {
			require.LessOrEqual(t, columns(l), 80, "line is wider than the page: %q", l)
		}
	},
	"csv": func(t *testing.T, out []byte) {
		rows, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 2)
		for i, cell := range rows[1] {
			require.False(t, formula(cell), "column %s is a formula: %.80q", rows[0][i], cell)
			require.NotContains(t, cell, "\n")
		}
		for _, cell := range strings.Split(string(out), ";") { // as a spreadsheet with the Dutch locale reads it
			require.False(t, formula(cell), "a formula after a semicolon: %.80q", cell)
		}
	},
	"jsonl": func(t *testing.T, out []byte) {
		require.Equal(t, 1, bytes.Count(out, []byte("\n")))
		require.True(t, json.Valid(out))
	},
	"json": func(t *testing.T, out []byte) { require.True(t, json.Valid(out)) },

	"xarf":         validLines("xarf"),
	"stix":         validDocument("stix"),
	"intelmq":      validLines("intelmq"),
	"abuseio":      validDocument("abuseio"),
	"misp":         validDocument("misp"),
	"shadowserver": cleanRows,
}

// TestHostileStrings runs every hostile string through every format. A new format needs its own check here.
func TestHostileStrings(t *testing.T) {
	for _, f := range Formats() {
		require.Contains(t, check, f.Name, "format %s has no check against hostile input", f.Name)
		variants := []Options{{}}
		if f.Name == "text" { // the other formats have no options that show more
			variants = append(variants, Options{All: true, Detail: true, Lang: "nl"})
		}
		for name, s := range hostileStrings {
			t.Run(f.Name+"/"+name, func(t *testing.T) {
				for _, opts := range variants {
					summary := testSummary()
					summary.Ranges, summary.Packs, summary.Version, summary.Run = []string{s}, []string{s}, s, s
					summary.Complete, summary.Stopped = false, s
					out := render(t, f.Name, opts, summary, hostile(s))
					require.Empty(t, forbidden(string(out)), "in %s", f.Name)
					check[f.Name](t, out)
				}
			})
		}
	}
}

var sgr = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// TestColourIsOurs checks that with colour on, the only escape sequences are those of the text itself.
func TestColourIsOurs(t *testing.T) {
	for name, s := range hostileStrings {
		t.Run(name, func(t *testing.T) {
			summary := testSummary()
			summary.Ranges = []string{s}
			for _, opts := range []Options{{}, {Detail: true}} {
				without := string(render(t, "text", opts, summary, hostile(s)))
				opts.Color = true
				with := string(render(t, "text", opts, summary, hostile(s)))
				require.NotEqual(t, without, with)
				require.Equal(t, without, trimLines(sgr.ReplaceAllString(with, "")), "colour changes more than colour")
			}
		})
	}
}

// trimLines drops the spaces that end a coloured cell.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// TestJSONKeepsWhatWasSeen checks that escaping changes the text of a value and never the value.
func TestJSONKeepsWhatWasSeen(t *testing.T) {
	for name, s := range hostileStrings {
		t.Run(name, func(t *testing.T) {
			raw, err := json.Marshal(normal(hostile(s)))
			require.NoError(t, err)
			out := render(t, "jsonl", Options{}, Summary{}, hostile(s))
			require.JSONEq(t, string(raw), string(out))
			var got struct{ Reason string }
			require.NoError(t, json.Unmarshal(out, &got))
			require.Equal(t, strings.Join(runes(s), ""), got.Reason)
		})
	}
}

// FuzzFormats writes a finding with any string in it, in every format.
func FuzzFormats(f *testing.F) {
	seedHostile(f)
	f.Fuzz(func(t *testing.T, s string) {
		for _, format := range Formats() {
			out := render(t, format.Name, Options{Detail: true}, testSummary(), hostile(s))
			require.Empty(t, forbidden(string(out)))
			check[format.Name](t, out)
		}
	})
}

// TestFindingIsNotChanged checks that writers leave the slices of a finding, which others hold too, as they are.
func TestFindingIsNotChanged(t *testing.T) {
	for _, f := range Formats() {
		given := benign()
		given.Traits = []checks.Trait{{Rule: "p/r"}}
		before, err := json.Marshal(given)
		require.NoError(t, err)
		render(t, f.Name, Options{All: true, Detail: true}, testSummary(), given)
		after, err := json.Marshal(given)
		require.NoError(t, err)
		require.Equal(t, string(before), string(after), f.Name)
		require.Nil(t, given.Traits[0].Sources)
	}
}

// runes are the characters of a string, U+FFFD for each byte that is not UTF-8: what JSON can carry.
func runes(s string) (all []string) {
	for _, r := range s {
		all = append(all, string(r))
	}
	return all
}
