package probe

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// mongoRequest is what a fake server heard, decoded by MongoDB's own library.
type mongoRequest struct {
	op   int32
	name string // of the command
	doc  bson.Raw
}

// mongoHost answers each command by the document that answer gives; nil hangs up.
type mongoHost struct {
	answer func(r mongoRequest) []byte

	mu    sync.Mutex
	heard []mongoRequest
}

func (h *mongoHost) serve(c net.Conn) {
	for {
		head := make([]byte, mongoHeaderSize)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		body := make([]byte, binary.LittleEndian.Uint32(head)-mongoHeaderSize)
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		r := mongoRequest{op: int32(binary.LittleEndian.Uint32(head[12:]))}
		skip := 5 // flags and kind of section
		if r.op == opQuery {
			skip = 4 + len("admin.$cmd\x00") + 8
		}
		r.doc = bson.Raw(body[skip:])
		elements, err := r.doc.Elements()
		if err != nil {
			return
		}
		r.name = elements[0].Key()
		h.mu.Lock()
		h.heard = append(h.heard, r)
		h.mu.Unlock()
		doc := h.answer(r)
		if doc == nil {
			return
		}
		if r.op == opQuery {
			body = append(make([]byte, 16), 1, 0, 0, 0)
			body = append(body, doc...)
		} else {
			body = append(make([]byte, 5), doc...)
		}
		op := map[int32]int32{opQuery: opReply, opMsg: opMsg}[r.op]
		message := appendMongo(99, op, body)
		copy(message[8:], head[4:8]) // responseTo
		if _, err := c.Write(message); err != nil {
			return
		}
	}
}

// commands lists what a host heard, as "opcode command".
func (h *mongoHost) commands() (names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.heard {
		names = append(names, map[int32]string{opMsg: "msg ", opQuery: "query "}[r.op]+r.name)
	}
	return names
}

func TestMongoDB(t *testing.T) {
	hello := bson.D{{Key: "isWritablePrimary", Value: true}, {Key: "topologyVersion", Value: bson.D{{Key: "counter", Value: int64(0)}}},
		{Key: "maxBsonObjectSize", Value: 16777216}, {Key: "localTime", Value: time.Unix(0, 0)}, {Key: "minWireVersion", Value: 0},
		{Key: "maxWireVersion", Value: 21}, {Key: "readOnly", Value: false}, {Key: "ok", Value: 1.0}}
	member := append(bson.D{{Key: "setName", Value: "rs0"}, {Key: "me", Value: "Db1.example.org:27017"}}, hello[1:]...)
	member = append(member, bson.E{Key: "isWritablePrimary", Value: false})
	router := append(bson.D{{Key: "msg", Value: "isdbgrid"}}, hello...)
	build := bson.D{{Key: "version", Value: "7.0.5"}, {Key: "gitVersion", Value: "x"}, {Key: "ok", Value: 1.0}}
	refused := bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: "command buildInfo requires authentication"}, {Key: "code", Value: 13}}
	unknown := bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: "no such command: 'hello'"}, {Key: "code", Value: 59}}
	old := bson.D{{Key: "ismaster", Value: true}, {Key: "maxWireVersion", Value: 8}, {Key: "ok", Value: 1.0}}
	ancient := bson.D{{Key: "ismaster", Value: true}, {Key: "maxBsonObjectSize", Value: 16777216}, {Key: "ok", Value: 1.0}}
	for name, c := range map[string]struct {
		answers  map[string]bson.D
		want     *MongoDB
		commands []string
		failed   error
	}{
		"primary": {map[string]bson.D{"hello": hello, "buildInfo": build},
			&MongoDB{MaxWireVersion: 21, Version: "7.0.5", Primary: yes(), Kind: "mongod"}, []string{"msg hello", "msg buildInfo"}, nil},
		"secondary": {map[string]bson.D{"hello": member, "buildInfo": build},
			&MongoDB{MaxWireVersion: 21, Version: "7.0.5", Primary: no(), Kind: "mongod", ReplicaSet: "rs0", Host: "Db1.example.org"}, []string{"msg hello", "msg buildInfo"}, nil},
		"router": {map[string]bson.D{"hello": router, "buildInfo": build},
			&MongoDB{MaxWireVersion: 21, Version: "7.0.5", Primary: yes(), Kind: "mongos"}, []string{"msg hello", "msg buildInfo"}, nil},
		"log-in wanted": {map[string]bson.D{"hello": hello, "buildInfo": refused},
			&MongoDB{MaxWireVersion: 21, Primary: yes(), Kind: "mongod"}, []string{"msg hello", "msg buildInfo"}, nil},
		"4.2": {map[string]bson.D{"hello": unknown, "isMaster": old, "buildInfo": build},
			&MongoDB{MaxWireVersion: 8, Version: "7.0.5", Primary: yes(), Kind: "mongod"}, []string{"msg hello", "query isMaster", "msg buildInfo"}, nil},
		"2.4": {map[string]bson.D{"isMaster": ancient, "buildInfo": build},
			&MongoDB{Version: "7.0.5", Primary: yes(), Kind: "mongod"}, []string{"msg hello", "query isMaster", "query buildInfo"}, nil},
		"all refused": {map[string]bson.D{"hello": unknown, "isMaster": refused},
			&MongoDB{}, []string{"msg hello", "query isMaster"}, ErrDeclined},
		"gone before buildInfo": {map[string]bson.D{"hello": hello},
			&MongoDB{MaxWireVersion: 21, Primary: yes(), Kind: "mongod"}, []string{"msg hello", "msg buildInfo"}, io.EOF},
		"hangs up on all": {nil, nil, []string{"msg hello", "query isMaster"}, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			h := &mongoHost{answer: func(r mongoRequest) []byte {
				if doc, ok := c.answers[r.name]; ok {
					return official(t, doc)
				}
				return nil
			}}
			d, err := askMongoDB(converse(t, testLimits, Options{}, h.serve))
			require.ErrorIs(t, err, c.failed)
			require.Equal(t, c.commands, h.commands())
			if c.want == nil {
				require.Nil(t, d)
				return
			}
			require.Equal(t, c.want, d)
		})
	}
}

