package checks

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"github.com/netschouw/netschouw/checks/strict"
)

// maxExprBytes bounds the text of one expression, maxNodes its parsed size, maxMemory the elements that it may make
// while it runs.
const (
	maxExprBytes = 2 << 10
	maxNodes     = 500
	maxMemory    = 10_000
)

// hidden are the language's own functions that a condition must not use: they depend on the clock, or make much of little.
var hidden = []string{"count", "now", "date", "duration", "timezone", "repeat", "toJSON", "fromJSON", "toBase64", "fromBase64",
	"reduce", "groupBy", "sortBy", "toPairs", "fromPairs"}

// scope is what expressions of a rule are compiled against.
type scope struct {
	env   map[string]any
	bare  map[reflect.Type]bool
	known expr.Option
	words *wordTable
}

// newScope prepares the scope of a rule.
func newScope(each string, protocols []string, words *wordTable) *scope {
	env := environment(new(evaluator), each, protocols)
	s := &scope{env: env, words: words, bare: map[reflect.Type]bool{
		reflect.TypeFor[*hostView](): true, reflect.TypeFor[*serviceView](): true, reflect.TypeFor[*nameView](): true,
	}}
	if len(protocols) == 1 {
		s.bare[reflect.TypeOf(env[identifier(protocols[0])])] = true
	}
	s.known = knownFunction(pointersIn(env))
	return s
}

// knownFunction is known(x): the value behind a pointer, or errNotLookedAt. A struct stays behind its pointer.
func knownFunction(pointers []reflect.Type) expr.Option {
	types := make([]any, len(pointers))
	for i, t := range pointers {
		out := t
		if t.Elem().Kind() != reflect.Struct {
			out = t.Elem()
		}
		types[i] = reflect.Zero(reflect.FuncOf([]reflect.Type{t}, []reflect.Type{out}, false)).Interface()
	}
	return expr.Function("known", func(params ...any) (any, error) {
		v := reflect.ValueOf(params[0])
		if !v.IsValid() || v.Kind() != reflect.Pointer || v.IsNil() {
			return nil, errNotLookedAt
		}
		if v.Elem().Kind() == reflect.Struct {
			return params[0], nil
		}
		return v.Elem().Interface(), nil
	}, types...)
}

// compile checks and compiles one expression; a condition must be true or false. Mistakes are placed relative to pos.
func (s *scope) compile(text string, condition bool, pos strict.Pos) (*vm.Program, []strict.Problem) {
	if len(text) > maxExprBytes {
		return nil, []strict.Problem{{Pos: pos, Message: fmt.Sprintf("expression has %d bytes, more than %d", len(text), maxExprBytes),
			Remedy: "make it several rules"}}
	}
	w := newRewriter(s.env, s.words, s.bare)
	opts := []expr.Option{expr.Env(s.env), s.known, expr.Patch(w), expr.MaxNodes(maxNodes)}
	for _, name := range hidden {
		opts = append(opts, expr.DisableBuiltin(name))
	}
	if condition {
		opts = append(opts, expr.AsBool(), expr.WarnOnAny())
	}
	program, err := expr.Compile(text, opts...)
	if found := w.finish(); len(found) > 0 {
		return nil, place(text, found, pos)
	}
	if err != nil {
		return nil, []strict.Problem{s.explain(err, pos)}
	}
	if len(w.opaque) > 0 {
		return nil, place(text, w.opaque, pos)
	}
	if !condition && !isEvidence(program.Node().Type()) {
		return nil, []strict.Problem{{Pos: pos, Message: fmt.Sprintf("%s is no evidence", program.Node().Type()),
			Remedy: "give text, a number, or a list of them"}}
	}
	return program, nil
}

func place(text string, found []mistake, pos strict.Pos) (list []strict.Problem) {
	for _, m := range found {
		before := string([]rune(text)[:min(m.offset, len([]rune(text)))])
		line := 1 + strings.Count(before, "\n")
		column := 1 + len(before[strings.LastIndexByte(before, '\n')+1:])
		list = append(list, strict.Problem{Pos: pos.Within(line, column), Message: m.message, Remedy: m.remedy})
	}
	return list
}

var (
	unknownName  = regexp.MustCompile(`^unknown name (\w+)`)
	unknownField = regexp.MustCompile(`^type \*?(\S+) has no field (\w+)`)
)

// explain turns a compiler's error into a problem with a place in the pack and, for a mistyped name, the nearest one.
func (s *scope) explain(err error, pos strict.Pos) strict.Problem {
	var at *file.Error
	if !errors.As(err, &at) {
		return strict.Problem{Pos: pos, Message: err.Error(), Remedy: "a condition must be true or false"}
	}
	p := strict.Problem{Pos: pos.Within(max(1, at.Line), at.Column+1), Message: at.Message}
	if strings.HasSuffix(at.Message, "token EOF") {
		p.Message, p.Remedy = "ends too early", "close what is open; in YAML a # begins a comment, so that expressions with # need quotes or a block (|)"
	} else if m := unknownName.FindStringSubmatch(at.Message); m != nil {
		p.Value, p.Remedy = m[1], strict.Nearest(m[1], names(s.env))
	} else if m := unknownField.FindStringSubmatch(at.Message); m != nil {
		p.Value, p.Message = m[2], fmt.Sprintf("no field %s in this value", m[2])
		p.Remedy = strict.Nearest(m[2], fieldNames(s.env, m[1]))
	}
	return p
}

// fieldNames lists the fields, as conditions call them, of the type of that name.
func fieldNames(env map[string]any, typeName string) (list []string) {
	seen := map[reflect.Type]bool{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() {
				if tag := f.Tag.Get("expr"); t.String() == typeName && tag != "" {
					list = append(list, tag)
				}
				walk(f.Type)
			}
		}
	}
	for _, name := range names(env) {
		walk(reflect.TypeOf(env[name]))
	}
	return list
}

// isEvidence tells whether evidenceOf can show values of the type.
func isEvidence(t reflect.Type) bool {
	if t == nil {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint,
		reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64, reflect.Interface:
		return true
	case reflect.Slice:
		return t.Elem() == reflect.TypeFor[spot]() || t.Elem().Kind() != reflect.Slice && isEvidence(t.Elem())
	}
	return false
}
