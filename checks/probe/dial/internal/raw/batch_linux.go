package raw

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// BatchSize is how many packets one system call takes: beyond it nothing is gained.
const BatchSize = 256

// Link says where on the wire a packet goes: an interface, and the neighbour's address if the link has addresses.
type Link = unix.RawSockaddrLinklayer

// NewLink returns a Link; the hardware address may be empty.
func NewLink(index int, six bool, hardware []byte) *Link {
	l := &Link{Family: unix.AF_PACKET, Protocol: etherType(six), Ifindex: int32(index), Halen: uint8(min(8, len(hardware)))} //nolint:gosec // an index
	copy(l.Addr[:], hardware)
	return l
}

// Way is a kind of socket to send by.
type Way uint8

// The ways to send.
const (
	Direct Way = iota // to the interface at once, past traffic control
	Queued            // to the interface through its queueing discipline, where an administrator has set one up
	IP4               // through this machine's own IP: its routes, its neighbours, its firewall
	IP6
	Ways
)

// message is struct mmsghdr.
type message struct {
	hdr unix.Msghdr
	n   uint32 // bytes sent, which the kernel writes
}

// Batch gathers packets and sends them with few system calls. Each packet bears a tag of the caller's.
type Batch[T any] struct {
	fd       int
	n        int
	messages [BatchSize]message
	iov      [BatchSize]unix.Iovec
	packets  [BatchSize][SYNLen6]byte
	to4      []unix.RawSockaddrInet4
	to6      []unix.RawSockaddrInet6
	tags     [BatchSize]T
}

// sendTimeout bounds how long a full device can block a system call.
const sendTimeout = 100 * time.Millisecond

// NewBatch opens a socket of the given way.
func NewBatch[T any](way Way) (*Batch[T], error) {
	b := new(Batch[T])
	var err error
	switch way {
	case IP4:
		b.to4 = make([]unix.RawSockaddrInet4, BatchSize)
		b.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	case IP6:
		b.to6 = make([]unix.RawSockaddrInet6, BatchSize)
		b.fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err == nil {
			err = unix.SetsockoptInt(b.fd, unix.SOL_IPV6, unix.IPV6_HDRINCL, 1)
		}
	default:
		b.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0) // protocol 0: it receives nothing
		if err == nil && way == Direct {
			err = unix.SetsockoptInt(b.fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("raw socket: %w", err)
	}
	wait := unix.NsecToTimeval(int64(sendTimeout))
	_ = unix.SetsockoptTimeval(b.fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &wait)
	for i := range b.messages {
		b.iov[i].Base = &b.packets[i][0]
		h := &b.messages[i].hdr
		h.Iov = &b.iov[i]
		h.SetIovlen(1)
		switch way {
		case IP4:
			h.Name, h.Namelen = (*byte)(unsafe.Pointer(&b.to4[i])), unix.SizeofSockaddrInet4 //nolint:gosec // a sockaddr
		case IP6:
			h.Name, h.Namelen = (*byte)(unsafe.Pointer(&b.to6[i])), unix.SizeofSockaddrInet6 //nolint:gosec // a sockaddr
		default:
			h.Namelen = unix.SizeofSockaddrLinklayer
		}
	}
	return b, nil
}

// Len is the number of packets gathered. No more than BatchSize can be.
func (b *Batch[T]) Len() int { return b.n }

// Add builds a SYN from a template and gathers it. link is ignored where the socket finds the way itself.
func (b *Batch[T]) Add(t *Template, link *Link, dst netip.Addr, sport, dport uint16, seq uint32, tag T) {
	i := b.n
	b.n++
	b.iov[i].SetLen(t.Put(b.packets[i][:], dst, sport, dport, seq))
	switch {
	case b.to4 != nil:
		b.to4[i] = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: dst.As4()}
	case b.to6 != nil:
		b.to6[i] = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: dst.As16()}
	default:
		b.messages[i].hdr.Name = (*byte)(unsafe.Pointer(link)) //nolint:gosec // a sockaddr
	}
	b.tags[i] = tag
}

// Flush sends what was gathered, and returns how many packets left. failed hears of each packet that could not be sent, and
// says whether to try it again at once.
func (b *Batch[T]) Flush(failed func(tag T, err unix.Errno) (again bool)) (sent int) {
	for at := 0; at < b.n; {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(b.fd), uintptr(unsafe.Pointer(&b.messages[at])), //nolint:gosec // a system call
			uintptr(b.n-at), unix.MSG_NOSIGNAL, 0, 0)
		switch {
		case errno == 0:
			sent += int(n) //nolint:gosec // at most BatchSize
			at += int(n)   //nolint:gosec // as above
		case errno == unix.EINTR:
		case !failed(b.tags[at], errno):
			at++
		}
	}
	b.n = 0
	return sent
}

// Close closes the socket.
func (b *Batch[T]) Close() { _ = unix.Close(b.fd) }

// swap turns a number of host byte order into one of network byte order.
func swap(n uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], n)
	return binary.NativeEndian.Uint16(b[:])
}
