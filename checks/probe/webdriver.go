package probe

// WebDriver is what a WebDriver server or Selenium grid answers to GET /status (W3C WebDriver section 8.3).
type WebDriver struct {
	Ready   *bool  `json:"ready" expr:"ready"`
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
func (d *WebDriver) Summary() string { return d.Message }
