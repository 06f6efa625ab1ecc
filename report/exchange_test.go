package report

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
)

// exchangeSchemas holds what schemaOfFormat compiled: fuzzing asks for it at every run.
var exchangeSchemas sync.Map

// schemaOfFormat compiles the schema that stands for a format's specification, in testdata/schema.
func schemaOfFormat(t testing.TB, format string) *jsonschema.Schema {
	t.Helper()
	if schema, ok := exchangeSchemas.Load(format); ok {
		return schema.(*jsonschema.Schema)
	}
	text, err := os.ReadFile(filepath.Join("testdata", "schema", format+".json"))
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	id := doc.(map[string]any)["$id"].(string)
	require.NoError(t, c.AddResource(id, doc))
	schema, err := c.Compile(id)
	require.NoError(t, err)
	exchangeSchemas.Store(format, schema)
	return schema
}

// validDocument checks one JSON document against a format's schema.
func validDocument(format string) func(*testing.T, []byte) {
	return func(t *testing.T, out []byte) {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
		require.NoError(t, err)
		require.NoError(t, schemaOfFormat(t, format).Validate(value))
	}
}

// validLines checks each line against a format's schema.
func validLines(format string) func(*testing.T, []byte) {
	return func(t *testing.T, out []byte) {
		schema := schemaOfFormat(t, format)
		for _, line := range bytes.Split(bytes.TrimSuffix(out, []byte("\n")), []byte("\n")) {
			if len(line) == 0 {
				continue
			}
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
			require.NoError(t, err)
			require.NoError(t, schema.Validate(value))
		}
	}
}

// cleanRows checks the Shadowserver-style CSV: as many cells as columns, none a formula.
func cleanRows(t *testing.T, out []byte) {
	rows, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	require.NoError(t, err)
	require.NotEmpty(t, rows)
	for _, row := range rows[1:] {
		require.Len(t, row, len(shadowColumns))
		for i, cell := range row {
			require.False(t, formula(cell), "column %s is a formula: %.80q", rows[0][i], cell)
			require.NotContains(t, cell, "\n")
		}
	}
	for _, cell := range strings.Split(string(out), ";") {
		require.False(t, formula(cell), "a formula after a semicolon: %.80q", cell)
	}
}

// open is a suspect with every kind of open service, beside services of the same protocols that are not open.
func open() checks.Finding {
	f := evasive()
	f.Address = netip.MustParseAddr("198.51.100.80")
	f.DNSNames = []string{"Shop.Example.test.", "not a name"}
	half := service(6380, &probe.Redis{Reply: "-NOAUTH", Access: "auth"}, "")
	f.Services = []probe.Service{
		service(1080, &probe.SOCKS5{Method: "none"}, ""), service(1081, &probe.SOCKS5{Method: "password"}, ""),
		service(2375, &probe.Docker{Version: "26.1.0"}, ""), service(3128, &probe.HTTPProxy{Access: "unknown"}, ""),
		service(4444, &probe.WebDriver{Version: "4.20", Kind: "selenium"}, ""),
		service(6379, &probe.Redis{Reply: "+PONG", Access: "open"}, ""), half,
		service(6443, &probe.Kubernetes{Version: "v1.30.1", Access: "open"}, ""), service(6444, &probe.Kubernetes{Access: "auth"}, ""),
		service(9222, &probe.CDP{Browser: "Chrome/124.0.6367.60"}, ""), service(27017, &probe.MongoDB{Version: "7.0.5"}, ""),
		{Port: 27018, Transport: "tcp", Protocol: "mongodb", Status: probe.StatusTimedOut},
	}
	return f
}

func exchangeFormats() (list []Format) {
	for _, f := range Formats() {
		if f.Exchange {
			list = append(list, f)
		}
	}
	return list
}

// TestExchangeIsValid holds every format for other systems against its schema, and against one that is broken.
func TestExchangeIsValid(t *testing.T) {
	formats := exchangeFormats()
	require.Len(t, formats, 6)
	for _, f := range formats {
		for name, findings := range map[string][]checks.Finding{
			"found": {benign(), evasive(), textbook(), open()}, "every field": {complete()}, "nothing": nil,
		} {
			out := render(t, f.Name, Options{}, testSummary(), findings...)
			t.Run(f.Name+"/"+name, func(t *testing.T) { check[f.Name](t, out) })
			require.NotContains(t, string(out), "_internal", f.Name)
		}
	}
}

// TestTheSchemasRefuse checks that the schemas can fail: a mistake of each kind is refused.
func TestTheSchemasRefuse(t *testing.T) {
	for _, c := range []struct{ format, from, to string }{
		{"xarf", `"source_port":`, `"port":`},
		{"xarf", `"domain":"hosting.example.org"`, `"domain":"hosting.example.org","type":"automated"`},
		{"xarf", `"compromise_evidence"`, `"compromise"`},
		{"xarf", `sha256:`, `sha256-`},
		{"xarf", `"category":"infrastructure"`, `"category":"vulnerability"`},
		{"intelmq", `+00:00"`, `Z"`},
		{"intelmq", `"potentially-unwanted-accessible"`, `"c2-server"`},
		{"intelmq", `"extra.verdict":"match"`, `"verdict":"match"`},
		{"abuseio", `"type":"ESCALATION"`, `"type":"ABUSE"`},
		{"abuseio", `"timestamp":17`, `"timestamp":"2`},
		{"misp", `"published":false`, `"published":true`},
		{"misp", `"type":"hostname"`, `"type":"domain|ip"`},
		{"stix", `"spec_version":"2.1"`, `"spec_version":"2.0"`},
		{"stix", `"type":"note"`, `"type":"opinion"`},
		{"stix", `.000Z"`, `Z"`},
		{"stix", `"sighting_of_ref":"infrastructure--`, `"sighting_of_ref":"observed-data--`},
	} {
		out := string(render(t, c.format, Options{}, testSummary(), textbook(), open()))
		require.Contains(t, out, c.from)
		broken := strings.ReplaceAll(out, c.from, c.to)
		if c.format == "xarf" || c.format == "intelmq" {
			for _, line := range strings.Split(broken, "\n") {
				if !strings.Contains(out, line) {
					broken = line
				}
			}
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(broken))
		if err == nil {
			require.Error(t, schemaOfFormat(t, c.format).Validate(value), "%s with %s", c.format, c.to)
		}
	}
}

