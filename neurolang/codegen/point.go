package codegen

import (
	"fmt"

	"tensoros/neurolang/ir"
	"tensoros/neurolang/tile"
)

// cursor walks one tensor in step with the output. A thread handles pairs of neighbours in a row.
type cursor struct {
	t   tile.Type
	cur reg // address of the current row's first element of this thread
	ld  reg // bytes from one row (RowMajor) or column (ColMajor) to the next
}

// cursor points at (row, col) of the tensor at base, an m x n matrix.
func (g *gen) cursor(t tile.Type, base, row, col reg) *cursor {
	major, minor, extent := row, col, g.n
	if t.Layout == tile.ColMajor {
		major, minor, extent = col, row, g.m
	}
	c := &cursor{t: t}
	c.ld = g.r("shl.b32", extent, log2(t.Elem.Size()))
	c.cur = g.rd("mad.wide.u32", major, c.ld, base)
	c.cur = g.rd("mad.wide.u32", minor, t.Elem.Size(), c.cur)
	return c
}

// down moves a cursor by rows.
func (g *gen) down(c *cursor, rows int) {
	if c.t.Layout == tile.ColMajor {
		g.into(c.cur, "add.s64", c.cur, rows*c.t.Elem.Size())
		return
	}
	g.into(c.cur, "mad.wide.u32", c.ld, rows, c.cur)
}

// pair is two neighbouring values of a row, as f32.
type pair [2]reg

// column returns the address of the element col columns to the right of the cursor of a ColMajor
// tensor.
func (g *gen) column(c *cursor, col int) reg {
	if col == 0 {
		return c.cur
	}
	return g.rd("mad.wide.u32", c.ld, col, c.cur)
}

func (g *gen) loadPair(c *cursor, col int) pair {
	es := c.t.Elem.Size()
	var p pair
	switch {
	case c.t.Layout == tile.ColMajor:
		for i := range p {
			at := g.column(c, col+i)
			if es == 4 {
				p[i] = g.f("ld.global.nc.f32", addr(at, 0))
			} else {
				p[i] = g.widen(c.t.Elem, g.op(classH, "ld.global.nc.b16", addr(at, 0)))
			}
		}
	case es == 4:
		p = pair{g.fresh(classF), g.fresh(classF)}
		g.line("ld.global.nc.v2.f32 %s, %s", join(p[:]), addr(c.cur, col*es))
	default:
		p = g.unpack(c.t.Elem, g.r("ld.global.nc.b32", addr(c.cur, col*es)))
	}
	return p
}

// widen turns 16 bits into f32; bf16 is the upper half of one.
func (g *gen) widen(e tile.Elem, h reg) reg {
	if e == tile.F16 {
		return g.f("cvt.f32.f16", h)
	}
	return g.f("mov.b32", fmt.Sprintf("{%s, %s}", g.op(classH, "mov.b16", 0), h))
}

func (g *gen) unpack(e tile.Elem, x reg) pair {
	lo, hi := g.fresh(classH), g.fresh(classH)
	g.line("mov.b32 {%s, %s}, %s", lo, hi, x)
	return pair{g.widen(e, lo), g.widen(e, hi)}
}

// pack rounds a pair to nearest even; the first source goes to the upper half (PTX ISA, cvt).
func (g *gen) pack(e tile.Elem, p pair) reg {
	return g.r("cvt.rn."+e.String()+"x2.f32", p[1], p[0])
}

func (g *gen) storePair(c *cursor, col int, p pair) {
	es := c.t.Elem.Size()
	if es == 4 && c.t.Layout == tile.RowMajor {
		g.line("st.global.v2.f32 %s, %s", addr(c.cur, col*es), join(p[:]))
		return
	}
	if es == 4 {
		for i, v := range p {
			g.line("st.global.f32 %s, %s", addr(g.column(c, col+i), 0), v)
		}
		return
	}
	x := g.pack(c.t.Elem, p)
	if c.t.Layout == tile.RowMajor {
		g.line("st.global.b32 %s, %s", addr(c.cur, col*es), x)
		return
	}
	lo, hi := g.fresh(classH), g.fresh(classH)
	g.line("mov.b32 {%s, %s}, %s", lo, hi, x)
	for i, v := range []reg{lo, hi} {
		g.line("st.global.b16 %s, %s", addr(g.column(c, col+i), 0), v)
	}
}

// pointOps: the f32 instruction of each elementwise operation. Rounding is named, so that ptxas
// contracts nothing (mul + add without .rn would fuse).
var pointOps = map[ir.Kind]string{
	ir.Add: "add.rn.f32", ir.Sub: "sub.rn.f32", ir.Mul: "mul.rn.f32", ir.Max: "max.f32",
	ir.Min: "min.f32", ir.Neg: "neg.f32", ir.Relu: "max.f32",
}

