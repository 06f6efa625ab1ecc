package probe

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// WebDriver is what a WebDriver server or Selenium grid answers to GET /status (W3C WebDriver section 8.3).
type WebDriver struct {
	Ready   *bool  `json:"ready" expr:"ready"` // nil: it refused to say, because of its list of allowed clients
	Message string `json:"message" expr:"message"`
	Version string `json:"version" expr:"version"`
	OS      string `json:"os" expr:"os"`
	Kind    string `json:"kind" expr:"kind"`   // "chromedriver", "geckodriver", "selenium", "other"
	Nodes   int    `json:"nodes" expr:"nodes"` // Selenium grid 4: nodes that are registered
}

func newWebDriver() Details { return new(WebDriver) }

// Protocol implements Details.
func (*WebDriver) Protocol() string { return "webdriver" }

// Names implements Details.
func (d *WebDriver) Names() []Name { return nil }

// Summary implements Details.
func (d *WebDriver) Summary() string {
	if d.Message != "" {
		return d.Message
	}
	return strings.TrimSpace(d.Kind + " " + d.Version)
}

// The refusals of drivers that answer only to their own list of addresses and names. We do not pretend to be on it.
const (
	chromedriverRefusal = "The request was rejected by the server (e.g. unauthorized IP, or invalid Host/Origin header)."
	geckodriverRefusal  = "Invalid Host header "
)

// askWebDriver asks /status, and the path that Selenium 3 had for it.
func (w *webClient) askWebDriver() (Details, error) {
	a, err := w.get(pathWebDriver)
	if a == nil {
		return nil, err
	}
	if d := parseWebDriver(a.body); d != nil {
		return d, nil
	}
	if err == nil && a.status != 404 { // Selenium 3 has nothing at /status
		return nil, nil
	}
	if a, err = w.get(pathSelenium3); a == nil {
		return nil, err
	}
	if d := parseWebDriver(a.body); d != nil {
		return d, nil
	}
	return nil, err
}

// parseWebDriver reads an answer to /status; nil when it is not one. It knows chromedriver's and geckodriver's form and refusals and those
// of Selenium 3 and 4.
func parseWebDriver(body []byte) *WebDriver {
	if d := refusal(body); d != nil {
		return d
	}
	value := object(object(body)["value"])
	build, system := object(value["build"]), object(value["os"])
	d := &WebDriver{Message: str(value, "message"), Version: str(build, "version"), OS: str(system, "name")}
	var ready bool
	if raw := value["ready"]; len(raw) > 0 && json.Unmarshal(raw, &ready) == nil && !bytes.Equal(raw, []byte("null")) {
		d.Ready = &ready
	}
	if d.Ready == nil && (build == nil || system == nil) { // chromedriver before version 75 did not say whether it is ready
		return nil
	}
	d.addNodes(value["nodes"])
	d.Kind = driverKind(d, value)
	return d
}

// addNodes counts the nodes of a Selenium 4 grid, and takes version and platform from the first that gives them.
func (d *WebDriver) addNodes(raw json.RawMessage) {
	var nodes []json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &nodes) != nil {
		return
	}
	d.Nodes = len(nodes)
	for _, node := range nodes[:min(len(nodes), 16)] {
		o := object(node)
		if d.Version == "" {
			d.Version = str(o, "version")
		}
		if d.OS == "" {
			d.OS = str(object(o["osInfo"]), "name")
		}
	}
}

// driverKind tells the software apart by its own words and by what it leaves out.
func driverKind(d *WebDriver, value map[string]json.RawMessage) string {
	_, java := value["java"]
	_, nodes := value["nodes"]
	switch {
	case strings.HasPrefix(d.Message, "ChromeDriver"):
		return "chromedriver"
	case java, nodes, strings.HasPrefix(d.Message, "Selenium"), strings.Contains(d.Message, "Hub "), strings.Contains(d.Message, "hub "):
		return "selenium"
	case d.Ready == nil:
		return "chromedriver"
	case len(value) == 2 && (d.Message == "" || d.Message == "Session already started"):
		return "geckodriver"
	}
	return "other"
}

// refusal recognises a driver that will not talk to us; its words are its own.
func refusal(body []byte) *WebDriver {
	text := string(body[:min(len(body), maxExcerpt+len(chromedriverRefusal))])
	if strings.TrimSpace(text) == chromedriverRefusal {
		return &WebDriver{Kind: "chromedriver", Message: chromedriverRefusal}
	}
	o := object(body)
	if inner := object(o["value"]); inner != nil {
		o = inner
	}
	if message := str(o, "message"); str(o, "error") == "unknown error" && strings.HasPrefix(message, geckodriverRefusal) {
		return &WebDriver{Kind: "geckodriver", Message: message}
	}
	return nil
}

// suggestsWebDriver tells whether the root of a port may be that of a WebDriver server: an error in its form (W3C WebDriver section 6.6),
// a refusal, or the console of a grid.
func suggestsWebDriver(a *answer, title string, locations []string) bool {
	if strings.Contains(title, "selenium") || strings.Contains(title, "webdriver") || refusal(a.body) != nil {
		return true
	}
	if e := str(object(object(a.body)["value"]), "error"); slices.Contains([]string{"unknown command", "unknown method", "invalid session id"}, e) {
		return true
	}
	for _, location := range locations {
		path := strings.TrimSuffix(strings.TrimSuffix(location, "index.html"), "/")
		if path == "/ui" || strings.HasSuffix(path, "/wd/hub") || strings.HasSuffix(path, "/grid/console") {
			return true
		}
	}
	return false
}
