package report

import (
	"reflect"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

var verbs = regexp.MustCompile(`%[^%]`)

// missing lists what is wrong with a language beside English: empty texts, lists of another length, other verbs.
func missing(english, other texts) (faults []string) {
	var compare func(name string, want, got reflect.Value)
	compare = func(name string, want, got reflect.Value) {
		switch want.Kind() {
		case reflect.String:
			if got.String() == "" {
				faults = append(faults, name+" is empty")
			} else if w, g := verbs.FindAllString(want.String(), -1), verbs.FindAllString(got.String(), -1); !reflect.DeepEqual(w, g) {
				faults = append(faults, name+" has other verbs")
			}
		case reflect.Slice, reflect.Array:
			if want.Len() != got.Len() {
				faults = append(faults, name+" has another length")
				return
			}
			for i := range want.Len() {
				compare(name, want.Index(i), got.Index(i))
			}
		case reflect.Struct:
			for i := range want.NumField() {
				compare(name+"."+want.Type().Field(i).Name, want.Field(i), got.Field(i))
			}
		default:
			faults = append(faults, name+" is of a kind that is not compared")
		}
	}
	compare("texts", reflect.ValueOf(english), reflect.ValueOf(other))
	return faults
}

func TestNoTextIsMissing(t *testing.T) {
	for _, name := range Languages() {
		require.Empty(t, missing(english, languages[name]), name)
	}
	require.Len(t, english.Outcome, len(dial.Outcomes()), "an outcome of discovery has no word")
}

func TestAMissingTextIsSeen(t *testing.T) {
	broken := dutch
	broken.Why = ""
	broken.NextMatch = broken.NextMatch[:1]
	broken.Addresses.one = "adres"
	require.Equal(t, []string{"texts.Addresses.one has other verbs", "texts.Why is empty", "texts.NextMatch has another length"}, missing(english, broken))
}

func TestNumbers(t *testing.T) {
	require.Equal(t, "0", english.count(0))
	require.Equal(t, "999", english.count(999))
	require.Equal(t, "1,000", english.count(1000))
	require.Equal(t, "18.446.744.073.709.551.615", dutch.count(1<<64-1))
	require.Equal(t, "0,97", dutch.decimal(0.9712, 2))
	require.Equal(t, "0.97", english.probability(0.9712))
	require.Equal(t, ">0,99", dutch.probability(0.99999))
	require.Equal(t, "<0.01", english.probability(0.0001))
	require.Equal(t, "0.00", english.probability(0))
	require.Equal(t, "1.00", english.probability(1))
	require.Equal(t, "1 address", english.of(english.Addresses, 1))
	require.Equal(t, "0 adressen", dutch.of(dutch.Addresses, 0))
}
