package gen

import (
	"slices"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/layout"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// class is a set of values that should have one layout.
type class struct {
	up   *class
	dims []int // logs
	l    *layout.Layout
	// links are classes whose layout follows from this one's.
	links []link
	// traffic is the bytes that this class's loads and stores move, and the largest of them.
	traffic int
	largest int
	access  *tir.Op
}

type link struct {
	to  *class
	how func(*layout.Layout) *layout.Layout
}

func (c *class) root() *class {
	for c.up != nil {
		c = c.up
	}
	return c
}

// assign gives every tile a layout. Dots decide first, for their instructions leave no choice; then
// the accesses that move the most. Elementwise operations, loops and branches hand layouts on;
// where two meet, emission converts.
func (g *gen) assign() {
	g.class = map[*tir.Value]*class{}
	var order []*class
	of := func(v *tir.Value) *class {
		c := g.class[v]
		if c == nil {
			c = &class{dims: layout.Logs(v.Type.Dims)}
			g.class[v] = c
			order = append(order, c)
		}
		return c.root()
	}
	g.k.Body.Walk(func(op *tir.Op) {
		for _, v := range op.Results {
			of(v) // also those that nothing relates to another: of slices and joins
		}
		relate(op, of)
	})
	g.k.Body.Walk(func(op *tir.Op) {
		if op.Kind == tir.Dot {
			g.settle(of(op.Results[0]), g.dotLayout(op))
		}
	})
	for {
		var best *class
		for _, c := range order {
			if c.up == nil && c.l == nil && c.access != nil && len(c.dims) > 0 &&
				(best == nil || c.traffic > best.traffic) {
				best = c
			}
		}
		if best == nil {
			break
		}
		g.settle(best, g.memoryLayout(best.access, best.dims))
	}
	for _, c := range slices.Backward(order) {
		if c.up == nil && c.l == nil {
			g.settle(c, layout.Blocked(c.dims, rowMajor(len(c.dims)), 2, g.warps))
		}
	}
	g.fit()
}

// fit checks early that tiles fit the registers, before code is made for every element.
func (g *gen) fit() {
	g.k.Body.Walk(func(op *tir.Op) {
		switch op.Kind {
		case tir.Const, tir.Iota, tir.Broadcast:
			return
		}
		for _, v := range op.Results {
			if v.Type.Rank() > 0 && g.rings[v] == nil {
				g.loc = op.Loc
				g.room(v.Type, g.layoutOf(v))
			}
		}
	})
}

func rowMajor(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = n - 1 - i
	}
	return order
}

func (g *gen) dotLayout(op *tir.Op) *layout.Layout {
	t := op.Results[0].Type
	if g.method(op) == byFMA && !g.onSums() {
		return layout.Blocked(layout.Logs(t.Dims), rowMajor(2), 2, g.warps)
	}
	return g.sum(t.Dims)
}

// onSums tells whether any dot of the kernel uses Tensor Cores.
func (g *gen) onSums() bool {
	return slices.ContainsFunc(g.dots(), func(d *tir.Op) bool { return g.method(d) != byFMA })
}

// settle fixes a class's layout and what follows from it.
func (g *gen) settle(c *class, l *layout.Layout) {
	if c = c.root(); c.l != nil {
		return
	}
	c.l = l
	for _, k := range c.links {
		if to := k.to.root(); to.l == nil {
			if m := k.how(l); m != nil {
				g.settle(to, m)
			}
		}
	}
}

func union(a, b *class) {
	a, b = a.root(), b.root()
	if a == b {
		return
	}
	b.up = a
	a.links = append(a.links, b.links...)
	if b.largest > a.largest {
		a.access, a.largest = b.access, b.largest
	}
	a.traffic += b.traffic
}

// relate joins and links the classes of an operation's values.
func relate(op *tir.Op, of func(*tir.Value) *class) {
	if op.Kind.Elementwise() {
		for _, a := range op.Args {
			union(of(op.Results[0]), of(a))
		}
		return
	}
	switch op.Kind {
	case tir.XorShuffle, tir.Scan:
		union(of(op.Results[0]), of(op.Args[0]))
	case tir.Sort:
		for i := range op.Results {
			union(of(op.Results[0]), of(op.Results[i]))
			union(of(op.Results[0]), of(op.Args[i]))
		}
	case tir.Bits:
		union(of(op.Results[0]), of(op.Args[1]))
	case tir.Dot:
		union(of(op.Results[0]), of(op.Args[2]))
	case tir.Load:
		move(of(op.Results[0]), op, op.Results[0].Type)
	case tir.Store, tir.Atomic:
		move(of(op.Args[0]), op, op.Args[0].Type)
	case tir.For:
		carry(of, op.Args[3:], op.Results, op.Blocks[0].Args[1:], yielded(op.Blocks[0]))
	case tir.If:
		carry(of, op.Results, yielded(op.Blocks[0]), yielded(op.Blocks[1]))
	case tir.While:
		carry(of, op.Args, op.Results, op.Blocks[0].Args, yielded(op.Blocks[0])[1:],
			op.Blocks[1].Args, yielded(op.Blocks[1]))
	case tir.Reduce, tir.ArgReduce, tir.Broadcast, tir.Transpose, tir.Reshape:
		relateShape(op, of(op.Args[0]), of(op.Results[0]))
	}
}

