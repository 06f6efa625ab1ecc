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

	slots    *semaphore.Weighted // of conversations
	workers  sync.WaitGroup
	queue    chan dial.Answer // hosts to visit; it can hold all that are in hand, so that discovery never blocks
	waiting  atomic.Int64     // open connections in the queue
	answered atomic.Uint64    // places that discovery has answered
	rate     atomic.Uint64    // attempts per second of late, as math.Float64bits
	pace     atomic.Uint64    // the part of the rate that is used, as math.Float64bits

	doubt    *doubt
	canaries *canaries // nil: none
	governor *governor
	suspects *suspects // nil: nobody's ports are all tried

	sinkMu sync.Mutex
	sink   Sink
	saveMu sync.Mutex
	fail   context.CancelCauseFunc // ends the run with an error
}

func newTour(cfg Config, sum Summary, from Place) *Tour {
	ports := cfg.Discoverer.Ports()
	mark := newWatermark(from)
	tally := newTally(sum, mark, ports, cfg.Standing)
	t := &Tour{cfg: cfg, order: NewOrder(sum.Total, cfg.Seed), mark: mark, tally: tally, began: time.Now(),
		slots: semaphore.NewWeighted(int64(cfg.Conversations)), queue: make(chan dial.Answer, cfg.InHand),
		doubt: newDoubt(tally, len(cfg.Canaries) > 0), governor: newGovernor()}
	t.pace.Store(math.Float64bits(1))
	if len(cfg.Canaries) > 0 {
		t.canaries = newCanaries(cfg.Canaries, ports, cfg.CanaryEvery)
		for _, c := range t.canaries.list {
			if cfg.Pacer != nil {
				cfg.Pacer.Exempt(c.addr)
			}
		}
	}
	if cfg.AllPorts != nil {
		t.suspects = newSuspects(cfg.Suspects)
	}
	return t
}

// Run makes the tour, once. When stop is closed it feeds no more addresses and finishes those in hand; a resumed run then
// visits each other address, and none of these. When ctx ends it aborts: hosts in hand are lost to
// this run and done again by a resumed one. Neither is an error; Summary.Interrupted tells. The error is that of the
// sink, of the state file, or of discovery, or it wraps ErrBlind.
func (t *Tour) Run(ctx context.Context, stop <-chan struct{}, sink Sink) (Summary, error) {
	ctx, t.fail = context.WithCancelCause(ctx)
	defer t.fail(nil)
	t.sink, t.began = sink, time.Now()
	t.cfg.Log.Info("tour begins", "run", t.cfg.Run, "addresses", t.order.Len(), "done", t.tally.sum.From,
		"ports", len(t.cfg.Discoverer.Ports()))

	var others sync.WaitGroup
	for range t.cfg.Conversations {
		t.workers.Go(func() { t.work(ctx) })
	}
	ended := make(chan struct{})
	others.Go(func() { t.keep(ended) })
	if t.suspects != nil {
		others.Go(func() { t.tryAllPorts(ctx) })
	}

	f := &feed{Tour: t, stop: stop}
	err := t.cfg.Discoverer.Discover(ctx, f, t.found)
	if ctx.Err() == nil && f.ended {
		t.blindAtLast()
	}
	close(t.queue)
	t.workers.Wait()
	t.suspects.close()
	close(ended)
	others.Wait()
	return t.end(ctx, f, err)
}

// work visits hosts until the queue ends, or somebody else has taken its place.
func (t *Tour) work(ctx context.Context) {
	for a := range t.queue {
		if replaced := t.visit(ctx, a); replaced {
			return
		}
	}
}

