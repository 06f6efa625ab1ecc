package ledger

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
)

// Cut says what was left out of a host so that its evidence keeps within Options.EvidenceBytes.
type Cut int

// The cuts, from none to the hardest. Each leaves out what those before it leave out.
const (
	Whole    Cut = iota // nothing
	Spoken              // services that no trait speaks of
	Bare                // what the services said: their ports, protocols and how they ended are left
	Values              // the services, and of the traits all but rule, group, weight and values
	Quoted              // all but eight values of each trait, of 256 bytes each
	RuleOnly            // all but address, time, customer, verdict and the names of 64 rules
)

// body is evidence as it is stored: the JSON of a host, schema netschouw.host/v1, as zlib (RFC 1950), which the sqlite3
// shell unpacks with sqlar_uncompress.
type body struct {
	cut    Cut
	size   int // of the JSON
	sha256 [sha256.Size]byte
	packed []byte
}

// body writes a host within the limit, cut as little as that allows, but at least as from says.
func (p *packer) body(f *checks.Finding, from Cut) (*body, error) {
	for cut := from; cut <= RuleOnly; cut++ {
		text, err := json.Marshal(reduce(*f, cut))
		if err != nil {
			return nil, fmt.Errorf("evidence of %s: %w", f.Address, err)
		}
		if len(text) > p.limit {
			continue
		}
		packed, err := p.pack(text)
		return &body{cut, len(text), sha256.Sum256(text), packed}, err
	}
	return nil, fmt.Errorf("evidence of %s does not fit in %d bytes: the customer's name and tags are too long", f.Address, p.limit)
}

// reduce leaves out what a cut leaves out. The original is not changed.
func reduce(f checks.Finding, cut Cut) checks.Finding {
	if cut >= Spoken {
		f.Services = spokenOf(f)
	}
	if cut >= Bare {
		services := make([]probe.Service, len(f.Services))
		for i, s := range f.Services {
			services[i] = probe.Service{Port: s.Port, Transport: s.Transport, Protocol: s.Protocol, Status: s.Status, Connections: s.Connections}
		}
		f.Services = services
	}
	if cut < Values {
		return f
	}
	f.Services = nil
	if cut >= Quoted {
		f.DNSNames, f.Network.PTR = first(f.DNSNames, 8), first(f.Network.PTR, 8)
	}
	if cut >= RuleOnly {
		f.DNSNames, f.Network.PTR, f.Reason, f.Ports, f.Traits = nil, nil, "", nil, first(f.Traits, 64)
	}
	traits := make([]checks.Trait, len(f.Traits))
	for i, t := range f.Traits {
		traits[i] = checks.Trait{Rule: t.Rule, Group: t.Group, Weight: t.Weight, Counted: t.Counted, Hard: t.Hard, Basis: t.Basis}
		switch cut {
		case Values:
			traits[i].Evidence = t.Evidence
		case Quoted:
			traits[i].Evidence = quoted(first(t.Evidence, 8))
		default:
			traits[i].Rule, traits[i].Group = clip(t.Rule, 128), clip(t.Group, 32)
		}
	}
	f.Traits = traits
	return f
}

// spokenOf are the services of the ports that the evidence of a trait names.
func spokenOf(f checks.Finding) []probe.Service {
	ports := map[uint16]bool{}
	for _, t := range f.Traits {
		for _, e := range t.Evidence {
			ports[e.Port] = true
		}
	}
	var spoken []probe.Service
	for _, s := range f.Services {
		if ports[s.Port] {
			spoken = append(spoken, s)
		}
	}
	return spoken
}

func quoted(list []checks.Evidence) []checks.Evidence {
	list = slices.Clone(list)
	for i, e := range list {
		list[i] = checks.Evidence{Port: e.Port, Field: clip(e.Field, 64), Value: clip(e.Value, 256)}
	}
	return list
}

func first[T any](list []T, n int) []T { return list[:min(n, len(list)):min(n, len(list))] }

// clip is the first n bytes of s; a letter that is cut in two becomes U+FFFD in the JSON.
func clip(s string, n int) string { return s[:min(n, len(s))] }

// packer makes bodies. Its compressor, which is larger than what it packs, is made once.
type packer struct {
	limit int // bytes of a body before packing
	zip   *zlib.Writer
	out   bytes.Buffer
}

func newPacker(limit int) *packer {
	p := &packer{limit: limit}
	p.zip = zlib.NewWriter(&p.out)
	return p
}

func (p *packer) pack(text []byte) ([]byte, error) {
	p.out.Reset()
	p.zip.Reset(&p.out)
	_, err := p.zip.Write(text)
	if err := errors.Join(err, p.zip.Close()); err != nil {
		return nil, err
	}
	return bytes.Clone(p.out.Bytes()), nil
}

// maxBody bounds what is unpacked, whatever the file says; far more than Options.EvidenceBytes needs.
const maxBody = 64 << 20

// unpack is the JSON of a stored body. It fails when the text is not the one whose SHA-256 was stored with it.
func unpack(packed []byte, size int, want []byte) ([]byte, error) {
	if size < 0 || size > maxBody {
		return nil, fmt.Errorf("a size of %d bytes is impossible", size)
	}
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(size)+1))
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(text); len(text) != size || !bytes.Equal(sum[:], want) {
		return nil, errors.New("the text does not have the SHA-256 that was stored with it")
	}
	return text, nil
}
