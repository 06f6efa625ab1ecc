package netinfo

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// maxCacheBytes bounds the cache whatever the number of entries: names come from whoever runs the zones.
const maxCacheBytes = 32 << 20

// dnsCache keeps answers until their TTL ends, the most recently used ones when there are too many.
type dnsCache struct {
	mu      sync.Mutex
	entries map[question]*list.Element // of *cached
	recent  *list.List                 // the most recently used first
	most    int
	bytes   int
	now     func() time.Time
	hits    atomic.Uint64
}

type cached struct {
	key     question
	answer  answer
	expires time.Time
	bytes   int
}

func newDNSCache(most int, now func() time.Time) *dnsCache {
	return &dnsCache{entries: map[question]*list.Element{}, recent: list.New(), most: most, now: now}
}

// get returns an answer that has not expired. It allocates nothing; the answer is shared and must not be changed.
func (c *dnsCache) get(key question) (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok {
		return answer{}, false
	}
	x := e.Value.(*cached)
	if !c.now().Before(x.expires) {
		c.drop(e)
		return answer{}, false
	}
	c.recent.MoveToFront(e)
	c.hits.Add(1)
	return x.answer, true
}

func (c *dnsCache) put(key question, a answer) {
	if a.ttl <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[key]; ok {
		c.drop(e)
	}
	x := &cached{key: key, answer: a, expires: c.now().Add(a.ttl), bytes: cost(key, a)}
	c.entries[key] = c.recent.PushFront(x)
	c.bytes += x.bytes
	for len(c.entries) > c.most || c.bytes > maxCacheBytes {
		c.drop(c.recent.Back())
	}
}

func (c *dnsCache) drop(e *list.Element) {
	x := c.recent.Remove(e).(*cached)
	delete(c.entries, x.key)
	c.bytes -= x.bytes
}

// cost is about what an entry takes in memory, in bytes.
func cost(key question, a answer) int {
	n := 400 + len(key.name) + 24*len(a.addrs)
	for _, s := range a.names {
		n += 16 + len(s)
	}
	for _, m := range a.mx {
		n += 24 + len(m.Host)
	}
	return n
}

// flights lets those who ask the same question at the same time share one answer. Unlike x/sync/singleflight, one who
// gives up takes nobody along: the work is cancelled when the last one has gone.
type flights struct {
	mu sync.Mutex
	m  map[question]*flight
}

type flight struct {
	waiting int
	cancel  context.CancelFunc
	done    chan struct{}
	answer  answer
	err     error
}

func (f *flights) do(ctx context.Context, key question, work func(context.Context) (answer, error)) (answer, error) {
	if ctx.Err() != nil {
		return answer{}, context.Cause(ctx)
	}
	f.mu.Lock()
	fl, ok := f.m[key]
	if !ok {
		// The work outlives the one who began it if others wait, so it keeps the context's values only.
		workCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		fl = &flight{cancel: cancel, done: make(chan struct{})}
		if f.m == nil {
			f.m = map[question]*flight{}
		}
		f.m[key] = fl
		go func() {
			defer cancel()
			fl.answer, fl.err = guarded(workCtx, work)
			f.leave(key, fl, true)
			close(fl.done)
		}()
	}
	fl.waiting++
	f.mu.Unlock()

	select {
	case <-fl.done:
		return fl.answer, fl.err
	case <-ctx.Done():
		f.leave(key, fl, false)
		return answer{}, context.Cause(ctx)
	}
}

// guarded is work whose panic is its error: it runs in a goroutine of its own, where nobody else could catch it, on bytes
// that come from the network through another's parser.
func guarded(ctx context.Context, work func(context.Context) (answer, error)) (a answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			a, err = answer{}, fmt.Errorf("a fault of netschouw, please report it: %v", p)
		}
	}()
	return work(ctx)
}

// leave takes the flight out of the list when it has landed or its last passenger has gone, so that the next one who
// asks begins anew.
func (f *flights) leave(key question, fl *flight, landed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !landed {
		if fl.waiting--; fl.waiting > 0 {
			return
		}
		fl.cancel()
	}
	if f.m[key] == fl {
		delete(f.m, key)
	}
}
