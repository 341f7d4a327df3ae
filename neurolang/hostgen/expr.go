package hostgen

import (
	"fmt"

	"tensoros/neurolang/hir"
	"tensoros/neurolang/program"
	"tensoros/neurolang/tile"
)

// to evaluates an expression into a register, which then owns the value.
func (g *gen) to(e hir.Expr, dst int) {
	at := g.at
	if e.Span().IsValid() {
		g.at = e.Span()
	}
	g.expr(e, dst)
	g.at = at
}

func (g *gen) expr(e hir.Expr, dst int) {
	mark := g.next
	switch x := e.(type) {
	case *hir.Const:
		g.load(x.Value, dst)
	case *hir.DimOf:
		g.op(program.Move, dst, g.dim(x.Sym), 0)
	case *hir.Unary:
		g.unary(x, dst)
	case *hir.Binary:
		g.binary(x, dst)
	case *hir.Call:
		g.call(x, dst)
	case *hir.CallValue:
		g.callValue(x, dst)
	case *hir.FuncValue:
		base := g.sequence(x.Captured, dst)
		g.wide(program.Closure, base, g.Func(x.Fn))
		g.give(dst, base)
	case *hir.Intrinsic:
		g.intrinsic(x, dst)
	case *hir.Launch:
		g.launch(x, dst)
	case *hir.RefOf:
		g.refOf(x, dst)
	case *hir.TupleOf:
		g.op(program.Tuple, dst, g.sequence(x.Elems, dst), len(x.Elems))
	case *hir.ArrayOf:
		g.array(x, dst)
	case *hir.StructOf:
		g.make(g.shape(x.T.Def), x.Fields, dst)
	case *hir.EnumOf:
		g.make(g.shape(x.T.Def)+x.Tag, x.Args, dst)
	case *hir.RangeOf:
		r := g.sequence([]hir.Expr{x.Lo, x.Hi}, dst)
		g.op(program.Range, dst, r, r+1)
	case *hir.TagOf:
		g.op(program.Tag, dst, g.read(x.Arg), 0)
	case *hir.If:
		g.ifElse(x, dst, true)
	case *hir.BlockExpr:
		g.block(x.Block, dst, true)
	case *hir.CastTo:
		g.cast(x, dst)
	case *hir.Local, *hir.Deref, *hir.FieldOf, *hir.PayloadOf, *hir.IndexOf:
		g.takePlace(e, dst)
	default:
		panic(fmt.Sprintf("hostgen: %T in host code", e))
	}
	g.release(mark)
}

// window takes n registers in a row; they begin with dst if that is the youngest.
func (g *gen) window(n, dst int) int {
	if dst == g.next-1 && dst >= g.floor {
		g.regs(max(n, 1) - 1)
		return dst
	}
	return g.regs(max(n, 1))
}

// give moves a result to where it is wanted.
func (g *gen) give(dst, r int) {
	if dst != r {
		g.op(program.Move, dst, r, 0)
	}
}

// sequence evaluates expressions into registers in a row, a window for dst.
func (g *gen) sequence(list []hir.Expr, dst int) int {
	base := g.window(len(list), dst)
	for i, x := range list {
		g.to(x, base+i)
	}
	return base
}

// array makes [a, b, c] or [a; n]; long ones grow by pieces, for registers are few.
func (g *gen) array(x *hir.ArrayOf, dst int) {
	if x.Count != nil {
		r := g.sequence([]hir.Expr{x.Elems[0], x.Count}, dst)
		g.op(program.Fill, dst, r, r+1)
		return
	}
	const piece = 64
	for i := 0; i == 0 || i < len(x.Elems); i += piece {
		mark := g.next
		r := dst
		if i > 0 {
			r = g.reg()
		}
		part := x.Elems[i:min(i+piece, len(x.Elems))]
		g.op(program.Array, r, g.sequence(part, r), len(part))
		if i > 0 {
			g.op(program.Cat, dst, dst, r)
		}
		g.release(mark)
	}
}

