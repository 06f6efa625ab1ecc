package checks

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/strict"
)

// invalid has the exact message of each testdata/invalid-NAME.yaml, which differs from valid.yaml by one mistake.
var invalid = []struct{ name, message string }{
	{"anchor", `:21:13: rules[0].benign: anchors, aliases, merges and tags are not used here; write the value out`},
	{"basis", `:19:12: rules[0].basis: "rumour" is not known; one of fact, inference`},
	{"case-address", `:36:20: rules[0].cases[1].host.address: "192.0.2": ParseAddr("192.0.2"): IPv4 address too short`},
	{"case-field", `:37:54: unknown key "acces" in rules[0].cases[1].host.services[0].fields; did you mean "access"?`},
	{"case-protocol", `:37:38: rules[0].cases[1].host.services[0].protocol: unknown protocol "reddis"; did you mean "redis"?`},
	{"case-twice", `:33:15: rules[0].cases[1].name: case "a store" is there twice; rename one`},
	{"cases-no-look-alike", `:28:7: rules[0].cases: no look-alike on which the rule does not fire; add one with fires: false`},
	{"cases-none-fires", `:28:7: rules[0].cases: no case on which the rule fires; add one with fires: true`},
	{"duplicate-key", `:18:5: rules[0]: key "weight" is given twice; the first is on line 17: keep one`},
	{"each", `:22:11: rules[0].each: "srevice" is not known; did you mean "service"?`},
	{"empty-text", `:21:14: rules[0].benign: is empty; write a sentence or leave the key out`},
	{"empty", `: file is empty`},
	{"evidence-empty", `:25:15: rules[0].evidence: is empty; name the values that a person must see to judge`},
	{"evidence-expression", `:26:41: rules[0].evidence[0].value: no field vresion in this value; did you mean "version"?`},
	{"evidence-type", `:26:33: rules[0].evidence[0].value: *probe.MongoDB is no evidence; give text, a number, or a list of them`},
	{"group", `:14:12: rules[0].group: "stores" is not known; did you mean "store"?`},
	{"hard-outside-indicator", `:19:11: rules[0].hard: only a rule of the group indicator can be hard; leave the key out`},
	{"in-without-name", `:24:9: rules[0].in: has no meaning with this each; leave it out, or set each: service (protocol) or each: name (in)`},
	{"indicator-dates", `:11:91: indicators[0].last_seen: is before first_seen; swap them`},
	{"indicator-domain", `:11:27: indicators[0].value: "co.uk" is no domain; write a registered domain in small letters, without a dot or asterisk in front`},
	{"indicator-hash", `:11:32: indicators[0].value: "abcd" is no cert_sha256; write 64 hexadecimal digits`},
	{"indicator-prefix", `:11:28: indicators[0].value: "192.0.0.0/8" is no address; write an IP address or a CIDR prefix of at least /24 (IPv4) or /48 (IPv6)`},
	{"indicator-twice", `:12:27: indicators[1].value: is listed twice; keep one`},
	{"indicator-type", `:11:12: indicators[0].type: "domian" is not known; did you mean "domain"?`},
	{"missing-key", `:13:5: "benign" is missing in rules[0]; add it`},
	{"no-source", `:20:14: rules[0].sources: is empty; name the document that the rule rests on`},
	{"no-value", `:16:12: rules[0].phrase: no value; give it one or leave the key out`},
	{"not-yaml", `:21:5: not YAML: ',' or ']' must be specified; check indentation and quotes`},
	{"pack-name", `:1:7: pack: "My Pack" is no name; use small letters, digits and hyphens, at most 60`},
	{"port-too-large", `:37:22: rules[0].cases[1].host.services[0].port: 70000 does not fit`},
	{"protocol-missing", `:22:11: rules[0].protocol: is missing; name one or more of cdp, docker, http, http-proxy, imap, kubernetes, mongodb, pop3, redis, smtp, socks5, ssh, webdriver`},
	{"protocol-without-service", `:23:15: rules[0].protocol: has no meaning with this each; leave it out, or set each: service (protocol) or each: name (in)`},
	{"protocol", `:23:16: rules[0].protocol[0]: "mongo" is not known; did you mean "mongodb"?`},
	{"rule-id", `:13:9: rules[0].id: "Open Store" is no name; use small letters, digits and hyphens, at most 60`},
	{"rule-twice", `:38:9: rules[1].id: rule "open-store" is there twice; the first is on line 13: rename one`},
	{"rules-empty", `:12:8: rules: no rule in it; add one; docs/rules.md shows how`},
	{"source-date", `:8:12: sources.report.date: "9 July 2024" is no date; write "2024-07-09", "2024-07" or "2024"`},
	{"source-url", `:9:10: sources.report.url: "ftp//report" is no web address; write https://...`},
	{"source-without-place", `:6:5: sources.report: has neither url nor document; say where it can be read`},
	{"two-documents", `:3:5: second document in one file; give it a file of its own`},
	{"unknown-key-far", `:4:1: unknown key "zzzzzzzz"; one of indicators, pack, rules, sources, title, version`},
	{"unknown-key", `:17:5: unknown key "wieght" in rules[0]; did you mean "weight"?`},
	{"unknown-source", `:20:15: rules[0].sources[0]: no source "reprot" in this pack; did you mean "report"?`},
	{"valid-date", `:19:20: rules[0].valid.until: "soon" is not a date; write 2024-07-09 or 2024-07-09T12:00:00Z`},
	{"valid-empty", `:19:12: rules[0].valid: has neither from nor until; give one or leave valid out`},
	{"valid-order", `:19:38: rules[0].valid.until: is not after from; swap them`},
	{"version", `:2:10: version: is below 1; count versions from 1; add 1 with every change of a rule`},
	{"weight-large", `:17:13: rules[0].weight: 15 is not above 0 and at most 14; a weight is the natural logarithm of how many times likelier the trait is on a misused host`},
	{"weight-zero", `:17:13: rules[0].weight: 0 is not above 0 and at most 14; a weight is the natural logarithm of how many times likelier the trait is on a misused host`},
	{"when-clock", `:24:11: rules[0].when: unknown name now; one of count, excerpt, has, host, listed, listed_address, listed_hash, mongodb, registrable, seen, service, tls, word, words, words_in`},
	{"when-comment", `:24:24: rules[0].when: ends too early; close what is open; in YAML a # begins a comment, so that expressions with # need quotes or a block (|)`},
	{"when-count", `:24:17: rules[0].when: unknown protocol "sock5"; did you mean "socks5"?`},
	{"when-field", `:24:19: rules[0].when: no field max_wire_verion in this value; did you mean "max_wire_version"?`},
	{"when-hidden", `:24:11: rules[0].when: unknown name _has`},
	{"when-line", `:26:26: rules[0].when: invalid operation: == (mismatched types string and int)`},
	{"when-name", `:24:11: rules[0].when: unknown name mongobd; did you mean "mongodb"?`},
	{"when-no-bool", `:24:11: rules[0].when: expected bool, but got int; a condition must be true or false`},
	{"when-other-protocol", `:24:11: rules[0].when: unknown name cdp; one of count, excerpt, has, host, listed, listed_address, listed_hash, mongodb, registrable, seen, service, tls, word, words, words_in`},
	{"when-pattern-open", `:24:43: rules[0].when: matches takes a pattern in quotes only; the loader must check it before a sweep begins`},
	{"when-pattern", ":24:36: rules[0].when: pattern: missing closing ): `(`; write a pattern of RE2 syntax"},
	{"when-syntax", `:24:36: rules[0].when: ends too early; close what is open; in YAML a # begins a comment, so that expressions with # need quotes or a block (|)`},
	{"when-type", `:24:36: rules[0].when: invalid operation: == (mismatched types int and string)`},
	{"when-uncalled", `:24:11: rules[0].when: has must be called; write has("...")`},
	{"when-word-case", `:24:16: rules[0].when: "Brigadir" is not a word to look for; lower case, 1 to 64 bytes, no space around it`},
	{"when-word-place", `:24:28: rules[0].when: "titel" is no place for a word; did you mean "title"?`},
	{"when-word", `:24:24: rules[0].when: word() takes texts in quotes only; the loader must know them before a sweep begins`},
	{"wrong-type-bool", `:34:17: rules[0].cases[1].fires: expected true or false, got the text "no"`},
	{"wrong-type-list", `:20:14: rules[0].sources: expected a list, got the text "report"`},
	{"wrong-type-mapping", `:35:15: rules[0].cases[1].host: expected a mapping, got a list`},
	{"wrong-type-number", `:17:13: rules[0].weight: expected a number, got the text "much"`},
	{"wrong-type-text", `:3:8: title: expected text, got 2024; write "2024", with quotes`},
}

