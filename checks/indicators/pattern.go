package indicators

import (
	"errors"
	"fmt"
	"strings"
)

// term is one value of a pattern.
type term struct {
	kind  Kind
	value string
}

// Bounds of a pattern. Real ones have a handful of values.
const (
	maxPattern = 1 << 20
	maxTerms   = 10_000
	maxNesting = 32
)

// parsePattern reads a STIX pattern (STIX 2.1 section 9) that is nothing but a list of values of which any one will do:
// comparisons of addresses, names and certificate hashes by = or IN (and ISSUBSET for addresses), joined by OR. Any other
// pattern says more than a list can hold, and is refused whole.
func parsePattern(pattern string) ([]term, error) {
	if len(pattern) > maxPattern {
		return nil, errors.New("the pattern is too long")
	}
	p := &patternParser{rest: pattern}
	p.next()
	if err := p.observations(0); err != nil {
		return nil, err
	}
	if p.token != "" {
		return nil, p.unexpected("the end of the pattern")
	}
	return p.terms, nil
}

// patternParser is a recursive descent over the tokens of a pattern. A string's token keeps its opening quote.
type patternParser struct {
	rest  string
	token string // "" at the end
	terms []term
}

// next reads the next token.
func (p *patternParser) next() {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if p.rest == "" {
		p.token = ""
		return
	}
	n := 1
	switch c := p.rest[0]; {
	case c == '\'':
		for n < len(p.rest) && p.rest[n] != '\'' {
			if p.rest[n] == '\\' {
				n++
			}
			n++
		}
		n = min(n+1, len(p.rest))
	case strings.IndexByte("[]()=,", c) >= 0:
	default: // a word, or an object path with its quoted parts
		for n < len(p.rest) && strings.IndexByte(" \t\r\n[]()=,<>!", p.rest[n]) < 0 {
			if p.rest[n] == '\'' && p.rest[n-1] == '.' {
				if end := strings.IndexByte(p.rest[n+1:], '\''); end >= 0 {
					n += end + 1
				}
			}
			n++
		}
	}
	p.token, p.rest = p.rest[:n], p.rest[n:]
}

func (p *patternParser) unexpected(want string) error {
	if p.token == "" {
		return fmt.Errorf("the pattern ends where %s is expected", want)
	}
	switch strings.ToUpper(p.token) {
	case "AND", "FOLLOWEDBY", "NOT", "WITHIN", "REPEATS", "START", "STOP", "LIKE", "MATCHES", "ISSUPERSET", "EXISTS":
		return fmt.Errorf("the pattern has %s: only values joined by OR can be used", strings.ToUpper(p.token))
	}
	return fmt.Errorf("%.40q stands in the pattern where %s is expected", p.token, want)
}

// either reads one or more of what item reads, joined by OR.
func (p *patternParser) either(depth int, item func(depth int) error) error {
	if depth > maxNesting {
		return errors.New("the pattern is nested too deeply")
	}
	for {
		if err := item(depth); err != nil {
			return err
		}
		if !strings.EqualFold(p.token, "OR") {
			return nil
		}
		p.next()
	}
}

// closing reads a closing bracket.
func (p *patternParser) closing(bracket string) error {
	if p.token != bracket {
		return p.unexpected(bracket + " or OR")
	}
	p.next()
	return nil
}

// observations are "[...] OR [...]", with parentheses or without.
func (p *patternParser) observations(depth int) error {
	return p.either(depth, func(depth int) error {
		switch p.token {
		case "(":
			p.next()
			if err := p.observations(depth + 1); err != nil {
				return err
			}
			return p.closing(")")
		case "[":
			p.next()
			if err := p.comparisons(depth + 1); err != nil {
				return err
			}
			return p.closing("]")
		}
		return p.unexpected("[")
	})
}

// comparisons are "path = 'value' OR ...", with parentheses or without.
func (p *patternParser) comparisons(depth int) error {
	return p.either(depth, func(depth int) error {
		if p.token == "(" {
			p.next()
			if err := p.comparisons(depth + 1); err != nil {
				return err
			}
			return p.closing(")")
		}
		return p.comparison()
	})
}

func (p *patternParser) comparison() error {
	if p.token == "" || strings.EqualFold(p.token, "NOT") || strings.EqualFold(p.token, "EXISTS") {
		return p.unexpected("a property")
	}
	path := p.token
	kind, err := kindOfPath(path)
	if err != nil {
		return err
	}
	p.next()
	switch operator := strings.ToUpper(p.token); operator {
	case "=":
		p.next()
		return p.literal(kind)
	case "ISSUBSET":
		if kind != Address {
			return p.unexpected("= or IN")
		}
		p.next()
		return p.literal(kind)
	case "IN":
		p.next()
		return p.oneOf(kind)
	}
	return p.unexpected("= or IN")
}

// oneOf reads "('a', 'b')".
func (p *patternParser) oneOf(kind Kind) error {
	if p.token != "(" {
		return p.unexpected("(")
	}
	for {
		p.next()
		if err := p.literal(kind); err != nil {
			return err
		}
		if p.token == ")" {
			p.next()
			return nil
		}
		if p.token != "," {
			return p.unexpected(", or )")
		}
	}
}

// literal reads a string, in which \' and \\ stand for ' and \.
func (p *patternParser) literal(kind Kind) error {
	if len(p.token) < 2 || p.token[0] != '\'' || p.token[len(p.token)-1] != '\'' {
		return p.unexpected("a quoted value")
	}
	if len(p.terms) >= maxTerms {
		return errors.New("the pattern has too many values")
	}
	value := p.token[1 : len(p.token)-1]
	if strings.Contains(value, `\`) {
		value = escapes.Replace(value)
	}
	p.terms = append(p.terms, term{kind, value})
	p.next()
	return nil
}

var escapes = strings.NewReplacer(`\'`, `'`, `\\`, `\`)

// kindOfPath is the kind of indicator that an object path is about.
func kindOfPath(path string) (Kind, error) {
	if strings.ContainsAny(path, `'"`) {
		path = strings.ReplaceAll(strings.ReplaceAll(path, "'", ""), `"`, "")
	}
	switch path {
	case "ipv4-addr:value", "ipv6-addr:value":
		return Address, nil
	case "domain-name:value":
		return Domain, nil
	case "x509-certificate:hashes.SHA-256", "x509-certificate:hashes.SHA256":
		return Certificate, nil
	case "x509-certificate:hashes.SHA-1", "x509-certificate:hashes.MD5":
		return 0, errors.New("netschouw knows certificates by their SHA-256, not by SHA-1 or MD5")
	case "url:value":
		return 0, errors.New("a URL names one page, and its host may have others")
	}
	return 0, fmt.Errorf("%.60q is no property that netschouw looks for: addresses, domain names and SHA-256 hashes of certificates are", path)
}
