package strict

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Keys is where the values of a mapping are: under the key's name, and under "key[0]", "key[1]"... the entries of a
// list; under "" the mapping itself. A struct with a field of this type has it filled.
type Keys map[string]Pos

// Raw is a value left as it is, to be decoded later with Decoder.Into once its type is known.
type Raw struct {
	Node ast.Node
	Path string
}

// Decoder decodes one file.
type Decoder struct {
	Report *Report
	lines  []string
}

// Decode reads the one YAML document of data into the struct to which into points. Keys are the fields' yaml tags, or
// json tags where there is no yaml tag; ",required" in a yaml tag makes a missing key a mistake. The decoder can later
// fill Raw values; its Report has all mistakes.
func Decode(file string, data []byte, into any) *Decoder {
	d := &Decoder{Report: &Report{File: file}, lines: strings.Split(string(data), "\n")}
	if body := parse(data, d.Report); body != nil {
		d.value(body, reflect.ValueOf(into).Elem(), "")
	}
	return d
}

// Into decodes a raw value into the value to which into points.
func (d *Decoder) Into(raw Raw, into any) {
	if raw.Node != nil {
		d.value(raw.Node, reflect.ValueOf(into).Elem(), raw.Path)
	}
}

var (
	rawType  = reflect.TypeFor[Raw]()
	keysType = reflect.TypeFor[Keys]()
	timeType = reflect.TypeFor[time.Time]()
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func (d *Decoder) value(n ast.Node, v reflect.Value, path string) {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode, *ast.TagNode, *ast.DirectiveNode:
		d.fail(n, path, "anchors, aliases, merges and tags are not used here", "write the value out")
		return
	}
	t := v.Type()
	switch {
	case t == rawType:
		v.Set(reflect.ValueOf(Raw{n, path}))
	case t == timeType:
		d.time(n, v, path)
	case t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(textType):
		d.text(n, v, path)
	case t.Kind() == reflect.Pointer:
		if n.Type() == ast.NullType {
			return
		}
		v.Set(reflect.New(t.Elem()))
		d.value(n, v.Elem(), path)
	case n.Type() == ast.NullType:
		d.fail(n, path, "no value", "give it one or leave the key out")
	default:
		d.plain(n, v, path)
	}
}

func (d *Decoder) plain(n ast.Node, v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Struct:
		d.mapping(n, v, path)
	case reflect.Map:
		d.table(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	case reflect.String:
		if s, ok := d.scalarText(n, path); ok {
			v.SetString(s)
		}
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.mismatch(n, path, "true or false")
			return
		}
		v.SetBool(b.Value)
	case reflect.Float32, reflect.Float64:
		d.float(n, v, path)
	default:
		d.integer(n, v, path)
	}
}

func (d *Decoder) float(n ast.Node, v reflect.Value, path string) {
	var f float64
	switch n := n.(type) {
	case *ast.FloatNode:
		f = n.Value
	case *ast.IntegerNode:
		switch i := n.Value.(type) {
		case int64:
			f = float64(i)
		case uint64:
			f = float64(i)
		}
	default:
		d.mismatch(n, path, "a number")
		return
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		d.mismatch(n, path, "a finite number")
		return
	}
	v.SetFloat(f)
}

func (d *Decoder) integer(n ast.Node, v reflect.Value, path string) {
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		d.mismatch(n, path, "a whole number")
		return
	}
	var signed int64
	switch x := i.Value.(type) {
	case int64:
		signed = x
	case uint64:
		if signed = int64(x); signed < 0 {
			d.fail(n, path, "number is too large", "")
			return
		}
	}
	switch {
	case v.CanInt() && !v.OverflowInt(signed):
		v.SetInt(signed)
	case v.CanUint() && signed >= 0 && !v.OverflowUint(uint64(signed)):
		v.SetUint(uint64(signed))
	default:
		d.fail(n, path, fmt.Sprintf("%d does not fit", signed), "")
	}
}

