package indicators

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNormalise(t *testing.T) {
	for _, c := range []struct {
		kind    Kind
		in, out string
	}{
		{Address, "198.51.100.1", "198.51.100.1"}, {Address, " 198[.]51(.)100{.}1 ", "198.51.100.1"}, {Address, "198[dot]51[DOT]100(dot)1", "198.51.100.1"},
		{Address, `198\.51\.100\.1`, "198.51.100.1"}, {Address, "2001:DB8[:]0:0:0:0:0:1", "2001:db8::1"}, {Address, "::ffff:198.51.100.1", "198.51.100.1"},
		{Address, "198.51.100.0/24", "198.51.100.0/24"}, {Address, "198.51.100.1/32", "198.51.100.1"}, {Address, "198.51.100.1-198.51.100.6", "198.51.100.1-198.51.100.6"},
		{Domain, "Example.TEST.", "example.test"}, {Domain, "www[.]example[.]test", "www.example.test"}, {Domain, "*.example.test", "example.test"},
		{Domain, "bücher.test", "xn--bcher-kva.test"}, {Domain, "BÜCHER.test", "xn--bcher-kva.test"}, {Domain, "_dmarc.example.test", "_dmarc.example.test"},
		{Certificate, strings.ToUpper(abab), abab}, {Certificate, "sha256:" + abab, abab}, {Certificate, strings.TrimSuffix(strings.Repeat("AB:", 32), ":"), abab},
	} {
		got, err := normalise(c.kind, c.in)
		require.NoError(t, err, c.in)
		require.Equal(t, c.out, got, c.in)
	}
	for _, c := range []struct {
		kind     Kind
		in, want string
	}{
		{Address, "", "empty"}, {Address, "198.51.100.999", "not an IP address"}, {Address, "010.1.1.1", "leading zeros"}, {Address, "198.51.100.1/24", "host bits"},
		{Address, "fe80::1%eth0", "zone"}, {Address, "128.0.0.0/1", "wider"}, {Address, "2000::/3", "wider"}, {Address, "0.0.0.0", "unspecified"}, {Address, "::", "unspecified"},
		{Address, "example.test", "host name"}, {Address, "198.51.100.1:80", "port"}, {Address, strings.Repeat("1", 2000), "too long"},
		{Domain, "", "not a domain name"}, {Domain, "localhost", "not a domain name"}, {Domain, "com", "not a domain name"}, {Domain, "co.uk", "everybody can register"}, {Domain, "github.io", "everybody can register"},
		{Domain, "hxxp://example.test/", "without scheme"}, {Domain, "198.51.100.1", "an address stands"}, {Domain, "a..test", "not a domain name"}, {Domain, "-a.test", "not a domain name"},
		{Domain, "someone@example.test", "without scheme"}, {Domain, "\u202eevil.test", "internationalised"},
		{Certificate, "zz", "hexadecimal"}, {Certificate, strings.Repeat("a", 40), "SHA-1"}, {Certificate, "abcd", "64 hexadecimal digits, not 4"},
		{0, "x", "does not look for"},
	} {
		_, err := normalise(c.kind, c.in)
		require.ErrorContains(t, err, c.want, "%s %q", c.kind, c.in)
	}
}

func TestRefang(t *testing.T) {
	for in, want := range map[string]string{
		"hxxps[:]//www[.]example[.]test/": "https://www.example.test/", "HxxP://a.test": "http://a.test", "hxxp[://]a.test": "http://a.test", "a.test": "a.test", "hxx": "hxx", "": "",
	} {
		require.Equal(t, want, Refang(in))
	}
}

func TestTimes(t *testing.T) {
	for _, good := range []string{"2026-01-02", "2026-01-02 15:04", "2026-01-02 15:04:05", "2026-01-02T15:04:05", "2026-01-02T15:04:05.123Z", "2026-01-02T15:04:05+01:00"} {
		at, err := parseTime(good)
		require.NoError(t, err)
		require.Equal(t, 2026, at.Time().Year())
	}
	for _, bad := range []string{"yesterday", "02-01-2026", "1970-01-01", "2026-13-01", strings.Repeat("2", 100)} {
		_, err := parseTime(bad)
		require.Error(t, err, bad)
	}
	require.True(t, Time(0).Time().IsZero())
}

