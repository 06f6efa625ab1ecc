package probe

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// What one port may cost. A page with its icon costs two requests on one connection.
const (
	maxRequests       = 8            // a page, its redirects, its icon, the questions to an API
	maxDeepRequests   = 8 + maxFetch // the scripts of a page as well
	maxWebConnections = 3            // for servers that close after each answer
	maxFollow         = 3            // redirects
	maxTarget         = 1 << 10      // bytes of a path that is asked
)

// errNoMoreRequests says that our own bound was met, not that the peer did anything.
var errNoMoreRequests = errors.New("no more requests to this port")

// webClient asks one port for pages, over as few connections as it takes. Each path is asked once.
type webClient struct {
	*Session
	origin      *url.URL // scheme, host and port as asked
	requests    int
	connections int
	fresh       bool // nothing was asked on this connection yet
	usable      bool // the next request may go on this connection
	answers     map[string]*answer
	broke       error // what ended the last answer too soon
}

func newWebClient(s *Session) *webClient {
	return &webClient{Session: s, origin: originOf(s.Peer, s.TLS != nil), connections: 1, fresh: true, usable: true,
		answers: make(map[string]*answer)}
}

// originOf is the URL of a port's root: the address as browsers write it, without the scheme's default port.
func originOf(peer netip.AddrPort, secure bool) *url.URL {
	scheme, standard := "http", uint16(80)
	if secure {
		scheme, standard = "https", 443
	}
	host := peer.Addr().Unmap().WithZone("").String()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if peer.Port() != standard {
		host += ":" + strconv.Itoa(int(peer.Port()))
	}
	return &url.URL{Scheme: scheme, Host: host, Path: "/"}
}

// get asks for one path. An answer that broke off is returned beside its error.
func (w *webClient) get(target string) (*answer, error) {
	if a, ok := w.answers[target]; ok {
		return a, nil
	}
	budget := maxRequests
	if w.Deep {
		budget = maxDeepRequests
	}
	if w.requests >= budget || len(target) > maxTarget {
		return nil, errNoMoreRequests
	}
	w.requests++
	a, err := w.try(target)
	if a == nil && !w.fresh && w.Ctx.Err() == nil && dropped(err) {
		a, err = w.try(target) // the peer had closed a kept connection in the meantime (RFC 9112 section 9.3.1)
	}
	if a != nil {
		a.path = target
		w.answers[target] = a
	}
	w.broke = err
	return a, err
}

// dropped tells whether a kept connection was gone before the request could be answered.
func dropped(err error) bool {
	return errors.Is(err, io.EOF) || dial.Classify(err) == dial.Reset
}

func (w *webClient) try(target string) (*answer, error) {
	if !w.usable {
		if err := w.reconnect(); err != nil {
			return nil, err
		}
	}
	w.usable = false
	first := w.fresh
	w.expect()
	if _, err := w.Write(w.request(target)); err != nil {
		return nil, fmt.Errorf("send request: %w", err)
	}
	a, err := readAnswer(w.Session)
	if a != nil {
		w.usable = err == nil && a.reusable
	}
	w.fresh = first && a == nil
	return a, err
}

func (w *webClient) reconnect() error {
	if w.connections >= maxWebConnections {
		return dial.ErrBudget
	}
	w.connections++
	w.fresh = true
	if w.TLS != nil && w.TLS.ALPN != "" {
		return w.Again(w.TLS.ALPN)
	}
	return w.Again()
}

// request is the only thing that is ever sent: a GET without a body, credentials or cookies.
func (w *webClient) request(target string) []byte {
	var b strings.Builder
	b.WriteString("GET " + target + " HTTP/1.1\r\nHost: " + w.origin.Host + "\r\nUser-Agent: ")
	for _, c := range []byte(w.Identity.UserAgent()) {
		if c >= ' ' && c != 0x7f { // the configuration's contact must not become a header of its own
			b.WriteByte(c)
		}
	}
	b.WriteString("\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: keep-alive\r\n\r\n")
	return []byte(b.String())
}

// sameOrigin gives the path to ask for a reference found at base, if it leads to the very same scheme, address and port.
func (w *webClient) sameOrigin(base *url.URL, ref string) (string, bool) {
	if len(ref) > 2*maxTarget {
		return "", false
	}
	u, err := base.Parse(strings.TrimSpace(ref))
	if err != nil || u.Opaque != "" || !strings.EqualFold(u.Scheme, w.origin.Scheme) || !samePort(u, w.origin) {
		return "", false
	}
	at, err := netip.ParseAddr(u.Hostname())
	if err != nil || at.Unmap() != w.Peer.Addr().Unmap().WithZone("") {
		return "", false
	}
	target := escapeTarget(u.RequestURI())
	return target, strings.HasPrefix(target, "/") && len(target) <= maxTarget
}

// escapeTarget percent-encodes what may not stand in a request line: the query of a URL is kept as the page wrote it, with its
// spaces, and a space there would end the target and begin what the server reads as the version.
func escapeTarget(target string) string {
	var b strings.Builder
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// samePort compares ports with the scheme's default filled in.
func samePort(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		if p := u.Port(); p != "" {
			return p
		}
		return map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return port(a) == port(b)
}

// follow asks for the root and goes where it redirects to on the same origin. It returns the last answer, and every Location
// seen on the way.
func (w *webClient) follow() (last *answer, locations []string, err error) {
	target := "/"
	at := w.origin
	for hop := 0; ; hop++ {
		_, seen := w.answers[target]
		if seen && hop > 0 {
			return last, locations, nil // a loop
		}
		a, err := w.get(target)
		if a == nil {
			if last != nil { // what was learnt stands
				err = nil
			}
			return last, locations, err
		}
		last = a
		location := a.header.get("location")
		if err != nil || a.status < 300 || a.status > 399 || location == "" {
			return last, locations, err
		}
		locations = append(locations, clip(location, 512))
		next, ok := w.sameOrigin(at, location)
		if !ok || hop == maxFollow {
			return last, locations, nil
		}
		target = next
		at = w.at(next)
	}
}

// at is the URL of a path of this origin.
func (w *webClient) at(target string) *url.URL {
	u, err := w.origin.Parse(target)
	if err != nil {
		return w.origin
	}
	return u
}
