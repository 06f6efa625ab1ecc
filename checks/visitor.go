package checks

import (
	"fmt"
	"maps"
	"math/bits"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/strict"
)

// Where a word can be, as bits.
var wordPlaces = []string{"title", "page", "script", "header"}

// maxWordBytes is the longest word or phrase that the probes look for (probe.FindWords).
const maxWordBytes = 64

// mistake is one in an expression, at a byte offset of its text.
type mistake struct {
	offset          int
	message, remedy string
}

// rewriter prepares a parsed expression: it checks the literal arguments of functions and replaces their calls by fast
// ones, collects the words, and wraps every read of a fact that may not have been looked at in known().
type rewriter struct {
	env      map[string]any
	words    *wordTable
	bare     map[reflect.Type]bool // pointers that are never nil
	done     map[ast.Node]bool
	loose    map[ast.Node]string // literal functions that were named, but not yet seen as being called
	mistakes []mistake
	// opaque are reads of fields of a value whose type is not known, behind which a fact that was not looked at could
	// hide. A name that does not exist looks the same: the compiler knows better, and is asked first.
	opaque []mistake
}

func newRewriter(env map[string]any, words *wordTable, bare map[reflect.Type]bool) *rewriter {
	return &rewriter{env: env, words: words, bare: bare, done: map[ast.Node]bool{}, loose: map[ast.Node]string{}}
}

// Visit implements ast.Visitor; children come before their parents.
func (w *rewriter) Visit(n *ast.Node) {
	if w.done[*n] {
		return
	}
	switch node := (*n).(type) {
	case *ast.IdentifierNode:
		w.identifier(node)
		if _, variable := w.env[node.Value]; variable { // what let names has been looked at when it was named
			w.known(n)
		}
	case *ast.MemberNode:
		if t := node.Node.Type(); !w.done[node.Node] && (t == nil || t.Kind() == reflect.Interface) {
			w.opaque = append(w.opaque, mistake{node.Node.Location().From, "what this value is cannot be known before a sweep",
				"read the field from its variable"})
			return
		}
		w.known(n)
	case *ast.CallNode:
		w.call(n, node)
	case *ast.BinaryNode:
		if node.Operator == "matches" {
			w.pattern(node)
		}
	}
}

func (w *rewriter) fail(n ast.Node, message, remedy string) {
	w.mistakes = append(w.mistakes, mistake{n.Location().From, message, remedy})
}

func (w *rewriter) identifier(n *ast.IdentifierNode) {
	if strings.HasPrefix(n.Value, "_") || n.Value == "known" || n.Value == "$env" {
		w.fail(n, fmt.Sprintf("unknown name %s", n.Value), "")
	}
	if literalFuncs[n.Value] != "" {
		w.loose[n] = n.Value
	}
}

// known wraps a read of a pointer.
func (w *rewriter) known(n *ast.Node) {
	t := (*n).Type()
	if t == nil || t.Kind() != reflect.Pointer || w.bare[t] {
		return
	}
	w.done[*n] = true
	callee := &ast.IdentifierNode{Value: "known"}
	w.done[callee] = true
	ast.Patch(n, &ast.CallNode{Callee: callee, Arguments: []ast.Node{*n}})
	w.done[*n] = true
}

func (w *rewriter) call(n *ast.Node, call *ast.CallNode) {
	callee, ok := call.Callee.(*ast.IdentifierNode)
	if !ok || literalFuncs[callee.Value] == "" {
		return
	}
	delete(w.loose, callee)
	var literals []string
	for _, arg := range call.Arguments {
		s, ok := arg.(*ast.StringNode)
		if !ok {
			w.fail(arg, callee.Value+"() takes texts in quotes only", "the loader must know them before a sweep begins")
			return
		}
		literals = append(literals, s.Value)
	}
	if len(literals) == 0 {
		w.fail(call, callee.Value+"() takes at least one text", "")
		return
	}
	var args []ast.Node
	switch callee.Value {
	case "word", "words", "words_in", "excerpt":
		args = w.wordArgs(call, callee.Value, literals)
	default:
		args = w.protocolArgs(call, literals)
	}
	if args == nil {
		return
	}
	fast := &ast.IdentifierNode{Value: literalFuncs[callee.Value]}
	w.done[fast] = true
	ast.Patch(n, &ast.CallNode{Callee: fast, Arguments: args})
	w.done[*n] = true
}

