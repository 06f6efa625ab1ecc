package probe

import (
	"errors"
	"fmt"
)

// ErrMalformed says that the peer answered, but not in the way the protocol's
// specification allows. Wrap it with fmt.Errorf("...: %w", ErrMalformed) and
// the detail that broke the rule, so that a report can tell a peer that speaks
// badly from one that does not speak.
var ErrMalformed = errors.New("answer breaks the protocol's rules")

// ErrDeclined says that the peer offered something, TLS above all, and then
// refused it in the protocol's own words. What was learnt before stands.
var ErrDeclined = errors.New("peer declined what it had offered")

// notThis is the error beside nil details: the peer does not speak protocol.
// cause is what ended the attempt; nil when the peer answered in another tongue.
func notThis(protocol string, cause error) error {
	if cause != nil {
		return cause
	}
	return fmt.Errorf("peer does not speak %s: %w", protocol, ErrMalformed)
}
