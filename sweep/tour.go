package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// Tour is one run over the targets: order, discovery, conversations, look-ups, rules, sink.
type Tour struct {
	cfg   Config
	order Order
	mark  *watermark
	tally *tally
	began time.Time // of this process's part of the run

	slots   *semaphore.Weighted // of conversations
	queue   chan dial.Answer    // hosts that answered; it can hold all that are in hand, so that discovery never blocks
	waiting atomic.Int64        // open connections in the queue
	rate    atomic.Uint64       // attempts per second of late, as math.Float64bits

	sinkMu sync.Mutex
	sink   Sink
	fail   context.CancelCauseFunc // ends the run with an error
}

func newTour(cfg Config, sum Summary) *Tour {
	return &Tour{cfg: cfg, order: NewOrder(sum.Total, cfg.Seed), mark: newWatermark(sum.From),
		tally: newTally(sum, len(cfg.Discoverer.Ports())), began: time.Now(),
		slots: semaphore.NewWeighted(int64(cfg.Conversations)), queue: make(chan dial.Answer, cfg.InHand)}
}

// Run makes the tour, once. When stop is closed it feeds no more addresses and finishes those in hand; the cursor is then
// exact, and a resumed run visits each other address, and none of these. When ctx ends it aborts: hosts in hand are lost to
// this run and done again by a resumed one. Neither is an error; Summary.Interrupted tells. The error is that of the
// sink, of the state file, or of discovery.
func (t *Tour) Run(ctx context.Context, stop <-chan struct{}, sink Sink) (Summary, error) {
	ctx, t.fail = context.WithCancelCause(ctx)
	defer t.fail(nil)
	t.sink, t.began = sink, time.Now()
	t.cfg.Log.Info("tour begins", "run", t.cfg.Run, "addresses", t.order.Len(), "from", t.tally.sum.From,
		"ports", len(t.cfg.Discoverer.Ports()))

	var workers, keeper sync.WaitGroup
	for range t.cfg.Conversations {
		workers.Go(func() {
			for a := range t.queue {
				t.visit(ctx, a)
			}
		})
	}
	ended := make(chan struct{})
	keeper.Go(func() { t.keep(ended) })

	f := &feed{Tour: t, stop: stop}
	err := t.cfg.Discoverer.Discover(ctx, f, t.found)
	close(t.queue)
	workers.Wait()
	close(ended)
	keeper.Wait()
	return t.end(ctx, f, err)
}

// end settles how the run went.
func (t *Tour) end(ctx context.Context, f *feed, discovery error) (Summary, error) {
	cursor, inHand := t.mark.cursor()
	t.tally.count(func(s *Summary) {
		s.Ended, s.Cursor, s.Interrupted = time.Now().UTC(), cursor, cursor < s.Total
		if inHand > 0 {
			s.Hosts[Interrupted] += uint64(inHand) //nolint:gosec // a count
		}
	})
	err := context.Cause(ctx)
	switch {
	case ctx.Err() == nil && discovery != nil:
		err = fmt.Errorf("discovery: %w", discovery)
	case ctx.Err() == nil && !f.ended:
		err = errors.New("discovery ended before it had visited every address")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		err = nil // the caller's own doing
	}
	if saveErr := t.save(); saveErr != nil {
		err = errors.Join(err, saveErr)
	}
	if t.cfg.Report != nil {
		t.cfg.Report(t.Progress())
	}
	s := t.Summary()
	t.cfg.Log.Info("tour ends", "run", s.Run, "interrupted", s.Interrupted, "cursor", s.Cursor, "assessed", s.Hosts[Assessed],
		"attempts", s.Attempts, "panics", s.Panics)
	return s, err
}

// Summary is what the run has come to so far.
func (t *Tour) Summary() Summary {
	s := t.tally.summary(t.cfg.Discoverer.Ports())
	load := t.cfg.Discoverer.Load()
	s.Attempts, s.Retried = load.Attempts, load.Retried
	s.Cursor, _ = t.mark.cursor()
	return s
}

// feed hands the order out to discovery, and holds it back while enough is in hand.
type feed struct {
	*Tour
	stop  <-chan struct{}
	ended bool
}

// Target is the next address of the order; see dial.Feed.
func (f *feed) Target() (dial.Target, dial.Turn) {
	select {
	case <-f.stop:
		f.ended = true
		return dial.Target{}, dial.End
	default:
	}
	next, inHand := f.mark.begun()
	switch {
	case next >= f.order.Len():
		f.ended = true
		return dial.Target{}, dial.End
	case inHand >= f.cfg.InHand, f.waiting.Load() >= int64(f.cfg.Waiting):
		return dial.Target{}, dial.Hold
	}
	i := f.mark.begin()
	return dial.Target{Addr: f.cfg.Targets.At(f.order.At(i)), Index: i}, dial.Next
}

// found takes discovery's answer for one address. It does not block: the queue can hold every address in hand.
func (t *Tour) found(a dial.Answer) {
	t.tally.outcomes(a.Outcomes)
	if state := stateOf(a.Outcomes); state != Assessed {
		t.done(a, state)
		return
	}
	t.waiting.Add(int64(len(a.Open)))
	t.queue <- a
}

// done finishes an address.
func (t *Tour) done(a dial.Answer, state HostState) {
	if t.cfg.Pacer != nil {
		t.cfg.Pacer.Done(a.Addr.Unmap())
	}
	t.tally.count(func(s *Summary) { s.Hosts[state]++ })
	t.mark.done(a.Index)
}

// keep saves the state and reports the progress until the run has ended.
func (t *Tour) keep(ended <-chan struct{}) {
	const sample = time.Second
	samples, saves, reports := time.NewTicker(sample), time.NewTicker(t.cfg.SaveEvery), time.NewTicker(t.cfg.ReportEvery)
	defer samples.Stop()
	defer saves.Stop()
	defer reports.Stop()
	var last uint64
	for {
		select {
		case <-ended:
			return
		case <-samples.C:
			now := t.cfg.Discoverer.Load().Attempts
			was := math.Float64frombits(t.rate.Load())
			if last == 0 {
				was = float64(now)
			}
			t.rate.Store(math.Float64bits(0.7*was + 0.3*float64(now-last)/sample.Seconds()))
			last = now
		case <-saves.C:
			if err := t.save(); err != nil {
				t.cfg.Log.Warn("state was not saved, a run that is killed now resumes from an earlier place", slog.Any("err", err))
			}
		case <-reports.C:
			if t.cfg.Report != nil {
				t.cfg.Report(t.Progress())
			}
		}
	}
}

// save writes the state file. The cursor is read before the sink is flushed: what is before it has then reached the disk.
func (t *Tour) save() error {
	if t.cfg.State == "" {
		return nil
	}
	cursor, _ := t.mark.cursor()
	if f, ok := t.sink.(interface{ Flush() error }); ok {
		t.sinkMu.Lock()
		err := f.Flush()
		t.sinkMu.Unlock()
		if err != nil {
			return fmt.Errorf("sink: %w", err)
		}
	}
	return State{Schema: StateSchema, Run: t.cfg.Run, ConfigHash: t.cfg.ConfigHash, Seed: t.cfg.Seed, Total: t.order.Len(),
		Cursor: cursor, Started: t.tally.sum.Started, Saved: time.Now().UTC(), Version: t.cfg.Version}.Save(t.cfg.State)
}
