//go:build race

package main

// raceEnabled says that the race detector watches, which takes ten times the memory.
const raceEnabled = true
