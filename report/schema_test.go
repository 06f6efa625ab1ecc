package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/probe/dial"
)

const schemas = "../docs/schema"

// compiled returns one of the schemas in docs, ready to validate, formats included.
func compiled(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, file := range []string{"host.v1.json", "report.v1.json"} {
		doc := schemaDoc(t, file)
		require.NoError(t, c.AddResource(doc.(map[string]any)["$id"].(string), doc))
	}
	schema, err := c.Compile(schemaDoc(t, name).(map[string]any)["$id"].(string))
	require.NoError(t, err)
	return schema
}

func schemaDoc(t *testing.T, file string) any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(schemas, file))
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return doc
}

func validate(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return s.Validate(value)
}

// fill sets everything in a value to something, so that its JSON has every field.
func fill(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(at("03:04:05")))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.MustParseAddr("192.0.2.1")))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.MustParsePrefix("192.0.2.0/24")))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("open")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(0.5)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(7)
	}
}

// complete is a finding with every field of every protocol.
func complete() checks.Finding {
	var f checks.Finding
	fill(reflect.ValueOf(&f).Elem())
	f.Schema, f.Verdict, f.Groups = checks.HostSchema, checks.Match, checks.Groups()
	f.Traits[0].Rule, f.Traits[0].Group, f.Traits[0].Basis = "pack/rule", "mail", checks.Fact
	filled := f.Services[0]
	f.Services = nil
	for i, p := range probe.Protocols() {
		s := filled
		s.Port, s.Transport, s.Protocol, s.Status, s.Details = uint16(i+1), "tcp", p.Name, probe.StatusOK, p.New()
		fill(reflect.ValueOf(s.Details).Elem())
		hashes(reflect.ValueOf(s.Details).Elem())
		f.Services = append(f.Services, s)
	}
	return f
}

// hashes gives every field that is a SHA-256 in hexadecimal such a value.
func hashes(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		hashes(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			hashes(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; strings.HasSuffix(name, "SHA256") && v.Field(i).Kind() == reflect.String {
				v.Field(i).SetString(strings.Repeat("0f", 32))
			}
			hashes(v.Field(i))
		}
	}
}

// sparse is a finding with nothing that can be left out or be null.
func sparse() checks.Finding {
	f := checks.Finding{Host: checks.Host{Address: netip.MustParseAddr("2001:db8::1")}, Assessment: checks.Assessment{Verdict: checks.Clear}}
	for i, p := range probe.Protocols() {
		f.Services = append(f.Services, probe.Service{Port: uint16(i + 1), Transport: "tcp", Protocol: p.Name, Status: probe.StatusOK, Details: p.New(), TLS: &probe.TLS{}})
	}
	f.Services = append(f.Services, probe.Service{Port: 7, Transport: "tcp", Protocol: "unknown", Status: probe.StatusSilent},
		probe.Service{Port: 8, Transport: "tcp", Protocol: "tls", Status: probe.StatusSilent, TLS: &probe.TLS{}})
	return f
}

func TestFindingsFollowTheSchema(t *testing.T) {
	host, whole := compiled(t, "host.v1.json"), compiled(t, "report.v1.json")
	cases := map[string]checks.Finding{"textbook": textbook(), "evasive": evasive(), "benign": benign(), "complete": complete(), "sparse": sparse()}
	for i, f := range unpinned() {
		cases[fmt.Sprint("unpinned ", i)] = f
	}
	for name, f := range cases {
		for i, s := range f.Services {
			if p, ok := s.Details.(pinned); ok {
				f.Services[i].Details = p.Details
			}
		}
		t.Run(name, func(t *testing.T) {
			require.NoError(t, validate(t, host, render(t, "jsonl", Options{All: true}, Summary{}, f)))
			require.NoError(t, validate(t, whole, render(t, "json", Options{All: true}, testSummary(), f)))
			require.NoError(t, validate(t, whole, render(t, "json", Options{All: true}, Summary{}, f)))
		})
	}
	require.NoError(t, validate(t, whole, render(t, "json", Options{}, Summary{})))
}

// TestTheSchemaIsStrict checks that the schema refuses what is none of ours: each case is one mistake.
func TestTheSchemaIsStrict(t *testing.T) {
	host := compiled(t, "host.v1.json")
	good := func() map[string]any {
		var m map[string]any
		require.NoError(t, json.Unmarshal(render(t, "jsonl", Options{}, Summary{}, complete()), &m))
		return m
	}
	refused := func(name string, m map[string]any) {
		text, err := json.Marshal(m)
		require.NoError(t, err)
		require.Error(t, validate(t, host, text), name)
	}
	set := func(path string, value any) map[string]any {
		m := good()
		var at any = m
		keys := strings.Split(path, ".")
		for _, k := range keys[:len(keys)-1] {
			if i, err := strconv.Atoi(k); err == nil {
				at = at.([]any)[i]
			} else {
				at = at.(map[string]any)[k]
			}
		}
		if value == nil {
			delete(at.(map[string]any), keys[len(keys)-1])
		} else {
			at.(map[string]any)[keys[len(keys)-1]] = value
		}
		return m
	}
	text, err := json.Marshal(good())
	require.NoError(t, err)
	require.NoError(t, validate(t, host, text))
	for path, value := range map[string]any{
		"schema": "netschouw.host/v2", "address": "mx1.example.test", "observed_at": "yesterday", "verdict": "guilty", "score": 1.5,
		"groups": []any{"crime"}, "ports": map[string]any{"ajar": 1}, "network.asn": "AS64500", "network.ptr": "mx1.example.test",
		"services.0.port": 0, "services.0.status": "fine", "services.0.transport": "udp", "services.0.fields.starttls": "yes",
		"traits.0.basis": "hunch", "traits.0.group": "crime", "traits.0.weight": 0, "traits.0.evidence": "seen", "traits.0.rule": "rule",
	} {
		refused(path, set(path, value))
	}
	for _, path := range []string{"schema", "run", "address", "owner", "network", "network.asn", "services", "services.0.tls", "services.0.fields.greeting",
		"services.0.tls.sha256", "verdict", "score", "traits", "traits.0.benign", "traits.0.counted", "reason", "packs", "prior"} {
		refused("without "+path, set(path, nil))
	}
	for i, p := range probe.Protocols() { // each protocol's fields are told apart
		m := set(fmt.Sprintf("services.%d.fields", i), map[string]any{"unrelated": true})
		refused("fields of "+p.Name, m)
	}
	more := set("from_a_later_version", map[string]any{"a": 1})
	text, err = json.Marshal(more)
	require.NoError(t, err)
	require.NoError(t, validate(t, host, text), "fields may be added")
}

