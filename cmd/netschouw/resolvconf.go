package main

import (
	"errors"
	"net"

	"github.com/miekg/dns"
)

// resolvConf is where this machine's resolvers are written (resolv.conf(5)).
const resolvConf = "/etc/resolv.conf"

// systemServers reads the resolvers of a resolv.conf.
func systemServers(path string) ([]string, error) {
	conf, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return nil, err
	}
	var servers []string
	for _, s := range conf.Servers {
		servers = append(servers, net.JoinHostPort(s, conf.Port))
	}
	if len(servers) == 0 {
		return nil, errors.New(path + " names none")
	}
	return servers, nil
}
