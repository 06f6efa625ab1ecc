package probe

// CDP is what the Chrome DevTools endpoint answers to GET /json/version.
type CDP struct {
	Browser    string `json:"browser" expr:"browser"` // "Chrome/124.0.6367.60", "HeadlessChrome/..."
	Major      int    `json:"major" expr:"major"`     // major version in Browser; 0 when not told
	Spec       string `json:"protocol_version" expr:"protocol_version"`
	UserAgent  string `json:"user_agent" expr:"user_agent"`
	AgentMajor int    `json:"agent_major" expr:"agent_major"` // Chrome major version in UserAgent; 0 when it names none
	AgentOS    string `json:"agent_os" expr:"agent_os"`       // "windows", "linux", "macos", "android", "ios", "chromeos"; "" unknown
	WebSocket  string `json:"websocket" expr:"websocket"`     // webSocketDebuggerUrl with its GUID masked
	V8         string `json:"v8" expr:"v8"`
	BehindHTTP string `json:"behind,omitempty" expr:"behind"` // Server header of a reverse proxy in front, "" for none
}

func newCDP() Details { return new(CDP) }

// Protocol implements Details.
func (*CDP) Protocol() string { return "cdp" }

// Names implements Details.
func (d *CDP) Names() []Name { return nil }

// Summary implements Details.
func (d *CDP) Summary() string { return d.Browser }
