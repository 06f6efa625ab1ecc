package sweep

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
)

// Span is a run of places of the order: From, and every one after it before To.
type Span [2]uint64

// Len is the number of places.
func (s Span) Len() uint64 { return s[1] - s[0] }

// Place is how far a run has come, exactly: every place before Next is done but for those in Owed.
type Place struct {
	Cursor uint64 `json:"cursor"` // the first place that is not done
	Next   uint64 `json:"next"`   // nothing from it on has begun
	// Owed are the places before Next that have begun and are not done, in order, none of them touching.
	Owed []Span `json:"owed,omitempty"`
}

// check tells whether a place that was read from a file can be one of a run over total addresses.
func (p Place) check(total uint64) error {
	low := p.Next
	for i, s := range p.Owed {
		if i == 0 {
			low = s[0]
		}
		if s[0] >= s[1] || s[1] > p.Next || i > 0 && s[0] <= p.Owed[i-1][1] {
			return fmt.Errorf("place %d-%d of those that are owed is out of order", s[0], s[1])
		}
	}
	switch {
	case p.Next > total:
		return fmt.Errorf("place %d lies beyond the %d addresses", p.Next, total)
	case p.Cursor != low:
		return fmt.Errorf("cursor %d is not the first place that is left, %d", p.Cursor, low)
	}
	return nil
}

// watermark keeps which places of the order are in hand. Its memory is that of the places in hand.
type watermark struct {
	mu     sync.Mutex
	again  []Span // owed by the part of the run before a resume, not handed out yet
	owed   uint64 // places in again
	inHand map[uint64]struct{}
	next   uint64 // nothing from it on has begun
}

func newWatermark(p Place) *watermark {
	w := &watermark{again: slices.Clone(p.Owed), inHand: make(map[uint64]struct{}), next: p.Next}
	for _, s := range w.again {
		w.owed += s.Len()
	}
	return w
}

// begin takes the next place: one that an earlier part of the run began and did not finish, else a new one.
func (w *watermark) begin() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.next
	if w.owed > 0 {
		first := &w.again[0]
		i = first[0]
		first[0]++
		w.owed--
		if first.Len() == 0 {
			w.again = w.again[1:]
		}
	} else {
		w.next++
	}
	w.inHand[i] = struct{}{}
	return i
}

// done finishes places.
func (w *watermark) done(places ...uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, i := range places {
		delete(w.inHand, i)
	}
}

// left says how many places have not begun, of an order of total, and how many are in hand.
func (w *watermark) left(total uint64) (left uint64, inHand int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return total - w.next + w.owed, len(w.inHand)
}

// marks is a copy of a watermark. To make a Place of it takes long when hundreds of thousands are in hand, and nobody waits.
type marks struct {
	again []Span
	busy  []uint64
	next  uint64
}

// copy is what is marked now.
func (w *watermark) copy() marks {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := marks{again: slices.Clone(w.again), busy: make([]uint64, 0, len(w.inHand)), next: w.next}
	for i := range w.inHand {
		m.busy = append(m.busy, i)
	}
	return m
}

// place is how far the run had come.
func (m marks) place() Place {
	slices.Sort(m.busy)
	owed := m.again
	for _, i := range m.busy {
		owed = append(owed, Span{i, i + 1})
	}
	p := Place{Cursor: m.next, Next: m.next, Owed: joined(owed)}
	if len(p.Owed) == 0 {
		p.Owed = nil
	} else {
		p.Cursor = p.Owed[0][0]
	}
	return p
}

// joined puts spans in order, and touching ones together. It changes the list.
func joined(list []Span) []Span {
	slices.SortFunc(list, func(a, b Span) int { return cmp.Compare(a[0], b[0]) })
	out := list[:0]
	for _, s := range list {
		if n := len(out); n > 0 && out[n-1][1] == s[0] {
			out[n-1][1] = s[1]
		} else {
			out = append(out, s)
		}
	}
	return out
}
