package report

var english = texts{
	Thousands: ",", Decimal: ".",

	Run: "run", LookedAt: "looked at", When: "when", LookedFor: "looked for", Stopped: "stopped",
	To: "to", More: "and %s more", Addresses: plural{"%s address", "%s addresses"},
	StoppedReason: "before its end: what follows is a part of the whole",

	Hosts: "HOSTS", Verdicts: "VERDICTS", PortAttempts: "ports tried",
	AcceptAll: plural{"%s host accepts connections on every port: its open ports say nothing", "%s hosts accept connections on every port: their open ports say nothing"},
	Assessed:  "assessed", Silent: "silent", Unreachable: "unreachable", LocalError: "local error",
	Skipped: "skipped", Interrupted: "interrupted", Left: "not come to",
	OverBudget: "over budget", Failed: "our failure", Earlier: "done earlier",
	Match: "match", Suspect: "suspect", Clear: "clear",
	Outcome: [...]string{"not looked at", "open", "refused", "timed out", "unreachable", "reset", "out of scope",
		"over budget", "local error"},

	Table: "HOSTS TO LOOK AT", Address: "ADDRESS", Verdict: "VERDICT", Score: "SCORE", Customer: "CUSTOMER", Groups: "GROUPS",
	MoreCards: plural{
		"%s more host of the table has no card here. See it with `netschouw check ADDRESS`, or all with `--format jsonl`.",
		"%s more hosts of the table have no card here. See one with `netschouw check ADDRESS`, or all with `--format jsonl`."},

	NoPTR: "no PTR record", PTRNotLookedAt: "PTR not looked at", Unconfirmed: "not confirmed", NoCustomer: "not known",
	AcceptsAll: "Every port that was tried was open, random ones included: a SYN proxy, a tarpit or a honeypot. " +
		"Only protocols that really answered count.",
	Why: "WHY", Evidence: "EVIDENCE", AlsoTraits: "also: ", Innocent: "IT MAY BE INNOCENT", NextStep: "NEXT STEP",
	Weight: "weight %s", Uncounted: "adds nothing (a stronger trait of its group counts)", Hard: "live indicator",
	Fact: "published fact", Inference: "our inference", Host: "host",
	NextMatch: []string{
		"Have a second person read the evidence. It shows how the server is set up, not who uses it or what for.",
		"Preserve first: the contract, payment and log-in records and flow data that you may keep. Do not change or " +
			"end the server, and do not warn the customer, before that is decided.",
		"Let legal counsel decide on a report. The advisory behind the rules was signed by the Netherlands Police, " +
			"AIVD and MIVD among others.",
	},
	NextSuspect: []string{
		"Most suspects are innocent. Read the evidence beside the explanations above and what you know of the customer.",
		"If it stays unexplained, ask the customer what the services are for, and ask to close what need not be open.",
	},
	NextClear: []string{"None. Nothing adds up to the pattern that was looked for."},
	NextAs:    "As for %s above.",
	AsAbove:   "%s: as for %s above.", TheirOthers: "also theirs", NotTried: "not tried: %s",
	NextRules: "About the traits:", NextRulesMatch: "Once that is decided, about the traits:",
	CheckAgain: "Look again, more deeply:",

	Seen: "WHAT WAS SEEN", Services: "services", NoServices: "no open port", Names: "names", NotLookedAt: "not looked at", Nothing: "none",
	Ports: "ports tried", Prior: "%s before any trait, %s after", Connections: plural{"%s connection", "%s connections"}, Observed: "seen at",
	Certificate: "certificate", Subject: "subject", Issuer: "issuer", Valid: "valid", SelfIssued: "self-issued", Also: "and %d more",

	NothingFound: "NO HOST IS A MATCH OR A SUSPECT",
	NothingMeans: plural{
		"It means that the %s host that was assessed did not show, on the ports that were tried and at that moment, the " +
			"combination of traits that %s describes.",
		"It means that none of the %s hosts that were assessed showed, on the ports that were tried and at that moment, " +
			"the combination of traits that %s describes."},
	NothingMeansNot: "It does not mean that the network is free of misuse. A server behind a firewall or a log-in, one that " +
		"was off, or one set up in another way looks like any other.",
	NobodyAnswered: "No host was assessed, so nothing can be said of any. Check that the ranges are right and that " +
		"nothing between here and there drops the packets.",
	NotSeen: "WHAT WAS NOT LOOKED AT",
	SilentNote: plural{
		"%s address was silent: nothing came back from any port that was tried. A host behind a firewall looks the same.",
		"%s addresses were silent: nothing came back from any port that was tried. A host behind a firewall looks the same."},
	UnreachableNote: plural{"%s address was unreachable: the network said so.", "%s addresses were unreachable: the network said so."},
	LocalNote: plural{
		"%s address could not be tried because of a fault on this machine. Look in the log, and run again.",
		"%s addresses could not be tried because of a fault on this machine. Look in the log, and run again."},
	SkippedNote: plural{
		"%s address was skipped: excluded, or out of scope. Nothing was sent to it.",
		"%s addresses were skipped: excluded, or out of scope. Nothing was sent to them."},
	InterruptedNote: plural{"%s host was begun and not finished.", "%s hosts were begun and not finished."},
	OverBudgetNote: plural{
		"%s host used up its budget of connections before it answered (sweep.per_host).",
		"%s hosts used up their budget of connections before they answered (sweep.per_host)."},
	FailedNote: plural{
		"%s host could not be judged because of a fault of netschouw. Please report it, with the log.",
		"%s hosts could not be judged because of a fault of netschouw. Please report it, with the log."},
	EarlierNote: plural{
		"%s address was dealt with before the run was resumed. If it is at suspect or higher it is above; it is in none of the counts.",
		"%s addresses were dealt with before the run was resumed. Those at suspect or higher are above; none is in the counts of hosts."},
	LeftNote: plural{
		"%s address was not come to. Go on with `netschouw sweep --resume`.",
		"%s addresses were not come to. Go on with `netschouw sweep --resume`."},
	UnansweredNote: plural{
		"Names: %s question was not answered by the resolvers (netinfo.resolvers), so that name could not count.",
		"Names: %s questions were not answered by the resolvers (netinfo.resolvers), so those names could not count."},
	NoDNS:       "Names: no DNS resolver is configured (netinfo.resolvers), so PTR records could not count.",
	NoASN:       "Networks: no ASN database is configured (netinfo.asn_db).",
	NoCountry:   "Countries: no country database is configured (netinfo.country_db).",
	NoCustomers: "Customers: no customer list is configured (netinfo.customers).",
	Outside: "Anything behind a log-in, UDP, ports that were not tried, and web sites that answer to their own name " +
		"only: pages are asked for by address. Only harmless handshakes were made; no mail, " +
		"database or session was read.",
}
