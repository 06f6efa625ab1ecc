package probe

// HTTPProxy is a web server that shows itself as a forward proxy without being asked to forward anything.
type HTTPProxy struct {
	StatusCode   int    `json:"status_code" expr:"status_code"`
	Server       string `json:"server" expr:"server"`
	Via          string `json:"via" expr:"via"`
	Authenticate string `json:"authenticate" expr:"authenticate"` // Proxy-Authenticate
	Error        string `json:"error" expr:"error"`               // X-Squid-Error, or the proxy's own error name
	Software     string `json:"software" expr:"software"`         // "squid", "tinyproxy", "privoxy", "3proxy", ...
	Access       string `json:"access" expr:"access"`             // "auth" (407), "denied" (403), "unknown"
}

func newHTTPProxy() Details { return new(HTTPProxy) }

// Protocol implements Details.
func (*HTTPProxy) Protocol() string { return "http-proxy" }

// Names implements Details.
func (d *HTTPProxy) Names() []Name { return nil }

// Summary implements Details.
func (d *HTTPProxy) Summary() string { return d.Server }
