package ledger

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOutbox(t *testing.T) {
	d, ctx := newDesk(t), context.Background()
	d.sweep(host(a1, "C2", "mail"), host(a2, "C1", "mail"))
	for _, a := range []string{a1, a2} {
		added, err := d.Enqueue(ctx, "mail", d.at(a).ID, NoteNew)
		require.NoError(t, err)
		require.True(t, added)
		added, err = d.Enqueue(ctx, "mail", d.at(a).ID, NoteNew)
		require.NoError(t, err)
		require.False(t, added, "one that waits is enough")
	}
	_, err := d.Enqueue(ctx, "mail", 99, NoteNew)
	require.ErrorIs(t, err, ErrNotFound)

	notes, err := d.Lease(ctx, "mail", 10, time.Minute)
	require.NoError(t, err)
	require.Len(t, notes, 2)
	require.Equal(t, []string{"C1", "C2"}, []string{notes[0].Customer, notes[1].Customer}, "a customer's notes stand together")
	require.Equal(t, "abuse@C1.example.org", notes[0].Finding.Abuse)
	again, err := d.Lease(ctx, "mail", 10, time.Minute)
	require.NoError(t, err)
	require.Empty(t, again, "they are taken")
	other, err := d.Lease(ctx, "webhook", 10, time.Minute)
	require.NoError(t, err)
	require.Empty(t, other)

	require.NoError(t, d.Done(ctx, notes[0]))
	require.NoError(t, d.Done(ctx, notes[0]), "said twice")
	require.NoError(t, d.Fail(ctx, notes[1], errors.New("450 try later\r\n\x1b[31m"+strings.Repeat("é", 600))))
	h := d.at(a2)
	require.Equal(t, d.clock.time(), h.Notified)
	require.Equal(t, []State{Observed, New, Notified}, whats(h))
	waiting, err := d.Outbox(ctx)
	require.NoError(t, err)
	require.Len(t, waiting, 1)
	require.Equal(t, 1, waiting[0].Attempts)
	require.Equal(t, d.clock.time().Add(5*time.Minute), waiting[0].NextTry)
	require.True(t, strings.HasPrefix(waiting[0].LastError, "450 try later   [31m"))
	require.LessOrEqual(t, len(waiting[0].LastError), 500)

	d.clock.add(5*time.Minute - time.Millisecond)
	notes, err = d.Lease(ctx, "mail", 10, time.Minute)
	require.NoError(t, err)
	require.Empty(t, notes, "too early")
	d.clock.add(time.Millisecond)
	notes, err = d.Lease(ctx, "mail", 10, time.Minute)
	require.NoError(t, err)
	require.Len(t, notes, 1)
	require.Equal(t, 2, notes[0].Attempt)
}

// TestADeadSenderLosesNothing: its notes are another's when the lease ends, and what it says late does no harm.
func TestADeadSenderLosesNothing(t *testing.T) {
	d, ctx := newDesk(t), context.Background()
	d.sweep(host(a1, "C1", "mail"))
	_, err := d.Enqueue(ctx, "mail", d.at(a1).ID, NoteNew)
	require.NoError(t, err)
	slow, err := d.Lease(ctx, "mail", 1, time.Minute)
	require.NoError(t, err)
	d.clock.add(time.Minute)
	fast, err := d.Lease(ctx, "mail", 1, time.Minute)
	require.NoError(t, err)
	require.Len(t, fast, 1)
	require.NoError(t, d.Fail(ctx, slow[0], errors.New("late")))
	waiting, err := d.Outbox(ctx)
	require.NoError(t, err)
	require.Empty(t, waiting[0].LastError, "the lease had passed to another")
	require.NoError(t, d.Done(ctx, slow[0]))
	require.NoError(t, d.Fail(ctx, fast[0], errors.New("dead")))
	waiting, err = d.Outbox(ctx)
	require.NoError(t, err)
	require.Empty(t, waiting, "it was told after all")
}

