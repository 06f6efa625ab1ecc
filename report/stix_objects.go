package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/netschouw/netschouw/checks/probe"
)

// The objects of STIX 2.1 that netschouw writes, with the keys of the specification.

// stixObject is any object of a bundle.
type stixObject interface{ id() string }

// stixHead is what every object has.
type stixHead struct {
	Type string `json:"type"`
	Spec string `json:"spec_version"`
	ID   string `json:"id"`
}

func (h stixHead) id() string { return h.ID }

// stixDomain is what domain objects (SDO) and relationships (SRO) have in common.
type stixDomain struct {
	stixHead
	By         string `json:"created_by_ref"`
	Created    string `json:"created"`
	Modified   string `json:"modified"`
	Confidence *int   `json:"confidence,omitempty"` // 0 to 100
}

type stixIdentity struct {
	stixHead
	Created     string `json:"created"`
	Modified    string `json:"modified"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Class       string `json:"identity_class"`
	Contact     string `json:"contact_information"`
}

type stixInfrastructure struct {
	stixDomain
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Types       []string `json:"infrastructure_types"`
}

type stixObserved struct {
	stixDomain
	First  string   `json:"first_observed"`
	Last   string   `json:"last_observed"`
	Number int      `json:"number_observed"`
	Refs   []string `json:"object_refs"`
}

type stixSighting struct {
	stixDomain
	First    string   `json:"first_seen"`
	Last     string   `json:"last_seen"`
	Count    int      `json:"count"`
	Of       string   `json:"sighting_of_ref"`
	Observed []string `json:"observed_data_refs"`
	Where    []string `json:"where_sighted_refs"`
}

type stixRelationship struct {
	stixDomain
	Kind   string `json:"relationship_type"`
	Source string `json:"source_ref"`
	Target string `json:"target_ref"`
}

type stixNote struct {
	stixDomain
	Abstract string   `json:"abstract"`
	Content  string   `json:"content"`
	Refs     []string `json:"object_refs"`
}

// stixSpace is the namespace that the specification (section 2.9) gives for the ids of observables (SCO).
var stixSpace = uuid{0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c, 0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7}

// observable makes the head of an observable. Its id is the UUID of version 5 of the properties that the specification
// names for its type, as canonical JSON (RFC 8785): everybody who writes the observable gives it the same id. The
// properties here hold printable ASCII and small numbers only, so that sorted keys without spaces or HTML escapes are
// that form.
func observable(kind string, contributing map[string]any) stixHead {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(contributing) // cannot fail: strings, numbers and maps of them
	canonical := strings.TrimSuffix(text.String(), "\n")
	return stixHead{kind, "2.1", kind + "--" + uuid5(stixSpace, canonical).String()}
}

// stixValue is an address or a name.
type stixValue struct {
	stixHead
	Value string `json:"value"`
}

func newValue(kind, value string) stixValue {
	return stixValue{observable(kind, map[string]any{"value": value}), value}
}

type stixCertificate struct {
	stixHead
	Hashes    map[string]string `json:"hashes"`
	Issuer    string            `json:"issuer,omitempty"`
	Subject   string            `json:"subject,omitempty"`
	NotBefore string            `json:"validity_not_before,omitempty"`
	NotAfter  string            `json:"validity_not_after,omitempty"`
}

// newCertificate describes a certificate by its hash. Whether it is self-signed is left out: nobody checked the
// signature.
func newCertificate(t *probe.TLS) stixCertificate {
	hashes := map[string]string{"SHA-256": t.SHA256}
	return stixCertificate{observable("x509-certificate", map[string]any{"hashes": hashes}), hashes,
		words(t.Issuer, 256), words(t.Subject, 256), stixDate(t.NotBefore), stixDate(t.NotAfter)}
}

// stixDate is a time that a host told; "" for one that STIX cannot write.
func stixDate(t time.Time) string {
	if t = t.UTC(); t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return ""
	}
	return t.Format(stixTime)
}

type stixTraffic struct {
	stixHead
	Target    string   `json:"dst_ref"`
	Port      uint16   `json:"dst_port"`
	Protocols []string `json:"protocols"`
}

// spoken are the names of protocols in the registry of service names (RFC 6335), by our own. Whatever speaks over HTTP is
// HTTP there.
var spoken = map[string]string{
	"smtp": "smtp", "imap": "imap", "pop3": "pop3", "ssh": "ssh", "http": "http", "cdp": "http", "webdriver": "http", "http-proxy": "http",
	"docker": "http", "kubernetes": "http", "mongodb": "mongodb", "redis": "redis", "socks5": "socks",
}

// newTraffic is the conversation with a service, its protocols from the outermost in.
func newTraffic(to stixValue, s *probe.Service) stixTraffic {
	protocols := []string{strings.TrimSuffix(to.Type, "-addr"), "tcp"}
	if s.TLS != nil {
		protocols = append(protocols, "tls")
	}
	if name := spoken[s.Protocol]; name != "" {
		protocols = append(protocols, name)
	}
	head := observable("network-traffic", map[string]any{"dst_ref": to.ID, "dst_port": s.Port, "protocols": protocols})
	return stixTraffic{head, to.ID, s.Port, protocols}
}