func TestInvalidPacks(t *testing.T) {
	for _, tc := range invalid {
		t.Run(tc.name, func(t *testing.T) {
			_, err := loadTestdata(t, "invalid-"+tc.name+".yaml")
			require.EqualError(t, err, "invalid-"+tc.name+".yaml"+tc.message)
			var list strict.Errors
			require.True(t, errors.As(err, &list))
			require.Len(t, list, 1, "one mistake, one message")
		})
	}
	files, err := filepath.Glob("testdata/invalid-*.yaml")
	require.NoError(t, err)
	require.Len(t, files, len(invalid), "every file of testdata is in the table")
}

func TestValidPack(t *testing.T) {
	rs, err := loadTestdata(t, "valid.yaml")
	require.NoError(t, err)
	require.Equal(t, []string{"sample@1"}, rs.Packs())
	for _, r := range Test(rs) {
		require.True(t, r.OK(), r.String())
	}
}

// TestMistakesAreReportedTogether has a file with several mistakes, one of them twice removed from the others.
func TestMistakesAreReportedTogether(t *testing.T) {
	_, err := loadTestdata(t, "several-mistakes.yaml")
	require.EqualError(t, err, `several-mistakes.yaml:2:10: version: is below 1; count versions from 1; add 1 with every change of a rule
several-mistakes.yaml:13:5: "weight" is missing in rules[0]; add it
several-mistakes.yaml:14:12: rules[0].group: "stoer" is not known; did you mean "store"?
several-mistakes.yaml:17:5: unknown key "wieght" in rules[0]; did you mean "weight"?
several-mistakes.yaml:24:19: rules[0].when: no field max_wire_verion in this value; did you mean "max_wire_version"?
several-mistakes.yaml:37:54: unknown key "acces" in rules[0].cases[1].host.services[0].fields; did you mean "access"?`)
}

func TestMistakesAreBounded(t *testing.T) {
	text := "pack: x\n"
	for range 500 {
		text += "zz: 1\n"
	}
	_, err := loadFiles([]packSource{{"x.yaml", []byte(text)}})
	var list strict.Errors
	require.True(t, errors.As(err, &list))
	require.Len(t, list, strict.MaxProblems+1)
	require.Contains(t, list[strict.MaxProblems].Error(), "more mistakes")
}

// loadTestdata loads one file of testdata under its base name.
func loadTestdata(t testing.TB, name string) (*Ruleset, error) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return loadFiles([]packSource{{name, data}})
}
