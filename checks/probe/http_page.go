package probe

import (
	"bytes"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Bounds of what is kept of a page.
const (
	maxTitle      = 256 // bytes
	maxScripts    = 20
	maxHosts      = 20
	maxTitleNames = 10
	maxAttributes = 64      // of one tag
	maxRef        = 2 << 10 // bytes of a reference; longer ones are data or nonsense
)

// page is what one HTML document says. References are as written.
type page struct {
	title   string
	base    string   // href of the first <base>
	scripts []string // src, at most 4*maxScripts
	icon    string   // href of the first icon
	hosts   []string // host names that the page gives as its own or sends its forms to, at most maxHosts
	text    []byte   // the source in UTF-8 without the bodies of its scripts
	inline  []byte   // the bodies of its scripts, one after the other
}

// parsePage reads an HTML document in one pass over its tokens. It never fails: browsers do not either.
func parsePage(body []byte, contentType string) page {
	source := toUTF8(body, contentType)
	b := pageBuilder{z: html.NewTokenizer(bytes.NewReader(source)), p: page{text: make([]byte, 0, len(source))}}
	for kind := b.z.Next(); kind != html.ErrorToken; kind = b.z.Next() {
		b.token(kind)
	}
	b.p.text = append(b.p.text, b.z.Raw()...)
	return b.p
}

type pageBuilder struct {
	z        *html.Tokenizer
	p        page
	titled   bool
	in       atom.Atom // the raw-text element that the next text belongs to
	graphics int       // depth of <svg>, whose <title> is not the page's
}

// token files one token. Its raw bytes are copied first, because looking into a token changes them.
func (b *pageBuilder) token(kind html.TokenType) {
	within := b.in
	b.in = 0
	if kind == html.TextToken && within == atom.Script {
		b.p.inline = append(append(b.p.inline, b.z.Raw()...), '\n')
		return
	}
	b.p.text = append(b.p.text, b.z.Raw()...)
	switch kind {
	case html.TextToken:
		if within == atom.Title {
			b.p.title = foldSpace(string(b.z.Text()), maxTitle)
		}
	case html.StartTagToken, html.SelfClosingTagToken:
		name, more := b.z.TagName()
		b.start(atom.Lookup(name), kind, more)
	case html.EndTagToken:
		if name, _ := b.z.TagName(); atom.Lookup(name) == atom.Svg && b.graphics > 0 {
			b.graphics--
		}
	}
}

func (b *pageBuilder) start(tag atom.Atom, kind html.TokenType, attributed bool) {
	switch tag {
	case atom.Svg:
		if kind == html.StartTagToken {
			b.graphics++
		}
	case atom.Title:
		if !b.titled && b.graphics == 0 {
			b.titled, b.in = true, atom.Title
		}
	case atom.Script:
		b.in = atom.Script
	}
	if !attributed {
		return
	}
	switch tag {
	case atom.Script, atom.Base, atom.Link, atom.Meta, atom.Form:
		b.refer(tag, b.attributes())
	}
}

// refer keeps what a tag refers to.
func (b *pageBuilder) refer(tag atom.Atom, attr map[string]string) {
	switch tag {
	case atom.Script:
		if src := attr["src"]; src != "" && len(b.p.scripts) < 4*maxScripts {
			b.p.scripts = append(b.p.scripts, src)
		}
	case atom.Base:
		if b.p.base == "" {
			b.p.base = attr["href"]
			b.host(attr["href"])
		}
	case atom.Link:
		b.link(attr)
	case atom.Meta:
		if strings.EqualFold(attr["property"], "og:url") {
			b.host(attr["content"])
		}
		if strings.EqualFold(attr["http-equiv"], "refresh") {
			b.host(refreshTarget(attr["content"]))
		}
	case atom.Form:
		b.host(attr["action"])
	}
}

func (b *pageBuilder) link(attr map[string]string) {
	for rel := range strings.FieldsSeq(strings.ToLower(attr["rel"])) {
		switch rel {
		case "canonical":
			b.host(attr["href"])
		case "icon":
			if b.p.icon == "" {
				b.p.icon = attr["href"]
			}
		}
	}
}

// attributes reads the attributes of a tag, the first of each name, without the values that are too long to be references.
func (b *pageBuilder) attributes() map[string]string {
	attr := make(map[string]string, 4)
	for range maxAttributes {
		key, value, more := b.z.TagAttr()
		if _, seen := attr[string(key)]; !seen && len(key) <= 32 && len(value) <= maxRef {
			attr[string(key)] = string(value)
		}
		if !more {
			break
		}
	}
	return attr
}

// host keeps the host name of an absolute URL.
func (b *pageBuilder) host(ref string) {
	if name := hostOf(ref); name != "" && len(b.p.hosts) < maxHosts && !slices.Contains(b.p.hosts, name) {
		b.p.hosts = append(b.p.hosts, name)
	}
}

// refreshTarget is the URL in the content of a meta refresh, "0; url=https://host/".
func refreshTarget(content string) string {
	if _, after, ok := strings.Cut(clip(content, maxRef), "="); ok {
		return strings.Trim(strings.TrimSpace(after), `'"`)
	}
	return ""
}

// hostOf is the host name of an absolute or scheme-relative URL; "" when it has none, or an address instead.
func hostOf(ref string) string {
	u, err := url.Parse(strings.TrimSpace(ref))
	if err != nil || u.Host == "" {
		return ""
	}
	return hostName(u.Hostname())
}

// hostName gives a name as it would stand in the DNS: ASCII, lower case, no trailing dot, at least two labels of letters, digits
// and hyphens, the last of which is no number. "" for anything else.
func hostName(text string) string {
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	if len(name) > 253 || !strings.Contains(name, ".") {
		return ""
	}
	if !isASCII(name) {
		var err error
		if name, err = idna.Lookup.ToASCII(name); err != nil || len(name) > 253 {
			return ""
		}
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if !isLabel(label) {
			return ""
		}
	}
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' {
		return ""
	}
	return name
}

