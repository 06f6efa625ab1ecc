package sweep

import "sync"

// watermark keeps which places of the order are in hand, and with that the cursor: the first place that is not done.
// Its memory is that of the places in hand.
type watermark struct {
	mu     sync.Mutex
	inHand map[uint64]struct{}
	low    uint64 // everything before it is done
	next   uint64 // nothing from it on has begun
}

func newWatermark(cursor uint64) *watermark {
	return &watermark{inHand: make(map[uint64]struct{}), low: cursor, next: cursor}
}

// begin takes the next place.
func (w *watermark) begin() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.next
	w.inHand[i] = struct{}{}
	w.next++
	return i
}

// done finishes a place.
func (w *watermark) done(i uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.inHand, i)
	for w.low < w.next {
		if _, busy := w.inHand[w.low]; busy {
			return
		}
		w.low++
	}
}

// cursor is the first place that is not done, and how many from there on are in hand.
func (w *watermark) cursor() (cursor uint64, inHand int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.low, len(w.inHand)
}

// begun is the first place that has not begun, and how many before it are in hand.
func (w *watermark) begun() (next uint64, inHand int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next, len(w.inHand)
}
