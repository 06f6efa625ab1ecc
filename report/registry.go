package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Format is one way of writing a report: an entry of the registry.
type Format struct {
	Name        string // as in --format
	Description string // one line, for --help and docs/output.md
	MIME        string // media type (RFC 6838)
	Extension   string // of a file in this format, with its dot
	// Exchange says that the format is for other organisations' systems: clear hosts are never in it, whatever
	// Options.All says. Signed says that it tells who reports, so that Options.Reporter must be whole.
	Exchange, Signed bool
	// New returns a writer of the format. Its options have been checked, and have their defaults.
	New func(io.Writer, Options) Writer
}

// formats is the one list of what netschouw can write. Flag help, messages and docs/output.md are derived from it.
var formats = mustRegister(
	Format{Name: "text", Description: "a report for people, on a terminal or in a mail", MIME: "text/plain; charset=utf-8", Extension: ".txt", New: newText},
	Format{Name: "jsonl", Description: "one JSON object a host and line, written as hosts are found", MIME: "application/jsonl", Extension: ".jsonl", New: newJSONL},
	Format{Name: "json", Description: "one JSON document with the hosts and the summary of the run", MIME: "application/json", Extension: ".json", New: newJSON},
	Format{Name: "csv", Description: "one row a host, for spreadsheets and ticket systems", MIME: "text/csv; charset=utf-8; header=present", Extension: ".csv", New: newCSV},
	Format{Name: "xarf", Description: "XARF 4 abuse reports, one JSON object a report and line", MIME: "application/jsonl", Extension: ".xarf.jsonl", Exchange: true, Signed: true, New: newXARF},
	Format{Name: "stix", Description: "a STIX 2.1 bundle", MIME: "application/stix+json;version=2.1", Extension: ".stix.json", Exchange: true, Signed: true, New: newSTIX},
	Format{Name: "intelmq", Description: "IntelMQ events, one JSON object an event and line", MIME: "application/jsonl", Extension: ".intelmq.jsonl", Exchange: true, New: newIntelMQ},
	Format{Name: "abuseio", Description: "a JSON array of AbuseIO incidents", MIME: "application/json", Extension: ".abuseio.json", Exchange: true, New: newAbuseIO},
	Format{Name: "misp", Description: "a MISP event, as POST /events/add takes it", MIME: "application/json", Extension: ".misp.json", Exchange: true, New: newMISP},
	Format{Name: "shadowserver", Description: "CSV with the columns of Shadowserver's reports", MIME: "text/csv; charset=utf-8; header=present", Extension: ".shadowserver.csv", Exchange: true, New: newShadowserver},
)

func mustRegister(list ...Format) []Format {
	seen := make(map[string]bool, len(list))
	for _, f := range list {
		if f.Name == "" || seen[f.Name] || f.New == nil {
			panic(fmt.Sprintf("report: format %q has no name or constructor, or its name is taken twice", f.Name))
		}
		seen[f.Name] = true
	}
	return list
}

// Formats returns the registry in the order in which help lists it. Callers must not change it.
func Formats() []Format { return formats }

// Names returns the names of all formats, in the registry's order.
func Names() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.Name
	}
	return names
}

// ByName returns the format of that name. The error for an unknown one names the nearest, and all there are.
func ByName(name string) (Format, error) {
	for _, f := range formats {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, unknown("format", name, Names())
}

// New returns a writer of the named format that writes to w. It fails, before anything is written, for a format or
// language that does not exist, and for a format that says who reports when that is not known. The writer is used by one
// goroutine.
func New(format string, w io.Writer, opts Options) (Writer, error) {
	f, err := ByName(format)
	if err != nil {
		return nil, err
	}
	if opts, err = opts.withDefaults(); err != nil {
		return nil, err
	}
	if f.Signed {
		if err := opts.Reporter.validate(f.Name); err != nil {
			return nil, err
		}
	}
	return f.New(w, opts), nil
}

// unknown is the error for a name that is not among those known.
func unknown(what, name string, known []string) error {
	hint := ""
	if near := nearest(name, known); near != "" {
		hint = fmt.Sprintf("did you mean %q? ", near)
	}
	return fmt.Errorf("unknown %s %q: %sthere are %s", what, name, hint, strings.Join(known, ", "))
}

// nearest returns the known name that is likely to be meant by a mistyped one; "" when none is close.
func nearest(name string, known []string) string {
	if len(name) > 64 {
		return ""
	}
	best, distance := "", 3
	for _, k := range known {
		d := levenshtein.ComputeDistance(strings.ToLower(strings.TrimLeft(name, ".")), k)
		if d < distance && d < len(k) {
			best, distance = k, d
		}
	}
	return best
}
