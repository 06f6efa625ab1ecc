package report

import (
	"bytes"
	"encoding/csv"
	"io"
	"strconv"

	"github.com/netschouw/netschouw/checks"
)

// shadowRow is one row of the Shadowserver-style CSV: an open service, or (open is nil) a host as a whole.
type shadowRow struct {
	f    *checks.Finding
	open *exposure
}

// shadowColumns are the columns. The first are those that Shadowserver's reports on open services share, under its
// names; the last ones are ours. A reader goes by name: new ones come last.
var shadowColumns = []struct {
	name  string
	value func(shadowRow) string
}{
	{"timestamp", func(r shadowRow) string { return r.f.ObservedAt.UTC().Format("2006-01-02 15:04:05") }},
	{"severity", shadowRow.severity},
	{"ip", func(r shadowRow) string { return r.f.Address.String() }},
	{"protocol", func(shadowRow) string { return "tcp" }},
	{"port", shadowRow.port},
	{"hostname", shadowRow.hostname},
	{"tag", shadowRow.tag},
	{"asn", func(r shadowRow) string { return known(r.f.Network.ASN) }},
	{"geo", func(r shadowRow) string { return country(r.f) }},
	{"region", func(shadowRow) string { return "" }},
	{"city", func(shadowRow) string { return "" }},
	{"naics", func(shadowRow) string { return "" }},
	{"sector", func(shadowRow) string { return "" }},
	{"hostname_source", func(r shadowRow) string {
		if r.hostname() == "" {
			return ""
		}
		return "ptr"
	}},
	{"version", func(r shadowRow) string {
		if r.open == nil {
			return ""
		}
		return words(r.open.version, 80)
	}},
	{"verdict", func(r shadowRow) string { return string(r.f.Verdict) }},
	{"score", func(r shadowRow) string { return decimal(r.f.Score) }},
	{"description", func(r shadowRow) string {
		if r.open != nil {
			return words(r.open.description(), 1000)
		}
		return words(summary(r.f), 1000)
	}},
	{"id", func(r shadowRow) string {
		return id("shadowserver", r.f.Address.String(), instant(r.f.ObservedAt), r.tag(), r.port()).String()
	}},
}

// severity is Shadowserver's word: of its own report on such services; of ours, as it grades compromised hosts.
func (r shadowRow) severity() string {
	switch {
	case r.open != nil:
		return r.open.severity
	case r.f.Verdict == checks.Match:
		return "critical"
	}
	return "info"
}

func (r shadowRow) tag() string {
	if r.open != nil {
		return r.open.name
	}
	return "netschouw-" + string(r.f.Verdict)
}

// port is the port of the open service, or the first on which evidence was seen; empty when there is none.
func (r shadowRow) port() string {
	if r.open != nil {
		return number(r.open.service.Port)
	}
	for _, t := range outward(r.f) {
		for _, e := range t.Evidence {
			if e.Port != 0 {
				return number(e.Port)
			}
		}
	}
	return ""
}

func (r shadowRow) hostname() string {
	if ptr := distinct(each(r.f.Network.PTR, hostName)); len(ptr) > 0 {
		return ptr[0]
	}
	return ""
}

// known is a number that was looked up and is there.
func known(n *uint32) string {
	if n == nil || *n == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(*n), 10)
}

// shadowserver writes each open service as one row, a match as one more, and a suspect without open services as one.
type shadowserver struct {
	w      io.Writer
	opts   Options
	headed bool
}

func newShadowserver(w io.Writer, opts Options) Writer { return &shadowserver{w: w, opts: opts} }

// Finding implements Writer.
func (s *shadowserver) Finding(f checks.Finding) error {
	if wanted, err := s.opts.exported(&f); !wanted {
		return err
	}
	var rows []shadowRow
	open := exposures(&f)
	if f.Verdict == checks.Match || len(open) == 0 {
		rows = append(rows, shadowRow{f: &f})
	}
	for i := range open {
		rows = append(rows, shadowRow{&f, &open[i]})
	}
	return s.write(rows)
}

// Close implements Writer. A run that found nothing leaves the header.
func (s *shadowserver) Close(Summary) error { return s.write(nil) }

// write writes rows in one piece, after the header when it is the first.
func (s *shadowserver) write(rows []shadowRow) error {
	var text bytes.Buffer
	out := csv.NewWriter(&text)
	cells := make([]string, len(shadowColumns))
	if !s.headed {
		s.headed = true
		for i, c := range shadowColumns {
			cells[i] = c.name
		}
		_ = out.Write(cells) // cannot fail: it goes to memory
	}
	for _, r := range rows {
		for i, c := range shadowColumns {
			cells[i] = Cell(c.value(r))
		}
		_ = out.Write(cells)
	}
	out.Flush()
	if text.Len() == 0 {
		return nil
	}
	_, err := s.w.Write(text.Bytes())
	return err
}
