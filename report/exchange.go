package report

import (
	"cmp"
	"encoding/json"
	"net/mail"
	"net/netip"
	"slices"
	"strings"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
)

// What the formats for other systems have in common: who reports, which findings leave the house, and what may be said
// of them. Nothing is claimed there that was not seen; docs/exchange.md tells how each verdict is classified.

// contextGroup holds circumstances of the customer, such as the provider's own tags. They are told to nobody outside.
const contextGroup = "context"

// exported says whether a finding leaves the house: clear hosts never do, whatever the options say.
func (o Options) exported(f *checks.Finding) (bool, error) {
	o.All = false
	return o.wanted(f)
}

// exposure is a service that answers everybody, as it was seen.
type exposure struct {
	exposedKind
	service *probe.Service
	version string // that the service told; "" when it did not
}

// exposedKind is what can be exposed, in the words of those who are told.
type exposedKind struct {
	name     string // for XARF's "service", IntelMQ's identifier ("open-" before it) and Shadowserver's "tag"
	class    string // AbuseIO's; abuseDefault where it has none of its own
	severity string // Shadowserver's, of the report it has on such services, or ours where it has none
	said     string // what was seen and what was not tried, after "Port 27017: "
}

// Kinds by protocol, in the words that a handshake allows. An HTTP proxy is none: whether one serves everybody is
// known only to who uses it, which netschouw does not. Nor are mail servers, which are there to be reached.
var exposedKinds = map[string]exposedKind{
	"mongodb":    {"mongodb", "OPEN_MONGODB_SERVER", "high", "MongoDB answers from the network; whether its data needs a log-in was not tried"},
	"redis":      {"redis", "OPEN_REDIS_SERVER", "high", "Redis answers a PING from the network without a log-in"},
	"socks5":     {"socks5", "OPEN_SOCKS_PROXY", "medium", "a SOCKS5 proxy offers its service without a log-in; whether it connects onward was not tried"},
	"cdp":        {"chrome-devtools", abuseDefault, "high", "Chrome's remote debugging interface answers from the network; it has no log-in of its own"},
	"webdriver":  {"webdriver", abuseDefault, "high", "a WebDriver server or Selenium grid answers from the network without a log-in; no session was opened"},
	"docker":     {"docker", abuseDefault, "critical", "the Docker API answers from the network without a log-in; nothing but its version was asked"},
	"kubernetes": {"kubernetes", abuseDefault, "high", "the Kubernetes API shows its version to everybody; nothing else was asked"},
}

// facts are the few fields of a handshake that the formats for other systems need, under their names in
// netschouw.host/v1.
type facts struct {
	Access  string `json:"access"`
	Method  string `json:"method"`
	Version string `json:"version"`
	Favicon *struct {
		MMH3 int32 `json:"mmh3"`
	} `json:"favicon"`
}

// factsOf reads the facts of a service; it has none without details.
func factsOf(s *probe.Service) (f facts, ok bool) {
	if s.Details == nil {
		return f, false
	}
	text, err := json.Marshal(s.Details)
	if err != nil {
		return f, false
	}
	var seen facts
	if json.Unmarshal(text, &seen) != nil {
		return f, false
	}
	return seen, true
}

// favicon is the hash of a page's icon; nil when there is none or it was not looked at.
func favicon(s *probe.Service) *int32 {
	if f, ok := factsOf(s); ok && s.Protocol == "http" && f.Favicon != nil {
		return &f.Favicon.MMH3
	}
	return nil
}

// exposures lists the services of a host that answer everybody, by port.
func exposures(f *checks.Finding) []exposure {
	var list []exposure
	for i := range f.Services {
		s := &f.Services[i]
		kind, ok := exposedKinds[s.Protocol]
		if !ok {
			continue
		}
		var seen facts
		if seen, ok = factsOf(s); !ok {
			continue
		}
		switch s.Protocol {
		case "redis", "kubernetes":
			ok = seen.Access == "open"
		case "socks5":
			ok = seen.Method == "none"
		}
		if ok {
			list = append(list, exposure{kind, s, seen.Version})
		}
	}
	slices.SortStableFunc(list, func(a, b exposure) int { return cmp.Compare(a.service.Port, b.service.Port) })
	return list
}

// description is a sentence on one exposed service.
func (e exposure) description() string {
	text := "Port " + number(e.service.Port) + ": " + e.said + "."
	if e.version != "" {
		text += " Version told: " + words(e.version, 80) + "."
	}
	return text
}

// outward are the traits of which others may be told: all but those on the customer.
func outward(f *checks.Finding) []checks.Trait {
	var list []checks.Trait
	for _, t := range f.Traits {
		if t.Group != contextGroup {
			list = append(list, t)
		}
	}
	return list
}

