package where

import (
	"fmt"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
)

// loops are the functions that do something for each element of a list.
var loops = map[string]bool{"all": true, "any": true, "none": true, "one": true, "count": true}

// lists are the functions that make as long a list as tags say; in a loop each would be one more.
var lists = map[string]bool{"split": true, "keys": true, "values": true}

// functions are the others that can be called: their outcomes are no longer than what they are given.
var functions = map[string]bool{
	"len": true, "lower": true, "upper": true, "trim": true, "trimPrefix": true, "trimSuffix": true,
	"hasPrefix": true, "hasSuffix": true, "indexOf": true, "lastIndexOf": true, "split": true,
	"int": true, "float": true, "string": true, "abs": true, "ceil": true, "floor": true, "round": true,
	"min": true, "max": true, "keys": true, "values": true,
	"date": true, "duration": true, "timezone": true,
}

// parsed are the functions that read a text which can be wrong; told at once where it is written out.
var parsed = map[string]bool{"date": true, "duration": true, "timezone": true}

// surveyor goes through an expression before it is compiled.
type surveyor struct {
	tags bool // it speaks of tags
	loop bool // inside a loop
	seen map[ast.Node]bool
	err  *file.Error
}

// survey looks for what an expression may not have, and for what it speaks of. The parser itself takes
// time in proportion to the text; what comes after it does not, with a node that is in the tree twice.
func survey(text string) (*surveyor, error) {
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, err
	}
	s := &surveyor{seen: map[ast.Node]bool{}}
	s.visit(tree.Node)
	if s.err != nil {
		return nil, s.err.Bind(tree.Source)
	}
	return s, nil
}

func (s *surveyor) refuse(n ast.Node, format string, args ...any) {
	if s.err == nil {
		s.err = &file.Error{Location: n.Location(), Message: fmt.Sprintf(format, args...)}
	}
}

// visit goes through n and all below. What is not in the list is refused.
func (s *surveyor) visit(nodes ...ast.Node) {
	for _, n := range nodes {
		switch {
		case n == nil || s.err != nil:
			continue
		case s.seen[n]: // the parser makes a < b && b < c of a < b < c, with one b
			s.refuse(n, "comparisons in a row are not taken: write a < b && b < c")
			continue
		}
		s.seen[n] = true
		s.node(n)
	}
}

func (s *surveyor) node(n ast.Node) {
	switch n := n.(type) {
	case *ast.NilNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.PointerNode:
	case *ast.IdentifierNode:
		s.identifier(n)
	case *ast.UnaryNode:
		s.visit(n.Node)
	case *ast.BinaryNode:
		s.binary(n)
	case *ast.ChainNode:
		s.visit(n.Node)
	case *ast.MemberNode:
		s.visit(n.Node, n.Property)
	case *ast.SliceNode:
		s.visit(n.Node, n.From, n.To)
	case *ast.CallNode:
		s.visit(n.Callee)
		s.visit(n.Arguments...)
	case *ast.BuiltinNode:
		s.builtin(n)
	case *ast.PredicateNode:
		s.visit(n.Node)
	case *ast.ConditionalNode:
		s.visit(n.Cond, n.Exp1, n.Exp2)
	case *ast.ArrayNode:
		s.visit(n.Nodes...)
	case *ast.VariableDeclaratorNode:
		s.refuse(n, "let is not taken: write the value where it is needed")
	default:
		s.refuse(n, "this is not taken: an expression is made of comparisons, &&, ||, not, in and functions")
	}
}

func (s *surveyor) identifier(n *ast.IdentifierNode) {
	if n.Value == "$env" {
		s.refuse(n, "$env is not taken: name the variable")
	}
	s.tags = s.tags || n.Value == "tag"
}

func (s *surveyor) binary(n *ast.BinaryNode) {
	_, written := n.Right.(*ast.StringNode)
	switch {
	case n.Operator == "..":
		s.refuse(n, "ranges are not taken: write x >= a && x <= b")
	case n.Operator == "matches" && !written:
		s.refuse(n, `a pattern is written out: tag.name matches "^cam"`)
	}
	s.visit(n.Left, n.Right)
}

// builtin takes the functions that are in the lists. A loop has its list outside of itself.
func (s *surveyor) builtin(n *ast.BuiltinNode) {
	switch {
	case loops[n.Name] && s.loop:
		s.refuse(n, "a loop within a loop is not taken")
	case lists[n.Name] && s.loop:
		s.refuse(n, "%s within a loop is not taken", n.Name)
	case loops[n.Name]:
		s.visit(n.Arguments[:1]...)
		s.loop = true
		s.visit(n.Arguments[1:]...)
		s.loop = false
	case functions[n.Name]:
		s.written(n)
		s.visit(n.Arguments...)
	default:
		s.refuse(n, "the function %s is not taken here", n.Name)
	}
}

// written tries a function that reads texts, if all of them are written out: a wrong date is told
// before anything is fetched.
func (s *surveyor) written(n *ast.BuiltinNode) {
	if !parsed[n.Name] || len(n.Arguments) == 0 {
		return
	}
	var args []any
	for _, a := range n.Arguments {
		text, ok := a.(*ast.StringNode)
		if !ok {
			return
		}
		args = append(args, text.Value)
	}
	if _, err := builtin.Builtins[builtin.Index[n.Name]].Func(args...); err != nil {
		s.refuse(n, "%s: %v", n.Name, err)
	}
}
