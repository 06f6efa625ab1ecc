package probe

// HTTP is what a web server shows to one anonymous GET of its root (RFC 9110), and to one of its favicon.
type HTTP struct {
	StatusCode int               `json:"status_code" expr:"status_code"` // of the last answer, after redirects on the same host and port
	Server     string            `json:"server" expr:"server"`
	Headers    map[string]string `json:"headers" expr:"headers"`         // lower-case names, at most 40 of 256 bytes each; cookies by name only
	Title      string            `json:"title" expr:"title"`             // white space folded, at most 256 bytes
	BodySHA256 string            `json:"body_sha256" expr:"body_sha256"` // of the body as read (decoded, bounded)
	BodyBytes  int               `json:"body_bytes" expr:"body_bytes"`
	Truncated  bool              `json:"truncated,omitempty" expr:"truncated"` // the body was longer than the bound
	Redirects  []string          `json:"redirects,omitempty" expr:"redirects"` // every Location seen, at most 5, followed or not
	Scripts    []Script          `json:"scripts,omitempty" expr:"scripts"`     // same-origin script names, at most 20
	Favicon    *Favicon          `json:"favicon,omitempty" expr:"favicon"`     // nil: none, or not looked at
	Words      []Word            `json:"words,omitempty" expr:"words"`         // which of Session.Words the page holds
	Hosts      []string          `json:"hosts,omitempty" expr:"hosts"`         // host names that the page links to or speaks of as its own (canonical, base, og:url), at most 20
}

func newHTTP() Details { return new(HTTP) }

// Protocol implements Details.
func (*HTTP) Protocol() string { return "http" }

// Names implements Details.
func (d *HTTP) Names() []Name { return nil }

// Summary implements Details.
func (d *HTTP) Summary() string { return d.Server }

func isHTTP(first []byte) bool { return false }

func askHTTP(s *Session) (Details, error) { return nil, nil }

// Script is a same-origin script of a page. Size and hash are known only after a deep look.
type Script struct {
	Path   string `json:"path" expr:"path"`
	SHA256 string `json:"sha256,omitempty" expr:"sha256"`
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
