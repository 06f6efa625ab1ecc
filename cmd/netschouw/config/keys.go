package config

import (
	"strings"

	"github.com/netschouw/netschouw/report"
)

// Key is one setting. Its environment variable is derived from its path; flags of the command, the file that `init`
// writes and the documentation are derived from this table.
type Key struct {
	Path    string   // "sweep.rate"
	Flag    string   // "rate"; "" when the setting has no flag
	Arg     string   // placeholder of the value in help, "" for a switch
	Usage   string   // one line: what the setting does
	List    bool     // takes several values
	Choices []string // the only values there are; nil when there are others
	Files   bool     // a path, or a list of them: relative ones in the file are relative to the file's folder
	tour    bool     // part of Settings
	bind    func(*Config) value
}

// pick is a setting whose value is one of a few words.
func pick(path, flag, arg, usage string, field func(*Config) *string, choices ...string) Key {
	n := len(choices) - 1
	return Key{Path: path, Flag: flag, Arg: arg, Choices: choices,
		Usage: usage + ": " + strings.Join(choices[:n], ", ") + " or " + choices[n],
		bind:  func(c *Config) value { return choice(field(c), choices...) }}
}

// ofTour makes a setting part of Settings.
func ofTour(k Key) Key {
	k.tour = true
	return k
}

