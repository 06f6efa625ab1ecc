package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
)

// unpinned are the cases with the details' own summaries, as a reader gives them back.
func unpinned() []checks.Finding {
	all := []checks.Finding{textbook(), evasive(), benign()}
	for i := range all {
		for j, s := range all[i].Services {
			if p, ok := s.Details.(pinned); ok {
				all[i].Services[j].Details = p.Details
				all[i].Services[j].Banner = p.Details.Summary()
			}
		}
		all[i] = normal(all[i])
	}
	return all
}

func TestReadBack(t *testing.T) {
	want := unpinned()
	single, err := json.MarshalIndent(want[0], "", "\t")
	require.NoError(t, err)
	for name, text := range map[string][]byte{
		"jsonl": render(t, "jsonl", Options{All: true}, testSummary(), want...),
		"json":  render(t, "json", Options{All: true}, testSummary(), want...),
	} {
		got, err := Read(bytes.NewReader(text))
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
		again := render(t, name, Options{All: true}, testSummary(), got...)
		require.Equal(t, string(text), string(again), name)
	}
	got, err := Read(bytes.NewReader(single))
	require.NoError(t, err)
	require.Equal(t, want[:1], got)
}

func TestReadNothing(t *testing.T) {
	for name, text := range map[string][]byte{
		"jsonl": render(t, "jsonl", Options{}, testSummary()),
		"json":  render(t, "json", Options{}, testSummary()),
		"blank": []byte(" \n\n"),
	} {
		got, err := Read(bytes.NewReader(text))
		require.NoError(t, err, name)
		require.Empty(t, got, name)
	}
}

// TestReadForeignOrder reads a document whose keys another program has sorted.
func TestReadForeignOrder(t *testing.T) {
	var doc map[string]any
	require.NoError(t, json.Unmarshal(render(t, "json", Options{}, testSummary(), unpinned()[0]), &doc))
	text, err := json.Marshal(doc) // keys in the order of the alphabet
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(text, []byte(`{"hosts"`)))
	got, err := Read(bytes.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, unpinned()[:1], got)
}

func TestReadErrors(t *testing.T) {
	line := string(render(t, "jsonl", Options{}, Summary{}, textbook()))
	doc := string(render(t, "json", Options{}, testSummary(), textbook(), evasive()))
	change := func(text, from, to string) string {
		require.Contains(t, text, from)
		return strings.Replace(text, from, to, 1)
	}
	for _, c := range []struct{ name, in, want string }{
		{"no JSON", "address,verdict\n192.0.2.1,match\n", `line 1: not JSON: invalid character 'a' looking for beginning of value`},
		{"second line no JSON", line + "oops\n", `line 2: not JSON: invalid character 'o' looking for beginning of value`},
		{"cut short", line + line[:200], `line 2: the JSON ends in the middle of a value: was the run that wrote it interrupted?`},
		{"document cut short", doc[:strings.LastIndex(doc, `"run"`)], `the JSON ends in the middle of a value: was the run that wrote it interrupted?`},
		{"document cut within a host", doc[:len(doc)/2], `the JSON ends in the middle of a value: was the run that wrote it interrupted?`},
		{"a list", "[1,2]", `line 1: expected a JSON object of schema netschouw.host/v1, not "[1,2]"`},
		{"no schema", line + "\n\n{\"address\":\"192.0.2.1\"}\n", `line 4: "schema" is missing, expected "netschouw.host/v1": is this a report of netschouw in jsonl or json?`},
		{"other schema", change(line, "netschouw.host/v1", `netschouw.host/v2\u001b`), `line 1: schema is "netschouw.host/v2\x1b", expected "netschouw.host/v1"`},
		{"bad address", change(line, "198.51.100.23", "198.51.100.300"), `line 1: ParseAddr("198.51.100.300"): IPv4 field has value >255`},
		{"no address", change(line, `"address"`, `"adress"`), `line 1: "address" is missing`},
		{"zone", change(line, "198.51.100.23", `fe80::1%\u001b`), `line 1: address "fe80::1%\x1b" has a zone, which no address on the network has`},
		{"bad verdict", change(line, `"match"`, `"guilty"`), `line 1: host 198.51.100.23: verdict is "guilty", expected match, suspect or clear`},
		{"bad score", change(line, "0.9712", "97.12"), `line 1: host 198.51.100.23: score is 97.12, expected 0 to 1`},
		{"wrong type", change(line, `"score":0.9712`, `"score":"high"`), `line 1: "score" is a JSON string where a number is expected`},
		{"wrong type of a port", change(line, `"port":25`, `"port":250000`), `line 1: "services.port" is a JSON number 250000 where a whole number (uint16) is expected`},
		{"hosts no array", `{"schema":"netschouw.report/v1","hosts":{}}`, `line 1: "hosts" is not an array`},
		{"bad host in document", change(doc, `"suspect"`, `"guilty"`), `verdict is "guilty"`},
		{"document of text", doc + "trailing", `not JSON: invalid character 'a' in literal true (expecting 'u')`},
		{"document twice", doc + doc, `something follows the end of the document`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Read(strings.NewReader(c.in))
			require.ErrorContains(t, err, c.want)
			require.Nil(t, got)
			require.Empty(t, forbidden(err.Error()))
		})
	}
}

