package raw

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	frameSize = 256     // of the ring: its header takes 80 bytes, and MaxAnswer fits in the rest
	blockSize = 1 << 18 // bytes that the kernel must find in one piece
	version2  = 1       // TPACKET_V2
)

// Ring receives the packets of one IP version that pass the Filter, on all interfaces. The kernel writes them into memory
// that is shared with us, so that none needs a system call, and so that room for tens of thousands needs neither a
// raised limit nor more than CAP_NET_RAW.
type Ring struct {
	fd    int
	mem   []byte
	next  int // the frame to be read next
	drops uint64
}

// NewRing opens a ring that holds so many packets, for answers to the ports from first to last.
func NewRing(six bool, first, last uint16, packets int) (*Ring, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0) // protocol 0: nothing yet
	if err != nil {
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	r := &Ring{fd: fd}
	if err := r.init(six, first, last, packets); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Ring) init(six bool, first, last uint16, packets int) error {
	program, err := Filter(six, first, last)
	if err != nil {
		return fmt.Errorf("packet filter: %w", err)
	}
	if err := attach(r.fd, program); err != nil {
		return fmt.Errorf("packet filter: %w", err)
	}
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, version2); err != nil {
		return fmt.Errorf("packet ring: %w", err)
	}
	blocks := max(1, packets*frameSize/blockSize)
	req := unix.TpacketReq{Block_size: blockSize, Block_nr: uint32(blocks), Frame_size: frameSize, Frame_nr: uint32(blocks * blockSize / frameSize)} //nolint:gosec // a few MiB
	if err := unix.SetsockoptTpacketReq(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return fmt.Errorf("packet ring of %d KiB: %w", blocks*blockSize>>10, err)
	}
	if r.mem, err = unix.Mmap(r.fd, 0, blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return fmt.Errorf("packet ring of %d KiB: %w", blocks*blockSize>>10, err)
	}
	// Bound last: until now nothing was received, so that nothing is in the ring that the filter has not seen.
	if err := unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: etherType(six)}); err != nil {
		return fmt.Errorf("packet socket: %w", err)
	}
	return nil
}

// etherType is a packet's protocol number in network byte order.
func etherType(six bool) uint16 {
	if six {
		return swap(unix.ETH_P_IPV6)
	}
	return swap(unix.ETH_P_IP)
}

func attach(fd int, program []bpf.RawInstruction) error {
	code := make([]unix.SockFilter, len(program))
	for i, in := range program {
		code[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}) //nolint:gosec // some twenty
}

// Read gives each of at most limit packets that wait to use, and returns how many there were. The bytes are use's until it
// returns.
func (r *Ring) Read(limit int, use func(packet []byte)) int {
	for n := range limit {
		frame := r.mem[r.next*frameSize : (r.next+1)*frameSize : (r.next+1)*frameSize]
		status := (*uint32)(unsafe.Pointer(&frame[0])) //nolint:gosec // aligned, shared with the kernel
		if atomic.LoadUint32(status)&unix.TP_STATUS_USER == 0 {
			return n
		}
		h := (*unix.Tpacket2Hdr)(unsafe.Pointer(&frame[0])) //nolint:gosec // as above
		if from, to := int(h.Net), int(h.Net)+int(h.Snaplen); to <= frameSize {
			use(frame[from:to])
		}
		atomic.StoreUint32(status, unix.TP_STATUS_KERNEL)
		if r.next++; r.next == len(r.mem)/frameSize {
			r.next = 0
		}
	}
	return limit
}

// FD is the descriptor to poll for packets.
func (r *Ring) FD() int { return r.fd }

// Drops is how many packets found the ring full so far.
func (r *Ring) Drops() uint64 {
	if s, err := unix.GetsockoptTpacketStats(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil { // reading resets it
		r.drops += uint64(s.Drops)
	}
	return r.drops
}

// Close releases the ring.
func (r *Ring) Close() {
	if r.mem != nil {
		_ = unix.Munmap(r.mem)
	}
	_ = unix.Close(r.fd)
}
