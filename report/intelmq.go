package report

import (
	"io"
	"strings"

	"github.com/netschouw/netschouw/checks"
)

// intelMQTime is how IntelMQ writes times.
const intelMQTime = "2006-01-02T15:04:05+00:00"

// intelmq writes events for IntelMQ, one JSON object with flat keys an event and line, as its JSON parser takes them. A
// match is one event, each open service one, and a suspect without one is an undetermined event.
type intelmq struct {
	w    io.Writer
	opts Options
}

func newIntelMQ(w io.Writer, opts Options) Writer { return &intelmq{w, opts} }

// intelEvent has the keys of IntelMQ's data format (harmonization.conf), in its order.
type intelEvent struct {
	Identifier  string   `json:"classification.identifier"`
	Taxonomy    string   `json:"classification.taxonomy"`
	Type        string   `json:"classification.type"`
	Description string   `json:"event_description.text"`
	FeedName    string   `json:"feed.name"`
	Provider    string   `json:"feed.provider,omitempty"`
	Accuracy    *float64 `json:"feed.accuracy,omitempty"`
	Application string   `json:"protocol.application,omitempty"`
	Transport   string   `json:"protocol.transport,omitempty"`
	Abuse       string   `json:"source.abuse_contact,omitempty"`
	ASName      string   `json:"source.as_name,omitempty"`
	ASN         uint32   `json:"source.asn,omitempty"`
	FQDN        string   `json:"source.fqdn,omitempty"`
	Country     string   `json:"source.geolocation.cc,omitempty"`
	IP          string   `json:"source.ip"`
	Port        uint16   `json:"source.port,omitempty"`
	ReverseDNS  string   `json:"source.reverse_dns,omitempty"`
	Observation string   `json:"time.observation"`
	Source      string   `json:"time.source"`

	Verdict  string  `json:"extra.verdict"`
	Score    float64 `json:"extra.score"`
	Groups   string  `json:"extra.groups,omitempty"`
	Rules    string  `json:"extra.rules,omitempty"`
	Evidence string  `json:"extra.evidence,omitempty"`
	Innocent string  `json:"extra.innocent,omitempty"`
	Version  string  `json:"extra.version,omitempty"`
	Customer string  `json:"extra.customer,omitempty"`
	Range    string  `json:"extra.owned_range,omitempty"`
	Packs    string  `json:"extra.packs,omitempty"`
	Run      string  `json:"extra.run,omitempty"`
	ID       string  `json:"extra.id"`
}

// Finding implements Writer.
func (q *intelmq) Finding(f checks.Finding) error {
	if wanted, err := q.opts.exported(&f); !wanted {
		return err
	}
	var lines []byte
	for _, event := range q.events(&f) {
		line, err := encode(event)
		if err != nil {
			return err
		}
		lines = append(append(lines, line...), '\n')
	}
	_, err := q.w.Write(lines)
	return err
}

// Close implements Writer. The lines are events only.
func (q *intelmq) Close(Summary) error { return nil }

func (q *intelmq) events(f *checks.Finding) []intelEvent {
	var events []intelEvent
	open := exposures(f)
	if f.Verdict == checks.Match || len(open) == 0 {
		events = append(events, q.host(f))
	}
	for _, e := range open {
		event := q.event(f, "open-"+e.name)
		event.Taxonomy, event.Type = "vulnerable", "potentially-unwanted-accessible"
		event.Description = words(e.description(), 1000)
		event.Application, event.Transport, event.Port = e.service.Protocol, "tcp", e.service.Port
		event.Version = words(e.version, 80)
		events = append(events, event)
	}
	return events
}

// host is the event on a host as a whole. A suspect is told as undetermined: a type that accuses would say more than
// was seen.
func (q *intelmq) host(f *checks.Finding) intelEvent {
	event := q.event(f, "netschouw-"+string(f.Verdict))
	event.Taxonomy, event.Type = "other", "undetermined"
	if f.Verdict == checks.Match {
		event.Taxonomy, event.Type = "fraud", "unauthorized-use-of-resources"
		accuracy := float64(percent(f.Score))
		event.Accuracy = &accuracy
	}
	event.Description = words(summary(f), 1000)
	event.Evidence = words(strings.Join(seen(f), "; "), 4000)
	event.Innocent = words(strings.Join(innocent(f), "; "), 4000)
	return event
}

// event is what all events on a host have in common.
func (q *intelmq) event(f *checks.Finding, identifier string) intelEvent {
	when := f.ObservedAt.UTC().Format(intelMQTime)
	event := intelEvent{
		Identifier: identifier, FeedName: "netschouw", Provider: words(q.opts.Reporter.Org, 200),
		IP: f.Address.String(), Country: country(f), Observation: when, Source: when,
		Verdict: string(f.Verdict), Score: rounded(f.Score), Groups: commas(f.Groups), Packs: commas(f.Packs), Run: words(f.Run, 40),
		Rules: commas(each(outward(f), func(t checks.Trait) string { return t.Rule })),
		ID:    id("intelmq", f.Address.String(), when, identifier).String(),
	}
	if f.Network.ASN != nil {
		event.ASN = *f.Network.ASN
	}
	if f.Network.ASOrg != nil {
		event.ASName = words(*f.Network.ASOrg, 200)
	}
	if ptr := distinct(each(f.Network.PTR, hostName)); len(ptr) > 0 {
		event.ReverseDNS = ptr[0]
	}
	if led := distinct(each(f.DNSNames, hostName)); len(led) > 0 {
		event.FQDN = led[0]
	}
	if f.Owner != nil {
		event.Customer, event.Range = words(f.Owner.Customer, 200), f.Owner.Range.String()
		if isMail(f.Owner.Abuse) {
			event.Abuse = strings.ToLower(f.Owner.Abuse)
		}
	}
	return event
}

// commas joins a few short values, cleaned.
func commas(values []string) string {
	return words(strings.Join(each(values, func(v string) string { return words(v, 120) }), ", "), 2000)
}