// isLabel checks a DNS label (RFC 1123 section 2.1), underscores allowed as they are in practice.
func isLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for _, c := range []byte(label) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// namesIn lists the domain names in a line of text: tokens under a top-level domain that exists (the public suffix list's ICANN
// part), at most maxTitleNames. "Node.js" and "v1.2.3" are none.
func namesIn(text string) []string {
	var names []string
	for token := range strings.FieldsFuncSeq(text, func(r rune) bool { return !isPart(r) && r != '.' && r != '-' }) {
		name := hostName(strings.Trim(token, ".-"))
		if name == "" || slices.Contains(names, name) {
			continue
		}
		if suffix, icann := publicsuffix.PublicSuffix(name); !icann || suffix == name {
			continue
		}
		if names = append(names, name); len(names) == maxTitleNames {
			break
		}
	}
	return names
}

// foldSpace trims white space and makes runs of it one space, in at most limit bytes. Control characters other than white space
// stay: they are evidence, and cleaned where they are shown.
func foldSpace(text string, limit int) string {
	var b strings.Builder
	for word := range strings.FieldsSeq(text) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(clip(word, limit))
		if b.Len() >= limit {
			break
		}
	}
	return clip(b.String(), limit)
}

// toUTF8 decodes a body in the charset that its header or its own meta element names; UTF-8 passes as it is. Every charset of
// the table gives at most three bytes for one, and the result is bounded besides.
func toUTF8(body []byte, contentType string) []byte {
	encoding, name, certain := charset.DetermineEncoding(body, clip(contentType, 256))
	if name == "utf-8" || encoding == nil || !certain && utf8.Valid(body) { // a meta element is wrong more often than that is chance
		return body
	}
	decoded, err := io.ReadAll(io.LimitReader(encoding.NewDecoder().Reader(bytes.NewReader(body)), 3*maxBody))
	if err != nil && len(decoded) == 0 {
		return body
	}
	return decoded
}
