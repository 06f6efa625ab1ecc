package sweep

import (
	"fmt"
	"slices"
	"strings"
)

// Setting is one thing that decides what a run asks of whom: a key of the configuration with its values, or something
// that follows from it, such as the version of a rule pack.
type Setting struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
}

// Settings are what must be the same when a run is resumed. They are kept in words, not as a hash, so that a difference
// can be named.
type Settings []Setting

// Named bounds, so that a difference fits a message: as many of them, and of the values in one, and the bytes of a value.
const (
	maxDifferences = 3
	maxValues      = 3
	maxValue       = 60
)

// diff words what differs between the settings of a run and those that are given now; "" when nothing does.
func (s Settings) diff(now Settings) string {
	var all []string
	for _, was := range s {
		if is := now.values(was.Key); !slices.Equal(was.Values, is) {
			all = append(all, difference(was.Key, was.Values, is))
		}
	}
	for _, is := range now {
		if !s.has(is.Key) && len(is.Values) > 0 {
			all = append(all, difference(is.Key, nil, is.Values))
		}
	}
	if n := len(all); n > maxDifferences {
		all = append(all[:maxDifferences], fmt.Sprintf("and %d more", n-maxDifferences))
	}
	return strings.Join(all, "; ")
}

func (s Settings) values(key string) []string {
	for _, x := range s {
		if x.Key == key {
			return x.Values
		}
	}
	return nil
}

func (s Settings) has(key string) bool {
	return slices.ContainsFunc(s, func(x Setting) bool { return x.Key == key })
}

// difference words one: "sweep.ports: 25, 80 -> 25, 443". Of long lists it names what left and what came.
func difference(key string, was, is []string) string {
	if len(was) <= maxValues && len(is) <= maxValues {
		return key + ": " + named(was) + " -> " + named(is)
	}
	var parts []string
	if gone := without(was, is); len(gone) > 0 {
		parts = append(parts, "without "+named(gone)+" now")
	}
	if came := without(is, was); len(came) > 0 {
		parts = append(parts, "with "+named(came)+" now")
	}
	if len(parts) == 0 {
		parts = append(parts, "in another order now")
	}
	return key + ": " + strings.Join(parts, ", ")
}

// without lists the values of a that b has not.
func without(a, b []string) []string {
	has := make(map[string]bool, len(b))
	for _, v := range b {
		has[v] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(v string) bool { return has[v] })
}

func named(values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	shown := make([]string, 0, maxValues+1)
	for i, v := range values {
		if i == maxValues {
			shown = append(shown, fmt.Sprintf("%d more", len(values)-i))
			break
		}
		if len(v) > maxValue {
			v = v[:maxValue] + "..."
		}
		if v == "" {
			v = `""`
		}
		shown = append(shown, v)
	}
	return strings.Join(shown, ", ")
}
