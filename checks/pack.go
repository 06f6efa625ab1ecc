package checks

import (
	"net/netip"
	"time"

	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/strict"
	"github.com/netschouw/netschouw/netinfo"
)

// packFile is a rule pack as its YAML has it; docs/rules.md explains each key.
type packFile struct {
	Pack       string               `yaml:"pack,required"`
	Version    int                  `yaml:"version,required"`
	Title      string               `yaml:"title,required"`
	Sources    map[string]sourceDef `yaml:"sources,required"`
	Indicators []indicatorDef       `yaml:"indicators"`
	Rules      []ruleDef            `yaml:"rules,required"`
	Keys       strict.Keys          `yaml:"-"`
}

type sourceDef struct {
	Title     string      `yaml:"title,required"`
	Publisher string      `yaml:"publisher,required"`
	Date      string      `yaml:"date,required"` // a day, month or year
	URL       string      `yaml:"url"`
	Document  string      `yaml:"document"`
	Note      string      `yaml:"note"`
	Keys      strict.Keys `yaml:"-"`
}

type indicatorDef struct {
	Type      string      `yaml:"type,required"`
	Value     string      `yaml:"value,required"`
	Source    string      `yaml:"source,required"`
	FirstSeen *time.Time  `yaml:"first_seen"`
	LastSeen  *time.Time  `yaml:"last_seen"`
	Note      string      `yaml:"note"`
	Keys      strict.Keys `yaml:"-"`
}

type ruleDef struct {
	ID         string        `yaml:"id,required"`
	Group      string        `yaml:"group,required"`
	Title      string        `yaml:"title,required"`
	Phrase     string        `yaml:"phrase,required"`
	Weight     float64       `yaml:"weight,required"`
	Likelihood string        `yaml:"likelihood,required"`
	Basis      Basis         `yaml:"basis,required"`
	Sources    []string      `yaml:"sources,required"`
	Benign     string        `yaml:"benign,required"`
	Next       string        `yaml:"next"`
	Valid      *validDef     `yaml:"valid"`
	Hard       bool          `yaml:"hard"`
	Each       string        `yaml:"each,required"`
	Protocol   []string      `yaml:"protocol"`
	In         []string      `yaml:"in"`
	When       string        `yaml:"when,required"`
	Evidence   []evidenceDef `yaml:"evidence,required"`
	Cases      []caseDef     `yaml:"cases,required"`
	Keys       strict.Keys   `yaml:"-"`
}

type validDef struct {
	From  *time.Time  `yaml:"from"`
	Until *time.Time  `yaml:"until"`
	Keys  strict.Keys `yaml:"-"`
}

type evidenceDef struct {
	Field string      `yaml:"field,required"`
	Value string      `yaml:"value,required"`
	Keys  strict.Keys `yaml:"-"`
}

// caseDef is a host that a rule must fire on, or a look-alike that it must not.
type caseDef struct {
	Name       string      `yaml:"name,required"`
	Fires      *bool       `yaml:"fires,required"`
	ObservedAt *time.Time  `yaml:"observed_at"`
	Host       caseHost    `yaml:"host,required"`
	Keys       strict.Keys `yaml:"-"`
}

// caseHost is a host of netschouw.host/v1 with everything but the essential left to defaults.
type caseHost struct {
	Address    netip.Addr      `yaml:"address"`
	Owner      *netinfo.Owner  `yaml:"owner"`
	Network    netinfo.Network `yaml:"network"`
	Services   []caseService   `yaml:"services"`
	AcceptsAll bool            `yaml:"accepts_all"`
	DNSNames   []string        `yaml:"dns_names"`
}

type caseService struct {
	Port     uint16       `yaml:"port,required"`
	Protocol string       `yaml:"protocol,required"`
	Status   probe.Status `yaml:"status"`
	TLS      *probe.TLS   `yaml:"tls"`
	Banner   string       `yaml:"banner"`
	Fields   strict.Raw   `yaml:"fields"`
	Keys     strict.Keys  `yaml:"-"`
}

// The scopes of a rule: what its condition is asked of.
const (
	eachHost    = "host"
	eachService = "service"
	eachName    = "name"
)

// The types of an indicator.
const (
	kindDomain  = "domain"
	kindCert    = "cert_sha256"
	kindSPKI    = "spki_sha256"
	kindAddress = "address"
)

// groupNames are the groups of traits; those before contextGroup are independent of each other and count towards a match.
var groupNames = [...]string{"indicator", "mail", "panel", "store", "automation", "proxy", "linkage", "context"}

const (
	indicatorGroup = "indicator"
	contextGroup   = "context"
)

// Groups returns the groups of traits, in the order in which reports show them. The last, context, is never one of the
// groups that a match asks for.
func Groups() []string { return append([]string(nil), groupNames[:]...) }

// Source is a document that a rule rests on.
type Source struct {
	ID        string `json:"id"`
	Title     string `json:"title"`
	Publisher string `json:"publisher"`
	Date      string `json:"date"` // "2024-07-09", "2024-07" or "2024"
	URL       string `json:"url,omitempty"`
	Document  string `json:"document,omitempty"` // a number or other handle where there is no address
	Note      string `json:"note,omitempty"`     // how the document was read
}

// RuleInfo describes a loaded rule, for `rules list`.
type RuleInfo struct {
	Rule       string     `json:"rule"` // "pack/id"
	Pack       string     `json:"pack"` // "pack@version"
	Group      string     `json:"group"`
	Title      string     `json:"title"`
	Weight     float64    `json:"weight"` // natural log-likelihood ratio
	Likelihood string     `json:"likelihood"`
	Basis      Basis      `json:"basis"`
	Sources    []Source   `json:"sources"`
	Benign     string     `json:"benign"`
	Next       string     `json:"next,omitempty"` // what to do about a trait, "" when the rule suggests nothing
	Hard       bool       `json:"hard,omitempty"`
	Each       string     `json:"each"` // "host", "service" or "name"
	Protocols  []string   `json:"protocol,omitempty"`
	In         []string   `json:"in,omitempty"`
	When       string     `json:"when"`
	From       *time.Time `json:"valid_from,omitempty"`  // inclusive
	Until      *time.Time `json:"valid_until,omitempty"` // exclusive
	Cases      int        `json:"cases"`
	File       string     `json:"file"`
	Line       int        `json:"line"`
}