// paths lists the path of every key in a JSON value: "services[].tls.version". The fields of a protocol are told apart
// by its name, and the keys of free maps are left out.
func paths(value any, at string, out map[string]bool) {
	switch v := value.(type) {
	case []any:
		for _, inner := range v {
			paths(inner, at+"[]", out)
		}
	case map[string]any:
		if free := at == "ports" || strings.HasSuffix(at, ".headers") || strings.HasSuffix(at, "summary.ports"); free {
			return
		}
		for key, inner := range v {
			path := strings.TrimPrefix(at+"."+key, ".")
			out[path] = true
			if protocol, ok := v["protocol"].(string); ok && key == "fields" {
				path = "fields_" + protocol
			}
			paths(inner, path, out)
		}
	}
}

// described lists the path of every property in a schema, as paths does for a value.
func described(t *testing.T, schema, root map[string]any, at string, out map[string]bool) {
	if ref, ok := schema["$ref"].(string); ok {
		if name, local := strings.CutPrefix(ref, "#/$defs/"); local {
			described(t, root["$defs"].(map[string]any)[name].(map[string]any), root, at, out)
		}
		return
	}
	if items, ok := schema["items"].(map[string]any); ok {
		described(t, items, root, at+"[]", out)
	}
	properties, _ := schema["properties"].(map[string]any)
	for key, inner := range properties {
		path := strings.TrimPrefix(at+"."+key, ".")
		out[path] = true
		property := inner.(map[string]any)
		if _, isRef := property["$ref"]; !isRef {
			require.NotEmpty(t, property["description"], "%s has no description", path)
		}
		described(t, property, root, path, out)
	}
}

// TestTheSchemaDescribesEveryField compares the keys of the Go structs with those of the schemas, both ways.
func TestTheSchemaDescribesEveryField(t *testing.T) {
	hostDoc := schemaDoc(t, "host.v1.json").(map[string]any)
	want, got := map[string]bool{}, map[string]bool{}
	described(t, hostDoc, hostDoc, "", want)
	for _, p := range probe.Protocols() {
		def, ok := hostDoc["$defs"].(map[string]any)["fields_"+p.Name].(map[string]any)
		require.True(t, ok, "protocol %s has no fields_%s", p.Name, p.Name)
		described(t, def, hostDoc, "fields_"+p.Name, want)
	}
	var value any
	require.NoError(t, json.Unmarshal(render(t, "jsonl", Options{}, Summary{}, complete()), &value))
	paths(value, "", got)
	require.Equal(t, keys(want), keys(got), "docs/schema/host.v1.json (expected) and the Go structs (actual) differ")

	reportDoc := schemaDoc(t, "report.v1.json").(map[string]any)
	want, got = map[string]bool{}, map[string]bool{}
	described(t, reportDoc, reportDoc, "", want)
	var s Summary
	fill(reflect.ValueOf(&s).Elem())
	require.NoError(t, json.Unmarshal(render(t, "json", Options{}, s), &value))
	paths(value, "", got)
	require.Equal(t, keys(want), keys(got), "docs/schema/report.v1.json (expected) and the Go structs (actual) differ")
}

func keys(m map[string]bool) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// TestTheSchemaKnowsEveryWord compares the enums of the schema with the constants of the code.
func TestTheSchemaKnowsEveryWord(t *testing.T) {
	doc := schemaDoc(t, "host.v1.json").(map[string]any)
	enum := func(path ...string) (words []string) {
		at := doc
		for _, p := range path {
			at = at[p].(map[string]any)
		}
		for _, w := range at["enum"].([]any) {
			words = append(words, w.(string))
		}
		return words
	}
	require.Equal(t, constants(t, "../checks/host.go", "Verdict"), enum("properties", "verdict"))
	require.Equal(t, constants(t, "../checks/host.go", "Basis"), enum("$defs", "trait", "properties", "basis"))
	require.Equal(t, constants(t, "../checks/probe/service.go", "Status"), enum("$defs", "service", "properties", "status"))
	require.Equal(t, checks.Groups(), enum("$defs", "group"))
	var outcomes []string
	for _, o := range dial.Outcomes() {
		outcomes = append(outcomes, o.String())
	}
	require.Equal(t, outcomes, enum("properties", "ports", "propertyNames"))
}

// constants lists the string constants of a type in a Go file, in their order.
func constants(t *testing.T, file, typ string) (words []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == typ {
			for _, v := range spec.Values {
				word, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				require.NoError(t, err)
				words = append(words, word)
			}
		}
		return true
	})
	require.NotEmpty(t, words, "no constants of type %s in %s", typ, file)
	return words
}
