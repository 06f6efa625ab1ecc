package probe

import "errors"

// ErrMalformed says that the peer answered, but not in the way the protocol's
// specification allows. Wrap it with fmt.Errorf("...: %w", ErrMalformed) and
// the detail that broke the rule, so that a report can tell a peer that speaks
// badly from one that does not speak.
var ErrMalformed = errors.New("answer breaks the protocol's rules")