// TestReadKnowsTheLine checks the number of the line on which a faulty host of a document begins.
func TestReadKnowsTheLine(t *testing.T) {
	doc := string(render(t, "json", Options{}, testSummary(), textbook(), evasive()))
	doc = strings.Replace(doc, `"suspect"`, `"guilty"`, 1)
	before, _, _ := strings.Cut(doc, `"2001:db8:40:17:5054:ff:fe12:3456"`)
	host := strings.Count(before[:strings.LastIndex(before, "{")], "\n") // the brace on the line before the schema
	_, err := Read(strings.NewReader(doc))
	require.ErrorContains(t, err, "line "+jsonNumber(host+1)+": host 2001:db8:40:17:5054:ff:fe12:3456: verdict")
}

func jsonNumber(n int) string { b, _ := json.Marshal(n); return string(b) }

// endless is a source that never ends: a reader must.
type endless string

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e)
	}
	return n, nil
}

func TestReadIsBounded(t *testing.T) {
	for name, r := range map[string]io.Reader{
		"one endless string":  io.MultiReader(strings.NewReader(`{"schema":"`), endless("A")),
		"endless space":       endless(" "),
		"endless lines":       endless("\n"),
		"endless in document": io.MultiReader(strings.NewReader(`{"schema":"netschouw.report/v1","hosts":[{"a":"`), endless("A")),
		"endless key":         io.MultiReader(strings.NewReader(`{"schema":"netschouw.report/v1","`), endless("A")),
	} {
		t.Run(name, func(t *testing.T) {
			in := &counter{r: r}
			err := bounded(in, 1<<20, func(checks.Finding) error { return errors.New("there is no host") })
			require.ErrorContains(t, err, "a host is longer than any that netschouw writes: this is no report of it")
			require.Less(t, in.n, 2<<20, "it went on reading")
		})
	}
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// TestTheBoundIsOfOneHost checks that a report may be longer than the bound on each of its hosts.
func TestTheBoundIsOfOneHost(t *testing.T) {
	for _, format := range []string{"jsonl", "json"} {
		text := render(t, format, Options{}, testSummary(), textbook(), textbook(), textbook(), textbook())
		n := 0
		require.NoError(t, bounded(bytes.NewReader(text), int64(len(text))/2, func(checks.Finding) error { n++; return nil }), format)
		require.Equal(t, 4, n)
	}
}

func TestEachStops(t *testing.T) {
	enough := errors.New("enough")
	for _, format := range []string{"jsonl", "json"} {
		n := 0
		err := Each(bytes.NewReader(render(t, format, Options{}, testSummary(), textbook(), evasive())), func(checks.Finding) error {
			n++
			return enough
		})
		require.ErrorIs(t, err, enough)
		require.Equal(t, 1, n)
	}
}

// FuzzRead reads anything: no panic, nothing beside an error, and what is read can be written and read again.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"testdata/found.jsonl", "testdata/nothing.json", "testdata/hostile.json"} {
		text, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(`{"schema":"netschouw.host/v1","address":"192.0.2.1","verdict":"clear"}`))
	f.Add([]byte(`{"hosts":[{}],"schema":"netschouw.report/v1"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Read(bytes.NewReader(text))
		if err != nil {
			require.Nil(t, got)
			require.Empty(t, forbidden(err.Error()))
			return
		}
		again, err := Read(bytes.NewReader(render(t, "jsonl", Options{All: true}, Summary{}, got...)))
		require.NoError(t, err)
		require.Len(t, again, len(got))
		render(t, "text", Options{Detail: true}, Summary{}, got...)
	})
}
