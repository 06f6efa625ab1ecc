package indicators

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/netschouw/netschouw/netinfo"
)

// maxValue bounds a value, in bytes: a name has 253, and defanging adds some.
const maxValue = 1024

// Refang undoes what people do to a value so that nobody clicks on it: hxxp, [.], (dot), [:], [at] and their like, and
// white space around it.
func Refang(s string) string {
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, "[](){}\\") {
		s = fangs.Replace(s)
	}
	if len(s) > 4 && (s[0] == 'h' || s[0] == 'H') && strings.EqualFold(s[1:4], "xxp") {
		s = "http" + s[4:]
	}
	return s
}

var fangs = strings.NewReplacer("[.]", ".", "(.)", ".", "{.}", ".", "[.", ".", ".]", ".", `\.`, ".",
	"[dot]", ".", "(dot)", ".", "{dot}", ".", "[DOT]", ".", "(DOT)", ".",
	"[:]", ":", "[://]", "://", "[:", ":", "[/]", "/", "[at]", "@", "[@]", "@")

// normalise brings a value into the form that Indicator.Value has, or says why it cannot be used.
func normalise(kind Kind, raw string) (string, error) {
	if len(raw) > maxValue {
		return "", errors.New("the value is too long")
	}
	switch kind {
	case Address:
		return normaliseAddress(raw)
	case Domain:
		return normaliseDomain(raw)
	case Certificate:
		return normaliseHash(raw)
	}
	return "", errors.New("a kind of indicator that netschouw does not look for")
}

// Widest prefixes that are taken: a wider one is a mistake, and would put whole networks under suspicion.
const (
	widestV4 = 8
	widestV6 = 19 // the largest that a registry ever gave to one network
)

func normaliseAddress(raw string) (string, error) {
	r, err := netinfo.ParseRange(Refang(raw))
	if err != nil {
		var fault *netinfo.Fault
		if errors.As(err, &fault) {
			return "", errors.New(strings.TrimSuffix(string(fault.Problem)+"; "+fault.Remedy, "; "))
		}
		return "", err
	}
	for p := range r.Prefixes() {
		if p.Addr().Is4() && p.Bits() < widestV4 || p.Addr().Is6() && p.Bits() < widestV6 {
			return "", fmt.Errorf("%s is wider than any one network", p)
		}
	}
	if r.Contains(netip.IPv4Unspecified()) || r.Contains(netip.IPv6Unspecified()) {
		return "", errors.New("the unspecified address is nobody's")
	}
	return r.String(), nil
}

// normaliseDomain takes a name, "*.example.org" for the same as "example.org". A name under which everybody can register is
// refused: it would list all of them.
func normaliseDomain(raw string) (string, error) {
	s := strings.ToLower(strings.TrimPrefix(strings.TrimSuffix(Refang(raw), "."), "*."))
	if strings.ContainsAny(s, "/:@ ") {
		return "", errors.New("a domain name is expected, without scheme, port or path")
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return "", errors.New("an address stands where a domain name is expected")
	}
	if !isASCII(s) {
		ascii, err := idna.Lookup.ToASCII(s)
		if err != nil {
			return "", errors.New("not an internationalised domain name (RFC 5891)")
		}
		s = ascii
	}
	if !isName(s) {
		return "", errors.New("not a domain name")
	}
	if _, err := publicsuffix.EffectiveTLDPlusOne(s); err != nil {
		return "", errors.New("everybody can register under this name: listing it would list all of them")
	}
	return s, nil
}

// isName says whether a lower-case ASCII text is a domain name of at least two labels (RFC 1035 section 2.3.1, RFC 1123
// section 2.1, and the underscore that DNS allows) whose last one is no number.
func isName(s string) bool {
	if len(s) > 253 {
		return false
	}
	labels, last := 0, ""
	for rest, more := s, true; more; labels++ {
		last, rest, more = strings.Cut(rest, ".")
		if last == "" || len(last) > 63 || last[0] == '-' || last[len(last)-1] == '-' {
			return false
		}
		for i := range len(last) {
			if c := last[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return labels >= 2 && strings.Trim(last, "0123456789") != ""
}

var colons = strings.NewReplacer(":", "", " ", "")

// normaliseHash takes a SHA-256 in hexadecimal, with or without colons or spaces, in any case.
func normaliseHash(raw string) (string, error) {
	s := strings.ToLower(strings.TrimSpace(raw))
	s = strings.TrimPrefix(strings.TrimPrefix(s, "sha256:"), "sha-256:")
	if strings.ContainsAny(s, ": ") {
		s = colons.Replace(s)
	}
	switch {
	case strings.Trim(s, "0123456789abcdef") != "":
		return "", errors.New("not a hash in hexadecimal")
	case len(s) == 64:
		return s, nil
	case len(s) == 40, len(s) == 32:
		return "", errors.New("the hash is a SHA-1 or MD5: netschouw knows certificates by their SHA-256")
	}
	return "", fmt.Errorf("a SHA-256 has 64 hexadecimal digits, not %d", len(s))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// timeForms are the forms of times that are understood. A time without a zone is in UTC.
var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly}

// parseTime reads a time; an empty text is none.
func parseTime(s string) (Time, error) {
	if s = strings.TrimSpace(s); s == "" || len(s) > 64 {
		if s == "" {
			return 0, nil
		}
		return 0, errors.New("not a time")
	}
	for _, form := range timeForms {
		if (form == time.DateOnly) != (len(s) == len(time.DateOnly)) {
			continue // a day is the only form of its length: failing at the others first would cost most of the time
		}
		if t, err := time.Parse(form, s); err == nil {
			if t.Unix() == 0 {
				return 0, errors.New("1970-01-01 is how programs write that they do not know")
			}
			return Time(t.Unix()), nil
		}
	}
	return 0, errors.New("a time is not understood: write 2026-01-02 or 2026-01-02T15:04:05Z")
}
