package report

import (
	"crypto/sha1" //nolint:gosec // RFC 9562 prescribes it for version 5; nothing secret hangs on it
	"crypto/sha256"
	"fmt"
	"strings"
)

// Ids are made from what they name, so that a second export of the same findings does not double the first.

// namespaceURL names netschouw in ids of which no standard says how they are made.
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

// id is the UUID of version 5 of some parts, in the namespace that namespaceURL has in the URL namespace of RFC 9562
// section 6.6.
func id(parts ...string) uuid {
	urls := uuid{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	return uuid5(uuid5(urls, namespaceURL), strings.Join(parts, "\x00"))
}

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
