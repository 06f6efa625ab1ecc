package probe

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	jsonType = "Content-Type:application/json; charset=UTF-8\r\n"

	// As Chromium 156 sends it, with another GUID.
	chromeVersion = `{
   "Browser": "Chrome/156.0.8078.79",
   "File-Path-Style": "posix",
   "Protocol-Version": "1.3",
   "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36",
   "V8-Version": "15.6.75.27",
   "WebKit-Version": "537.36 (@a21ce95c24ce3964416f09ae1862f53f319eb4d0)",
   "webSocketDebuggerUrl": "ws://127.0.0.1:29222/devtools/browser/01234567-89ab-cdef-0123-456789abcdef"
}
`
	browserlessVersion = `{"Browser":"HeadlessChrome/121.0.6167.57","Protocol-Version":"1.3","User-Agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 Safari/537.36","V8-Version":"12.1.285.20","WebKit-Version":"537.36","webSocketDebuggerUrl":"wss://u:p@chrome.example.org:3000/devtools/browser/abc?token=6R0W53R135510"}`
	nodeVersion        = `{"Browser":"node.js/v20.11.0","Protocol-Version":"1.1"}`
)

// As Chromium 156 answers, header spacing included.
var (
	chromeRoot    = "HTTP/1.1 200 OK\r\nX-Frame-Options:DENY\r\nContent-Length:0\r\nContent-Type:text/html; charset=UTF-8\r\n\r\n"
	chromeUnknown = "HTTP/1.1 404 Not Found\r\nContent-Length:0\r\nContent-Type:text/html\r\n\r\n"
	chromeRefusal = raw("500 Internal Server Error", "Content-Type:text/html\r\n", hostRefusal+".")
	chromeAnswer  = raw("200 OK", "Content-Security-Policy:frame-ancestors 'none'\r\n"+jsonType, chromeVersion)
)

func TestCDP(t *testing.T) {
	behind := "Server: nginx\r\n"
	for _, c := range []struct {
		name  string
		hint  string
		pages map[string]string
		asked []string
		want  bool
	}{
		{"on its port", "cdp", map[string]string{"/": chromeRoot, pathCDP: chromeAnswer}, []string{pathCDP}, true},
		{"on any port", "", map[string]string{"/": chromeRoot, pathCDP: chromeAnswer}, []string{"/", pathCDP}, true},
		{"root unknown to it", "http", map[string]string{"/": chromeUnknown, pathCDP: chromeAnswer}, []string{"/", pathCDP}, true},
		{"behind a reverse proxy, empty page", "", map[string]string{"/": raw("200 OK", behind+htmlType, ""), pathCDP: chromeAnswer}, []string{"/", pathCDP}, true},
		{"behind a reverse proxy, bare 404", "", map[string]string{"/": raw("404 Not Found", behind, ""), pathCDP: chromeAnswer}, []string{"/", pathCDP}, true},
		{"old list of pages behind a reverse proxy", "", map[string]string{"/": htmlPage("<title>Headless remote debugging</title>"), pathCDP: chromeAnswer}, []string{"/", pathCDP}, true},
		{"inspectable", "", map[string]string{"/": htmlPage("<title>Inspectable WebContents</title>"), pathCDP: chromeAnswer}, []string{"/", pathCDP}, true},
		{"browserless", "", map[string]string{"/": htmlPage("<title>browserless debugger</title>"), pathCDP: raw("200 OK", jsonType, browserlessVersion)}, []string{"/", pathCDP}, true},
		{"the proxy's Host refused", "", map[string]string{"/": chromeRefusal, pathCDP: chromeRefusal}, []string{"/", pathCDP}, true},
		{"node's inspector", "", map[string]string{"/": raw("400 Bad Request", "", "WebSockets request was expected\r\n"), pathCDP: raw("200 OK", jsonType, nodeVersion)}, []string{"/", pathCDP}, true},
		{"a site on that port", "cdp", map[string]string{"/": htmlPage("<title>t</title>")}, []string{pathCDP, "/", "/favicon.ico"}, false},
		{"a site", "", map[string]string{"/": htmlPage("<title>t</title>"), pathCDP: chromeAnswer}, []string{"/", "/favicon.ico"}, false},
		{"a server's own 404", "", map[string]string{"/": notFound, pathCDP: chromeAnswer}, []string{"/"}, false},
		{"a page for every path", "", map[string]string{"/": raw("200 OK", htmlType, ""), pathCDP: htmlPage("<title>t</title>")}, []string{"/", pathCDP, "/favicon.ico"}, false},
		{"some other API", "", map[string]string{"/": raw("404 Not Found", jsonType, `{}`), pathCDP: raw("404 Not Found", jsonType, `{"Browser":7}`)}, []string{"/", pathCDP}, false},
		{"asks for a token", "", map[string]string{"/": raw("401 Unauthorized", "", "Bad or missing authentication.")}, []string{"/"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeWeb{pages: c.pages, other: notFound}
			d, err := f.ask(t, Options{}, hinted(c.hint))
			require.NoError(t, err)
			assert.Equal(t, c.asked, f.paths())
			assert.Equal(t, 1, f.conns)
			assert.Equal(t, c.want, d.Protocol() == "cdp", "%T", d)
		})
	}
}

