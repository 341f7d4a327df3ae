package graph

import (
	"slices"

	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// retile gives a pointwise kernel other blocks on its axes. It fails where sizes mean more than
// blocks.
func retile(k *tir.Kernel, blocks []int) (*tir.Kernel, bool) {
	same := true
	for i, a := range k.Axes {
		same = same && a.Block == blocks[i]
	}
	if same {
		return k, true
	}
	t := &tags{k: k, up: map[dimOf]dimOf{}, axis: map[dimOf]int{}}
	if !t.find() {
		return nil, false
	}
	out := &tir.Kernel{Name: k.Name, Params: k.Params, Outs: k.Outs, Loc: k.Loc,
		Axes: slices.Clone(k.Axes), Deterministic: k.Deterministic}
	for i := range out.Axes {
		out.Axes[i].Block = blocks[i]
	}
	b := tir.NewBuilder(out)
	r := &retiler{k: k, blocks: blocks, starts: make([]*tir.Value, len(blocks))}
	r.c = tir.Copier{B: b, Vals: map[*tir.Value]*tir.Value{}, Hook: r.hook,
		Param: func(i int) int { return i },
		Type: func(v *tir.Value) tir.Type {
			n := tir.Type{Elem: v.Type.Elem, Dims: append([]int(nil), v.Type.Dims...)}
			for d := range n.Dims {
				if axis, ok := t.axis[t.root(dimOf{v, d})]; ok && axis != whole {
					n.Dims[d] = blocks[axis]
				}
			}
			return n
		}}
	for i, a := range k.Body.Args {
		r.c.Vals[a] = out.Body.Args[i]
	}
	r.c.Block(k.Body)
	b.Yield()
	return out, out.Verify() == nil
}

// dimOf is a dimension of a value.
type dimOf struct {
	v *tir.Value
	d int
}

// tags says which dimensions of values are pieces of the same axis.
type tags struct {
	k    *tir.Kernel
	up   map[dimOf]dimOf
	axis map[dimOf]int // of roots
	bad  bool
}

func (t *tags) root(x dimOf) dimOf {
	for {
		up, ok := t.up[x]
		if !ok {
			return x
		}
		x = up
	}
}

func (t *tags) join(x, y dimOf) {
	x, y = t.root(x), t.root(y)
	if x == y {
		return
	}
	a, ok := t.axis[x]
	if b, other := t.axis[y]; ok && other && a != b {
		t.bad = true
	} else if ok {
		t.axis[y] = a
	}
	t.up[x] = y
}

func (t *tags) set(x dimOf, axis int) {
	x = t.root(x)
	if have, ok := t.axis[x]; ok && have != axis {
		t.bad = true
	}
	t.axis[x] = axis
}

// find tags all dimensions; it fails if one stands for two axes, or for none and is not 1.
func (t *tags) find() bool {
	for _, op := range t.k.Body.Ops {
		switch {
		case op.Kind == tir.Load:
			t.view(op, op.Results[0])
		case op.Kind == tir.Store:
			t.view(op, op.Args[0])
		case op.Kind.Elementwise():
			for _, a := range op.Args {
				for d := range a.Type.Dims {
					t.join(dimOf{a, d}, dimOf{op.Results[0], d})
				}
			}
		case op.Kind == tir.Broadcast:
			from, to := op.Args[0], op.Results[0]
			skip := len(to.Type.Dims) - len(from.Type.Dims)
			for d, n := range from.Type.Dims {
				if n == to.Type.Dims[skip+d] {
					t.join(dimOf{from, d}, dimOf{to, skip + d})
				}
			}
		case op.Kind == tir.Reshape:
			t.reshape(op.Args[0], op.Results[0])
		}
	}
	for _, op := range t.k.Body.Ops {
		for _, v := range op.Results {
			for d, n := range v.Type.Dims {
				if _, ok := t.axis[t.root(dimOf{v, d})]; !ok && n != 1 {
					t.bad = true
				}
			}
		}
	}
	return !t.bad
}

func (t *tags) view(op *tir.Op, v *tir.Value) {
	p, ok := pieceOf(t.k, op)
	if !ok {
		t.bad = true
		return
	}
	d := 0
	for i, axis := range p.axes {
		if p.sizes[i] == 0 {
			t.bad = true // a single index: its program is one row
			continue
		}
		t.set(dimOf{v, d}, axis)
		d++
	}
}

// reshape adds or drops dimensions of 1.
func (t *tags) reshape(from, to *tir.Value) {
	j := 0
	for i, n := range from.Type.Dims {
		if n == 1 {
			continue
		}
		for j < len(to.Type.Dims) && to.Type.Dims[j] == 1 {
			j++
		}
		if j == len(to.Type.Dims) || to.Type.Dims[j] != n {
			t.bad = true
			return
		}
		t.join(dimOf{from, i}, dimOf{to, j})
		j++
	}
}

type retiler struct {
	k      *tir.Kernel
	blocks []int
	starts []*tir.Value
	c      tir.Copier
}

// view makes a Load or Store of the new blocks.
func (r *retiler) view(op *tir.Op) {
	p, _ := pieceOf(r.k, op) // find has checked it
	sizes := slices.Clone(op.Sizes)
	for d, axis := range p.axes {
		if axis != whole {
			sizes[d] = r.blocks[axis]
		}
	}
	args := make([]*tir.Value, len(op.Args))
	for i, a := range op.Args {
		args[i] = r.c.Vals[a]
	}
	if op.Kind == tir.Store {
		r.c.B.Store(op.Param, sizes, args[0], args[1:]...)
		return
	}
	var other *tir.Value
	if n := len(sizes); len(args) > n {
		other, args = args[n], args[:n]
	}
	r.c.Vals[op.Results[0]] = r.c.B.Load(op.Param, sizes, args, other)
}

// hook makes the starts of pieces, and what begins there, anew.
func (r *retiler) hook(op *tir.Op) bool {
	if op.Kind == tir.Load || op.Kind == tir.Store {
		r.view(op)
		return true
	}
	if len(op.Results) != 1 {
		return false
	}
	axis, ok := start(r.k, op.Results[0])
	if !ok {
		return false
	}
	if r.starts[axis] == nil {
		s := r.c.B.Op(tir.Program, tir.Attrs{Axis: axis}, tir.Scalar(tile.I32))
		if r.blocks[axis] != 1 {
			s = r.c.B.Binary(tir.Mul, s, r.c.B.Index(r.blocks[axis]))
		}
		r.starts[axis] = s
	}
	r.c.Vals[op.Results[0]] = r.starts[axis]
	return true
}
