package indicators

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// kindsInCSV are the words of the column "type".
var kindsInCSV = map[string]Kind{
	"address": Address, "ip": Address, "ipv4": Address, "ipv6": Address, "cidr": Address, "range": Address, "prefix": Address,
	"ipv4-addr": Address, "ipv6-addr": Address, "ip-src": Address, "ip-dst": Address,
	"domain": Domain, "hostname": Domain, "fqdn": Domain, "domain-name": Domain,
	"certificate": Certificate, "cert-sha256": Certificate, "tls-cert-sha256": Certificate, "x509-sha256": Certificate,
	"x509-fingerprint-sha256": Certificate, "x509-certificate": Certificate,
}

// row is one line of a CSV file, by column.
type row struct {
	columns map[string]int
	cells   []string
}

func (r row) get(name string) string {
	if i, ok := r.columns[name]; ok {
		return strings.TrimSpace(r.cells[i])
	}
	return ""
}

// readCSV reads lines of "type,value,first_seen,last_seen,source,confidence,tlp,expires" in any order, the first two
// required. Columns with other names are passed over. Lines that begin with # are comments.
func readCSV(in *bufio.Reader, list *List, opts Options) error {
	list.Format = "csv"
	reader := csv.NewReader(in)
	reader.Comment, reader.FieldsPerRecord, reader.ReuseRecord = '#', -1, true
	reader.Comma = separator(in)
	reader.TrimLeadingSpace = reader.Comma != '\t'
	header, err := reader.Read()
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	columns := map[string]int{}
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := columns[name]; twice && known(name) {
			return fmt.Errorf("header: column %q is there twice", name)
		}
		columns[name] = i
	}
	for _, name := range []string{"type", "value"} {
		if _, ok := columns[name]; !ok {
			return fmt.Errorf("header: column %q is missing; expected type,value,first_seen,last_seen,source,confidence", name)
		}
	}
	width, sources := len(header), map[string]string{}
	for {
		cells, err := reader.Read()
		if err == io.EOF {
			return nil
		}
		var broken *csv.ParseError
		if errors.As(err, &broken) && broken.Line == broken.StartLine {
			list.skip(broken.StartLine, "", "", "not valid CSV: "+broken.Err.Error())
			continue
		}
		if err != nil {
			return err
		}
		line, _ := reader.FieldPos(0)
		if last, _ := reader.FieldPos(len(cells) - 1); last != line || strings.Contains(cells[len(cells)-1], "\n") {
			return fmt.Errorf("line %d: a quoted value goes on over the end of the line, and may hide the lines after it", line)
		}
		if len(cells) != width {
			list.skip(line, "", cells[0], fmt.Sprintf("%d columns, where the header has %d", len(cells), width))
			continue
		}
		r := row{columns, cells}
		indicator, err := r.indicator()
		if err != nil {
			list.skip(line, "", r.get("value"), err.Error())
			continue
		}
		indicator.Line = int32(line)
		if indicator.Source == "" {
			indicator.Source = opts.Source
		}
		indicator.Source = intern(sources, indicator.Source)
		list.add(indicator)
	}
}

// known says whether a column means something here.
func known(name string) bool {
	switch name {
	case "type", "value", "first_seen", "last_seen", "source", "confidence", "tlp", "expires", "valid_until":
		return true
	}
	return false
}

// separator is what the header separates by: a comma, or a semicolon or tab as spreadsheets write in half of Europe.
func separator(in *bufio.Reader) rune {
	head, _ := in.Peek(in.Size())
	for _, line := range bytes.Split(head, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		for _, c := range ",;\t" {
			if bytes.ContainsRune(line, c) {
				return c
			}
		}
		break
	}
	return ','
}

func (r row) indicator() (i Indicator, err error) {
	kind := strings.ToLower(r.get("type"))
	i.Kind = kindsInCSV[kind]
	switch {
	case i.Kind != 0:
	case kind == "sha256" || kind == "sha1" || kind == "md5":
		return i, errors.New("the hash of a file; one of a certificate has the type certificate")
	case kind == "url" || kind == "uri":
		return i, errors.New("a URL names one page, and its host may have others: list the domain or address where all of it is meant")
	default:
		return i, fmt.Errorf("type %.40q is none that netschouw looks for: address, domain or certificate", kind)
	}
	if i.Value, err = normalise(i.Kind, r.get("value")); err != nil {
		return i, err
	}
	i.Value = strings.Clone(i.Value) // the rest of the line is not to be kept for it
	if i.FirstSeen, err = parseTime(r.get("first_seen")); err != nil {
		return i, fmt.Errorf("first_seen: %w", err)
	}
	if i.LastSeen, err = parseTime(r.get("last_seen")); err != nil {
		return i, fmt.Errorf("last_seen: %w", err)
	}
	expires := r.get("expires")
	if expires == "" {
		expires = r.get("valid_until")
	}
	if i.Expires, err = parseTime(expires); err != nil {
		return i, fmt.Errorf("expires: %w", err)
	}
	if s := r.get("tlp"); s != "" {
		var ok bool
		if i.TLP, ok = parseTLP(s); !ok {
			return i, errors.New("tlp: not a label of the Traffic Light Protocol")
		}
	}
	if s := r.get("confidence"); s != "" {
		n, err := strconv.ParseUint(s, 10, 8)
		if err != nil || n > 100 {
			return i, errors.New("confidence: a whole number from 0 to 100 is expected")
		}
		i.Confidence = uint8(n)
	}
	i.Source = r.get("source")
	return i, nil
}

// intern keeps one copy of a text that many entries share. Beyond so many different ones each keeps its own.
func intern(known map[string]string, s string) string {
	if kept, ok := known[s]; ok {
		return kept
	}
	s = strings.Clone(text(s))
	if len(known) < 10_000 {
		known[s] = s
	}
	return s
}
