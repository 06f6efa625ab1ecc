package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/netschouw/netschouw/sweep"
)

// stateFolder is the memory of the last run: how far it came, its findings, and a lock against a second run.
type stateFolder struct {
	path string
	lock *lock
}

// openState makes the folder when needed and locks it until close.
func openState(path string) (*stateFolder, error) {
	const hint = "give a folder that you may write to: --state DIR"
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, &inputError{err, hint}
	}
	l, err := takeLock(filepath.Join(path, "lock"))
	var busy *busyError
	switch {
	case errors.As(err, &busy):
		return nil, &inputError{fmt.Errorf("another run uses the state folder %s: %w", path, err), "wait for it, or give this run another one: --state DIR"}
	case err != nil:
		return nil, &inputError{err, hint}
	}
	s := &stateFolder{path, l}
	s.sweepUp()
	return s, nil
}

func (s *stateFolder) cursor() string   { return filepath.Join(s.path, "run.json") }
func (s *stateFolder) findings() string { return filepath.Join(s.path, "findings.jsonl") }

// sweepUp removes what a run that was killed left half written. It is safe, because we hold the lock.
func (s *stateFolder) sweepUp() {
	half, _ := filepath.Glob(filepath.Join(s.path, ".run.json.*")) // the pattern is a good one
	for _, path := range half {
		_ = os.Remove(path) // it is in nobody's way
	}
}

// close unlocks the folder.
func (s *stateFolder) close() { s.lock.release() }

// unfinished loads the run that was stopped early, or whose report was not written; nil when there is none.
func (s *stateFolder) unfinished() (*sweep.State, error) {
	st, err := sweep.LoadState(s.cursor())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, input(err)
	case st.Complete() && st.Told:
		return nil, nil
	}
	return &st, nil
}

// told notes that the run is complete and its report where it belongs: there is nothing left to resume.
func (s *stateFolder) told() error {
	st, err := sweep.LoadState(s.cursor())
	if err != nil {
		return err
	}
	st.Told = true
	return st.Save(s.cursor())
}
