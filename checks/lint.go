package checks

import (
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"

	"github.com/netschouw/netschouw/checks/strict"
)

// MaxInferenceWeight is what a rule may weigh that rests on our own reasoning: beyond it, a source should say so.
const MaxInferenceWeight = 9.0

// minHardScore is the least score beside which a match is believed. A hard rule makes a match whatever its weight.
const minHardScore = 0.9

// Lint tells what is suspicious about loaded packs though it is no mistake of form: it wants a person's look.
func Lint(rs *Ruleset) []strict.Problem {
	var list []strict.Problem
	results := Test(rs)
	for _, p := range rs.packs {
		l := &linter{pack: p, results: results, used: map[string]bool{}}
		for i, r := range p.rules {
			l.rule(r, fmt.Sprintf("rules[%d]", i))
		}
		l.unused()
		list = append(list, l.list...)
	}
	return list
}

type linter struct {
	pack    *pack
	results []CaseResult
	used    map[string]bool // sources
	asks    map[string]bool // functions that look indicators up
	list    []strict.Problem
}

func (l *linter) warn(pos strict.Pos, path, message, remedy string) {
	l.list = append(l.list, strict.Problem{File: l.pack.file, Pos: pos, Path: path, Message: path + ": " + message, Remedy: remedy})
}

func (l *linter) rule(r *rule, path string) {
	d := r.def
	for _, id := range d.Sources {
		l.used[id] = true
	}
	if d.Basis == Inference && d.Weight > MaxInferenceWeight {
		l.warn(d.Keys["weight"], path+".weight", fmt.Sprintf("%v is much for an inference", d.Weight),
			fmt.Sprintf("at most %v, or a source that states the fact", MaxInferenceWeight))
	}
	if d.Group == contextGroup && d.Weight > 1.5 {
		l.warn(d.Keys["weight"], path+".weight", fmt.Sprintf("%v is much for a circumstance", d.Weight), "at most 1.5, or another group")
	}
	if score := logistic(logit(DefaultPolicy().Prior) + d.Weight); d.Hard && score < minHardScore {
		l.warn(d.Keys["weight"], path+".weight", fmt.Sprintf("a match by this rule alone would read %.2f", score), "at least 11.5, or no hard rule")
	}
	if d.Hard && d.Basis != Fact {
		l.warn(d.Keys["hard"], path+".hard", "a hard rule that rests on an inference", "only a published fact is a match by itself")
	}
	l.visit(r, path)
	for _, c := range l.results {
		if c.Rule == r.id && !c.OK() {
			l.warn(d.Keys["cases"], path+".cases", c.String(), "run netschouw rules test")
		}
	}
}

// visit looks into the condition.
func (l *linter) visit(r *rule, path string) {
	v := &lintVisitor{}
	node := r.when.Node()
	ast.Walk(&node, v)
	if !v.reads {
		l.warn(r.def.Keys["when"], path+".when", "is always the same", "write what must be seen")
	}
	if v.nested {
		l.warn(r.def.Keys["when"], path+".when", "a pattern repeats a repetition", "simplify it")
	}
	if l.asks == nil {
		l.asks = map[string]bool{}
	}
	for _, name := range v.asks {
		l.asks[name] = true
	}
	if r.def.Hard && len(v.asks) == 0 {
		l.warn(r.def.Keys["hard"], path+".hard", "a hard rule that looks no indicator up", "use listed(), listed_hash() or listed_address()")
	}
}

// unused names sources and indicators that nothing refers to.
func (l *linter) unused() {
	for _, d := range l.pack.def.Indicators {
		l.used[d.Source] = true
	}
	for id, s := range l.pack.def.Sources {
		if !l.used[id] {
			l.warn(s.Keys[""], "sources."+id, "nothing refers to it", "remove it, or name it where it belongs")
		}
	}
	asking := map[string]string{kindDomain: "listed", kindCert: "listed_hash", kindSPKI: "listed_hash", kindAddress: "listed_address"}
	for i, d := range l.pack.def.Indicators {
		if name := asking[d.Type]; !l.asks[name] {
			l.warn(d.Keys[""], fmt.Sprintf("indicators[%d]", i), "no condition asks for it", "write a rule with "+name+"()")
		}
	}
	slices.SortStableFunc(l.list, func(a, b strict.Problem) int { return a.Line - b.Line })
}

type lintVisitor struct {
	reads  bool // anything of the host
	nested bool
	asks   []string
}

// Visit implements ast.Visitor.
func (v *lintVisitor) Visit(n *ast.Node) {
	switch n := (*n).(type) {
	case *ast.BinaryNode:
		if s, ok := n.Right.(*ast.StringNode); ok && n.Operator == "matches" && nested.MatchString(s.Value) {
			v.nested = true
		}
	case *ast.IdentifierNode:
		v.reads = true
		switch n.Value {
		case "listed", "listed_hash", "listed_address":
			v.asks = append(v.asks, n.Value)
		}
	}
}
