package report

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"regexp"
	"strings"

	"github.com/netschouw/netschouw/checks"
)

// xarfVersion is the version of the specification that the reports follow.
const xarfVersion = "4.2.0"

// Bounds of the specification.
const (
	xarfMaxEvidence    = 50
	xarfMaxDescription = 1000 // characters
	xarfMaxAbout       = 500  // characters of the description of one piece of evidence
	xarfMaxTags        = 20
	maxPayload         = 64 << 10 // bytes of one piece of evidence; the specification allows 5 MiB
	maxCompromise      = 4000     // characters; ours, the specification has none
)

// xarf writes reports in the eXtended Abuse Reporting Format 4, one JSON object a report and line, each whole and at
// once: an abuse desk takes reports one by one. A host gives a vulnerability/open_service report for each service that
// answers everybody, and a match an infrastructure/botnet report with what was seen.
type xarf struct {
	w    io.Writer
	opts Options
}

func newXARF(w io.Writer, opts Options) Writer { return &xarf{w, opts} }

type xarfParty struct {
	Org     string `json:"org"`
	Contact string `json:"contact"`
	Domain  string `json:"domain"`
}

type xarfEvidence struct {
	ContentType string `json:"content_type"`
	Description string `json:"description"`
	Payload     string `json:"payload"` // base64 (RFC 4648 section 4)
	Hash        string `json:"hash"`    // of what Payload stands for
	Size        int    `json:"size"`
}

type xarfReport struct {
	Version        string         `json:"xarf_version"`
	ID             string         `json:"report_id"`
	Timestamp      string         `json:"timestamp"`
	Reporter       xarfParty      `json:"reporter"`
	Sender         xarfParty      `json:"sender"`
	Source         string         `json:"source_identifier"`
	Port           uint16         `json:"source_port,omitempty"`
	Category       string         `json:"category"`
	Type           string         `json:"type"`
	Service        string         `json:"service,omitempty"`
	Compromise     string         `json:"compromise_evidence,omitempty"`
	EvidenceSource string         `json:"evidence_source"`
	Evidence       []xarfEvidence `json:"evidence"`
	Confidence     *float64       `json:"confidence,omitempty"`
	Description    string         `json:"description"`
	Tags           []string       `json:"tags,omitempty"`
}

// Finding implements Writer.
func (x *xarf) Finding(f checks.Finding) error {
	if wanted, err := x.opts.exported(&f); !wanted {
		return err
	}
	var lines []byte
	for _, r := range x.reports(&f) {
		line, err := encode(r)
		if err != nil {
			return err
		}
		lines = append(append(lines, line...), '\n')
	}
	if lines == nil {
		return nil
	}
	_, err := x.w.Write(lines)
	return err
}

// Close implements Writer. The lines are reports only.
func (x *xarf) Close(Summary) error { return nil }

// reports makes the reports on one host. A suspect without an open service gives none: there is nothing that its owner
// could be told to mend, and a suspicion is no complaint.
func (x *xarf) reports(f *checks.Finding) []xarfReport {
	var list []xarfReport
	if r, ok := x.botnet(f); ok {
		list = append(list, r)
	}
	for _, e := range exposures(f) {
		list = append(list, x.open(f, e))
	}
	return list
}

// report is what all reports on a host have in common. what tells the host's reports apart.
func (x *xarf) report(f *checks.Finding, category, kind, what string) xarfReport {
	self := xarfParty(x.opts.Reporter)
	return xarfReport{
		Version: xarfVersion, Timestamp: instant(f.ObservedAt), Reporter: self, Sender: self,
		ID:     uuid4("xarf", self.Domain, f.Address.String(), instant(f.ObservedAt), category, kind, what).String(),
		Source: f.Address.String(), Category: category, Type: kind, EvidenceSource: "automated_scan",
	}
}

// open reports one open service. It has no confidence: the score is about the host's misuse, of which the report says
// nothing, and that the service answers was seen.
func (x *xarf) open(f *checks.Finding, e exposure) xarfReport {
	r := x.report(f, "vulnerability", "open_service", e.name+" "+number(e.service.Port))
	r.Port, r.Service, r.Description = e.service.Port, e.name, words(e.description(), xarfMaxDescription)
	r.Evidence = []xarfEvidence{payload("What the service said in the handshake", e.service,
		map[string]any{"port": e.service.Port, "protocol": e.service.Protocol, "version": words(e.version, 80)})}
	return r
}

// botnet reports a match. Without a piece of evidence there is no report, whatever the verdict.
func (x *xarf) botnet(f *checks.Finding) (xarfReport, bool) {
	what := seen(f)
	if f.Verdict != checks.Match || len(what) == 0 {
		return xarfReport{}, false
	}
	r := x.report(f, "infrastructure", "botnet", "")
	score := rounded(f.Score)
	r.Confidence = &score
	r.Compromise = words("Seen from the network, without looking inside the host: "+strings.Join(what, "; "), maxCompromise)
	r.Description = words(summary(f), xarfMaxDescription)
	for _, t := range outward(f) {
		if len(r.Evidence) == xarfMaxEvidence {
			break
		}
		r.Evidence = append(r.Evidence, traitEvidence(t))
	}
	r.Tags = xarfTags(f)
	return r, true
}

// traitEvidence is a rule that fired, with what it saw and the innocent explanation.
func traitEvidence(t checks.Trait) xarfEvidence {
	type fired struct {
		Rule     string            `json:"rule"`
		Title    string            `json:"title"`
		Basis    checks.Basis      `json:"basis"`
		Seen     []checks.Evidence `json:"seen"`
		Sources  []string          `json:"sources"`
		Innocent string            `json:"innocent_explanation"`
	}
	about := words(t.Title, xarfMaxAbout/2-20) + ". Innocent explanation: " + words(t.Benign, xarfMaxAbout/2-20)
	return payload(about, fired{t.Rule, t.Title, t.Basis, list(t.Evidence), list(t.Sources), t.Benign},
		map[string]any{"rule": words(t.Rule, 120), "title": words(t.Title, 500)})
}

// payload packs a value as evidence; a value that is too long for that is replaced by a short one.
func payload(about string, value, short any) xarfEvidence {
	text, err := encode(value)
	if err != nil || len(text) > maxPayload {
		text, _ = encode(short) // cannot fail: strings and numbers
	}
	sum := sha256.Sum256(text)
	return xarfEvidence{ContentType: "application/json", Description: about, Payload: base64.StdEncoding.EncodeToString(text),
		Hash: "sha256:" + hex.EncodeToString(sum[:]), Size: len(text)}
}

var xarfTag = regexp.MustCompile(`^[a-z0-9][a-z0-9_+-]*:[a-z0-9][a-z0-9_+.-]*$`)

// xarfTags are the rules that fired, "meliorator:mongodb". The specification wants a namespace and lower case.
func xarfTags(f *checks.Finding) []string {
	var tags []string
	for _, t := range outward(f) {
		tag := strings.Replace(t.Rule, "/", ":", 1)
		if len(tags) < xarfMaxTags && len(tag) <= 100 && xarfTag.MatchString(tag) {
			tags = append(tags, tag)
		}
	}
	return distinct(tags)
}
