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

// protocols is the one list of what netschouw can identify, in the order in which an unhinted port is asked.
// Flag help, rule checking and docs are derived from it.
var protocols = mustRegister()

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
