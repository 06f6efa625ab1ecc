package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// languages are the languages of text for people. The traits' titles, explanations and reasons come from the rule
// packs, in the packs' own language.
var languages = map[string]texts{"en": english, "nl": dutch}

// Languages returns the names of the languages of text, sorted.
func Languages() []string {
	names := make([]string, 0, len(languages))
	for name := range languages {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// texts is every string of a report for people, in one language. A test checks that none is missing and that verbs
// agree with English.
type texts struct {
	Thousands, Decimal string // separators of numbers

	// The head.
	Run, LookedAt, When, LookedFor, Stopped string
	To, More, StoppedReason                 string
	Addresses                               plural

	// The summary.
	Hosts, Verdicts, PortAttempts                                         string
	Assessed, Silent, Unreachable, LocalError, Skipped, Interrupted, Left string
	OverBudget, Failed, Earlier                                           string
	Match, Suspect, Clear                                                 string
	Outcome                                                               [9]string // by dial.Outcome
	AcceptAll                                                             plural

	// The table.
	Table, Address, Verdict, Score, Customer, Groups string
	MoreCards                                        plural

	// A card.
	NoPTR, PTRNotLookedAt, Unconfirmed, NoCustomer, AcceptsAll string
	Why, Evidence, AlsoTraits, Innocent, NextStep              string
	Weight, Uncounted, Hard, Fact, Inference, Host             string
	NextMatch, NextSuspect, NextClear                          []string
	NextAs, NextRules, NextRulesMatch, CheckAgain              string
	AsAbove, TheirOthers, NotTried                             string

	// The full view.
	Seen, Services, NoServices, Names, NotLookedAt, Nothing string
	Ports, Prior, Observed                                  string
	Connections                                             plural
	Certificate, Subject, Issuer, Valid, SelfIssued, Also   string

	// What it means.
	NothingFound, NothingMeansNot           string
	NothingMeans                            plural
	NobodyAnswered                          string
	NotSeen                                 string
	SilentNote, UnreachableNote, LocalNote  plural
	SkippedNote, InterruptedNote, LeftNote  plural
	OverBudgetNote, FailedNote, EarlierNote plural
	UnansweredNote                          plural
	NoDNS, NoASN, NoCountry, NoCustomers    string
	Outside                                 string
}

// plural is a text for one thing and one for several; its first verb is the number.
type plural struct{ one, many string }

// of writes the text for n things, with the other verbs' values after the number.
func (t *texts) of(p plural, n uint64, more ...any) string {
	format := p.many
	if n == 1 {
		format = p.one
	}
	return fmt.Sprintf(format, append([]any{t.count(n)}, more...)...)
}

// count writes a number with the separators of thousands of the language.
func (t *texts) count(n uint64) string {
	s := strconv.FormatUint(n, 10)
	var parts []string
	for len(s) > 3 {
		parts = append([]string{s[len(s)-3:]}, parts...)
		s = s[:len(s)-3]
	}
	return strings.Join(append([]string{s}, parts...), t.Thousands)
}

// decimal writes a number with the decimal sign of the language.
func (t *texts) decimal(x float64, digits int) string {
	return strings.Replace(strconv.FormatFloat(x, 'f', digits, 64), ".", t.Decimal, 1)
}

// probability writes a score with two decimals. One that is rounded to certainty, either way, is not written as such.
func (t *texts) probability(x float64) string {
	switch {
	case x > 0.99 && x < 1:
		return ">" + t.decimal(0.99, 2)
	case x > 0 && x < 0.01:
		return "<" + t.decimal(0.01, 2)
	}
	return t.decimal(x, 2)
}
