package probe

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	// As chromedriver 156 sends them.
	chromedriverStatus = `{"value":{"build":{"version":"156.0.8078.79 (a21ce95c24ce3964416f09ae1862f53f319eb4d0-refs/branch-heads/8078@{#1704})"},"message":"ChromeDriver ready for new sessions.","os":{"arch":"x86_64","name":"Linux","version":"6.18.44"},"ready":true}}`
	chromedriverRoot   = `{"value":{"error":"unknown command","message":"unknown command: unknown command: ","stacktrace":"#0 0x555733592aae \u003Cunknown>\n"}}`
	// As the named projects' documentation and sources have them.
	oldChromedriver = `{"sessionId":"","status":0,"value":{"build":{"version":"2.46.628388"},"os":{"arch":"x86_64","name":"Linux","version":"4.9"}}}`
	geckodriver     = `{"value":{"message":"","ready":true}}`
	geckodriverBusy = `{"value":{"message":"Session already started","ready":false}}`
	geckodriverRoot = `{"value":{"error":"unknown command","message":"GET / did not match a known command","stacktrace":""}}`
	geckodriverNo   = `{"error":"unknown error","message":"Invalid Host header 192.0.2.1:4444","stacktrace":""}`
	selenium3       = `{"status":0,"value":{"ready":true,"message":"Hub has capacity","build":{"revision":"63f7b50","time":"2018-02-07T22:42:28.403Z","version":"3.9.1"},"os":{"arch":"amd64","name":"Linux","version":"4.9.93"},"java":{"version":"1.8.0_181"}}}`
	selenium4       = `{"value":{"ready":true,"message":"Selenium Grid ready.","nodes":[{"id":"48cf9365","uri":"http:\u002f\u002f172.19.0.3:5555","maxSessions":3,"osInfo":{"arch":"amd64","name":"Linux","version":"5.10"},"availability":"UP","version":"4.2.2 (revision 683ccb65d6)","slots":[]},{"id":"2","osInfo":null,"version":null}]}}`
	selenium4Empty  = `{"value":{"ready":false,"message":"Selenium Grid not ready.","nodes":[]}}`
	appium          = `{"value":{"ready":true,"message":"The server is ready to accept new connections","build":{"version":"2.0.0"}}}`
)

func TestParseWebDriver(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		body string
		want *WebDriver
	}{
		{chromedriverStatus, &WebDriver{Ready: &yes, Message: "ChromeDriver ready for new sessions.", OS: "Linux", Kind: "chromedriver",
			Version: "156.0.8078.79 (a21ce95c24ce3964416f09ae1862f53f319eb4d0-refs/branch-heads/8078@{#1704})"}},
		{oldChromedriver, &WebDriver{Version: "2.46.628388", OS: "Linux", Kind: "chromedriver"}},
		{chromedriverRefusal, &WebDriver{Message: chromedriverRefusal, Kind: "chromedriver"}},
		{geckodriver, &WebDriver{Ready: &yes, Kind: "geckodriver"}},
		{geckodriverBusy, &WebDriver{Ready: &no, Message: "Session already started", Kind: "geckodriver"}},
		{geckodriverNo, &WebDriver{Message: "Invalid Host header 192.0.2.1:4444", Kind: "geckodriver"}},
		{`{"value":` + geckodriverNo + `}`, &WebDriver{Message: "Invalid Host header 192.0.2.1:4444", Kind: "geckodriver"}},
		{selenium3, &WebDriver{Ready: &yes, Message: "Hub has capacity", Version: "3.9.1", OS: "Linux", Kind: "selenium"}},
		{selenium4, &WebDriver{Ready: &yes, Message: "Selenium Grid ready.", Version: "4.2.2 (revision 683ccb65d6)", OS: "Linux", Kind: "selenium", Nodes: 2}},
		{selenium4Empty, &WebDriver{Ready: &no, Message: "Selenium Grid not ready.", Kind: "selenium"}},
		{appium, &WebDriver{Ready: &yes, Message: "The server is ready to accept new connections", Version: "2.0.0", Kind: "other"}},
		{chromedriverRoot, nil}, {geckodriverRoot, nil}, {"", nil}, {"{}", nil}, {`{"value":null}`, nil}, {`{"value":{"ready":"yes"}}`, nil},
		{`{"value":{"ready":null}}`, nil}, {`{"status":"ok"}`, nil}, {`{"value":{"build":{}}}`, nil}, {`{"value":{"build":1,"os":2}}`, nil},
	} {
		assert.Equal(t, c.want, parseWebDriver([]byte(c.body)), "%.60s", c.body)
	}
	assert.Equal(t, "geckodriver", (&WebDriver{Kind: "geckodriver"}).Summary())
}

