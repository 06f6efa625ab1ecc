package report

import (
	"crypto/sha1" //nolint:gosec // RFC 9562 prescribes it for version 5; nothing secret hangs on it
	"crypto/sha256"
	"fmt"
	"strings"
)

// Ids are made from what they name, so that a second export of the same findings does not double the first.

// namespace is netschouw's own, for the ids of which no standard says how they are made: version 5 of this URL in the URL
// namespace of RFC 9562. A test makes it again.
var namespace = mustUUID("b3b89c82-6aaf-59c0-a31f-2cab5d6d93b1")

const namespaceURL = "https://github.com/netschouw/netschouw"

// uuid is a UUID (RFC 9562).
type uuid [16]byte

// uuid5 is the UUID of version 5 of a name in a namespace (RFC 9562 section 5.5).
func uuid5(space uuid, name string) uuid {
	h := sha1.New() //nolint:gosec // see above
	h.Write(space[:])
	h.Write([]byte(name))
	var u uuid
	copy(u[:], h.Sum(nil))
	return u.version(5)
}

// id is the UUID of version 5 of some parts in netschouw's namespace.
func id(parts ...string) uuid { return uuid5(namespace, strings.Join(parts, "\x00")) }

// uuid4 is a UUID for specifications that want version 4, random: its 122 free bits are those of a SHA-256, which nobody
// can tell from random ones, and the same parts give the same id.
func uuid4(parts ...string) uuid {
	sum := sha256.Sum256([]byte(namespaceURL + "\x00" + strings.Join(parts, "\x00")))
	return uuid(sum[:16]).version(4)
}

func (u uuid) version(v byte) uuid {
	u[6] = u[6]&0x0f | v<<4
	u[8] = u[8]&0x3f | 0x80
	return u
}

func (u uuid) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// mustUUID reads a UUID of ours.
func mustUUID(s string) (u uuid) {
	if n, err := fmt.Sscanf(strings.ReplaceAll(s, "-", ""), "%x", (*hexBytes)(&u)); n != 1 || err != nil {
		panic("report: not a UUID: " + s)
	}
	return u
}
