package netinfo

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// The columns of a customer list, by the names in its header. Others are ignored.
const (
	colPrefix   = "prefix"
	colID       = "customer_id"
	colName     = "customer_name"
	colAbuse    = "abuse_email"
	colTags     = "tags"
	colExclude  = "exclude"
	wholeHeader = "prefix,customer_id,customer_name,abuse_email,tags,exclude"
)

var columns = []string{colPrefix, colID, colName, colAbuse, colTags, colExclude}

// OpenCustomers reads a customer list from a file; see ReadCustomers.
func OpenCustomers(path string) (*Customers, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &Faults{Total: 1, List: []*Fault{{Source: Source{Name: path}, Problem: ProblemFile, Err: pathless(err),
			Remedy: "correct netinfo.customers, or remove it to leave customers out"}}}
	}
	defer file.Close()
	return ReadCustomers(file, path)
}

// ReadCustomers reads a customer list: CSV (RFC 4180; semicolons instead of commas are recognised) whose header names
// the columns prefix and customer_id, and any of customer_name, abuse_email, tags (between spaces, ; or |) and exclude
// (yes or no). The columns may stand in any order, beside others. Lines that begin with # are comments. A prefix
// may be listed twice for the same customer, and then the later line counts, but an exclusion on either does too.
// The error is a *Faults with the first 20 faulty values; name is the file's name in it.
func ReadCustomers(r io.Reader, name string) (*Customers, error) {
	c := &customerReader{name: name, byDetails: map[string]int32{}}
	c.read(r)
	if err := c.faults.err(); err != nil {
		return nil, err
	}
	c.out.v4 = flatten(unique(c.v4, c.out.people, clash[v4](c)), &c.out.rows)
	c.out.v6 = flatten(unique(c.v6, c.out.people, clash[v6](c)), &c.out.rows)
	if err := c.faults.err(); err != nil {
		return nil, err
	}
	out := c.out // a copy, so that what was only needed for reading can be freed
	out.rows = trim(out.rows)
	return &out, nil
}

type customerReader struct {
	name      string
	out       Customers
	v4        []assigned[v4]
	v6        []assigned[v6]
	byDetails map[string]int32 // the index in people of details that were seen before
	index     map[string]int   // the place of each known column
	key       []byte
	faults    Faults
}

func clash[P point[P]](c *customerReader) func(netip.Prefix, assigned[P], assigned[P]) {
	return func(p netip.Prefix, a, b assigned[P]) {
		c.faults.add(&Fault{Source: c.at(int(b.line)), Column: colPrefix, Value: p.String(), Problem: ProblemDuplicate,
			Remedy: fmt.Sprintf("line %d gives it to %s, this line to %s; keep one",
				a.line, quote(c.out.people[a.person].Customer), quote(c.out.people[b.person].Customer))})
	}
}

func (c *customerReader) at(line int) Source { return Source{Name: c.name, Line: line} }

func (c *customerReader) read(r io.Reader) {
	br := bufio.NewReaderSize(r, 1<<16)
	if !skipBOM(br) {
		c.faults.add(utf16Fault(c.name))
		return
	}
	cr := csv.NewReader(br)
	cr.Comma = delimiter(br)
	cr.Comment = '#'
	cr.FieldsPerRecord = -1 // a short row is told with its line and column, not as a count
	cr.ReuseRecord = true
	cr.TrimLeadingSpace = true
	head, err := cr.Read()
	if err == io.EOF {
		c.faults.add(&Fault{Source: c.at(0), Problem: ProblemHeader, Remedy: "the file is empty; its first line must be " + wholeHeader})
		return
	}
	if err == nil {
		line, _ := cr.FieldPos(0)
		if !c.header(head, line) {
			return
		}
	}
	for err == nil {
		var rec []string
		if rec, err = cr.Read(); err == nil {
			line, _ := cr.FieldPos(0)
			c.row(rec, line)
		}
	}
	var pe *csv.ParseError
	switch {
	case err == io.EOF:
	case errors.As(err, &pe):
		c.faults.add(&Fault{Source: c.at(pe.StartLine), Problem: ProblemCSV, Err: pe.Err,
			Remedy: "put a value that holds a quote between quotes, and double the quote; the lines after it were not read"})
	default:
		c.faults.add(&Fault{Source: c.at(0), Problem: ProblemFile, Err: pathless(err), Remedy: "correct netinfo.customers"})
	}
}

// delimiter looks at the header: spreadsheets of countries with a decimal comma write semicolons.
func delimiter(br *bufio.Reader) rune {
	head, _ := br.Peek(br.Size())
	line, _, _ := strings.Cut(string(head), "\n")
	if strings.Contains(line, ";") && !strings.Contains(line, ",") {
		return ';'
	}
	return ','
}

func (c *customerReader) header(head []string, line int) bool {
	c.index = map[string]int{}
	for i, h := range head {
		h = column(h)
		if !slices.Contains(columns, h) {
			if meant := nearColumn(h); meant != "" && !slices.ContainsFunc(head, func(o string) bool { return column(o) == meant }) {
				c.faults.add(&Fault{Source: c.at(line), Column: h, Problem: ProblemHeader, Remedy: "did you mean " + meant + "?"})
				return false
			}
			continue
		}
		if _, twice := c.index[h]; twice {
			c.faults.add(&Fault{Source: c.at(line), Column: h, Problem: ProblemHeader, Remedy: "the column is there twice; remove one"})
			return false
		}
		c.index[h] = i
	}
	for _, must := range []string{colPrefix, colID} {
		if _, ok := c.index[must]; !ok {
			c.faults.add(&Fault{Source: c.at(line), Column: must, Value: strings.Join(head, ","), Problem: ProblemHeader,
				Remedy: "the column is missing; the first line must be like " + wholeHeader})
			return false
		}
	}
	return true
}

