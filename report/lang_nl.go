package report

var dutch = texts{
	Thousands: ".", Decimal: ",",

	Run: "run", LookedAt: "bekeken", When: "wanneer", LookedFor: "gezocht naar", Stopped: "gestopt",
	To: "tot", More: "en nog %s", Addresses: plural{"%s adres", "%s adressen"},
	StoppedReason: "voor het einde: wat volgt is een deel van het geheel",

	Hosts: "HOSTS", Verdicts: "OORDELEN", PortAttempts: "poorten",
	AcceptAll: plural{"%s host heeft elke poort open: zijn open poorten zeggen niets", "%s hosts hebben elke poort open: hun open poorten zeggen niets"},
	Assessed:  "beoordeeld", Silent: "stil", Unreachable: "onbereikbaar", LocalError: "fout hier",
	Skipped: "overgeslagen", Interrupted: "afgebroken", Left: "niet bereikt",
	OverBudget: "boven budget", Failed: "onze fout", Earlier: "eerder gedaan",
	Match: "match", Suspect: "verdacht", Clear: "onverdacht",
	Outcome: [...]string{"niet bekeken", "open", "geweigerd", "geen antwoord", "onbereikbaar", "verbroken", "buiten bereik",
		"boven budget", "eigen fout"},

	Table: "HOSTS OM NAAR TE KIJKEN", Address: "ADRES", Verdict: "OORDEEL", Score: "SCORE", Customer: "KLANT", Groups: "GROEPEN",
	MoreCards: plural{
		"Nog %s host uit de tabel staat hier niet uitgewerkt. Zie hem met `netschouw check ADRES`, of alle met `--format jsonl`.",
		"Nog %s hosts uit de tabel staan hier niet uitgewerkt. Zie er een met `netschouw check ADRES`, of alle met `--format jsonl`."},

	NoPTR: "geen PTR-record", PTRNotLookedAt: "PTR niet bekeken", Unconfirmed: "niet bevestigd", NoCustomer: "niet bekend",
	AcceptsAll: "Elke geprobeerde poort was open, ook willekeurige: een SYN-proxy, een tarpit of een honeypot. " +
		"Alleen protocollen die echt antwoordden tellen mee.",
	Why: "WAAROM", Evidence: "BEWIJS", AlsoTraits: "ook: ", Innocent: "HET KAN ONSCHULDIG ZIJN", NextStep: "VOLGENDE STAP",
	Weight: "gewicht %s", Uncounted: "telt niet mee (een sterker kenmerk van zijn groep telt)", Hard: "actuele indicator",
	Fact: "gepubliceerd feit", Inference: "onze gevolgtrekking", Host: "host",
	NextMatch: []string{
		"Laat een tweede persoon het bewijs lezen. Het toont hoe de server is ingericht, niet wie hem gebruikt of waarvoor.",
		"Stel eerst veilig: contract-, betaal- en inloggegevens en flowdata die u mag bewaren. Wijzig of beëindig de " +
			"server niet, en waarschuw de klant niet, voordat daarover is besloten.",
		"Laat een jurist beslissen over een melding. Het advies achter de regels is mede ondertekend door de Nederlandse " +
			"politie, de AIVD en de MIVD.",
	},
	NextSuspect: []string{
		"De meeste verdachte hosts zijn onschuldig. Leg het bewijs naast de verklaringen hierboven en wat u van de klant weet.",
		"Blijft het onverklaard, vraag de klant dan waar de diensten voor zijn, en te sluiten wat niet open hoeft te staan.",
	},
	NextClear: []string{"Geen. Niets telt op tot het patroon waarnaar is gezocht."},
	NextAs:    "Zoals bij %s hierboven.",
	AsAbove:   "%s: zoals bij %s hierboven.", TheirOthers: "ook van hen", NotTried: "niet geprobeerd: %s",
	NextRules: "Over de kenmerken:", NextRulesMatch: "Als dat is besloten, over de kenmerken:",
	CheckAgain: "Opnieuw en grondiger kijken:",

	Seen: "WAT IS GEZIEN", Services: "diensten", NoServices: "geen open poort", Names: "namen", NotLookedAt: "niet bekeken", Nothing: "geen",
	Ports: "poorten", Prior: "%s vóór enig kenmerk, %s erna", Connections: plural{"%s verbinding", "%s verbindingen"}, Observed: "gezien op",
	Certificate: "certificaat", Subject: "houder", Issuer: "uitgever", Valid: "geldig", SelfIssued: "zelf uitgegeven", Also: "en nog %d",

	NothingFound: "GEEN HOST IS EEN MATCH OF VERDACHT",
	NothingMeans: plural{
		"Dat betekent dat de %s beoordeelde host, op de geprobeerde poorten en op dat moment, niet de combinatie van " +
			"kenmerken vertoonde die %s beschrijft.",
		"Dat betekent dat geen van de %s beoordeelde hosts, op de geprobeerde poorten en op dat moment, de combinatie " +
			"van kenmerken vertoonde die %s beschrijft."},
	NothingMeansNot: "Het betekent niet dat het netwerk vrij is van misbruik. Een server achter een firewall of een log-in, " +
		"een die uit stond, of een die anders is ingericht, ziet eruit als elke andere.",
	NobodyAnswered: "Geen enkele host is beoordeeld, dus er valt over geen enkele iets te zeggen. Controleer of de " +
		"ranges kloppen en of niets onderweg de pakketten tegenhoudt.",
	NotSeen: "WAT NIET IS BEKEKEN",
	SilentNote: plural{
		"%s adres was stil: van geen enkele geprobeerde poort kwam iets terug. Een host achter een firewall ziet er net zo uit.",
		"%s adressen waren stil: van geen enkele geprobeerde poort kwam iets terug. Een host achter een firewall ziet er net zo uit."},
	UnreachableNote: plural{"%s adres was onbereikbaar: het netwerk zei dat zelf.", "%s adressen waren onbereikbaar: het netwerk zei dat zelf."},
	LocalNote: plural{
		"%s adres kon niet worden geprobeerd door een fout op deze machine. Kijk in het log en probeer opnieuw.",
		"%s adressen konden niet worden geprobeerd door een fout op deze machine. Kijk in het log en probeer opnieuw."},
	SkippedNote: plural{
		"%s adres is overgeslagen: uitgesloten of buiten bereik. Er is niets naartoe gestuurd.",
		"%s adressen zijn overgeslagen: uitgesloten of buiten bereik. Er is niets naartoe gestuurd."},
	InterruptedNote: plural{"%s host is begonnen en niet afgemaakt.", "%s hosts zijn begonnen en niet afgemaakt."},
	OverBudgetNote: plural{
		"%s host had zijn budget aan verbindingen op voordat hij antwoordde (sweep.per_host).",
		"%s hosts hadden hun budget aan verbindingen op voordat ze antwoordden (sweep.per_host)."},
	FailedNote: plural{
		"%s host kon niet worden beoordeeld door een fout van netschouw. Meld die alstublieft, met het log.",
		"%s hosts konden niet worden beoordeeld door een fout van netschouw. Meld die alstublieft, met het log."},
	EarlierNote: plural{
		"%s adres was al gedaan voordat de run werd hervat. Als het verdacht of erger is staat het hierboven; het telt in geen getal mee.",
		"%s adressen waren al gedaan voordat de run werd hervat. Wat verdacht of erger is staat hierboven; ze tellen niet mee in de aantallen."},
	LeftNote: plural{
		"%s adres is niet bereikt. Ga verder met `netschouw sweep --resume`.",
		"%s adressen zijn niet bereikt. Ga verder met `netschouw sweep --resume`."},
	UnansweredNote: plural{
		"Namen: %s vraag is niet beantwoord door de resolvers (netinfo.resolvers), dus die naam kon niet meetellen.",
		"Namen: %s vragen zijn niet beantwoord door de resolvers (netinfo.resolvers), dus die namen konden niet meetellen."},
	NoDNS:       "Namen: er is geen DNS-resolver ingesteld (netinfo.resolvers), dus PTR-records konden niet meetellen.",
	NoASN:       "Netwerken: er is geen ASN-database ingesteld (netinfo.asn_db).",
	NoCountry:   "Landen: er is geen landendatabase ingesteld (netinfo.country_db).",
	NoCustomers: "Klanten: er is geen klantenlijst ingesteld (netinfo.customers).",
	Outside: "Alles achter een log-in, UDP, poorten die niet zijn geprobeerd, en websites die alleen op hun eigen naam " +
		"antwoorden: pagina's worden per adres gevraagd. Er zijn alleen onschuldige handshakes " +
		"gedaan; geen mail, database of sessie is gelezen.",
}
