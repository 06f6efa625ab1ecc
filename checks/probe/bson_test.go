package probe

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// official encodes with MongoDB's own library, so that our reader is checked against something that it did not come from.
func official(t testing.TB, doc any) []byte {
	t.Helper()
	b, err := bson.Marshal(doc)
	require.NoError(t, err)
	return b
}

// everyType holds an element of each type that MongoDB's library can write.
func everyType(t testing.TB) []byte {
	return official(t, bson.D{{Key: "double", Value: 21.0}, {Key: "string", Value: "hallo"}, {Key: "doc", Value: bson.D{{Key: "a", Value: bson.A{1, "b", bson.D{}}}}},
		{Key: "binary", Value: bson.Binary{Subtype: 0x80, Data: []byte("x")}}, {Key: "undefined", Value: bson.Undefined{}}, {Key: "oid", Value: bson.ObjectID{1}},
		{Key: "bool", Value: true}, {Key: "date", Value: bson.NewDateTimeFromTime(time.Unix(0, 0))}, {Key: "null", Value: bson.Null{}},
		{Key: "regexp", Value: bson.Regex{Pattern: "^a", Options: "i"}}, {Key: "dbref", Value: bson.DBPointer{DB: "a.b", Pointer: bson.ObjectID{2}}},
		{Key: "code", Value: bson.JavaScript("f()")}, {Key: "symbol", Value: bson.Symbol("s")},
		{Key: "scope", Value: bson.CodeWithScope{Code: "g()", Scope: bson.D{{Key: "x", Value: 1}}}}, {Key: "int32", Value: int32(-7)},
		{Key: "timestamp", Value: bson.Timestamp{T: 1, I: 2}}, {Key: "int64", Value: int64(9)}, {Key: "decimal", Value: bson.Decimal128{}},
		{Key: "min", Value: bson.MinKey{}}, {Key: "max", Value: bson.MaxKey{}}, {Key: "last", Value: "end"}})
}

func TestBSONReadsEveryType(t *testing.T) {
	b := everyType(t)
	doc, err := parseBSON(append(b, "trailing"...))
	require.NoError(t, err)
	require.Equal(t, b, []byte(doc))
	require.Equal(t, "hallo", doc.text("string", 100))
	require.Equal(t, "hal", doc.text("string", 3))
	require.Equal(t, "end", doc.text("last", 100), "everything before was stepped over rightly")
	for name, want := range map[string]int{"double": 21, "int32": -7, "int64": 9} {
		n, ok := doc.number(name)
		require.True(t, ok)
		require.Equal(t, want, n)
	}
	yes, ok := doc.boolean("bool")
	require.True(t, yes && ok)
	for _, name := range []string{"missing", "null", "doc", "a", "date"} {
		require.Empty(t, doc.text(name, 100))
		_, ok := doc.number(name)
		require.False(t, ok)
		_, ok = doc.boolean(name)
		require.False(t, ok)
	}
}

func TestBSONNumbersStayInBounds(t *testing.T) {
	doc, err := parseBSON(official(t, bson.D{{Key: "nan", Value: math.NaN()}, {Key: "inf", Value: math.Inf(-1)}, {Key: "big", Value: int64(math.MaxInt64)}}))
	require.NoError(t, err)
	for _, name := range []string{"nan", "inf", "big"} {
		_, ok := doc.number(name)
		require.False(t, ok, name)
	}
}

func TestBSONBuilderWritesWhatOthersRead(t *testing.T) {
	inner := new(bsonBuilder).text("name", "netschouw").bytes()
	b := new(bsonBuilder).int32("hello", -1).text("$db", "admin").document("client", inner).bytes()
	require.Equal(t, official(t, bson.D{{Key: "hello", Value: int32(-1)}, {Key: "$db", Value: "admin"}, {Key: "client", Value: bson.D{{Key: "name", Value: "netschouw"}}}}), b)
}

func TestBSONThatLies(t *testing.T) {
	patch := func(offset int, value uint32) []byte {
		b := new(bsonBuilder).text("a", "bcd").bytes() // 4 length, 1 type, 2 name, 4 length, 4 text, 1 end
		binary.LittleEndian.PutUint32(b[offset:], value)
		return b
	}
	element := func(kind byte, value string) []byte {
		w := new(bsonBuilder)
		w.name(kind, "a")
		w.b = append(w.b, value...)
		return w.bytes()
	}
	deep := new(bsonBuilder).bytes()
	for range bsonDepth + 1 {
		deep = new(bsonBuilder).document("a", deep).bytes()
	}
	wide := new(bsonBuilder)
	for range bsonElements + 1 {
		wide.name(0x0a, "")
	}
	for name, b := range map[string][]byte{
		"empty": {}, "short": {5, 0, 0}, "four": {4, 0, 0, 0}, "no end": {5, 0, 0, 0, 1},
		"document too long": patch(0, 17), "document huge": patch(0, math.MaxUint32), "document short": patch(0, 15), "document tiny": patch(0, 0),
		"string too long": patch(7, 5), "string huge": patch(7, math.MaxUint32), "string of nothing": patch(7, 0), "string without its zero": patch(7, 3),
		"unknown type": element(0x77, ""), "double cut off": element(bsonDouble, "1234567"), "binary huge": element(bsonBinary, "\xff\xff\xff\xff\x00"),
		"regexp without options": element(bsonRegexp, "a"), "inner document too long": element(bsonDocument, "\x09\x00\x00\x00\x00"),
		"inner document without end": element(bsonDocument, "\x05\x00\x00\x00\x01"), "name without end": append([]byte{8, 0, 0, 0, bsonBoolean, 'a', 'b'}, 'c'),
		"dbref cut off": element(bsonDBRef, "\x01\x00\x00\x00\x0012345678901"), "scope cut off": element(bsonScope, "\x20\x00\x00\x00\x00"),
		"too deep": deep, "too wide": wide.bytes(),
	} {
		doc, err := parseBSON(b)
		require.ErrorIs(t, err, ErrMalformed, name)
		require.Nil(t, doc, name)
	}
}

func FuzzBSON(f *testing.F) {
	f.Add(everyType(f))
	f.Add(new(bsonBuilder).bytes())
	f.Add(new(bsonBuilder).text("version", "7.0.5").int32("ok", 1).bytes())
	f.Add([]byte("\xff\xff\xff\x7f\x02a\x00\xff\xff\xff\xff\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		doc, err := parseBSON(b)
		require.Equal(t, before, b)
		if err != nil {
			require.Nil(t, doc)
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		require.LessOrEqual(t, len(doc), len(b))
		// What we take for whole, MongoDB's own library can walk through too.
		elements, err := bson.Raw(doc).Elements()
		require.NoError(t, err)
		for _, e := range elements {
			key := e.Key()
			if i := strings.IndexByte(key, 0); i >= 0 {
				key = key[:i]
			}
			kind, _ := doc.find(key)
			require.NotZero(t, kind)
			require.LessOrEqual(t, len(doc.text(key, 8)), 8)
			_, _ = doc.number(key)
			_, _ = doc.boolean(key)
		}
	})
}

func BenchmarkBSON(b *testing.B) {
	doc := everyType(b)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		d, err := parseBSON(doc)
		if err != nil || d.text("last", 3) != "end" {
			b.Fatal(err)
		}
	}
}
