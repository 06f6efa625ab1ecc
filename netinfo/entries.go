package netinfo

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"iter"
	"net/netip"
	"os"
)

// entries keeps the ranges as they were written, with their sources, for explanations: 16 bytes an IPv4 entry, 40 an
// IPv6 one. Look-ups go through the Set instead.
type entries struct {
	v4      []entry[v4]
	v6      []entry[v6]
	sources []Source // without lines; entries of one file share one
}

type entry[P point[P]] struct {
	span[P]
	source, line uint32
}

func (e *entries) add(r Range, s Source) {
	line := uint32(s.Line)
	s.Line = 0
	if n := len(e.sources); n == 0 || e.sources[n-1] != s {
		e.sources = append(e.sources, s)
	}
	source := uint32(len(e.sources) - 1)
	if r.First.Is4() {
		e.v4 = append(e.v4, entry[v4]{span[v4]{v4Of(r.First), v4Of(r.Last)}, source, line})
		return
	}
	e.v6 = append(e.v6, entry[v6]{span[v6]{v6Of(r.First), v6Of(r.Last)}, source, line})
}

func (e *entries) len() int { return len(e.v4) + len(e.v6) }

func (e *entries) source(i, line uint32) Source {
	s := e.sources[i]
	s.Line = int(line)
	return s
}

func (e *entries) set() *Set {
	a := make([]span[v4], len(e.v4))
	for i, x := range e.v4 {
		a[i] = x.span
	}
	b := make([]span[v6], len(e.v6))
	for i, x := range e.v6 {
		b[i] = x.span
	}
	return newSet(trim(merge(a)), trim(merge(b)))
}

// all yields every entry as it was written.
func (e *entries) all() iter.Seq2[Range, Source] {
	return func(yield func(Range, Source) bool) {
		for _, x := range e.v4 {
			if !yield(Range{x.first.addr(), x.last.addr()}, e.source(x.source, x.line)) {
				return
			}
		}
		for _, x := range e.v6 {
			if !yield(Range{x.first.addr(), x.last.addr()}, e.source(x.source, x.line)) {
				return
			}
		}
	}
}

// deciding returns the smallest entry that has the address. It looks at each entry: explanations are rare, and an
// index would cost every run its memory.
func (e *entries) deciding(a netip.Addr) (Range, Source, bool) {
	if a = a.Unmap(); a.Is4() {
		return smallest(e, e.v4, v4Of(a))
	}
	if !a.IsValid() || a.Zone() != "" {
		return Range{}, Source{}, false
	}
	return smallest(e, e.v6, v6Of(a))
}

func smallest[P point[P]](e *entries, list []entry[P], p P) (Range, Source, bool) {
	best := -1
	for i, x := range list {
		if x.first.compare(p) > 0 || p.compare(x.last) > 0 {
			continue
		}
		// Of entries that have the address, one that begins later and ends earlier is the more specific.
		if best < 0 || (x.first.compare(list[best].first) >= 0 && x.last.compare(list[best].last) <= 0) {
			best = i
		}
	}
	if best < 0 {
		return Range{}, Source{}, false
	}
	x := list[best]
	return Range{x.first.addr(), x.last.addr()}, e.source(x.source, x.line), true
}

// collect reads inline values and files of ranges into entries. check may refuse a range that is well-formed; nil
// accepts all.
type collect struct {
	entries
	faults *Faults
	check  func(Range) *Fault
}

func (c *collect) values(name string, values []string) {
	for i, v := range values {
		c.value(v, Source{Name: name, Line: i + 1, Inline: true})
	}
}

func (c *collect) value(v string, s Source) {
	r, f := parseRange(v)
	if f == nil && c.check != nil {
		if f = c.check(r); f != nil {
			f.Value = v
		}
	}
	if f != nil {
		f.Source = s
		c.faults.add(f)
		return
	}
	c.add(r, s)
}

func (c *collect) file(path string) {
	file, err := os.Open(path)
	if err != nil {
		c.faults.add(&Fault{Source: Source{Name: path}, Problem: ProblemFile, Err: pathless(err),
			Remedy: "correct the path, or remove it from the configuration"})
		return
	}
	defer file.Close()
	c.read(file, path)
}

// pathless takes the path out of an error that will be shown next to it.
func pathless(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// maxLine bounds a line of a file of ranges, in bytes: two IPv6 addresses and a long comment fit many times.
const maxLine = 4096

// read reads a file of ranges, one per line, holding one line at a time.
func (c *collect) read(r io.Reader, name string) {
	br := bufio.NewReaderSize(r, 1<<16)
	if !skipBOM(br) {
		c.faults.add(utf16Fault(name))
		return
	}
	for line := 1; ; line++ {
		text, long, err := readLine(br)
		if long {
			c.faults.add(&Fault{Source: Source{Name: name, Line: line}, Value: string(text[:40]), Problem: ProblemLong,
				Remedy: "write one value per line; is this a list of ranges at all?"})
		} else {
			text, _, _ = bytes.Cut(text, []byte("#"))
			if text = bytes.TrimSpace(text); len(text) > 0 {
				c.value(string(text), Source{Name: name, Line: line})
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			c.faults.add(&Fault{Source: Source{Name: name, Line: line}, Problem: ProblemFile, Err: pathless(err),
				Remedy: "correct the path, or remove it from the configuration"})
			return
		}
	}
}

// skipBOM steps over the byte order mark that some programs put before UTF-8. It returns false for UTF-16.
func skipBOM(br *bufio.Reader) bool {
	bom, _ := br.Peek(3)
	if bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		_, _ = br.Discard(3)
	}
	return !bytes.HasPrefix(bom, []byte("\xff\xfe")) && !bytes.HasPrefix(bom, []byte("\xfe\xff"))
}

func utf16Fault(name string) *Fault {
	return &Fault{Source: Source{Name: name, Line: 1}, Problem: ProblemEncoding, Remedy: "save it as UTF-8"}
}

// readLine returns the next line, valid until the next call. Of a line beyond maxLine it returns the beginning, and
// skips the rest.
func readLine(br *bufio.Reader) (line []byte, long bool, err error) {
	line, err = br.ReadSlice('\n')
	if err != bufio.ErrBufferFull {
		return line, len(line) > maxLine, err
	}
	head := bytes.Clone(line[:maxLine])
	for err == bufio.ErrBufferFull {
		_, err = br.ReadSlice('\n')
	}
	return head, true, err
}
