//go:build !race

package netinfo

// many is how many entries the tests of size use.
const many = 1_000_000
