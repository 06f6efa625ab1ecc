package indicators

import (
	"encoding/json"
	"slices"
	"strings"
)

// stixReader collects what indicators refer to, which may stand after them.
type stixReader struct {
	list    *List
	names   map[string]string // identities by id
	labels  map[string]TLP    // marking definitions by id
	by      []string          // who published indicator i of the list, an identity's id
	marks   [][]string        // the markings of indicator i
	refs    map[string]string // one copy of each id
	markSet map[string][]string
}

// tlpMarkings are the marking definitions that STIX 2.1 (section 7.2.1.4) and its extension for TLP 2.0 give to all.
var tlpMarkings = map[string]TLP{
	"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": Clear,
	"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": Green,
	"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": Amber,
	"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": Red,
	"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": Clear,
	"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": Green,
	"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": Amber,
	"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": AmberStrict,
	"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": Red,
}

// stixObject is what is read of an object of a bundle.
type stixObject struct {
	Type        string   `json:"type"`
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	By          string   `json:"created_by_ref"`
	Markings    []string `json:"object_marking_refs"`
	Revoked     bool     `json:"revoked"`
	Pattern     string   `json:"pattern"`
	PatternType string   `json:"pattern_type"`
	ValidFrom   string   `json:"valid_from"`
	ValidUntil  string   `json:"valid_until"`
	Confidence  *int     `json:"confidence"`
	Definition  struct {
		TLP string `json:"tlp"`
	} `json:"definition"`
}

// stixObject takes one object of a bundle.
func (j *jsonReader) stixObject(raw json.RawMessage, line int) {
	if j.stix == nil {
		j.stix = &stixReader{list: j.list, names: map[string]string{}, labels: map[string]TLP{}, refs: map[string]string{}, markSet: map[string][]string{}}
	}
	var o stixObject
	if err := json.Unmarshal(raw, &o); err != nil {
		if kindOf(raw) == "indicator" {
			j.list.skip(line, o.ID, "", "not an indicator as STIX 2.1 describes it: "+err.Error())
		}
		return
	}
	switch o.Type {
	case "identity":
		j.stix.names[o.ID] = text(o.Name)
	case "marking-definition":
		if label, ok := parseTLP(o.Definition.TLP); ok {
			j.stix.labels[o.ID] = label
		} else if label, ok := parseTLP(o.Name); ok {
			j.stix.labels[o.ID] = label
		}
	case "indicator":
		j.stix.indicator(&o, line)
	}
}

// kindOf is the type of an object whose other properties may be of the wrong kind.
func kindOf(raw json.RawMessage) string {
	var head struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal(raw, &head)
	return head.Type
}

// indicator takes an indicator with every value of its pattern, or none of it.
func (s *stixReader) indicator(o *stixObject, line int) {
	refuse := func(reason string) { s.list.skip(line, o.ID, o.Pattern, reason) }
	switch {
	case o.Revoked:
		refuse("its publisher revoked it")
		return
	case o.PatternType != "" && o.PatternType != "stix":
		refuse("the pattern is of type " + clip(strings.ToValidUTF8(o.PatternType, ""), 40) + ", not stix")
		return
	}
	base := Indicator{Line: int32(line)}
	var err error
	if base.FirstSeen, err = parseTime(o.ValidFrom); err != nil {
		refuse("valid_from: " + err.Error())
		return
	}
	if base.Expires, err = parseTime(o.ValidUntil); err != nil {
		refuse("valid_until: " + err.Error())
		return
	}
	if o.Confidence != nil {
		if *o.Confidence < 0 || *o.Confidence > 100 {
			refuse("confidence: a whole number from 0 to 100 is expected")
			return
		}
		base.Confidence = uint8(*o.Confidence)
	}
	terms, err := parsePattern(o.Pattern)
	if err != nil {
		refuse(err.Error())
		return
	}
	values := make([]string, len(terms))
	for i, t := range terms {
		if values[i], err = normalise(t.kind, t.value); err != nil {
			refuse(err.Error())
			return
		}
	}
	for i, t := range terms {
		base.Kind, base.Value = t.kind, values[i]
		if at, fresh := s.list.add(base); fresh {
			s.by, s.marks = append(s.by, intern(s.refs, o.By)), append(s.marks, s.markings(o.Markings))
		} else if len(o.Markings) > 0 {
			s.marks[at] = append(slices.Clip(s.marks[at]), o.Markings...)
		}
	}
}

// markings keeps one copy of a set of markings, which indicators share.
func (s *stixReader) markings(refs []string) []string {
	if len(refs) == 0 {
		return nil
	}
	key := strings.Join(refs, " ")
	if kept, ok := s.markSet[key]; ok {
		return kept
	}
	s.markSet[key] = refs
	return refs
}

// finish resolves what the indicators refer to.
func (s *stixReader) finish() {
	for i := range s.list.Indicators {
		indicator := &s.list.Indicators[i]
		indicator.Source = s.names[s.by[i]]
		for _, ref := range s.marks[i] {
			indicator.TLP = max(indicator.TLP, tlpMarkings[ref], s.labels[ref])
		}
	}
}
