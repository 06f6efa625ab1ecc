package report

import "time"

// Summary is what a report says of the run as a whole: plain data, filled by the command. A zero field is one that
// the caller does not know, and text leaves it out.
type Summary struct {
	Run     string    `json:"run"`     // ULID of the run
	Version string    `json:"version"` // of netschouw
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	// Ranges are what the run was to look at, as CIDR prefixes, addresses or names.
	Ranges []string `json:"ranges"`
	// Addresses is how many addresses Ranges hold after exclusions, Earlier how many of them were dealt with before
	// the run was resumed: they are in none of the counts of hosts and ports.
	Addresses uint64        `json:"addresses"`
	Earlier   uint64        `json:"earlier,omitempty"`
	Hosts     HostCounts    `json:"hosts"`
	Verdicts  VerdictCounts `json:"verdicts"`
	// Ports counts the attempts of discovery by how they ended; the keys are the names of dial.Outcomes.
	Ports map[string]uint64 `json:"ports"`
	// AcceptAll is how many of the assessed hosts accept connections on every port.
	AcceptAll uint64   `json:"accept_all"`
	Packs     []string `json:"packs"` // rule packs with their versions, "meliorator@1"
	// Complete says that every address was dealt with; Stopped says why not, in a few words.
	Complete bool   `json:"complete"`
	Stopped  string `json:"stopped,omitempty"`
	// LookedAt says which sources the run had. What a run had no source for is not looked at.
	LookedAt LookedAt `json:"looked_at"`
	// Unanswered is how many questions the DNS resolvers did not answer: these names are not looked at either.
	Unanswered uint64 `json:"dns_unanswered,omitempty"`
}

// HostCounts is how the addresses of a run ended. Every address is in one of these, or was not come to.
type HostCounts struct {
	Assessed    uint64 `json:"assessed"`    // something answered, if only by a refusal: asked, and judged by the rules
	Silent      uint64 `json:"silent"`      // nothing came back from any port
	Unreachable uint64 `json:"unreachable"` // the network said so (ICMP)
	LocalError  uint64 `json:"local_error"` // this machine could not try: says nothing of the host
	Skipped     uint64 `json:"skipped"`     // excluded, or out of scope: nothing was sent
	OverBudget  uint64 `json:"over_budget"` // the budget of connections ended before anything answered
	Failed      uint64 `json:"failed"`      // a fault of netschouw; please report it
	Interrupted uint64 `json:"interrupted"` // begun, not finished: the run was stopped
}

// VerdictCounts is how the assessed hosts were judged.
type VerdictCounts struct {
	Match   uint64 `json:"match"`
	Suspect uint64 `json:"suspect"`
	Clear   uint64 `json:"clear"`
}

// LookedAt says what a run had a source for.
type LookedAt struct {
	DNS       bool `json:"dns"`       // a resolver: names of addresses
	ASN       bool `json:"asn"`       // a database of autonomous systems
	Country   bool `json:"country"`   // a database of countries
	Customers bool `json:"customers"` // the provider's list of customers
}
