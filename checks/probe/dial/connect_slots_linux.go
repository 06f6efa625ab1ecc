package dial

import "time"

// slot is one attempt under way. Slots form a list in the order of their deadlines, which is the order in which they
// began, because all have the same timeout.
type slot struct {
	job        *job
	port       int
	tries      int
	fd         int
	gen        int32 // of the slot's use: an event of an earlier use is stale
	deadline   time.Time
	prev, next int32
}

const none = int32(-1)

// acquire files an attempt as the newest.
func (l *loop) acquire(s slot) int32 {
	var i int32
	if n := len(l.free); n > 0 {
		i, l.free = l.free[n-1], l.free[:n-1]
	} else {
		i = int32(len(l.slots)) //nolint:gosec // bounded by Outstanding, at most 2^20
		l.slots = append(l.slots, slot{})
	}
	s.gen, s.prev, s.next = l.slots[i].gen+1, l.newest, none
	l.slots[i] = s
	if l.newest != none {
		l.slots[l.newest].next = i
	} else {
		l.oldest = i
	}
	l.newest = i
	l.under++
	l.outstanding.Add(1)
	return i
}

// release takes an attempt off the list.
func (l *loop) release(i int32) slot {
	s := l.slots[i]
	if s.prev != none {
		l.slots[s.prev].next = s.next
	} else {
		l.oldest = s.next
	}
	if s.next != none {
		l.slots[s.next].prev = s.prev
	} else {
		l.newest = s.prev
	}
	l.slots[i].job = nil
	l.slots[i].gen++
	l.free = append(l.free, i)
	l.under--
	l.outstanding.Add(-1)
	return s
}