func (g *gen) make(shape int, fields []hir.Expr, dst int) {
	base := g.sequence(fields, dst)
	g.wide(program.Make, base, shape)
	g.give(dst, base)
}

func (g *gen) unary(x *hir.Unary, dst int) {
	op := program.Not
	if x.Op == hir.Neg {
		if op = program.NegI; under(x.Arg.Type()).Kind == hir.Float {
			op = program.NegF
		}
	}
	g.op(op, dst, g.read(x.Arg), 0)
}

// cast converts numbers of the host.
func (g *gen) cast(x *hir.CastTo, dst int) {
	from, to := under(x.Arg.Type()).Kind, x.T.Kind
	switch {
	case from == hir.Int && to == hir.Float:
		g.op(program.FltI, dst, g.read(x.Arg), 0)
	case from == hir.Float && to == hir.Int:
		g.op(program.IntF, dst, g.read(x.Arg), 0)
	case from == hir.Bool && to == hir.Int, from == hir.Bool && to == hir.Float:
		g.boolAs(g.read(x.Arg), to == hir.Float, dst)
	default:
		g.to(x.Arg, dst)
	}
}

// boolAs makes 1 of true and 0 of false.
func (g *gen) boolAs(r int, float bool, dst int) {
	t := g.reg()
	g.load(1, t)
	skip := g.jump(program.JT, r)
	g.load(0, t)
	g.land(skip, g.here())
	if float {
		g.op(program.FltI, t, t, 0)
	}
	g.op(program.Move, dst, t, 0)
}

// opcodes of binary operators by the kind of their operands; swap: R before L; not: negated after.
type opcode struct {
	op   program.Op
	swap bool
}

var intOps = map[hir.Op]opcode{hir.Add: {op: program.AddI}, hir.Sub: {op: program.SubI},
	hir.Mul: {op: program.MulI}, hir.Div: {op: program.DivI}, hir.Rem: {op: program.RemI},
	hir.And: {op: program.AndI}, hir.Or: {op: program.OrI}, hir.Xor: {op: program.XorI},
	hir.Shl: {op: program.ShlI}, hir.Shr: {op: program.ShrI}, hir.Eq: {op: program.EqI},
	hir.Ne: {op: program.NeI}, hir.Lt: {op: program.LtI}, hir.Le: {op: program.LeI},
	hir.Gt: {program.LtI, true}, hir.Ge: {program.LeI, true}}

var floatOps = map[hir.Op]opcode{hir.Add: {op: program.AddF}, hir.Sub: {op: program.SubF},
	hir.Mul: {op: program.MulF}, hir.Div: {op: program.DivF}, hir.Rem: {op: program.RemF},
	hir.Eq: {op: program.EqF}, hir.Ne: {op: program.NeF}, hir.Lt: {op: program.LtF},
	hir.Le: {op: program.LeF}, hir.Gt: {program.LtF, true}, hir.Ge: {program.LeF, true}}

var otherOps = map[hir.Op]opcode{hir.Add: {op: program.Cat}, hir.Eq: {op: program.EqX},
	hir.Ne: {op: program.NeX}, hir.Lt: {op: program.LtS}, hir.Le: {op: program.LeS},
	hir.Gt: {program.LtS, true}, hir.Ge: {program.LeS, true}}

