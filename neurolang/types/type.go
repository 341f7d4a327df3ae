package types

import (
	"fmt"
	"strings"

	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

// Type is the type of a value.
type Type interface{ String() string }

// Basic is a type without parts.
type Basic uint8

// Basic types. Invalid is the type of whatever an error was already reported for.
const (
	Invalid Basic = iota
	Unit
	Bool
	Int   // 64-bit signed
	Float // binary64
	String
	Range
	Device
	Elem   // an element type as a value: f16
	Layout // a layout as a value: Layout::RowMajor
	Any    // parameter type of builtins that take everything
)

// String returns the name of the type in source text.
func (b Basic) String() string {
	return [...]string{"invalid", "unit", "bool", "int", "float", "string", "Range", "Device",
		"element type", "Layout", "any value"}[b]
}

// Tile is a tile type and where its parts were written, so that messages can point at both sides.
type Tile struct {
	tile.Type
	Dims     [2]source.Span
	ElemAt   source.Span
	LayoutAt source.Span
}

// Tensor is a matrix or vector on a device with whatever is known of it before the run. Zero
// fields are unknown.
type Tensor struct {
	Shape  []int
	Elem   tile.Elem
	Layout tile.Layout
	At     source.Span // where the facts come from
}

// String returns Tensor with the known facts.
func (t *Tensor) String() string {
	var parts []string
	if t.Shape != nil {
		parts = append(parts, strings.ReplaceAll(fmt.Sprint(t.Shape), " ", ", "))
	}
	if t.Elem != tile.NoElem {
		parts = append(parts, t.Elem.String())
	}
	if t.Layout == tile.ColMajor {
		parts = append(parts, "Layout::"+t.Layout.String())
	}
	if parts == nil {
		return "Tensor"
	}
	return "Tensor<" + strings.Join(parts, ", ") + ">"
}

// View is a tensor offered to a kernel.
type View struct{ Tensor *Tensor }

// String returns the name of the type.
func (v *View) String() string { return "View" }

// Array is a host array.
type Array struct{ Elem Type }

// String returns Array<T>.
func (a *Array) String() string { return "Array<" + a.Elem.String() + ">" }

// Object is what a name stands for.
type Object interface{ Place() source.Span }

// Var is a variable, constant binding or parameter.
type Var struct {
	Name    string
	Type    Type
	Mutable bool
	Global  bool // lives between the lines of a session
	Param   bool
	At      source.Span
}

// Place returns where the variable was declared.
func (v *Var) Place() source.Span { return v.At }

// Fn is a function or kernel.
type Fn struct {
	Name   string
	Params []*Var
	Result Type
	Kernel bool
	Decl   *syntax.FnDecl
}

// Place returns where the function was declared.
func (f *Fn) Place() source.Span { return f.Decl.Name.Span() }

// Call is a resolved call. Args are in parameter order, nil where an optional one is absent;
// Recv is the receiver of a method.
type Call struct {
	Fn      *Fn
	Builtin *Builtin
	Recv    syntax.Expr
	Args    []syntax.Expr
}

// Info is what the checker found out.
type Info struct {
	Types map[syntax.Expr]Type
	Uses  map[*syntax.IdentExpr]Object
	Defs  map[*syntax.Name]*Var
	Calls map[*syntax.CallExpr]*Call
	Fns   []*Fn // of this file, in order
}

// TypeOf returns the type of an expression, Invalid if it has none.
func (in *Info) TypeOf(e syntax.Expr) Type {
	if t, ok := in.Types[e]; ok {
		return t
	}
	return Invalid
}

func bad(t Type) bool { return t == nil || t == Invalid }

// same tells whether a value of type from may stand where to is needed. Facts about tensors must
// not contradict each other; what is unknown is checked at launch.
func same(to, from Type) bool {
	if bad(to) || bad(from) || to == from || to == Any {
		return true
	}
	switch to := to.(type) {
	case *Tile:
		f, ok := from.(*Tile)
		return ok && f.Type == to.Type
	case *Tensor:
		f, ok := from.(*Tensor)
		return ok && (to.Elem == 0 || f.Elem == 0 || to.Elem == f.Elem) &&
			(to.Layout == 0 || f.Layout == 0 || to.Layout == f.Layout)
	case *View:
		_, ok := from.(*View)
		return ok
	case *Array:
		f, ok := from.(*Array)
		return ok && same(to.Elem, f.Elem)
	}
	return false
}