func TestTLP(t *testing.T) {
	for in, want := range map[string]TLP{"TLP:WHITE": Clear, "tlp:clear": Clear, "green": Green, "TLP:AMBER+STRICT": AmberStrict, "tlp:amber": Amber, " TLP:RED ": Red} {
		got, ok := parseTLP(in)
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	for _, in := range []string{"", "TLP:", "purple", "TLP:EX:CHR"} {
		_, ok := parseTLP(in)
		require.False(t, ok, in)
	}
	require.Equal(t, "TLP:AMBER+STRICT", AmberStrict.String())
}

func TestPatterns(t *testing.T) {
	for in, want := range map[string]int{
		"[ipv4-addr:value = '198.51.100.1']":                                                     1,
		"[ipv4-addr:value='198.51.100.1']or[ipv4-addr:value='198.51.100.2']":                     2,
		"([domain-name:value = 'a.test'] OR [domain-name:value IN ('b.test','c.test')])":         3,
		"[((domain-name:value = 'a.test') OR (domain-name:value = 'b.test'))]":                   2,
		`[x509-certificate:hashes."SHA-256" = 'ab' OR x509-certificate:hashes.'SHA-256' = 'cd']`: 2,
		"[ipv4-addr:value ISSUBSET '198.51.100.0/24' OR ipv6-addr:value = '2001:db8::1']":        2,
		`[domain-name:value = 'it\'s.test']`:                                                     1,
	} {
		terms, err := parsePattern(in)
		require.NoError(t, err, in)
		require.Len(t, terms, want, in)
	}
	for in, want := range map[string]string{
		"":                                                  "the pattern ends where [ is expected",
		"[":                                                 "the pattern ends where a property is expected",
		"[ipv4-addr:value = '198.51.100.1'":                 "the pattern ends where ] or OR is expected",
		"[ipv4-addr:value = '198.51.100.1":                  "a quoted value",
		"[ipv4-addr:value = 5]":                             "a quoted value",
		"[ipv4-addr:value != '198.51.100.1']":               "= or IN",
		"[ipv4-addr:value LIKE '198.51.%']":                 "the pattern has LIKE",
		"[ipv4-addr:value NOT = 'a']":                       "the pattern has NOT",
		"[EXISTS ipv4-addr:value]":                          "the pattern has EXISTS",
		"[file:hashes.MD5 = 'x']":                           "is no property that netschouw looks for",
		"[x509-certificate:hashes.MD5 = 'x']":               "not by SHA-1 or MD5",
		"[url:value = 'http://a.test/']":                    "a URL names one page",
		"[domain-name:value ISSUBSET 'a']":                  "= or IN",
		"[ipv4-addr:value = 'a' AND ipv4-addr:value = 'b']": "the pattern has AND",
		"[ipv4-addr:value = 'a'] FOLLOWEDBY [ipv4-addr:value = 'b']":         "the pattern has FOLLOWEDBY",
		"[ipv4-addr:value = 'a'] REPEATS 5 TIMES":                            "the pattern has REPEATS",
		"[ipv4-addr:value IN ('a' 'b')]":                                     ", or )",
		strings.Repeat("(", 100) + "[ipv4-addr:value = 'a']":                 "nested too deeply",
		"[ipv4-addr:value IN (" + strings.Repeat("'a',", maxTerms) + "'a')]": "too many values",
		strings.Repeat(" ", maxPattern+1):                                    "too long",
	} {
		terms, err := parsePattern(in)
		require.ErrorContains(t, err, want, "%.80s", in)
		require.Nil(t, terms)
	}
	terms, err := parsePattern(`[domain-name:value = 'a\'\\b']`)
	require.NoError(t, err)
	require.Equal(t, `a'\b`, terms[0].value)
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{"[ipv4-addr:value = '198.51.100.1' OR domain-name:value IN ('a.test', 'b.test')]", "([a:b = 'c']) OR [x509-certificate:hashes.'SHA-256' = 'ab']", `['\`, "[a.'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		terms, err := parsePattern(s)
		require.Equal(t, err != nil, terms == nil)
		for _, term := range terms {
			require.NotZero(t, term.kind)
			require.LessOrEqual(t, len(term.value), len(s))
		}
	})
}

func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"198[.]51[.]100[.]1", "hxxp://a[.]test", "BÜCHER.test", "AB:CD", "2001:db8::/32", "[[.]]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, kind := range []Kind{Address, Domain, Certificate} {
			got, err := normalise(kind, s)
			if err != nil {
				require.Empty(t, got)
				continue
			}
			again, err := normalise(kind, got)
			require.NoError(t, err)
			require.Equal(t, got, again)
			require.True(t, isASCII(got))
			require.LessOrEqual(t, len(got), 253)
		}
	})
}
