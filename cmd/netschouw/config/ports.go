package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/netschouw/netschouw/checks/probe"
)

// Ports is the set of TCP ports that a sweep tries, with the words that named it.
type Ports struct {
	words []string
	list  []uint16
}

// defaultPorts is what `ports: default` means: where the things of the advisory live by habit, and where ordinary
// services live that tell what a host is for. A test keeps it in step with the probe registry: each protocol's first
// port is here. Names are IANA's service names, with what is found there in practice where that differs.
var defaultPorts = []uint16{
	22,    // ssh
	25,    // smtp
	80,    // http
	110,   // pop3
	143,   // imap
	443,   // https
	465,   // submissions
	587,   // submission
	993,   // imaps
	995,   // pop3s
	1080,  // socks
	2222,  // EtherNet-IP-1: ssh that was moved, DirectAdmin
	2375,  // docker
	2376,  // docker-s
	3000,  // hbci: panels of Node, Grafana, browserless
	3128,  // ndl-aas: squid
	4444,  // krb524: Selenium
	5000,  // commplex-main: panels of Flask
	6379,  // redis
	6443,  // sun-sr-https: Kubernetes
	8000,  // irdmi: panels of Django
	8080,  // http-alt
	8443,  // pcsync-https: Plesk, panels
	8888,  // ddi-tcp-1: panels, proxies
	9222,  // teamcoherence: Chrome's remote debugging
	9515,  // unassigned: chromedriver
	27017, // unassigned: MongoDB
	27018, // unassigned: MongoDB shard
}

// DefaultPorts is the meaning of `ports: default`.
func DefaultPorts() Ports {
	return Ports{words: []string{"default"}, list: slices.Clone(defaultPorts)}
}

// ParsePorts reads numbers, ranges a-b, and names: default, all, or a protocol that netschouw can identify, which
// stands for that protocol's usual ports. The result is sorted and has no number twice.
func ParsePorts(words []string) (Ports, error) {
	p := Ports{words: slices.Clone(words)}
	for _, w := range words {
		list, err := parsePort(w)
		if err != nil {
			return Ports{}, err
		}
		p.list = append(p.list, list...)
	}
	slices.Sort(p.list)
	p.list = slices.Compact(p.list)
	if len(p.list) == 0 {
		return Ports{}, fault("write default, or a list such as [25, 80, 8000-8100]", "no port is named")
	}
	return p, nil
}

func parsePort(word string) ([]uint16, error) {
	if word == "" || word[0] < '0' || word[0] > '9' {
		return namedPorts(word)
	}
	first, last, isRange := strings.Cut(word, "-")
	lo, err := portNumber(first)
	if err != nil {
		return nil, err
	}
	hi := lo
	if isRange {
		if hi, err = portNumber(last); err != nil {
			return nil, err
		}
	}
	if lo > hi {
		return nil, fault("did you mean "+last+"-"+first+"?", "port range %s runs backwards", word)
	}
	list := make([]uint16, 0, int(hi)-int(lo)+1)
	for n := int(lo); n <= int(hi); n++ {
		list = append(list, uint16(n))
	}
	return list, nil
}

func portNumber(s string) (uint16, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 32)
	if err != nil || n < 1 || n > 65535 {
		return 0, fault("write a number from 1 to 65535, a range such as 8000-8100, or a name", "%q is not a port", s)
	}
	return uint16(n), nil
}

func namedPorts(name string) ([]uint16, error) {
	switch name {
	case "default":
		return defaultPorts, nil
	case "all":
		return parsePort("1-65535")
	}
	if p, ok := probe.ByName(name); ok {
		return slices.Concat(p.Ports, p.TLSPorts), nil
	}
	names := []string{"default", "all"}
	for _, p := range probe.Protocols() {
		names = append(names, p.Name)
	}
	return nil, fault(didYouMean(name, names), "%q is not a port, a range or a known name", name)
}

// List returns the ports in ascending order. Callers may change it.
func (p Ports) List() []uint16 { return slices.Clone(p.list) }

func (p Ports) String() string { return strings.Join(p.words, ", ") }
