package probe

import "strings"

// Kubernetes is what a Kubernetes API server or kubelet answers to GET /version.
type Kubernetes struct {
	Version  string `json:"version" expr:"version"` // gitVersion; "" when it asks for a log-in first
	Platform string `json:"platform" expr:"platform"`
	Access   string `json:"access" expr:"access"` // to /version, which most clusters show to all: "open", or "auth" (401, 403)
}

func newKubernetes() Details { return new(Kubernetes) }

// Protocol implements Details.
func (*Kubernetes) Protocol() string { return "kubernetes" }

// Names implements Details.
func (d *Kubernetes) Names() []Name { return nil }

// Summary implements Details.
func (d *Kubernetes) Summary() string { return strings.TrimSpace("Kubernetes " + d.Version) }

// askKubernetes asks /version.
func (w *webClient) askKubernetes() (Details, error) {
	a, err := w.get(pathVersion)
	if a == nil {
		return nil, err
	}
	if d := parseKubernetes(a.status, a.body); d != nil {
		return d, nil
	}
	if a.status == 401 && strings.TrimSpace(clip(string(a.body), 32)) == "Unauthorized" && isNode(w.TLS) {
		return &Kubernetes{Access: "auth"}, nil
	}
	return nil, err
}

// parseKubernetes reads an answer to /version; nil when it is not one.
func parseKubernetes(status int, body []byte) *Kubernetes {
	o := object(body)
	switch {
	case status == 200 && str(o, "gitVersion") != "" && str(o, "major") != "":
		return &Kubernetes{Version: str(o, "gitVersion"), Platform: str(o, "platform"), Access: "open"}
	case (status == 401 || status == 403) && str(o, "kind") == "Status" && str(o, "apiVersion") == "v1":
		return &Kubernetes{Access: "auth"}
	}
	return nil
}

// isNode tells whether a certificate is a kubelet's: one that it made itself ("name@1700000000" by "name-ca@1700000000"), or one that the
// cluster signed for "system:node:name". Its answers to strangers say nothing else of it.
func isNode(t *TLS) bool {
	if t == nil {
		return false
	}
	if strings.HasPrefix(t.Subject, "system:node:") {
		return true
	}
	name, made, ok := strings.Cut(t.Subject, "@")
	_, isTime := digits(made, 10)
	return ok && isTime && strings.HasPrefix(t.Issuer, name+"-ca@")
}

// suggestsKubernetes tells whether the root of a port is an API server's: it refuses it, or lists its paths, in JSON.
func suggestsKubernetes(a *answer) bool {
	o := object(a.body)
	if str(o, "kind") == "Status" && str(o, "apiVersion") == "v1" {
		return true
	}
	return a.status == 200 && strings.HasPrefix(strings.TrimSpace(string(o["paths"])), "[") && strings.Contains(string(o["paths"]), `"/apis`)
}
