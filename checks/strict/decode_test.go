package strict

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type inner struct {
	Text string `yaml:"text"`
	Keys Keys   `yaml:"-"`
}

type document struct {
	Name   string            `yaml:"name,required"`
	Count  int               `yaml:"count"`
	Small  uint8             `yaml:"small"`
	Share  float64           `yaml:"share"`
	On     bool              `yaml:"on"`
	Maybe  *bool             `yaml:"maybe"`
	When   time.Time         `yaml:"when"`
	Addr   netip.Addr        `yaml:"addr"`
	List   []string          `yaml:"list"`
	Table  map[string]string `yaml:"table"`
	Inner  *inner            `yaml:"inner"`
	Raw    Raw               `yaml:"raw"`
	ByJSON string            `json:"by_json,omitempty"`
	Keys   Keys              `yaml:"-"`
}

func TestDecode(t *testing.T) {
	var d document
	dec := Decode("x.yaml", []byte(`name: "a b" # why
count: -3
small: 255
share: 1
on: true
maybe: null
when: 2024-07-09
addr: 2001:db8::1
list: [a, "2"]
table: {x: y}
inner:
  text: |
    first
    second
raw: {text: later}
by_json: z
`), &d)
	require.NoError(t, dec.Report.Err())
	require.Equal(t, "a b", d.Name)
	require.Equal(t, -3, d.Count)
	require.EqualValues(t, 255, d.Small)
	require.InDelta(t, 1, d.Share, 0)
	require.True(t, d.On)
	require.Nil(t, d.Maybe)
	require.Equal(t, time.Date(2024, 7, 9, 0, 0, 0, 0, time.UTC), d.When)
	require.Equal(t, netip.MustParseAddr("2001:db8::1"), d.Addr)
	require.Equal(t, []string{"a", "2"}, d.List)
	require.Equal(t, map[string]string{"x": "y"}, d.Table)
	require.Equal(t, "first\nsecond\n", d.Inner.Text)
	require.Equal(t, "z", d.ByJSON)

	require.Equal(t, Pos{Line: 1, Column: 8}, d.Keys["name"])
	require.Equal(t, Pos{Line: 9, Column: 12}, d.Keys["list[1]"], "behind the quote")
	require.Equal(t, Pos{Line: 13, Column: 5, Block: true}, d.Inner.Keys["text"])
	require.Equal(t, Pos{Line: 14, Column: 7}, d.Inner.Keys["text"].Within(2, 3))
	require.Equal(t, Pos{Line: 1, Column: 10}, d.Keys["name"].Within(1, 3))
	require.Equal(t, Pos{Line: 1, Column: 8}, d.Keys["name"].Within(2, 3), "only a block's lines have places")

	var later inner
	dec.Into(d.Raw, &later)
	require.Equal(t, "later", later.Text)
}

func TestDecodeMistakes(t *testing.T) {
	for yaml, want := range map[string]string{
		"name: a\nnmae: b":                     `x.yaml:2:1: unknown key "nmae"; did you mean "name"?`,
		"count: 1":                             `x.yaml:1:1: "name" is missing; add it`,
		"name: [a":                             `x.yaml:1:7: not YAML: sequence end token ']' not found; check indentation and quotes`,
		"- a":                                  `x.yaml:1:1: expected a mapping, got a list`,
		"a":                                    `x.yaml:1:1: expected a mapping, got the text "a"`,
		"":                                     `x.yaml: file is empty`,
		"name: a\nsmall: 256":                  `x.yaml:2:8: small: 256 does not fit`,
		"name: a\nsmall: -1":                   `x.yaml:2:8: small: -1 does not fit`,
		"name: a\ncount: 1.5":                  `x.yaml:2:8: count: expected a whole number, got 1.5`,
		"name: a\ncount: 99999999999999999999": `x.yaml:2:8: count: expected a whole number, got the text "99999999999999999999"`,
		"name: a\nshare: .nan":                 `x.yaml:2:8: share: expected a number, got .nan`,
		"name: a\non: yes":                     `x.yaml:2:5: on: expected true or false, got the text "yes"`,
		"name: a\nlist: [1]":                   `x.yaml:2:8: list[0]: expected text, got 1; write "1", with quotes`,
		"name: a\nlist: [&x a, *x]":            "x.yaml:2:8: list[0]: anchors, aliases, merges and tags are not used here; write the value out\nx.yaml:2:14: list[1]: anchors, aliases, merges and tags are not used here; write the value out",
		"name: a\ninner: {text: a, text: b}":   `x.yaml:2:18: inner: key "text" is given twice; the first is on line 2: keep one`,
		"name: a\naddr: 300.1.1.1":             `x.yaml:2:7: addr: "300.1.1.1": ParseAddr("300.1.1.1"): IPv4 field has value >255`,
		"name: a\n---\nname: b":                `x.yaml:3:5: second document in one file; give it a file of its own`,
	} {
		t.Run(yaml, func(t *testing.T) {
			err := Decode("x.yaml", []byte(yaml), new(document)).Report.Err()
			require.EqualError(t, err, want)
			var list Errors
			require.True(t, errors.As(err, &list))
		})
	}
}

// TestBounds has files made to cost: each ends at once with one mistake.
func TestBounds(t *testing.T) {
	for name, yaml := range map[string]string{
		"size":     strings.Repeat("# a\n", MaxBytes/4+1),
		"line":     "name: " + strings.Repeat("a", maxLine),
		"brackets": "name: " + strings.Repeat("[", maxFlow+1),
		"aliases":  "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nname: x",
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			require.Error(t, Decode("x.yaml", []byte(yaml), new(document)).Report.Err())
			require.Less(t, time.Since(begin), 5*time.Second)
		})
	}
}

func TestNearest(t *testing.T) {
	for written, want := range map[string]string{
		"wieght": `did you mean "weight"?`, "title": `did you mean "title"?`, "titel": `did you mean "title"?`, "wei": `did you mean "weight"?`,
		"zzzzzz": "one of title, weight", "": "one of title, weight",
	} {
		require.Equal(t, want, Nearest(written, []string{"title", "weight"}), written)
	}
	require.Empty(t, Nearest("x", nil))
}

func TestClip(t *testing.T) {
	require.Equal(t, "ab", Clip("abc", 2))
	require.Equal(t, "a", Clip("aé", 2), "no half character")
	require.Equal(t, "", Clip("\x80\x80\x80", 2))
}

// FuzzDecode reads anything: no panic, and either no mistake or a bounded list of them.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"name: a\nlist: [a]\n", "name: |\n  a\n  b\n", "? a\n: b", "name: !!str a", "a: &a b\nc: *a", "{name: a, raw: {}}", "inner: {<<: {text: a}}", "\xef\xbb\xbfname: a"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var d document
		err := Decode("x.yaml", data, &d).Report.Err()
		if err == nil {
			require.Contains(t, d.Keys, "name")
			return
		}
		var list Errors
		require.True(t, errors.As(err, &list))
		require.LessOrEqual(t, len(list), MaxProblems+1)
	})
}
