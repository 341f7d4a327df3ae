package gen

import (
	"slices"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/layout"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// ring is shared memory for tiles that are on their way while earlier ones are used: stages, each
// with a place for every load.
type ring struct {
	loads  []*tir.Op   // those of one turn
	others [][]*tir.Op // loads of other blocks that take their turns, each in the place of loads
	at     []int       // of each load in a stage
	bytes  int         // of a stage
	base   int         // of the first stage
	stages int
	store  map[*tir.Op]*layout.Shared
	// Hopper: barriers that say that stages are full and empty, and turns already taken.
	full, empty int
	loop        *tir.Op // nil: loaded once for a program
	stage       wir.Arg // address of the stage whose turn it is
	bar         wir.Arg // of its full barrier; the empty ones follow the full ones
	phase       wir.Arg // parity
}

// copyable tells whether a load can be made by copies of 16 bytes to shared memory: of two kept
// dimensions that are powers of two, with rows of whole pieces.
func (g *gen) copyable(op *tir.Op) bool {
	t := op.Results[0].Type
	p := g.k.Tensor(op.Param)
	in := slices.Index(view(op), inner(p))
	if t.Rank() != 2 || in < 0 || len(op.Args) > len(op.Sizes) || slices.Contains(op.Sizes, -1) {
		return false
	}
	for _, n := range t.Dims {
		if n&(n-1) != 0 || n < 8 {
			return false
		}
	}
	return t.Elem != tile.Bool && p.Access == abi.Read && t.Dims[in]*t.Elem.Size() >= 32 &&
		1<<g.vectorBits(op)*t.Elem.Size() == 16
}

// boxes is how a load's tile lies in shared memory: rows of up to 128 bytes, swizzled.
func (g *gen) boxes(op *tir.Op) *layout.Shared {
	t := op.Results[0].Type
	in := slices.Index(view(op), inner(g.k.Tensor(op.Param)))
	size := layout.Log2(t.Elem.Size())
	return layout.Boxes(layout.Logs(t.Dims), in, size, min(128, t.Dims[in]<<size))
}

// feeds finds the load that a dot's operand comes from, if it is only transposed on the way.
func feeds(v *tir.Value) *tir.Op {
	for v.Op != nil && v.Op.Kind == tir.Transpose {
		v = v.Op.Args[0]
	}
	if v.Op != nil && v.Op.Kind == tir.Load {
		return v.Op
	}
	return nil
}

// planCopies gives every loop with dots a ring for its loads, so that copies run ahead of products.
func (g *gen) planCopies() {
	if g.mode > vector {
		return
	}
	g.planResident(g.k.Body)
	g.k.Body.Walk(func(op *tir.Op) {
		if op.Kind != tir.For {
			return
		}
		r := &ring{loop: op, store: map[*tir.Op]*layout.Shared{}}
		worth := false
		for _, o := range op.Blocks[0].Ops {
			worth = worth || o.Kind == tir.Dot && g.method(o) == byMMA
			if o.Kind == tir.Load && g.ahead(o, op) && g.copyable(o) {
				r.add(o, g.boxes(o))
			}
		}
		if len(r.loads) == 0 || !worth {
			return
		}
		r.base = g.static
		r.stages = g.stagesFor(r, op.Stages)
		if r.stages < 2 {
			return
		}
		g.static += r.stages * r.bytes
		for _, l := range r.loads {
			g.rings[l.Results[0]] = r
		}
	})
}

// planResident keeps tiles that are loaded before a loop and multiplied inside of it in shared
// memory, where every turn reads its share of them.
func (g *gen) planResident(b *tir.Block) {
	for _, op := range b.Ops {
		for _, inner := range op.Blocks {
			g.planResident(inner)
		}
		if op.Kind != tir.For {
			continue
		}
		op.Blocks[0].Walk(func(d *tir.Op) {
			if d.Kind != tir.Dot || g.method(d) != byMMA {
				return
			}
			for _, a := range d.Args[:2] {
				l := feeds(a)
				if l == nil || !slices.Contains(b.Ops, l) || g.rings[l.Results[0]] != nil ||
					!g.copyable(l) {
					continue
				}
				r := &ring{base: g.static, stages: 1, store: map[*tir.Op]*layout.Shared{}}
				r.add(l, g.boxes(l))
				if g.static+r.bytes+minRing > g.t.shared {
					continue
				}
				g.static += r.bytes
				g.active = 1
				g.rings[l.Results[0]] = r
			}
		})
	}
}

// minRing is what resident tiles leave for rings and exchanges.
const minRing = 64 << 10

// resident loads a tile that stays in shared memory.
func (g *gen) resident(op *tir.Op, r *ring) {
	if g.dirty {
		g.sync()
	}
	at := g.b.Add(g.shared(), wir.Int(r.base))
	g.copyTile(op, r.store[op], at, wir.True, nil)
	g.b.Do("cp.async.commit_group")
	g.b.Do("cp.async.wait_group", wir.Int(0))
	g.sync()
	g.lay(r, r.loads, at)
}

// add gives a load a place in each stage, on whole repetitions of the swizzle.
func (r *ring) add(l *tir.Op, s *layout.Shared) {
	r.loads = append(r.loads, l)
	r.store[l] = s
	r.at = append(r.at, r.bytes)
	r.bytes += (s.Bytes() + 1023) &^ 1023
}

// copyBudget leaves room for a second CTA on an SM.
const copyBudget = 80 << 10

func (g *gen) stagesFor(r *ring, asked int) int {
	n := 4
	budget := copyBudget
	if asked > 0 {
		n, budget = asked, g.t.shared
	}
	for n > 2 && g.static+n*r.bytes > budget {
		n--
	}
	room := g.t.shared
	if g.active > 0 {
		room -= minRing / 2
	}
	if g.static+n*r.bytes > room {
		return 0
	}
	return n
}

// ahead tells whether a load's indices can be computed before its turn: they come from the loop's
// index and from outside.
func (g *gen) ahead(l, loop *tir.Op) bool {
	return !slices.ContainsFunc(indices(l), func(v *tir.Value) bool {
		return !foreseen(v, loop.Blocks[0])
	})
}

func foreseen(v *tir.Value, b *tir.Block) bool {
	switch {
	case v.Op == nil:
		return v.Arg != b || v == b.Args[0]
	case !slices.Contains(b.Ops, v.Op):
		return true // from an outer block, for uses see only those and this one
	case v.Op.Kind.Elementwise() && v.Type.Rank() == 0:
		return !slices.ContainsFunc(v.Op.Args, func(a *tir.Value) bool { return !foreseen(a, b) })
	}
	return v.Op.Kind == tir.Const
}

// copied emits a loop with a ring: while a stage is used, copies to the others are under way.
func (g *gen) copied(op *tir.Op) bool {
	if g.hop != nil {
		return false
	}
	var r *ring
	for _, o := range op.Blocks[0].Ops {
		if o.Kind == tir.Load && g.rings[o.Results[0]] != nil {
			r = g.rings[o.Results[0]]
		}
	}
	if r == nil {
		return false
	}
	b := g.b
	lo, hi, step := g.vals[op.Args[0]].r[0], g.vals[op.Args[1]].r[0], g.vals[op.Args[2]].r[0]
	carried := g.begin(op)
	if g.dirty {
		g.sync()
	}
	g.active++
	base := b.Add(g.shared(), wir.Int(r.base))
	at := lo
	for s := range r.stages - 1 {
		g.issue(r, op, at, hi, b.Add(base, wir.Int(s*r.bytes)))
		at = b.Add(at, step)
	}
	i, next, read, write := b.Var(wir.R), b.Var(wir.R), b.Var(wir.R), b.Var(wir.R)
	b.Set(i, lo)
	b.Set(next, at)
	b.Set(read, base)
	b.Set(write, b.Add(base, wir.Int((r.stages-1)*r.bytes)))
	end := b.Add(base, wir.Int(r.stages*r.bytes))
	b.If(b.Compare("lt", "s32", lo, hi), func() {
		b.Loop(func() (wir.Arg, bool) {
			b.Do("cp.async.wait_group", wir.Int(r.stages-2))
			g.sync()
			g.issue(r, op, next, hi, write)
			g.lay(r, r.loads, read)
			g.turn(op, i, carried)
			for _, v := range []wir.Arg{read, write} {
				b.Set(v, b.Add(v, wir.Int(r.bytes)))
				b.Set(v, b.Select(wir.R, b.Compare("eq", "s32", v, end), base, v))
			}
			b.Set(i, b.Add(i, step))
			b.Set(next, b.Add(next, step))
			return b.Compare("lt", "s32", i, hi), false
		})
	}, nil)
	b.Do("cp.async.wait_all")
	g.active--
	g.dirty = true
	g.bind(op.Results, carried)
	return true
}

// group are the loads of a turn that are in a block.
func (r *ring) group(b *tir.Block) []*tir.Op {
	for _, l := range append([][]*tir.Op{r.loads}, r.others...) {
		if slices.Contains(b.Ops, l[0]) {
			return l
		}
	}
	return nil
}

// lay says where the loads of a stage lie.
func (g *gen) lay(r *ring, loads []*tir.Op, stage wir.Arg) {
	for i, l := range loads {
		g.vals[l.Results[0]] = &val{t: l.Results[0].Type,
			mem: &stored{base: g.b.Add(stage, wir.Int(r.at[i])), s: r.store[l]}}
	}
}

// issue starts the copies of a turn of the loop, if there is one, and closes their group.
func (g *gen) issue(r *ring, loop *tir.Op, i, hi, stage wir.Arg) {
	old := map[*tir.Value]*val{}
	blk := loop.Blocks[0]
	g.vals[blk.Args[0]] = &val{t: blk.Args[0].Type, r: []wir.Arg{i}}
	for _, o := range blk.Ops {
		if len(o.Results) == 1 && foreseen(o.Results[0], blk) && o.Kind != tir.Load &&
			o.Results[0].Type.Rank() == 0 {
			old[o.Results[0]] = g.vals[o.Results[0]]
			g.op(o)
		}
	}
	run := g.b.Compare("lt", "s32", i, hi)
	for k, l := range r.loads {
		g.copyTile(l, r.store[l], g.b.Add(stage, wir.Int(r.at[k])), run, blk)
	}
	g.b.Do("cp.async.commit_group")
	for v, x := range old {
		g.vals[v] = x
	}
}

// copyTile starts the copies of a tile; pieces outside of the tensor become zeros.
func (g *gen) copyTile(l *tir.Op, s *layout.Shared, to, run wir.Arg, blk *tir.Block) {
	t := l.Results[0].Type
	lay := g.pieceLayout(l, layout.Logs(t.Dims), 4)
	a := g.accessIn(l, t, lay, blk)
	n := a.vector()
	th := g.threads(to, s.Offsets(lay.Lane), s.Offsets(lay.Warp))
	first := g.once(lay)
	g.meets(s.Offsets(lay.Lane), 4)
	g.touches(l, lay)
	for r := 0; r < lay.Size(); r += n {
		if copies(lay, r) {
			continue
		}
		args := []wir.Arg{th.memory(g, s.Offset(lay.Register(r))), a.address(r), wir.Int(16)}
		if p := a.guard(r); !p.Is(1) {
			args = append(args, g.b.Select(wir.R, p, wir.Int(16), wir.Int(0)))
		}
		g.b.When(g.b.Both(run, first), false, "cp.async.cg.shared.global.L2::128B", args...)
	}
}

// loadOp emits a load, unless a ring has brought the tile already.
func (g *gen) loadOp(op *tir.Op) {
	if r := g.rings[op.Results[0]]; r != nil {
		switch {
		case g.hop != nil:
			g.await(op, r)
		case r.loop == nil:
			g.resident(op, r)
		}
		return
	}
	g.load(op)
}
