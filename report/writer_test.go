package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
)

func TestRegistry(t *testing.T) {
	extensions := map[string]bool{}
	for _, f := range Formats() {
		require.NotEmpty(t, f.Description, f.Name)
		require.Contains(t, f.MIME, "/", f.Name)
		require.True(t, strings.HasPrefix(f.Extension, "."), f.Name)
		require.False(t, extensions[f.Extension], "extension %s is taken twice", f.Extension)
		extensions[f.Extension] = true
		got, err := ByName(f.Name)
		require.NoError(t, err)
		require.Equal(t, f.Extension, got.Extension)
	}
	require.Panics(t, func() { mustRegister(formats[0], formats[0]) })
	require.Panics(t, func() { mustRegister(Format{Name: "", New: newText}) })
	require.Panics(t, func() { mustRegister(Format{Name: "x"}) })
}

func TestUnknownNames(t *testing.T) {
	const every = "text, jsonl, json, csv, xarf, stix, intelmq, abuseio, misp, shadowserver"
	for _, c := range []struct {
		format string
		opts   Options
		want   string
	}{
		{"jsnl", Options{}, `unknown format "jsnl": did you mean "jsonl"? there are ` + every},
		{"CVS", Options{}, `unknown format "CVS": did you mean "csv"? there are ` + every},
		{".csv", Options{}, `unknown format ".csv": did you mean "csv"? there are ` + every},
		{"postscript", Options{}, `unknown format "postscript": there are ` + every},
		{strings.Repeat("x", 70), Options{}, `unknown format "` + strings.Repeat("x", 70) + `": there are ` + every},
		{"text", Options{Lang: "nk"}, `unknown language "nk": did you mean "nl"? there are en, nl`},
	} {
		w, err := New(c.format, nil, c.opts)
		require.Nil(t, w)
		require.EqualError(t, err, c.want)
	}
}

// TestStreaming checks that a host is out, whole, when Finding returns: text alone waits.
func TestStreaming(t *testing.T) {
	for _, format := range []string{"jsonl", "json", "csv"} {
		var b bytes.Buffer
		w, err := New(format, &b, Options{})
		require.NoError(t, err)
		require.NoError(t, w.Finding(textbook()))
		require.Contains(t, b.String(), "198.51.100.23", format)
		require.Contains(t, b.String(), "meliorator@1", format)
	}
}

func TestClearHostsAreWrittenOnlyWithAll(t *testing.T) {
	for _, f := range Formats() {
		require.NotContains(t, string(render(t, f.Name, Options{}, Summary{}, benign())), "198.51.100.40", f.Name)
		all := string(render(t, f.Name, Options{All: true}, Summary{}, benign()))
		if f.Exchange {
			require.NotContains(t, all, "198.51.100.40", "%s is for others, whom clear hosts are never told", f.Name)
		} else {
			require.Contains(t, all, "198.51.100.40", f.Name)
		}
	}
}

func TestAFindingNeedsAVerdict(t *testing.T) {
	for _, f := range Formats() {
		w, err := New(f.Name, &bytes.Buffer{}, asked(f, Options{}))
		require.NoError(t, err)
		unjudged := benign()
		unjudged.Verdict = ""
		require.ErrorContains(t, w.Finding(unjudged), `finding of 198.51.100.40 has verdict ""`)
	}
}

type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestErrorsOfTheOutputAreTold(t *testing.T) {
	for _, f := range Formats() {
		w, err := New(f.Name, full{}, asked(f, Options{}))
		require.NoError(t, err)
		err = w.Finding(textbook())
		if err == nil {
			err = w.Close(Summary{})
		}
		require.ErrorIs(t, err, errFull, f.Name)
	}
}

// oneWrite fails a write that is no whole line.
type oneWrite struct{ t *testing.T }

func (o oneWrite) Write(p []byte) (int, error) {
	require.True(o.t, bytes.HasSuffix(p, []byte("\n")), "a write ends in the middle of a line: %.40q", p)
	return len(p), nil
}

func TestLinesAreWrittenWhole(t *testing.T) {
	for _, format := range []string{"jsonl", "csv"} {
		w, err := New(format, oneWrite{t}, Options{All: true})
		require.NoError(t, err)
		big := textbook()
		big.Reason = strings.Repeat("long ", 4000)
		for range 3 {
			require.NoError(t, w.Finding(big))
		}
		require.NoError(t, w.Close(Summary{}))
	}
}

func TestCSVTellsNotLookedAtFromNothing(t *testing.T) {
	cell := func(f checks.Finding, column string) string {
		rows, err := csv.NewReader(bytes.NewReader(render(t, "csv", Options{All: true}, Summary{}, f))).ReadAll()
		require.NoError(t, err)
		for i, name := range rows[0] {
			if name == column {
				return rows[1][i]
			}
		}
		t.Fatalf("no column %s", column)
		return ""
	}
	for _, c := range []struct{ column, notLooked, nothing, there string }{
		{"asn", "", "0", "64500"},
		{"as_org", "", "none", "Example Hosting"},
		{"country", "", "none", "NL"},
		{"ptr", "", "none", "mx1.example.test"},
		{"ptr_confirmed", "", "false", "true"},
	} {
		require.Equal(t, c.notLooked, cell(evasive(), c.column), c.column)
		require.Equal(t, c.nothing, cell(benign(), c.column), c.column)
		require.Equal(t, c.there, cell(textbook(), c.column), c.column)
	}
	require.Equal(t, `a\x7cb | c`, cell(func() checks.Finding { f := benign(); f.DNSNames = []string{"a|b", "c"}; return f }(), "dns_names"))
}

