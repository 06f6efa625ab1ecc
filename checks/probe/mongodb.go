package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// MongoDB is what a MongoDB server answers to hello and buildInfo; never database names or data.
type MongoDB struct {
	MaxWireVersion int    `json:"max_wire_version" expr:"max_wire_version"`
	Version        string `json:"version" expr:"version"`         // from buildInfo; "" when it was refused
	ReplicaSet     string `json:"replica_set" expr:"replica_set"` // setName; "" outside a replica set
	Primary        *bool  `json:"primary" expr:"primary"`         // isWritablePrimary or ismaster; nil when not told
	Kind           string `json:"kind" expr:"kind"`               // "mongod", or "mongos" (msg "isdbgrid")
	Host           string `json:"host" expr:"host"`               // "me" of a replica-set member, without port
}

func newMongoDB() Details { return new(MongoDB) }

// Protocol implements Details.
func (*MongoDB) Protocol() string { return "mongodb" }

// Names implements Details: the name by which the server's replica set knows it.
func (d *MongoDB) Names() []Name { return greetingNames(d.Host) }

// Summary implements Details.
func (d *MongoDB) Summary() string { return strings.TrimSpace("MongoDB " + d.Version) }

// The opcodes of the wire protocol that are used here (mongodb.com/docs/manual/reference/mongodb-wire-protocol).
const (
	opReply = 1
	opQuery = 2004 // servers before 3.6; since 5.1 for hello and isMaster only
	opMsg   = 2013
)

// mongoMax is the longest message that is accepted. The longest honest one here is buildInfo's, near 4 KiB.
const mongoMax = 48 << 10

// mongoHTTP is what a MongoDB server answers to an HTTP request.
const mongoHTTP = "It looks like you are trying to access MongoDB over HTTP on the native driver port."

// isMongoDB recognises the answer to an HTTP request, as an HTTP response or bare, and a message of the wire protocol.
func isMongoDB(first []byte) bool {
	if bytes.HasPrefix(first, []byte("HTTP/1.")) {
		return bytes.Contains(first, []byte(mongoHTTP))
	}
	if bytes.HasPrefix(first, []byte(mongoHTTP)) {
		return true
	}
	h, err := parseMongoHeader(first)
	return err == nil && (h.op == opReply || h.op == opMsg)
}

// mongoHeader is the head of each message: 16 bytes.
type mongoHeader struct {
	body       int // bytes that follow the header
	responseTo int32
	op         int32
}

const mongoHeaderSize = 16

// parseMongoHeader reads the head of a message and checks its length.
func parseMongoHeader(b []byte) (mongoHeader, error) {
	if len(b) < mongoHeaderSize {
		return mongoHeader{}, fmt.Errorf("mongodb message of %d bytes: %w", len(b), ErrMalformed)
	}
	n := binary.LittleEndian.Uint32(b)
	if n < mongoHeaderSize+5 || n > mongoMax {
		return mongoHeader{}, fmt.Errorf("mongodb message that says it has %d bytes: %w", n, ErrMalformed)
	}
	return mongoHeader{body: int(n) - mongoHeaderSize, responseTo: int32(binary.LittleEndian.Uint32(b[8:])),
		op: int32(binary.LittleEndian.Uint32(b[12:]))}, nil
}

// parseMongoBody returns the document of an answer's body.
func parseMongoBody(op int32, body []byte) (bsonDoc, error) {
	switch op {
	case opReply:
		return parseMongoReply(body)
	case opMsg:
		return parseMongoMsg(body)
	}
	return nil, fmt.Errorf("mongodb opcode %d: %w", op, ErrMalformed)
}

// parseMongoReply reads the body of an OP_REPLY: flags, cursor, offset, count, documents.
func parseMongoReply(body []byte) (bsonDoc, error) {
	const head = 4 + 8 + 4 + 4
	if len(body) < head || binary.LittleEndian.Uint32(body[16:]) != 1 {
		return nil, fmt.Errorf("mongodb reply without its one document: %w", ErrMalformed)
	}
	return parseBSON(body[head:])
}

// parseMongoMsg reads the body of an OP_MSG: flags, sections, and a checksum if the flags say so. Only the section of
// kind 0, the answer itself, is wanted; document sequences (kind 1) are stepped over.
func parseMongoMsg(body []byte) (bsonDoc, error) {
	const checksumPresent, optional = 1 << 0, 0xffff0000
	if len(body) < 5 {
		return nil, fmt.Errorf("mongodb message without sections: %w", ErrMalformed)
	}
	flags := binary.LittleEndian.Uint32(body)
	rest := body[4:]
	if flags&checksumPresent != 0 {
		rest = rest[:max(0, len(rest)-4)]
	}
	if flags&^(optional|checksumPresent) != 0 { // moreToCome was not asked for; the others are not defined
		return nil, fmt.Errorf("mongodb message with flags %#x: %w", flags, ErrMalformed)
	}
	for len(rest) > 0 {
		kind := rest[0]
		rest = rest[1:]
		switch kind {
		case 0:
			return parseBSON(rest)
		case 1:
			size, ok := bsonSize(rest, 5)
			if !ok {
				return nil, fmt.Errorf("mongodb document sequence that lies about its length: %w", ErrMalformed)
			}
			rest = rest[size:]
		default:
			return nil, fmt.Errorf("mongodb section of kind %d: %w", kind, ErrMalformed)
		}
	}
	return nil, fmt.Errorf("mongodb message without a body section: %w", ErrMalformed)
}

