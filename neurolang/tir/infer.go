package tir

import (
	"fmt"
	"slices"

	"tensoros/neurolang/tile"
)

// infer checks one operation without regard to its place: operands, attributes, result. Where the
// operands decide the result's type it is compared; want is what the operation claims.
func (op *Op) infer(k *Kernel) error {
	r := table[op.Kind]
	if r.args >= 0 && len(op.Args) != r.args {
		return fmt.Errorf("takes %d operands, has %d", r.args, len(op.Args))
	}
	for _, v := range op.Results {
		if err := v.Type.check(); err != nil {
			return err
		}
	}
	switch r.class {
	case memory:
		return op.inferMemory(k)
	case control:
		return op.inferControl()
	}
	if len(op.Results) != 1 && op.Kind != Sort {
		return fmt.Errorf("has %d results instead of one", len(op.Results))
	}
	if err := op.domains(r.dom); err != nil {
		return err
	}
	switch r.class {
	case leaf:
		return op.inferLeaf(k)
	case shape:
		return op.inferShape()
	case across:
		return op.inferAcross()
	}
	return op.inferPoint(r.class)
}

// domains checks the element types of the operands, or of a leaf's result.
func (op *Op) domains(d domain) error {
	vs := op.Args
	if len(vs) == 0 {
		vs = op.Results
	}
	if op.Kind == Select {
		vs = nil
	}
	for _, v := range vs {
		if !d.has(v.Type.Elem) {
			return fmt.Errorf("is not defined on %s", v.Type.Elem)
		}
	}
	return nil
}

func (op *Op) out() Type { return op.Results[0].Type }

func (op *Op) inferLeaf(k *Kernel) error {
	t := op.out()
	scalar := t.Rank() == 0 && t.Elem == tile.I32
	switch op.Kind {
	case Const:
		return nil
	case Iota:
		if t.Elem != tile.I32 || op.Axis < 0 || op.Axis >= t.Rank() {
			return fmt.Errorf("gives no %s along axis %d", t, op.Axis)
		}
	case Program:
		if !scalar || op.Axis < 0 || op.Axis >= len(k.Axes) {
			return fmt.Errorf("of axis %d of %d gives no %s", op.Axis, len(k.Axes), t)
		}
	case Extent:
		if !scalar || !slices.Contains(k.Symbols(), op.Sym) {
			return fmt.Errorf("of %q: no dimension has this name", op.Sym)
		}
	default:
		return fmt.Errorf("is no operation")
	}
	return nil
}

// inferPoint checks elementwise operations.
func (op *Op) inferPoint(c class) error {
	t := op.out()
	for i, a := range op.Args {
		if !a.Type.SameShape(t) {
			return fmt.Errorf("of %s gives no %s", a.Type, t)
		}
		if c == convert || op.Kind == Select && i == 0 {
			continue
		}
		if a.Type.Elem != op.Args[len(op.Args)-1].Type.Elem {
			return fmt.Errorf("of %s and %s", op.Args[0].Type, op.Args[len(op.Args)-1].Type)
		}
		if !Computes(a.Type.Elem) && op.Kind != Select {
			return fmt.Errorf("is not defined on %s", a.Type.Elem)
		}
	}
	last := op.Args[len(op.Args)-1].Type.Elem
	switch {
	case op.Kind == Select && op.Args[0].Type.Elem != tile.Bool:
		return fmt.Errorf("chooses by %s", op.Args[0].Type)
	case op.Kind == Bitcast && last.Size() != t.Elem.Size():
		return fmt.Errorf("of %s to %s: sizes differ", last, t.Elem)
	case c == compare && t.Elem != tile.Bool:
		return fmt.Errorf("gives bool, not %s", t.Elem)
	case c != compare && c != convert && t.Elem != last:
		return fmt.Errorf("of %s gives no %s", last, t.Elem)
	}
	return nil
}

