package hostgen

import (
	"tensoros/neurolang/builtin"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/program"
	"tensoros/neurolang/tile"
)

// extra are the arguments that intrinsics of the machine take beside those of the table.
var extra = map[string]struct {
	n   int
	put func(g *gen, x *hir.Intrinsic, base int)
}{
	"Tensor.expect": {3, (*gen).expected},
	"Tensor.t":      {1, (*gen).layoutOf},
	"Array.pop":     {1, (*gen).optionOf},
}

// intrinsic calls what the machine provides. Arguments are lent but for those that the table says
// are moved.
func (g *gen) intrinsic(x *hir.Intrinsic, dst int) {
	more := extra[x.Name]
	n := len(x.Args) + more.n
	base := g.window(n, dst)
	f := builtin.Find(x.Name)
	for i, a := range x.Args {
		switch {
		case a == nil:
			g.op(program.LoadU, base+i, 0, 0)
		case moved(f, i):
			g.to(a, base+i)
		default:
			g.lend(a, base+i)
		}
	}
	if more.put != nil {
		more.put(g, x, base+len(x.Args))
	}
	g.wide(program.Builtin, base, g.site(x.Name, n))
	g.give(dst, base)
	if x.Name == "Tensor.item" {
		g.convert(x.T, under(x.Args[0].Type()), dst)
	}
}

// moved tells that an intrinsic takes an argument. Functions of an embedder only look at them.
func moved(f *builtin.Func, i int) bool {
	if f == nil {
		return false
	}
	if n := len(f.Params); i >= n && n > 0 && f.Params[n-1].Rest {
		i = n - 1
	}
	return i < len(f.Params) && f.Params[i].Mode == builtin.Move
}

// expected is what the compiler was told of a tensor: element type, layout, dimensions.
func (g *gen) expected(x *hir.Intrinsic, base int) {
	t := x.T
	for i := range 3 {
		g.op(program.LoadU, base+i, 0, 0)
	}
	if t.Elem != tile.NoElem {
		g.load(t.Elem, base)
	}
	if t.Layout != tile.NoLayout {
		g.load(t.Layout, base+1)
	}
	if t.AnyDim {
		return
	}
	r := g.regs(max(len(t.Dims), 1))
	for i, d := range t.Dims {
		known, ok := g.dims[d.Sym]
		switch {
		case d.Sym == "":
			g.load(max(d.Const, -1), r+i)
		case ok:
			g.op(program.Move, r+i, known, 0)
		default:
			g.load(-1, r+i)
		}
	}
	g.op(program.Array, base+2, r, len(t.Dims))
	g.release(r)
}

// layoutOf is the layout that the compiler knows of the result.
func (g *gen) layoutOf(x *hir.Intrinsic, base int) {
	if x.T.Layout == tile.NoLayout {
		g.op(program.LoadU, base, 0, 0)
		return
	}
	g.load(x.T.Layout, base)
}

// optionOf is the number of Some's shape.
func (g *gen) optionOf(x *hir.Intrinsic, base int) { g.load(g.shape(x.T.Def), base) }