// appendMongo frames body as a message.
func appendMongo(id, op int32, body []byte) []byte {
	b := make([]byte, 0, mongoHeaderSize+len(body))
	b = binary.LittleEndian.AppendUint32(b, uint32(mongoHeaderSize+len(body)))
	b = binary.LittleEndian.AppendUint32(b, uint32(id))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(op))
	return append(b, body...)
}

// mongoMessage is an OP_MSG with one body section and no flags.
func mongoMessage(id int32, doc []byte) []byte {
	return appendMongo(id, opMsg, append(make([]byte, 5), doc...))
}

// mongoQuery is an OP_QUERY for one document of admin.$cmd, which is how commands were sent before OP_MSG.
func mongoQuery(id int32, doc []byte) []byte {
	const slaveOK = 1 << 2 // a secondary may answer; without it one refuses
	body := binary.LittleEndian.AppendUint32(nil, slaveOK)
	body = append(body, "admin.$cmd\x00"...)
	body = binary.LittleEndian.AppendUint32(body, 0)
	body = binary.LittleEndian.AppendUint32(body, 0xffffffff) // -1: one document, and no cursor
	return appendMongo(id, opQuery, append(body, doc...))
}

// mongoHello is the first command. It says who asks, in the form that servers insist on (driver and os may not be
// missing) and write to their log.
func mongoHello(id Identity) []byte {
	client := new(bsonBuilder).
		document("application", new(bsonBuilder).text("name", clip(id.UserAgent(), 128)).bytes()).
		document("driver", new(bsonBuilder).text("name", "netschouw").text("version", "1").bytes()).
		document("os", new(bsonBuilder).text("type", runtime.GOOS).bytes())
	return new(bsonBuilder).int32("hello", 1).text("$db", "admin").document("client", client.bytes()).bytes()
}

// learn takes from an answer to hello or isMaster what it tells, and says whether it is one.
func (d *MongoDB) learn(doc bsonDoc) bool {
	primary, told := doc.boolean("isWritablePrimary")
	if !told {
		primary, told = doc.boolean("ismaster")
	}
	wire, versioned := doc.number("maxWireVersion")
	if ok, _ := doc.number("ok"); ok != 1 || !told && !versioned {
		return false
	}
	if told {
		d.Primary = &primary
	}
	d.MaxWireVersion, d.ReplicaSet, d.Kind = wire, doc.text("setName", 128), "mongod"
	if doc.text("msg", 16) == "isdbgrid" {
		d.Kind = "mongos"
	}
	host := doc.text("me", 300)
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	d.Host = clip(host, 253)
	return true
}

// askMongoDB sends hello, or isMaster to a server that does not know hello, then buildInfo.
func askMongoDB(s *Session) (Details, error) {
	d := new(MongoDB)
	doc, err := s.mongo(1, mongoMessage(1, mongoHello(s.Identity)))
	switch {
	case err == nil && d.learn(doc):
		return d, d.buildInfo(s)
	case endsInsteadOfAnswer(err): // before 3.6 a server hangs up on an opcode that it does not know
		if again := s.Again(); again != nil {
			return nil, errors.Join(err, again)
		}
	case err != nil:
		return nil, err
	}
	// From 3.6 to 4.4.1 a server says that it has no such command, on a connection that stays.
	doc, err = s.mongo(2, mongoQuery(2, new(bsonBuilder).int32("isMaster", 1).bytes()))
	if err != nil {
		return nil, err
	}
	if !d.learn(doc) {
		return d, fmt.Errorf("hello and isMaster were refused (%s): %w", doc.text("errmsg", 80), ErrDeclined)
	}
	return d, d.buildInfo(s)
}

// buildInfo asks for the version. A refusal is no error: a server may want a log-in first.
func (d *MongoDB) buildInfo(s *Session) error {
	var message []byte
	if command := new(bsonBuilder).int32("buildInfo", 1); d.MaxWireVersion < 6 { // before 3.6
		message = mongoQuery(3, command.bytes())
	} else {
		message = mongoMessage(3, command.text("$db", "admin").bytes())
	}
	doc, err := s.mongo(3, message)
	if err != nil {
		return fmt.Errorf("buildInfo: %w", err)
	}
	d.Version = doc.text("version", 64)
	return nil
}

// endsInsteadOfAnswer says that the peer closed the connection without a byte of answer.
func endsInsteadOfAnswer(err error) bool {
	return errors.Is(err, io.EOF) || dial.Classify(err) == dial.Reset
}

// mongo sends one message and reads the answer to it.
func (s *Session) mongo(id int32, message []byte) (bsonDoc, error) {
	if _, err := s.Write(message); err != nil {
		return nil, fmt.Errorf("send mongodb message: %w", err)
	}
	s.expect()
	head := make([]byte, mongoHeaderSize)
	if _, err := io.ReadFull(s.br, head); err != nil {
		return nil, fmt.Errorf("mongodb answer: %w", err)
	}
	h, err := parseMongoHeader(head)
	if err != nil {
		return nil, err
	}
	if h.responseTo != id {
		return nil, fmt.Errorf("mongodb answer to message %d, not to %d: %w", h.responseTo, id, ErrMalformed)
	}
	body := make([]byte, h.body)
	if _, err := io.ReadFull(s.br, body); err != nil {
		return nil, fmt.Errorf("mongodb answer: %w", err)
	}
	return parseMongoBody(h.op, body)
}
