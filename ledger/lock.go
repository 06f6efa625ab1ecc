package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lock is the right to write a run, to prune, or to change the schema: one process at a time. It is a lock on a file
// beside the ledger, which the system gives back when the process ends in any way. The ledger itself must not be opened
// for this: closing it would take SQLite's own locks away.
type lock struct{ file *os.File }

func lockPath(path string) string { return path + ".lock" }

// acquire waits for the lock, at most wait.
func acquire(ctx context.Context, path string, wait time.Duration) (*lock, error) {
	f, err := os.OpenFile(lockPath(path), os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, fmt.Errorf("ledger %s: lock: %w: give a file in a folder that you may write to", path, err)
	}
	until := time.NewTimer(wait)
	defer until.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = f.Close()
			return nil, fmt.Errorf("ledger %s: lock: %w", path, err)
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, ctx.Err()
		case <-until.C:
			who := holder(f)
			_ = f.Close()
			return nil, fmt.Errorf("ledger %s: %w by another run, prune or upgrade%s: try again when it has ended", path, ErrBusy, who)
		case <-again.C:
		}
	}
	if err := f.Truncate(0); err == nil { // the number is for the message above only
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return &lock{f}, nil
}

// holder names the process that wrote its number into the lock's file.
func holder(f *os.File) string {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 20))
	pid, bad := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || bad != nil {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}

// held tells whether some process, this one included, holds the lock.
func held(path string) bool {
	f, err := os.Open(lockPath(path))
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// release gives the lock back. The file stays: removing it would let two processes lock two files of one name.
func (k *lock) release() { _ = k.file.Close() }
