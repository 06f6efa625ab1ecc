package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
)

// Column is one column of the CSV format.
type Column struct {
	Name    string
	Meaning string // for docs/output.md
	value   func(*checks.Finding) string
}

// none is the cell of what was looked at and is not there; the cell of what was not looked at is empty.
const none = "none"

// columnsOfCSV are the columns in their order. New ones go to the end, none is renamed.
var columnsOfCSV = []Column{
	{"schema", "`netschouw.host/v1`", func(f *checks.Finding) string { return f.Schema }},
	{"run", "ULID of the run", func(f *checks.Finding) string { return f.Run }},
	{"observed_at", "when the host was looked at, RFC 3339, UTC", func(f *checks.Finding) string { return f.ObservedAt.Format(time.RFC3339) }},
	{"address", "IPv4 or IPv6 address", func(f *checks.Finding) string { return f.Address.String() }},
	{"verdict", "`match`, `suspect` or `clear`", func(f *checks.Finding) string { return string(f.Verdict) }},
	{"score", "probability, 0 to 1, with four decimals and a point", func(f *checks.Finding) string { return strconv.FormatFloat(f.Score, 'f', 4, 64) }},
	{"groups", "groups with a trait", func(f *checks.Finding) string { return join(f.Groups) }},
	{"rules", "rules that fired, `pack/id`", rulesCell},
	{"reason", "one sentence a person can read", func(f *checks.Finding) string { return f.Reason }},
	{"customer", "customer's number; empty when there is no customer list or the address is not in it", owner(func(f *checks.Finding) string { return f.Owner.Customer })},
	{"customer_name", "customer's name", owner(func(f *checks.Finding) string { return f.Owner.Name })},
	{"abuse_email", "where the customer takes complaints", owner(func(f *checks.Finding) string { return f.Owner.Abuse })},
	{"tags", "the customer's tags", owner(func(f *checks.Finding) string { return join(f.Owner.Tags) })},
	{"owned_range", "prefix that was assigned to the customer", owner(func(f *checks.Finding) string { return f.Owner.Range.String() })},
	{"asn", "autonomous system; 0 when the database has none", func(f *checks.Finding) string { return optional(f.Network.ASN) }},
	{"as_org", "its name", func(f *checks.Finding) string { return optional(f.Network.ASOrg) }},
	{"country", "ISO 3166-1 alpha-2 code", func(f *checks.Finding) string { return optional(f.Network.Country) }},
	{"ptr", "names of the address (PTR records)", ptrCell},
	{"ptr_confirmed", "`true` or `false`: one of these names leads back to the address", func(f *checks.Finding) string { return optional(f.Network.PTRConfirmed) }},
	{"open_ports", "open TCP ports, by number", portsCell},
	{"services", "`port/protocol` of each open port, with `+tls` inside TLS", servicesCell},
	{"evidence", "`port field: value` of each piece of evidence; no port when it is of the host as a whole", evidenceCell},
	{"innocent", "the innocent explanations of the traits", innocentCell},
	{"sources", "what the rules rest on", sourcesCell},
	{"accepts_all", "`true` when every port that was tried was open, so that open ports say nothing", func(f *checks.Finding) string { return strconv.FormatBool(f.AcceptsAll) }},
	{"dns_names", "names whose records led to the address", func(f *checks.Finding) string { return join(f.DNSNames) }},
	{"packs", "rule packs with versions; scores of different ones cannot be compared", func(f *checks.Finding) string { return join(f.Packs) }},
}

// Columns returns the columns of the CSV format in order. Callers must not change them.
func Columns() []Column { return columnsOfCSV }

// table writes each host as one row, whole and at once.
type table struct {
	w      io.Writer
	opts   Options
	rows   bytes.Buffer // what is not yet written: at most the head and one row
	csv    *csv.Writer  // to rows
	headed bool
}

func newCSV(w io.Writer, opts Options) Writer {
	t := &table{w: w, opts: opts}
	t.csv = csv.NewWriter(&t.rows)
	return t
}

// Finding implements Writer.
func (t *table) Finding(f checks.Finding) error {
	if wanted, err := t.opts.wanted(&f); !wanted {
		return err
	}
	t.head()
	f = normal(f)
	row := make([]string, len(columnsOfCSV))
	for i, c := range columnsOfCSV {
		row[i] = Cell(c.value(&f))
	}
	_ = t.csv.Write(row) // cannot fail: it goes to memory
	return t.flush()
}

// Close implements Writer. A run that found nothing leaves the header, so that an empty result has its columns too.
func (t *table) Close(Summary) error {
	t.head()
	return t.flush()
}

// flush writes what is waiting in one piece.
func (t *table) flush() error {
	t.csv.Flush()
	if t.rows.Len() == 0 {
		return nil
	}
	_, err := t.w.Write(t.rows.Bytes())
	t.rows.Reset()
	return err
}

func (t *table) head() {
	if t.headed {
		return
	}
	t.headed = true
	names := make([]string, len(columnsOfCSV))
	for i, c := range columnsOfCSV {
		names[i] = c.Name
	}
	_ = t.csv.Write(names)
}

// join puts several values into one cell, separated by " | "; a | within a value becomes \x7c.
func join(values []string) string {
	cleaned := make([]string, len(values))
	for i, v := range values {
		cleaned[i] = strings.ReplaceAll(Terminal(v, 512), "|", `\x7c`)
	}
	return strings.Join(cleaned, " | ")
}

func owner(value func(*checks.Finding) string) func(*checks.Finding) string {
	return func(f *checks.Finding) string {
		if f.Owner == nil {
			return ""
		}
		return value(f)
	}
}

// optional is "" for what was not looked at, and none for what was and is not there.
func optional[T any](p *T) string {
	if p == nil {
		return ""
	}
	if s := fmt.Sprint(*p); s != "" {
		return s
	}
	return none
}

func ptrCell(f *checks.Finding) string {
	if f.Network.PTR != nil && len(f.Network.PTR) == 0 {
		return none
	}
	return join(f.Network.PTR)
}

func rulesCell(f *checks.Finding) string {
	return join(each(f.Traits, func(t checks.Trait) string { return t.Rule }))
}

func portsCell(f *checks.Finding) string {
	return join(each(f.Services, func(s probe.Service) string { return strconv.Itoa(int(s.Port)) }))
}

func servicesCell(f *checks.Finding) string { return join(each(f.Services, serviceName)) }

// serviceName is "443/http+tls".
func serviceName(s probe.Service) string {
	name := strconv.Itoa(int(s.Port)) + "/" + s.Protocol
	if s.TLS != nil && s.Protocol != "tls" {
		name += "+tls"
	}
	return name
}

func evidenceCell(f *checks.Finding) string {
	var all []string
	for _, t := range f.Traits {
		for _, e := range t.Evidence {
			text := e.Field + ": " + e.Value
			if e.Port != 0 {
				text = strconv.Itoa(int(e.Port)) + " " + text
			}
			all = append(all, text)
		}
	}
	return join(distinct(all))
}

func innocentCell(f *checks.Finding) string {
	return join(distinct(each(f.Traits, func(t checks.Trait) string { return t.Benign })))
}

func sourcesCell(f *checks.Finding) string {
	var all []string
	for _, t := range f.Traits {
		all = append(all, t.Sources...)
	}
	return join(distinct(all))
}

func each[T any](s []T, value func(T) string) []string {
	out := make([]string, len(s))
	for i, v := range s {
		out[i] = value(v)
	}
	return out
}

// distinct keeps the first of equal values, and none that is empty.
func distinct(values []string) []string {
	seen := map[string]bool{"": true}
	var out []string
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}