func TestMongoDBSaysWhoAsks(t *testing.T) {
	h := &mongoHost{answer: func(mongoRequest) []byte { return nil }}
	_, err := askMongoDB(converse(t, testLimits, Options{Identity: Identity{Contact: "https://noc.example.net/scan"}}, h.serve))
	require.ErrorIs(t, err, io.EOF)
	var hello struct {
		Hello  int    `bson:"hello"`
		DB     string `bson:"$db"`
		Client struct {
			Application struct {
				Name string `bson:"name"`
			} `bson:"application"`
			Driver struct {
				Name    string `bson:"name"`
				Version string `bson:"version"`
			} `bson:"driver"`
			OS struct {
				Type string `bson:"type"`
			} `bson:"os"`
		} `bson:"client"`
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	require.NoError(t, bson.Unmarshal(h.heard[0].doc, &hello))
	require.Equal(t, 1, hello.Hello)
	require.Equal(t, "admin", hello.DB)
	require.Contains(t, hello.Client.Application.Name, "https://noc.example.net/scan")
	require.LessOrEqual(t, len(mongoHello(Identity{Contact: strings.Repeat("a", 1000)})), 512, "servers refuse longer client metadata")
	require.NotEmpty(t, hello.Client.Driver.Name)
	require.NotEmpty(t, hello.Client.Driver.Version)
	require.NotEmpty(t, hello.Client.OS.Type)
}

func TestMongoDBNames(t *testing.T) {
	require.Equal(t, []Name{{Value: "db1.example.org", In: InGreeting}}, (&MongoDB{Host: "Db1.example.org"}).Names())
	require.Empty(t, (&MongoDB{Host: "10.0.0.1"}).Names())
	require.Equal(t, "MongoDB 7.0.5", (&MongoDB{Version: "7.0.5"}).Summary())
	require.Equal(t, "MongoDB", (&MongoDB{}).Summary())
}

func TestMongoMessagesThatLie(t *testing.T) {
	ok := new(bsonBuilder).int32("maxWireVersion", 8).int32("ok", 1).bytes()
	whole := mongoMessage(1, ok)
	patch := func(offset int, value uint32) []byte {
		b := bytes.Clone(whole)
		binary.LittleEndian.PutUint32(b[offset:], value)
		return b
	}
	flags := func(value uint32) []byte { return patch(16, value) }
	answer := func(op int32, body []byte) []byte {
		b := appendMongo(1, op, body)
		b[8] = 1
		return b
	}
	for name, b := range map[string][]byte{
		"length 0": patch(0, 0), "length of the header alone": patch(0, 16), "length beyond the bound": patch(0, mongoMax+1), "length huge": patch(0, math.MaxUint32),
		"another's answer": patch(8, 7), "opcode": patch(12, 2012), "moreToCome": flags(2), "undefined flag": flags(1 << 15),
		"body cut by its checksum": flags(1), "section of kind 2": answer(opMsg, []byte{0, 0, 0, 0, 2, 0}),
		"sequence that lies": answer(opMsg, []byte{0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff}), "no section": answer(opMsg, []byte{0, 0, 0, 0, 1, 5, 0, 0, 0, 0}),
		"reply of no document": answer(opReply, make([]byte, 20)), "short reply": answer(opReply, make([]byte, 19)),
		"reply of a million documents": answer(opReply, append(append(make([]byte, 16), 0x40, 0x42, 0x0f, 0), ok...)),
	} {
		if !strings.HasPrefix(name, "another") {
			b[8] = 1
		}
		s, _ := against(b)
		d, err := askMongoDB(s)
		require.Nil(t, d, name)
		require.ErrorIs(t, err, ErrMalformed, name)
	}

	for name, b := range map[string][]byte{
		"optional flag": flags(1 << 16), "checksum": answer(opMsg, append(append([]byte{1, 0, 0, 0, 0}, ok...), 1, 2, 3, 4)),
		"sequence first": answer(opMsg, append([]byte{0, 0, 0, 0, 1, 6, 0, 0, 0, 'a', 0, 0}, ok...)), "reply": answer(opReply, append(append(make([]byte, 16), 1, 0, 0, 0), ok...)),
	} {
		b[8] = 1
		s, _ := against(b)
		d, err := askMongoDB(s)
		require.NotNil(t, d, name)
		require.Equal(t, 8, d.(*MongoDB).MaxWireVersion)
		require.ErrorIs(t, err, io.EOF, "buildInfo was not answered")
	}
}

func TestMongoDBMeetsHostileHosts(t *testing.T) {
	meetHostile(t, string(mongoMessage(1, new(bsonBuilder).int32("ok", 1).bytes())), askMongoDB, false)
}

func FuzzMongoDB(f *testing.F) {
	answer := func(id byte, message []byte) string {
		message[8] = id
		return string(message)
	}
	hello := answer(1, mongoMessage(9, official(f, bson.D{{Key: "isWritablePrimary", Value: true}, {Key: "maxWireVersion", Value: 21}, {Key: "me", Value: "a.test:1"}, {Key: "ok", Value: 1.0}})))
	unknown := answer(1, mongoMessage(9, official(f, bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: "no such command"}})))
	build := answer(3, mongoMessage(9, official(f, bson.D{{Key: "version", Value: "7.0.5"}, {Key: "ok", Value: 1.0}})))
	isMaster := answer(2, appendMongo(9, opReply, append(append(make([]byte, 16), 1, 0, 0, 0), official(f, bson.D{{Key: "ismaster", Value: true}, {Key: "ok", Value: 1.0}})...)))
	first := string(mongoMessage(1, mongoHello(Identity{})))
	fallback := string(mongoQuery(2, new(bsonBuilder).int32("isMaster", 1).bytes()))
	version := new(bsonBuilder).int32("buildInfo", 1)
	old, now := string(mongoQuery(3, version.bytes())), string(mongoMessage(3, version.text("$db", "admin").bytes()))
	fuzzAsk(f, askMongoDB, quoted(first)+`(`+quoted(fallback)+`)?(`+quoted(old)+`|`+quoted(now)+`)?`,
		hello, hello+build, unknown+isMaster+answer(3, appendMongo(9, opReply, append(append(make([]byte, 16), 1, 0, 0, 0), official(f, bson.D{{Key: "version", Value: "2.4.9"}})...))),
		unknown, hello[:30], "\xff\xff\xff\xff"+hello[4:], "HTTP/1.0 400 Bad Request\r\n\r\n")
}

// quoted makes a pattern of bytes, as fuzzAsk wants it.
func quoted(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, `\x%02x`, s[i])
	}
	return b.String()
}

func BenchmarkMongoMessage(b *testing.B) {
	body := mongoMessage(1, everyType(b))[mongoHeaderSize:]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseMongoBody(opMsg, body); err != nil {
			b.Fatal(err)
		}
	}
}
