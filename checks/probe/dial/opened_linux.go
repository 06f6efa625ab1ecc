package dial

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// descriptor is a connected socket that the runtime does not know yet.
type descriptor int

func (d descriptor) tcp() (*net.TCPConn, error) {
	f := os.NewFile(uintptr(d), "") //nolint:gosec // a descriptor
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

func (d descriptor) abandon() {
	_ = unix.SetsockoptLinger(int(d), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	_ = unix.Close(int(d))
}
