package probe

import "strings"

// Docker is what a Docker Engine API answers to GET /_ping and /version.
type Docker struct {
	Version    string `json:"version" expr:"version"` // "" when it told /_ping only
	APIVersion string `json:"api_version" expr:"api_version"`
	OS         string `json:"os" expr:"os"`
}

func newDocker() Details { return new(Docker) }

// Protocol implements Details.
func (*Docker) Protocol() string { return "docker" }

// Names implements Details.
func (d *Docker) Names() []Name { return nil }

// Summary implements Details.
func (d *Docker) Summary() string { return strings.TrimSpace("Docker " + d.Version) }

// askDocker asks /_ping, whose answer has the API's version in its header, and if that is an engine's, /version.
func (w *webClient) askDocker() (Details, error) {
	ping, err := w.get(pathPing)
	if ping == nil {
		return nil, err
	}
	d := parsePing(ping)
	if d == nil {
		return nil, nil
	}
	if a, err := w.get(pathVersion); err == nil {
		d.addVersion(a.body)
	}
	return d, nil
}

// parsePing reads the answer to /_ping; nil when it is not that of an engine. Podman's engine answers alike.
func parsePing(a *answer) *Docker {
	api := a.header.get("api-version")
	if a.status != 200 || api == "" || strings.TrimSpace(clip(string(a.body), 8)) != "OK" {
		return nil
	}
	return &Docker{APIVersion: clip(api, 32), OS: clip(a.header.get("ostype"), 32)}
}

func (d *Docker) addVersion(body []byte) {
	o := object(body)
	d.Version = str(o, "Version")
	if api := str(o, "ApiVersion"); api != "" {
		d.APIVersion = api
	}
	if os := str(o, "Os"); os != "" {
		d.OS = os
	}
}

// suggestsDocker tells whether the root of a port may be an engine's: it has no page there, and says so in JSON.
func suggestsDocker(a *answer) bool {
	server := a.header.get("server")
	return strings.HasPrefix(server, "Docker/") || strings.HasPrefix(server, "Libpod/") ||
		a.status == 404 && str(object(a.body), "message") == "page not found"
}
