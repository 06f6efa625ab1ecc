package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/netschouw/netschouw/checks"
)

// Values of MISP's core format that netschouw always writes: the event is for the own organisation only, unpublished, not
// yet analysed and of undefined threat level. Who reads it decides what becomes of it.
const (
	mispOwnOrganisation = "0"
	mispInitial         = "0"
	mispUndefined       = "4"
	mispInherit         = "5" // an attribute is distributed as its event is
	mispNetwork         = "Network activity"
	mispMaxInfo         = 255 // characters of an event's title
)

// misp writes one MISP event a run, in the form that POST /events/add takes. The attributes come first, as hosts are
// found; the event's own keys follow.
type misp struct {
	array
	opts   Options
	event  string          // what the event's ids are made from: the run, else the first host
	date   string          // of the first host
	counts VerdictCounts   // of what is written
	known  map[string]bool // attributes that are there: MISP refuses a second of the same type and value
}

func newMISP(w io.Writer, opts Options) Writer {
	return &misp{array: array{w: w, head: "{\"Event\":{\"Attribute\":["}, opts: opts, known: map[string]bool{}}
}

type mispAttribute struct {
	UUID         string `json:"uuid"`
	Type         string `json:"type"`
	Category     string `json:"category"`
	Value        string `json:"value"`
	ToIDS        bool   `json:"to_ids"`
	Comment      string `json:"comment"`
	Distribution string `json:"distribution"`
	FirstSeen    string `json:"first_seen"`
	LastSeen     string `json:"last_seen"`
}

type mispEvent struct {
	UUID         string `json:"uuid"`
	Info         string `json:"info"`
	Date         string `json:"date"`
	Distribution string `json:"distribution"`
	Analysis     string `json:"analysis"`
	Threat       string `json:"threat_level_id"`
	Published    bool   `json:"published"`
}

// Finding implements Writer.
func (m *misp) Finding(f checks.Finding) error {
	if wanted, err := m.opts.exported(&f); !wanted {
		return err
	}
	if m.date == "" {
		m.date = f.ObservedAt.UTC().Format("2006-01-02")
		if m.event = f.Run; m.event == "" {
			m.event = f.Address.String() + " " + instant(f.ObservedAt)
		}
	}
	if f.Verdict == checks.Match {
		m.counts.Match++
	} else {
		m.counts.Suspect++
	}
	for _, a := range m.attributes(&f) {
		key := a.Type + "\x00" + a.Value
		if m.known[key] {
			continue
		}
		m.known[key] = true
		a.UUID = uuid4("misp", m.event, a.Type, a.Value).String()
		if err := m.add(a); err != nil {
			return err
		}
	}
	return nil
}

// Close implements Writer.
func (m *misp) Close(s Summary) error {
	if m.event == "" {
		m.event, m.date = s.Run, s.Started.UTC().Format("2006-01-02")
	}
	event, err := encode(mispEvent{
		UUID: uuid4("misp", m.event).String(), Date: m.date,
		Info:         words(fmt.Sprintf("netschouw: %d match and %d suspect in our own ranges, run %s", m.counts.Match, m.counts.Suspect, m.event), mispMaxInfo),
		Distribution: mispOwnOrganisation, Analysis: mispInitial, Threat: mispUndefined,
	})
	if err != nil {
		return err
	}
	return m.end(m.head, "],\n"+strings.TrimPrefix(string(event), "{")+"}\n")
}

// attributes are those of one host. Only the address of a match can be for detection (to_ids), and only when it serves
// nobody else: names and certificates are those of a customer, and many are shared by images and appliances.
func (m *misp) attributes(f *checks.Finding) []mispAttribute {
	when := f.ObservedAt.UTC().Format("2006-01-02T15:04:05.000000+00:00")
	attribute := func(kind, value, comment string) mispAttribute {
		return mispAttribute{Type: kind, Category: mispNetwork, Value: value, Comment: comment, Distribution: mispInherit, FirstSeen: when, LastSeen: when}
	}
	address, detect := f.Address.String(), f.Verdict == checks.Match && !shared(f)
	host := attribute("ip-dst", address, words(summary(f), 2000))
	host.ToIDS = detect
	list := []mispAttribute{host}
	for _, e := range exposures(f) {
		port := attribute("ip-dst|port", address+"|"+number(e.service.Port), words(e.description(), 1000))
		port.ToIDS = detect
		list = append(list, port)
	}
	for _, n := range first(names(f), 32) {
		list = append(list, attribute("hostname", n, "a name of "+address))
	}
	for _, s := range f.Services {
		if s.TLS != nil && sha256Hex(s.TLS.SHA256) != "" {
			list = append(list, attribute("x509-fingerprint-sha256", s.TLS.SHA256, "certificate on port "+number(s.Port)+" of "+address))
		}
		if icon := favicon(&s); icon != nil {
			list = append(list, attribute("favicon-mmh3", strconv.Itoa(int(*icon)), "favicon on port "+number(s.Port)+" of "+address))
		}
	}
	for i, text := range first(innocent(f), 20) {
		note := attribute("comment", fmt.Sprintf("%s, innocent explanation %d: %s", address, i+1, text), "")
		note.Category = "Other"
		list = append(list, note)
	}
	return list
}
