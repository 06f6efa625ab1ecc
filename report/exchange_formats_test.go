package report

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
)

// lines decodes one JSON object a line.
func lines[T any](t *testing.T, out []byte) (list []T) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		if line == "" {
			continue
		}
		var v T
		require.NoError(t, json.Unmarshal([]byte(line), &v))
		list = append(list, v)
	}
	return list
}

// TestUUIDs compares with vectors from elsewhere: RFC 9562 appendix A.4, and the ids of observables that the STIX 2.1
// specification and others' implementations give.
func TestUUIDs(t *testing.T) {
	dns := uuid{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	require.Equal(t, "2ed6657d-e927-568b-95e1-2665a8aea6a2", uuid5(dns, "www.example.com").String())
	require.Equal(t, "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4", newValue("ipv4-addr", "198.51.100.3").ID)
	require.Equal(t, "ipv6-addr--6469e3a9-b053-5e34-a025-9396ae051d26", newValue("ipv6-addr", "2001:db8::1").ID)
	require.Equal(t, "domain-name--bedb4899-d24b-5401-bc86-8f6b4cc18ec7", newValue("domain-name", "example.com").ID)

	a, b := uuid4("a", "bc"), uuid4("ab", "c")
	require.NotEqual(t, a, b, "the parts must be told apart")
	require.Equal(t, a, uuid4("a", "bc"))
	require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, a.String())
}

func TestXARFClaimsOnlyWhatWasSeen(t *testing.T) {
	reports := lines[xarfReport](t, render(t, "xarf", Options{}, testSummary(), textbook(), evasive(), open()))
	ids := map[string]bool{}
	for _, r := range reports {
		require.False(t, ids[r.ID], "an id is given twice")
		ids[r.ID] = true
		require.Equal(t, r.Reporter, r.Sender)
		require.Equal(t, r.Source == "198.51.100.23" && r.Type == "botnet", r.Type == "botnet", "only the match is reported as misused")
		for _, e := range r.Evidence {
			text, err := base64.StdEncoding.DecodeString(e.Payload)
			require.NoError(t, err)
			sum := sha256.Sum256(text)
			require.Equal(t, "sha256:"+hex.EncodeToString(sum[:]), e.Hash)
			require.Equal(t, len(text), e.Size)
			require.True(t, json.Valid(text))
		}
	}
	require.Equal(t, "botnet", reports[0].Type)
	require.InDelta(t, 0.9712, *reports[0].Confidence, 1e-9)
	require.Contains(t, reports[0].Compromise, "port 8443, title: Brigadir")
	require.Equal(t, []string{"meliorator:panel-souls-thoughts", "meliorator:cdp-spoofed-agent", "meliorator:private-mail", "meliorator:mongodb"}, reports[0].Tags)

	bare := textbook() // a match without a word on what was seen
	for i := range bare.Traits {
		bare.Traits[i].Evidence = nil
	}
	for _, r := range lines[xarfReport](t, render(t, "xarf", Options{}, testSummary(), bare)) {
		require.Equal(t, "open_service", r.Type)
	}

	silent := evasive()
	silent.Services = nil
	require.Empty(t, render(t, "xarf", Options{}, testSummary(), silent), "a suspicion is no complaint")
}

// TestXARFIsBounded gives a host with more than anybody should read.
func TestXARFIsBounded(t *testing.T) {
	f := textbook()
	for range 100 {
		f.Traits = append(f.Traits, trait("p/r", "panel", 1, checks.Fact, strings.Repeat("T", 900), strings.Repeat("b", 900),
			ev(1, strings.Repeat("f", 900), strings.Repeat("v", 200_000))))
	}
	f.Services[3].Details = pinned{&probe.MongoDB{Version: strings.Repeat("9", 200_000)}, "", nil}
	out := render(t, "xarf", Options{}, testSummary(), f)
	check["xarf"](t, out)
	require.Less(t, len(out), 1<<20)
}

func TestIntelMQClasses(t *testing.T) {
	type event struct {
		Identifier string `json:"classification.identifier"`
		Type       string `json:"classification.type"`
		FQDN       string `json:"source.fqdn"`
	}
	bare := evasive()
	bare.Services = nil
	got := lines[event](t, render(t, "intelmq", Options{}, testSummary(), textbook(), open(), bare))
	var kinds []string
	for _, e := range got {
		kinds = append(kinds, e.Identifier+" "+e.Type)
	}
	open := " potentially-unwanted-accessible"
	require.Equal(t, []string{"netschouw-match unauthorized-use-of-resources", "open-chrome-devtools" + open, "open-mongodb" + open,
		"open-socks5" + open, "open-docker" + open, "open-webdriver" + open, "open-redis" + open, "open-kubernetes" + open,
		"open-chrome-devtools" + open, "open-mongodb" + open, "netschouw-suspect undetermined"}, kinds)
	require.Equal(t, "shop.example.test", got[3].FQDN)
}