// compute evaluates the kernel's elementwise operations on one pair; vals holds the pairs of the
// parameters and of the dot.
func (g *gen) compute(vals map[*ir.Value]pair) pair {
	for _, op := range g.plan.k.Ops {
		if op.Kind == ir.Dot {
			continue
		}
		g.at(op.Loc)
		var out pair
		for i := range out {
			var args []any
			for _, a := range op.Args {
				args = append(args, vals[a][i])
			}
			switch op.Kind {
			case ir.Splat:
				out[i] = g.splat(op.Imm)
			case ir.Cast:
				out[i] = args[0].(reg)
			case ir.Relu:
				out[i] = g.f(pointOps[op.Kind], args[0], f32(0))
			default:
				out[i] = g.f(pointOps[op.Kind], args...)
			}
		}
		if e := op.Result.Type.Elem; e != tile.F32 && g.mustRound(op) {
			out = g.unpack(e, g.pack(e, out))
		}
		vals[op.Result] = out
	}
	return vals[g.plan.k.Ret]
}

// splat returns a register with a constant, set once.
func (g *gen) splat(v float32) reg {
	bits := f32(v)
	if r, ok := g.splats[bits]; ok {
		return r
	}
	r := g.f("mov.f32", bits)
	if g.splats == nil {
		g.splats = map[reg]reg{}
	}
	g.splats[bits] = r
	return r
}

// mustRound tells whether a 16-bit result is to be rounded now: not if it was exact anyway, nor
// if only the store, which rounds, uses it.
func (g *gen) mustRound(op *ir.Op) bool {
	if op.Kind == ir.Neg || op.Kind == ir.Max || op.Kind == ir.Min || op.Kind == ir.Relu {
		return false
	}
	for _, user := range g.plan.k.Ops {
		for _, a := range user.Args {
			if a == op.Result {
				return true
			}
		}
	}
	return false
}

// cursors opens the elementwise parameters and the output at this thread's first element.
func (g *gen) cursors(row, col reg) (in map[*ir.Value]*cursor, out *cursor) {
	in = map[*ir.Value]*cursor{}
	for i, v := range g.plan.k.Params {
		if g.dot == nil || i != g.a.param && i != g.b.param {
			in[v] = g.cursor(v.Type, g.ptr[i], row, col)
		}
	}
	return in, g.cursor(g.plan.k.Out, g.ptr[len(g.plan.k.Params)], row, col)
}

// cell handles one pair: load, compute, store.
func (g *gen) cell(in map[*ir.Value]*cursor, out *cursor, col int, dot pair) {
	vals := map[*ir.Value]pair{}
	for _, v := range g.plan.k.Params {
		if c := in[v]; c != nil {
			vals[v] = g.loadPair(c, col)
		}
	}
	if g.dot != nil {
		vals[g.dot.Result] = dot
	}
	g.storePair(out, col, g.compute(vals))
}

// epilogue stores the accumulators: registers 0, 1 of a 16x8 tile lie in row g = lane/4, 2, 3 in
// row g+8, at columns 2t, 2t+1, t = lane%4 (PTX ISA, mma.m16n8k16).
func (g *gen) epilogue(row, col reg, acc [][][]reg) {
	in, out := g.cursors(row, col)
	for half := 0; half < 2*len(acc); half++ {
		if half > 0 {
			g.allDown(in, out, 8)
		}
		for j, d := range acc[half/2] {
			q := half % 2 * 2
			g.cell(in, out, 8*j, pair{d[q], d[q+1]})
		}
	}
}

func (g *gen) allDown(in map[*ir.Value]*cursor, out *cursor, rows int) {
	for _, v := range g.plan.k.Params {
		if c := in[v]; c != nil {
			g.down(c, rows)
		}
	}
	g.down(out, rows)
}

// elementwise emits a kernel without a dot: each CTA walks its tile, each thread down one pair of
// columns.
func (g *gen) elementwise() {
	g.at(g.plan.k.Loc)
	pairs := g.bn / 2
	row := g.r("shr.u32", g.tid, log2(pairs))
	row = g.r("mad.lo.u32", g.by, g.bm, row)
	col := g.r("and.b32", g.tid, pairs-1)
	col = g.r("shl.b32", col, 1)
	col = g.r("mad.lo.u32", g.bx, g.bn, col)
	in, out := g.cursors(row, col)
	left := g.r("mov.u32", g.bm*pairs/g.threads)
	g.label("ROWS")
	g.cell(in, out, 0, pair{})
	g.allDown(in, out, g.threads/pairs)
	g.into(left, "sub.u32", left, 1)
	p := g.op(classP, "setp.ne.u32", left, 0)
	g.line("@%s bra ROWS", p)
}
