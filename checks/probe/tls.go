package probe

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"strings"
	"time"
)

// maxNames bounds the names that are kept of one certificate or page; NameCount tells how many there were.
const maxNames = 100

// TLS is what a TLS handshake shows. Hashes are lower-case hexadecimal.
type TLS struct {
	Version   string    `json:"version" expr:"version"` // "TLS 1.3"
	ALPN      string    `json:"alpn,omitempty" expr:"alpn"`
	SHA256    string    `json:"sha256" expr:"sha256"`                       // of the leaf certificate's DER
	SPKI      string    `json:"spki_sha256" expr:"spki_sha256"`             // of the leaf's SubjectPublicKeyInfo (RFC 7469)
	Chain     []string  `json:"chain_sha256,omitempty" expr:"chain_sha256"` // the other certificates sent, at most 8
	Subject   string    `json:"subject" expr:"subject"`                     // common name, else the whole DN; raw
	Issuer    string    `json:"issuer" expr:"issuer"`
	Names     []string  `json:"names" expr:"names"` // DNS SANs, else the common name; lower case; at most 100
	NameCount int       `json:"name_count" expr:"name_count"`
	NotBefore time.Time `json:"not_before" expr:"not_before"`
	NotAfter  time.Time `json:"not_after" expr:"not_after"`
	// SelfIssued says that subject and issuer are the same and there is no chain: a self-made certificate.
	SelfIssued bool `json:"self_issued" expr:"self_issued"`
}

// clientConfig accepts whatever a server has: netschouw identifies certificates and trusts none. X25519 comes first
// because its share is the cheapest; the hybrid ML-KEM share would cost a third of the throughput (docs/benchmarks.md).
func clientConfig(serverName string, alpn []string) *tls.Config {
	return &tls.Config{
		ServerName:             serverName,
		InsecureSkipVerify:     true, //nolint:gosec // identification, not trust
		MinVersion:             tls.VersionTLS10,
		CurvePreferences:       []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		CipherSuites:           allSuites,
		NextProtos:             alpn,
		SessionTicketsDisabled: true,
	}
}

var allSuites = func() (ids []uint16) {
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ids = append(ids, s.ID)
	}
	return ids
}()

func describe(cs tls.ConnectionState) *TLS {
	t := &TLS{Version: tls.VersionName(cs.Version), ALPN: cs.NegotiatedProtocol}
	for i, cert := range cs.PeerCertificates {
		sum := sha256.Sum256(cert.Raw)
		if i == 0 {
			t.SHA256 = hex.EncodeToString(sum[:])
			t.leaf(cert)
		} else if i <= 8 {
			t.Chain = append(t.Chain, hex.EncodeToString(sum[:]))
		}
	}
	t.SelfIssued = len(cs.PeerCertificates) == 1 && string(cs.PeerCertificates[0].RawIssuer) == string(cs.PeerCertificates[0].RawSubject)
	return t
}

func (t *TLS) leaf(cert *x509.Certificate) {
	spki := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	t.SPKI = hex.EncodeToString(spki[:])
	t.Subject, t.Issuer = clip(cert.Subject.CommonName, 256), clip(cert.Issuer.CommonName, 256)
	if t.Subject == "" {
		t.Subject = distinguished(cert.Subject)
	}
	if t.Issuer == "" {
		t.Issuer = distinguished(cert.Issuer)
	}
	t.NotBefore, t.NotAfter = cert.NotBefore.UTC(), cert.NotAfter.UTC()
	names := cert.DNSNames
	if len(names) == 0 && cert.Subject.CommonName != "" {
		names = []string{cert.Subject.CommonName}
	}
	t.NameCount = len(names)
	for _, n := range names[:min(len(names), maxNames)] {
		t.Names = append(t.Names, clip(strings.ToLower(n), 253))
	}
}

// maxAttributesOfDN is how many attributes of a distinguished name are written out; real ones have some ten.
const maxAttributesOfDN = 32

// distinguished is a whole distinguished name (RFC 4514), at most 256 bytes. Of an overlong one only the first attributes
// are looked at: the library's text costs time that grows with the square of their number, and a certificate holds 20,000.
func distinguished(name pkix.Name) string {
	if len(name.Names) > maxAttributesOfDN {
		var first pkix.RDNSequence
		for _, attribute := range name.Names[:maxAttributesOfDN] {
			first = append(first, pkix.RelativeDistinguishedNameSET{attribute})
		}
		name = pkix.Name{}
		name.FillFromRDNSequence(&first)
	}
	return clip(name.String(), 256)
}

// clip bounds a string in bytes.
func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
