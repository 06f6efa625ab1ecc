package main

import (
	"os"
	"runtime/debug"
)

// gcPercent lets the heap grow by three times what lives before it is collected. A sweep's live heap is some 15 MiB, so that it
// stays far under the 128 MiB that we promise for a /16, and a tenth of the processor's time goes to handshakes instead
// (docs/benchmarks.md).
const gcPercent = 300

// tune sets the collector for a long run, unless the environment does.
func tune() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