func relateShape(op *tir.Op, from, to *class) {
	axis := op.Axis
	switch op.Kind {
	case tir.Reduce, tir.ArgReduce:
		from.links = append(from.links, link{to, func(l *layout.Layout) *layout.Layout {
			return l.Slice(axis)
		}})
	case tir.Broadcast:
		a, r := op.Args[0].Type.Dims, op.Results[0].Type.Dims
		to.links = append(to.links, link{from, func(l *layout.Layout) *layout.Layout {
			return narrow(l, a, r)
		}})
	case tir.Transpose:
		p := op.Perm
		from.links = append(from.links, link{to, func(l *layout.Layout) *layout.Layout {
			return l.Transpose(p)
		}})
		to.links = append(to.links, link{from, func(l *layout.Layout) *layout.Layout {
			return l.Transpose(layout.Inverse(p))
		}})
	case tir.Reshape:
		if !keepsPlaces(op) {
			return
		}
		from.links = append(from.links, link{to, func(l *layout.Layout) *layout.Layout {
			return l.Reshape(to.dims)
		}})
		to.links = append(to.links, link{from, func(l *layout.Layout) *layout.Layout {
			return l.Reshape(from.dims)
		}})
	}
}

// keepsPlaces tells whether a reshape leaves every element at its place although dimensions are
// padded: if those that are no powers of two stay, with what is inside of them.
func keepsPlaces(op *tir.Op) bool {
	a, b := op.Args[0].Type.Dims, op.Results[0].Type.Dims
	strip := func(d []int) (padded []int) {
		inner := 1
		for _, n := range slices.Backward(d) {
			if n&(n-1) != 0 {
				padded = append(padded, n, inner)
			}
			inner *= 1 << layout.Log2(n)
		}
		return append(padded, inner)
	}
	return slices.Equal(strip(a), strip(b))
}

// narrow is the layout of a tile of dimensions a so that stretching it to r gives layout l.
func narrow(l *layout.Layout, a, r []int) *layout.Layout {
	skip := len(r) - len(a)
	for d := range r {
		if l.Dims[d] > 0 && (d < skip || a[d-skip] == 1) {
			l = l.Slice(d)
		}
	}
	return l.Reshape(layout.Logs(a))
}

func carry(of func(*tir.Value) *class, lists ...[]*tir.Value) {
	for _, l := range lists[1:] {
		for i, v := range l {
			union(of(lists[0][i]), of(v))
		}
	}
}

func yielded(b *tir.Block) []*tir.Value { return b.Ops[len(b.Ops)-1].Args }

func move(c *class, op *tir.Op, t tir.Type) {
	n := t.Len() * t.Elem.Size()
	c.traffic += n
	if n > c.largest {
		c.largest, c.access = n, op
	}
}

// view says which dimension of the tensor each dimension of a memory operation's tile is.
func view(op *tir.Op) (dims []int) {
	for d, n := range op.Sizes {
		if n != 0 {
			dims = append(dims, d)
		}
	}
	return dims
}

// inner is the tensor's dimension that is contiguous in memory; -1 of a tensor without dimensions.
func inner(p *abi.Param) int {
	if n := len(p.Dims); p.Layout == tile.ColMajor && n >= 2 {
		return n - 2
	}
	return len(p.Dims) - 1
}

// memoryLayout gives lanes neighbours in memory, up to 16 bytes each.
func (g *gen) memoryLayout(op *tir.Op, dims []int) *layout.Layout {
	total := 0
	for _, d := range dims {
		total += d
	}
	return g.pieceLayout(op, dims, max(total-5-g.warps, 0))
}

// pieceLayout is memoryLayout with at most 2^most elements a lane, though threads find nothing to
// do.
func (g *gen) pieceLayout(op *tir.Op, dims []int, most int) *layout.Layout {
	p := g.k.Tensor(op.Param)
	order := rowMajor(len(dims))
	vec := min(g.vectorBits(op), most)
	dim := view(op)
	in := slices.Index(dim, inner(p))
	if in >= 0 && in < len(order) {
		i := slices.Index(order, in)
		order = slices.Insert(slices.Delete(order, i, i+1), 0, in)
	} else {
		vec = 0
	}
	return layout.Blocked(dims, order, vec, g.warps)
}

// vectorBits is log2 of the elements that one access of a memory operation may move: along the
// inner dimension, whose start, length in memory and base have to be multiples.
func (g *gen) vectorBits(op *tir.Op) int {
	p := g.k.Tensor(op.Param)
	in := inner(p)
	if in < 0 || op.Sizes[in] <= 1 || op.Kind == tir.Atomic || p.Elem == tile.Bool {
		return 0
	}
	size := p.Elem.Size()
	start := indices(op)[in]
	d := g.divisor(start)
	for n := 16 / size; n > 1; n /= 2 {
		if d%n == 0 && op.Sizes[in]%n == 0 && (p.Dims[in].Sym != "" && g.mode <= vector ||
			p.Dims[in].Sym == "" && p.Dims[in].Const%n == 0) && g.mode <= vector {
			g.multiple(p.Dims[in], n, vector)
			g.aligned(op.Param, n*size)
			return layout.Log2(n)
		}
	}
	return 0
}

// indices are those of a memory operation, one for each dimension of the tensor.
func indices(op *tir.Op) []*tir.Value {
	args := op.Args
	if op.Kind != tir.Load {
		args = args[1:]
	}
	return args[:len(op.Sizes)]
}
