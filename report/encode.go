package report

import (
	"bytes"
	"encoding/json"

	"github.com/netschouw/netschouw/checks"
)

// encode writes a value as one line of JSON, without its line end. Invalid UTF-8 becomes U+FFFD, and what must not be
// shown as itself is escaped: the text may meet a terminal.
func encode(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return escapeJSON(text), nil
}

// encodeFinding is encode for a host, in the form that docs/schema/host.v1.json describes.
func encodeFinding(f checks.Finding) ([]byte, error) { return encode(normal(f)) }

// normal fills what the contract promises: the schema's name, and a list where a list is empty. null is kept for what
// was not looked at. The finding's own slices are left as they are.
func normal(f checks.Finding) checks.Finding {
	f.Schema = checks.HostSchema
	f.ObservedAt = f.ObservedAt.UTC()
	f.Services = list(f.Services)
	f.Groups = list(f.Groups)
	f.Packs = list(f.Packs)
	traits := make([]checks.Trait, len(f.Traits))
	for i, t := range f.Traits {
		t.Evidence = list(t.Evidence)
		t.Sources = list(t.Sources)
		traits[i] = t
	}
	f.Traits = traits
	return f
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// indent lays out a one-line JSON value for people.
func indent(text []byte, prefix string) []byte {
	var b bytes.Buffer
	_ = json.Indent(&b, text, prefix, "  ") // cannot fail: the text was written by encode
	return b.Bytes()
}
