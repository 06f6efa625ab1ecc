package checks

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/strict"
)

func at(line int) strict.Pos { return strict.Pos{Line: line, Column: 1} }

// TestConditions has what conditions can ask for, on one host.
func TestConditions(t *testing.T) {
	h := tagged(hostOf(ssh(), mail(true, "first.test", "second.co.uk"), web("example.org", seenIn("page", "brigadir")...), proxies(3), store()), "VPS")
	no, country, asn, org := false, "NL", uint32(64500), "Example Hosting"
	h.Network.PTR, h.Network.PTRConfirmed = []string{"mx.first.test"}, &no
	h.Network.Country, h.Network.ASN, h.Network.ASOrg = &country, &asn, &org
	for when, fires := range map[string]bool{
		`has("mongodb")`:                                      true,
		`has("redis", "mongodb")`:                             true,
		`has("redis")`:                                        false,
		`count("socks5") == 3`:                                true,
		`count("socks5", "mongodb") >= 4`:                     true,
		`count("http") > 2`:                                   false,
		`host.platform == "linux"`:                            true,
		`host.address == "192.0.2.10"`:                        true,
		`27017 in host.ports`:                                 true,
		`len(host.ports) > 100`:                               false,
		`host.mail_domains == ["first.test", "second.co.uk"]`: true,
		`host.mail_self_made == true`:                         true,
		`!host.mail_self_made`:                                false,
		`any(host.ptr, # endsWith ".first.test")`:             true,
		`host.ptr[0] == "mx.first.test"`:                      true,
		`host.ptr_confirmed == false`:                         true,
		`host.country in ["NL", "BE"]`:                        true,
		`host.country == "DE"`:                                false,
		`host.asn == 64500 && host.as_org startsWith "Exa"`:   true,
		`"vps" in host.tags && host.customer == "C1042"`:      true,
		`word("brigadir")`:                                    true,
		`word("brigadir", "title")`:                           false,
		`word("brigadir", "title", "page")`:                   true,
		`words("brigadir", "souls") == 1`:                     true,
		`words_in("page", "brigadir", "souls") == 1`:          true,
		`words_in("script", "brigadir") == 1`:                 false,
		`registrable("a.b.example.co.uk") == "example.co.uk"`: true,
		`host.accepts_all`:                                    false,
		`len(host.dns_names) > 0`:                             false,
	} {
		t.Run(when, func(t *testing.T) {
			rs := oneRule(t, eachHost, nil, when)
			require.Equal(t, fires, len(rs.Assess(h, DefaultPolicy()).Traits) == 1)
			_, err := rs.Faults()
			require.NoError(t, err)
		})
	}
	for when, fires := range map[string]bool{
		`service.port == 443 && tls.issuer == "R11"`: true,
		`tls.self_issued`:                             false,
		`tls.names[0] == "example.org"`:               true,
		`http.status_code == 200 && word("brigadir")`: true,
		`http.headers["x-powered-by"] == ""`:          true,
		`http.favicon.mmh3 != 7`:                      false, // there is none
		`service.protocol == "http" && service.status == "ok" && service.banner == ""`: true,
	} {
		t.Run("http: "+when, func(t *testing.T) {
			rs := oneRule(t, eachService, []string{"http"}, when)
			require.Equal(t, fires, len(rs.Assess(h, DefaultPolicy()).Traits) == 1)
			_, err := rs.Faults()
			require.NoError(t, err)
		})
	}
}

// TestSeveralProtocols has a rule for several protocols: what belongs to another than the service's is not looked at.
func TestSeveralProtocols(t *testing.T) {
	rs := oneRule(t, eachService, []string{"imap", "smtp"}, `service.protocol == "smtp" && smtp.host == "mx.first.test" || imap.host == "x"`)
	a := rs.Assess(hostOf(mail(true, "first.test")), DefaultPolicy())
	require.Len(t, a.Traits, 1)
	require.Len(t, a.Traits[0].Evidence, 1)
	require.EqualValues(t, 25, a.Traits[0].Evidence[0].Port)
	n, err := rs.Faults()
	require.Zero(t, n, err)
}

