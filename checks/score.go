package checks

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Policy turns weights into a verdict. All three are probabilities above 0 and below 1.
type Policy struct {
	// Prior is the share of hosts that are expected to be misused before anything is seen of them.
	Prior float64
	// Suspect is the score from which a host deserves a person's look.
	Suspect float64
	// Match is the score that a match needs beside three independent groups.
	Match float64
}

// MatchGroups is how many independent groups a match needs when no hard indicator is live.
const MatchGroups = 3

// DefaultPolicy expects one misused host among ten thousand, shows a person what is likelier than one in twenty, and
// speaks of a match from 99 in 100. With the weights of the shipped pack, no benign pair of groups reaches a match, and
// any three of mail, panel, store, automation and proxy reach suspect.
func DefaultPolicy() Policy { return Policy{Prior: 1e-4, Suspect: 0.05, Match: 0.99} }

// Validate tells what is wrong with a policy.
func (p Policy) Validate() error {
	for _, v := range []struct {
		key   string
		value float64
	}{{"prior", p.Prior}, {"suspect", p.Suspect}, {"match", p.Match}} {
		if !(v.value > 0 && v.value < 1) {
			return fmt.Errorf("rules.%s is %v; write a probability above 0 and below 1", v.key, v.value)
		}
	}
	if p.Suspect > p.Match {
		return fmt.Errorf("rules.suspect (%v) is above rules.match (%v); swap them", p.Suspect, p.Match)
	}
	return nil
}

func logit(p float64) float64    { return math.Log(p / (1 - p)) }
func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// Assess applies the rules to a host. The result does not depend on the order of services or rules.
func (rs *Ruleset) Assess(h *Host, p Policy) Assessment {
	ev := rs.pool.Get().(*evaluator)
	ev.run(h)
	a := Assessment{Verdict: Clear, Score: p.Prior, Groups: []string{}, Traits: []Trait{}, Reason: nothingSeen, Packs: rs.stamps, Prior: p.Prior}
	if len(ev.hits) > 0 {
		a.traits(ev.hits, p)
	}
	ev.end()
	rs.pool.Put(ev)
	return a
}

// traits fills the assessment from the rules that fired.
func (a *Assessment) traits(hits []hit, p Policy) {
	slices.SortFunc(hits, stronger)
	var counted []*rule
	a.Traits = make([]Trait, len(hits))
	for i, h := range hits {
		d := h.rule.def
		first := i == 0 || hits[i-1].rule.group != h.rule.group
		a.Traits[i] = Trait{Rule: h.rule.id, Group: d.Group, Weight: d.Weight, Counted: first, Hard: d.Hard, Title: d.Title,
			Evidence: tidy(h.evidence), Sources: d.Sources, Basis: d.Basis, Benign: d.Benign, Next: d.Next}
		if first {
			counted = append(counted, h.rule)
			a.Groups = append(a.Groups, d.Group)
		}
	}
	a.Score, a.Verdict = judge(a.Traits, p)
	a.Reason = reasonOf(counted, a)
}

// stronger orders by group, then the strongest first, then by name.
func stronger(a, b hit) int {
	switch {
	case a.rule.group != b.rule.group:
		return a.rule.group - b.rule.group
	case a.rule.def.Weight != b.rule.def.Weight:
		if a.rule.def.Weight > b.rule.def.Weight {
			return -1
		}
		return 1
	}
	return strings.Compare(a.rule.id, b.rule.id)
}

// judge makes the score and the verdict of traits whose Counted is set. Weights of one group are of traits that come
// together anyway; only the strongest counts, so that ten ways of seeing one thing do not become ten things.
func judge(traits []Trait, p Policy) (score float64, v Verdict) {
	odds, groups, hard := logit(p.Prior), 0, false
	for _, t := range traits {
		hard = hard || t.Hard
		if !t.Counted {
			continue
		}
		odds += t.Weight
		if t.Group != contextGroup {
			groups++
		}
	}
	score = logistic(odds)
	return score, verdictOf(score, groups, hard, p)
}

func verdictOf(score float64, groups int, hard bool, p Policy) Verdict {
	switch {
	case hard, groups >= MatchGroups && score >= p.Match:
		return Match
	case score >= p.Suspect:
		return Suspect
	}
	return Clear
}
