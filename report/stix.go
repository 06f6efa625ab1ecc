package report

import (
	"io"
	"strings"

	"github.com/netschouw/netschouw/checks"
)

// stix writes a STIX 2.1 bundle: the provider's identity, and for each host an infrastructure that consists of what was
// observed (addresses, names, certificates, traffic), its sighting by the provider, and a note with the innocent
// explanations. There is no indicator: an address of a customer who may be innocent must not become a pattern that
// others block.
type stix struct {
	array
	opts    Options
	written map[string]bool // ids that are in the bundle: hosts share certificates and names
	ids     []string        // of everything in the bundle, for the bundle's own id
}

func newSTIX(w io.Writer, opts Options) Writer {
	return &stix{array: array{w: w, head: `{"type":"bundle","objects":[`}, opts: opts, written: map[string]bool{}}
}

// stixTime is a timestamp of STIX: UTC, with milliseconds.
const stixTime = "2006-01-02T15:04:05.000Z"

// stixIdentityTime is when the identity was made, and is the same for everybody: an identity's id is made of its three
// values, so that it has one version, and its time says nothing.
const stixIdentityTime = "2026-01-01T00:00:00.000Z"

// Bounds of one host's part of the bundle.
const (
	stixMaxNames    = 64
	stixMaxServices = 256
)

// put writes objects that are not yet in the bundle.
func (s *stix) put(objects ...stixObject) error {
	for _, o := range objects {
		if s.written[o.id()] {
			continue
		}
		s.written[o.id()] = true
		s.ids = append(s.ids, o.id())
		if err := s.add(o); err != nil {
			return err
		}
	}
	return nil
}

// Finding implements Writer.
func (s *stix) Finding(f checks.Finding) error {
	if wanted, err := s.opts.exported(&f); !wanted {
		return err
	}
	if err := s.put(s.identity()); err != nil {
		return err
	}
	return s.put(s.host(&f)...)
}

// Close implements Writer. A run that found nothing leaves the identity, since a bundle needs an object.
func (s *stix) Close(Summary) error {
	if err := s.put(s.identity()); err != nil {
		return err
	}
	return s.end("", "],\"id\":\"bundle--"+id(append([]string{"stix", "bundle"}, s.ids...)...).String()+"\"}\n")
}

// identity is the provider.
func (s *stix) identity() stixIdentity {
	r := s.opts.Reporter
	return stixIdentity{
		stixHead: stixHead{"identity", "2.1", "identity--" + id("stix", "identity", r.Org, r.Contact, r.Domain).String()},
		Created:  stixIdentityTime, Modified: stixIdentityTime,
		Name: r.Org, Class: "organization", Contact: r.Contact, Description: "Operator of " + r.Domain,
	}
}

// host makes the objects of one host. Their ids hold the time of the observation and the rules that judged it: an address
// goes from customer to customer, and what was seen of it later is no new version of what was seen before.
func (s *stix) host(f *checks.Finding) []stixObject {
	address, rules := f.Address.String(), strings.Join(f.Packs, " ")
	domain := func(kind, what string) stixDomain {
		when := f.ObservedAt.UTC().Format(stixTime)
		return stixDomain{stixHead: stixHead{kind, "2.1", kind + "--" + id("stix", s.identity().id(), kind, address, when, rules, what).String()},
			By: s.identity().id(), Created: when, Modified: when}
	}
	observables, links := observe(f, domain)

	infrastructure := stixInfrastructure{stixDomain: domain("infrastructure", ""), Name: address, Description: words(summary(f), 2000), Types: infrastructureTypes(f)}
	confidence := percent(f.Score)
	infrastructure.Confidence = &confidence

	observed := stixObserved{stixDomain: domain("observed-data", ""), Number: 1, Refs: ids(observables)}
	observed.First, observed.Last = observed.Created, observed.Created

	consists := stixRelationship{stixDomain: domain("relationship", "consists-of"), Kind: "consists-of", Source: infrastructure.id(), Target: observed.id()}
	sighting := stixSighting{stixDomain: domain("sighting", ""), First: observed.Created, Last: observed.Created, Count: 1,
		Of: infrastructure.id(), Observed: []string{observed.id()}, Where: []string{s.identity().id()}}

	objects := append(observables, links...)
	objects = append(objects, infrastructure, observed, consists, sighting)
	if why := innocent(f); len(why) > 0 {
		note := stixNote{stixDomain: domain("note", ""), Abstract: "Innocent explanations of what was seen on " + address,
			Content: strings.Join(first(why, 50), "\n"), Refs: []string{infrastructure.id()}}
		objects = append(objects, note)
	}
	return objects
}

// infrastructureTypes are words of the open vocabulary infrastructure-type-ov. A suspect's is unknown.
func infrastructureTypes(f *checks.Finding) []string {
	if f.Verdict != checks.Match {
		return []string{"unknown"}
	}
	types := []string{"botnet"}
	for _, s := range f.Services {
		if s.Protocol == "socks5" || s.Protocol == "http-proxy" {
			return append(types, "anonymization")
		}
	}
	return types
}

func ids(objects []stixObject) []string {
	return each(objects, func(o stixObject) string { return o.id() })
}

// observe makes the observables of a host, and the relationships between them.
func observe(f *checks.Finding, domain func(kind, what string) stixDomain) (observables, links []stixObject) {
	address := newValue(family(f.Address)+"-addr", f.Address.Unmap().String())
	observables = append(observables, address)
	led := distinct(each(f.DNSNames, hostName))
	if ptr := distinct(each(f.Network.PTR, hostName)); len(f.Network.PTR) == 1 && f.Network.PTRConfirmed != nil && *f.Network.PTRConfirmed {
		led = distinct(append(led, ptr...)) // which of several names is the confirmed one is not known
	}
	resolves := map[string]bool{}
	for _, n := range led {
		resolves[n] = true
	}
	for _, n := range first(names(f), stixMaxNames) {
		name := newValue("domain-name", n)
		observables = append(observables, name)
		if resolves[n] {
			links = append(links, stixRelationship{stixDomain: domain("relationship", "resolves-to "+n), Kind: "resolves-to", Source: name.id(), Target: address.id()})
		}
	}
	known := map[string]bool{}
	for i := range f.Services[:min(len(f.Services), stixMaxServices)] {
		service := &f.Services[i]
		if service.TLS != nil && sha256Hex(service.TLS.SHA256) != "" && !known[service.TLS.SHA256] {
			known[service.TLS.SHA256] = true
			observables = append(observables, newCertificate(service.TLS))
		}
		observables = append(observables, newTraffic(address, service))
	}
	return observables, links
}
