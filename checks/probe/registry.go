package probe

import "fmt"

// Protocol is one entry of the registry.
type Protocol struct {
	// Name is how rules, reports and documentation call the protocol.
	Name string
	// Ports are the port numbers on which this protocol is asked for first. A hint, never a condition.
	Ports []uint16
	// TLSPorts are the port numbers on which it is asked for first inside TLS.
	TLSPorts []uint16
	// ServerFirst says that the server speaks first (a greeting), so that a client waits before it asks.
	ServerFirst bool
	// Recognise tells whether the first bytes of a peer (a greeting, or its answer to another protocol's question)
	// give this protocol away. nil when no bytes do. It is pure and must not keep the slice.
	Recognise func(first []byte) bool
	// New returns empty details, for decoding and for the type check of rules.
	New func() Details
	// Ask holds the handshake on an open connection. For a ServerFirst protocol the greeting has not been consumed
	// (Peek may have seen it). It returns what was learnt even beside an error; nil details mean "not this protocol".
	Ask func(*Session) (Details, error)
}

// protocols is the one list of what netschouw can identify, in the order in which first bytes are recognised.
// Flag help, rule checking and docs are derived from it.
var protocols = mustRegister(
	Protocol{Name: "smtp", Ports: []uint16{25, 587, 2525}, TLSPorts: []uint16{465}, ServerFirst: true, Recognise: isSMTP, New: newSMTP, Ask: askSMTP},
	Protocol{Name: "imap", Ports: []uint16{143}, TLSPorts: []uint16{993}, ServerFirst: true, Recognise: isIMAP, New: newIMAP, Ask: askIMAP},
	Protocol{Name: "pop3", Ports: []uint16{110}, TLSPorts: []uint16{995}, ServerFirst: true, Recognise: isPOP3, New: newPOP3, Ask: askPOP3},
	Protocol{Name: "ssh", Ports: []uint16{22, 2222}, ServerFirst: true, Recognise: isSSH, New: newSSH, Ask: askSSH},
	Protocol{Name: "http", Ports: []uint16{80, 3000, 5000, 8000, 8080, 8888}, TLSPorts: []uint16{443, 4443, 8443, 9443}, Recognise: isHTTP, New: newHTTP, Ask: askHTTP},
	Protocol{Name: "cdp", Ports: []uint16{9222, 9223, 9229}, New: newCDP, Ask: askHTTP},
	Protocol{Name: "webdriver", Ports: []uint16{4444, 9515}, New: newWebDriver, Ask: askHTTP},
	Protocol{Name: "http-proxy", Ports: []uint16{3128, 8118}, New: newHTTPProxy, Ask: askHTTP},
	Protocol{Name: "docker", Ports: []uint16{2375}, TLSPorts: []uint16{2376}, New: newDocker, Ask: askHTTP},
	Protocol{Name: "kubernetes", TLSPorts: []uint16{6443, 10250}, New: newKubernetes, Ask: askHTTP},
	Protocol{Name: "mongodb", Ports: []uint16{27017, 27018, 27019}, Recognise: isMongoDB, New: newMongoDB, Ask: askMongoDB},
	Protocol{Name: "redis", Ports: []uint16{6379}, Recognise: isRedis, New: newRedis, Ask: askRedis},
	Protocol{Name: "socks5", Ports: []uint16{1080, 9050}, New: newSOCKS5, Ask: askSOCKS5},
)

func mustRegister(list ...Protocol) []Protocol {
	seen := make(map[string]bool, len(list))
	for _, p := range list {
		if p.Name == "" || seen[p.Name] {
			panic(fmt.Sprintf("probe: protocol name %q is empty or taken twice", p.Name))
		}
		seen[p.Name] = true
	}
	return list
}

// Protocols returns the registry in order. Callers must not change it.
func Protocols() []Protocol { return protocols }

// ByName returns the registry's entry of that name.
func ByName(name string) (Protocol, bool) {
	for _, p := range protocols {
		if p.Name == name {
			return p, true
		}
	}
	return Protocol{}, false
}
