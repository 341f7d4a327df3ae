package gen

import (
	"cmp"
	"slices"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tir"
)

// facts answers what is known of scalars and shapes. What it has to take for granted becomes a need
// of the variant, as far as its mode allows.
type facts struct {
	k     *tir.Kernel
	mode  mode
	needs []abi.Need
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, -a)
}

// need notes a condition on launches.
func (f *facts) need(n abi.Need) {
	for i, have := range f.needs {
		if have.Sym == n.Sym && have.Param == n.Param {
			f.needs[i].Multiple = n.Multiple / gcd(n.Multiple, have.Multiple) * have.Multiple
			return
		}
	}
	f.needs = append(f.needs, n)
	slices.SortFunc(f.needs, func(a, b abi.Need) int {
		return cmp.Or(cmp.Compare(a.Sym, b.Sym), cmp.Compare(a.Param, b.Param))
	})
}

// multiple tells whether a dimension is a multiple of n, given that variants of mode m or bolder
// may take it for granted.
func (f *facts) multiple(d abi.Dim, n int, m mode) bool {
	switch {
	case n <= 1:
		return true
	case d.Sym == "":
		return d.Const%n == 0
	case f.mode > m:
		return false
	}
	f.need(abi.Need{Sym: d.Sym, Multiple: n})
	return true
}

// aligned tells whether a tensor's address is a multiple of n.
func (f *facts) aligned(param, n int) bool {
	if n <= f.k.Tensor(param).Elem.Size() {
		return true
	}
	if f.mode > vector {
		return false
	}
	f.need(abi.Need{Param: param, Multiple: n})
	return true
}

// divisor is the largest number known to divide a scalar; 0 if it is zero.
func (f *facts) divisor(v *tir.Value) int {
	op := v.Op
	if op == nil {
		return f.loopDivisor(v)
	}
	switch op.Kind {
	case tir.Const:
		return int(max(op.Int, -op.Int))
	case tir.Mul:
		return f.divisor(op.Args[0]) * f.divisor(op.Args[1])
	case tir.Add, tir.Sub, tir.Max, tir.Min:
		return gcd(f.divisor(op.Args[0]), f.divisor(op.Args[1]))
	case tir.Shl:
		if s := op.Args[1].Op; s != nil && s.Kind == tir.Const && s.Int >= 0 && s.Int < 20 {
			return f.divisor(op.Args[0]) << s.Int
		}
	}
	return 1
}

// loopOf is the loop whose index a value is.
func (f *facts) loopOf(v *tir.Value) *tir.Op {
	if v.Arg == nil || len(v.Arg.Args) == 0 || v.Arg.Args[0] != v {
		return nil
	}
	var found *tir.Op
	f.k.Body.Walk(func(op *tir.Op) {
		if op.Kind == tir.For && op.Blocks[0] == v.Arg {
			found = op
		}
	})
	return found
}

func (f *facts) loopDivisor(v *tir.Value) int {
	if l := f.loopOf(v); l != nil {
		return gcd(f.divisor(l.Args[0]), f.divisor(l.Args[2]))
	}
	return 1
}

// natural tells whether a scalar is known not to be negative.
func (f *facts) natural(v *tir.Value) bool {
	if v.Op == nil {
		l := f.loopOf(v)
		return l != nil && f.natural(l.Args[0])
	}
	switch v.Op.Kind {
	case tir.Const:
		return v.Op.Int >= 0
	case tir.Program, tir.Extent:
		return true
	case tir.Mul, tir.Add, tir.Div, tir.Rem, tir.Min, tir.And:
		return f.natural(v.Op.Args[0]) && f.natural(v.Op.Args[1])
	case tir.Max:
		return f.natural(v.Op.Args[0]) || f.natural(v.Op.Args[1])
	}
	return false
}

func constant(v *tir.Value) (int, bool) {
	if v.Op != nil && v.Op.Kind == tir.Const && v.Type.Rank() == 0 && tir.IsInt(v.Type.Elem) {
		return int(v.Op.Int), true
	}
	return 0, false
}

// within tells whether n elements from v on are known to lie in a dimension.
func (f *facts) within(v *tir.Value, n int, d abi.Dim) bool {
	n = max(n, 1)
	if c, ok := constant(v); ok {
		return c >= 0 && d.Sym == "" && c+n <= d.Const
	}
	if v.Op == nil {
		l := f.loopOf(v)
		if l == nil || !f.natural(l.Args[0]) || !f.endsAt(l.Args[1], d) {
			return false
		}
		step, ok := constant(l.Args[2])
		from, ok2 := constant(l.Args[0])
		return ok && ok2 && n <= step && from%step == 0 && f.multiple(d, step, whole)
	}
	p, block := v, 1
	if v.Op.Kind == tir.Mul {
		c, ok := constant(v.Op.Args[1])
		if !ok {
			return false
		}
		p, block = v.Op.Args[0], c
	}
	if p.Op == nil || p.Op.Kind != tir.Program {
		return false
	}
	axis := f.k.Axes[p.Op.Axis]
	return axis.Dim == d && axis.Block == block && n <= block && f.multiple(d, block, whole)
}

// endsAt tells whether a loop's end is the end of a dimension.
func (f *facts) endsAt(v *tir.Value, d abi.Dim) bool {
	if c, ok := constant(v); ok {
		return d.Sym == "" && c <= d.Const
	}
	return v.Op != nil && v.Op.Kind == tir.Extent && d.Sym == v.Op.Sym
}
