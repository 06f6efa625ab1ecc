package checks

import (
	"testing"

	"github.com/netschouw/netschouw/checks/probe"
)

// mix is what a provider's range is like: twenty kinds of benign hosts in equal shares but for the plain web servers,
// and one misused server among a hundred, far more than there will be.
func mix() (hosts []*Host) {
	redis := func() []probe.Service {
		return []probe.Service{service(6379, &probe.Redis{Access: "auth", Reply: "-NOAUTH"})}
	}
	docker := func() []probe.Service {
		return []probe.Service{service(2375, &probe.Docker{Version: "26.1", OS: "linux"})}
	}
	kubernetes := func() []probe.Service { return []probe.Service{service(6443, &probe.Kubernetes{Access: "auth"})} }
	unknown := []probe.Service{{Port: 25565, Transport: "tcp", Protocol: "unknown", Status: probe.StatusUnknown, Banner: "?"}}
	many := web("sites.test")
	for range 90 {
		many[1].TLS.Names = append(many[1].TLS.Names, "customer.example.org")
	}
	blog := web("blog.test", seenIn("page", "taras")...)
	kinds := []*Host{
		hostOf(ssh()), hostOf(ssh(), web("a.test")), hostOf(web("b.test")), hostOf(ssh(), web("c.test"), redis()),
		hostOf(ssh(), mail(false, "d.test"), web("d.test")), hostOf(ssh(), mail(true, "e.test")),
		hostOf(mail(false, "f.test", "g.test"), web("f.test")), hostOf(ssh(), store()), hostOf(ssh(), plainBrowser()),
		hostOf(ssh(), selenium()), hostOf(ssh(), squid()), hostOf(ssh(), proxies(20)), hostOf(ssh(), docker()), hostOf(kubernetes()),
		hostOf(unknown), hostOf(ssh(), many), hostOf(blog), hostOf(ssh(), web("h.test"), store()), hostOf(), hostOf(ssh(), redis(), unknown),
	}
	for i := range 100 {
		h := kinds[i%len(kinds)]
		if i%5 == 4 {
			h = kinds[1]
		}
		if i == 50 {
			h = hostOf(ssh(), mail(true, "first.test", "second.test"), panel(), store(), spoofedBrowser(), proxies(12))
		}
		c := *h
		c.Network.PTR = []string{"static.example.org"}
		if i%2 == 0 {
			tagged(&c, "vps")
		}
		hosts = append(hosts, &c)
	}
	return hosts
}

// BenchmarkAssess is the speed of the shipped pack on one core; the target is 100,000 hosts a second.
func BenchmarkAssess(b *testing.B) {
	rs, p, hosts := load(b), DefaultPolicy(), mix()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		rs.Assess(hosts[n%len(hosts)], p)
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "hosts/s")
}

// BenchmarkLoad is what a start costs.
func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		load(b)
	}
}
