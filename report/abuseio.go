package report

import (
	"io"

	"github.com/netschouw/netschouw/checks"
)

// Classes and types of AbuseIO (its language files name all classes).
const (
	abuseDefault = "DEFAULT"      // a message of no particular class
	abuseBreaker = "RULE_BREAKER" // a customer who breaks the provider's rules
	abuseInfo    = "INFO"
	abuseHighest = "ESCALATION"
)

// abuseio writes a JSON array of incidents, each as AbuseIO's API takes it. A match is one escalation and nothing else:
// an INFO of it could go to the customer by mail, before anybody has looked. A suspect is an INFO for each open service:
// without one it gives no incident, since AbuseIO shows incidents to customers, and a suspicion is not for them.
type abuseio struct {
	array
	opts Options
}

func newAbuseIO(w io.Writer, opts Options) Writer { return &abuseio{array{w: w}, opts} }

type abuseIncident struct {
	Source      string `json:"source"`
	ID          string `json:"source_id"`
	IP          string `json:"ip"`
	Domain      string `json:"domain,omitempty"`
	Timestamp   int64  `json:"timestamp"` // seconds since 1970, UTC
	Class       string `json:"class"`
	Type        string `json:"type"`
	Information string `json:"information"` // JSON
}

// abuseInformation is what AbuseIO shows of an incident, key by key.
type abuseInformation struct {
	Verdict     string   `json:"verdict,omitempty"`
	Score       *float64 `json:"score,omitempty"`
	Description string   `json:"description"`
	Port        uint16   `json:"port,omitempty"`
	Protocol    string   `json:"protocol,omitempty"`
	Service     string   `json:"service,omitempty"`
	Version     string   `json:"version,omitempty"`
	Evidence    []string `json:"evidence,omitempty"`
	Innocent    []string `json:"innocent_explanations,omitempty"`
	ObservedAt  string   `json:"observed_at"`
	Run         string   `json:"run,omitempty"`
}

// Finding implements Writer.
func (a *abuseio) Finding(f checks.Finding) error {
	if wanted, err := a.opts.exported(&f); !wanted {
		return err
	}
	if f.Verdict == checks.Match {
		return a.host(&f)
	}
	for _, e := range exposures(&f) {
		info := abuseInformation{Description: words(e.description(), 1000), Port: e.service.Port, Protocol: "tcp",
			Service: e.name, Version: words(e.version, 80)}
		if err := a.incident(&f, e.class, abuseInfo, e.name+" "+number(e.service.Port), info); err != nil {
			return err
		}
	}
	return nil
}

// host writes the incident on a match as a whole.
func (a *abuseio) host(f *checks.Finding) error {
	score := rounded(f.Score)
	return a.incident(f, abuseBreaker, abuseHighest, string(f.Verdict), abuseInformation{
		Verdict: string(f.Verdict), Score: &score, Description: words(summary(f), 1000),
		Evidence: first(seen(f), 50), Innocent: first(innocent(f), 50)})
}

// incident writes one incident. what tells a host's incidents apart.
func (a *abuseio) incident(f *checks.Finding, class, kind, what string, info abuseInformation) error {
	info.ObservedAt, info.Run = instant(f.ObservedAt), words(f.Run, 40)
	text, err := encode(info)
	if err != nil {
		return err
	}
	incident := abuseIncident{Source: "netschouw", IP: f.Address.String(), Timestamp: f.ObservedAt.Unix(),
		ID: id("abuseio", f.Address.String(), info.ObservedAt, what).String(), Class: class, Type: kind, Information: string(text)}
	if led := distinct(each(f.DNSNames, hostName)); len(led) > 0 {
		incident.Domain = led[0]
	}
	return a.add(incident)
}

// Close implements Writer.
func (a *abuseio) Close(Summary) error { return a.end("[", "]\n") }

// first is at most so many values.
func first(values []string, most int) []string { return values[:min(len(values), most)] }