func TestWebDriver(t *testing.T) {
	js := func(body string) string { return raw("200 OK", jsonType, body) }
	refused := raw("403 Forbidden", "Content-Type:text/plain\r\n", chromedriverRefusal)
	for _, c := range []struct {
		name  string
		hint  string
		pages map[string]string
		asked []string
		kind  string
	}{
		{"chromedriver on its port", "webdriver", map[string]string{pathWebDriver: js(chromedriverStatus)}, []string{pathWebDriver}, "chromedriver"},
		{"chromedriver elsewhere", "", map[string]string{"/": raw("404 Not Found", jsonType, chromedriverRoot), pathWebDriver: js(chromedriverStatus)}, []string{"/", pathWebDriver}, "chromedriver"},
		{"chromedriver that refuses us", "", map[string]string{"/": refused, pathWebDriver: refused}, []string{"/", pathWebDriver}, "chromedriver"},
		{"geckodriver", "", map[string]string{"/": raw("404 Not Found", jsonType, geckodriverRoot), pathWebDriver: js(geckodriver)}, []string{"/", pathWebDriver}, "geckodriver"},
		{"grid 4", "", map[string]string{"/": raw("302 Found", "Location: /ui\r\n", ""), "/ui": htmlPage("<title>Selenium Grid</title>"), pathWebDriver: js(selenium4)}, []string{"/", "/ui", pathWebDriver}, "selenium"},
		{"grid 3", "webdriver", map[string]string{pathSelenium3: js(selenium3)}, []string{pathWebDriver, pathSelenium3}, "selenium"},
		{"grid 3 elsewhere", "", map[string]string{"/": htmlPage("<title>Selenium Grid Hub v.3.9.1</title>"), pathSelenium3: js(selenium3)}, []string{"/", pathWebDriver, pathSelenium3}, "selenium"},
		{"a site on that port", "webdriver", map[string]string{"/": htmlPage("<title>t</title>")}, []string{pathWebDriver, pathSelenium3, "/", "/favicon.ico"}, ""},
		{"a site with its own status", "webdriver", map[string]string{"/": htmlPage("<title>t</title>"), pathWebDriver: js(`{"status":"up"}`)}, []string{pathWebDriver, "/", "/favicon.ico"}, ""},
		{"a site about it", "", map[string]string{"/": htmlPage("<title>Selenium supplements</title>")}, []string{"/", pathWebDriver, pathSelenium3, "/favicon.ico"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeWeb{pages: c.pages, other: notFound}
			d, err := f.ask(t, Options{}, hinted(c.hint))
			require.NoError(t, err)
			assert.Equal(t, c.asked, f.paths())
			if c.kind == "" {
				assert.IsType(t, &HTTP{}, d)
				return
			}
			require.IsType(t, &WebDriver{}, d)
			assert.Equal(t, c.kind, d.(*WebDriver).Kind)
		})
	}
}

func FuzzParseWebDriver(f *testing.F) {
	for _, seed := range []string{chromedriverStatus, chromedriverRoot, chromedriverRefusal, oldChromedriver, geckodriver, geckodriverNo, selenium3, selenium4, appium, "[]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := parseWebDriver(data)
		if d == nil {
			return
		}
		if len(d.Message) > 512 || len(d.Version) > 512 || len(d.OS) > 512 || d.Nodes < 0 || d.Nodes > maxJSON || d.Kind == "" {
			t.Fatalf("%+v", d)
		}
	})
}
