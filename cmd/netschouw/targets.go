package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/netschouw/netschouw/netinfo"
)

// A list of targets is for addresses that are known to be in use. Whole ranges belong into the scope, so that one line of a
// list may hold as many addresses as the largest IPv6 range that is walked.
const (
	maxListed = 1 << 16   // addresses of one line: a /16, or a /112
	maxList   = 256 << 20 // bytes of one list
	namedMost = 20        // refused ranges that are named one by one
)

// listed reads the lists of addresses to visit. What is not ours, or outside --range, is refused, counted and told; what
// cannot be read as an address is an error, because a slip of the pen must not read as "looked at".
func (w *world) listed(e *expedition) (*netinfo.Set, error) {
	var b netinfo.SetBuilder
	for _, path := range e.cfg.Sweep.Targets {
		if err := w.readList(path, &b); err != nil {
			return nil, input(fmt.Errorf("list of targets: %w", err))
		}
	}
	all, ours := b.Set(), e.scope.Owned()
	if len(e.cfg.Sweep.Range) > 0 { // excluded ones stay in the order, and are refused at the moment of contact
		narrow, err := e.unexcluded()
		if err != nil {
			return nil, input(err)
		}
		ours = narrow.Targets()
	}
	refused := all.Subtract(ours)
	n := 0
	for r := range refused.Ranges() {
		if n++; n > namedMost {
			e.log.Warn("more listed addresses are refused", "ranges", refused.Intervals()-namedMost)
			break
		}
		e.log.Warn("listed, and refused: nothing is sent to it", "address", r.String(), "why", e.scope.Check(r.First))
	}
	e.refused = refused.Count()
	return all.Intersect(ours), nil
}

func (w *world) readList(path string, b *netinfo.SetBuilder) error {
	from, name := w.stdin, "standard input"
	if path != "-" {
		f, err := os.Open(path) //nolint:gosec // the operator's own path
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // only read
		from, name = f, path
	}
	text, err := io.ReadAll(io.LimitReader(from, maxList+1))
	if err == nil && len(text) > maxList {
		err = fmt.Errorf("%s is longer than %d MiB", name, maxList>>20)
	}
	if err != nil {
		return err
	}
	return readTargets(string(text), name, b)
}

// readTargets reads a list: one address or small prefix per line, comments after #.
func readTargets(text, name string, b *netinfo.SetBuilder) error {
	text = strings.TrimPrefix(text, "\ufeff")
	for n := 1; text != ""; n++ {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		r, err := netinfo.ParseRange(line)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
		var one netinfo.SetBuilder
		one.AddRange(r)
		if one.Set().Count() > maxListed {
			return fmt.Errorf("%s:%d: %s has more than %d addresses; a list is for those in use, whole ranges are given with --range", name, n, r, maxListed)
		}
		b.AddRange(r)
	}
	return nil
}
