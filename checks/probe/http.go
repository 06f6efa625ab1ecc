package probe

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// HTTP is what a web server shows to one anonymous GET of its root (RFC 9110), and to one of its favicon.
type HTTP struct {
	StatusCode int               `json:"status_code" expr:"status_code"` // of the last answer, after redirects on the same host and port
	Server     string            `json:"server" expr:"server"`
	Headers    map[string]string `json:"headers" expr:"headers"`         // lower-case names, at most 40 of 256 bytes each; cookies by name only
	Title      string            `json:"title" expr:"title"`             // white space folded, at most 256 bytes
	BodySHA256 string            `json:"body_sha256" expr:"body_sha256"` // of the body as read (decoded, bounded); "" for an empty one
	BodyBytes  int               `json:"body_bytes" expr:"body_bytes"`
	Truncated  bool              `json:"truncated,omitempty" expr:"truncated"` // the body was longer than the bound
	Redirects  []string          `json:"redirects,omitempty" expr:"redirects"` // every Location seen, at most 5, followed or not
	Scripts    []Script          `json:"scripts,omitempty" expr:"scripts"`     // same-origin script names, at most 20
	Favicon    *Favicon          `json:"favicon,omitempty" expr:"favicon"`     // nil: none, or not looked at
	Words      []Word            `json:"words,omitempty" expr:"words"`         // which of Session.Words the page holds
	Hosts      []string          `json:"hosts,omitempty" expr:"hosts"`         // host names that the page links to or speaks of as its own (canonical, base, og:url), at most 20
}

// Script is a same-origin script of a page. Size and hash are known only after a deep look.
type Script struct {
	Path   string `json:"path" expr:"path"`
	SHA256 string `json:"sha256,omitempty" expr:"sha256"` // of the script as read, at most 256 KiB
	Bytes  int    `json:"bytes,omitempty" expr:"bytes"`
}

// Favicon is the icon that a page names, or /favicon.ico.
type Favicon struct {
	MMH3   int32  `json:"mmh3" expr:"mmh3"` // MurmurHash3 x86 32 of its base64 in lines of 76, as internet search engines index it
	SHA256 string `json:"sha256" expr:"sha256"`
}

// Word is one of the words that rule packs look for, found in a page or its scripts. Only the words that a pack names are
// kept, never the page.
type Word struct {
	Word    string `json:"word" expr:"word"`
	In      string `json:"in" expr:"in"`           // "title", "page", "script", "header"
	Excerpt string `json:"excerpt" expr:"excerpt"` // at most 40 bytes each side, raw
}

const (
	maxKeptFields = 40
	maxKeptValue  = 256 // bytes
	maxWords      = 100 // kept of one port
	maxFetch      = 5   // scripts that a deep look reads
)

func newHTTP() Details { return new(HTTP) }

// Protocol implements Details.
func (*HTTP) Protocol() string { return "http" }

// Names implements Details: the hosts that the page gives as its own, the names in its title, and where it redirects to.
func (d *HTTP) Names() []Name {
	var names []Name
	add := func(in, value string) {
		if n := (Name{Value: value, In: in}); value != "" && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for _, host := range d.Hosts {
		add(InPage, host)
	}
	for _, name := range namesIn(d.Title) {
		add(InPage, name)
	}
	for _, location := range d.Redirects {
		add(InRedirect, hostOf(location))
	}
	return names
}

// Summary implements Details: the status, the server and the title.
func (d *HTTP) Summary() string {
	parts := []string{strconv.Itoa(d.StatusCode)}
	for _, part := range []string{d.Server, d.Title} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " | ")
}

// mongoOverHTTP is in what mongod answers, with a status line of HTTP/1.0, to a web request.
const mongoOverHTTP = "trying to access MongoDB over HTTP"

func isHTTP(first []byte) bool {
	return bytes.HasPrefix(first, []byte("HTTP/1.")) && !bytes.Contains(first, []byte(mongoOverHTTP))
}

// askHTTP serves the whole family that speaks HTTP: it asks for the root page, and puts the harmless question of an API where the port
// number or the page suggests one. It returns the details of whichever protocol answered. A port costs at most maxRequests requests
// (maxDeepRequests for a deep look) on at most maxWebConnections connections.
func askHTTP(s *Session) (Details, error) {
	w := newWebClient(s)
	api, err := w.askHinted()
	if api != nil {
		return api, nil
	}
	if err != nil && len(w.answers) == 0 {
		return nil, err // not even HTTP, or gone
	}
	a, locations, err := w.follow()
	if a == nil {
		for _, other := range w.answers { // the API's path was answered and the root was not
			return describeAnswer(other, nil), err
		}
		return nil, err
	}
	if strings.Contains(string(a.body), mongoOverHTTP) {
		return nil, notThis("http", nil)
	}
	if err == nil {
		if found := w.askSuggested(a, locations); found != nil {
			return found, nil
		}
	}
	d := describeAnswer(a, locations)
	w.look(a, d, err == nil)
	if err == nil {
		err = s.Ctx.Err()
	}
	return d, err
}

// describeAnswer files the answer itself.
func describeAnswer(a *answer, locations []string) *HTTP {
	d := &HTTP{
		StatusCode: a.status, Server: clip(a.header.get("server"), maxKeptValue), Headers: keptFields(a.header),
		BodyBytes: len(a.body), Truncated: a.truncated, Redirects: locations,
	}
	if len(a.body) > 0 { // the hash of nothing would link every empty page with every other
		sum := sha256.Sum256(a.body)
		d.BodySHA256 = hex.EncodeToString(sum[:])
	}
	return d
}

// keptFields bounds a header section; of cookies, which are personal or secret, only the names stay.
func keptFields(list fields) map[string]string {
	kept := make(map[string]string, min(len(list), maxKeptFields))
	for _, h := range list {
		old, seen := kept[h.name]
		if !seen && len(kept) == maxKeptFields || len(h.name) > maxKeptValue {
			continue
		}
		value := h.value
		if h.name == "set-cookie" || h.name == "set-cookie2" {
			value, _, _ = strings.Cut(value, "=")
		}
		if seen {
			value = old + ", " + value
		}
		kept[h.name] = clip(value, maxKeptValue)
	}
	return kept
}

// look reads the page, and with further its icon and, for a deep look, its scripts.
func (w *webClient) look(a *answer, d *HTTP, further bool) {
	index := w.index
	if index == nil {
		index = newWordIndex(w.Words)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Headers)) {
		d.addWords(index.find([]byte(name+": "+d.Headers[name]), inHeader))
	}
	if !isHTML(a) {
		d.addWords(index.find(a.body, inPage))
		return
	}
	p := a.page()
	d.Title, d.Hosts = p.title, p.hosts
	d.addWords(index.find([]byte(p.title), inTitle))
	d.addWords(index.find(p.text, inPage))
	d.addWords(index.find(p.inline, inScript))
	d.Scripts = w.scripts(a, p)
	if !further {
		return
	}
	if a.status >= 200 && a.status < 300 || a.status == 401 || a.status == 403 {
		d.Favicon = w.icon(a, p)
	}
	if w.Deep {
		w.read(d, index)
	}
}

// addWords keeps the first hit of each word and place.
func (d *HTTP) addWords(words []Word) {
	for _, w := range words {
		known := slices.ContainsFunc(d.Words, func(k Word) bool { return k.Word == w.Word && k.In == w.In })
		if !known && len(d.Words) < maxWords {
			d.Words = append(d.Words, w)
		}
	}
}
