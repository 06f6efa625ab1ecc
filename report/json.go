package report

import (
	"io"

	"github.com/netschouw/netschouw/checks"
)

// ReportSchema is the value of "schema" in a JSON document, described by docs/schema/report.v1.json.
const ReportSchema = "netschouw.report/v1"

// document writes one JSON document: {"schema", "hosts": [...], "run", "summary"}. The hosts come before the summary
// because they are known before it; nothing is held back.
type document struct {
	w     io.Writer
	opts  Options
	hosts int
}

func newJSON(w io.Writer, opts Options) Writer { return &document{w: w, opts: opts} }

// Finding implements Writer.
func (d *document) Finding(f checks.Finding) error {
	if wanted, err := d.opts.wanted(&f); !wanted {
		return err
	}
	host, err := encodeFinding(f)
	if err != nil {
		return err
	}
	text := append(d.separator(), indent(host, "    ")...)
	d.hosts++
	_, err = d.w.Write(text)
	return err
}

// separator is what comes before the next host.
func (d *document) separator() []byte {
	if d.hosts == 0 {
		return []byte("{\n  \"schema\": \"" + ReportSchema + "\",\n  \"hosts\": [\n    ")
	}
	return []byte(",\n    ")
}

// Close implements Writer.
func (d *document) Close(s Summary) error {
	s.Started, s.Ended = s.Started.UTC(), s.Ended.UTC()
	s.Ranges, s.Packs = list(s.Ranges), list(s.Packs)
	if s.Ports == nil {
		s.Ports = map[string]uint64{}
	}
	run, err := encode(s.Run)
	if err != nil {
		return err
	}
	summary, err := encode(s)
	if err != nil {
		return err
	}
	text := []byte("\n  ],\n")
	if d.hosts == 0 {
		text = []byte("{\n  \"schema\": \"" + ReportSchema + "\",\n  \"hosts\": [],\n")
	}
	text = append(append(text, `  "run": `...), run...)
	text = append(append(text, ",\n  \"summary\": "...), indent(summary, "  ")...)
	_, err = d.w.Write(append(text, "\n}\n"...))
	return err
}
