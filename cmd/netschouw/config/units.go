package config

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Rate is a number of events in a time, or no bound at all. Its text form is "10000/s", "600/m", "36000/h" or
// "unlimited".
type Rate struct {
	n    uint64
	unit byte // 's', 'm' or 'h'; 0: unlimited
}

// PerSecond returns the rate of n events a second.
func PerSecond(n uint64) Rate { return Rate{n, 's'} }

var rateForm = regexp.MustCompile(`^([0-9]+)\s*(/\s*(s|sec|second|m|min|minute|h|hour))?$`)

// maxRate is far beyond what a machine can send, and keeps arithmetic on rates exact.
const maxRate = 1_000_000_000

// ParseRate reads a Rate.
func ParseRate(s string) (Rate, error) {
	if s == "unlimited" {
		return Rate{}, nil
	}
	m := rateForm.FindStringSubmatch(s)
	if m == nil {
		return Rate{}, fault("write a number and a unit, such as 10000/s or 600/m, or unlimited", "%q is not a rate", s)
	}
	if m[2] == "" {
		return Rate{}, fault("did you mean "+m[1]+"/s?", "%s: a rate needs a unit", s)
	}
	n, err := strconv.ParseUint(m[1], 10, 64)
	if err != nil || n == 0 || n > maxRate {
		return Rate{}, fault("write a rate from 1/s to 1000000000/s, or unlimited", "rate %s is out of bounds", s)
	}
	return Rate{n, m[3][0]}, nil
}

// Unlimited says that there is no bound.
func (r Rate) Unlimited() bool { return r.unit == 0 }

// PerSecond is the rate in events per second, +Inf when there is no bound.
func (r Rate) PerSecond() float64 {
	switch r.unit {
	case 's':
		return float64(r.n)
	case 'm':
		return float64(r.n) / 60
	case 'h':
		return float64(r.n) / 3600
	}
	return math.Inf(1)
}

func (r Rate) String() string {
	if r.Unlimited() {
		return "unlimited"
	}
	return strconv.FormatUint(r.n, 10) + "/" + string(r.unit)
}

// Duration is a time.Duration whose text form always has a unit: "250ms", "2s", "1m30s".
type Duration time.Duration

// ParseDuration reads a Duration, which must be positive.
func ParseDuration(s string) (Duration, error) {
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return 0, fault("did you mean "+s+"s?", "%s: a duration needs a unit", s)
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fault("write a number and a unit (ms, s, m, h), such as 2s or 1m30s", "%q is not a duration", s)
	}
	if d <= 0 {
		return 0, fault("write a time such as 2s", "duration %s is not above zero", s)
	}
	return Duration(d), nil
}

// Std is the duration for package time.
func (d Duration) Std() time.Duration { return time.Duration(d) }

func (d Duration) String() string {
	s := time.Duration(d).String()
	for _, zero := range []string{"m0s", "h0m"} { // 1h0m0s -> 1h0m -> 1h
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}