func TestAbuseIOClasses(t *testing.T) {
	bare := evasive()
	bare.Services = nil
	var incidents []abuseIncident
	require.NoError(t, json.Unmarshal(render(t, "abuseio", Options{}, testSummary(), textbook(), bare, open()), &incidents))
	var kinds []string
	for _, i := range incidents {
		kinds = append(kinds, i.IP+" "+i.Class+" "+i.Type)
		var info abuseInformation
		require.NoError(t, json.Unmarshal([]byte(i.Information), &info))
		require.Equal(t, i.Type == "ESCALATION", info.Score != nil, "a customer who reads an INFO is not told of a suspicion")
	}
	require.Equal(t, []string{"198.51.100.23 RULE_BREAKER ESCALATION", "198.51.100.80 OPEN_SOCKS_PROXY INFO", "198.51.100.80 DEFAULT INFO",
		"198.51.100.80 DEFAULT INFO", "198.51.100.80 OPEN_REDIS_SERVER INFO", "198.51.100.80 DEFAULT INFO", "198.51.100.80 DEFAULT INFO",
		"198.51.100.80 OPEN_MONGODB_SERVER INFO"}, kinds)
}

// TestMISPDetectsOnlyMatches checks to_ids: an address that serves others too must not end on their block lists.
func TestMISPDetectsOnlyMatches(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*checks.Finding)
		want   bool
	}{
		"match":            {func(*checks.Finding) {}, true},
		"suspect":          {func(f *checks.Finding) { f.Verdict = checks.Suspect }, false},
		"every port open":  {func(f *checks.Finding) { f.AcceptsAll = true }, false},
		"many names":       {func(f *checks.Finding) { f.DNSNames = strings.Fields("a b c d e f g h i") }, false},
		"many PTR records": {func(f *checks.Finding) { f.Network.PTR = strings.Fields("a b c d e f g h i") }, false},
		"shared certificate": {func(f *checks.Finding) {
			f.Services[1].TLS = &probe.TLS{NameCount: 40}
		}, false},
		"tag": {func(f *checks.Finding) { f.Owner.Tags = []string{"Shared-Hosting"} }, false},
	} {
		f := textbook()
		c.change(&f)
		var doc struct {
			Event struct{ Attribute []mispAttribute }
		}
		require.NoError(t, json.Unmarshal(render(t, "misp", Options{}, testSummary(), f, f), &doc))
		seen := map[string]bool{}
		for _, a := range doc.Event.Attribute {
			require.False(t, seen[a.Type+a.Value], "MISP refuses a second %s of the same value", a.Type)
			seen[a.Type+a.Value] = true
			require.Equal(t, c.want && strings.HasPrefix(a.Type, "ip-dst"), a.ToIDS, "%s: %s", name, a.Type)
		}
		require.True(t, seen["ip-dst198.51.100.23"])
	}
}

// TestSTIXReferencesHold checks that every reference leads to an object of the bundle, and that an object is there once.
func TestSTIXReferencesHold(t *testing.T) {
	second := textbook()
	second.Address = netip.MustParseAddr("198.51.100.24")
	var bundle struct{ Objects []map[string]any }
	out := render(t, "stix", Options{}, testSummary(), textbook(), second, open(), evasive())
	require.NoError(t, json.Unmarshal(out, &bundle))
	types, known := map[string]int{}, map[string]bool{}
	for _, o := range bundle.Objects {
		id := o["id"].(string)
		require.False(t, known[id], "%s is there twice", id)
		require.True(t, strings.HasPrefix(id, o["type"].(string)+"--"))
		known[id] = true
		types[o["type"].(string)]++
	}
	require.Equal(t, 1, types["x509-certificate"], "two hosts share one certificate")
	require.Equal(t, 1, types["identity"])
	require.Equal(t, 4, types["infrastructure"])
	require.Zero(t, types["indicator"])
	for _, o := range bundle.Objects {
		for key, v := range o {
			if strings.HasSuffix(key, "_ref") {
				require.True(t, known[v.(string)], "%s of %s leads nowhere", key, o["id"])
			}
			if strings.HasSuffix(key, "_refs") {
				for _, ref := range v.([]any) {
					require.True(t, known[ref.(string)], "%s of %s leads nowhere", key, o["id"])
				}
			}
		}
	}
	require.Contains(t, string(out), `"value":"shop.example.test"`)
	require.NotContains(t, string(out), "not a name")
}

func TestShadowserverIsReadByName(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(string(render(t, "shadowserver", Options{}, testSummary(), textbook(), open())))).ReadAll()
	require.NoError(t, err)
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	for _, name := range strings.Fields("timestamp severity ip protocol port hostname tag asn geo region city naics sector") {
		require.Contains(t, column, name)
	}
	require.Len(t, rows, 1+3+7)
	require.Equal(t, "2026-01-02 03:04:05", rows[1][column["timestamp"]])
	require.Equal(t, "netschouw-match", rows[1][column["tag"]])
	require.Equal(t, "8443", rows[1][column["port"]])
	require.Equal(t, "64500", rows[1][column["asn"]])
}

func TestRounded(t *testing.T) {
	for in, want := range map[float64]float64{0.12345: 0.1235, -1: 0, 2: 1, math.Inf(1): 1} {
		require.InDelta(t, want, rounded(in), 1e-12)
	}
	require.Zero(t, rounded(math.NaN()))
}

func TestFavicon(t *testing.T) {
	f := textbook()
	require.Equal(t, int32(-1231872293), *favicon(&f.Services[1]))
	require.Nil(t, favicon(&f.Services[0]))
}
