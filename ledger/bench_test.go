package ledger

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
)

// Bounds that the project holds itself to; the benchmarks fail beyond them.
const (
	yearBytes = 500 << 20              // the file, after a year of daily runs over a /16
	listTime  = 100 * time.Millisecond // the list of findings, then
	tourShare = 0.05                   // of a tour's time that writing may take
	tourTime  = 20 * time.Second       // of a tour over a /16, 6 % live
)

// BenchmarkAYear is a year of daily runs over a /16 with 6 % live hosts, of which one in six or so is a finding: a hundred
// times what a provider should have. It reports the size of the file, the time of a list, and the time per run.
func BenchmarkAYear(b *testing.B) {
	for b.Loop() {
		y := newYear(b, 1, 1<<16, 0.06)
		y.world.shape = realistic(b)
		var writing time.Duration
		for range 365 {
			y.clock.add(day)
			y.world.day()
			began := time.Now()
			making := y.tourTimed()
			writing += time.Since(began) - making
		}
		began := time.Now()
		list, err := y.Findings(context.Background(), Filter{}, BySeverity)
		took := time.Since(began)
		require.NoError(b, err)
		_, err = y.db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
		require.NoError(b, err)
		info, err := os.Stat(y.Path())
		require.NoError(b, err)
		b.ReportMetric(float64(info.Size())/(1<<20), "MiB")
		b.ReportMetric(float64(took.Microseconds())/1000, "ms/list")
		b.ReportMetric(float64(len(list)), "findings")
		b.ReportMetric(writing.Seconds()*1000/365, "ms/run")
		require.Less(b, info.Size(), int64(yearBytes))
		require.Less(b, took, listTime)
		require.Less(b, writing.Seconds()/365, tourShare*tourTime.Seconds())
	}
}

// tourTimed is a day's run of which nothing is remembered, and how long the making of the hosts took.
func (y *year) tourTimed() (making time.Duration) {
	writer := y.begin(y.newRun())
	for _, i := range y.world.live {
		began := time.Now()
		f := y.world.finding(i, y.clock.time())
		making += time.Since(began)
		require.NoError(y.t, writer.Host(f))
	}
	require.NoError(y.t, writer.Finish(summary(writer.run, len(y.world.live))))
	return making
}

// BenchmarkHost is what one assessed host costs, commits included: on the first day, when everything is new, and on the
// next one, when all is as it was.
func BenchmarkHost(b *testing.B) {
	shape := realistic(b)
	const hosts = 1000
	for _, kind := range []string{"clear", "suspect"} {
		var list []checks.Finding
		for i := range hosts {
			rules := []string{"mail", "store"}
			if kind == "clear" {
				rules = nil
			}
			list = append(list, shape(host(address(i), "C1", rules...)))
		}
		b.Run(kind, func(b *testing.B) {
			var first, next time.Duration
			rounds := 0
			b.ReportAllocs()
			for b.Loop() {
				d := newDesk(b)
				first += d.timed(list)
				next += d.timed(list)
				rounds++
			}
			b.ReportMetric(first.Seconds()*1e6/float64(hosts*rounds), "µs/first")
			b.ReportMetric(next.Seconds()*1e6/float64(hosts*rounds), "µs/next")
		})
	}
}

// timed is a run, and how long it took.
func (d *desk) timed(list []checks.Finding) time.Duration {
	d.clock.add(day)
	w := d.begin(d.newRun())
	began := time.Now()
	for _, f := range list {
		f.ObservedAt = d.clock.time()
		require.NoError(d.t, w.Host(f))
	}
	require.NoError(d.t, w.Flush())
	took := time.Since(began)
	require.NoError(d.t, w.Close())
	return took
}

// BenchmarkFindings is the list of a thousand open findings among two thousand.
func BenchmarkFindings(b *testing.B) {
	d := newDesk(b)
	var found, clear []checks.Finding
	for i := range 2000 {
		found = append(found, host(address(i), "C1", "mail", "store"))
		if i%2 == 0 {
			clear = append(clear, host(address(i), "C1"))
		}
	}
	d.sweep(found...)
	d.sweep(clear...)
	for name, filter := range map[string]Filter{"open": {}, "all": {All: true}, "rule": {Rule: "meliorator/mail"}, "customer": {Customer: "C2"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := d.Findings(context.Background(), filter, BySeverity); err != nil {
					b.Fatal(err)
				}
			}
			require.Less(b, b.Elapsed(), time.Duration(b.N)*listTime)
		})
	}
}
