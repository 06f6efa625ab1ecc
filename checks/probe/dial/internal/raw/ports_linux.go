package raw

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Ports are source ports that are ours while they are held: each is bound by a socket that never listens, so that the
// kernel gives it to no connection, refuses it to other programs, and answers what arrives there with a RST.
type Ports struct {
	List []uint16 // ascending
	fds  []int
}

// HoldPorts holds n source ports that lie together, outside the range that the kernel takes client ports from
// (net.ipv4.ip_local_port_range) where there is room, else in it.
func HoldPorts(n int) (*Ports, error) {
	p := &Ports{}
	low, high := localRange()
	for _, span := range spans(low, high, 2*n) {
		for port := span[1]; port >= span[0] && len(p.List) < n; port-- {
			if fd, err := hold(uint16(port)); err == nil { //nolint:gosec // a port
				p.fds = append(p.fds, fd)
				p.List = append(p.List, uint16(port)) //nolint:gosec // a port
			}
		}
		if len(p.List) == n {
			slices.Reverse(p.List)
			return p, nil
		}
		p.Close()
	}
	return nil, errors.New("no free range of source ports: too many are in use")
}

// spans are the ranges to try, in the order of preference, each of size ports that lie together.
func spans(low, high, size int) [][2]int {
	const first, last = 10000, 65535 // below are services
	all := make([][2]int, 0, 4)
	for _, top := range []int{last, low - 1, high, (low + high) / 2} {
		if bottom := top - size + 1; top <= last && bottom >= first {
			all = append(all, [2]int{bottom, top})
		}
	}
	// The first two are of use only outside the kernel's range; inside they are the same as the others.
	if high > last-size && len(all) > 0 && all[0][1] == last {
		all = append(all[1:], all[0])
	}
	return all
}

// localRange is net.ipv4.ip_local_port_range, which holds for IPv6 too.
func localRange() (low, high int) {
	low, high = 32768, 60999 // Linux's own default
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		_, _ = fmt.Sscan(strings.TrimSpace(string(text)), &low, &high)
	}
	return low, high
}

// hold binds a port for both IP versions, or for IPv4 alone where there is no IPv6.
func hold(port uint16) (int, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err == nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_V6ONLY, 0)
		if err = unix.Bind(fd, &unix.SockaddrInet6{Port: int(port)}); err == nil {
			return fd, nil
		}
		_ = unix.Close(fd)
		if err == unix.EADDRINUSE {
			return -1, err
		}
	}
	if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP); err != nil {
		return -1, err
	}
	if err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(port)}); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Close gives the ports back.
func (p *Ports) Close() {
	for _, fd := range p.fds {
		_ = unix.Close(fd)
	}
	p.fds, p.List = nil, nil
}