func TestTextOrder(t *testing.T) {
	host := func(address string, v checks.Verdict, score float64) checks.Finding {
		f := benign()
		f.Address, f.Verdict, f.Score = netip.MustParseAddr(address), v, score
		return f
	}
	text := string(render(t, "text", Options{}, testSummary(), host("192.0.2.9", checks.Suspect, 0.9), host("192.0.2.7", checks.Match, 0.5),
		host("192.0.2.30", checks.Match, 0.9), host("192.0.2.4", checks.Match, 0.9), host("192.0.2.1", checks.Clear, 0.99)))
	last := 0
	for _, address := range []string{"192.0.2.4 ", "192.0.2.30 ", "192.0.2.7 ", "192.0.2.9 "} {
		at := strings.Index(text, address)
		require.Greater(t, at, last, "%s is not where it belongs", address)
		last = at
	}
	require.NotContains(t, text, "192.0.2.1 ")
}

// TestTextHoldsFewHosts checks that the text's memory does not grow with the hosts beyond their rows.
func TestTextHoldsFewHosts(t *testing.T) {
	var b bytes.Buffer
	w, err := New("text", &b, Options{Cards: 3})
	require.NoError(t, err)
	for i := range 100 {
		f := evasive()
		f.Address, f.Score = netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), float64(i)/100
		require.NoError(t, w.Finding(f))
		require.Less(t, len(w.(*text).cards), 6)
	}
	require.NoError(t, w.Close(testSummary()))
	for i, address := range []string{"192.0.2.99", "192.0.2.98", "192.0.2.97"} {
		require.Contains(t, b.String(), "\n"+address+"  SUSPECT", i)
	}
	require.NotContains(t, b.String(), "192.0.2.96  SUSPECT")
	require.Contains(t, b.String(), "97 more hosts of the table have no card here")
}

// TestTextRepeatsNothing checks that a later card names the host at which an equal explanation stands, tells its own in
// full, and that hosts of one customer know of each other.
func TestTextRepeatsNothing(t *testing.T) {
	first, second, third := textbook(), textbook(), evasive()
	first.Score, second.Address = 0.99, netip.MustParseAddr("192.0.2.2")
	second.Traits[0].Benign = "another explanation"
	text := string(render(t, "text", Options{}, testSummary(), first, second, third))
	require.Equal(t, 1, strings.Count(text, "Test farms and scrapers of ordinary firms set a User-Agent too."))
	require.Contains(t, text, "Another explanation.")
	require.Contains(t, text, "  automation, mail, store: as for 198.51.100.23 above.")
	require.Contains(t, text, "also theirs   192.0.2.2 (match)")
	require.Contains(t, text, "also theirs   198.51.100.23 (match)")
	require.Equal(t, 2, strings.Count(text, "also theirs"), "the third has no known customer")
}

// TestCSVSaysEvidenceOnce: traits of one group rest on the same evidence, and a cell that repeats it is not read.
func TestCSVSaysEvidenceOnce(t *testing.T) {
	f := textbook()
	f.Traits[1].Evidence = f.Traits[0].Evidence
	require.Equal(t, 1, strings.Count(string(render(t, "csv", Options{}, testSummary(), f)), "8443 title: Brigadir"))
}

// TestTelling checks that evidence is left out only when it is a repeat.
func TestTelling(t *testing.T) {
	all := []checks.Evidence{ev(80, "title", "Brigadir"), ev(80, "page text", "title: Brigadir"), ev(443, "title", "Brigadir"),
		ev(80, "page text", "page: <title>Brigadir</title>"), ev(80, "x", ""), ev(80, "y", "title: ")}
	require.Equal(t, []checks.Evidence{all[0], all[2], all[3], all[4]}, telling(all))
}

func TestTextZone(t *testing.T) {
	amsterdam := time.FixedZone("CET", 3600)
	require.Contains(t, string(render(t, "text", Options{Location: amsterdam}, testSummary(), textbook())), "2026-01-02 04:04:05 CET")
	require.Contains(t, string(render(t, "jsonl", Options{Location: amsterdam}, testSummary(), textbook())), `"observed_at":"2026-01-02T03:04:05Z"`)
}

func BenchmarkWriters(b *testing.B) {
	f := textbook()
	for _, format := range []string{"jsonl", "json", "csv"} {
		b.Run(format, func(b *testing.B) {
			w, err := New(format, discard{}, Options{})
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				_ = w.Finding(f)
			}
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
