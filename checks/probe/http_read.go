package probe

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
	"strconv"
	"strings"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// Bounds of one HTTP answer. What a peer sends beyond them is not read.
const (
	maxStatusLine   = 1 << 10   // bytes; real reason phrases are a few words
	maxHeaderLine   = 8 << 10   // bytes; what common servers allow of a client
	maxHeaderBytes  = 64 << 10  // of a whole header section
	maxHeaderFields = 200       // real answers have some 20
	maxInterim      = 4         // 1xx answers before the final one (RFC 9110 section 15.2)
	maxBody         = 256 << 10 // bytes kept of a body, as sent and after decompression
	maxTrailers     = 20        // lines after a chunked body
)

// field is one header field; its name is in lower case.
type field struct{ name, value string }

// fields is a header section in the order it was sent.
type fields []field

// get returns the first field of that lower-case name, "" for none.
func (f fields) get(name string) string {
	for _, h := range f {
		if h.name == name {
			return h.value
		}
	}
	return ""
}

// has tells whether there is a field of that lower-case name.
func (f fields) has(name string) bool {
	for _, h := range f {
		if h.name == name {
			return true
		}
	}
	return false
}

// answer is one final HTTP/1.x response, bounded.
type answer struct {
	path      string // what was asked
	status    int
	minor     int // of HTTP/1.minor
	header    fields
	body      []byte // decoded, at most maxBody bytes
	truncated bool   // there was more
	reusable  bool   // the connection stands at the beginning of the next answer
	parsed    *page  // see page
}

// page is the body as an HTML document, parsed once.
func (a *answer) page() page {
	if a.parsed == nil {
		p := parsePage(a.body, a.header.get("content-type"))
		a.parsed = &p
	}
	return *a.parsed
}

// readAnswer reads one answer to a GET (RFC 9112), past interim ones. When the header section could be read and what follows
// could not, it returns what there is beside the error. A peer that does not begin with a status line is ErrMalformed, and its
// bytes are left in the reader. The error is io.EOF when the peer sent nothing.
func readAnswer(s *Session) (*answer, error) {
	for range maxInterim + 1 {
		a, err := readHead(s)
		if err != nil {
			return a, err
		}
		if a.status >= 200 {
			err = a.readBody(s)
			return a, err
		}
		if a.status == 101 {
			return nil, fmt.Errorf("switched protocols without being asked: %w", ErrMalformed)
		}
	}
	return nil, fmt.Errorf("more than %d interim answers: %w", maxInterim, ErrMalformed)
}

func readHead(s *Session) (*answer, error) {
	const begin = "HTTP/1."
	head, err := s.br.Peek(len(begin))
	if !bytes.Equal(head, []byte(begin)[:len(head)]) {
		return nil, fmt.Errorf("answer begins with %q: %w", head, ErrMalformed)
	}
	if err != nil {
		return nil, inside(err, len(head) > 0)
	}
	line, err := s.ReadLine(maxStatusLine)
	if err != nil {
		return nil, fmt.Errorf("status line: %w", inside(err, true))
	}
	a := new(answer)
	if a.status, a.minor, err = parseStatus(line); err != nil {
		return nil, err
	}
	a.header, err = readFields(s)
	return a, err
}

// inside turns the end of a stream into the end in the middle of something that was begun.
func inside(err error, begun bool) error {
	if begun && errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// parseStatus reads "HTTP/1.1 200 OK". The reason phrase may be missing.
func parseStatus(line string) (status, minor int, err error) {
	version, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	minor, ok := digits(strings.TrimPrefix(version, "HTTP/1."), 1)
	status, isCode := digits(code, 3)
	if !ok || !isCode || status < 100 {
		return 0, 0, fmt.Errorf("status line %q: %w", clip(line, 64), ErrMalformed)
	}
	return status, minor, nil
}

// digits reads exactly n decimal digits.
func digits(text string, n int) (int, bool) {
	if len(text) != n {
		return 0, false
	}
	value := 0
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, false
		}
		value = value*10 + int(c-'0')
	}
	return value, true
}

// readFields reads a header section up to its empty line. A line that is no field is passed over, as browsers do: to identify
// bad servers is the task.
func readFields(s *Session) (fields, error) {
	var list fields
	for total := 0; ; {
		line, err := s.ReadLine(maxHeaderLine)
		switch {
		case err != nil:
			return list, fmt.Errorf("header: %w", inside(err, true))
		case line == "":
			return list, nil
		}
		if total += len(line); total > maxHeaderBytes || len(list) == maxHeaderFields {
			return list, fmt.Errorf("header of more than %d fields or %d bytes: %w", maxHeaderFields, maxHeaderBytes, ErrMalformed)
		}
		if line[0] == ' ' || line[0] == '\t' { // obs-fold, RFC 9112 section 5.2
			if n := len(list); n > 0 && len(list[n-1].value) < maxHeaderLine {
				list[n-1].value += " " + strings.TrimSpace(line)
			}
			continue
		}
		if name, value, ok := strings.Cut(line, ":"); ok && name != "" {
			list = append(list, field{strings.ToLower(strings.TrimRight(name, " \t")), strings.TrimSpace(value)})
		}
	}
}

