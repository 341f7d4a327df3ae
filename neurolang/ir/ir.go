package ir

import (
	"fmt"

	"tensoros/neurolang/tile"
)

// Kind is the kind of an operation.
type Kind uint8

// Operations. All but Dot are elementwise. Arithmetic on F16 and BF16 rounds every result to
// nearest even in that format, on F32 as IEEE 754 binary32.
const (
	BadKind Kind = iota
	// a (m x k), b (k x n) -> m x n of f32, summed over all of k in Tensor Core arithmetic
	Dot
	Add
	Sub
	Mul
	Max // of two numbers; a NaN yields to a number (PTX ISA, max)
	Min
	Neg
	Relu  // max(x, +0)
	Cast  // round to nearest even into the result's element type
	Splat // the constant Imm everywhere
)

// kinds: name in text, number of operands.
var kinds = [...]struct {
	name string
	args int
}{
	BadKind: {"bad", 0}, Dot: {"dot", 2}, Add: {"add", 2}, Sub: {"sub", 2}, Mul: {"mul", 2},
	Max: {"max", 2}, Min: {"min", 2}, Neg: {"neg", 1}, Relu: {"relu", 1}, Cast: {"cast", 1},
	Splat: {"splat", 0},
}

// String returns the name of the operation in the text form.
func (k Kind) String() string { return kinds[k].name }

// Loc is a place in source text, 1-based; zero if unknown.
type Loc struct{ Line, Col int }

// Value is an SSA value: a block argument or the result of an operation.
type Value struct {
	Name string // unique in its kernel
	Type tile.Type
	Op   *Op // nil for block arguments
}

// Op computes Result from Args.
type Op struct {
	Kind   Kind
	Args   []*Value
	Imm    float32 // of Splat
	Result *Value
	Loc    Loc
}

// Kernel is a single block: its arguments are the kernel's parameters, its end returns Ret.
type Kernel struct {
	Name   string
	Params []*Value
	Ops    []*Op
	Ret    *Value
	Out    tile.Type // of the tensor written; Ret has its shape and element type
	Loc    Loc
}

// Emit appends an operation and returns its result.
func (k *Kernel) Emit(kind Kind, t tile.Type, imm float32, loc Loc, args ...*Value) *Value {
	op := &Op{Kind: kind, Args: args, Imm: imm, Loc: loc}
	op.Result = &Value{Name: fmt.Sprint(len(k.Ops)), Type: t, Op: op}
	k.Ops = append(k.Ops, op)
	return op.Result
}

// DotOp returns the only dot of the kernel, or nil.
func (k *Kernel) DotOp() *Op {
	for _, op := range k.Ops {
		if op.Kind == Dot {
			return op
		}
	}
	return nil
}

// PointOps returns how many elementwise operations an output element takes; casts and constants
// are not counted, as is usual for FLOPs.
func (k *Kernel) PointOps() int {
	n := 0
	for _, op := range k.Ops {
		switch op.Kind {
		case Dot, Cast, Splat:
		default:
			n++
		}
	}
	return n
}

// Verify checks the rules of the IR: every operand defined before its use, in this kernel; types
// agree; what is returned has the output's shape and element type.
func (k *Kernel) Verify() error {
	seen := map[*Value]bool{}
	names := map[string]bool{}
	define := func(v *Value) error {
		if names[v.Name] {
			return fmt.Errorf("value %%%s is defined twice", v.Name)
		}
		names[v.Name], seen[v] = true, true
		if v.Type.Rows < 1 || v.Type.Cols < 1 || !v.Type.Elem.Executable() || v.Type.Layout == 0 {
			return fmt.Errorf("value %%%s has the unusable type %s", v.Name, v.Type)
		}
		return nil
	}
	for _, p := range k.Params {
		if err := define(p); err != nil {
			return k.fail(err)
		}
	}
	for _, op := range k.Ops {
		for _, a := range op.Args {
			if !seen[a] {
				return k.fail(fmt.Errorf("%s uses %%%s before its definition", op.Kind, a.Name))
			}
		}
		if err := op.verify(); err != nil {
			return k.fail(err)
		}
		if err := define(op.Result); err != nil {
			return k.fail(err)
		}
	}
	if k.Ret == nil || !seen[k.Ret] {
		return k.fail(fmt.Errorf("returns no value of its own"))
	}
	if r := k.Ret.Type; r.Rows != k.Out.Rows || r.Cols != k.Out.Cols || r.Elem != k.Out.Elem ||
		k.Out.Layout == 0 {
		return k.fail(fmt.Errorf("returns %s as %s", r, k.Out))
	}
	return nil
}

func (k *Kernel) fail(err error) error { return fmt.Errorf("kernel @%s: %w", k.Name, err) }

func (op *Op) verify() error {
	if op.Kind == BadKind || int(op.Kind) >= len(kinds) {
		return fmt.Errorf("unknown operation %d", op.Kind)
	}
	if len(op.Args) != kinds[op.Kind].args {
		return fmt.Errorf("%s takes %d operands, has %d", op.Kind, kinds[op.Kind].args,
			len(op.Args))
	}
	t := op.Result.Type
	if op.Kind == Dot {
		a, b := op.Args[0].Type, op.Args[1].Type
		if a.Cols != b.Rows || a.Elem != b.Elem || a.Elem == tile.F32 || t.Rows != a.Rows ||
			t.Cols != b.Cols || t.Elem != tile.F32 {
			return fmt.Errorf("dot of %s and %s is no %s", a, b, t)
		}
		return nil
	}
	for _, a := range op.Args {
		if a.Type.Rows != t.Rows || a.Type.Cols != t.Cols {
			return fmt.Errorf("%s of %s gives no %s", op.Kind, a.Type, t)
		}
		if op.Kind != Cast && (a.Type.Elem != t.Elem || t.Elem == tile.TF32) {
			return fmt.Errorf("%s of %s gives no %s", op.Kind, a.Type, t)
		}
	}
	return nil
}
