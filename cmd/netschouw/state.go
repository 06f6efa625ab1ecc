package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/netschouw/netschouw/sweep"
)

// stateFolder is the memory of the last run: its cursor, its findings, and a lock against a second run.
type stateFolder struct {
	path string
	lock *os.File
}

// openState makes the folder when needed and locks it until close.
func openState(path string) (*stateFolder, error) {
	const hint = "give a folder that you may write to: --state DIR"
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, &inputError{err, hint}
	}
	f, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, &inputError{err, hint}
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &inputError{fmt.Errorf("another run uses the state folder %s", path), "wait for it, or give this run another one: --state DIR"}
		}
		return nil, input(fmt.Errorf("lock %s: %w", path, err))
	}
	return &stateFolder{path, f}, nil
}

func (s *stateFolder) cursor() string   { return filepath.Join(s.path, "run.json") }
func (s *stateFolder) findings() string { return filepath.Join(s.path, "findings.jsonl") }
func (s *stateFolder) sums() string     { return filepath.Join(s.path, "summary.json") }

// close unlocks the folder.
func (s *stateFolder) close() { _ = s.lock.Close() }

// unfinished loads the run that was stopped early; nil when there is none.
func (s *stateFolder) unfinished() (*sweep.State, error) {
	st, err := sweep.LoadState(s.cursor())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, input(err)
	case st.Complete():
		return nil, nil
	}
	return &st, nil
}

// earlier is what the parts of a run before its resume came to, nil when that is not known: the run was killed. It is
// taken away, because it holds no longer once the run goes on.
func (s *stateFolder) earlier() *sweep.Summary {
	var sum sweep.Summary
	body, err := os.ReadFile(s.sums())
	if err != nil || json.Unmarshal(body, &sum) != nil || os.Remove(s.sums()) != nil {
		return nil // numbers are not worth a run
	}
	return &sum
}

// remember keeps what a run came to before it was stopped.
func (s *stateFolder) remember(sum sweep.Summary) error {
	f, err := replaceFile(s.sums(), 0o600)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(f).Encode(sum); err != nil {
		f.discard()
		return err
	}
	return f.commit()
}

// total adds what a run came to before it was resumed. Hosts that were in hand then have been visited again.
func total(earlier *sweep.Summary, sum sweep.Summary) sweep.Summary {
	if earlier == nil {
		return sum
	}
	for state, n := range earlier.Hosts {
		if state != sweep.Interrupted {
			sum.Hosts[state] += n
		}
	}
	for verdict, n := range earlier.Verdicts {
		sum.Verdicts[verdict] += n
	}
	for port, byName := range earlier.Ports {
		if sum.Ports[port] == nil {
			sum.Ports[port] = map[string]uint64{}
		}
		for name, n := range byName {
			sum.Ports[port][name] += n
		}
	}
	sum.AcceptAll += earlier.AcceptAll
	return sum
}
