package probe

import (
	"bytes"
	"net/url"
	"strings"
)

// CDP is what the Chrome DevTools endpoint answers to GET /json/version.
type CDP struct {
	Browser    string `json:"browser" expr:"browser"` // "Chrome/124.0.6367.60", "HeadlessChrome/..."; "" when it refused the name in our Host
	Major      int    `json:"major" expr:"major"`     // major version in Browser; 0 when not told
	Spec       string `json:"protocol_version" expr:"protocol_version"`
	UserAgent  string `json:"user_agent" expr:"user_agent"`
	AgentMajor int    `json:"agent_major" expr:"agent_major"` // Chrome major version in UserAgent; 0 when it names none
	AgentOS    string `json:"agent_os" expr:"agent_os"`       // "windows", "linux", "macos", "android", "ios", "chromeos"; "" unknown
	WebSocket  string `json:"websocket" expr:"websocket"`     // webSocketDebuggerUrl with its GUID masked
	V8         string `json:"v8" expr:"v8"`
	WebKit     string `json:"webkit" expr:"webkit"`
	BehindHTTP string `json:"behind,omitempty" expr:"behind"` // Server header of a reverse proxy in front, "" for none
}

func newCDP() Details { return new(CDP) }

// Protocol implements Details.
func (*CDP) Protocol() string { return "cdp" }

// Names implements Details: the name under which a reverse proxy reaches the endpoint, if it shows.
func (d *CDP) Names() []Name {
	if u, err := url.Parse(d.WebSocket); err == nil {
		if name := hostName(u.Hostname()); name != "" {
			return []Name{{Value: name, In: InPage}}
		}
	}
	return nil
}

// Summary implements Details.
func (d *CDP) Summary() string {
	if d.Browser == "" {
		return "Chrome DevTools"
	}
	return d.Browser
}

// hostRefusal is what Chrome answers, with status 500, to a Host that is neither an address nor localhost. Only a reverse proxy that
// sets its own Host can make it say so to us.
const hostRefusal = "Host header is specified and is not an IP address or localhost"

// askCDP asks /json/version and nothing else: /json/list would show a customer's open pages, and the rest changes state.
func (w *webClient) askCDP() (Details, error) {
	a, err := w.get(pathCDP)
	if a == nil {
		return nil, err
	}
	d := parseCDP(a.body)
	if d == nil && a.status == 500 && bytes.HasPrefix(a.body, []byte(hostRefusal)) {
		d = new(CDP)
	}
	if d == nil {
		return nil, err
	}
	d.BehindHTTP = clip(a.header.get("server"), maxKeptValue)
	return d, nil
}

// parseCDP reads the answer to /json/version; nil when it is not one. Chrome and its derivatives give a webSocketDebuggerUrl, Node.js's
// inspector only its name and the protocol's version.
func parseCDP(body []byte) *CDP {
	o := object(body)
	socket, browser, spec := str(o, "webSocketDebuggerUrl"), str(o, "Browser"), str(o, "Protocol-Version")
	if browser == "" || socket == "" && spec == "" {
		return nil
	}
	agent := str(o, "User-Agent")
	return &CDP{
		Browser: browser, Major: majorAfter(browser, "/"), Spec: spec,
		UserAgent: agent, AgentMajor: chromeMajor(agent), AgentOS: agentOS(agent),
		WebSocket: maskSocket(socket), V8: str(o, "V8-Version"), WebKit: str(o, "WebKit-Version"),
	}
}

// majorAfter is the number that follows a mark, with or without a "v"; 0 for none, or one of more than six digits.
func majorAfter(text, mark string) int {
	_, after, ok := strings.Cut(text, mark)
	if !ok {
		return 0
	}
	after = strings.TrimPrefix(after, "v")
	n := 0
	for n < len(after) && after[n] >= '0' && after[n] <= '9' {
		n++
	}
	if n > 6 {
		return 0
	}
	major, _ := digits(after[:n], n)
	return major
}

// chromeMajor is the version of Chrome that a User-Agent claims, also as HeadlessChrome or, on iOS, CriOS.
func chromeMajor(agent string) int {
	if major := majorAfter(agent, "Chrome/"); major > 0 {
		return major
	}
	return majorAfter(agent, "CriOS/")
}

// agentOS is the platform that a User-Agent claims. Android's agents name Linux too, and those of iOS name Mac OS X, so the order counts.
func agentOS(agent string) string {
	for _, mark := range [][2]string{
		{"Windows", "windows"}, {"Android", "android"}, {"CrOS", "chromeos"}, {"iPhone", "ios"}, {"iPad", "ios"},
		{"Macintosh", "macos"}, {"Mac OS X", "macos"}, {"Linux", "linux"}, {"X11", "linux"},
	} {
		if strings.Contains(agent, mark[0]) {
			return mark[1]
		}
	}
	return ""
}

// maskSocket hides what would let a reader of a report take over the browser: the GUID, and tokens in a query or before the host.
func maskSocket(socket string) string {
	if socket == "" {
		return ""
	}
	u, err := url.Parse(socket)
	if err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" {
		return "<masked>"
	}
	segments := strings.Split(u.Path, "/")
	for i, segment := range segments {
		if len(segment) >= 16 || i > 0 && (segments[i-1] == "browser" || segments[i-1] == "page") {
			segments[i] = "<masked>"
		}
	}
	return u.Scheme + "://" + u.Host + strings.Join(segments, "/")
}

// suggestsCDP tells whether the root of a port may be that of a DevTools endpoint, title being that of its page in lower case. Chrome
// answers 200 with an empty page, old versions with a list of pages; it sends no Server header. Anything that does not look like a web
// site and names no server is asked, and so is a bare 404 or an empty page behind a reverse proxy.
func suggestsCDP(a *answer, title string) bool {
	for _, mark := range []string{"remote debugging", "inspectable", "devtools", "browserless"} {
		if strings.Contains(title, mark) {
			return true
		}
	}
	if bytes.Contains(a.body, []byte(hostRefusal)) || bytes.Contains(a.body, []byte("chrome-devtools-frontend")) {
		return true
	}
	bare := len(bytes.TrimSpace(a.body)) == 0
	return !isSite(a) && (bare || !a.header.has("server"))
}
