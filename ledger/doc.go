// Package ledger is the memory of netschouw: which runs there were, which hosts they found, how each finding went on
// from run to run, what was done about it, and the evidence, in one SQLite file.
//
// A finding belongs to one address. What is compared from run to run is the set of rules that fired there, the verdict
// and the customer; banners, PTR records and latencies change daily and mean nothing. A finding is gone only when its
// address was looked at again and found clear: an address that was not reached says nothing.
package ledger