// TestExchangeIsDeterministic checks that a second export of the same findings is the first, byte by byte.
func TestExchangeIsDeterministic(t *testing.T) {
	for _, f := range exchangeFormats() {
		first := render(t, f.Name, Options{}, testSummary(), textbook(), open(), evasive())
		later := testSummary()
		later.Ended = later.Ended.AddDate(0, 0, 1)
		require.Equal(t, string(first), string(render(t, f.Name, Options{All: true}, later, textbook(), open(), evasive())), f.Name)
	}
}

// TestNothingOfTheCustomerIsTold checks that those outside are told nothing from the customer list, nor of traits that
// rest on it. intelmq and abuseio are systems of the provider's own.
func TestNothingOfTheCustomerIsTold(t *testing.T) {
	f := textbook()
	f.Traits = append(f.Traits, trait("meliorator/unverified-customer", "context", 0.7, checks.Inference, "Nobody identified the customer",
		"Most people value their privacy.", ev(0, "customer's tags", "prepaid-crypto")))
	f.Owner.Tags = append(f.Owner.Tags, "shared")
	for _, format := range []string{"xarf", "stix", "misp", "shadowserver"} {
		out := render(t, format, Options{}, testSummary(), f)
		told := string(out)
		for _, line := range bytes.Split(out, []byte("\n")) { // what is within the payloads, too
			var r xarfReport
			if format == "xarf" && json.Unmarshal(line, &r) == nil {
				for _, e := range r.Evidence {
					text, err := base64.StdEncoding.DecodeString(e.Payload)
					require.NoError(t, err)
					told += string(text)
				}
			}
		}
		for _, secret := range []string{"C1042", "Stroom", "stroom", "prepaid-crypto", "identified the customer", "198.51.100.16/28", "value their privacy", "unverified"} {
			require.NotContains(t, told, secret, format)
		}
	}
}

func TestExposures(t *testing.T) {
	f := open()
	var got []string
	for _, e := range exposures(&f) {
		got = append(got, e.name+" "+number(e.service.Port))
		require.NotEmpty(t, e.class)
		require.NotEmpty(t, e.severity)
	}
	require.Equal(t, []string{"socks5 1080", "docker 2375", "webdriver 4444", "redis 6379", "kubernetes 6443", "chrome-devtools 9222", "mongodb 27017"}, got)
	for name := range exposedKinds {
		_, ok := probe.ByName(name)
		require.True(t, ok, "%s is no protocol of the registry", name)
	}
}

func TestWhoReportsMustBeKnown(t *testing.T) {
	with := func(change func(*Reporter)) Options {
		r := reporter
		change(&r)
		return Options{Reporter: r}
	}
	for _, c := range []struct {
		opts Options
		want string
	}{
		{Options{}, `says who reports, and report.reporter.org is not set: give the name of your organisation`},
		{with(func(r *Reporter) { r.Org = strings.Repeat("x", 201) }), `report.reporter.org is "` + "xxx"},
		{with(func(r *Reporter) { r.Contact = "" }), `report.reporter.contact is not set: give a mail address for answers`},
		{with(func(r *Reporter) { r.Contact = "https://example.org" }), `report.reporter.contact is "https://example.org": give a mail address`},
		{with(func(r *Reporter) { r.Contact = "Desk <abuse@example.org>" }), `report.reporter.contact is`},
		{with(func(r *Reporter) { r.Domain = "" }), `report.reporter.domain is not set`},
		{with(func(r *Reporter) { r.Domain = "Example.org" }), `report.reporter.domain is "Example.org"`},
		{with(func(r *Reporter) { r.Domain = "198.51.100.1" }), `report.reporter.domain is "198.51.100.1"`},
	} {
		for _, format := range []string{"xarf", "stix"} {
			w, err := New(format, &bytes.Buffer{}, c.opts)
			require.Nil(t, w)
			require.ErrorContains(t, err, "format "+format)
			require.ErrorContains(t, err, c.want)
		}
		_, err := New("misp", &bytes.Buffer{}, c.opts)
		require.NoError(t, err, "misp does not say who reports")
	}
}

func TestHostName(t *testing.T) {
	for in, want := range map[string]string{
		"mx1.example.test": "mx1.example.test", "MX1.Example.TEST.": "mx1.example.test", "_dmarc.example.org": "_dmarc.example.org",
		"": "", "localhost": "", "198.51.100.1": "", "a..b": "", "-a.example": "", "a-.example": "", "a b.example": "", "é.example": "",
		strings.Repeat("a", 64) + ".example": "", strings.Repeat("abc.", 64) + "example": "", "example.org..": "", "2001:db8::1": "",
	} {
		require.Equal(t, want, hostName(in), in)
	}
}

func TestWords(t *testing.T) {
	require.Equal(t, "abc", words("abc", 3))
	require.LessOrEqual(t, len([]rune(words(strings.Repeat("e\u0301\u0323\u0301", 50), 20))), 20)
	require.Equal(t, `a\x1b`, words("a\x1b", 10))
}
