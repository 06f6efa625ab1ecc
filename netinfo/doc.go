// Package netinfo holds what is known of an address without asking it: whether it is ours to look at (Scope),
// what its names are (DNS), which network announces it (ASN, country), and whose it is (customers).
//
// Nothing here contacts a probed host. The only traffic this package sends goes to the configured resolvers.
package netinfo
