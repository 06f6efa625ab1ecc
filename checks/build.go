package checks

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/expr-lang/expr/vm"

	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/strict"
)

// pack is a loaded rule pack.
type pack struct {
	name, stamp, file string
	def               *packFile
	sources           map[string]Source
	listing           listing
	rules             []*rule
}

// rule is a loaded rule.
type rule struct {
	def      *ruleDef
	pack     *pack
	id       string // "pack/id"
	group    int    // index in groupNames
	when     *vm.Program
	guard    guard
	evidence []*vm.Program
	in       []string
	from     time.Time // zero: no bound
	until    time.Time
	cases    []testCase
}

// testCase is a case ready to be run.
type testCase struct {
	name  string
	fires bool
	host  Host
}

// loadPack reads one pack; the error is a strict.Errors.
func loadPack(f packSource, words *wordTable) (*pack, error) {
	def := new(packFile)
	dec := strict.Decode(f.file, f.data, def)
	if def.Keys == nil { // not even a mapping
		if err := dec.Report.Err(); err != nil {
			return nil, err
		}
		return nil, errors.New(f.file + ": no pack in it")
	}
	b := &builder{dec: dec, words: words, pack: &pack{name: def.Pack, file: f.file, def: def, sources: map[string]Source{},
		stamp: fmt.Sprintf("%s@%d", def.Pack, def.Version)}}
	b.head()
	b.sources()
	b.indicators()
	b.rules()
	if err := dec.Report.Err(); err != nil {
		return nil, err
	}
	return b.pack, nil
}

// builder checks a decoded pack and compiles its rules.
type builder struct {
	dec   *strict.Decoder
	pack  *pack
	words *wordTable
}

// bad notes a mistake at a place. Messages of values begin with where they stand in the document.
func (b *builder) bad(pos strict.Pos, path, value, message, remedy string) {
	b.dec.Report.Add(strict.Problem{Pos: pos, Path: path, Value: value, Message: path + ": " + message, Remedy: remedy})
}

func (b *builder) rules() {
	seen := map[string]int{}
	for i := range b.pack.def.Rules {
		def := &b.pack.def.Rules[i]
		path := fmt.Sprintf("rules[%d]", i)
		if line, twice := seen[def.ID]; twice && def.ID != "" {
			b.bad(def.Keys["id"], path+".id", def.ID, fmt.Sprintf("rule %q is there twice", def.ID),
				fmt.Sprintf("the first is on line %d: rename one", line))
		}
		seen[def.ID] = def.Keys["id"].Line
		r := &rule{def: def, pack: b.pack, id: b.pack.name + "/" + def.ID, in: def.In}
		b.rule(r, path)
		b.pack.rules = append(b.pack.rules, r)
	}
	if len(b.pack.def.Rules) == 0 && b.pack.def.Keys["rules"].Line > 0 {
		b.bad(b.pack.def.Keys["rules"], "rules", "", "no rule in it", "add one; docs/rules.md shows how")
	}
}

func (b *builder) rule(r *rule, path string) {
	b.ruleHead(r, path)
	b.ruleScope(r, path)
	b.ruleSources(r, path)
	b.ruleBounds(r, path)
	b.conditions(r, path)
	b.cases(r, path)
}

// conditions compiles the condition and the evidence.
func (b *builder) conditions(r *rule, path string) {
	if !slices.Contains(scopes, r.def.Each) || (r.def.Each == eachService) != (len(r.def.Protocol) > 0) {
		return // reported; what the condition may use is not known
	}
	for _, name := range r.def.Protocol {
		if _, ok := protocolNumber(name); !ok {
			return
		}
	}
	s := newScope(r.def.Each, r.def.Protocol, b.words)
	compile := func(text string, condition bool, pos strict.Pos, path string) *vm.Program {
		if text == "" {
			return nil
		}
		program, problems := s.compile(text, condition, pos)
		for _, p := range problems {
			b.bad(p.Pos, path, p.Value, p.Message, p.Remedy)
		}
		return program
	}
	if r.when = compile(r.def.When, true, r.def.Keys["when"], path+".when"); r.when != nil {
		r.guard = guardOf(r.when.Node())
	}
	for i, e := range r.def.Evidence {
		at := fmt.Sprintf("%s.evidence[%d].value", path, i)
		r.evidence = append(r.evidence, compile(e.Value, false, e.Keys["value"], at))
	}
}

