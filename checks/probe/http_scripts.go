package probe

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// base is the URL that references of a page are relative to.
func (w *webClient) base(a *answer, p page) *url.URL {
	at := w.at(a.path)
	if p.base != "" {
		if u, err := at.Parse(strings.TrimSpace(p.base)); err == nil {
			return u
		}
	}
	return at
}

// scripts lists the scripts of a page that the same origin serves.
func (w *webClient) scripts(a *answer, p page) []Script {
	var list []Script
	base := w.base(a, p)
	for _, src := range p.scripts {
		path, ok := w.sameOrigin(base, src)
		if !ok || slices.ContainsFunc(list, func(s Script) bool { return s.Path == path }) {
			continue
		}
		if list = append(list, Script{Path: path}); len(list) == maxScripts {
			break
		}
	}
	return list
}

// libraries are names of scripts that many sites share: a page's own code is read first.
var libraries = []string{"jquery", "bootstrap", "polyfill", "vendor", "runtime", "popper", "modernizr", "analytics", "fontawesome"}

// read fetches the scripts that say most about a page, and looks for words in them.
func (w *webClient) read(d *HTTP, index *wordIndex) {
	var own, shared []*Script
	for i := range d.Scripts {
		s := &d.Scripts[i]
		name := strings.ToLower(s.Path)
		if slices.ContainsFunc(libraries, func(l string) bool { return strings.Contains(name, l) }) {
			shared = append(shared, s)
		} else {
			own = append(own, s)
		}
	}
	list := append(own, shared...)
	for _, s := range list[:min(len(list), maxFetch)] {
		a, err := w.get(s.Path)
		if a == nil && (errors.Is(err, dial.ErrBudget) || errors.Is(err, errNoMoreRequests) || w.Ctx.Err() != nil) {
			return
		}
		if a == nil || a.status != 200 || isHTML(a) { // single-page applications answer any path with their page
			continue
		}
		sum := sha256.Sum256(a.body)
		s.SHA256, s.Bytes = hex.EncodeToString(sum[:]), len(a.body)
		d.addWords(index.find(a.body, inScript))
	}
}
