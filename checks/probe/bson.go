package probe

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
)

// Bounds of a BSON document from a peer. hello and buildInfo answer with some 40 elements, 3 deep.
const (
	bsonDepth    = 16
	bsonElements = 4096
)

// The element types of bsonspec.org 1.1 that are read; the others are only skipped.
const (
	bsonDouble   = 0x01
	bsonString   = 0x02
	bsonDocument = 0x03
	bsonArray    = 0x04
	bsonBinary   = 0x05
	bsonBoolean  = 0x08
	bsonRegexp   = 0x0b
	bsonDBRef    = 0x0c
	bsonCode     = 0x0d
	bsonSymbol   = 0x0e
	bsonScope    = 0x0f
	bsonInt32    = 0x10
	bsonInt64    = 0x12
)

// bsonFixed gives the size of the types that have one, plus one, so that 0 means that the type is of variable size or
// unknown.
var bsonFixed = [256]uint8{
	bsonDouble: 8 + 1, 0x06: 0 + 1, 0x07: 12 + 1, bsonBoolean: 1 + 1, 0x09: 8 + 1, 0x0a: 0 + 1, bsonInt32: 4 + 1,
	0x11: 8 + 1, bsonInt64: 8 + 1, 0x13: 16 + 1, 0xff: 0 + 1, 0x7f: 0 + 1,
}

// bsonDoc is a document that parseBSON found whole: every length in it holds, at every depth.
type bsonDoc []byte

// parseBSON takes the document at the beginning of b and checks it whole. It allocates nothing.
func parseBSON(b []byte) (bsonDoc, error) {
	left := bsonElements
	return checkBSON(b, 0, &left)
}

func checkBSON(b []byte, depth int, left *int) (bsonDoc, error) {
	if depth > bsonDepth {
		return nil, fmt.Errorf("bson deeper than %d: %w", bsonDepth, ErrMalformed)
	}
	size, ok := bsonSize(b, 5)
	if !ok || b[size-1] != 0 {
		return nil, fmt.Errorf("bson document of %d bytes lies about its length: %w", len(b), ErrMalformed)
	}
	doc := bsonDoc(b[:size])
	for rest := doc[4 : size-1]; len(rest) > 0; {
		if *left--; *left < 0 {
			return nil, fmt.Errorf("bson of more than %d elements: %w", bsonElements, ErrMalformed)
		}
		kind, _, value, after, ok := nextBSON(rest)
		if !ok {
			return nil, fmt.Errorf("bson element of type %#02x does not fit its document: %w", rest[0], ErrMalformed)
		}
		if kind == bsonDocument || kind == bsonArray {
			if _, err := checkBSON(value, depth+1, left); err != nil {
				return nil, err
			}
		}
		rest = after
	}
	return doc, nil
}

// bsonSize reads a length of four bytes that counts itself, and says whether it is at least least and fits b.
func bsonSize(b []byte, least int) (int, bool) {
	if len(b) < 4 {
		return 0, false
	}
	n := binary.LittleEndian.Uint32(b)
	return int(n), uint64(n) >= uint64(least) && uint64(n) <= uint64(len(b))
}

// nextBSON takes the first element off b, which holds elements without their document's frame.
func nextBSON(b []byte) (kind byte, name, value, after []byte, ok bool) {
	kind = b[0]
	end := bytes.IndexByte(b[1:], 0)
	if end < 0 {
		return
	}
	name, b = b[1:1+end], b[end+2:]
	size, ok := bsonValueSize(kind, b)
	if !ok || size > len(b) {
		return kind, name, nil, nil, false
	}
	return kind, name, b[:size], b[size:], true
}

