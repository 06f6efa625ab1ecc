package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peak watches the most memory that the process has had resident, in KiB. What getrusage tells of a child includes what its
// parent had when it was started.
func (p *process) peak(t *testing.T) func() int64 {
	t.Helper()
	var most atomic.Int64
	tick := time.NewTicker(20 * time.Millisecond)
	t.Cleanup(tick.Stop)
	go func() {
		for range tick.C {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
			m := highWater.FindSubmatch(status)
			if err != nil || m == nil {
				return // it has ended
			}
			n, _ := strconv.ParseInt(string(m[1]), 10, 64)
			most.Store(max(most.Load(), n))
		}
	}()
	return most.Load
}
