//go:build unix

package dial

import "golang.org/x/sys/unix"

// raiseFiles raises the soft limit of open files to the hard one and returns the limit in force.
func raiseFiles() (int, error) {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return 0, err
	}
	if raised := (unix.Rlimit{Cur: lim.Max, Max: lim.Max}); lim.Cur < lim.Max && unix.Setrlimit(unix.RLIMIT_NOFILE, &raised) == nil {
		lim.Cur = lim.Max
	}
	// Some systems say "unlimited", which no table of descriptors is.
	return int(min(uint64(lim.Cur), 1<<20)), nil //nolint:gosec,unconvert // bounded above; int64 on FreeBSD
}