// readBody reads the body as RFC 9112 section 6.3 frames it, and decodes it.
func (a *answer) readBody(s *Session) error {
	raw, err := a.frame(s)
	a.body = raw
	if len(raw) > maxBody {
		a.body, a.truncated = raw[:maxBody], true
	}
	if errors.Is(err, dial.ErrTooMuch) {
		a.truncated = true
	}
	if encoding := a.header.get("content-encoding"); encoding != "" {
		plain, more := decode(a.body, encoding)
		a.body, a.truncated = plain, a.truncated || more
	}
	a.reusable = a.reusable && err == nil && !a.truncated && s.br.Buffered() == 0
	return err
}

// frame reads at most one byte more than maxBody, and says in a.reusable whether the end of the body is known to be reached.
func (a *answer) frame(s *Session) ([]byte, error) {
	if a.status == 204 || a.status == 304 {
		a.reusable = a.persistent()
		return nil, nil
	}
	if coding := a.header.get("transfer-encoding"); coding != "" {
		return a.chunks(s, coding)
	}
	length, known, err := a.length()
	if err != nil || !known {
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(io.LimitReader(s.br, maxBody+1))
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(s.br, min(length, maxBody+1)))
	if err == nil && int64(len(body)) < min(length, maxBody+1) {
		err = fmt.Errorf("body ended after %d of %d bytes: %w", len(body), length, io.ErrUnexpectedEOF)
	}
	a.reusable = a.persistent()
	return body, err
}

func (a *answer) chunks(s *Session, coding string) ([]byte, error) {
	if !strings.EqualFold(strings.TrimSpace(coding), "chunked") {
		return nil, fmt.Errorf("transfer encoding %q: %w", clip(coding, 64), ErrMalformed)
	}
	body, err := io.ReadAll(io.LimitReader(httputil.NewChunkedReader(s.br), maxBody+1))
	if err != nil {
		if dial.Classify(err) == dial.LocalError && !isEnd(err) && !errors.Is(err, dial.ErrTooMuch) {
			err = fmt.Errorf("%w: %w", err, ErrMalformed) // httputil's own complaint about a chunk
		}
		return body, fmt.Errorf("chunked body: %w", inside(err, true))
	}
	// Content-Length beside chunked is how answers are smuggled (RFC 9112 section 6.3): read no further here.
	if len(body) <= maxBody && !a.header.has("content-length") {
		a.reusable = a.persistent() && skipTrailers(s)
	}
	return body, nil
}

// skipTrailers reads on to the empty line behind a chunked body, and tells whether it came soon.
func skipTrailers(s *Session) bool {
	for range maxTrailers {
		line, err := s.ReadLine(maxHeaderLine)
		if err != nil {
			return false
		}
		if line == "" {
			return true
		}
	}
	return false
}

// length is the Content-Length. Several that differ, or one that is no number, break the rules.
func (a *answer) length() (n int64, known bool, err error) {
	for _, h := range a.header {
		if h.name != "content-length" {
			continue
		}
		value, err := strconv.ParseUint(h.value, 10, 63)
		if err != nil || known && int64(value) != n {
			return 0, false, fmt.Errorf("content length %q: %w", clip(h.value, 64), ErrMalformed)
		}
		n, known = int64(value), true
	}
	return n, known, nil
}

// persistent tells whether the peer keeps the connection (RFC 9112 section 9.3).
func (a *answer) persistent() bool {
	connection := strings.ToLower(a.header.get("connection"))
	if a.minor == 0 {
		return strings.Contains(connection, "keep-alive")
	}
	return !strings.Contains(connection, "close")
}

// decode undoes a content coding that was sent without being asked for, to at most maxBody bytes: a compressed bomb costs no
// more than a page. A coding that is unknown or broken gives what could be decoded, or the body as it is.
func decode(body []byte, encoding string) (plain []byte, more bool) {
	var r io.Reader
	var err error
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(bytes.NewReader(body))
	case "deflate":
		if r, err = zlib.NewReader(bytes.NewReader(body)); err != nil { // some servers leave out the zlib wrapper
			r, err = flate.NewReader(bytes.NewReader(body)), nil
		}
	default:
		return body, false
	}
	if err != nil {
		return body, false
	}
	plain, err = io.ReadAll(io.LimitReader(r, maxBody+1))
	if err != nil && len(plain) == 0 {
		return body, false
	}
	if len(plain) > maxBody {
		return plain[:maxBody], true
	}
	return plain, false
}
