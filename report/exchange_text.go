package report

import (
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// words makes a value fit for another system's screen: what Terminal does, and at most so many characters, which is how
// most schemas count.
func words(s string, most int) string {
	s = Terminal(s, most)
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	n := 0
	for i := range s {
		if n++; n == most {
			return s[:i] + ellipsis
		}
	}
	return s
}

// fault is an error of how a report was asked for.
func fault(format string, args ...any) error { return fmt.Errorf(format, args...) }

func number(n uint16) string { return strconv.Itoa(int(n)) }

// decimal writes a probability with four decimals, as the CSV format does.
func decimal(p float64) string { return strconv.FormatFloat(p, 'f', 4, 64) }

// rounded is a probability as decimal writes it: within 0 and 1, whatever came.
func rounded(p float64) float64 {
	if !(p > 0) { // not a number, too
		return 0
	}
	return min(math.Round(p*1e4)/1e4, 1)
}

// percent is a probability as a whole number from 0 to 100.
func percent(p float64) int { return int(math.Round(rounded(p) * 100)) }

// printable says whether a value is printable ASCII.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// instant is a time in UTC, to the second: the form of RFC 3339 that all JSON formats here share.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
