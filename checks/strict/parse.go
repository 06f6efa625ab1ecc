package strict

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The bounds of a file. The parser recurses by nesting: block nesting is bounded by the length of a line, flow
// nesting ("[[[") by its own count.
const (
	MaxBytes = 1 << 20
	maxLine  = 4 << 10
	maxFlow  = 32
)

// parse reads the one document of a file; nil when it has mistakes, which are then in the report.
func parse(data []byte, r *Report) (body ast.Node) {
	if len(data) > MaxBytes {
		r.Add(Problem{Message: fmt.Sprintf("file has %d bytes, more than %d", len(data), MaxBytes), Remedy: "split it"})
		return nil
	}
	for i, line := range bytes.Split(data, []byte("\n")) {
		if len(line) > maxLine {
			r.Add(Problem{Pos: Pos{Line: i + 1}, Message: fmt.Sprintf("line has %d bytes, more than %d", len(line), maxLine),
				Remedy: "use a block (|) of several lines"})
			return nil
		}
	}
	// The parser is a third party's; a panic in it is a mistake of the file, not the end of a run.
	defer func() {
		if p := recover(); p != nil {
			r.Add(Problem{Message: fmt.Sprintf("not readable as YAML: %v", p), Remedy: "simplify the file"})
			body = nil
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if !flat(tokens, r) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.Add(syntaxProblem(err))
		return nil
	}
	return oneDocument(file, r)
}

// flat tells whether brackets are nested within bounds.
func flat(tokens token.Tokens, r *Report) bool {
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		}
		if depth > maxFlow {
			r.Add(Problem{Pos: at(t), Message: fmt.Sprintf("brackets are nested more than %d deep", maxFlow)})
			return false
		}
	}
	return true
}

func syntaxProblem(err error) Problem {
	var e yaml.Error
	if errors.As(err, &e) {
		return Problem{Pos: at(e.GetToken()), Message: "not YAML: " + e.GetMessage(), Remedy: "check indentation and quotes"}
	}
	return Problem{Message: "not YAML: " + err.Error()}
}

func oneDocument(file *ast.File, r *Report) ast.Node {
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if body != nil {
			r.Add(Problem{Pos: at(doc.Body.GetToken()), Message: "second document in one file", Remedy: "give it a file of its own"})
			return nil
		}
		body = doc.Body
	}
	if body == nil {
		r.Add(Problem{Message: "file is empty"})
	}
	return body
}

func at(t *token.Token) Pos {
	if t == nil || t.Position == nil {
		return Pos{}
	}
	return Pos{Line: t.Position.Line, Column: t.Position.Column}
}
