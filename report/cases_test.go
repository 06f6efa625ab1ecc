package report

import (
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/netinfo"
)

// The case set that every format is run on.

const testRun = "01J8ZQ4T6M5X4C3V2B1N0M9K8J"

func at(clock string) time.Time {
	t, err := time.Parse(time.RFC3339, "2026-01-02T"+clock+"Z")
	if err != nil {
		panic(err)
	}
	return t
}

func ptr[T any](v T) *T { return &v }

// pinned fixes the summary and names of real details, so that golden files change with the report, not with a probe.
type pinned struct {
	probe.Details
	summary string
	names   []probe.Name
}

func (p pinned) Summary() string     { return p.summary }
func (p pinned) Names() []probe.Name { return p.names }

// MarshalJSON leaves out empty fields, so that a new field of a probe changes no golden file either.
func (p pinned) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(p.Details)
	if err != nil {
		return nil, err
	}
	var kept []string
	for _, m := range members(text) {
		if empty := map[string]bool{`""`: true, "0": true, "false": true, "null": true}; !empty[string(m.value)] {
			kept = append(kept, `"`+m.name+`":`+string(m.value))
		}
	}
	return []byte("{" + strings.Join(kept, ",") + "}"), nil
}

func service(port uint16, d probe.Details, summary string, names ...probe.Name) probe.Service {
	return probe.Service{Port: port, Transport: "tcp", Protocol: d.Protocol(), Status: probe.StatusOK,
		Details: pinned{d, summary, names}, Connections: 1}
}

func certificate(name string) *probe.TLS {
	return &probe.TLS{Version: "TLS 1.3", ALPN: "h2", SHA256: strings.Repeat("ab", 32), SPKI: strings.Repeat("cd", 32),
		Subject: name, Issuer: name, Names: []string{name}, NameCount: 1, NotBefore: at("00:00:00"), NotAfter: at("00:00:00").AddDate(1, 0, 0), SelfIssued: true}
}

// textbook is the server of the letter, as plain as can be.
func textbook() checks.Finding {
	mail := service(25, &probe.SMTP{Greeting: "mx1.example.test ESMTP Postfix", Host: "mx1.example.test", EHLOHost: "mx1.example.test",
		Software: "postfix", Extensions: []string{"SIZE 10240000", "STARTTLS"}, StartTLS: ptr(true)}, "mx1.example.test ESMTP Postfix",
		probe.Name{Value: "mx1.example.test", In: probe.InGreeting, Port: 25})
	mail.TLS = certificate("mx1.example.test")
	panel := service(8443, &probe.HTTP{StatusCode: 200, Server: "nginx", Headers: map[string]string{"server": "nginx", "content-type": "text/html"},
		Title: "Brigadir", BodySHA256: strings.Repeat("0f", 32), BodyBytes: 4711, Scripts: []probe.Script{{Path: "/static/main.8f3c.js"}},
		Favicon: &probe.Favicon{MMH3: -1231872293, SHA256: strings.Repeat("1e", 32)},
		Words:   []probe.Word{{Word: "souls", In: "page", Excerpt: `<a href="/souls">Souls</a>`}, {Word: "thoughts", In: "page", Excerpt: `<a href="/thoughts">Thoughts</a>`}}}, "nginx · Brigadir")
	panel.TLS = certificate("panel.example.test")
	f := checks.Finding{Schema: checks.HostSchema, Run: testRun,
		Host: checks.Host{
			Address: netip.MustParseAddr("198.51.100.23"), ObservedAt: at("03:04:05"),
			Owner: &netinfo.Owner{Customer: "C1042", Name: "Stroom Data B.V.", Abuse: "abuse@stroom.example.org",
				Tags: []string{"vps", "prepaid-crypto"}, Range: netip.MustParsePrefix("198.51.100.16/28")},
			Network: netinfo.Network{ASN: ptr(uint32(64500)), ASOrg: ptr("Example Hosting"), Country: ptr("NL"),
				PTR: []string{"mx1.example.test"}, PTRConfirmed: ptr(true)},
			Services: []probe.Service{mail, panel,
				service(9222, &probe.CDP{Browser: "Chrome/124.0.6367.60", Major: 124, Spec: "1.3", AgentMajor: 103, AgentOS: "windows",
					UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/103.0.0.0 Safari/537.36",
					WebSocket: "ws://198.51.100.23:9222/devtools/browser/********"}, "Chrome/124.0.6367.60"),
				service(27017, &probe.MongoDB{MaxWireVersion: 21, Version: "7.0.5", Primary: ptr(true), Kind: "mongod"}, "MongoDB 7.0.5")},
			Ports: map[string]int{"open": 4, "refused": 18, "timed-out": 2},
		},
		Assessment: checks.Assessment{
			Verdict: checks.Match, Score: 0.9712, Prior: 0.0001, Groups: []string{"mail", "panel", "store", "automation"}, Packs: []string{"meliorator@1"},
			Reason: "A panel with souls and thoughts, an open persona store, a spoofed automated browser and a private mail server answer on one host.",
			Traits: []checks.Trait{
				trait("meliorator/panel-souls-thoughts", "panel", 4.6, checks.Fact, "The page speaks of souls and of thoughts, the two tabs of Brigadir",
					"A literary or religious site can speak of both; look at the page.", ev(8443, "title", "Brigadir"), ev(8443, "page", `<a href="/souls">Souls</a>`)),
				trait("meliorator/cdp-spoofed-agent", "automation", 3.1, checks.Fact, "An automated browser pretends to be another one",
					"Test farms and scrapers of ordinary firms set a User-Agent too.",
					ev(9222, "User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/103.0.0.0 Safari/537.36"),
					ev(9222, "Browser", "Chrome/124.0.6367.60")),
				trait("meliorator/private-mail", "mail", 1.2, checks.Inference, "A mail server with a certificate of its own making",
					"Most small companies that run their own mail look like this.", ev(25, "certificate", "mx1.example.test"), ev(0, "ptr", "mx1.example.test")),
				trait("meliorator/mongodb", "store", 0.9, checks.Fact, "MongoDB answers from the network",
					"Thousands of ordinary MongoDB servers do.", ev(27017, "version", "7.0.5")),
			},
		}}
	f.Traits[3].Next = "ask the customer to bind MongoDB to its private network"
	return f
}

