package netinfo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

func TestSameQuestionIsAskedOnce(t *testing.T) {
	s := startNameserver(t, "a.example.test. 60 IN A 198.51.100.1")
	release := make(chan struct{})
	s.answer(func(w dns.ResponseWriter, req *dns.Msg) {
		<-release
		_ = w.WriteMsg(s.reply(req))
	})
	r, err := NewResolver(ResolverConfig{Servers: []string{s.addr}, Timeout: 5 * time.Second})
	require.NoError(t, err)
	key := question{"a.example.test.", dns.TypeA}
	waiting := func(n int) func() bool {
		return func() bool {
			r.flights.mu.Lock()
			defer r.flights.mu.Unlock()
			return r.flights.m[key] != nil && r.flights.m[key].waiting == n
		}
	}
	// The first one who asks gives up; the others must get their answer all the same.
	ctx, cancel := context.WithCancel(ctxFor(t))
	first := make(chan error, 1)
	go func() {
		_, err := r.resolve(ctx, "A.example.test.", dns.TypeA)
		first <- err
	}()
	require.Eventually(t, waiting(1), 5*time.Second, time.Millisecond)
	var wg sync.WaitGroup
	var answered atomic.Int32
	for range 20 {
		wg.Go(func() {
			if a, err := r.resolve(ctxFor(t), "a.example.test.", dns.TypeA); err == nil && len(a.addrs) == 1 {
				answered.Add(1)
			}
		})
	}
	require.Eventually(t, waiting(21), 5*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-first, context.Canceled)
	close(release)
	wg.Wait()
	require.EqualValues(t, 20, answered.Load())
	require.Equal(t, 1, s.count("a.example.test. A"))
	require.Empty(t, r.flights.m)
}

func TestWorkEndsWithTheLastWhoWaits(t *testing.T) {
	var f flights
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan struct{})
	go func() {
		<-started
		cancel()
	}()
	_, err := f.do(ctx, question{"a.", 1}, func(ctx context.Context) (answer, error) {
		close(started)
		<-ctx.Done()
		ended <- ctx.Err()
		return answer{}, ctx.Err()
	})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestPanicInAFlightIsAnError(t *testing.T) {
	var f flights
	_, err := f.do(t.Context(), question{"a.test.", 1}, func(context.Context) (answer, error) {
		var none *answer
		return *none, nil
	})
	require.ErrorContains(t, err, "please report it")
	_, err = f.do(t.Context(), question{"a.test.", 1}, func(context.Context) (answer, error) { return answer{}, nil })
	require.NoError(t, err, "the next one begins anew")
}

func TestCacheKeepsToTheTTL(t *testing.T) {
	s := startNameserver(t, "a.test. 30 IN A 198.51.100.1", "short.test. 10 IN CNAME a.test.", "zero.test. 0 IN A 198.51.100.1", "long.test. 999999 IN A 198.51.100.1")
	r := newResolver(t, s.addr)
	now := time.Unix(1e9, 0)
	r.cache.now = func() time.Time { return now }
	ask := func(name string) int {
		_, err := r.resolve(ctxFor(t), name, dns.TypeA)
		require.NoError(t, err)
		return s.count(name + " A")
	}
	for _, c := range []struct {
		name string
		ttl  time.Duration
	}{{"a.test.", 30 * time.Second}, {"short.test.", 10 * time.Second}, {"absent.test.", 60 * time.Second}, {"long.test.", maxTTL}} {
		require.Equal(t, 1, ask(c.name))
		now = now.Add(c.ttl - time.Second)
		require.Equal(t, 1, ask(c.name), "%s is cached", c.name)
		now = now.Add(time.Second)
		require.Equal(t, 2, ask(c.name), "%s has expired", c.name)
	}
	require.Equal(t, 1, ask("zero.test."))
	require.Equal(t, 2, ask("zero.test."), "a TTL of zero is not cached")
	require.EqualValues(t, 4, r.Stats().Hits)
}

func TestCacheIsBounded(t *testing.T) {
	c := newDNSCache(100, time.Now)
	for i := range 1000 {
		c.put(question{fmt.Sprintf("n%d.", i), 1}, answer{ttl: time.Minute})
		c.get(question{"n0.", 1})
	}
	require.Len(t, c.entries, 100)
	require.Equal(t, 100, c.recent.Len())
	_, ok := c.get(question{"n0.", 1})
	require.True(t, ok, "what is used stays")
	_, ok = c.get(question{"n500.", 1})
	require.False(t, ok)

	c = newDNSCache(1<<20, time.Now)
	big := strings.Repeat("x", maxName)
	for i := range 20_000 {
		c.put(question{fmt.Sprintf("n%d.", i), 12}, answer{ttl: time.Minute, names: slices.Repeat([]string{big}, maxPTR)})
	}
	require.LessOrEqual(t, c.bytes, maxCacheBytes)
	require.Greater(t, len(c.entries), 1000)
	for len(c.entries) > 0 {
		c.drop(c.recent.Back())
	}
	require.Zero(t, c.bytes, "the sum is kept right")
}

func BenchmarkCacheHit(b *testing.B) {
	r, err := NewResolver(ResolverConfig{Servers: []string{"192.0.2.53"}})
	require.NoError(b, err)
	for i := range 10_000 {
		r.cache.put(question{fmt.Sprintf("n%d.test.", i), dns.TypeA}, answer{ttl: time.Hour})
	}
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.resolve(ctx, "n777.test.", dns.TypeA); err != nil {
			b.Fatal(err)
		}
	}
}
