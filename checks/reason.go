package checks

import (
	"fmt"
	"strings"
)

const nothingSeen = "nothing that the rules look for was seen"

// reasonOf is the sentence of an assessment, made of the packs' own phrases: no byte of a peer is in it.
func reasonOf(counted []*rule, a *Assessment) string {
	phrases := make([]string, len(counted))
	groups, hard := 0, false
	for i, r := range counted {
		phrases[i] = r.def.Phrase
		if r.def.Group != contextGroup {
			groups++
		}
	}
	for _, t := range a.Traits {
		hard = hard || t.Hard
	}
	return sentenceList(phrases) + " on one host; " + conclusion(a.Verdict, groups, hard)
}

func conclusion(v Verdict, groups int, hard bool) string {
	independent := fmt.Sprintf("%d independent groups of traits", groups)
	switch groups {
	case 0:
		independent = "circumstances only"
	case 1:
		independent = "one group of traits"
	}
	switch {
	case v == Match && hard:
		return "a live indicator of the published case is enough by itself"
	case v == Match:
		return independent + " together fit the published pattern"
	case v == Suspect:
		return independent + ": worth a person's look, no proof"
	}
	return independent + ": too little to suspect anything"
}

// sentenceList joins phrases as a sentence does: "a, b and c".
func sentenceList(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}
