package indicators

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func sample(t testing.TB, name string, opts Options) *List {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	require.NoError(t, err)
	defer f.Close()
	list, err := Read(f, opts)
	require.NoError(t, err)
	return list
}

// show writes a list as one line an indicator.
func show(list *List) (lines []string) {
	for _, i := range list.Indicators {
		day := func(at Time) string {
			if at == 0 {
				return "-"
			}
			return at.Time().Format(time.DateOnly)
		}
		lines = append(lines, fmt.Sprintf("%d %s %s [%s] %s %d %s..%s until %s", i.Line, i.Kind, i.Value, i.Source, i.TLP, i.Confidence, day(i.FirstSeen), day(i.LastSeen), day(i.Expires)))
	}
	return lines
}

func skipped(list *List) (lines []string) {
	for _, s := range list.Skipped {
		lines = append(lines, fmt.Sprintf("%d: %s", s.Line, s.Reason))
	}
	return lines
}

var abab = strings.Repeat("ab", 32)

func TestSTIX(t *testing.T) {
	list := sample(t, "advisory.stix.json", Options{Source: "advisory.stix.json"})
	require.Equal(t, "stix", list.Format)
	first := "[Sample Authority] TLP:AMBER 80 2026-01-02..- until 2027-01-02"
	second := "[advisory.stix.json] TLP:GREEN 0 2026-01-02..- until -"
	require.Equal(t, []string{
		"5 address 198.51.100.23 " + first, "5 address 203.0.113.0/28 " + first, "5 address 2001:db8:40::17 " + first, "5 address 2001:db8:40::18 " + first,
		"10 domain panel.example.test " + second, "10 certificate " + abab + " " + second,
	}, show(list))
	require.Equal(t, []string{
		"15: the pattern has AND: only values joined by OR can be used",
		"19: its publisher revoked it",
		"22: the pattern is of type snort, not stix",
	}, skipped(list))
	require.Equal(t, "indicator--0d9a5a3c-0000-4000-8000-000000000006", list.Skipped[0].Where)
	require.Equal(t, 3, list.NotTaken)
}

func TestMISP(t *testing.T) {
	list := sample(t, "advisory.misp.json", Options{Source: "file"})
	require.Equal(t, "misp", list.Format)
	const event = "[Sample CERT: Sample advisory] TLP:AMBER+STRICT 0 "
	const red = "[Sample CERT: Sample advisory] TLP:RED 0 "
	require.Equal(t, []string{
		"4 address 198.51.100.23 " + event + "2026-01-01..2026-01-02 until -",
		"5 address 203.0.113.7 " + event + "-..- until -",
		"6 domain mail.example.test " + red + "-..- until -", "6 address 198.51.100.24 " + red + "-..- until -",
		"13 certificate " + abab + " " + event + "-..- until -",
	}, show(list))
	require.Equal(t, []string{
		"7: its publisher says that it is not for detection (to_ids is false)",
		"8: its publisher deleted it",
		`9: attributes of type "md5" are none that netschouw looks for`,
		"10: not an IP address; each of the four numbers is 0 to 255",
	}, skipped(list))
	require.Len(t, sample(t, "advisory.misp.json", Options{Context: true}).Indicators, 6, "what is marked as context is taken on request")
}

// TestMISPShapes reads one event in every form in which MISP gives it out.
func TestMISPShapes(t *testing.T) {
	const attribute = `{"type":"ip-dst","value":"198.51.100.23","to_ids":true}`
	for _, doc := range []string{
		`{"Event":{"info":"x","Attribute":[` + attribute + `]}}`,
		`{"info":"x","Attribute":[` + attribute + `]}`,
		`{"response":[{"Event":{"info":"x","Attribute":[` + attribute + `]}}]}`,
		`[{"Event":{"Attribute":[` + attribute + `],"info":"x"}}]`,
		`{"response":{"info":"x","Attribute":[` + attribute + `]}}`,
		"\ufeff\n {\"Galaxy\":[{\"Attribute\":1}],\"Event\":{\"info\":\"x\",\"Object\":[{\"Attribute\":[" + attribute + `]}]}}`,
	} {
		list, err := Read(strings.NewReader(doc), Options{})
		require.NoError(t, err, doc)
		require.Len(t, list.Indicators, 1, doc)
		require.Equal(t, "x", list.Indicators[0].Source, doc)
	}
}

func TestCSV(t *testing.T) {
	list := sample(t, "advisory.csv", Options{Source: "advisory.csv"})
	require.Equal(t, "csv", list.Format)
	const plain = "[advisory.csv]  0 -..- until -"
	require.Equal(t, []string{
		"3 address 198.51.100.23 [Sample advisory] TLP:AMBER 90 2024-05-01..2024-06-24 until -",
		"5 address 2001:db8:40::17 " + plain, "6 address 203.0.113.0/28 " + plain,
		"7 domain xn--bcher-kva.example.test " + plain,
		"8 domain mail.example.test [advisory.csv]  0 2024-06-01..- until -",
		"9 certificate " + abab + " " + plain,
	}, show(list))
	require.Equal(t, 1, list.Duplicates)
	require.Equal(t, []string{
		"10: a URL names one page, and its host may have others: list the domain or address where all of it is meant",
		"11: first_seen: a time is not understood: write 2026-01-02 or 2026-01-02T15:04:05Z",
		"12: everybody can register under this name: listing it would list all of them",
		"13: 0.0.0.0/0 is wider than any one network",
		"14: the hash of a file; one of a certificate has the type certificate",
		"15: 2 columns, where the header has 9",
	}, skipped(list))
}

