// Package config is netschouw's configuration: one YAML file, environment variables and flags, all derived from one
// table of keys (see Keys).
//
// A value comes from, in this order, a flag, the environment, the file, the default. Exclusions alone add up over these
// places: a flag for today must not bring back a host that opted out. Unknown and doubled keys, wrong
// types, missing units and values out of bounds are errors that say where (file:line:column, variable or flag), what,
// and what to write instead. Nothing is contacted before the configuration is known to be whole.
package config

import (
	"net/netip"
	"time"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/report"
	"github.com/netschouw/netschouw/sweep"
)

// Config is a whole configuration. The zero value is not usable; Default and Load give one.
type Config struct {
	Scope    Scope
	Sweep    Sweep
	Identify Identify
	NetInfo  NetInfo
	Rules    Rules
	Output   Output
	Log      Log
	State    string // folder for the cursor and the findings of the last run, created 0700 when needed
	FailOn   string // match | suspect | never

	origins map[string]string // key path -> where its value was written
}

// Scope says which addresses are the provider's own. The texts are parsed by package netinfo, whose errors name At.
type Scope struct {
	Owned, Excluded           []Item   // CIDRs, addresses, a-b ranges
	OwnedFiles, ExcludedFiles []string // one entry per line
	ASNs                      []uint32 // the autonomous systems that must announce Owned
}

// Sweep says how the tour goes.
type Sweep struct {
	Range       []Item // narrows Scope.Owned for this run; empty: all of it
	Discovery   string // auto | connect | syn
	Ports       Ports
	Rate        Rate // connection attempts over all hosts
	RatePer24   Rate // connection attempts to one IPv4 /24 or IPv6 /64
	PerHost     int  // connections per host and run
	Timeout     Timeout
	Concurrency int              // conversations held at once; 0: package sweep chooses
	Targets     []string         // files of addresses that are visited beside the ranges that can be walked; "-": standard input
	Canary      []netip.AddrPort // must be seen for the run to be believed; port 0: any answer will do
	Escalate    string           // none | pages | all-ports: how a suspect is looked at again
	PerSuspect  int              // connections per suspect and run, when all of its ports are tried
	SuspectRate Rate             // connection attempts to one suspect
	Seed        uint64           // of the order of addresses; 0: random
	Resume      bool             // go on where the last run stopped
}

// Timeout bounds the three waits of a sweep.
type Timeout struct {
	Connect   Duration // for the answer to a connection attempt
	Handshake Duration // for a peer that was asked to say something; a conversation may last three times that
	Host      Duration // for everything about one host
	Suspect   Duration // for trying all ports of a suspect
}

// Identify is what probed hosts are told of who asks.
type Identify struct{ Contact, EHLO string }

// NetInfo says what is known of an address without asking it.
type NetInfo struct {
	Resolvers []string // host:port; empty: DNS is not looked at
	DNSRate   Rate     // queries to the resolvers
	ASNDB     string   // MMDB file; "": not looked at
	CountryDB string   // MMDB file; "": not looked at
	Customers string   // CSV file; "": not looked at
}

// Rules says what to look for.
type Rules struct {
	Packs []string // names of embedded packs
	Dirs  []string // folders with further packs
	// Policy turns weights into a verdict: the prior, and the scores of a suspect and of a match.
	Policy checks.Policy
}

// Output says what is written, and where.
type Output struct {
	Format string // a format of package report
	File   string // "": standard output
	All    bool   // clear hosts too
	Lang   string // language of what people read
	// Reporter says who reports, in formats that tell other organisations.
	Reporter report.Reporter
}

// Log says what is told on standard error.
type Log struct {
	Level, Format string
	Quiet         bool
}

// Default returns the configuration of an empty file.
func Default() *Config {
	return &Config{
		Sweep: Sweep{
			Discovery: "auto",
			Ports:     DefaultPorts(),
			Rate:      PerSecond(10000),
			// A /24 is often one customer behind one uplink: a tenth of the whole rate at most goes there.
			RatePer24: PerSecond(1000),
			PerHost:   64,
			Escalate:  "all-ports",
			// Every port once, and room for handshakes behind those that are open.
			PerSuspect:  70000,
			SuspectRate: PerSecond(500),
			Timeout: Timeout{
				Connect:   Duration(2 * time.Second),  // one SYN retransmission (RFC 6298: after 1s) still fits
				Handshake: Duration(5 * time.Second),  // slow greetings, such as postscreen's, still fit
				Host:      Duration(60 * time.Second), // a tarpit holds one worker no longer than this
				Suspect:   Duration(5 * time.Minute),  // 65,535 ports at the rate below take two minutes and a half
			},
		},
		NetInfo: NetInfo{DNSRate: PerSecond(200)},
		Rules:   Rules{Packs: []string{"meliorator"}, Policy: checks.DefaultPolicy()},
		Output:  Output{Format: "text", Lang: "en"},
		Log:     Log{Level: "info", Format: "text"},
		State:   "/var/lib/netschouw",
		FailOn:  "never",
		origins: map[string]string{},
	}
}

// Origin tells where a key's value was written, "default" when nowhere.
func (c *Config) Origin(path string) string {
	if at := c.origins[path]; at != "" {
		return at
	}
	return "default"
}

// Settings are what identifies the tour that a configuration describes: what decides which addresses and ports a resumed
// run would visit, and how it would judge, and not pace, output or logs. Exclusions are left out on purpose: a new one
// counts at once, on resume too.
func (c *Config) Settings() sweep.Settings {
	var list sweep.Settings
	for _, k := range keys {
		if k.tour {
			list = append(list, sweep.Setting{Key: k.Path, Values: k.bind(c).show()})
		}
	}
	return list
}
