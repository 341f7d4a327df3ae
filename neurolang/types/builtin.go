package types

import "tensoros/neurolang/syntax"

// Param is a parameter of a builtin.
type Param struct {
	Name     string
	Type     Type
	Optional bool
}

// Builtin is a function the language or its host provides. Name is also its identity in bytecode.
// Result gives the type of a call; it may report errors of its own. Tile builtins exist in kernels
// only, the others in host code only, unless Both.
type Builtin struct {
	Name     string
	Params   []Param
	Variadic bool // any number of further arguments of any type
	Tile     bool
	Both     bool
	Result   func(c *checker, call *syntax.CallExpr, r *Call) Type
}

func always(t Type) func(*checker, *syntax.CallExpr, *Call) Type {
	return func(*checker, *syntax.CallExpr, *Call) Type { return t }
}

// Host makes a builtin for an embedder.
func Host(name string, params []Param, result Type) *Builtin {
	return &Builtin{Name: name, Params: params, Result: always(result)}
}

var (
	intArray = &Array{Int}

	tensorOpts = []Param{{"shape", intArray, false}, {"elem", Elem, false},
		{"layout", Layout, true}, {"device", Device, true}}
	randnOpts = []Param{{"shape", intArray, false}, {"elem", Elem, false},
		{"seed", Int, true}, {"layout", Layout, true}, {"device", Device, true}}
)

// functions are called by their bare name or as module::name.
var functions = []*Builtin{
	{Name: "print", Variadic: true, Result: always(Unit)},
	{Name: "assert", Params: []Param{{"condition", Bool, false}, {"message", String, true}},
		Result: always(Unit)},
	{Name: "len", Params: []Param{{"array", Any, false}}, Result: (*checker).lenResult},
	{Name: "int", Params: []Param{{"x", Any, false}}, Result: (*checker).toInt},
	{Name: "float", Params: []Param{{"x", Any, false}}, Result: (*checker).toFloat},
	{Name: "str", Params: []Param{{"x", Any, false}}, Result: always(String)},
	{Name: "sqrt", Params: []Param{{"x", Float, false}}, Result: always(Float)},
	{Name: "abs", Params: []Param{{"x", Any, false}}, Result: (*checker).numberResult},
	{Name: "max", Params: []Param{{"a", Any, false}, {"b", Any, false}}, Both: true,
		Result: (*checker).numberResult},
	{Name: "min", Params: []Param{{"a", Any, false}, {"b", Any, false}}, Both: true,
		Result: (*checker).numberResult},
	{Name: "device::get", Params: []Param{{"index", Int, false}}, Result: always(Device)},
	{Name: "device::count", Result: always(Int)},
	{Name: "Tensor::load", Params: []Param{{"uri", String, false}, {"device", Device, true}},
		Result: always(&Tensor{})},
	{Name: "Tensor::alloc", Params: tensorOpts, Result: (*checker).tensorResult},
	{Name: "Tensor::zeros", Params: tensorOpts, Result: (*checker).tensorResult},
	{Name: "Tensor::randn", Params: randnOpts, Result: (*checker).tensorResult},

	{Name: "dot", Tile: true, Params: []Param{{"a", Any, false}, {"b", Any, false}},
		Result: (*checker).dotResult},
	{Name: "relu", Tile: true, Params: []Param{{"x", Any, false}}, Result: (*checker).tileResult},
	{Name: "cast", Tile: true, Params: []Param{{"x", Any, false}, {"elem", Elem, false}},
		Result: (*checker).castResult},
}

// methods are called on a tensor.
var methods = []*Builtin{
	{Name: "Tensor.view", Result: (*checker).viewResult},
	{Name: "Tensor.save", Params: []Param{{"uri", String, false}}, Result: always(Unit)},
	{Name: "Tensor.shape", Result: always(intArray)},
}

func find(list []*Builtin, name string) *Builtin {
	for _, b := range list {
		if b.Name == name {
			return b
		}
	}
	return nil
}