func TestCSVSeparators(t *testing.T) {
	for _, doc := range []string{"type;value;source\nip;198.51.100.1;x, y\n", "TYPE\tVALUE\tSource\r\nip\t198.51.100.1\tx, y\r\n", "\ufeffvalue,type,source\n198.51.100.1,ip,\"x, y\"\n"} {
		list, err := Read(strings.NewReader(doc), Options{})
		require.NoError(t, err, doc)
		require.Equal(t, []string{"2 address 198.51.100.1 [x, y]  0 -..- until -"}, show(list), doc)
	}
}

// TestBrokenFiles checks that a broken file gives its line and nothing else.
func TestBrokenFiles(t *testing.T) {
	for doc, want := range map[string]string{
		"":                                    "the file is empty",
		"  \n\n ":                             "nothing but white space",
		"\xff\xfet\x00":                       "save it as UTF-8",
		"address\n198.51.100.1\n":             `column "type" is missing`,
		"type,type,value\n":                   `column "type" is there twice`,
		"type,value\nip,\"198.51.100.1\n\n":   "line 2",
		"type,value\nip,\"a\nip,b\",\n":       "line 2: a quoted value goes on",
		`{}`:                                  "neither a STIX 2.1 bundle nor a MISP event",
		`[]`:                                  "neither a STIX 2.1 bundle nor a MISP event",
		"{\"type\":\"bundle\",\n\"objects\":": "line 2: the JSON ends in the middle of a value",
		"{\"objects\":[],\n\"Attribute\":[]}": "a STIX bundle and a MISP event at once",
		`{"objects":{}}`:                      "an array is expected",
		"{\"objects\":[]}\n{}":                "something follows the end",
		strings.Repeat(`{"Event":`, 100):      "nested too deeply",
		"{\"objects\":[\n{\"type\":tru}]}":    "line 2: invalid character",
	} {
		list, err := Read(strings.NewReader(doc), Options{})
		require.ErrorContains(t, err, want, doc)
		require.Nil(t, list)
	}
}

func TestSkippedIsBounded(t *testing.T) {
	list, err := Read(strings.NewReader("type,value\n"+strings.Repeat("ip,x\n", MaxSkipped+5)), Options{})
	require.NoError(t, err)
	require.Len(t, list.Skipped, MaxSkipped)
	require.Equal(t, MaxSkipped+5, list.NotTaken)
}

func TestMergedMarkings(t *testing.T) {
	indicator := func(id, marking string) string {
		return `{"type":"indicator","id":"` + id + `","pattern":"[ipv4-addr:value = '198.51.100.1']","object_marking_refs":["` + marking + `"]}`
	}
	list, err := Read(strings.NewReader(`{"objects":[`+indicator("a", "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da")+","+
		indicator("b", "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed")+`]}`), Options{})
	require.NoError(t, err)
	require.Len(t, list.Indicators, 1)
	require.Equal(t, Red, list.Indicators[0].TLP, "the narrowest label counts")
}

// TestNothingIsHalfImported gives entries of several values, one of which cannot be used.
func TestNothingIsHalfImported(t *testing.T) {
	for _, doc := range []string{
		`{"objects":[{"type":"indicator","id":"a","pattern":"[ipv4-addr:value = '198.51.100.1' OR ipv4-addr:value = '198.51.100.999']"}]}`,
		`{"objects":[{"type":"indicator","id":"a","pattern":"[ipv4-addr:value = '198.51.100.1' OR file:name = 'x']"}]}`,
		`{"objects":[{"type":"indicator","id":"a","pattern":"[ipv4-addr:value = '198.51.100.1']","valid_until":"soon"}]}`,
		`{"objects":[{"type":"indicator","id":"a","pattern":"[ipv4-addr:value = '198.51.100.1']","confidence":101}]}`,
		`{"objects":[{"type":"indicator","id":"a","pattern":"[ipv4-addr:value = '198.51.100.1']","revoked":"yes"}]}`,
		`{"Attribute":[{"type":"domain|ip","value":"a.example.test|198.51.100.999","to_ids":true}]}`,
		`{"Attribute":[{"type":"ip-dst","value":"198.51.100.1","to_ids":"maybe"}]}`,
		"type,value,confidence\nip,198.51.100.1,101\n",
		"type,value,tlp\nip,198.51.100.1,purple\n",
	} {
		list, err := Read(strings.NewReader(doc), Options{})
		require.NoError(t, err, doc)
		require.Empty(t, list.Indicators, doc)
		require.Len(t, list.Skipped, 1, doc)
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"advisory.stix.json", "advisory.misp.json", "advisory.csv"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(`{"response":[{"Event":{"Object":[{"Attribute":[{"type":"domain|ip","value":"a|b"}]}]}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := Read(strings.NewReader(string(text)), Options{Source: "fuzz"})
		if err != nil {
			require.Nil(t, list)
			return
		}
		lines := strings.Count(string(text), "\n") + 1
		seen := map[string]bool{}
		for _, i := range list.Indicators {
			again, err := normalise(i.Kind, i.Value)
			require.NoError(t, err, "a value is not normal: %q", i.Value)
			require.Equal(t, again, i.Value)
			require.False(t, seen[i.Kind.String()+i.Value], "a value is there twice")
			seen[i.Kind.String()+i.Value] = true
			require.Equal(t, i.Kind == Address, i.Range().IsValid())
			require.Positive(t, i.Line)
			require.LessOrEqual(t, int(i.Line), lines)
			require.NotEmpty(t, i.Source)
		}
		for _, s := range list.Skipped {
			require.NotEmpty(t, s.Reason)
			require.LessOrEqual(t, len(s.Value), 120)
			require.NotContains(t, s.String(), "\x1b")
		}
	})
}
