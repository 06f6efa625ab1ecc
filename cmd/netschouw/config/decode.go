package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// written is one key of a file: its path and values, and where they stand.
type written struct {
	path  string
	at    string
	items []Item
}

// decode reads a YAML file into the keys that it sets, in the file's order. It knows the table of keys and refuses
// all else: unknown and doubled keys, a list for one value, sections for values, several documents, and the parts of
// YAML that let a value stand elsewhere than where it is read (anchors, aliases, merge keys, tags).
func decode(name string, body []byte) ([]written, error) {
	if !utf8.Valid(body) {
		return nil, &Error{At: name, What: "not text in UTF-8", Remedy: "save it as UTF-8"}
	}
	// Doubled keys are found below, where the message can name both places.
	file, err := parser.ParseBytes(body, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxError(name, err)
	}
	d := decoder{file: name, seen: map[string]string{}}
	docs := slices.DeleteFunc(slices.Clone(file.Docs), func(doc *ast.DocumentNode) bool { return isEmpty(doc.Body) })
	switch len(docs) {
	case 0:
		return nil, nil
	case 1:
		err := d.section("", docs[0].Body)
		return d.out, err
	}
	return nil, d.fault(docs[1].Body, "", "keep one document, remove the --- line", "a second YAML document begins here")
}

// isEmpty says that a document holds nothing but comments.
func isEmpty(n ast.Node) bool {
	if n == nil {
		return true
	}
	return n.Type() == ast.CommentType || n.Type() == ast.CommentGroupType
}

type decoder struct {
	file string
	seen map[string]string // path of a key or section -> where it stands
	out  []written
}

func syntaxError(name string, err error) error {
	var ye yaml.Error
	if !errors.As(err, &ye) || ye.GetToken() == nil {
		return &Error{At: name, What: "not YAML: " + err.Error()}
	}
	remedy := "look for a bracket, quote or indentation that does not match, at this place or before it"
	if strings.Contains(ye.GetMessage(), "found character '\t'") {
		remedy = "indent with spaces, YAML allows no tabs"
	}
	what := strings.Map(func(r rune) rune { // the message can quote the file
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, ye.GetMessage())
	return &Error{At: place(name, ye.GetToken()), What: "not YAML: " + what, Remedy: remedy}
}

func place(file string, t *token.Token) string {
	if t == nil || t.Position == nil {
		return file
	}
	return fmt.Sprintf("%s:%d:%d", file, t.Position.Line, t.Position.Column)
}

func (d *decoder) at(n ast.Node) string {
	switch v := n.(type) { // a mapping's own token is its first colon
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return d.at(v.Values[0])
		}
	case *ast.MappingValueNode:
		return d.at(v.Key)
	}
	return place(d.file, n.GetToken())
}

func (d *decoder) fault(n ast.Node, key, remedy, format string, args ...any) error {
	e := fault(remedy, format, args...)
	e.At, e.Key = d.at(n), key
	return e
}

// section reads the keys below a path.
func (d *decoder) section(path string, n ast.Node) error {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		if _, null := n.(*ast.NullNode); null {
			return nil // a section whose keys are all commented out
		}
		return d.fault(n, path, "write its keys on lines of their own below it: "+strings.Join(children(path), ", "),
			"want a section, found %s", describe(n))
	}
	for _, pair := range m.Values {
		if err := d.pair(path, pair); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) pair(path string, pair *ast.MappingValueNode) error {
	name, ok := scalarText(pair.Key)
	if !ok || pair.Key.IsMergeKey() {
		return d.fault(pair.Key, path, "write a plain key", "%s cannot be a key here", describe(pair.Key))
	}
	full := strings.TrimPrefix(path+"."+name, ".")
	if first, twice := d.seen[full]; twice {
		return d.fault(pair.Key, full, "keep one of the two", "key is written twice, first at %s", first)
	}
	d.seen[full] = d.at(pair.Key)
	if key, ok := ByPath(full); ok {
		items, err := d.values(key, pair.Value)
		if err == nil && items != nil {
			d.out = append(d.out, written{full, d.at(pair.Key), items})
		}
		return err
	}
	if len(children(full)) > 0 {
		return d.section(full, pair.Value)
	}
	return d.fault(pair.Key, "", unknownRemedy(path, name), "unknown key %q", full)
}

// values reads what a key is set to; nil items mean that the key is there without a value and keeps its default.
func (d *decoder) values(key Key, n ast.Node) ([]Item, error) {
	if _, null := n.(*ast.NullNode); null {
		return nil, nil
	}
	seq, isList := n.(*ast.SequenceNode)
	if !isList {
		it, err := d.scalar(key, n)
		return []Item{it}, err
	}
	if !key.List {
		return nil, d.fault(n, key.Path, "write one value, without [ ] or -", "want one value, found a list")
	}
	items := make([]Item, 0, len(seq.Values))
	for _, v := range seq.Values {
		it, err := d.scalar(key, v)
		if err != nil {
			return nil, err
		}
		items = append(items, it)
	}
	return items, nil
}

func (d *decoder) scalar(key Key, n ast.Node) (Item, error) {
	s, ok := scalarText(n)
	if !ok {
		remedy := "write a plain value"
		if n.Type() == ast.MappingType || n.Type() == ast.MappingValueType {
			remedy = "write a plain value; put one that has a colon in quotes"
		}
		return Item{}, d.fault(n, key.Path, remedy, "want a value, found %s", describe(n))
	}
	return Item{Text: s, At: d.at(n)}, nil
}

// scalarText is the text of a plain value as it was written, so that 0123 stays 0123 and 1e4 stays 1e4.
func scalarText(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return strings.TrimSpace(v.Value.Value), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func describe(n ast.Node) string {
	switch n.Type() {
	case ast.MappingType, ast.MappingValueType:
		return "a section"
	case ast.SequenceType:
		return "a list"
	case ast.AnchorType:
		return "an anchor (&)"
	case ast.AliasType:
		return "an alias (*)"
	case ast.MergeKeyType:
		return "a merge key (<<)"
	case ast.TagType:
		return "a tag (!)"
	case ast.NullType:
		return "nothing"
	}
	return "a value"
}

// children lists the names that can stand directly below a path; "" is the top of the file.
func children(path string) []string {
	var names []string
	for _, k := range keys {
		rest := k.Path
		if path != "" {
			var below bool
			if rest, below = strings.CutPrefix(k.Path, path+"."); !below {
				continue
			}
		}
		name, _, _ := strings.Cut(rest, ".")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// unknownRemedy finds the nearest key among the siblings, then anywhere: a key is often right and its section wrong.
func unknownRemedy(path, name string) string {
	siblings := children(path)
	if near := Nearest(name, siblings); near != "" {
		return fmt.Sprintf("did you mean %s?", strings.TrimPrefix(path+"."+near, "."))
	}
	for _, k := range keys {
		if k.Path == name || strings.HasSuffix(k.Path, "."+name) {
			return fmt.Sprintf("did you mean %s?", k.Path)
		}
	}
	return "want one of: " + strings.Join(siblings, ", ")
}
