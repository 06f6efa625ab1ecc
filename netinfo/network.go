package netinfo

import "net/netip"

// Network is what DNS and the GeoIP databases say of an address. Every field is tri-state: nil means "not looked
// at" (no resolver or database configured, or the look-up failed) and is never evidence of anything; an empty
// value means "looked, and there was nothing".
type Network struct {
	// ASN is the autonomous system that announces the address; 0 when the database has no entry.
	ASN *uint32 `json:"asn"`
	// ASOrg is the name the ASN database gives for ASN.
	ASOrg *string `json:"as_org"`
	// Country is the ISO 3166-1 alpha-2 code, "" when the database has no entry.
	Country *string `json:"country"`
	// PTR holds the names of the PTR records (RFC 1035 section 3.5) without the trailing dot, lower case, at most 16.
	PTR []string `json:"ptr"`
	// PTRConfirmed says whether one of the names in PTR resolves back to the address (FCrDNS, RFC 8499).
	PTRConfirmed *bool `json:"ptr_confirmed"`
}

// Owner is the customer to whom the provider assigned the address; the longest matching prefix wins.
type Owner struct {
	Customer string       `json:"customer"`
	Name     string       `json:"name,omitempty"`
	Abuse    string       `json:"abuse_email,omitempty"`
	Tags     []string     `json:"tags,omitempty"`
	Range    netip.Prefix `json:"range"`
}