func (op *Op) inferShape() error {
	a, t := op.Args[0].Type, op.out()
	want := Type{}
	axis := op.Axis >= 0 && op.Axis < a.Rank()
	switch op.Kind {
	case Broadcast:
		if a.Elem != t.Elem || !stretches(a.Dims, t.Dims) {
			return fmt.Errorf("of %s gives no %s", a, t)
		}
		return nil
	case Reshape:
		if a.Elem != t.Elem || a.Len() != t.Len() {
			return fmt.Errorf("of %s gives no %s", a, t)
		}
		return nil
	case Transpose:
		if !permutation(op.Perm, a.Rank()) {
			return fmt.Errorf("by %v of %s", op.Perm, a)
		}
		want.Elem = a.Elem
		for _, p := range op.Perm {
			want.Dims = append(want.Dims, a.Dims[p])
		}
	case XorShuffle:
		if !axis || op.Mask < 0 || !closed(a.Dims[op.Axis], op.Mask) {
			return fmt.Errorf("by %d along axis %d of %s leaves the tile", op.Mask, op.Axis, a)
		}
		want = a
	case Join:
		b := op.Args[1].Type
		if !axis || b.Rank() != a.Rank() || !b.Keep(op.Axis, a.Dims[op.Axis]).Equal(a) {
			return fmt.Errorf("of %s and %s along axis %d", a, b, op.Axis)
		}
		want = a.Keep(op.Axis, a.Dims[op.Axis]+b.Dims[op.Axis])
	case Slice:
		if !axis || t.Rank() != a.Rank() || op.Int < 0 ||
			op.Int+int64(t.Dims[op.Axis]) > int64(a.Dims[op.Axis]) {
			return fmt.Errorf("from %d along axis %d of %s gives no %s", op.Int, op.Axis, a, t)
		}
		want = a.Keep(op.Axis, t.Dims[op.Axis])
	}
	if !want.Equal(t) {
		return fmt.Errorf("gives %s, not %s", want, t)
	}
	return nil
}

// closed tells whether i ^ mask stays below n for all i below n.
func closed(n, mask int) bool {
	for i := range n {
		if i^mask >= n {
			return false
		}
	}
	return true
}

func permutation(p []int, n int) bool {
	if len(p) != n {
		return false
	}
	seen := make([]bool, n)
	for _, i := range p {
		if i < 0 || i >= n || seen[i] {
			return false
		}
		seen[i] = true
	}
	return true
}

// stretches tells whether dimensions a, aligned at the right, become b by stretching ones.
func stretches(a, b []int) bool {
	if len(a) > len(b) {
		return false
	}
	for i, d := range a {
		if e := b[len(b)-len(a)+i]; d != e && d != 1 {
			return false
		}
	}
	return true
}

// Accumulator returns what dot of two elements adds up in, or NoElem.
func Accumulator(e tile.Elem) tile.Elem {
	switch e {
	case tile.F16, tile.BF16, tile.TF32, tile.E4M3, tile.E5M2, tile.F32:
		return tile.F32
	case tile.F64:
		return tile.F64
	case tile.I8, tile.U8:
		return tile.I32
	}
	return tile.NoElem
}

func (op *Op) inferAcross() error {
	a, t := op.Args[0].Type, op.out()
	axis := op.Axis >= 0 && op.Axis < a.Rank()
	switch op.Kind {
	case Bits:
		if b := op.Args[1].Type; a.Rank() != 0 || a.Elem != tile.I32 || b.Elem != tile.I32 ||
			!b.Equal(t) {
			return fmt.Errorf("of %s and %s gives no %s", a, b, t)
		}
	case Dot:
		b, c := op.Args[1].Type, op.Args[2].Type
		if a.Rank() != 2 || b.Rank() != 2 || a.Dims[1] != b.Dims[0] || a.Elem != b.Elem ||
			Accumulator(a.Elem) == tile.NoElem ||
			!c.Equal(t) || !t.Equal(Of(Accumulator(a.Elem), a.Dims[0], b.Dims[1])) {
			return fmt.Errorf("of %s and %s plus %s gives no %s", a, b, c, t)
		}
	case Reduce, Scan:
		want := a
		if axis && op.Kind == Reduce {
			want = a.Keep(op.Axis, 1)
		}
		if !axis || !combines(op.Comb, a.Elem) || !want.Equal(t) {
			return fmt.Errorf("by %s along axis %d of %s gives no %s", op.Comb, op.Axis, a, t)
		}
	case ArgReduce:
		if !axis || op.Comb != Max && op.Comb != Min ||
			!a.Keep(op.Axis, 1).With(tile.I32).Equal(t) {
			return fmt.Errorf("by %s along axis %d of %s gives no %s", op.Comb, op.Axis, a, t)
		}
	case Sort:
		return op.inferSort(axis)
	}
	return nil
}

func (op *Op) inferSort(axis bool) error {
	a := op.Args[0].Type
	if !axis || a.Dims[op.Axis]&(a.Dims[op.Axis]-1) != 0 || len(op.Args) > 2 ||
		len(op.Results) != len(op.Args) {
		return fmt.Errorf("of %s along axis %d", a, op.Axis)
	}
	for i, v := range op.Args {
		if !v.Type.SameShape(a) || !v.Type.Equal(op.Results[i].Type) ||
			i == 1 && v.Type.Elem != tile.I32 {
			return fmt.Errorf("of %s with %s", a, v.Type)
		}
	}
	return nil
}

// combines tells whether a reduction by c is defined on an element type.
func combines(c Kind, e tile.Elem) bool {
	switch c {
	case Add, Mul, Max, Min:
		return e != tile.Bool && Computes(e)
	case And, Or, Xor:
		return bits.has(e)
	}
	return false
}
