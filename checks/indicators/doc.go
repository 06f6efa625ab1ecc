// Package indicators takes in lists of indicators that others publish, and tells fast whether an address, a name or a
// certificate is on them. It reads STIX 2.1 bundles, MISP events and CSV, and MISP warninglists of what is known to be
// good. It is pure: bytes in, lists out, no files and no network.
//
// Nothing is half-imported. An entry is taken with all that it says, or it is listed with its line and the reason why it
// was not; a file that is broken gives an error and nothing else.
package indicators
