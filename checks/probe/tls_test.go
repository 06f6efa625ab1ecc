package probe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// selfMade is the parsed form of a certificate with that subject.
func selfMade(t *testing.T, subject pkix.Name) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: subject, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

// TestOverlongSubject has a distinguished name as long as a certificate message allows. To write it out takes seconds, which
// is what its owner wants; only its beginning is.
func TestOverlongSubject(t *testing.T) {
	const attributes = 18_000 // some 230 KB of the 256 KiB that a certificate message may have, shared by subject and issuer
	subject := pkix.Name{}
	for range attributes / 2 {
		subject.ExtraNames = append(subject.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 4}, Value: "A"})
	}
	cert := selfMade(t, subject)
	begun := time.Now()
	seen := describe(tls.ConnectionState{Version: tls.VersionTLS13, PeerCertificates: []*x509.Certificate{cert}})
	require.Less(t, time.Since(begun), 250*time.Millisecond)
	require.NotEmpty(t, seen.Subject)
	require.LessOrEqual(t, len(seen.Subject), 256)
	require.Equal(t, seen.Subject, seen.Issuer)
	require.True(t, seen.SelfIssued)
}

func TestSubjectWithoutCommonName(t *testing.T) {
	seen := describe(tls.ConnectionState{PeerCertificates: []*x509.Certificate{selfMade(t, pkix.Name{Organization: []string{"Example, Inc."}, Country: []string{"NL"}})}})
	require.Equal(t, `O=Example\, Inc.,C=NL`, seen.Subject)
}