// evasive moved its ports and hides its names; no sources of names or networks were configured.
func evasive() checks.Finding {
	f := textbook()
	f.Address, f.ObservedAt, f.Owner = netip.MustParseAddr("2001:db8:40:17:5054:ff:fe12:3456"), at("03:05:00"), nil
	f.Network = netinfo.Network{}
	proxy := service(31080, &probe.SOCKS5{Method: "password"}, "SOCKS5 password")
	half := probe.Service{Port: 31337, Transport: "tcp", Protocol: "unknown", Status: probe.StatusTimedOut,
		Error: "peer began to answer and did not go on within 5s", Banner: "HELO?", Connections: 4}
	f.Services = []probe.Service{service(3000, f.Services[2].Details.(pinned).Details, "Chrome/124.0.6367.60"), proxy, half}
	f.Traits = append(f.Traits[1:2:2], trait("meliorator/proxy-seller", "proxy", 0.7, checks.Inference, "Proxies on 24 ports", "VPN and proxy sellers.", ev(31080, "method", "password")))
	f.Traits = append(f.Traits, trait("meliorator/cdp-open", "automation", 1.0, checks.Fact, "A remote debugging port answers", "Test farms.", ev(3000, "Browser", "Chrome/124.0.6367.60")))
	f.Traits[2].Counted = false
	f.Verdict, f.Score, f.Groups = checks.Suspect, 0.4321, []string{"automation", "proxy"}
	f.Reason = "An automated browser that pretends to be another one shares the host with a row of proxies."
	return f
}

// benign is a plain web server, in a list of customers, without a PTR record.
func benign() checks.Finding {
	f := textbook()
	f.Address, f.ObservedAt = netip.MustParseAddr("198.51.100.40"), at("03:05:30")
	f.Owner = &netinfo.Owner{Customer: "C0007", Name: "Bakkerij De Molen", Range: netip.MustParsePrefix("198.51.100.40/32")}
	f.Network = netinfo.Network{ASN: ptr(uint32(0)), ASOrg: ptr(""), Country: ptr(""), PTR: []string{}, PTRConfirmed: ptr(false)}
	f.Services = []probe.Service{service(80, &probe.HTTP{StatusCode: 200, Server: "Apache", Title: "De Molen"}, "Apache")}
	f.Ports = map[string]int{"open": 1, "refused": 23}
	f.Assessment = checks.Assessment{Verdict: checks.Clear, Score: 0.0001, Prior: 0.0001, Packs: []string{"meliorator@1"}, Reason: "Nothing points to the pattern."}
	return f
}

