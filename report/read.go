package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"

	"github.com/netschouw/netschouw/checks"
)

// MaxHost bounds the JSON text of one host that is read, in bytes: the largest that the probes' own bounds allow for
// is about half of it.
const MaxHost = 32 << 20

// Read reads all hosts of a report: JSONL, a JSON document, or the JSON of a single host. See Each.
func Read(r io.Reader) ([]checks.Finding, error) {
	var all []checks.Finding
	err := Each(r, func(f checks.Finding) error {
		all = append(all, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Each reads the hosts of a report one by one and hands them to do: JSONL, a JSON document of schema
// netschouw.report/v1, or the JSON of a single host, laid out over lines or not. It is strict about the schema, the
// address, the verdict and the score, and passes over fields that it does not know, which later versions may add.
// Errors say on which line the host begins. Memory is bounded by MaxHost.
func Each(r io.Reader, do func(checks.Finding) error) error { return bounded(r, MaxHost, do) }

// bounded is Each with another bound on the JSON text of a host.
func bounded(r io.Reader, most int64, do func(checks.Finding) error) error {
	in := newSource(r, most)
	if in.startsDocument() {
		return in.document(do)
	}
	for {
		raw, line, err := in.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if schemaOf(raw) == ReportSchema { // with its keys in another order than ours
			err = sorted(raw, line, do)
		} else {
			err = deliver(raw, line, do)
		}
		if err != nil {
			return err
		}
	}
}

// deliver checks one host and hands it on.
func deliver(raw []byte, line int, do func(checks.Finding) error) error {
	f, err := parseFinding(raw)
	if err != nil {
		return fmt.Errorf("line %d: %w", line, err)
	}
	return do(f)
}

// parseFinding reads the JSON of one host. It is pure; the finding is the zero one beside an error.
func parseFinding(raw []byte) (checks.Finding, error) {
	if trimmed := bytes.TrimSpace(raw); len(trimmed) == 0 || trimmed[0] != '{' {
		return checks.Finding{}, fmt.Errorf("expected a JSON object of schema %s, not %s", checks.HostSchema, quote(string(raw), 40))
	}
	if got := schemaOf(raw); got != checks.HostSchema {
		if got == "" {
			return checks.Finding{}, fmt.Errorf("\"schema\" is missing, expected %q: is this a report of netschouw in jsonl or json?", checks.HostSchema)
		}
		return checks.Finding{}, fmt.Errorf("schema is %s, expected %q", quote(got, 60), checks.HostSchema)
	}
	var f checks.Finding
	if err := json.Unmarshal(raw, &f); err != nil {
		return checks.Finding{}, errors.New(explain(err))
	}
	switch {
	case !f.Address.IsValid():
		return checks.Finding{}, errors.New("\"address\" is missing")
	case f.Address.Zone() != "":
		return checks.Finding{}, fmt.Errorf("address %s has a zone, which no address on the network has", quote(f.Address.String(), 60))
	case f.Verdict != checks.Match && f.Verdict != checks.Suspect && f.Verdict != checks.Clear:
		return checks.Finding{}, fmt.Errorf("host %s: verdict is %s, expected match, suspect or clear", f.Address, quote(string(f.Verdict), 40))
	case !(f.Score >= 0 && f.Score <= 1):
		return checks.Finding{}, fmt.Errorf("host %s: score is %v, expected 0 to 1", f.Address, f.Score)
	}
	return f, nil
}

// schemaOf is the value of "schema" in a JSON object; "" when it has none.
func schemaOf(raw []byte) string {
	var head struct {
		Schema string `json:"schema"`
	}
	_ = json.Unmarshal(raw, &head) // a mistake elsewhere is found, and told, by the full decoding
	return head.Schema
}

// sorted reads a document whose keys another program put in another order, so that it has to be held as a whole.
func sorted(raw []byte, line int, do func(checks.Finding) error) error {
	var doc struct {
		Hosts []json.RawMessage `json:"hosts"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("line %d: %s", line, explain(err))
	}
	for i, host := range doc.Hosts {
		f, err := parseFinding(host)
		if err != nil {
			return fmt.Errorf("line %d: host %d of the document: %w", line, i+1, err)
		}
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}

// explain words an error of encoding/json for people.
func explain(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, errHuge):
		return err.Error()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the JSON ends in the middle of a value: was the run that wrote it interrupted?"
	case errors.As(err, &syntax):
		return "not JSON: " + Terminal(syntax.Error(), 120)
	case errors.As(err, &kind):
		field := strings.TrimPrefix(strings.TrimPrefix(kind.Field, "Host."), "Assessment.") // our own structs' names
		return fmt.Sprintf("%s is a JSON %s where %s is expected", quote(field, 80), kind.Value, kindName(kind.Type))
	}
	return Terminal(err.Error(), 200)
}

// quote cleans a value of at most width columns for a message.
func quote(s string, width int) string { return `"` + Terminal(s, width) + `"` }

// kindName is a Go type in JSON's words.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Float64, reflect.Float32:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a whole number (" + t.Kind().String() + ")"
}

// source reads JSON values and knows on which line each one begins.
type source struct {
	most  int64 // bytes of one host
	peek  *bufio.Reader
	meter *meter
	dec   *json.Decoder
}

func newSource(r io.Reader, most int64) *source {
	peek := bufio.NewReaderSize(r, 4096)
	m := &meter{r: peek, left: most}
	return &source{most: most, peek: peek, meter: m, dec: json.NewDecoder(m)}
}

var documentHead = regexp.MustCompile(`^\s*\{\s*"schema"\s*:\s*"netschouw\.report/v1"`)

// startsDocument says whether the input begins as a JSON document of ours does.
func (s *source) startsDocument() bool {
	head, _ := s.peek.Peek(256)
	return documentHead.Match(head)
}

// document reads the hosts of a document as they come.
func (s *source) document(do func(checks.Finding) error) error {
	_, _ = s.dec.Token() // the opening brace: startsDocument saw it
	for s.dec.More() {
		key, err := s.dec.Token()
		if err != nil {
			return s.fail(err)
		}
		if key != "hosts" {
			if _, _, err := s.next(); err != nil {
				return s.inside(err)
			}
			continue
		}
		if err := s.array(do); err != nil {
			return err
		}
	}
	if _, err := s.dec.Token(); err != nil {
		return s.fail(s.inside(err))
	}
	if _, line, err := s.next(); err != io.EOF {
		if err != nil {
			return err
		}
		return fmt.Errorf("line %d: something follows the end of the document", line)
	}
	return nil
}

func (s *source) array(do func(checks.Finding) error) error {
	if open, err := s.dec.Token(); err != nil {
		return s.fail(s.inside(err))
	} else if open != json.Delim('[') {
		return s.fail(errors.New("\"hosts\" is not an array"))
	}
	for s.dec.More() {
		raw, line, err := s.next()
		if err != nil {
			return s.inside(err)
		}
		if err := deliver(raw, line, do); err != nil {
			return err
		}
	}
	if _, err := s.dec.Token(); err != nil {
		return s.fail(s.inside(err))
	}
	return nil
}

// next is the next JSON value and the line on which it begins; io.EOF at the end of the input.
func (s *source) next() (json.RawMessage, int, error) {
	var raw json.RawMessage
	err := s.dec.Decode(&raw)
	if err == io.EOF {
		return nil, 0, err
	}
	if err != nil {
		return nil, 0, s.fail(err)
	}
	line := s.meter.line(s.dec.InputOffset() - int64(len(raw)))
	s.meter.left = s.most
	return raw, line, nil
}

// inside turns the end of the input into the error that it is within a document.
func (s *source) inside(err error) error {
	if err == io.EOF {
		return s.fail(io.ErrUnexpectedEOF)
	}
	return err
}

// fail says on which line reading ended.
func (s *source) fail(err error) error {
	at := s.dec.InputOffset()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at = syntax.Offset
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		at = s.meter.read
	}
	return fmt.Errorf("line %d: %s", s.meter.line(at), explain(err))
}

var errHuge = errors.New("a host is longer than any that netschouw writes: this is no report of it")

// maxLines bounds the lines over which one host may be laid out, so that their ends need no more memory than the host.
const maxLines = 1 << 20

// meter bounds what is read for one value, and remembers where the lines end that are not yet passed.
type meter struct {
	r      io.Reader
	left   int64
	read   int64   // bytes so far
	ends   []int64 // offsets of line ends at or after the last line asked for
	passed int     // line ends before these
}

func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 || len(m.ends) > maxLines {
		return 0, errHuge
	}
	if int64(len(p)) > m.left {
		p = p[:m.left]
	}
	n, err := m.r.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			m.ends = append(m.ends, m.read+int64(i))
		}
	}
	m.read += int64(n)
	m.left -= int64(n)
	return n, err
}

// line is the number, from 1, of the line on which an offset lies. Offsets must not decrease from call to call.
func (m *meter) line(offset int64) int {
	n := 0
	for n < len(m.ends) && m.ends[n] < offset {
		n++
	}
	m.ends = m.ends[n:]
	m.passed += n
	return m.passed + 1
}
