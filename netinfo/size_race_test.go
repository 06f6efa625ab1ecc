//go:build race

package netinfo

// many is how many entries the tests of size use. The race detector makes them ten times as slow.
const many = 100_000
