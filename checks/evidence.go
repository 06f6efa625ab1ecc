package checks

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/netschouw/netschouw/checks/strict"
)

// The bounds of what is kept as evidence.
const (
	maxEvidence      = 16  // of one trait
	maxEvidenceValue = 256 // bytes
	maxListed        = 20  // entries of a list shown as one value
)

// evidence evaluates the values that a rule shows. A rule that fired always has some.
func (ev *evaluator) evidence(r *rule, port uint16) (list []Evidence) {
	for i, program := range r.evidence {
		out, err := ev.vm.Run(program, ev.env)
		if err != nil {
			if !errors.Is(err, errNotLookedAt) {
				ev.rs.faults.note(r, err)
			}
			continue
		}
		list = append(list, evidenceOf(r.def.Evidence[i].Field, port, out)...)
	}
	if len(list) == 0 {
		list = []Evidence{{Port: port, Field: "rule", Value: r.def.Title}}
	}
	return list
}

// evidenceOf shows a value: each spot by itself with its port, anything else as one text.
func evidenceOf(field string, port uint16, value any) []Evidence {
	if spots, ok := value.([]spot); ok {
		list := make([]Evidence, 0, min(len(spots), maxEvidence))
		for _, s := range spots[:min(len(spots), maxEvidence)] {
			list = append(list, Evidence{Port: s.port, Field: field, Value: strict.Clip(s.value, maxEvidenceValue)})
		}
		return list
	}
	text := strict.Clip(string(appendText(nil, value)), maxEvidenceValue)
	if text == "" {
		return nil
	}
	return []Evidence{{Port: port, Field: field, Value: text}}
}

// appendText appends a value as people read it.
func appendText(b []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return b
	case string:
		return append(b, v...)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	}
	v := reflect.ValueOf(value)
	if v.Kind() != reflect.Slice {
		return fmt.Append(b, value)
	}
	for i := range min(v.Len(), maxListed) {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendText(b, v.Index(i).Interface())
	}
	if v.Len() > maxListed {
		b = fmt.Appendf(b, " and %d more", v.Len()-maxListed)
	}
	return b
}

// tidy orders evidence by port and drops repeats, so that it does not depend on the order in which it was seen.
func tidy(list []Evidence) []Evidence {
	slices.SortStableFunc(list, func(a, b Evidence) int { return int(a.Port) - int(b.Port) })
	out := list[:0]
	for _, e := range list {
		if !slices.Contains(out, e) {
			out = append(out, e)
		}
		if len(out) == maxEvidence {
			break
		}
	}
	return out
}
