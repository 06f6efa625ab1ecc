package checks

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Explanation shows, number by number, how a recorded score came about. It is worked out again from the traits in the
// record; Notes tell where the record says otherwise.
type Explanation struct {
	Address string `json:"address"`
	// RecordedVerdict and RecordedScore are the record's; Verdict and Score are worked out again.
	RecordedVerdict Verdict `json:"recorded_verdict"`
	RecordedScore   float64 `json:"recorded_score"`
	Verdict         Verdict `json:"verdict"`
	Score           float64 `json:"score"`
	Prior           float64 `json:"prior"`
	PriorLogOdds    float64 `json:"prior_log_odds"`
	Terms           []Term  `json:"terms"`
	LogOdds         float64 `json:"log_odds"` // the prior's and the counted weights' sum
	// Groups are the independent ones, without context; a match needs MatchGroups of them.
	Groups  []string `json:"groups"`
	Suspect float64  `json:"suspect"` // thresholds
	Match   float64  `json:"match"`
	Why     string   `json:"why"` // the verdict's reason, in words
	// Agrees says that record and recalculation have the same score, verdict and counted traits.
	Agrees bool     `json:"agrees"`
	Notes  []string `json:"notes"`
}

// Term is one trait's part in a score.
type Term struct {
	Rule    string  `json:"rule"`
	Group   string  `json:"group"`
	Title   string  `json:"title"`
	Basis   Basis   `json:"basis"`
	Weight  float64 `json:"weight"`
	Counted bool    `json:"counted"`
	Hard    bool    `json:"hard,omitempty"`
	LogOdds float64 `json:"log_odds"` // the sum after this trait
	Why     string  `json:"why"`      // why it counts or does not
}

// scoreTolerance is how far a recorded score may be from the recalculated one: what is lost in writing it in decimals.
const scoreTolerance = 1e-6

// Explain works out a finding's score from its traits, under a policy's thresholds. The prior is the record's own.
func (rs *Ruleset) Explain(f *Finding, p Policy) Explanation {
	e := Explanation{Address: f.Address.String(), RecordedVerdict: f.Verdict, RecordedScore: f.Score, Prior: f.Prior,
		Suspect: p.Suspect, Match: p.Match, Agrees: true, Groups: []string{}, Notes: []string{}, Terms: []Term{}}
	if !(f.Prior > 0 && f.Prior < 1) {
		e.note("the record has no prior; the configured one is taken: %v", p.Prior)
		e.Prior = p.Prior
	}
	e.PriorLogOdds = logit(e.Prior)
	e.terms(f.Traits)
	e.Score = logistic(e.LogOdds)
	hard := slices.ContainsFunc(e.Terms, func(t Term) bool { return t.Hard })
	e.Verdict = verdictOf(e.Score, len(e.Groups), hard, p)
	e.Why = e.why(hard)
	e.compare(f)
	rs.compareRules(f, &e)
	return e
}

func (e *Explanation) note(format string, args ...any) {
	e.Notes = append(e.Notes, fmt.Sprintf(format, args...))
}

// terms adds the traits up: of each group the strongest.
func (e *Explanation) terms(traits []Trait) {
	best := map[string]int{}
	for i, t := range traits {
		j, seen := best[t.Group]
		if !seen || t.Weight > traits[j].Weight || t.Weight == traits[j].Weight && t.Rule < traits[j].Rule {
			best[t.Group] = i
		}
	}
	e.LogOdds = e.PriorLogOdds
	for i, t := range traits {
		term := Term{Rule: printable(t.Rule), Group: printable(t.Group), Title: printable(t.Title), Basis: Basis(printable(string(t.Basis))),
			Weight: t.Weight, Hard: t.Hard, Counted: best[t.Group] == i}
		switch {
		case !slices.Contains(groupNames[:], t.Group):
			term.Counted, term.Why = false, "the group is not known to this version"
			e.note("group %s of %s is not known to this version", term.Group, term.Rule)
		case math.IsNaN(t.Weight) || math.IsInf(t.Weight, 0):
			term.Counted, term.Why = false, "its weight is no number"
		case !term.Counted:
			term.Why = "not counted: " + printable(traits[best[t.Group]].Rule) + " of the same group is stronger or as strong"
		case t.Group == contextGroup:
			e.LogOdds += t.Weight
			term.Why = "counted; context is none of the groups that a match needs"
		default:
			e.LogOdds += t.Weight
			e.Groups = append(e.Groups, t.Group)
			term.Why = "counted: the strongest of its group"
		}
		term.LogOdds = e.LogOdds
		e.Terms = append(e.Terms, term)
		if term.Counted != t.Counted {
			e.Agrees = false
			e.note("the record says counted=%t of %s, the recalculation %t", t.Counted, term.Rule, term.Counted)
		}
	}
}