func (w *rewriter) protocolArgs(call *ast.CallNode, names []string) []ast.Node {
	mask := 0
	for i, name := range names {
		number, ok := protocolNumber(name)
		if !ok {
			w.fail(call.Arguments[i], fmt.Sprintf("unknown protocol %q", name), strict.Nearest(name, protocolNames()))
			return nil
		}
		mask |= 1 << number
	}
	return []ast.Node{&ast.IntegerNode{Value: mask}}
}

// wordArgs are a word's number and its places, or the number of a set of words and their places.
func (w *rewriter) wordArgs(call *ast.CallNode, function string, literals []string) []ast.Node {
	words, places := literals, []string(nil)
	first := 0 // the argument at which the words begin
	switch function {
	case "word":
		words, places = literals[:1], literals[1:]
	case "words_in":
		words, places, first = literals[1:], literals[:1], 1
	}
	if len(words) == 0 {
		w.fail(call, function+"() names no word", "")
		return nil
	}
	for i, word := range words {
		if !isWord(word) {
			w.fail(call.Arguments[first+i], fmt.Sprintf("%q is not a word to look for", strict.Clip(word, 80)),
				fmt.Sprintf("lower case, 1 to %d bytes, no space around it", maxWordBytes))
			return nil
		}
	}
	mask := 0
	for i, place := range places {
		k := slices.Index(wordPlaces, place)
		if k < 0 {
			w.fail(call.Arguments[(1-first)+i], fmt.Sprintf("%q is no place for a word", strict.Clip(place, 80)), strict.Nearest(place, wordPlaces))
			return nil
		}
		mask |= 1 << k
	}
	if mask == 0 {
		mask = 1<<len(wordPlaces) - 1
	}
	number := 0
	if function == "word" {
		number = w.words.add(words[0])
	} else {
		number = w.words.addSet(words)
	}
	return []ast.Node{&ast.IntegerNode{Value: number}, &ast.IntegerNode{Value: mask}}
}

func isWord(s string) bool {
	return s != "" && len(s) <= maxWordBytes && s == strings.ToLower(s) && strings.TrimSpace(s) == s
}

// nested is a quantifier over a group that itself ends in one: harmless for RE2's time, but seldom what was meant.
var nested = regexp.MustCompile(`[*+}]\)[*+{]`)

func (w *rewriter) pattern(n *ast.BinaryNode) {
	s, ok := n.Right.(*ast.StringNode)
	if !ok {
		w.fail(n.Right, "matches takes a pattern in quotes only", "the loader must check it before a sweep begins")
		return
	}
	if _, err := regexp.Compile(s.Value); err != nil {
		w.fail(n.Right, "pattern: "+strings.TrimPrefix(err.Error(), "error parsing regexp: "), "write a pattern of RE2 syntax")
	}
}

// finish reports functions that were named without being called.
func (w *rewriter) finish() []mistake {
	for n, name := range w.loose {
		w.fail(n, name+" must be called", fmt.Sprintf("write %s(\"...\")", name))
	}
	slices.SortStableFunc(w.mistakes, func(a, b mistake) int { return a.offset - b.offset })
	return w.mistakes
}

// wordTable numbers the words of a rule set, and the sets of them that conditions count.
type wordTable struct {
	number map[string]int
	list   []string
	sets   [][]int
}

func (t *wordTable) addSet(words []string) int {
	var set []int
	for _, word := range words {
		if n := t.add(word); !slices.Contains(set, n) {
			set = append(set, n)
		}
	}
	t.sets = append(t.sets, set)
	return len(t.sets) - 1
}

func (t *wordTable) add(word string) int {
	if n, ok := t.number[word]; ok {
		return n
	}
	n := len(t.list)
	t.number[word] = n
	t.list = append(t.list, word)
	return n
}

// protocolIndex numbers the protocols of the registry, so that a set of them is a bit mask.
var protocolIndex = func() map[string]int {
	index := make(map[string]int)
	for i, p := range probe.Protocols() {
		index[p.Name] = i
	}
	if len(index) > bits.UintSize-2 {
		panic("checks: more protocols than a mask has bits")
	}
	return index
}()

func protocolNumber(name string) (int, bool) { n, ok := protocolIndex[name]; return n, ok }

func protocolNames() []string { return slices.Sorted(maps.Keys(protocolIndex)) }