// caseTime is when a case's host was seen unless the case says otherwise.
var caseTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (b *builder) cases(r *rule, path string) {
	fires, spares := false, false
	for i := range r.def.Cases {
		c := &r.def.Cases[i]
		at := fmt.Sprintf("%s.cases[%d]", path, i)
		if c.Fires == nil {
			continue // missing: already reported
		}
		fires, spares = fires || *c.Fires, spares || !*c.Fires
		if slices.ContainsFunc(r.def.Cases[:i], func(o caseDef) bool { return o.Name == c.Name }) {
			b.bad(c.Keys["name"], at+".name", c.Name, fmt.Sprintf("case %q is there twice", c.Name), "rename one")
		}
		r.cases = append(r.cases, testCase{name: c.Name, fires: *c.Fires, host: b.caseHost(c, at)})
	}
	if len(r.def.Keys) > 0 && r.def.Keys["cases"].Line > 0 && !fires {
		b.bad(r.def.Keys["cases"], path+".cases", "", "no case on which the rule fires", "add one with fires: true")
	}
	if len(r.def.Keys) > 0 && r.def.Keys["cases"].Line > 0 && !spares {
		b.bad(r.def.Keys["cases"], path+".cases", "", "no look-alike on which the rule does not fire", "add one with fires: false")
	}
}

func (b *builder) caseHost(c *caseDef, path string) Host {
	h := Host{Address: c.Host.Address, ObservedAt: caseTime, Owner: c.Host.Owner, Network: c.Host.Network,
		AcceptsAll: c.Host.AcceptsAll, DNSNames: c.Host.DNSNames}
	if c.ObservedAt != nil {
		h.ObservedAt = *c.ObservedAt
	}
	for i, s := range c.Host.Services {
		at := fmt.Sprintf("%s.host.services[%d]", path, i)
		svc := probe.Service{Port: s.Port, Transport: "tcp", Protocol: s.Protocol, Status: s.Status, TLS: s.TLS, Banner: s.Banner, Connections: 1}
		if svc.Status == "" {
			svc.Status = probe.StatusOK
		}
		p, known := probe.ByName(s.Protocol)
		switch {
		case known:
			svc.Details = p.New()
			b.dec.Into(s.Fields, svc.Details)
		case s.Protocol != "unknown" && s.Protocol != "tls":
			b.bad(s.Keys["protocol"], at+".protocol", s.Protocol, fmt.Sprintf("unknown protocol %q", s.Protocol),
				strict.Nearest(s.Protocol, append(protocolNames(), "tls", "unknown")))
		}
		h.Services = append(h.Services, svc)
	}
	return h
}

func (r *rule) info() RuleInfo {
	d := r.def
	info := RuleInfo{Rule: r.id, Pack: r.pack.stamp, Group: d.Group, Title: d.Title, Weight: d.Weight, Likelihood: d.Likelihood,
		Basis: d.Basis, Benign: d.Benign, Next: d.Next, Hard: d.Hard, Each: d.Each, Protocols: slices.Clone(d.Protocol),
		In: slices.Clone(d.In), When: d.When, Cases: len(d.Cases), File: r.pack.file, Line: d.Keys[""].Line}
	for _, id := range d.Sources {
		info.Sources = append(info.Sources, r.pack.sources[id])
	}
	if d.Valid != nil {
		info.From, info.Until = d.Valid.From, d.Valid.Until
	}
	return info
}
