package checks

import (
	"net/netip"
	"time"

	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/netinfo"
)

// Host is everything that one look at one address gave.
type Host struct {
	Address    netip.Addr      `json:"address"`
	ObservedAt time.Time       `json:"observed_at"` // UTC
	Owner      *netinfo.Owner  `json:"owner"`       // nil: no customer list, or not in it
	Network    netinfo.Network `json:"network"`
	Services   []probe.Service `json:"services"` // the open ports, by number
	// AcceptsAll says that every port that was tried was open, random ones included: a SYN proxy, tarpit or
	// honeypot. Only protocols that really answered are then among Services.
	AcceptsAll bool `json:"accepts_all,omitempty"`
	// DNSNames are names whose forward records led to the address, known to `check DOMAIN`.
	DNSNames []string `json:"dns_names,omitempty"`
	// Ports counts how the attempts of discovery ended, by the outcome's name.
	Ports map[string]int `json:"ports,omitempty"`
}

// Verdict is the outcome of an assessment.
type Verdict string

// The verdicts, from worst to best. A host that was not reached has none.
const (
	Match   Verdict = "match"   // a live hard indicator, or at least three groups and the score
	Suspect Verdict = "suspect" // worth a person's look
	Clear   Verdict = "clear"   // looked at, and nothing added up
)

// Basis says whether a rule rests on a published fact or on our own reasoning.
type Basis string

// The bases of a rule.
const (
	Fact      Basis = "fact"
	Inference Basis = "inference"
)

// Evidence is one observed value behind a trait. Value is raw, bounded, and must be cleaned where it is shown.
type Evidence struct {
	Port  uint16 `json:"port,omitempty"`
	Field string `json:"field"`
	Value string `json:"value"`
}

// Trait is a rule that fired on a host.
type Trait struct {
	Rule     string     `json:"rule"` // "pack/id"
	Group    string     `json:"group"`
	Weight   float64    `json:"weight"`         // natural log-likelihood ratio, > 0
	Counted  bool       `json:"counted"`        // false: a stronger trait of the same group already speaks for it
	Hard     bool       `json:"hard,omitempty"` // a live indicator: enough for a match by itself
	Title    string     `json:"title"`
	Evidence []Evidence `json:"evidence"`
	Sources  []string   `json:"sources"`
	Basis    Basis      `json:"basis"`
	Benign   string     `json:"benign"`         // the innocent explanation
	Next     string     `json:"next,omitempty"` // what the rule suggests to do about it; "" when nothing of its own
}

// Assessment is what the rules make of a host.
type Assessment struct {
	Verdict Verdict `json:"verdict"`
	// Score is the probability, 0 to 1, that the host is set up for the misuse, given the prior and the traits.
	Score  float64  `json:"score"`
	Groups []string `json:"groups"` // the groups with a trait, in the order of Groups()
	Traits []Trait  `json:"traits"`
	Reason string   `json:"reason"` // one sentence a person can read
	// Packs names the rule packs and versions used ("meliorator@2"): scores of other versions are not comparable.
	Packs []string `json:"packs"`
	// Prior is the probability before any trait.
	Prior float64 `json:"prior"`
}

// Finding is one line of a machine-readable result, schema netschouw.host/v1 (docs/schema/host.v1.json).
type Finding struct {
	Schema string `json:"schema"`
	Run    string `json:"run"` // ULID of the run
	Host
	Assessment
}

// HostSchema is the value of Finding.Schema.
const HostSchema = "netschouw.host/v1"
