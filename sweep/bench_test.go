package sweep

import (
	"testing"
	"time"

	"github.com/netschouw/netschouw/checks"
)

// BenchmarkTour measures what the tour itself costs for each host, with five answering ports, the fleet in this process,
// and conversations, look-ups and rules that take no time.
func BenchmarkTour(b *testing.B) {
	for name, open := range map[string]int{"five open": 5, "one open": 1, "all refused": 0} {
		b.Run(name, func(b *testing.B) {
			var ports []uint16
			for i := range 5 {
				if i < open {
					ports = append(ports, newFleet(b, hangUp).port)
				} else {
					ports = append(ports, closedPort(b))
				}
			}
			cfg := onLoopback(b, b.N, nil, ports...)
			start := time.Now()
			s := run(b, cfg, sinkFunc(func(checks.Finding) error { return nil }))
			wall := time.Since(start).Seconds()
			b.ReportMetric(float64(s.Hosts[Assessed])/wall, "hosts/s")
			b.ReportMetric(float64(s.Attempts)/wall, "attempts/s")
		})
	}
}
