package dial

import (
	"container/heap"
	"net/netip"
	"time"
)

// synHost is one address in hand. There may be half a million: it fits a cache line.
type synHost struct {
	target Target
	at     time.Duration
	next   int32 // the port to send to next
	left   int32 // ports that are not decided
	place  int32 // in the heap, while delayed
	// The neighbours in the list that the state means.
	before, after int32
	state         hostState
	round         uint8
	faults        uint8 // rounds that had to be sent again because of this machine
	failed        bool  // in this round, a packet could not be sent
	credit        bool  // an attempt was given back to the budget, and not taken again yet
	twins         bool  // the same address was fed again while it was in hand
}

// addr is what is asked of the gate and contacted: never an IPv4 address dressed as IPv6.
func (h *synHost) addr() netip.Addr { return h.target.Addr.Unmap() }

// hostState says what an address in hand waits for.
type hostState uint8

const (
	hostFree    hostState = iota
	hostSending           // its packets are being sent
	hostWaiting           // for its round to end
	hostDue               // to be sent its next round
	hostDelayed           // for its neighbourhood's pace
)

// wait is how long the pace asks to wait.
type wait struct {
	d        time.Duration
	everyone bool
}

// undecided marks a port's outcome as what it will be if nothing else comes: not looked at, a local error, or silence.
const undecided Outcome = 1 << 7

// window holds the addresses in hand. Times are since the engine's start.
type window struct {
	ports    int
	hosts    []synHost
	outcomes []Outcome // of each host's ports in turn
	free     []int32
	index    *index
	hash     addrHash
	twins    map[int32][]Target // of hosts that were fed more than once
	waiting  hostList           // in the order in which their rounds end
	due      hostList
	delayed  []int32 // a heap by time
	inHand   int     // targets
}

// nowhere is the place of no host.
const nowhere = int32(-1)

// hostList is a first-in-first-out list through the hosts.
type hostList struct{ first, last int32 }

func newWindow(ports int) *window {
	return &window{ports: ports, index: newIndex(), hash: newAddrHash(), twins: make(map[int32][]Target),
		waiting: hostList{nowhere, nowhere}, due: hostList{nowhere, nowhere}}
}

// find is the host at an address, nowhere if it is not in hand.
func (w *window) find(addr netip.Addr) int32 {
	return w.index.find(w.hash.of(addr), func(i int32) bool { return w.hosts[i].addr() == addr })
}

// add takes a target into the hand. A target whose address is there already is answered together with it, and adds nothing.
func (w *window) add(t Target) (i int32, added bool) {
	w.inHand++
	addr := t.Addr.Unmap()
	if i := w.find(addr); i != nowhere {
		w.hosts[i].twins = true
		w.twins[i] = append(w.twins[i], t)
		return i, false
	}
	if n := len(w.free); n > 0 {
		i, w.free = w.free[n-1], w.free[:n-1]
	} else {
		i = int32(len(w.hosts)) //nolint:gosec // at most maxHosts
		w.hosts = append(w.hosts, synHost{})
		w.outcomes = append(w.outcomes, make([]Outcome, w.ports)...)
	}
	w.hosts[i] = synHost{target: t, left: int32(w.ports), state: hostSending} //nolint:gosec // at most 65536
	for k := range w.of(i) {
		w.of(i)[k] = undecided // and not looked at so far
	}
	w.index.put(w.hash.of(addr), i)
	return i, true
}

// of are the outcomes of a host.
func (w *window) of(i int32) []Outcome {
	return w.outcomes[int(i)*w.ports : (int(i)+1)*w.ports : (int(i)+1)*w.ports]
}

// decide settles a port, and tells whether it was the host's last.
func (w *window) decide(i int32, port int, o Outcome) bool {
	if p := &w.of(i)[port]; *p&undecided != 0 {
		w.hosts[i].left--
		*p = o
	}
	return w.hosts[i].left == 0
}

// drop takes a host out of the hand, wherever it is, and returns the targets that were fed after it with its address.
func (w *window) drop(i int32) (twins []Target) {
	h := &w.hosts[i]
	w.leave(i)
	w.index.remove(w.hash.of(h.addr()), i)
	if h.twins {
		twins = w.twins[i]
		delete(w.twins, i)
	}
	*h = synHost{}
	w.free = append(w.free, i)
	w.inHand -= 1 + len(twins)
	return twins
}

// leave takes a host out of the list or heap that it is in.
func (w *window) leave(i int32) {
	h := &w.hosts[i]
	switch h.state {
	case hostWaiting:
		w.unlink(&w.waiting, i)
	case hostDue:
		w.unlink(&w.due, i)
	case hostDelayed:
		heap.Remove((*delayedHosts)(w), int(h.place))
	}
	h.state = hostSending
}

// wait files a host until its round ends; rounds end in the order in which they are filed.
func (w *window) wait(i int32, until time.Duration) {
	w.hosts[i].at, w.hosts[i].state = until, hostWaiting
	w.link(&w.waiting, i)
}

// delay files a host until its neighbourhood's pace permits more.
func (w *window) delay(i int32, until time.Duration) {
	w.hosts[i].at, w.hosts[i].state = until, hostDelayed
	heap.Push((*delayedHosts)(w), i)
}

func (w *window) link(l *hostList, i int32) {
	h := &w.hosts[i]
	h.before, h.after = l.last, nowhere
	if l.last != nowhere {
		w.hosts[l.last].after = i
	} else {
		l.first = i
	}
	l.last = i
}

func (w *window) unlink(l *hostList, i int32) {
	h := &w.hosts[i]
	if h.before != nowhere {
		w.hosts[h.before].after = h.after
	} else {
		l.first = h.after
	}
	if h.after != nowhere {
		w.hosts[h.after].before = h.before
	} else {
		l.last = h.before
	}
}

// delayedHosts is the heap of a window.
type delayedHosts window

func (d *delayedHosts) Len() int { return len(d.delayed) }

func (d *delayedHosts) Less(i, k int) bool {
	return d.hosts[d.delayed[i]].at < d.hosts[d.delayed[k]].at
}

func (d *delayedHosts) Swap(i, k int) {
	d.delayed[i], d.delayed[k] = d.delayed[k], d.delayed[i]
	d.hosts[d.delayed[i]].place, d.hosts[d.delayed[k]].place = int32(i), int32(k) //nolint:gosec // at most maxHosts
}

func (d *delayedHosts) Push(x any) {
	i := x.(int32)
	d.hosts[i].place = int32(len(d.delayed)) //nolint:gosec // at most maxHosts
	d.delayed = append(d.delayed, i)
}

func (d *delayedHosts) Pop() any {
	i := d.delayed[len(d.delayed)-1]
	d.delayed = d.delayed[:len(d.delayed)-1]
	return i
}