// summary is a finding in a few words, made of its rules' titles, without a word on the customer.
func summary(f *checks.Finding) string {
	rules := "the rules"
	if len(f.Packs) > 0 {
		rules = "the rules of " + commas(f.Packs)
	}
	text := "This host fits the pattern of " + rules + " (match, score " + decimal(f.Score) + ")"
	if f.Verdict == checks.Suspect {
		text = "This host has traits that " + rules + " describe: worth a person's look, no proof (score " + decimal(f.Score) + ")"
	}
	if titles := each(outward(f), func(t checks.Trait) string { return words(t.Title, 200) }); len(titles) > 0 {
		text += ": " + strings.Join(distinct(titles), "; ")
	}
	if f.AcceptsAll {
		text += ". It accepts connections on every port, as SYN proxies, tarpits and honeypots do"
	}
	return text + "."
}

// innocent are the innocent explanations of the traits that others are told of.
func innocent(f *checks.Finding) []string {
	return distinct(each(outward(f), func(t checks.Trait) string { return words(strings.TrimSuffix(t.Benign, "."), 500) }))
}

// seen lists the evidence of the traits that others are told of: "port 8443, title: Brigadir".
func seen(f *checks.Finding) []string {
	var list []string
	for _, t := range outward(f) {
		for _, e := range t.Evidence {
			where := ""
			if e.Port != 0 {
				where = "port " + number(e.Port) + ", "
			}
			list = append(list, where+words(e.Field, 60)+": "+words(e.Value, 200))
		}
	}
	return distinct(list)
}

// shared says whether an address is likely to serve others than the one who is suspected, so that it must not be put on
// a block list: every port of it is open, many names lead to it or stand in one of its certificates, or the provider's
// own tags say so.
func shared(f *checks.Finding) bool {
	const many = 8
	if f.AcceptsAll || len(f.DNSNames) > many || len(f.Network.PTR) > many {
		return true
	}
	for _, s := range f.Services {
		if s.TLS != nil && max(s.TLS.NameCount, len(s.TLS.Names)) > many {
			return true
		}
	}
	return f.Owner != nil && slices.ContainsFunc(f.Owner.Tags, func(tag string) bool {
		return strings.Contains(strings.ToLower(tag), "shared")
	})
}

// Reporter says who reports. Formats that tell others need all three.
type Reporter struct {
	Org     string // the organisation's name
	Contact string // mail address for answers
	Domain  string // the organisation's domain name
}

// validate says what is missing or wrong, by configuration key.
func (r Reporter) validate(format string) error {
	switch {
	case strings.TrimSpace(r.Org) == "":
		return r.fault(format, "report.reporter.org", "the name of your organisation", r.Org)
	case words(r.Org, 200) != r.Org:
		return r.fault(format, "report.reporter.org", "a name of at most 200 visible characters", r.Org)
	case !isMail(r.Contact):
		return r.fault(format, "report.reporter.contact", "a mail address for answers", r.Contact)
	case hostName(r.Domain) != r.Domain || r.Domain == "":
		return r.fault(format, "report.reporter.domain", "your organisation's domain name, in lower case", r.Domain)
	}
	return nil
}

func (r Reporter) fault(format, key, want, got string) error {
	if got == "" {
		return fault("format %s says who reports, and %s is not set: give %s", format, key, want)
	}
	return fault("format %s says who reports, and %s is %s: give %s", format, key, quote(got, 60), want)
}

// isMail says whether a value is a bare mail address (RFC 5322 addr-spec) of printable ASCII.
func isMail(s string) bool {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 {
		return false
	}
	_, domain, _ := strings.Cut(s, "@")
	return printable(s) && hostName(strings.ToLower(domain)) != ""
}

// hostName returns a value in lower case and without its final dot when it is a host name (RFC 1123 section 2.1, with
// the underscore that DNS allows), else "". A name needs a dot and a last label that is no number.
func hostName(s string) string {
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	labels := strings.Split(s, ".")
	if len(s) > 253 || len(labels) < 2 {
		return ""
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return ""
		}
	}
	last := labels[len(labels)-1]
	if strings.Trim(last, "0123456789") == "" || strings.Contains(last, "_") {
		return ""
	}
	return s
}

// names are the host names that led to the address or that its PTR records give; what is no host name is left out.
func names(f *checks.Finding) []string {
	all := append(each(f.Network.PTR, hostName), each(f.DNSNames, hostName)...)
	return distinct(all)
}

// sha256Hex returns a value when it is a SHA-256 in lower-case hexadecimal, else "".
func sha256Hex(s string) string {
	if len(s) != 64 || strings.Trim(s, "0123456789abcdef") != "" {
		return ""
	}
	return s
}

// country is the ISO 3166-1 alpha-2 code of a host; "" when it was not looked at or is none.
func country(f *checks.Finding) string {
	if f.Network.Country == nil || len(*f.Network.Country) != 2 {
		return ""
	}
	code := strings.ToUpper(*f.Network.Country)
	if strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return ""
	}
	return code
}

// family is the STIX and network name of an address's protocol.
func family(a netip.Addr) string {
	if a.Unmap().Is4() {
		return "ipv4"
	}
	return "ipv6"
}