func TestParseCDP(t *testing.T) {
	d := parseCDP([]byte(chromeVersion))
	require.NotNil(t, d)
	assert.Equal(t, &CDP{Browser: "Chrome/156.0.8078.79", Major: 156, Spec: "1.3", AgentMajor: 156, AgentOS: "linux",
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36",
		WebSocket: "ws://127.0.0.1:29222/devtools/browser/<masked>", V8: "15.6.75.27", WebKit: "537.36 (@a21ce95c24ce3964416f09ae1862f53f319eb4d0)"}, d)
	assert.Empty(t, d.Names())
	assert.Equal(t, "Chrome/156.0.8078.79", d.Summary())

	d = parseCDP([]byte(browserlessVersion))
	require.NotNil(t, d)
	assert.Equal(t, 121, d.Major)
	assert.Equal(t, 109, d.AgentMajor)
	assert.Equal(t, "windows", d.AgentOS)
	assert.Equal(t, "wss://chrome.example.org:3000/devtools/browser/<masked>", d.WebSocket)
	assert.Equal(t, []Name{{"chrome.example.org", InPage, 0}}, d.Names())

	for _, body := range []string{"", "null", "[]", "{}", `{"Browser":"x"}`, `{"Browser":5,"Protocol-Version":"1"}`, `{"version":"1"}`, chromeVersion[:200],
		`{"Browser":"` + strings.Repeat("x", maxJSON) + `","Protocol-Version":"1"}`, strings.Repeat("[", maxJSON)} {
		assert.Nil(t, parseCDP([]byte(body)), "%.40q", body)
	}
	long := parseCDP([]byte(`{"Browser":"Chrome/99999999999999999999","Protocol-Version":"` + strings.Repeat("1", 9999) + `"}`))
	assert.Zero(t, long.Major)
	assert.Len(t, long.Spec, 512)
}

func TestAgentOS(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/109.0.0.0": "windows", "Mozilla/5.0 (Linux; Android 13; Pixel 7) Chrome/116.0.0.0": "android",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/1": "macos", "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) CriOS/114.0.5735.99": "ios",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/124": "chromeos", "Mozilla/5.0 (X11; Linux x86_64)": "linux", "curl/8": "", "": "",
	} {
		assert.Equal(t, want, agentOS(agent), agent)
	}
	assert.Equal(t, 114, chromeMajor("Mozilla/5.0 (iPhone) CriOS/114.0.5735.99"))
	assert.Equal(t, 0, chromeMajor("Mozilla/5.0 Firefox/115.0"))
}

func FuzzParseCDP(f *testing.F) {
	for _, seed := range []string{chromeVersion, browserlessVersion, nodeVersion, `{"Browser":"a/v1","webSocketDebuggerUrl":"ws://h/devtools/page/0"}`, "[]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := parseCDP(data)
		if d == nil {
			return
		}
		for _, s := range []string{d.Browser, d.Spec, d.UserAgent, d.V8, d.WebKit} {
			if len(s) > 512 {
				t.Fatal("bounds")
			}
		}
		if d.Browser == "" || d.Major < 0 || d.Major > 999999 || d.AgentMajor < 0 || d.AgentMajor > 999999 {
			t.Fatalf("%+v", d)
		}
		if strings.ContainsAny(d.WebSocket, "?#@") && d.WebSocket != "<masked>" && !strings.Contains(d.WebSocket, "%") {
			t.Fatalf("socket shows %q", d.WebSocket)
		}
	})
}
