package probe

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Status says how the conversation with an open port ended. A service can have details and a status other than OK:
// what was learnt before the end is kept.
type Status string

// The statuses of a conversation.
const (
	StatusOK        Status = "ok"        // the protocol was identified and its handshake came to its end
	StatusUnknown   Status = "unknown"   // the peer sent bytes that no protocol here explains; see Banner
	StatusSilent    Status = "silent"    // the port was open and sent nothing to anything we asked
	StatusTimedOut  Status = "timed-out" // the peer began to answer and then did not go on in time
	StatusTruncated Status = "truncated" // the peer sent more than the byte cap; the rest was not read
	StatusMalformed Status = "malformed" // the answer broke the protocol's own rules
	StatusDeclined  Status = "declined"  // the peer refused what it had itself offered, such as STARTTLS
	StatusReset     Status = "reset"     // the peer ended the conversation in the middle
	StatusGone      Status = "gone"      // open at discovery, but a later connection was refused or timed out
	StatusBudget    Status = "budget"    // the host's connections or its time were used up before the conversation came to its end
	StatusLocal     Status = "local"     // this machine could not go on (cancelled, no descriptors); says nothing of the host
	StatusCrashed   Status = "crashed"   // our own parser panicked; a fault of netschouw, please report it
)

// Service is what one open port turned out to be.
type Service struct {
	Port      uint16
	Transport string // "tcp"
	Protocol  string // a name of the registry, "tls" for an unidentified protocol inside TLS, or "unknown"
	Status    Status
	Error     string  // why Status is not OK; "" when it is
	TLS       *TLS    // nil: not seen. Whether offered and declined is in the details (STARTTLS)
	Banner    string  // the first bytes of the peer, at most MaxBanner bytes, raw: clean it where it is shown
	Details   Details // nil when the protocol was not identified; its type is the registry's for Protocol
	// Connections is how many connections this port cost, discovery's included when it was used for the handshake.
	Connections int
}

// Names lists every name that the service said of itself: those of its certificate and those of its details.
func (s *Service) Names() []Name {
	var names []Name
	if s.TLS != nil {
		for _, n := range s.TLS.Names {
			names = append(names, Name{Value: strings.TrimPrefix(n, "*."), In: InCertificate, Port: s.Port})
		}
	}
	if s.Details != nil {
		for _, n := range s.Details.Names() {
			n.Port = s.Port
			names = append(names, n)
		}
	}
	return names
}

// MaxBanner bounds Service.Banner, in bytes.
const MaxBanner = 512

// Details are the facts that one protocol's handshake reveals. Each protocol's type is a pointer to a struct with
// json and expr tags of the same snake_case names; rule conditions use these names.
type Details interface {
	// Protocol is the registry's name of the protocol that the details belong to. One conversation can end in
	// another protocol than it began with: a page asked for over HTTP may turn out to be a DevTools endpoint.
	Protocol() string
	// Names lists the host and domain names that the peer said of itself, with where each was seen.
	Names() []Name
	// Summary is the one line that a report shows as the banner, e.g. "Chrome/124.0.6367.60". It may hold raw bytes.
	Summary() string
}

// Where a Name was seen. Rule packs refer to these words.
const (
	InPTR         = "ptr"
	InCertificate = "certificate"
	InGreeting    = "greeting"
	InPage        = "page"
	InRedirect    = "redirect"
	InDNS         = "dns" // a forward record (A, AAAA, MX) of the name led to the host
)

// Name is a host or domain name seen on a host: lower case, no trailing dot, at most 253 bytes.
type Name struct {
	Value string `json:"value" expr:"value"`
	In    string `json:"in" expr:"in"`
	Port  uint16 `json:"port,omitempty" expr:"port"`
}

// wire is the JSON form of a Service in netschouw.host/v1.
type wire struct {
	Port        uint16          `json:"port"`
	Transport   string          `json:"transport"`
	Protocol    string          `json:"protocol"`
	Status      Status          `json:"status"`
	Error       string          `json:"error,omitempty"`
	TLS         *TLS            `json:"tls"`
	Banner      string          `json:"banner"`
	Fields      json.RawMessage `json:"fields"`
	Connections int             `json:"connections"`
}

// MarshalJSON writes the service with its details under "fields".
func (s Service) MarshalJSON() ([]byte, error) {
	fields := json.RawMessage("{}")
	if s.Details != nil {
		var err error
		if fields, err = json.Marshal(s.Details); err != nil {
			return nil, err
		}
	}
	banner := s.Banner
	if s.Details != nil {
		banner = s.Details.Summary()
	}
	return json.Marshal(wire{s.Port, s.Transport, s.Protocol, s.Status, s.Error, s.TLS, banner, fields, s.Connections})
}

// UnmarshalJSON reads what MarshalJSON wrote; the details take the type that the registry has for the protocol.
func (s *Service) UnmarshalJSON(b []byte) error {
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*s = Service{Port: w.Port, Transport: w.Transport, Protocol: w.Protocol, Status: w.Status, Error: w.Error,
		TLS: w.TLS, Banner: w.Banner, Connections: w.Connections}
	p, ok := ByName(w.Protocol)
	if !ok || len(w.Fields) == 0 {
		return nil
	}
	s.Details = p.New()
	if err := json.Unmarshal(w.Fields, s.Details); err != nil {
		return fmt.Errorf("fields of %s on port %d: %w", w.Protocol, w.Port, err)
	}
	return nil
}
