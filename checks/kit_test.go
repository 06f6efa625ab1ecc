package checks

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/netinfo"
)

// The parts from which tests build hosts, each as a probe would have seen it.

func service(port uint16, d probe.Details) probe.Service {
	return probe.Service{Port: port, Transport: "tcp", Protocol: d.Protocol(), Status: probe.StatusOK, Details: d, Connections: 1}
}

func inTLS(s probe.Service, selfMade bool, names ...string) probe.Service {
	s.TLS = &probe.TLS{Version: "TLS 1.3", SHA256: "00", Names: names, NameCount: len(names), Issuer: "R11", SelfIssued: selfMade}
	return s
}

func hostOf(parts ...[]probe.Service) *Host {
	h := &Host{Address: netip.MustParseAddr("192.0.2.10"), ObservedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	for _, p := range parts {
		h.Services = append(h.Services, p...)
	}
	return h
}

func ssh() []probe.Service {
	return []probe.Service{service(22, &probe.SSH{Version: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3", Software: "OpenSSH_9.2p1 Debian-2+deb12u3"})}
}

func web(domain string, words ...probe.Word) []probe.Service {
	page := func() *probe.HTTP {
		return &probe.HTTP{StatusCode: 200, Server: "nginx", Title: domain, Words: words, Hosts: []string{"www." + domain}}
	}
	return []probe.Service{service(80, page()), inTLS(service(443, page()), false, domain, "www."+domain)}
}

// mail is postfix and dovecot for a domain.
func mail(selfMade bool, domains ...string) []probe.Service {
	greeting := "mx." + domains[0]
	last := "mail." + domains[len(domains)-1]
	return []probe.Service{
		inTLS(service(25, &probe.SMTP{Greeting: greeting + " ESMTP Postfix", Host: greeting}), selfMade, greeting),
		service(143, &probe.IMAP{Greeting: "Dovecot ready."}),
		inTLS(service(993, &probe.IMAP{Greeting: "Dovecot ready."}), selfMade, last),
	}
}

func store() []probe.Service {
	return []probe.Service{service(27017, &probe.MongoDB{Version: "7.0.5", MaxWireVersion: 21, Kind: "mongod"})}
}

func browser(major, agent int, agentOS string) []probe.Service {
	return []probe.Service{service(9222, &probe.CDP{Browser: fmt.Sprintf("Chrome/%d.0.6367.60", major), Major: major,
		UserAgent: fmt.Sprintf("Mozilla/5.0 Chrome/%d.0.0.0", agent), AgentMajor: agent, AgentOS: agentOS})}
}

// plainBrowser is a browser as it is started without a thought; spoofedBrowser pretends to be another.
func plainBrowser() []probe.Service   { return browser(124, 124, "linux") }
func spoofedBrowser() []probe.Service { return browser(124, 109, "windows") }

func selenium() []probe.Service {
	return []probe.Service{service(4444, &probe.WebDriver{Kind: "selenium", Message: "Selenium Grid ready."})}
}

func proxies(n int) (list []probe.Service) {
	for i := range n {
		list = append(list, service(uint16(20000+i), &probe.SOCKS5{Method: "password"}))
	}
	return list
}

func squid() []probe.Service {
	return []probe.Service{service(3128, &probe.HTTPProxy{StatusCode: 403, Server: "squid/5.7", Software: "squid", Access: "denied"})}
}

func seenIn(place string, words ...string) (list []probe.Word) {
	for _, w := range words {
		list = append(list, probe.Word{Word: w, In: place, Excerpt: "... " + w + " ..."})
	}
	return list
}

func panel() []probe.Service {
	s := web("panel.test", seenIn("page", "brigadir", "souls", "thoughts")...)
	return s[1:]
}

func tagged(h *Host, tags ...string) *Host {
	h.Owner = &netinfo.Owner{Customer: "C1042", Tags: tags, Range: netip.MustParsePrefix("192.0.2.0/24")}
	return h
}

// named gives the host a reverse name.
func named(h *Host, ptr string) *Host {
	h.Network.PTR = []string{ptr}
	return h
}

// redirecting is a web server that sends everybody away.
func redirecting(to string) []probe.Service {
	return []probe.Service{service(80, &probe.HTTP{StatusCode: 301, Server: "nginx", Redirects: []string{to}})}
}
