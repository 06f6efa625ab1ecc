package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// owner is who holds, or held, a lock.
type owner struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

func (o owner) String() string { return fmt.Sprintf("process %d on %s", o.PID, o.Host) }

func (o owner) json() []byte {
	b, err := json.Marshal(o)
	if err != nil {
		return nil // numbers and texts always marshal
	}
	return append(b, '\n')
}

// lock keeps two runs apart. The kernel gives it back when its process ends, however that ends; what stands in the file
// tells who has it, or had it and was killed.
type lock struct {
	file *os.File
	// stale is the owner that ended without giving the lock back; nil: it was free.
	stale *owner
}

// busyError says that somebody else has the lock.
type busyError struct {
	owner *owner // nil: not known
	now   time.Time
}

func (e *busyError) Error() string {
	if e.owner == nil {
		return "it does not say who it is"
	}
	age := max(e.now.Sub(e.owner.Since), 0).Round(time.Second)
	return fmt.Sprintf("%v, for %v (since %s)", e.owner, age, e.owner.Since.UTC().Format(time.RFC3339))
}

// takeLock takes the lock for this process, or says who has it with a *busyError.
func takeLock(path string) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) //nolint:gosec // a descriptor
	before := readOwner(f)
	if err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &busyError{before, time.Now()}
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	l := &lock{f, before}
	if err := l.write(owner{os.Getpid(), host, time.Now().UTC()}.json()); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return l, nil
}

// maxOwner bounds what is read of a lock, in bytes.
const maxOwner = 4096

func readOwner(f io.ReaderAt) *owner {
	var o owner
	if json.NewDecoder(io.NewSectionReader(f, 0, maxOwner)).Decode(&o) != nil || o.PID == 0 {
		return nil // being written, or nobody's
	}
	return &o
}

func (l *lock) write(b []byte) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt(b, 0)
	return err
}

// release gives the lock back.
func (l *lock) release() {
	_ = l.write(nil) // it only says less
	_ = l.file.Close()
}
