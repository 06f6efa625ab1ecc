package strict

import (
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml/ast"
)

// pair is one key of a mapping with its value.
type pair struct {
	key   string
	at    ast.Node
	value ast.Node
}

// pairs lists the keys of a mapping once each; ok is false when n is no mapping.
func (d *Decoder) pairs(n ast.Node, path string) (list []pair, ok bool) {
	m, ok := n.(ast.MapNode)
	if !ok {
		d.mismatch(n, path, "a mapping")
		return nil, false
	}
	seen := map[string]int{}
	for iter := m.MapRange(); iter.Next(); {
		key := ast.Node(iter.Key())
		var name string
		switch k := key.(type) {
		case *ast.StringNode:
			name = k.Value
		case ast.ScalarNode:
			name = k.GetToken().Value
		default:
			d.fail(key, path, "a key must be a word", "")
			continue
		}
		if line, twice := seen[name]; twice {
			d.fail(key, path, fmt.Sprintf("key %q is given twice", name), fmt.Sprintf("the first is on line %d: keep one", line))
			continue
		}
		seen[name] = d.pos(key).Line
		list = append(list, pair{name, key, iter.Value()})
	}
	return list, true
}

func (d *Decoder) mapping(n ast.Node, v reflect.Value, path string) {
	list, ok := d.pairs(n, path)
	if !ok {
		return
	}
	byKey, names, required := fieldsOf(v.Type())
	places := Keys{"": d.pos(n)}
	for _, p := range list {
		i, known := byKey[p.key]
		if !known {
			d.Report.Add(Problem{Pos: d.pos(p.at), Path: join(path, p.key), Value: p.key,
				Message: fmt.Sprintf("unknown key %q%s", Clip(p.key, 80), inside(path)), Remedy: Nearest(p.key, names)})
			continue
		}
		places[p.key] = d.pos(p.value)
		if seq, ok := p.value.(*ast.SequenceNode); ok {
			for j, item := range seq.Values {
				places[fmt.Sprintf("%s[%d]", p.key, j)] = d.pos(item)
			}
		}
		d.value(p.value, v.Field(i), join(path, p.key))
	}
	for _, name := range required {
		if _, ok := places[name]; !ok {
			d.Report.Add(Problem{Pos: places[""], Path: join(path, name), Message: fmt.Sprintf("%q is missing%s", name, inside(path)),
				Remedy: "add it"})
		}
	}
	for i := range v.NumField() {
		if v.Field(i).Type() == keysType {
			v.Field(i).Set(reflect.ValueOf(places))
		}
	}
}

func (d *Decoder) table(n ast.Node, v reflect.Value, path string) {
	list, ok := d.pairs(n, path)
	if !ok {
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(list))
	for _, p := range list {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(p.value, item, join(path, p.key))
		out.SetMapIndex(reflect.ValueOf(p.key), item)
	}
	v.Set(out)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func inside(path string) string {
	if path == "" {
		return ""
	}
	return " in " + path
}
