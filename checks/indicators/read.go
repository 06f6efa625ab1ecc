package indicators

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Options says how to read.
type Options struct {
	// Source names indicators whose file does not say who published them, such as the file's own name.
	Source string
	// Context takes also what its source marked as not for detection: MISP attributes with to_ids false.
	Context bool
}

// MaxObject bounds one object of a JSON file, in bytes: MISP events can hold attachments.
const MaxObject = 64 << 20

// Read reads a list of indicators: a STIX 2.1 bundle, a MISP event (with or without its "Event" wrapper, or the "response" of
// MISP's API) or CSV with a header. Which one it is, is seen from its beginning. The list is nil beside an error.
func Read(r io.Reader, opts Options) (*List, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	list := &List{}
	head, err := peek(in)
	switch {
	case err != nil:
		return nil, err
	case head == '{' || head == '[':
		err = newJSON(in, list, opts).read()
	default:
		err = readCSV(in, list, opts)
	}
	if err != nil {
		return nil, err
	}
	clear(list.byValue[:])
	return list, nil
}

var byteOrderMark = []byte("\ufeff")

// peek passes over a byte order mark and white space, and returns the first byte that is none.
func peek(in *bufio.Reader) (byte, error) {
	if head, _ := in.Peek(len(byteOrderMark)); bytes.Equal(head, byteOrderMark) {
		_, _ = in.Discard(len(byteOrderMark))
	}
	for most := in.Size(); most > 0; most-- {
		head, err := in.Peek(1)
		if err != nil {
			if err == io.EOF {
				return 0, errors.New("the file is empty")
			}
			return 0, err
		}
		switch head[0] {
		case ' ', '\t': // a header line begins with no line end, and JSON's lines are counted
			_, _ = in.Discard(1)
		case '\r', '\n':
			return skipLines(in)
		case 0, 0xff, 0xfe:
			return 0, errors.New("the file is not UTF-8 text; save it as UTF-8")
		default:
			return head[0], nil
		}
	}
	return 0, errors.New("the file begins with nothing but white space")
}

// skipLines looks past empty lines without taking them, so that lines are counted from the file's first.
func skipLines(in *bufio.Reader) (byte, error) {
	head, _ := in.Peek(in.Size())
	for _, b := range head {
		if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
			return b, nil
		}
	}
	return 0, errors.New("the file begins with nothing but white space")
}

// jsonReader walks a JSON document of which most is of no interest.
type jsonReader struct {
	dec   *json.Decoder
	lines *lineCounter
	list  *List
	opts  Options
	stix  *stixReader
	// touched are the indicators that attributes gave, in the order of the file: an event labels its own.
	touched []int32
}

func newJSON(in io.Reader, list *List, opts Options) *jsonReader {
	lines := &lineCounter{r: in, left: MaxObject}
	return &jsonReader{dec: json.NewDecoder(lines), lines: lines, list: list, opts: opts}
}

func (j *jsonReader) read() error {
	err := j.value(0)
	if err == nil {
		if _, more := j.dec.Token(); more != io.EOF {
			err = errors.New("something follows the end of the document")
		}
	}
	if err == nil && j.list.Format == "" {
		return errors.New("neither a STIX 2.1 bundle nor a MISP event: no \"objects\", \"Event\" or \"Attribute\" is in it")
	}
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the JSON ends in the middle of a value")
		}
		return fmt.Errorf("line %d: %w", j.line(), err)
	}
	if j.stix != nil {
		j.stix.finish()
	}
	for i := range j.list.Indicators {
		j.list.Indicators[i].Source = cmp.Or(j.list.Indicators[i].Source, j.opts.Source)
	}
	return nil
}

// line is the line at which reading is.
func (j *jsonReader) line() int { return j.lines.at(j.dec.InputOffset()) }

// maxDepth bounds how deep the parts of interest are nested: "response", "Event", "Object", "Attribute" and their arrays.
const maxDepth = 12

// value walks any value in which parts of interest can be.
func (j *jsonReader) value(depth int) error {
	if depth > maxDepth {
		return errors.New("the document is nested too deeply")
	}
	token, err := j.dec.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		return j.object(depth)
	case json.Delim('['):
		for j.dec.More() {
			if err := j.value(depth + 1); err != nil {
				return err
			}
		}
		_, err = j.dec.Token()
		return err
	}
	return nil
}

// object walks the members of an object. An object with attributes is an event, or a part of one.
func (j *jsonReader) object(depth int) error {
	var event mispEvent
	own := len(j.touched)
	for j.dec.More() {
		token, err := j.dec.Token()
		if err != nil {
			return err
		}
		switch key, _ := token.(string); key {
		case "objects":
			if depth > 0 {
				err = j.skipValue()
				break
			}
			if err = j.claim("stix"); err == nil {
				err = j.each(j.stixObject)
			}
		case "Attribute":
			if err = j.claim("misp"); err == nil {
				err = j.each(j.mispAttribute)
			}
		case "Event", "response", "Object":
			err = j.value(depth + 1)
		case "info", "Tag", "Orgc":
			var raw json.RawMessage
			if err = j.decode(&raw); err == nil {
				event.take(key, raw)
			}
		default:
			err = j.skipValue()
		}
		if err != nil {
			return err
		}
	}
	event.label(j.list.Indicators, j.touched[own:])
	_, err := j.dec.Token()
	return err
}

// claim sets the format, which cannot be two.
func (j *jsonReader) claim(format string) error {
	if j.list.Format != "" && j.list.Format != format {
		return errors.New("the document is a STIX bundle and a MISP event at once")
	}
	j.list.Format = format
	return nil
}

// each hands the elements of an array to do, with the line on which each begins.
func (j *jsonReader) each(do func(raw json.RawMessage, line int)) error {
	token, err := j.dec.Token()
	if err != nil {
		return err
	}
	if token != json.Delim('[') {
		return errors.New("an array is expected")
	}
	var raw json.RawMessage
	for j.dec.More() {
		raw = raw[:0]
		if err := j.decode(&raw); err != nil {
			return err
		}
		do(raw, j.lines.at(j.dec.InputOffset()-int64(len(raw))))
	}
	_, err = j.dec.Token()
	return err
}

func (j *jsonReader) decode(v any) error {
	err := j.dec.Decode(v)
	j.lines.left = MaxObject
	return err
}

func (j *jsonReader) skipValue() error {
	var raw json.RawMessage
	return j.decode(&raw)
}

// lineCounter bounds what is read for one value, and knows on which line an offset lies.
type lineCounter struct {
	r     io.Reader
	left  int64
	read  int64
	ends  []int64 // offsets of line ends that were not yet passed
	lines int     // line ends that were
}

func (c *lineCounter) Read(p []byte) (int, error) {
	if c.left <= 0 || len(c.ends) > MaxObject/8 {
		return 0, errors.New("one object of the file is too large")
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	for rest, base := p[:n], c.read; ; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		c.ends = append(c.ends, base+int64(i))
		rest, base = rest[i+1:], base+int64(i)+1
	}
	c.read += int64(n)
	c.left -= int64(n)
	return n, err
}

// at is the number of the line, from 1, on which an offset lies. Offsets do not decrease from call to call.
func (c *lineCounter) at(offset int64) int {
	n := 0
	for n < len(c.ends) && c.ends[n] < offset {
		n++
	}
	c.ends = c.ends[n:]
	c.lines += n
	return c.lines + 1
}

// text bounds a text of a file that is kept, and makes it valid UTF-8.
func text(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most]
	}
	if !utf8.ValidString(s) {
		s = string(bytes.ToValidUTF8([]byte(s), []byte("\ufffd")))
	}
	return s
}