func (g *gen) binary(x *hir.Binary, dst int) {
	kind := under(x.L.Type()).Kind
	switch {
	case x.Op == hir.AndAnd || x.Op == hir.OrOr:
		g.lazy(x, dst)
		return
	case kind == hir.Int && g.addConst(x, dst):
		return
	}
	table := otherOps
	if kind == hir.Int || kind == hir.Bool {
		table = intOps
	} else if kind == hir.Float {
		table = floatOps
	}
	o, ok := table[x.Op]
	if !ok {
		panic(fmt.Sprintf("hostgen: operator %d of kind %d", x.Op, kind))
	}
	l := g.read(x.L)
	if !quiet(x.R) && g.isVar(l) {
		t := g.reg() // the right side may set the variable
		g.op(program.Move, t, l, 0)
		l = t
	}
	r := g.read(x.R)
	if o.swap {
		l, r = r, l
	}
	g.op(o.op, dst, l, r)
	if kind == hir.Bool && o.op != program.EqI && o.op != program.NeI {
		zero := g.reg()
		g.load(0, zero)
		g.op(program.NeI, dst, dst, zero)
	}
}

// isVar tells that a register holds a variable.
func (g *gen) isVar(r int) bool {
	for _, v := range g.vars {
		if v == r {
			return true
		}
	}
	return false
}

// addConst lowers the addition of a small constant.
func (g *gen) addConst(x *hir.Binary, dst int) bool {
	c, ok := x.R.(*hir.Const)
	if !ok || x.Op != hir.Add && x.Op != hir.Sub {
		return false
	}
	n, ok := c.Value.(int64)
	if x.Op == hir.Sub {
		n = -n
	}
	if !ok || n < program.MinByte || n > program.MaxByte {
		return false
	}
	g.op(program.AddN, dst, g.read(x.L), int(n))
	return true
}

// lazy evaluates the right side only if it counts.
func (g *gen) lazy(x *hir.Binary, dst int) {
	t := g.reg()
	g.to(x.L, t)
	op := program.JF
	if x.Op == hir.OrOr {
		op = program.JT
	}
	skip := g.jump(op, t)
	g.statement(func() { g.to(x.R, t) })
	g.land(skip, g.here())
	g.op(program.Move, dst, t, 0)
}

func (g *gen) call(x *hir.Call, dst int) {
	base := g.sequence(x.Args, dst)
	g.wide(program.Call, base, g.Func(x.Fn))
	g.give(dst, base)
}

func (g *gen) callValue(x *hir.CallValue, dst int) {
	base := g.window(len(x.Args), dst)
	f := g.read(x.Fn)
	for i, a := range x.Args {
		g.to(a, base+i)
	}
	g.op(program.CallV, base, f, len(x.Args))
	g.give(dst, base)
}

// launch lends tensors to a kernel.
func (g *gen) launch(x *hir.Launch, dst int) {
	n := len(x.Args)
	base := g.window(n+len(x.Into), dst)
	for i, a := range x.Args {
		g.lend(a, base+i)
	}
	for i, a := range x.Into {
		g.lend(a, base+n+i)
	}
	k, ok := g.kernels[x.Kernel]
	if !ok {
		panic("hostgen: kernel " + x.Kernel.Name + " has not been added")
	}
	op := program.Launch
	if len(x.Into) > 0 {
		op = program.LaunchTo
	}
	g.wide(op, base, k)
	g.give(dst, base)
}

// lend puts a value that the callee only looks at into a register.
func (g *gen) lend(e hir.Expr, dst int) {
	if x, ok := e.(*hir.RefOf); ok {
		if i, ok := x.Place.(*hir.IndexOf); !ok || under(i.Arg.Type()).Kind != hir.Tensor {
			e = x.Place
		}
	}
	if t := e.Type(); t.Kind != hir.Ref && !place(e) && !g.holds(t) {
		g.to(e, dst)
		return
	}
	mark := g.next
	if r := g.read(e); r != dst {
		g.op(program.Move, dst, r, 0)
	}
	g.release(mark)
}

// convert makes a float of an element of an integer tensor where the type says so.
func (g *gen) convert(t, tensor *hir.Type, dst int) {
	e := tensor.Elem
	if t.Kind == hir.Float && (e == tile.I8 || e == tile.I32 || e == tile.U8) {
		g.op(program.FltI, dst, dst, 0)
	}
}
