package config

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Error is one fault of a configuration.
type Error struct {
	At     string // file:line:column, "NETSCHOUW_..." or "--flag"; "" when nobody wrote it
	Key    string // the key's path, "" when the fault is not one key's
	What   string // what is wrong
	Remedy string // what to write instead; "" when the fault says it all
}

func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	for _, p := range []string{e.At, e.Key, e.What} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ": ")
}

// Hint is what to do about it.
func (e *Error) Hint() string { return e.Remedy }

// fault is an Error whose place is filled in by whoever knows it.
func fault(remedy, format string, args ...any) *Error {
	return &Error{What: fmt.Sprintf(format, args...), Remedy: remedy}
}

// Nearest returns the candidate that a mistyped word most likely stands for, "" when none is near: at most a third
// of its letters may differ, but always two (swapped letters count as two), or one in words of up to three.
func Nearest(word string, candidates []string) string {
	bound := max(2, len(word)/3)
	if len(word) <= 3 {
		bound = 1
	}
	best, at := "", bound+1
	for _, c := range candidates {
		if d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(c)); d < at {
			best, at = c, d
		}
	}
	return best
}

// didYouMean is the remedy for a mistyped word: the nearest candidate, else all of them.
func didYouMean(word string, candidates []string) string {
	if near := Nearest(word, candidates); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return "want one of: " + strings.Join(candidates, ", ")
}