func (d *Decoder) scalarText(n ast.Node, path string) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode:
		d.mismatch(n, path, "text")
	default:
		d.fail(n, path, "expected text, got "+describe(n), fmt.Sprintf("write %q, with quotes", n.GetToken().Value))
	}
	return "", false
}

func (d *Decoder) text(n ast.Node, v reflect.Value, path string) {
	s, ok := d.scalarText(n, path)
	if !ok {
		return
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
		d.fail(n, path, fmt.Sprintf("%q: %v", Clip(s, 80), err), "")
	}
}

func (d *Decoder) time(n ast.Node, v reflect.Value, path string) {
	s, ok := d.scalarText(n, path)
	if !ok {
		return
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			v.Set(reflect.ValueOf(t.UTC()))
			return
		}
	}
	d.fail(n, path, fmt.Sprintf("%q is not a date", Clip(s, 80)), "write 2024-07-09 or 2024-07-09T12:00:00Z")
}

func (d *Decoder) list(n ast.Node, v reflect.Value, path string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.mismatch(n, path, "a list")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, item := range seq.Values {
		d.value(item, out.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
	v.Set(out)
}

func (d *Decoder) fail(n ast.Node, path, message, remedy string) {
	p := Problem{Pos: d.pos(n), Path: path, Message: message, Remedy: remedy}
	if path != "" {
		p.Message = path + ": " + message
	}
	if t := n.GetToken(); t != nil {
		p.Value = t.Value
	}
	d.Report.Add(p)
}

func (d *Decoder) mismatch(n ast.Node, path, want string) {
	d.fail(n, path, "expected "+want+", got "+describe(n), "")
}

func describe(n ast.Node) string {
	switch n := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.LiteralNode:
		return "text"
	case *ast.StringNode:
		return fmt.Sprintf("the text %q", Clip(n.Value, 80))
	case *ast.NullNode:
		return "nothing"
	default:
		return n.GetToken().Value
	}
}

// pos is where a value begins. A block's text begins on the line after its "|".
func (d *Decoder) pos(n ast.Node) Pos {
	switch n := n.(type) {
	case *ast.LiteralNode:
		start := at(n.Start)
		i := start.Line
		for i < len(d.lines) && strings.TrimSpace(d.lines[i]) == "" {
			i++
		}
		if i >= len(d.lines) {
			return start
		}
		indent := len(d.lines[i]) - len(strings.TrimLeft(d.lines[i], " "))
		return Pos{Line: i + 1, Column: indent + 1, Block: strings.HasPrefix(n.Start.Value, "|")}
	case *ast.StringNode:
		p := at(n.Token)
		if p.Line > 0 && p.Line <= len(d.lines) && p.Column > 0 && p.Column <= len(d.lines[p.Line-1]) {
			if c := d.lines[p.Line-1][p.Column-1]; c == '"' || c == '\'' {
				p.Column++
			}
		}
		return p
	}
	return at(first(n).GetToken())
}

// first is the node at which a mapping begins: its own token is the colon of its first key.
func first(n ast.Node) ast.Node {
	switch m := n.(type) {
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return m.Values[0].Key
		}
	case *ast.MappingValueNode:
		return m.Key
	}
	return n
}

// fields of a struct type by key, and the names of those that must be there.
func fieldsOf(t reflect.Type) (byKey map[string]int, names, required []string) {
	byKey = make(map[string]int, t.NumField())
	for i := range t.NumField() {
		tag := t.Field(i).Tag.Get("yaml")
		if tag == "" {
			tag = t.Field(i).Tag.Get("json")
		}
		name, opts, _ := strings.Cut(tag, ",")
		if name == "" || name == "-" {
			continue
		}
		byKey[name] = i
		names = append(names, name)
		if opts == "required" {
			required = append(required, name)
		}
	}
	slices.Sort(names)
	return byKey, names, required
}
