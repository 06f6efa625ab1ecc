package indicators

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// mispAttributeJSON is what is read of an attribute.
type mispAttributeJSON struct {
	UUID      string          `json:"uuid"`
	Type      string          `json:"type"`
	Value     string          `json:"value"`
	ToIDS     *flag           `json:"to_ids"`
	Deleted   *flag           `json:"deleted"`
	FirstSeen string          `json:"first_seen"`
	LastSeen  string          `json:"last_seen"`
	Timestamp json.RawMessage `json:"timestamp"`
	Tags      []mispTag       `json:"Tag"`
}

type mispTag struct {
	Name string `json:"name"`
}

// flag is a truth that MISP writes as true, 1 or "1".
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	switch s := strings.Trim(string(b), `"`); s {
	case "true", "1":
		*f = true
	case "false", "0", "null", "":
		*f = false
	default:
		return &json.UnmarshalTypeError{Value: s, Type: nil}
	}
	return nil
}

// mispKinds are the types of attributes whose value, or a part of it, can be looked for.
var mispKinds = map[string]Kind{
	"ip-src": Address, "ip-dst": Address, "ip-src|port": Address, "ip-dst|port": Address,
	"domain": Domain, "hostname": Domain, "hostname|port": Domain, "x509-fingerprint-sha256": Certificate,
}

// mispAttribute takes one attribute, whole or not at all.
func (j *jsonReader) mispAttribute(raw json.RawMessage, line int) {
	var a mispAttributeJSON
	if err := json.Unmarshal(raw, &a); err != nil {
		j.list.skip(line, a.UUID, a.Value, "not an attribute as MISP writes it")
		return
	}
	refuse := func(reason string) { j.list.skip(line, a.UUID, a.Value, reason) }
	switch {
	case a.Deleted != nil && bool(*a.Deleted):
		refuse("its publisher deleted it")
		return
	case a.ToIDS != nil && !bool(*a.ToIDS) && !j.opts.Context:
		refuse("its publisher says that it is not for detection (to_ids is false)")
		return
	}
	terms, reason := mispTerms(a.Type, a.Value)
	if reason != "" {
		refuse(reason)
		return
	}
	base := Indicator{Line: int32(line)}
	var err error
	if base.FirstSeen, err = parseTime(a.FirstSeen); err != nil {
		refuse("first_seen: " + err.Error())
		return
	}
	if base.LastSeen, err = parseTime(a.LastSeen); err != nil {
		refuse("last_seen: " + err.Error())
		return
	}
	if base.FirstSeen == 0 {
		base.FirstSeen = unixTime(a.Timestamp)
	}
	for i := range terms {
		if terms[i].value, err = normalise(terms[i].kind, terms[i].value); err != nil {
			refuse(err.Error())
			return
		}
	}
	base.TLP = labelOf(a.Tags)
	for _, t := range terms {
		base.Kind, base.Value = t.kind, t.value
		at, _ := j.list.add(base)
		j.touched = append(j.touched, int32(at))
	}
}

// mispTerms are the values of an attribute, or the reason why it has none that can be used.
func mispTerms(kind, value string) (terms []term, reason string) {
	if kind == "domain|ip" {
		name, address, ok := strings.Cut(value, "|")
		if !ok {
			return nil, "a domain and an address with | between them are expected"
		}
		return []term{{Domain, name}, {Address, address}}, ""
	}
	known, ok := mispKinds[kind]
	switch {
	case ok && strings.HasSuffix(kind, "|port"):
		value, _, _ = strings.Cut(value, "|") // the port of then says little about today's
		fallthrough
	case ok:
		return []term{{known, value}}, ""
	case kind == "url" || kind == "uri" || kind == "link":
		return nil, "a URL names one page, and its host may have others"
	case strings.HasPrefix(kind, "x509-fingerprint"):
		return nil, "netschouw knows certificates by their SHA-256, not by SHA-1 or MD5"
	}
	return nil, "attributes of type " + strconv.QuoteToASCII(clip(kind, 40)) + " are none that netschouw looks for"
}

// labelOf is the narrowest TLP label among tags.
func labelOf(tags []mispTag) (label TLP) {
	for _, t := range tags {
		if l, ok := parseTLP(t.Name); ok && strings.HasPrefix(strings.ToLower(t.Name), "tlp:") {
			label = max(label, l)
		}
	}
	return label
}

// unixTime reads MISP's timestamp, a number of seconds, in quotes or not; 0 for what is none.
func unixTime(raw json.RawMessage) Time {
	n, err := strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64)
	if err != nil || n <= 0 || n > time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC).Unix() {
		return 0
	}
	return Time(n)
}

// mispEvent is what an event says of all its attributes, before or after them.
type mispEvent struct {
	source string
	title  string
	tlp    TLP
}

// take reads one of the event's own keys; what is of the wrong kind says nothing.
func (e *mispEvent) take(key string, raw json.RawMessage) {
	switch key {
	case "info":
		_ = json.Unmarshal(raw, &e.title)
	case "Orgc":
		var org struct {
			Name string `json:"name"`
		}
		_ = json.Unmarshal(raw, &org)
		e.source = org.Name
	case "Tag":
		var tags []mispTag
		_ = json.Unmarshal(raw, &tags)
		e.tlp = labelOf(tags)
	}
}

// label tells the event's indicators who published them and how far they may be told. An attribute's own label stands,
// unless the event's is narrower.
func (e *mispEvent) label(indicators []Indicator, own []int32) {
	source := text(e.source)
	if title := text(e.title); title != "" {
		if source != "" {
			source += ": "
		}
		source += title
	}
	for _, i := range own {
		indicators[i].TLP = max(indicators[i].TLP, e.tlp)
		indicators[i].Source = cmp.Or(indicators[i].Source, source)
	}
}
