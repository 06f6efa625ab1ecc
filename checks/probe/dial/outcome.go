package dial

import "encoding/json"

// Outcome says how one attempt to reach one port of one address ended. The zero value is "not looked at", so that
// a forgotten assignment can never read as a closed port.
type Outcome uint8

// The outcomes of an attempt, as RFC 9293 and RFC 792/4443 let a client tell them apart.
const (
	NotLookedAt Outcome = iota
	Open                // the handshake was completed
	Refused             // RST in answer to our SYN
	TimedOut            // nothing came back within the connect timeout
	Unreachable         // an ICMP error came back: host, network, protocol or administratively prohibited
	Reset               // the connection was completed, or half completed, and then reset
	OutOfScope          // our own gate refused the address; nothing was sent
	OverBudget          // the host's connection budget was used up; nothing was sent
	LocalError          // this machine could not try: no descriptors, ports, buffers or permission; says nothing of the host
	outcomes
)

var outcomeNames = [outcomes]string{"not-looked-at", "open", "refused", "timed-out", "unreachable", "reset",
	"out-of-scope", "over-budget", "local-error"}

func (o Outcome) String() string {
	if o < outcomes {
		return outcomeNames[o]
	}
	return "invalid"
}

// MarshalJSON writes the outcome's name.
func (o Outcome) MarshalJSON() ([]byte, error) { return json.Marshal(o.String()) }

// Reached says whether the outcome proves that something answered at the address.
func (o Outcome) Reached() bool { return o == Open || o == Refused || o == Reset }

// Outcomes lists every outcome in order, for counters and documentation.
func Outcomes() []Outcome {
	all := make([]Outcome, outcomes)
	for i := range all {
		all[i] = Outcome(i)
	}
	return all
}
