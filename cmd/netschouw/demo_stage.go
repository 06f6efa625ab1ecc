package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/netschouw/netschouw/cmd/netschouw/config"
	"github.com/netschouw/netschouw/fixtures/fleet"
	"github.com/netschouw/netschouw/fixtures/fleet/dns"
	"github.com/netschouw/netschouw/fixtures/mmdb"
)

// What the demo's provider is called: numbers of RFC 5398, names of RFC 2606.
const (
	demoASN = 64500
	demoOrg = "Voorbeeld Hosting B.V."
)

// highPorts is added to every port where the real ones cannot be had.
const highPorts = 20000

// stage is a running demo: the fleet, its name server, and the files of a provider who owns it.
type stage struct {
	folder string
	fleet  *fleet.Fleet
	names  *dns.Server
	ports  []string // for sweep.ports
}

// demoPrefix is the smallest prefix of 127.1.0.0/16 and up that leaves as much silence around the hosts as the
// default fleet has: about seven addresses of ten.
func demoPrefix(hosts int) netip.Prefix {
	bits := 22
	for bits > 8 && 1<<(32-bits) < hosts*10/3 {
		bits--
	}
	return netip.PrefixFrom(netip.MustParseAddr("127.1.0.0"), bits).Masked()
}

// raise starts the fleet and writes the files into a folder that is there.
func raise(ctx context.Context, folder string, seed uint64, hosts int, real bool) (*stage, error) {
	prefix := demoPrefix(hosts)
	conf := fleet.Demo(prefix, seed)
	conf.Hosts = hosts
	s := &stage{folder: folder, ports: []string{"default"}}
	if !real {
		conf.PortOffset = highPorts
		s.ports = nil
		for _, p := range config.DefaultPorts().List() {
			s.ports = append(s.ports, strconv.Itoa(int(p)+highPorts))
		}
	}
	var err error
	if s.fleet, err = fleet.New(conf); err != nil {
		return nil, usage("give more --hosts", "%v", err)
	}
	if err := s.fleet.Start(ctx); err != nil {
		hint := "the demo needs the addresses of 127.0.0.0/8, as Linux has them"
		if errors.Is(err, syscall.EADDRINUSE) {
			hint = "something else listens there: another demo? Wait for its end, or stop it"
		}
		return nil, &failure{err, hint}
	}
	if s.names, err = dns.Start(ctx, "127.0.0.1:0", s.fleet.Zone()); err != nil {
		s.fall()
		return nil, err
	}
	if err := s.write(prefix); err != nil {
		s.fall()
		return nil, err
	}
	return s, nil
}

// fall ends the servers; files stay.
func (s *stage) fall() {
	s.fleet.Close()
	if s.names != nil {
		s.names.Close()
	}
}

func (s *stage) path(name string) string { return filepath.Join(s.folder, name) }

// write makes the files that a provider would have: configuration, customers, databases; and the truth.
func (s *stage) write(prefix netip.Prefix) error {
	if err := mmdb.WriteASN(s.path("asn.mmdb"), []mmdb.ASN{{Prefix: prefix, Number: demoASN, Org: demoOrg}}); err != nil {
		return err
	}
	if err := mmdb.WriteCountry(s.path("country.mmdb"), []mmdb.Country{{Prefix: prefix, Code: "NL", Name: "Netherlands"}}); err != nil {
		return err
	}
	if err := s.fleet.WriteTruth(s.path("truth.jsonl")); err != nil {
		return err
	}
	if err := s.writeCustomers(); err != nil {
		return err
	}
	return os.WriteFile(s.path("netschouw.yaml"), []byte(config.Template(map[string][]string{
		"scope.owned":             {prefix.String()},
		"scope.asns":              {strconv.Itoa(demoASN)},
		"sweep.ports":             s.ports,
		"sweep.rate":              {"unlimited"}, // nobody else is on this network
		"sweep.rate_per_24":       {"unlimited"},
		"identify.contact":        {"https://noc.example.org/netschouw"},
		"identify.ehlo":           {"scan.example.org"},
		"netinfo.resolvers":       {s.names.Addr().String()},
		"netinfo.dns_rate":        {"unlimited"},
		"netinfo.asn_db":          {"asn.mmdb"},
		"netinfo.country_db":      {"country.mmdb"},
		"netinfo.customers":       {"customers.csv"},
		"state":                   {"state"},
		"sweep.timeout.connect":   {"1s"}, // on loopback an answer that takes longer does not come
		"sweep.timeout.handshake": {"2s"},
		"sweep.timeout.host":      {"8s"},
		"sweep.escalate":          {"pages"}, // all ports of a hundred hosts would take minutes; check shows them
		"sweep.rate_per_suspect":  {"unlimited"},
	})), 0o600)
}

func (s *stage) writeCustomers() error {
	f, err := os.OpenFile(s.path("customers.csv"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := s.fleet.WriteCustomers(f); err != nil {
		_ = f.Close() // the first error counts
		return err
	}
	return f.Close()
}

// describe is what the audience is told before the tour.
func (s *stage) describe(real bool, why error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "demo: %d simulated hosts on this machine, real sockets and protocols, files in %s\n", s.fleet.Size(), s.folder)
	if !real {
		fmt.Fprintf(&b, "demo: ports are moved up by %d, because a network of its own is not to be had here: %v\n", highPorts, why)
	}
	return b.String()
}
