package probe

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/twmb/murmur3"
)

// maxIcon bounds a favicon in bytes; the hash of a part of one would match nothing.
const maxIcon = 64 << 10

// icon asks for the icon that a page names, or /favicon.ico. nil: it has none on this origin, or it could not be had.
func (w *webClient) icon(a *answer, p page) *Favicon {
	target := "/favicon.ico"
	if p.icon != "" {
		var ok bool
		if target, ok = w.sameOrigin(w.base(a, p), p.icon); !ok {
			return nil // on another host, or in the page itself
		}
	}
	got, err := w.get(target)
	if err != nil || got.status != 200 || isHTML(got) || got.truncated {
		return nil
	}
	return hashIcon(got.body)
}

// hashIcon is nil for what cannot be an icon.
func hashIcon(body []byte) *Favicon {
	if len(body) == 0 || len(body) > maxIcon {
		return nil
	}
	sum := sha256.Sum256(body)
	return &Favicon{MMH3: int32(murmur3.Sum32(mimeLines(body))), SHA256: hex.EncodeToString(sum[:])}
}

// mimeLines is base64 in lines of 76 characters, each ended by a newline (RFC 2045 section 6.8, with bare LF): the form that internet
// search engines hash, because Python's base64.encodebytes gives it.
func mimeLines(data []byte) []byte {
	const bytesPerLine = 76 / 4 * 3
	lines := make([]byte, 0, base64.StdEncoding.EncodedLen(len(data))+len(data)/bytesPerLine+1)
	for len(data) > 0 {
		n := min(len(data), bytesPerLine)
		lines = append(base64.StdEncoding.AppendEncode(lines, data[:n]), '\n')
		data = data[n:]
	}
	return lines
}

// isHTML tells whether an answer is a web page, by what it calls itself, else by how it begins.
func isHTML(a *answer) bool {
	kind := strings.ToLower(a.header.get("content-type"))
	if strings.Contains(kind, "html") {
		return true
	}
	begin := strings.ToLower(strings.TrimSpace(string(a.body[:min(len(a.body), 256)])))
	return strings.HasPrefix(begin, "<!doctype html") || strings.HasPrefix(begin, "<html")
}