func TestConditionThatFailsIsCountedAndDoesNotFire(t *testing.T) {
	rs := oneRule(t, eachHost, nil, `host.ports[7] == 1`)
	require.Empty(t, rs.Assess(hostOf(ssh()), DefaultPolicy()).Traits)
	require.Empty(t, rs.Assess(hostOf(ssh()), DefaultPolicy()).Traits)
	n, err := rs.Faults()
	require.EqualValues(t, 2, n)
	require.EqualError(t, err, "rule test/one: index out of range: 7 (array length is 1) (1:11)")
	var fault *RuleFault
	require.True(t, errors.As(err, &fault))
	require.Equal(t, "test/one", fault.Rule)
}

func TestConditionCannotMakeMuchOfLittle(t *testing.T) {
	rs := oneRule(t, eachHost, nil, `any(1..9000, any(1..9000, # > 90000))`)
	require.Empty(t, rs.Assess(hostOf(ssh()), DefaultPolicy()).Traits)
	_, err := rs.Faults()
	require.ErrorContains(t, err, "memory budget exceeded")
}

// TestDetailsOfAnotherType is a service whose details are not what the registry says: a fault, no panic.
func TestDetailsOfAnotherType(t *testing.T) {
	rs := oneRule(t, eachService, []string{"cdp"}, `cdp.major == 0`)
	require.NotPanics(t, func() { rs.Assess(hostOf([]probe.Service{service(9222, liar{})}), DefaultPolicy()) })
	n, _ := rs.Faults()
	require.EqualValues(t, 1, n)
}

type liar struct{}

func (liar) Protocol() string    { return "cdp" }
func (liar) Names() []probe.Name { return nil }
func (liar) Summary() string     { return "" }

func TestWordsOfARuleForServicesAreThoseOfTheService(t *testing.T) {
	h := hostOf([]probe.Service{
		service(80, &probe.HTTP{Words: seenIn("page", "souls")}), service(8080, &probe.HTTP{Words: seenIn("page", "thoughts")})})
	require.Empty(t, oneRule(t, eachService, []string{"http"}, `words("souls", "thoughts") == 2`).Assess(h, DefaultPolicy()).Traits)
	require.Len(t, oneRule(t, eachHost, nil, `words("souls", "thoughts") == 2`).Assess(h, DefaultPolicy()).Traits, 1)
}

func TestManyGoroutines(t *testing.T) {
	rs, p := load(t), DefaultPolicy()
	h := hostOf(ssh(), mail(true, "first.test"), panel(), store())
	want := rs.Assess(h, p)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if got := rs.Assess(h, p); got.Score != want.Score || len(got.Traits) != len(want.Traits) {
					t.Error("another assessment of the same host")
				}
			}
		})
	}
	wg.Wait()
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"mx.mail.example.org": "example.org", "*.example.co.uk": "example.co.uk", "EXAMPLE.org.": "example.org", "mx.first.test": "first.test",
		"localhost": "", "host.localdomain": "", "nas.local": "", "co.uk": "", "192.0.2.1": "", "": "", ".": "", "2001:db8::1": "",
	} {
		require.Equal(t, want, registrable(name), name)
	}
	l := listing{domains: map[string]bool{"mlrtr.com": true}}
	for name, want := range map[string]bool{
		"mlrtr.com": true, "MLRTR.com.": true, "a.b.mlrtr.com": true, "*.mlrtr.com": true, "notmlrtr.com": false, "mlrtr.com.example.org": false, "com": false, "": false,
	} {
		require.Equal(t, want, l.domain(name), name)
	}
}

func TestEvidenceIsBoundedAndHasItsPort(t *testing.T) {
	rs, p := load(t), DefaultPolicy()
	a := rs.Assess(hostOf(proxies(50)), p)
	require.Equal(t, "meliorator/proxy-many", a.Traits[0].Rule)
	require.Len(t, a.Traits[0].Evidence, maxEvidence)
	require.Equal(t, Evidence{Port: 20000, Field: "proxy", Value: "SOCKS5 password"}, a.Traits[0].Evidence[0])

	h := hostOf(spoofedBrowser())
	h.Services[0].Details.(*probe.CDP).UserAgent = string(make([]byte, 5000))
	for _, e := range rs.Assess(h, p).Traits[0].Evidence {
		require.LessOrEqual(t, len(e.Value), maxEvidenceValue)
	}
}
