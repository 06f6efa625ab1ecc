package main

import (
	"os"
	"runtime/debug"
)

// gcPercent lets the heap grow by three times what lives before it is collected. A sweep's live heap is some 15 MiB, so that it
// stays far under the 128 MiB that we promise for a /16, and a tenth of the processor's time goes to handshakes instead
// (docs/benchmarks.md).
const gcPercent = 300

// memoryLimit is where the collector begins to work harder. Hosts that send as much as they may make the live heap ten
// times as large; without the limit, a few hundred of them at once would bring a sweep to 260 MiB. It is no bound: what
// lives stays.
const memoryLimit = 100 << 20

// tune sets the collector for a long run, unless the environment does.
func tune() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