func column(h string) string { return strings.ToLower(strings.TrimSpace(h)) }

// nearColumn is the known column that an unknown one is probably a misspelling of. Unknown columns are welcome, but a
// misspelt "exclude" must not mean that nobody opted out.
func nearColumn(h string) string {
	for _, known := range columns {
		if levenshtein.ComputeDistance(h, known) <= 2 {
			return known
		}
	}
	return ""
}

// field is the value of a column, "" when the row or the file has none.
func (c *customerReader) field(rec []string, column string) string {
	i, ok := c.index[column]
	if !ok || i >= len(rec) {
		return ""
	}
	return strings.TrimSpace(rec[i])
}

func (c *customerReader) row(rec []string, line int) {
	if !slices.ContainsFunc(rec, func(s string) bool { return strings.TrimSpace(s) != "" }) {
		return // spreadsheets end with rows of empty cells
	}
	before := c.faults.Total
	p := c.prefix(c.field(rec, colPrefix), line)
	if c.field(rec, colID) == "" {
		c.fault(line, colID, "", ProblemMissing, "write the customer's number")
	}
	if m := c.field(rec, colAbuse); m != "" && !isMail(m) {
		c.fault(line, colAbuse, m, ProblemMail, "write one address such as abuse@example.org, or leave it empty")
	}
	exclude := c.flag(c.field(rec, colExclude), line)
	if c.faults.Total > before {
		return
	}
	who := c.person(rec)
	if a := p.Addr(); a.Is4() {
		c.v4 = append(c.v4, assigned[v4]{v4Of(a), who, int32(line), uint8(p.Bits())})
	} else {
		c.v6 = append(c.v6, assigned[v6]{v6Of(a), who, int32(line), uint8(p.Bits())})
	}
	if exclude {
		src := c.at(line)
		src.Note = "customer " + c.out.people[who].Customer + " opted out"
		c.out.excluded = append(c.out.excluded, Exclusion{p, src})
	}
}

func (c *customerReader) fault(line int, column, value string, p Problem, remedy string) {
	c.faults.add(&Fault{Source: c.at(line), Column: column, Value: value, Problem: p, Remedy: remedy})
}

func (c *customerReader) prefix(value string, line int) netip.Prefix {
	if value == "" {
		c.fault(line, colPrefix, "", ProblemMissing, "write a prefix such as 198.51.100.0/24")
		return netip.Prefix{}
	}
	r, f := parseRange(value)
	if f != nil {
		f.Source, f.Column = c.at(line), colPrefix
		c.faults.add(f)
		return netip.Prefix{}
	}
	var parts []netip.Prefix
	for p := range r.Prefixes() {
		if parts = append(parts, p); len(parts) > 4 {
			break
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	remedy := "write prefixes, one a line"
	if len(parts) <= 4 {
		var names []string
		for _, p := range parts {
			names = append(names, p.String())
		}
		remedy += ": " + strings.Join(names, ", ")
	}
	c.fault(line, colPrefix, value, ProblemNotPrefix, remedy)
	return netip.Prefix{}
}

func (c *customerReader) flag(value string, line int) bool {
	switch strings.ToLower(value) {
	case "", "0", "n", "no", "false", "off", "nee":
		return false
	case "1", "y", "yes", "true", "on", "x", "j", "ja":
		return true
	}
	// A typing mistake must never mean "not excluded".
	c.fault(line, colExclude, value, ProblemFlag, "write yes or no, or leave it empty")
	return false
}

// person returns the index of the row's details. Customers have many prefixes, and share one copy.
func (c *customerReader) person(rec []string) int32 {
	c.key = c.key[:0]
	for _, col := range []string{colID, colName, colAbuse, colTags} {
		c.key = append(append(c.key, c.field(rec, col)...), 0)
	}
	if i, ok := c.byDetails[string(c.key)]; ok {
		return i
	}
	i := int32(len(c.out.people))
	c.byDetails[string(c.key)] = i
	c.out.people = append(c.out.people, Owner{
		Customer: strings.Clone(c.field(rec, colID)), Name: strings.Clone(c.field(rec, colName)),
		Abuse: strings.Clone(c.field(rec, colAbuse)), Tags: tags(c.field(rec, colTags)),
	})
	return i
}

// tags splits at spaces, semicolons and bars, keeps the order and drops doubles.
func tags(s string) []string {
	var out []string
	for _, t := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \t;|", r) }) {
		if !slices.Contains(out, t) {
			out = append(out, strings.Clone(t))
		}
	}
	return out
}

// isMail is a check for mistakes, not for RFC 5321: something, one @, a domain; nothing that could end a mail header.
func isMail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && len(s) <= 254 &&
		!strings.ContainsAny(s[len(local)+1:], "@") &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("<>,;:\"()", r) })
}