// bsonValueSize tells how many of b's bytes a value of that kind takes; it may be more than there are.
func bsonValueSize(kind byte, b []byte) (int, bool) {
	if fixed := bsonFixed[kind]; fixed > 0 {
		return int(fixed) - 1, true
	}
	switch kind {
	case bsonDocument, bsonArray, bsonScope:
		return bsonSize(b, 5)
	case bsonString, bsonCode, bsonSymbol, bsonDBRef:
		if len(b) < 5 {
			return 0, false
		}
		n := uint64(binary.LittleEndian.Uint32(b)) // counts the terminating zero, not itself
		if n < 1 || n > uint64(len(b)-4) || b[4+n-1] != 0 {
			return 0, false
		}
		if kind == bsonDBRef {
			n += 12
		}
		return int(4 + n), true
	case bsonBinary:
		if len(b) < 5 {
			return 0, false
		}
		n := uint64(binary.LittleEndian.Uint32(b)) // counts neither itself nor the subtype
		return int(min(5+n, math.MaxInt32)), true
	case bsonRegexp:
		pattern := bytes.IndexByte(b, 0)
		if pattern < 0 {
			return 0, false
		}
		options := bytes.IndexByte(b[pattern+1:], 0)
		return pattern + 1 + options + 1, options >= 0
	}
	return 0, false
}

// find returns the type and value of the document's first element of that name; kind 0 when there is none.
func (d bsonDoc) find(name string) (kind byte, value []byte) {
	if len(d) < 5 {
		return 0, nil
	}
	for rest := []byte(d[4 : len(d)-1]); len(rest) > 0; {
		kind, n, value, after, ok := nextBSON(rest)
		if !ok {
			return 0, nil
		}
		if string(n) == name {
			return kind, value
		}
		rest = after
	}
	return 0, nil
}

// text returns a string element, at most most bytes of it; "" when it is missing or no string.
func (d bsonDoc) text(name string, most int) string {
	if kind, value := d.find(name); kind == bsonString {
		return clip(string(value[4:min(len(value)-1, 4+most)]), most)
	}
	return ""
}

// number returns a numeric element as MongoDB reads one, whatever its type; ok is false when it is missing, no number,
// or beyond 32 bits.
func (d bsonDoc) number(name string) (n int, ok bool) {
	var f float64
	switch kind, value := d.find(name); kind {
	case bsonInt32:
		f = float64(int32(binary.LittleEndian.Uint32(value)))
	case bsonInt64:
		f = float64(int64(binary.LittleEndian.Uint64(value)))
	case bsonDouble:
		f = math.Float64frombits(binary.LittleEndian.Uint64(value))
	default:
		return 0, false
	}
	if !(math.Abs(f) <= math.MaxInt32) { // NaN too
		return 0, false
	}
	return int(f), true
}

// boolean returns a boolean element; ok is false when it is missing or neither boolean nor number.
func (d bsonDoc) boolean(name string) (yes, ok bool) {
	if kind, value := d.find(name); kind == bsonBoolean {
		return value[0] != 0, true
	}
	n, ok := d.number(name)
	return n != 0, ok
}

// bsonBuilder writes a document, element by element, in the order given.
type bsonBuilder struct{ b []byte }

func (w *bsonBuilder) int32(name string, n int32) *bsonBuilder {
	w.name(bsonInt32, name)
	w.b = binary.LittleEndian.AppendUint32(w.b, uint32(n))
	return w
}

func (w *bsonBuilder) text(name, s string) *bsonBuilder {
	w.name(bsonString, name)
	w.b = binary.LittleEndian.AppendUint32(w.b, uint32(len(s)+1))
	w.b = append(append(w.b, s...), 0)
	return w
}

func (w *bsonBuilder) document(name string, doc []byte) *bsonBuilder {
	w.name(bsonDocument, name)
	w.b = append(w.b, doc...)
	return w
}

func (w *bsonBuilder) name(kind byte, name string) {
	w.b = append(append(append(w.b, kind), name...), 0)
}

// bytes returns the whole document.
func (w *bsonBuilder) bytes() []byte {
	doc := binary.LittleEndian.AppendUint32(nil, uint32(len(w.b)+5))
	return append(append(doc, w.b...), 0)
}
