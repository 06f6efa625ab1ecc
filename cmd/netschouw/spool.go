package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/report"
	"github.com/netschouw/netschouw/sweep"
)

// spool is the file with the findings of a run, one a line. Its lines up to the mark that a state holds belong to hosts that
// are done; lines after it were written just before a kill, and the last of them may be half.
type spool struct {
	path     string
	file     *os.File
	buf      *bufio.Writer
	lines    report.Writer
	size     int64                         // of what was there before
	standing map[netip.Addr]checks.Finding // whose hosts are not done
}

// openSpool opens the spool of a run. On resume it cuts off what is half written, and knows what stands after the mark.
func openSpool(path string, resume *sweep.State) (*spool, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	s := &spool{path: path, file: f}
	if resume != nil {
		err = s.recover(resume)
	}
	if err == nil {
		err = f.Truncate(s.size)
	}
	if err != nil {
		_ = f.Close() // the first error counts
		return nil, fmt.Errorf("findings of the run, %s: %w", path, err)
	}
	return s, nil
}

// recover finds the end of what is whole.
func (s *spool) recover(state *sweep.State) error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < state.Sink {
		return fmt.Errorf("it has %d bytes, and the run had written %d: it was cut or replaced; start a new run", info.Size(), state.Sink)
	}
	s.size, s.standing = state.Sink, map[netip.Addr]checks.Finding{}
	if len(state.Standing) > 0 { // from a kill before the last one
		err := report.Each(io.NewSectionReader(s.file, 0, state.Sink), func(f checks.Finding) error {
			if _, found := slices.BinarySearchFunc(state.Standing, f.Address, netip.Addr.Compare); found {
				s.standing[f.Address] = f
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	rest := bufio.NewReader(io.NewSectionReader(s.file, state.Sink, info.Size()-state.Sink))
	for {
		line, err := rest.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil // half a line
		}
		if err != nil {
			return err
		}
		var f checks.Finding
		if report.Each(bytes.NewReader(line), func(one checks.Finding) error { f = one; return nil }) != nil || f.Run != state.Run {
			return nil // what a power cut made of it, or of a run before
		}
		s.size += int64(len(line))
		s.standing[f.Address] = f
	}
}

// begin begins an empty one.
func (s *spool) begin(all bool) (err error) {
	s.buf = bufio.NewWriter(s.file)
	s.lines, err = report.New("jsonl", s.buf, report.Options{All: all})
	return err
}

// goOn tells what is there, and goes on after it.
func (s *spool) goOn(all bool, tell func(checks.Finding) error) error {
	if err := report.Each(io.NewSectionReader(s.file, 0, s.size), tell); err != nil {
		return fmt.Errorf("findings of the run to resume, %s: %w", s.path, err)
	}
	if _, err := s.file.Seek(s.size, io.SeekStart); err != nil {
		return err
	}
	return s.begin(all)
}

func (s *spool) add(f checks.Finding) error { return s.named(s.lines.Finding(f)) }

// mark hands all lines to the system, and tells how many bytes there are.
func (s *spool) mark() (int64, error) {
	if err := s.buf.Flush(); err != nil {
		return 0, s.named(err)
	}
	n, err := s.file.Seek(0, io.SeekCurrent)
	return n, s.named(err)
}

func (s *spool) sync() error { return s.named(s.file.Sync()) }

func (s *spool) close() error {
	if s.buf == nil {
		return s.file.Close()
	}
	return s.named(errors.Join(s.buf.Flush(), s.file.Close()))
}

func (s *spool) named(err error) error {
	if err != nil {
		return fmt.Errorf("findings of the run: %w", err)
	}
	return nil
}