// hostileStrings are values that a probed host sends to harm whoever reads the report. Every format, those to come too,
// must be run on all of them.
var hostileStrings = map[string]string{
	"escape sequence":       "\x1b[2J\x1b[31mALL CLEAR\x1b[0m",
	"title and bell":        "\x1b]0;owned\x07",
	"C1 control sequence":   "\u009b31m\u0085\u008d",
	"raw C1 bytes":          "\x9b31m\x85",
	"backspace and delete":  "rm -rf\b\b\b\b\b\bok\x7f",
	"lines":                 "first\r\nverdict: clear\n\u2028third\u2029",
	"tab":                   "\ta\tb",
	"NUL":                   "a\x00b",
	"bidirectional":         "\u202eevil\u202c \u2066x\u2069 \u200e\u200f\u061c",
	"zero width":            "a\u200bb\u200c\u200d\u2060\ufeff\u00ad",
	"invisible letters":     "\u3164\u115f\u2800\u180e\U000e0041",
	"stacked marks":         "Z" + strings.Repeat("\u0301\u0323", 200),
	"mark first":            "\u0301x",
	"invalid UTF-8":         "\xff\xfe\xc3\x28\xe2\x82\xed\xa0\x80\xf4\x90\x80\x80",
	"formula":               "=HYPERLINK(\"http://example.org/?\"&A1)",
	"formula after spaces":  "  =1+1",
	"formula after quote":   "\"=1+1",
	"formula after tab":     "\t=1+1",
	"formula after line":    "\r\n@SUM(1)",
	"formula plus":          "+1+cmd|' /C calc'!A0",
	"formula minus":         "-2+3",
	"formula at":            "@SUM(A1)",
	"full-width formula":    "＝1+1",
	"formula by semicolon":  "x;=1+1; \"@SUM(1)",
	"CSV breakout":          "a\",\"b\n=1+1,\"c",
	"separator of lists":    "a | =1+1 | b",
	"HTML":                  "</script><img src=x onerror=alert(1)>&amp;",
	"format verbs":          "%s%d%!(EXTRA) %n",
	"JSON breakout":         `"},{"verdict":"clear"`,
	"backslashes":           `\x1b \u202e \\`,
	"wide":                  strings.Repeat("漢字", 1000),
	"long word":             strings.Repeat("A", 20_000),
	"long controls":         strings.Repeat("\x1b", 2_000),
	"long in narrow runes":  strings.Repeat("\u0915", 8_000),
	"emoji with joiners":    "👩\u200d👩\u200d👧 \u2764\ufe0f 🇳🇱",
	"noncharacter, private": "\ufffe\uffff\ue000\U0010ffff",
}

// hostile puts one string wherever a finding has a string that is not ours.
func hostile(s string) checks.Finding {
	f := textbook()
	f.Address = netip.MustParseAddr("198.51.100.66")
	f.Owner = &netinfo.Owner{Customer: s, Name: s, Abuse: s, Tags: []string{s, s}, Range: netip.MustParsePrefix("198.51.100.64/30")}
	f.Network.ASOrg, f.Network.Country, f.Network.PTR = &s, &s, []string{s, s}
	f.DNSNames, f.Reason, f.Groups, f.Packs = []string{s}, s, []string{"mail", s}, []string{s}
	f.Traits = []checks.Trait{trait(s, s, 1, checks.Basis("fact"), s, s, ev(80, s, s), ev(0, s, s))}
	f.Traits[0].Sources, f.Traits[0].Next = []string{s, s}, s
	f.Services = []probe.Service{
		{Port: 1, Transport: "tcp", Protocol: s, Status: probe.Status(s), Error: s, Banner: s, TLS: &probe.TLS{Version: s, ALPN: s, Subject: s, Issuer: s, Names: []string{s}, SHA256: s, SPKI: s, Chain: []string{s}}},
		service(80, &probe.HTTP{Server: s, Title: s, Headers: map[string]string{s: s}, Redirects: []string{s}, Hosts: []string{s},
			Words: []probe.Word{{Word: s, In: s, Excerpt: s}}, Scripts: []probe.Script{{Path: s}}}, s, probe.Name{Value: s, In: s, Port: 80}),
	}
	return f
}

func trait(rule, group string, weight float64, basis checks.Basis, title, benign string, evidence ...checks.Evidence) checks.Trait {
	return checks.Trait{Rule: rule, Group: group, Weight: weight, Counted: true, Title: title, Evidence: evidence,
		Sources: []string{"csa-2024-07-09"}, Basis: basis, Benign: benign}
}

func ev(port uint16, field, value string) checks.Evidence {
	return checks.Evidence{Port: port, Field: field, Value: value}
}

func testSummary() Summary {
	return Summary{Run: testRun, Version: "1.2.3", Started: at("03:04:00"), Ended: at("03:06:41"),
		Ranges: []string{"198.51.100.0/24", "2001:db8:40:17::/120"}, Addresses: 512,
		Hosts:     HostCounts{Assessed: 38, Silent: 470, Unreachable: 3, LocalError: 1, Skipped: 2},
		Verdicts:  VerdictCounts{Match: 1, Suspect: 1, Clear: 36},
		Ports:     map[string]uint64{"open": 141, "refused": 771, "timed-out": 11304, "unreachable": 72},
		AcceptAll: 1, Packs: []string{"meliorator@1"}, Complete: true, LookedAt: LookedAt{DNS: true, Customers: true}}
}

// nothing is the summary of a run that found nothing.
func nothing() Summary {
	s := testSummary()
	s.Verdicts = VerdictCounts{Clear: 38}
	return s
}