// end settles how the run went.
func (t *Tour) end(ctx context.Context, f *feed, discovery error) (Summary, error) {
	_, inHand := t.mark.left(0)
	t.tally.count(func(s *Summary) {
		s.Ended = time.Now().UTC()
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
	m := t.tally.moment()
	t.attempts(&m.Summary)
	m.Cursor = m.marks.place().Cursor
	m.Interrupted = m.Cursor < m.Total
	return m.Summary
}

// attempts adds those of this part of the run.
func (t *Tour) attempts(s *Summary) {
	for _, d := range []Discoverer{t.cfg.Discoverer, t.cfg.AllPorts} {
		if d != nil {
			load := d.Load()
			s.Attempts += load.Attempts
			s.Retried += load.Retried
		}
	}
}

// found takes discovery's answer for one address. It does not block: the queue can hold every address in hand.
func (t *Tour) found(a dial.Answer) {
	if a.Index == canaryIndex {
		t.foundCanary(a)
		return
	}
	defer t.answered.Add(1)
	if t.canaries != nil {
		t.canaries.end(a.Addr)
	}
	state := stateOf(a.Outcomes)
	t.governor.note(a, state)
	switch state {
	case Assessed:
		t.doubt.see()
	case OutOfScope, OverBudget:
		t.done(a, state, nil)
		return
	default:
		if !t.cfg.Everyone || t.suspects == nil || state != Silent {
			t.forget(a)
			t.doubt.hold(a, state)
			return
		}
	}
	t.waiting.Add(int64(len(a.Open)))
	t.queue <- a
}

func (t *Tour) foundCanary(a dial.Answer) {
	for _, o := range a.Open {
		o.Close()
	}
	over, lost := t.canaries.answered(a, time.Now())
	switch {
	case lost != nil:
		lost.Held = t.doubt.bad()
		t.fail(lost)
	case over:
		t.doubt.good()
	}
}

// blindAtLast ends the run with an error when the last hosts show that this machine has lost the network.
func (t *Tour) blindAtLast() {
	if t.doubt.last() {
		t.blind()
	}
}

func (t *Tour) blind() {
	t.fail(fmt.Errorf("%w: attempts on %d addresses in a row failed on this machine, such as for want of a route or an interface; "+
		"%d addresses are not counted as looked at", ErrBlind, blindAfter, t.doubt.bad()))
}

// forget takes an address off the pacer.
func (t *Tour) forget(a dial.Answer) {
	if t.cfg.Pacer != nil {
		t.cfg.Pacer.Done(a.Addr.Unmap())
	}
}

// done finishes an address; also, when there is one, changes counters with it.
func (t *Tour) done(a dial.Answer, state HostState, also func(*Summary)) {
	t.forget(a)
	t.tally.finish(a, state, also)
}

// keep saves the state, reports the progress, and watches how the run goes, until it has ended.
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
			load := t.cfg.Discoverer.Load()
			t.measure(float64(load.Attempts-last)/sample.Seconds(), last == 0)
			last = load.Attempts
			t.govern(load)
			if t.doubt.second() {
				t.blind()
			}
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

// measure keeps the attempts per second of late.
func (t *Tour) measure(now float64, first bool) {
	was := math.Float64frombits(t.rate.Load())
	if first {
		was = now
	}
	t.rate.Store(math.Float64bits(0.7*was + 0.3*now))
}

// govern lowers the pace when the network shows that it must, and raises it again, never above the configured one.
func (t *Tour) govern(load dial.Load) {
	if t.cfg.Pacer == nil {
		return
	}
	factor, why := t.governor.second(load)
	was := math.Float64frombits(t.pace.Swap(math.Float64bits(factor)))
	if factor == was {
		return
	}
	limit, told := t.cfg.Pacer.Slow(factor, math.Float64frombits(t.rate.Load()))
	switch {
	case factor < was:
		t.cfg.Log.Warn("slower: "+why, "pace", fmt.Sprintf("%.0f%%", 100*factor), "attempts_per_second", int(limit))
	case told:
		t.cfg.Log.Info("back at the full pace")
	}
}

// save writes the state file: one moment of the run, whose findings have reached the disk before it.
func (t *Tour) save() error {
	if t.cfg.State == "" {
		return nil
	}
	t.saveMu.Lock()
	defer t.saveMu.Unlock()
	keeper, _ := t.sink.(Keeper)
	t.sinkMu.Lock() // from here on no finding is between the sink and the tally
	var size int64
	var err error
	if keeper != nil {
		size, err = keeper.Mark()
	}
	now := t.tally.moment()
	t.attempts(&now.Summary)
	t.sinkMu.Unlock()
	if err == nil && keeper != nil {
		err = keeper.Sync()
	}
	if err != nil {
		return fmt.Errorf("sink: %w", err)
	}
	counts := now.Counts
	delete(counts.Hosts, Interrupted) // they are owed, and will be counted when they are done
	return State{Schema: StateSchema, Run: t.cfg.Run, Settings: t.cfg.Settings, Seed: t.cfg.Seed, Total: t.order.Len(),
		Place: now.marks.place(), Counts: counts, Sink: size, Standing: now.standing, Started: now.Started, Saved: time.Now().UTC(), Version: t.cfg.Version}.Save(t.cfg.State)
}
