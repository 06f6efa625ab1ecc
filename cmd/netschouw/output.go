package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// replacement is a file that takes its name only when it is whole, so that a reader never meets half a report and a
// failed run does not destroy the last one. A name that is no regular file (a pipe, /dev/stdout) is written directly.
type replacement struct {
	*os.File
	path string // "": written directly
}

// replaceFile begins a file with the given permissions. Finish it with commit, or give it up with discard.
func replaceFile(path string, mode os.FileMode) (*replacement, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &replacement{f, ""}, unwritable(path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, unwritable(path, err)
	}
	if err := f.Chmod(mode); err != nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
		return nil, err
	}
	return &replacement{f, path}, nil
}

// unwritable names the file that was wanted, and not the one beside it that is written first; nil stays nil.
func unwritable(path string, err error) error {
	if err == nil {
		return nil
	}
	cause := err
	var at *fs.PathError
	if errors.As(err, &at) {
		cause = at.Err
	}
	hint := "give another file"
	switch folder := filepath.Dir(path); {
	case errors.Is(err, fs.ErrNotExist):
		hint = "make the folder first: mkdir -p " + folder
	case errors.Is(err, fs.ErrPermission):
		hint = "give a file in a folder that you may write to; this user may not write to " + folder
	}
	return &inputError{fmt.Errorf("cannot write %s: %w", path, cause), hint}
}

// commit makes the file visible under its name.
func (r *replacement) commit() error {
	if r.path == "" {
		return r.Close()
	}
	err := r.Sync()
	if closing := r.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(r.Name(), r.path)
	}
	if err != nil {
		_ = os.Remove(r.Name()) // the first error counts
	}
	return err
}

// discard gives the file up.
func (r *replacement) discard() {
	_ = r.Close()
	if r.path != "" {
		_ = os.Remove(r.Name())
	}
}