func TestEarlierNotesGoFirst(t *testing.T) {
	d, ctx := newDesk(t), context.Background()
	d.sweep(host(a1, "C1", "mail"))
	for _, kind := range []NoteKind{NoteNew, NoteResolved} {
		_, err := d.Enqueue(ctx, "mail", d.at(a1).ID, kind)
		require.NoError(t, err)
	}
	for _, kind := range []NoteKind{NoteNew, NoteResolved} {
		notes, err := d.Lease(ctx, "mail", 10, time.Minute)
		require.NoError(t, err)
		require.Len(t, notes, 1)
		require.Equal(t, kind, notes[0].Kind)
		require.NoError(t, d.Done(ctx, notes[0]))
	}
}

func TestBackOff(t *testing.T) {
	for attempts, want := range map[int]time.Duration{0: 5 * time.Minute, 1: 5 * time.Minute, 2: 10 * time.Minute, 7: 320 * time.Minute,
		8: 6 * time.Hour, 9: 6 * time.Hour, 1 << 40: 6 * time.Hour} {
		require.Equal(t, want, backOff(attempts), attempts)
	}
}

// TestWhatIsDue follows one finding through what its customers are told; each step sends what is due.
func TestWhatIsDue(t *testing.T) {
	d, ctx := newDesk(t), context.Background()
	const week = 7 * day
	act := func(do func(context.Context, int64, Action) error) func() {
		return func() { require.NoError(t, do(ctx, d.at(a1).ID, Action{Who: "joost", Reason: "because"})) }
	}
	see := func(customer string, rules ...string) func() {
		return func() { d.sweep(host(a1, customer, rules...)) }
	}
	for i, step := range []struct {
		what func()
		want NoteKind
		to   string
	}{
		{see("C1", "mail"), NoteNew, "C1"},
		{see("C1", "mail"), "", ""}, // not a week yet
		{see("C1", "mail", "store"), "", ""},
		{func() { d.clock.add(week) }, NoteRepeat, "C1"},
		{func() { d.clock.add(week); act(d.Dismiss)() }, "", ""},
		{act(d.Reopen), NoteRepeat, "C1"},
		{see("C2", "mail", "store"), NoteNew, "C2"}, // who has not heard of it
		{see("C2"), NoteResolved, "C2"},
		{see("C2"), "", ""},
		{see("C2", "mail"), NoteRepeat, "C2"}, // it was said to be resolved
		{act(d.Resolve), NoteResolved, "C2"},
		{see("C2", "mail"), NoteRepeat, "C2"},
		{act(d.Acknowledge), "", ""},
		{see("C2"), NoteResolved, "C2"},
		{see("C3", "mail"), NoteNew, "C3"},
	} {
		step.what()
		n, err := d.EnqueueDue(ctx, "mail", week)
		require.NoError(t, err)
		more, err := d.EnqueueDue(ctx, "mail", week)
		require.NoError(t, err)
		require.Zero(t, more, "step %d: nothing is due while a note waits", i)
		notes, err := d.Lease(ctx, "mail", 10, time.Minute)
		require.NoError(t, err)
		require.Len(t, notes, int(n), "step %d", i)
		if step.want == "" {
			require.Zero(t, n, "step %d", i)
			continue
		}
		require.EqualValues(t, 1, n, "step %d", i)
		require.Equal(t, step.want, notes[0].Kind, "step %d", i)
		require.Equal(t, step.to, notes[0].Customer, "step %d", i)
		require.NoError(t, d.Done(ctx, notes[0]))
	}
	n, err := d.EnqueueDue(ctx, "webhook", week)
	require.NoError(t, err)
	require.EqualValues(t, 1, n, "each channel has its own")
}

func TestWhatNobodyHeardOfIsNotResolved(t *testing.T) {
	d, ctx := newDesk(t), context.Background()
	d.sweep(host(a1, "C1", "mail"))
	d.sweep(host(a1, "C1"))
	n, err := d.EnqueueDue(ctx, "mail", day)
	require.NoError(t, err)
	require.Zero(t, n)
}
