package indicators

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/netschouw/netschouw/netinfo"
)

// Good is what is known to be good: addresses, names and certificates that no list of indicators should have, such as
// public resolvers and large content networks. The nil Good knows nothing. It is safe for concurrent use.
type Good struct {
	set      *netinfo.Set
	exact    map[string]bool // names that are good by themselves
	below    map[string]bool // names that are good with every name below them
	hashes   map[string]bool
	Entries  int       // that were taken
	Skipped  []Skipped // the first MaxSkipped that were not
	NotTaken int       // how many there are in all
}

// warninglist is a list in the form of MISP's (draft-dulaunoy-misp-warninglists-format).
type warninglist struct {
	Name string   `json:"name"`
	Type string   `json:"type"`
	List []string `json:"list"`
}

// maxWarninglist bounds a file; MISP's largest has some 30 MB.
const maxWarninglist = 256 << 20

// ReadGood reads MISP warninglists, one a reader. Lists of type cidr, hostname and string can be used. Those of type
// substring and regex are refused: what they call good is more than anybody oversees.
func ReadGood(readers ...io.Reader) (*Good, error) {
	g := &Good{exact: map[string]bool{}, below: map[string]bool{}, hashes: map[string]bool{}}
	var b netinfo.SetBuilder
	for i, r := range readers {
		if err := g.read(r, &b); err != nil {
			return nil, fmt.Errorf("list %d: %w", i+1, err)
		}
	}
	g.set = b.Set()
	return g, nil
}

func (g *Good) read(r io.Reader, b *netinfo.SetBuilder) error {
	text, err := io.ReadAll(io.LimitReader(r, maxWarninglist+1))
	if err != nil {
		return err
	}
	if len(text) > maxWarninglist {
		return errors.New("the list is too large")
	}
	var w warninglist
	if err := json.Unmarshal(text, &w); err != nil {
		return fmt.Errorf("not a MISP warninglist: %w", err)
	}
	if w.Name == "" || w.List == nil {
		return errors.New("not a MISP warninglist: \"name\" or \"list\" is missing")
	}
	switch w.Type {
	case "cidr", "hostname", "string":
	default:
		return fmt.Errorf("lists of type %.40q are not understood: cidr, hostname and string are", w.Type)
	}
	for i, value := range w.List {
		if err := g.add(w.Type, value, b); err != nil {
			if g.NotTaken++; len(g.Skipped) < MaxSkipped {
				g.Skipped = append(g.Skipped, Skipped{i + 1, w.Name, clip(value, 120), err.Error()})
			}
			continue
		}
		g.Entries++
	}
	return nil
}

// add takes one entry. In a list of strings it may be an address, a name or a hash.
func (g *Good) add(kind, value string, b *netinfo.SetBuilder) error {
	if len(value) > maxValue {
		return errors.New("the value is too long")
	}
	if kind != "hostname" {
		r, err := netinfo.ParseRange(value)
		if err == nil {
			b.AddRange(r)
			return nil
		}
		if kind == "cidr" {
			return err
		}
		if hash, err := normaliseHash(value); err == nil {
			g.hashes[hash] = true
			return nil
		}
	}
	// A leading dot is how some lists say that names below count too.
	name, err := normaliseDomain(strings.TrimPrefix(value, "."))
	if err != nil {
		return err
	}
	if kind == "hostname" || strings.HasPrefix(value, ".") {
		g.below[name] = true
	} else {
		g.exact[name] = true
	}
	return nil
}

// Has says whether an indicator lies wholly within what is known to be good.
func (g *Good) Has(i *Indicator) bool {
	if g == nil {
		return false
	}
	switch i.Kind {
	case Address:
		r := i.Range()
		within := g.set.Within(r)
		return within.Size().Cmp(r.Size()) == 0
	case Domain:
		return g.exact[i.Value] || isBelow(g.below, i.Value)
	}
	return g.hashes[i.Value]
}

// Split parts a list into what is to be used, in its order, and what is known to be good.
func (g *Good) Split(list []Indicator) (use, good []Indicator) {
	for i := range list {
		if g.Has(&list[i]) {
			good = append(good, list[i])
		} else {
			use = append(use, list[i])
		}
	}
	return use, good
}

// isBelow says whether a name or one above it is in a set.
func isBelow(set map[string]bool, name string) bool {
	for len(set) > 0 {
		if set[name] {
			return true
		}
		dot := strings.IndexByte(name, '.')
		if dot < 0 {
			return false
		}
		name = name[dot+1:]
	}
	return false
}