// keys is the one table of settings, in the order of the file that `init` writes.
var keys = []Key{
	{Path: "scope.owned", Flag: "owned", Arg: "RANGE", List: true, tour: true,
		Usage: "your own ranges: CIDR, address or first-last; nothing else is ever contacted",
		bind:  func(c *Config) value { return items(&c.Scope.Owned) }},
	{Path: "scope.owned_files", Arg: "FILE", List: true, Files: true, tour: true,
		Usage: "files with one owned range per line, # comments",
		bind:  func(c *Config) value { return texts(&c.Scope.OwnedFiles) }},
	{Path: "scope.excluded", Flag: "exclude", Arg: "RANGE", List: true,
		Usage: "never contacted, even though owned; adds to what other places exclude",
		bind:  func(c *Config) value { return moreItems(&c.Scope.Excluded) }},
	{Path: "scope.excluded_files", Flag: "exclude-file", Arg: "FILE", List: true, Files: true,
		Usage: "files with one excluded range per line; a faulty line stops the run; add up too",
		bind:  func(c *Config) value { return moreTexts(&c.Scope.ExcludedFiles) }},
	{Path: "scope.asns", Flag: "asn", Arg: "NUMBER", List: true,
		Usage: "the autonomous systems that must announce every owned range (needs netinfo.asn_db)",
		bind:  func(c *Config) value { return asns(&c.Scope.ASNs) }},

	{Path: "sweep.range", Flag: "range", Arg: "RANGE", List: true, tour: true,
		Usage: "sweep only this part of the owned ranges",
		bind:  func(c *Config) value { return items(&c.Sweep.Range) }},
	{Path: "sweep.targets_files", Flag: "targets", Arg: "FILE", List: true, Files: true, tour: true,
		Usage: "visit these addresses too: one address or small prefix per line, - for standard input; for IPv6 ranges too large to walk",
		bind:  func(c *Config) value { return texts(&c.Sweep.Targets) }},
	{Path: "sweep.canary", Flag: "canary", Arg: "ADDRESS", List: true,
		Usage: "your own address, or address:port, that must be seen all along; if it is not, the run is an error and not a report",
		bind:  func(c *Config) value { return canaries(&c.Sweep.Canary) }},
	pick("sweep.discovery", "discovery", "HOW", "how open ports are found",
		func(c *Config) *string { return &c.Sweep.Discovery }, "auto", "connect", "syn"),
	{Path: "sweep.ports", Flag: "port", Arg: "PORT", List: true, tour: true,
		Usage: "ports to try: default, all, a protocol's name, numbers and ranges such as 8000-8100",
		bind:  func(c *Config) value { return portsValue{&c.Sweep.Ports} }},
	{Path: "sweep.rate", Flag: "rate", Arg: "RATE",
		Usage: "connection attempts over all hosts, such as 10000/s, or unlimited",
		bind:  func(c *Config) value { return rate(&c.Sweep.Rate) }},
	{Path: "sweep.rate_per_24", Flag: "rate-per-24", Arg: "RATE",
		Usage: "connection attempts to one IPv4 /24 or IPv6 /64",
		bind:  func(c *Config) value { return rate(&c.Sweep.RatePer24) }},
	{Path: "sweep.per_host", Flag: "per-host", Arg: "N",
		Usage: "connections per host and run; when it is not set, more if many ports are named",
		bind:  func(c *Config) value { return whole(&c.Sweep.PerHost, 1, 200000) }},
	{Path: "sweep.timeout.connect", Flag: "connect-timeout", Arg: "TIME",
		Usage: "wait for the answer to a connection attempt",
		bind:  func(c *Config) value { return duration(&c.Sweep.Timeout.Connect) }},
	{Path: "sweep.timeout.handshake", Flag: "handshake-timeout", Arg: "TIME",
		Usage: "longest silence of a peer that was asked; a conversation lasts at most three times that",
		bind:  func(c *Config) value { return duration(&c.Sweep.Timeout.Handshake) }},
	{Path: "sweep.timeout.host", Flag: "host-timeout", Arg: "TIME",
		Usage: "longest look at one host",
		bind:  func(c *Config) value { return duration(&c.Sweep.Timeout.Host) }},
	{Path: "sweep.timeout.suspect", Flag: "suspect-timeout", Arg: "TIME",
		Usage: "longest time for trying all ports of a suspect",
		bind:  func(c *Config) value { return duration(&c.Sweep.Timeout.Suspect) }},
	ofTour(pick("sweep.escalate", "escalate", "HOW", "second look at suspects",
		func(c *Config) *string { return &c.Sweep.Escalate }, "none", "pages", "all-ports")),
	{Path: "sweep.per_suspect", Flag: "per-suspect", Arg: "N",
		Usage: "connections per suspect and run, when all of its ports are tried",
		bind:  func(c *Config) value { return whole(&c.Sweep.PerSuspect, 1, 200000) }},
	{Path: "sweep.rate_per_suspect", Flag: "rate-per-suspect", Arg: "RATE",
		Usage: "connection attempts to one suspect, when all of its ports are tried",
		bind:  func(c *Config) value { return rate(&c.Sweep.SuspectRate) }},
	{Path: "sweep.concurrency", Flag: "concurrency", Arg: "N",
		Usage: "conversations held at once; 0 chooses",
		bind:  func(c *Config) value { return whole(&c.Sweep.Concurrency, 0, 100000) }},
	{Path: "sweep.seed", Flag: "seed", Arg: "N",
		Usage: "of the order of addresses; 0 chooses one",
		bind:  func(c *Config) value { return seed(&c.Sweep.Seed) }},
	{Path: "sweep.resume", Flag: "resume",
		Usage: "go on where the last run stopped early",
		bind:  func(c *Config) value { return boolean(&c.Sweep.Resume) }},

	{Path: "identify.contact", Flag: "contact", Arg: "URL",
		Usage: "where an operator can read who asks and why; sent in the User-Agent",
		bind:  func(c *Config) value { return text(&c.Identify.Contact) }},
	{Path: "identify.ehlo", Flag: "ehlo", Arg: "NAME",
		Usage: "our name towards mail servers; empty means an address literal",
		bind:  func(c *Config) value { return text(&c.Identify.EHLO) }},

	{Path: "netinfo.resolvers", Flag: "resolver", Arg: "HOST:PORT", List: true,
		Usage: "DNS resolvers; none means that DNS is not looked at",
		bind:  func(c *Config) value { return texts(&c.NetInfo.Resolvers) }},
	{Path: "netinfo.dns_rate", Flag: "dns-rate", Arg: "RATE",
		Usage: "queries to the resolvers",
		bind:  func(c *Config) value { return rate(&c.NetInfo.DNSRate) }},
	{Path: "netinfo.asn_db", Flag: "asn-db", Arg: "FILE", Files: true,
		Usage: "MMDB file with autonomous systems, such as GeoLite2-ASN.mmdb",
		bind:  func(c *Config) value { return text(&c.NetInfo.ASNDB) }},
	{Path: "netinfo.country_db", Flag: "country-db", Arg: "FILE", Files: true,
		Usage: "MMDB file with countries, such as GeoLite2-Country.mmdb",
		bind:  func(c *Config) value { return text(&c.NetInfo.CountryDB) }},
	{Path: "netinfo.customers", Flag: "customers", Arg: "FILE", Files: true,
		Usage: "CSV file: prefix,customer_id,customer_name,abuse_email,tags,exclude",
		bind:  func(c *Config) value { return text(&c.NetInfo.Customers) }},

	{Path: "rules.packs", Flag: "pack", Arg: "NAME", List: true, tour: true,
		Usage: "rule packs that come with netschouw",
		bind:  func(c *Config) value { return texts(&c.Rules.Packs) }},
	{Path: "rules.dirs", Flag: "rules-dir", Arg: "DIR", List: true, Files: true, tour: true,
		Usage: "folders with further rule packs",
		bind:  func(c *Config) value { return texts(&c.Rules.Dirs) }},
	{Path: "rules.prior", Flag: "prior", Arg: "P", tour: true,
		Usage: "probability that a host is misused before anything is seen of it",
		bind:  func(c *Config) value { return probability(&c.Rules.Policy.Prior) }},
	{Path: "rules.suspect", Arg: "P", tour: true,
		Usage: "score from which a host is a suspect",
		bind:  func(c *Config) value { return probability(&c.Rules.Policy.Suspect) }},
	{Path: "rules.match", Arg: "P", tour: true,
		Usage: "score that a match needs beside three independent groups of traits",
		bind:  func(c *Config) value { return probability(&c.Rules.Policy.Match) }},

	pick("output.format", "format", "FORMAT", "how results are written",
		func(c *Config) *string { return &c.Output.Format }, report.Names()...),
	{Path: "output.file", Flag: "out", Arg: "FILE", Files: true,
		Usage: "write results there (0600) instead of to standard output",
		bind:  func(c *Config) value { return text(&c.Output.File) }},
	{Path: "output.all", Flag: "all",
		Usage: "write clear hosts too",
		bind:  func(c *Config) value { return boolean(&c.Output.All) }},
	pick("output.lang", "lang", "LANG", "language of what people read",
		func(c *Config) *string { return &c.Output.Lang }, report.Languages()...),

	{Path: "report.reporter.org", Arg: "NAME",
		Usage: "your organisation, in formats that tell others (xarf, stix, intelmq)",
		bind:  func(c *Config) value { return text(&c.Output.Reporter.Org) }},
	{Path: "report.reporter.contact", Arg: "MAIL",
		Usage: "the mail address for answers to such a report",
		bind:  func(c *Config) value { return text(&c.Output.Reporter.Contact) }},
	{Path: "report.reporter.domain", Arg: "NAME",
		Usage: "your organisation's domain name in such a report",
		bind:  func(c *Config) value { return text(&c.Output.Reporter.Domain) }},

	pick("log.level", "log-level", "LEVEL", "least important log line that is written",
		func(c *Config) *string { return &c.Log.Level }, "debug", "info", "warn", "error"),
	pick("log.format", "log-format", "FORMAT", "form of log lines",
		func(c *Config) *string { return &c.Log.Format }, "text", "json"),
	{Path: "log.quiet", Flag: "quiet",
		Usage: "no progress and no log below warn on standard error",
		bind:  func(c *Config) value { return boolean(&c.Log.Quiet) }},

	{Path: "state", Flag: "state", Arg: "DIR", Files: true,
		Usage: "folder for the cursor and the findings of the last run",
		bind:  func(c *Config) value { return text(&c.State) }},
	pick("fail_on", "fail-on", "VERDICT", "exit with 3 when hosts of this verdict or worse are found",
		func(c *Config) *string { return &c.FailOn }, "match", "suspect", "never"),
}

// Keys returns the table of settings in order. Callers must not change it.
func Keys() []Key { return keys }

// ByPath returns the setting of that path.
func ByPath(path string) (Key, bool) {
	for _, k := range keys {
		if k.Path == path {
			return k, true
		}
	}
	return Key{}, false
}

// Env is the setting's environment variable: NETSCHOUW_SWEEP_RATE for sweep.rate.
func (k Key) Env() string {
	return "NETSCHOUW_" + strings.ToUpper(strings.ReplaceAll(k.Path, ".", "_"))
}

// Switch says that the setting is on or off, and its flag takes no value.
func (k Key) Switch() bool { return k.Arg == "" }

// DefaultText is the default as help shows it, "" when there is none to show.
func (k Key) DefaultText() string { return strings.Join(k.bind(Default()).show(), ", ") }
