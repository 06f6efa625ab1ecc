package probe

// Docker is what a Docker Engine API answers to GET /_ping and /version.
type Docker struct {
	Version    string `json:"version" expr:"version"`
	APIVersion string `json:"api_version" expr:"api_version"`
	OS         string `json:"os" expr:"os"`
}

func newDocker() Details { return new(Docker) }

// Protocol implements Details.
func (*Docker) Protocol() string { return "docker" }

// Names implements Details.
func (d *Docker) Names() []Name { return nil }

// Summary implements Details.
func (d *Docker) Summary() string { return "Docker " + d.Version }
