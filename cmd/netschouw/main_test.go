package main

import (
	"context"
	"os"
	"testing"
)

// asNetschouw makes this test binary behave as netschouw itself: signals, streams and the demo's own network need a
// process, and one that is built with the race detector when the tests are.
const asNetschouw = "RUN_AS_NETSCHOUW"

func TestMain(m *testing.M) {
	if os.Getenv(asNetschouw) != "" {
		tune()
		os.Exit(Run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}
