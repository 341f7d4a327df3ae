package graph

import (
	"fmt"
	"slices"
	"strings"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// Fuse merges a launch into the launch that makes its operand, as long as it reads that operand at
// its own pieces only: the tile goes on in registers. A tensor that nobody else uses disappears.
func (g *Graph) Fuse() (merged int) {
	for {
		if !g.fuseOne() {
			g.sweep()
			return merged
		}
		merged++
	}
}

func (g *Graph) fuseOne() bool {
	for c, n := range g.Nodes {
		if n.Op != Launch || len(n.written()) > 0 {
			continue
		}
		for _, a := range n.Args {
			p := slices.Index(g.Nodes, a.Node)
			if p < 0 || g.Nodes[p].Op != Launch || len(g.Nodes[p].written()) > 0 {
				continue
			}
			if at, ok := g.place(p, c); ok && g.merge(p, c, at) {
				return true
			}
		}
	}
	return false
}

// place tells where one node can stand for the nodes p and c: at c if nobody between uses what p
// makes, at p if all that c uses is there.
func (g *Graph) place(p, c int) (at int, ok bool) {
	prod, cons := g.Nodes[p], g.Nodes[c]
	late := true
	for _, n := range g.Nodes[p+1 : c] {
		if len(n.written()) > 0 || n.Op == Free {
			return 0, false
		}
		for _, a := range n.Args {
			late = late && a.Node != prod
		}
	}
	if late {
		return c, true
	}
	for _, a := range cons.Args {
		if i := slices.Index(g.Nodes, a.Node); i > p {
			return 0, false
		}
	}
	return p, true
}

// merge puts the fused launch at a node's place, if the kernels fit.
func (g *Graph) merge(p, c, at int) bool {
	prod, cons := g.Nodes[p], g.Nodes[c]
	uses := g.uses()
	inside := map[*Value]int{}
	for _, a := range cons.Args {
		inside[a]++
	}
	f := &fusion{g: g, prod: prod, cons: cons, keep: map[int]bool{}}
	for i, r := range prod.Results {
		f.keep[i] = uses[r] > inside[r]
	}
	if !f.fit() {
		return false
	}
	k, ok := f.kernel()
	if !ok || g.Accept != nil && !g.Accept(k) {
		return false
	}
	n := &Node{Op: Launch, Kernel: g.intern(k), Args: f.args, At: cons.At}
	for i, r := range prod.Results {
		if f.keep[i] {
			n.Results = append(n.Results, r)
		}
	}
	n.Results = append(n.Results, cons.Results...)
	for _, r := range n.Results {
		r.Node = n
	}
	g.Nodes[at] = n
	other := p + c - at
	g.Nodes = slices.Delete(g.Nodes, other, other+1)
	return true
}

// fusion is two launches on their way to one.
type fusion struct {
	g          *Graph
	prod, cons *Node
	pk, ck     *tir.Kernel  // with equal blocks
	keep       map[int]bool // results of prod that somebody else uses
	axes       []int        // of cons: which one of prod it is

	args   []*Value           // of the fused launch
	params [2][]int           // numbers in the fused kernel; -1: in registers
	tiles  map[int]*tir.Value // results of prod in registers
}

// fit finds how the grids correspond, and gives both kernels the same blocks.
func (f *fusion) fit() bool {
	f.pk, f.ck = f.prod.Kernel, f.cons.Kernel
	pd, cd := f.prod.bind(), f.cons.bind()
	f.axes = make([]int, len(f.ck.Axes))
	for i := range f.axes {
		f.axes[i] = whole
	}
	for i, a := range f.cons.Args {
		if a.Node != f.prod {
			continue
		}
		w, ok1 := onlyPiece(f.pk, len(f.pk.Params)+f.result(a), tir.Store)
		r, ok2 := onlyPiece(f.ck, i, tir.Load)
		if !ok1 || !ok2 || len(touches(f.pk, len(f.pk.Params)+f.result(a))) != 1 ||
			!f.correspond(w, r) {
			return false
		}
	}
	used := map[int]bool{}
	for i, a := range f.axes {
		if a == whole || used[a] || resolve(f.ck.Axes[i].Dim, cd) != resolve(f.pk.Axes[a].Dim, pd) {
			return false
		}
		used[a] = true
	}
	return len(used) == len(f.pk.Axes) && f.sameBlocks()
}

// result is the number of a result of the producer.
func (f *fusion) result(v *Value) int { return slices.Index(f.prod.Results, v) }

// correspond notes which axes pieces of a tensor bring together.
func (f *fusion) correspond(w, r piece) bool {
	for d, a := range r.axes {
		b := w.axes[d]
		if (a == whole) != (b == whole) || (w.sizes[d] == 0) != (r.sizes[d] == 0) {
			return false
		}
		if a == whole {
			continue
		}
		if f.axes[a] != whole && f.axes[a] != b {
			return false
		}
		f.axes[a] = b
	}
	return true
}

// sameBlocks cuts the pointwise one of the kernels as the other is cut.
func (f *fusion) sameBlocks() bool {
	cb, pb := make([]int, len(f.axes)), make([]int, len(f.axes))
	same := true
	for i, a := range f.axes {
		cb[i], pb[a] = f.pk.Axes[a].Block, f.ck.Axes[i].Block
		same = same && cb[i] == pb[a]
	}
	ok := true
	switch {
	case same:
	case pointwise(f.ck):
		f.ck, ok = retile(f.ck, cb)
	case pointwise(f.pk):
		f.pk, ok = retile(f.pk, pb)
	default:
		return false
	}
	return ok
}

// kernel makes the fused kernel.
func (f *fusion) kernel() (*tir.Kernel, bool) {
	k := &tir.Kernel{Name: f.prod.Kernel.Name + "__" + f.cons.Kernel.Name, Loc: f.ck.Loc,
		Deterministic: f.pk.Deterministic || f.ck.Deterministic}
	sides := [2]*Node{f.prod, f.cons}
	for s, n := range sides {
		f.params[s] = f.operands(k, n, s == 1)
	}
	for s, n := range sides {
		f.params[s] = append(f.params[s], f.outs(k, n, s == 0)...)
	}
	pd := f.prod.bind()
	for _, a := range f.pk.Axes {
		a.Dim = resolve(a.Dim, pd)
		k.Axes = append(k.Axes, a)
	}
	b := tir.NewBuilder(k)
	f.tiles = map[int]*tir.Value{}
	for s, n := range sides {
		f.copy(b, n, []*tir.Kernel{f.pk, f.ck}[s], s)
	}
	b.Yield()
	tidy(k)
	return k, k.Verify() == nil
}

// operands adds a launch's arguments; the second launch shares those of the first.
func (f *fusion) operands(k *tir.Kernel, n *Node, second bool) (params []int) {
	for i, p := range n.Kernel.Params {
		a := n.Args[i]
		if second && a.Node == f.prod {
			params = append(params, -1)
			continue
		}
		if have := slices.Index(f.args, a); have >= 0 && k.Params[have].Elem == p.Elem {
			params = append(params, have)
			continue
		}
		params = append(params, len(k.Params))
		p.Dims, p.Layout = slices.Clone(a.Type.Dims), layout(p.Layout)
		p.Name = paramName(k, p.Name)
		k.Params = append(k.Params, p)
		f.args = append(f.args, a)
	}
	return params
}

// paramName makes a parameter's name the only one.
func paramName(k *tir.Kernel, name string) string {
	out := name
	taken := func(p abi.Param) bool { return p.Name == out }
	for i := 1; slices.ContainsFunc(k.Params, taken); i++ {
		out = fmt.Sprintf("%s%d", name, i)
	}
	return out
}

// outs adds a launch's results; of the first only those that are kept.
func (f *fusion) outs(k *tir.Kernel, n *Node, first bool) (params []int) {
	dims := n.bind()
	for i, o := range n.Kernel.Outs {
		if first && !f.keep[i] {
			params = append(params, -1)
			continue
		}
		o.Dims = resolveAll(o.Dims, dims)
		o.Name = fmt.Sprintf("out%d", len(k.Outs))
		params = append(params, len(k.Params)+len(k.Outs))
		k.Outs = append(k.Outs, o)
	}
	return params
}

// copy puts a kernel's body into the fused one.
func (f *fusion) copy(b *tir.Builder, n *Node, k *tir.Kernel, side int) {
	c := &tir.Copier{B: b, Vals: map[*tir.Value]*tir.Value{},
		Param: func(old int) int { return f.params[side][old] }}
	args := map[int]*tir.Value{} // scalars by number in the fused kernel
	next := 0
	for i, p := range b.K.Params {
		if !p.Tensor {
			args[i] = b.K.Body.Args[next]
			next++
		}
	}
	next = 0
	for i, p := range k.Params {
		if !p.Tensor {
			c.Vals[k.Body.Args[next]] = args[f.params[side][i]]
			next++
		}
	}
	dims := n.bind()
	c.Hook = func(op *tir.Op) bool { return f.hook(c, n, k, op, side, dims) }
	c.Block(k.Body)
}

// hook resolves dimensions and axes, and lets tiles go on in registers.
func (f *fusion) hook(c *tir.Copier, n *Node, k *tir.Kernel, op *tir.Op, side int,
	dims map[string]abi.Dim) bool {
	switch op.Kind {
	case tir.Extent:
		d := resolve(abi.Dim{Sym: op.Sym}, dims)
		if d.Sym == "" {
			c.Vals[op.Results[0]] = c.B.Index(d.Const)
		} else {
			c.Vals[op.Results[0]] = c.B.Op(tir.Extent, tir.Attrs{Sym: d.Sym},
				tir.Scalar(tile.I32))
		}
		return true
	case tir.Program:
		if side == 0 {
			return false
		}
		c.Vals[op.Results[0]] = c.B.Op(tir.Program, tir.Attrs{Axis: f.axes[op.Axis]},
			tir.Scalar(tile.I32))
		return true
	case tir.Store:
		if i := op.Param - len(k.Params); side == 0 && i >= 0 {
			f.tiles[i] = c.Vals[op.Args[0]]
			return !f.keep[i]
		}
	case tir.Load:
		if side == 1 && op.Param < len(k.Params) && n.Args[op.Param].Node == f.prod {
			c.Vals[op.Results[0]] = f.masked(c, k, op, n.Args[op.Param])
			return true
		}
	}
	return false
}

// masked is a tile of the producer as the consumer would have read it: what lies outside of the
// tensor is another value there. A pointwise kernel does not see it.
func (f *fusion) masked(c *tir.Copier, k *tir.Kernel, op *tir.Op, t *Value) *tir.Value {
	x := f.tiles[f.result(t)]
	if pointwise(k) {
		return x
	}
	b := c.B
	i32 := tile.I32
	d := 0
	for i, size := range op.Sizes {
		if size == 0 {
			continue
		}
		dim := t.Type.Dims[i]
		axis, cut := start(k, op.Args[i])
		if cut && (dim.Sym != "" || dim.Const%size != 0) {
			at := b.Op(tir.Program, tir.Attrs{Axis: f.axes[axis]}, tir.Scalar(i32))
			at = b.Binary(tir.Mul, at, b.Index(size))
			end := b.Index(dim.Const)
			if dim.Sym != "" {
				end = b.Op(tir.Extent, tir.Attrs{Sym: dim.Sym}, tir.Scalar(i32))
			}
			shape := tir.Type{Dims: x.Type.Dims, Elem: i32}
			in := b.Op(tir.Iota, tir.Attrs{Axis: d}, shape)
			in = b.Binary(tir.Add, in, b.Broadcast(at, shape.Dims))
			mask := b.Binary(tir.Lt, in, b.Broadcast(end, shape.Dims))
			other := b.Number(x.Type, 0)
			if len(op.Args) > len(op.Sizes) {
				other = b.Broadcast(c.Vals[op.Args[len(op.Sizes)]], x.Type.Dims)
			}
			x = b.Op(tir.Select, tir.Attrs{}, x.Type, mask, x, other)
		}
		d++
	}
	return x
}

// maxName bounds the names of kernels that passes make.
const maxName = 64

// spell puts a name as PTX allows.
func spell(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, name)
}

// intern gives a kernel that a pass has made a name of its own; if there is an equal one already,
// it is that.
func (g *Graph) intern(k *tir.Kernel) *tir.Kernel {
	base := k.Name
	if len(base) > maxName {
		base = "fused_" + spell(g.Name)
	}
	k.Name = base
	for i := 1; ; i++ {
		at := slices.IndexFunc(g.Kernels, func(x *tir.Kernel) bool { return x.Name == k.Name })
		if at < 0 {
			g.Kernels = append(g.Kernels, k)
			return k
		}
		if g.Kernels[at].String() == k.String() {
			return g.Kernels[at]
		}
		k.Name = fmt.Sprintf("%s_%d", base, i)
	}
}
