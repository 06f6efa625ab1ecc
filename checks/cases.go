package checks

import (
	"errors"
	"fmt"
)

// CaseResult is how one case of a rule ended, for `rules test`.
type CaseResult struct {
	Rule  string `json:"rule"` // "pack/id"
	Case  string `json:"case"`
	Want  bool   `json:"want"`  // the rule should fire
	Fired bool   `json:"fired"` // it did
	Fault string `json:"fault,omitempty"`
}

// OK tells whether the rule did what the case says, without a fault.
func (r CaseResult) OK() bool { return r.Want == r.Fired && r.Fault == "" }

// String is one line: what was wanted and what came.
func (r CaseResult) String() string {
	switch {
	case r.OK():
		return fmt.Sprintf("ok    %s: %s", r.Rule, r.Case)
	case r.Fault != "":
		return fmt.Sprintf("FAIL  %s: %s: %s", r.Rule, r.Case, r.Fault)
	case r.Want:
		return fmt.Sprintf("FAIL  %s: %s: should fire and does not", r.Rule, r.Case)
	}
	return fmt.Sprintf("FAIL  %s: %s: fires on a look-alike", r.Rule, r.Case)
}

// Test runs every case of every rule on that rule alone.
func Test(rs *Ruleset) []CaseResult {
	var list []CaseResult
	for _, r := range rs.rules {
		for i := range r.cases {
			list = append(list, testOne(rs, r, &r.cases[i]))
		}
	}
	return list
}

func testOne(rs *Ruleset, r *rule, c *testCase) CaseResult {
	// The rule alone, so that a fault is its own; the words keep their numbers.
	alone := &Ruleset{words: rs.words, services: make([][]*rule, len(rs.services))}
	alone.add(&pack{stamp: r.pack.stamp, rules: []*rule{r}})
	ev := newEvaluator(alone)
	ev.run(&c.host)
	out := CaseResult{Rule: r.id, Case: c.name, Want: c.fires, Fired: len(ev.hits) > 0}
	if n, err := alone.Faults(); n > 0 {
		var fault *RuleFault
		if errors.As(err, &fault) {
			err = fault.Err
		}
		out.Fault = firstLine(err.Error())
	}
	return out
}
