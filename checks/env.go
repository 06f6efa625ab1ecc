package checks

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/netschouw/netschouw/checks/probe"
)

// hostView is what a condition sees of a host as `host`. A pointer is a fact that may not have been looked at: a
// condition that reads one which was not does not fire.
type hostView struct {
	Address    string   `expr:"address"`
	AcceptsAll bool     `expr:"accepts_all"`
	Ports      []int    `expr:"ports"`     // where a protocol answered, ascending
	Platform   string   `expr:"platform"`  // "linux", "windows", "bsd"; "" when nothing tells, or services disagree
	DNSNames   []string `expr:"dns_names"` // names whose forward records led here
	// MailDomains are the registrable domains in greetings and certificates of mail services, sorted. Names that
	// only exist inside a machine or a house (localhost, .local, .lan) are left out.
	MailDomains []string `expr:"mail_domains"`
	// MailSelfMade says whether a mail service's certificate was made by its own owner; nil: none was seen.
	MailSelfMade *bool     `expr:"mail_self_made"`
	PTR          *[]string `expr:"ptr"`
	PTRConfirmed *bool     `expr:"ptr_confirmed"`
	ASN          *int      `expr:"asn"`
	ASOrg        *string   `expr:"as_org"`
	Country      *string   `expr:"country"`
	Customer     *string   `expr:"customer"`
	Tags         *[]string `expr:"tags"` // of the customer, lower case
}

// serviceView is the service at hand, as `service`.
type serviceView struct {
	Port     int    `expr:"port"`
	Protocol string `expr:"protocol"`
	Status   string `expr:"status"`
	Banner   string `expr:"banner"`
}

// nameView is the name at hand, as `name`.
type nameView struct {
	Value string `expr:"value"`
	In    string `expr:"in"`
	Port  int    `expr:"port"`
}

// spot is one place on a host where something was seen; a list of them is evidence.
type spot struct {
	port  uint16
	value string
}

// errNotLookedAt ends a condition that read a fact which was not looked at. It is no fault: the rule does not fire.
var errNotLookedAt = errors.New("not looked at")

// errLiteral is the answer of a function's type-checking stand-in; the loader replaces every call by its fast form.
var errLiteral = errors.New("called without literal arguments")

// Functions whose arguments are literals: the loader checks them and turns the calls into those of hidden functions
// with numbers for arguments, which cost a few nanoseconds.
var literalFuncs = map[string]string{
	"count": "_count", "has": "_has", "seen": "_seen",
	"word": "_word", "words": "_words", "words_in": "_words", "excerpt": "_excerpt",
}

// identifier is a protocol's name in conditions.
func identifier(protocol string) string { return strings.ReplaceAll(protocol, "-", "_") }

// environment returns the variables and functions that a rule's condition may use, bound to ev. A rule for a service
// sees the details of its own protocols only.
func environment(ev *evaluator, each string, protocols []string) map[string]any {
	env := map[string]any{
		"host": &ev.host, "registrable": registrable,
		"listed": ev.listed, "listed_hash": ev.listedHash, "listed_address": ev.listedAddress,
		"_count": ev.countMask, "_has": ev.hasMask, "_seen": ev.seenMask, "_word": ev.wordIn,
		"_words": ev.wordCount, "_excerpt": ev.excerpts,
		"count":    func(...string) int { panic(errLiteral) },
		"has":      func(...string) bool { panic(errLiteral) },
		"seen":     func(...string) []spot { panic(errLiteral) },
		"word":     func(string, ...string) bool { panic(errLiteral) },
		"words":    func(...string) int { panic(errLiteral) },
		"words_in": func(string, ...string) int { panic(errLiteral) },
		"excerpt":  func(...string) []spot { panic(errLiteral) },
	}
	switch each {
	case eachService:
		env["service"], env["tls"] = &ev.service, (*probe.TLS)(nil)
		for _, name := range protocols {
			if p, ok := probe.ByName(name); ok {
				env[identifier(name)] = p.New()
			}
		}
	case eachName:
		env["name"] = &ev.name
	}
	return env
}

// names lists what a rule's author may write, for suggestions.
func names(env map[string]any) (list []string) {
	for name := range env {
		if name[0] != '_' {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// pointersIn lists the pointer types among the fields of the values of an environment, at any depth: the facts that
// may not have been looked at.
func pointersIn(env map[string]any) []reflect.Type {
	found := map[reflect.Type]bool{reflect.TypeFor[*probe.TLS](): true}
	seen := map[reflect.Type]bool{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer:
			found[t] = true
			walk(t.Elem())
		case reflect.Slice, reflect.Map, reflect.Array:
			walk(t.Elem())
		case reflect.Struct:
			if seen[t] {
				return
			}
			seen[t] = true
			for i := range t.NumField() {
				if t.Field(i).IsExported() {
					walk(t.Field(i).Type)
				}
			}
		}
	}
	for _, v := range env {
		walk(reflect.TypeOf(v))
	}
	var list []reflect.Type
	for t := range found {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b reflect.Type) int { return strings.Compare(a.String(), b.String()) })
	return list
}
