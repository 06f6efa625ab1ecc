package probe

// Kubernetes is what a Kubernetes API server or kubelet answers to GET /version.
type Kubernetes struct {
	Version  string `json:"version" expr:"version"` // gitVersion; "" when it asks for a log-in first
	Platform string `json:"platform" expr:"platform"`
	Access   string `json:"access" expr:"access"` // "open", or "auth" (401, 403)
}

func newKubernetes() Details { return new(Kubernetes) }

// Protocol implements Details.
func (*Kubernetes) Protocol() string { return "kubernetes" }

// Names implements Details.
func (d *Kubernetes) Names() []Name { return nil }

// Summary implements Details.
func (d *Kubernetes) Summary() string { return "Kubernetes " + d.Version }