func (e *Explanation) why(hard bool) string {
	groups := fmt.Sprintf("%d of the %d independent groups that a match needs", len(e.Groups), MatchGroups)
	switch {
	case e.Verdict == Match && hard:
		return "a live hard indicator is a match by itself"
	case e.Verdict == Match:
		return fmt.Sprintf("%s, and the score is at or above %v", groups, e.Match)
	case e.Verdict == Suspect && e.Score >= e.Match:
		return fmt.Sprintf("the score would do for a match, but there are only %s", groups)
	case e.Verdict == Suspect:
		return fmt.Sprintf("%s, and the score is at or above %v but below %v", groups, e.Suspect, e.Match)
	}
	return fmt.Sprintf("the score is below %v", e.Suspect)
}

// compare notes where the record differs from the recalculation.
func (e *Explanation) compare(f *Finding) {
	if !(math.Abs(e.Score-f.Score) <= scoreTolerance) {
		e.Agrees = false
		e.note("the record's score is %.6f, the traits give %.6f", f.Score, e.Score)
	}
	if e.Verdict != f.Verdict {
		e.Agrees = false
		e.note("the record's verdict is %s, these thresholds give %s: they may have been others then", printable(string(f.Verdict)), e.Verdict)
	}
}

// compareRules notes where the record's rules are not the loaded ones.
func (rs *Ruleset) compareRules(f *Finding, e *Explanation) {
	if !slices.Equal(f.Packs, rs.stamps) {
		e.note("the record was made with %s, loaded are %s: scores of different versions are not comparable",
			printable(cmpOr(strings.Join(f.Packs, ", "), "unnamed packs")), strings.Join(rs.stamps, ", "))
	}
	for _, t := range f.Traits {
		i := slices.IndexFunc(rs.rules, func(r *rule) bool { return r.id == t.Rule })
		switch {
		case i < 0:
			e.note("rule %s is not among the loaded ones", printable(t.Rule))
		case rs.rules[i].def.Weight != t.Weight || rs.rules[i].def.Group != t.Group:
			e.note("rule %s is loaded with weight %v in %s, the record has %v in %s", t.Rule, rs.rules[i].def.Weight,
				rs.rules[i].def.Group, t.Weight, printable(t.Group))
		}
	}
}

func cmpOr(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// printable makes text of a record safe to show: it may have been through many hands.
func printable(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0xfffd || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e ||
			r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, s)
}

// String is the explanation as text of several lines.
func (e Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, score %.4f\n\n", e.Address, printable(string(e.RecordedVerdict)), e.RecordedScore)
	fmt.Fprintf(&b, "%8s %8s\n", "weight", "log-odds")
	fmt.Fprintf(&b, "%8s %8.2f  prior: one host in %.0f\n", "", e.PriorLogOdds, 1/e.Prior)
	for _, t := range e.Terms {
		weight := fmt.Sprintf("%+.2f", t.Weight)
		if !t.Counted {
			weight = fmt.Sprintf("(%.2f)", t.Weight)
		}
		fmt.Fprintf(&b, "%8s %8.2f  %s: %s [%s, %s]\n%19s%s\n", weight, t.LogOdds, t.Group, t.Title, t.Rule, t.Basis, "", t.Why)
	}
	fmt.Fprintf(&b, "%8s %8.2f  sum; 1 / (1 + exp(%.2f)) = %.4f\n\n", "", e.LogOdds, -e.LogOdds, e.Score)
	fmt.Fprintf(&b, "groups:     %s (%d; a match needs %d)\n", cmpOr(strings.Join(e.Groups, ", "), "none"), len(e.Groups), MatchGroups)
	fmt.Fprintf(&b, "thresholds: suspect from %v, match from %v\n", e.Suspect, e.Match)
	fmt.Fprintf(&b, "verdict:    %s: %s\n", e.Verdict, e.Why)
	if e.Agrees {
		b.WriteString("record:     agrees with this calculation\n")
	} else {
		b.WriteString("record:     DIFFERS from this calculation\n")
	}
	for _, n := range e.Notes {
		fmt.Fprintf(&b, "note:       %s\n", n)
	}
	return b.String()
}
