package checks

import (
	"github.com/expr-lang/expr/ast"
)

// guard is what must hold of a host for a condition to be true, found by reading the condition. It is asked before the
// condition is run, and spares most hosts most rules.
type guard struct {
	// needs are facts that the condition reads whatever else holds: where one was not looked at, it cannot fire.
	needs looked
	// word: an HTTP service in reach must show some word. listed: the name at hand must be listed.
	word, listed bool
	// protocols: of each mask, one protocol at least must be on the host.
	protocols []int
}

// looked is a set of facts of a host that may not have been looked at.
type looked uint16

const (
	lookedPTR looked = 1 << iota
	lookedPTRConfirmed
	lookedASN
	lookedASOrg
	lookedCountry
	lookedCustomer
	lookedTags
)

var lookedFields = map[string]looked{"ptr": lookedPTR, "ptr_confirmed": lookedPTRConfirmed, "asn": lookedASN,
	"as_org": lookedASOrg, "country": lookedCountry, "customer": lookedCustomer, "tags": lookedTags}

func guardOf(n ast.Node) guard {
	g := guard{needs: needs(n), word: implies(n, asksWord), listed: implies(n, isListedName)}
	g.protocols = required(n, nil)
	return g
}

func conjunction(n ast.Node) (*ast.BinaryNode, bool) {
	b, ok := n.(*ast.BinaryNode)
	return b, ok && (b.Operator == "&&" || b.Operator == "and")
}

func disjunction(n ast.Node) (*ast.BinaryNode, bool) {
	b, ok := n.(*ast.BinaryNode)
	return b, ok && (b.Operator == "||" || b.Operator == "or")
}

// implies tells whether the condition being true implies that a call for which is() holds was true.
func implies(n ast.Node, is func(ast.Node) bool) bool {
	if b, ok := conjunction(n); ok {
		return implies(b.Left, is) || implies(b.Right, is)
	}
	if b, ok := disjunction(n); ok {
		return implies(b.Left, is) && implies(b.Right, is)
	}
	return is(n)
}

// asksWord is word(...), or words(...) being at least one.
func asksWord(n ast.Node) bool {
	if b, ok := n.(*ast.BinaryNode); ok && atLeastOne(b) {
		n = b.Left
		_, ok := callOf(n, "_words")
		return ok
	}
	_, ok := callOf(n, "_word")
	return ok
}

// atLeastOne is a comparison that is false when its left side is 0.
func atLeastOne(b *ast.BinaryNode) bool {
	limit, ok := b.Right.(*ast.IntegerNode)
	if !ok {
		return false
	}
	return (b.Operator == ">=" || b.Operator == "==") && limit.Value >= 1 || b.Operator == ">" && limit.Value >= 0
}

func callOf(n ast.Node, name string) (*ast.CallNode, bool) {
	call, ok := n.(*ast.CallNode)
	if !ok {
		return nil, false
	}
	callee, ok := call.Callee.(*ast.IdentifierNode)
	return call, ok && callee.Value == name
}

// isListedName is listed(name.value).
func isListedName(n ast.Node) bool {
	call, ok := callOf(n, "listed")
	if !ok || len(call.Arguments) != 1 {
		return false
	}
	return member(call.Arguments[0], "name") == "value"
}

// member returns the property of variable.property, "" for anything else.
func member(n ast.Node, variable string) string {
	m, ok := n.(*ast.MemberNode)
	if !ok {
		return ""
	}
	base, ok := m.Node.(*ast.IdentifierNode)
	if !ok || base.Value != variable {
		return ""
	}
	s, ok := m.Property.(*ast.StringNode)
	if !ok {
		return ""
	}
	return s.Value
}

// required collects the masks of has() and of count() > 0 that every way to true goes through.
func required(n ast.Node, masks []int) []int {
	if b, ok := conjunction(n); ok {
		return required(b.Right, required(b.Left, masks))
	}
	if mask, ok := maskOf(n, "_has"); ok {
		return append(masks, mask)
	}
	b, ok := n.(*ast.BinaryNode)
	if !ok || !atLeastOne(b) {
		return masks
	}
	if mask, ok := maskOf(b.Left, "_count"); ok {
		return append(masks, mask)
	}
	return masks
}

func maskOf(n ast.Node, function string) (int, bool) {
	call, ok := callOf(n, function)
	if !ok || len(call.Arguments) != 1 {
		return 0, false
	}
	mask, ok := call.Arguments[0].(*ast.IntegerNode)
	if !ok {
		return 0, false
	}
	return mask.Value, true
}

// needs collects the facts that are read by every run that does not end in false before. A run that ends in false
// does not fire either, so that both sides of a conjunction count; of anything else that may be skipped, nothing does.
func needs(n ast.Node) looked {
	if b, ok := conjunction(n); ok {
		return needs(b.Left) | needs(b.Right)
	}
	return reads(n)
}

// reads collects the facts that evaluating n reads for certain.
func reads(n ast.Node) looked {
	switch n := n.(type) {
	case *ast.BinaryNode:
		switch n.Operator {
		case "&&", "and", "||", "or", "??":
			return reads(n.Left)
		}
		return reads(n.Left) | reads(n.Right)
	case *ast.UnaryNode:
		return reads(n.Node)
	case *ast.ConditionalNode:
		return reads(n.Cond)
	case *ast.MemberNode:
		return reads(n.Node)
	case *ast.BuiltinNode:
		if len(n.Arguments) > 0 {
			return reads(n.Arguments[0])
		}
	case *ast.CallNode:
		if _, ok := callOf(n, "known"); ok && len(n.Arguments) == 1 {
			return lookedFields[member(n.Arguments[0], "host")] | reads(n.Arguments[0])
		}
		var sum looked
		for _, arg := range n.Arguments {
			sum |= reads(arg)
		}
		return sum
	}
	return 0
}
