package probe

import (
	"bytes"
	"encoding/json"
	"strings"
)

// The only paths that are asked beside the root, the icon and the scripts that a page names. Each is a read-only question of its
// protocol that changes nothing and shows no customer's data.
const (
	pathCDP       = "/json/version"
	pathWebDriver = "/status"
	pathSelenium3 = "/wd/hub/status"
	pathPing      = "/_ping"
	pathVersion   = "/version"
)

// maxJSON bounds what of an API's answer is parsed, in bytes; real ones have a few kilobytes.
const maxJSON = 64 << 10

// apiQuestion asks for one API. A nil Details is "something else answers there"; the error is why nothing did.
type apiQuestion func(*webClient) (Details, error)

// askHinted asks for the API that the port number suggests, before anything else.
func (w *webClient) askHinted() (Details, error) {
	switch w.hint {
	case "cdp":
		return w.askCDP()
	case "webdriver":
		return w.askWebDriver()
	case "docker":
		return w.askDocker()
	case "kubernetes":
		return w.askKubernetes()
	}
	return nil, nil
}

// askSuggested asks for the API that the answer for the root suggests. nil: it is a web site.
func (w *webClient) askSuggested(a *answer, locations []string) Details {
	if p := proxyFrom(a); p != nil {
		return p
	}
	if w.TLS == nil && wantsTLS(a) {
		return nil
	}
	root := glance(a)
	var questions []apiQuestion
	if suggestsKubernetes(a) {
		questions = append(questions, (*webClient).askKubernetes)
	}
	if suggestsDocker(a) {
		questions = append(questions, (*webClient).askDocker)
	}
	if suggestsWebDriver(a, root, locations) {
		questions = append(questions, (*webClient).askWebDriver)
	}
	if suggestsCDP(a, root) {
		questions = append(questions, (*webClient).askCDP)
	}
	for _, ask := range questions {
		if d, _ := ask(w); d != nil {
			return d
		}
	}
	return nil
}

// wantsTLS recognises the answer of a TLS server that was spoken to in the clear. Most then hang up, and asking more would cost a connection
// for each question.
func wantsTLS(a *answer) bool {
	return a.status == 400 && (bytes.Contains(a.body, []byte("HTTPS")) || bytes.Contains(a.body, []byte("SSL")))
}

// glance is the title of a page in lower case, "" for other answers.
func glance(a *answer) string {
	if !isHTML(a) {
		return ""
	}
	return strings.ToLower(a.page().title)
}

// isSite tells whether an answer is that of a web site: a page, the way to one, or a door that is kept shut.
func isSite(a *answer) bool {
	switch {
	case a.status >= 200 && a.status < 300:
		return isHTML(a) && len(a.body) > 0
	case a.status >= 300 && a.status < 400, a.status == 401, a.status == 403, a.status == 429:
		return true
	}
	return false
}

// object parses a JSON object of bounded size; nil for anything else. Its values are parsed by whoever wants them.
func object(text []byte) map[string]json.RawMessage {
	if len(text) > maxJSON {
		return nil
	}
	var o map[string]json.RawMessage
	if json.Unmarshal(text, &o) != nil {
		return nil
	}
	return o
}

// str is the string value of a key, bounded; "" when it is missing or no string.
func str(o map[string]json.RawMessage, key string) string {
	var value string
	if json.Unmarshal(o[key], &value) != nil {
		return ""
	}
	return clip(value, 512)
}
