package gen

import (
	"slices"

	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// rotate returns a kernel whose loops with two chained dots run the second one a turn late: the
// next turn's first product is under way while the elementwise work of this one goes on, and so is
// the last turn's second. It says which operations are copies of which.
func rotate(k *tir.Kernel) (*tir.Kernel, map[*tir.Op]*tir.Op) {
	c := optimise(k)
	r := &rotation{origin: map[*tir.Op]*tir.Op{}}
	note := func(v *tir.Value) { r.next = max(r.next, v.ID+1) }
	for _, v := range c.Body.Args {
		note(v)
	}
	c.Body.Walk(func(op *tir.Op) {
		for _, v := range op.Results {
			note(v)
		}
		for _, b := range op.Blocks {
			for _, v := range b.Args {
				note(v)
			}
		}
	})
	r.block(c.Body)
	for sweep(c) {
	}
	return c, r.origin
}

type rotation struct {
	next   int
	origin map[*tir.Op]*tir.Op
}

func (r *rotation) block(b *tir.Block) {
	var out []*tir.Op
	for _, op := range b.Ops {
		for _, inner := range op.Blocks {
			r.block(inner)
		}
		if t := turnOf(op); t != nil {
			out = append(out, r.loop(op, t)...)
			continue
		}
		out = append(out, op)
	}
	b.Ops = out
}

// turn is a loop's body in two parts.
type turn struct {
	first, second *tir.Op // the dots
	acc           int     // the carried sum, among the block's arguments
	late          map[*tir.Op]bool
	cross         []*tir.Value // what the late part takes from the early one
}

// turnOf splits a loop; nil if it has no second dot that only a carried sum follows from.
func turnOf(op *tir.Op) *turn {
	if op.Kind != tir.For {
		return nil
	}
	blk := op.Blocks[0]
	uses := map[*tir.Value][]*tir.Op{}
	blk.Walk(func(o *tir.Op) {
		for _, a := range o.Args {
			uses[a] = append(uses[a], o)
		}
	})
	t := &turn{late: map[*tir.Op]bool{}}
	end := blk.Ops[len(blk.Ops)-1]
	for _, o := range blk.Ops {
		if len(o.Blocks) > 0 || o.Kind == tir.Store || o.Kind == tir.Atomic {
			return nil
		}
		switch {
		case o.Kind != tir.Dot:
		case t.first == nil:
			t.first = o
		case t.second == nil && reaches(o.Args[0], 0):
			t.second = o
		default:
			return nil
		}
	}
	if t.second == nil || len(uses[t.second.Results[0]]) != 1 {
		return nil
	}
	t.acc = slices.Index(end.Args, t.second.Results[0]) + 1
	if t.acc == 0 || !t.follow(blk, uses, end) {
		return nil
	}
	t.gather(blk, uses, end)
	return t
}

// follow takes all that depends on the carried sum into the late part; false if more than the sum
// itself comes of it.
func (t *turn) follow(blk *tir.Block, uses map[*tir.Value][]*tir.Op, end *tir.Op) bool {
	t.late[t.second] = true
	work := []*tir.Value{blk.Args[t.acc]}
	for len(work) > 0 {
		v := work[0]
		work = work[1:]
		for _, u := range uses[v] {
			if u == end {
				if v != t.second.Results[0] {
					return false
				}
				continue
			}
			if u == t.first || !u.Kind.Elementwise() && u != t.second {
				return false
			}
			if !t.late[u] || u == t.second {
				t.late[u] = true
				work = append(work, u.Results...)
			}
		}
	}
	return true
}

// gather adds loads and what only moves elements if the late part alone uses them, and finds what
// crosses.
func (t *turn) gather(blk *tir.Block, uses map[*tir.Value][]*tir.Op, end *tir.Op) {
	for i := len(blk.Ops) - 1; i >= 0; i-- {
		o := blk.Ops[i]
		if o.Kind != tir.Load && o.Kind != tir.Transpose && o.Kind != tir.Broadcast &&
			!(o.Kind.Elementwise() && o.Results[0].Type.Rank() == 0) {
			continue
		}
		if !slices.ContainsFunc(uses[o.Results[0]], func(u *tir.Op) bool {
			return !t.late[u] || u == end
		}) {
			t.late[o] = true
		}
	}
	inside := map[*tir.Value]bool{}
	for _, v := range blk.Args[1:] {
		inside[v] = true
	}
	for _, o := range blk.Ops {
		for _, v := range o.Results {
			inside[v] = !t.late[o]
		}
	}
	inside[blk.Args[t.acc]] = false
	for _, o := range blk.Ops {
		for _, a := range o.Args {
			if t.late[o] && inside[a] && !slices.Contains(t.cross, a) {
				t.cross = append(t.cross, a)
			}
		}
	}
}

// copier makes copies of operations with other operands.
type copier struct {
	r    *rotation
	vals map[*tir.Value]*tir.Value
}

func (c *copier) value(v *tir.Value) *tir.Value {
	if x := c.vals[v]; x != nil {
		return x
	}
	return v
}

func (c *copier) values(l []*tir.Value) []*tir.Value {
	out := make([]*tir.Value, len(l))
	for i, v := range l {
		out[i] = c.value(v)
	}
	return out
}

func (r *rotation) fresh(t tir.Type) *tir.Value {
	r.next++
	return &tir.Value{ID: r.next - 1, Type: t}
}

func (c *copier) copy(op *tir.Op) *tir.Op {
	n := &tir.Op{Kind: op.Kind, Attrs: op.Attrs, Loc: op.Loc, Args: c.values(op.Args)}
	for _, v := range op.Results {
		x := c.r.fresh(v.Type)
		x.Op = n
		c.vals[v] = x
		n.Results = append(n.Results, x)
	}
	o := c.r.origin[op]
	if o == nil {
		o = op
	}
	c.r.origin[n] = o
	return n
}

// scalar adds an operation on i32 scalars.
func (r *rotation) scalar(to *[]*tir.Op, k tir.Kind, args ...*tir.Value) *tir.Value {
	t := tir.Scalar(tile.I32)
	if k == tir.Lt {
		t = tir.Scalar(tile.Bool)
	}
	op := &tir.Op{Kind: k, Args: args}
	v := r.fresh(t)
	v.Op = op
	op.Results = []*tir.Value{v}
	*to = append(*to, op)
	return v
}

// loop makes of a loop: if it runs at all, the early part of its first turn, a loop of early parts
// with the late ones of the turns before, and the last late part.
func (r *rotation) loop(op *tir.Op, t *turn) []*tir.Op {
	lo, hi, step := op.Args[0], op.Args[1], op.Args[2]
	blk := op.Blocks[0]
	var out, then []*tir.Op
	runs := r.scalar(&out, tir.Lt, lo, hi)
	pre := &copier{r, map[*tir.Value]*tir.Value{blk.Args[0]: lo}}
	for i, a := range blk.Args[1:] {
		pre.vals[a] = op.Args[3+i]
	}
	for _, o := range blk.Ops {
		if !t.late[o] && o.Kind != tir.Yield {
			then = append(then, pre.copy(o))
		}
	}
	end := yielded(blk)
	init := []*tir.Value{}
	for i, v := range end {
		if i == t.acc-1 {
			init = append(init, op.Args[3+i])
		} else {
			init = append(init, pre.value(v))
		}
	}
	init = append(init, pre.values(t.cross)...)
	second := r.scalar(&then, tir.Add, lo, step)
	loop := &tir.Op{Kind: tir.For, Attrs: op.Attrs, Loc: op.Loc,
		Args: append([]*tir.Value{second, hi, step}, init...)}
	loop.Blocks = []*tir.Block{r.turn(op, t, init, step)}
	for _, v := range init {
		x := r.fresh(v.Type)
		x.Op = loop
		loop.Results = append(loop.Results, x)
	}
	then = append(then, loop)
	// last = lo + (hi - lo - 1) / step * step
	d := r.scalar(&then, tir.Sub, hi, lo)
	one := r.scalar(&then, tir.Const)
	one.Op.Int = 1
	d = r.scalar(&then, tir.Div, r.scalar(&then, tir.Sub, d, one), step)
	last := r.scalar(&then, tir.Add, lo, r.scalar(&then, tir.Mul, d, step))
	post := &copier{r, map[*tir.Value]*tir.Value{blk.Args[0]: last,
		blk.Args[t.acc]: loop.Results[t.acc-1]}}
	for i, v := range t.cross {
		post.vals[v] = loop.Results[len(end)+i]
	}
	for _, o := range blk.Ops {
		if t.late[o] {
			then = append(then, post.copy(o))
		}
	}
	final := slices.Clone(loop.Results[:len(end)])
	final[t.acc-1] = post.value(t.second.Results[0])
	then = append(then, &tir.Op{Kind: tir.Yield, Args: final})
	other := []*tir.Op{{Kind: tir.Yield, Args: op.Args[3:]}}
	choice := &tir.Op{Kind: tir.If, Loc: op.Loc, Args: []*tir.Value{runs}, Results: op.Results,
		Blocks: []*tir.Block{{Ops: then}, {Ops: other}}}
	for _, v := range choice.Results {
		v.Op = choice
	}
	return append(out, choice)
}

// turn is the body of the new loop: up to the first dot, then the late part of the turn before,
// then the rest.
func (r *rotation) turn(op *tir.Op, t *turn, init []*tir.Value, step *tir.Value) *tir.Block {
	blk := op.Blocks[0]
	b := &tir.Block{}
	add := func(ty tir.Type) *tir.Value {
		v := r.fresh(ty)
		v.Arg = b
		b.Args = append(b.Args, v)
		return v
	}
	i := add(tir.Scalar(tile.I32))
	early := &copier{r, map[*tir.Value]*tir.Value{blk.Args[0]: i}}
	late := &copier{r, map[*tir.Value]*tir.Value{}}
	n := len(op.Results)
	for j, v := range init {
		x := add(v.Type)
		switch {
		case j == t.acc-1:
			late.vals[blk.Args[t.acc]] = x
		case j < n:
			early.vals[blk.Args[1+j]] = x
		default:
			late.vals[t.cross[j-n]] = x
		}
	}
	for _, o := range blk.Ops {
		if !t.late[o] && o.Kind != tir.Yield {
			b.Ops = append(b.Ops, early.copy(o))
		}
		if o == t.first {
			late.vals[blk.Args[0]] = r.scalar(&b.Ops, tir.Sub, i, step)
			for _, l := range blk.Ops {
				if t.late[l] {
					b.Ops = append(b.Ops, late.copy(l))
				}
			}
		}
	}
	out := early.values(yielded(blk))
	out[t.acc-1] = late.value(t.second.Results[0])
	out = append(out, early.values(t.cross)...)
	b.Ops = append(b.Ops, &tir.Op{Kind: tir.Yield, Args: out})
	return b
}
