package main

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	vishns "github.com/vishvananda/netns"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/netschouw/netschouw/fixtures/fleet/serve"
	"github.com/netschouw/netschouw/fixtures/netns"
)

// alone moves the test's goroutine into a network of its own, in which every address there is, of both families, is this
// machine's: whatever is contacted by mistake can be reached, and seen. Its thread ends with the test. It returns false where
// the system does not permit that.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return false
	}
	runtime.LockOSThread() // and never unlocked
	ns, err := vishns.New()
	if err != nil {
		return false
	}
	t.Cleanup(func() { _ = ns.Close() })
	networks.Store(t.Name(), ns)
	lo, err := netlink.LinkByName("lo")
	require.NoError(t, err)
	require.NoError(t, netlink.LinkSetUp(lo))
	for _, all := range []string{"0.0.0.0/0", "::/0"} {
		require.NoError(t, netns.Local(netip.MustParsePrefix(all)))
	}
	return true
}

// inherit moves the goroutine of a subtest into the network of its parent, which must be alone.
func inherit(t *testing.T) {
	t.Helper()
	ns, ok := networks.Load(strings.Split(t.Name(), "/")[0])
	require.True(t, ok)
	runtime.LockOSThread() // and never unlocked
	require.NoError(t, vishns.Set(ns.(vishns.NsHandle)))
}

// networks are those of the tests that are alone, by name.
var networks sync.Map

// everywhere plays a handler on one port of every address, in both families.
func everywhere(t *testing.T, port int, play serve.Handler) {
	t.Helper()
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				play(t.Context(), serve.Bound(c))
			}()
		}
	}()
}

// sent is the first packet of a TCP connection, or a UDP datagram.
type sent struct {
	udp      bool
	from, to netip.AddrPort
	at       time.Time // by the kernel's clock
}

// capture sees every TCP SYN and every UDP datagram of the network that the calling goroutine is in.
type capture struct {
	file *os.File
	done sync.WaitGroup
	list []sent
	lost bool // the kernel had no room for some
}

// packetFilter keeps IPv4 and IPv6 packets that are UDP, or TCP with SYN and without ACK.
var packetFilter = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 0, Size: 1},
	bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: 6, SkipTrue: 7},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 4, SkipTrue: 13},
	bpf.LoadAbsolute{Off: 9, Size: 1}, // IPv4: protocol
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_UDP, SkipTrue: 10},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_TCP, SkipTrue: 10},
	bpf.LoadMemShift{Off: 0},
	bpf.LoadIndirect{Off: 13, Size: 1},
	bpf.Jump{Skip: 4},
	bpf.LoadAbsolute{Off: 6, Size: 1}, // IPv6: next header
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_UDP, SkipTrue: 4},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_TCP, SkipTrue: 4},
	bpf.LoadAbsolute{Off: 53, Size: 1},
	bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x12}, // TCP: SYN and ACK
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0x02, SkipTrue: 1},
	bpf.RetConstant{Val: 128},
	bpf.RetConstant{Val: 0},
}

// watch begins to capture; the calling goroutine must be alone.
func watch(t *testing.T) *capture {
	t.Helper()
	const every = uint16(unix.ETH_P_ALL>>8 | unix.ETH_P_ALL<<8&0xff00)
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	raw, err := bpf.Assemble(packetFilter)
	require.NoError(t, err)
	prog := unix.SockFprog{Len: uint16(len(raw)), Filter: (*unix.SockFilter)(unsafe.Pointer(&raw[0]))}
	require.NoError(t, unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog))
	require.NoError(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20))
	require.NoError(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
	require.NoError(t, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: every}))
	c := &capture{file: os.NewFile(uintptr(fd), "packets")}
	conn, err := c.file.SyscallConn()
	require.NoError(t, err)
	c.done.Go(func() {
		buf, oob := make([]byte, 256), make([]byte, 256)
		_ = conn.Read(func(fd uintptr) bool { // returns when the file is closed
			for {
				n, oobn, _, from, err := unix.Recvmsg(int(fd), buf, oob, 0)
				if err != nil {
					return err != unix.EAGAIN && err != unix.EINTR
				}
				if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING { // loopback shows each packet twice
					p := parsePacket(buf[:n])
					p.at = stamp(oob[:oobn])
					c.list = append(c.list, p)
				}
			}
		})
	})
	t.Cleanup(func() { _ = c.file.Close() })
	return c
}

// stamp is when the kernel saw a packet.
func stamp(oob []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(messages) == 0 || len(messages[0].Data) < 16 {
		return time.Now()
	}
	ts := messages[0].Data
	return time.Unix(int64(binary.NativeEndian.Uint64(ts)), int64(binary.NativeEndian.Uint64(ts[8:])))
}

func parsePacket(p []byte) sent {
	head, protocol, addresses := int(p[0]&15)*4, p[9], p[12:20]
	if p[0]>>4 == 6 {
		head, protocol, addresses = 40, p[6], p[8:40]
	}
	end := func(address []byte, port int) netip.AddrPort {
		a, _ := netip.AddrFromSlice(address) // as long as one
		return netip.AddrPortFrom(a, binary.BigEndian.Uint16(p[head+port:]))
	}
	n := len(addresses) / 2
	return sent{udp: protocol == unix.IPPROTO_UDP, from: end(addresses[:n], 0), to: end(addresses[n:], 2)}
}

// stop ends the capture and returns what it saw, which is all there was.
func (c *capture) stop(t *testing.T) []sent {
	t.Helper()
	conn, err := c.file.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, conn.Control(func(fd uintptr) {
		stats, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS)
		c.lost = err != nil || stats.Drops > 0
	}))
	require.NoError(t, c.file.Close())
	c.done.Wait()
	require.False(t, c.lost, "the capture has gaps")
	return c.list
}
