package gen

import (
	"fmt"
	"slices"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/layout"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// emit makes the code.
func (g *gen) emit() {
	g.f = &wir.Func{Name: g.k.Name, File: g.k.Loc.File, Target: g.t.name, Version: "8.4",
		Threads: 32 << g.warps, Align: 1024}
	if g.t.cc > 90 {
		g.f.Version = "8.7"
	}
	g.b = wir.New(g.f)
	g.vals = map[*tir.Value]*val{}
	g.reuse = map[*tir.Value]*tir.Value{}
	g.entry()
	if g.hop != nil {
		g.roles()
		return
	}
	g.thread = g.b.Op(wir.R, "mov.u32", wir.Symbol("%tid.x"))
	g.identify()
	g.number(g.b.Op(wir.R, "mov.u32", wir.Symbol("%ctaid.x")))
	g.block(g.k.Body)
}

// identify finds lane and warp of the thread.
func (g *gen) identify() {
	g.lane = g.b.And(g.thread, wir.Int(31))
	g.warp = g.b.Shr(g.thread, 5)
	if g.warps == 0 {
		g.warp = wir.Int(0)
	}
}

var scalarDecls = map[tile.Elem]string{tile.F64: ".b64", tile.F32: ".b32", tile.TF32: ".b32",
	tile.I32: ".b32", tile.F16: ".b16", tile.BF16: ".b16"}

// entry declares and reads the parameters.
func (g *gen) entry() {
	g.extents, g.ptrs = map[string]wir.Arg{}, map[int]wir.Arg{}
	arg := 0
	for i := range len(g.k.Params) + len(g.k.Outs) {
		p := g.k.Tensor(i)
		if p.Tensor {
			name := g.slot(abi.Slot{Kind: abi.Address, Index: i}, ".u64")
			x := g.b.Op(wir.D, "ld.param.b64", wir.At(wir.Symbol(name), 0))
			g.ptrs[i] = g.b.Op(wir.D, "cvta.to.global.u64", x)
			continue
		}
		g.vals[g.k.Body.Args[arg]] = g.scalarParam(i, p)
		arg++
	}
	for _, s := range g.k.Symbols() {
		name := g.slot(abi.Slot{Kind: abi.Extent, Sym: s}, ".u32")
		g.extents[s] = g.b.Op(wir.R, "ld.param.b32", wir.At(wir.Symbol(name), 0))
	}
}

func (g *gen) slot(s abi.Slot, decl string) string {
	name := fmt.Sprintf("%s_param_%d", g.k.Name, len(g.slots))
	g.slots = append(g.slots, s)
	g.f.Params = append(g.f.Params, wir.Param{Decl: decl, Name: name})
	return name
}

func (g *gen) scalarParam(i int, p *abi.Param) *val {
	decl := scalarDecls[p.Elem]
	if decl == "" {
		decl = ".u8"
		if p.Elem == tile.I8 {
			decl = ".s8"
		}
	}
	name := g.slot(abi.Slot{Kind: abi.Scalar, Index: i}, decl)
	c := regClass(p.Elem)
	if c == wir.P {
		c = wir.R
	}
	x := g.b.Op(c, "ld.param"+decl, wir.At(wir.Symbol(name), 0))
	if p.Elem == tile.Bool {
		x = g.b.Op(wir.P, "setp.ne.s32", x, wir.Int(0))
	}
	return &val{t: tir.Scalar(p.Elem), r: []wir.Arg{x}}
}

// pieces is how many programs an axis has.
func (g *gen) pieces(a abi.Axis) wir.Arg {
	n := g.extent(a.Dim)
	if n.Kind == wir.Imm {
		return wir.Int((int(n.Off) + a.Block - 1) / a.Block)
	}
	n = g.b.Add(n, wir.Int(a.Block-1))
	if a.Block&(a.Block-1) == 0 {
		return g.b.Shr(n, layout.Log2(a.Block))
	}
	return g.b.Op(wir.R, "div.u32", n, wir.Int(a.Block))
}

// block emits a block's operations and gives what it yields.
func (g *gen) block(blk *tir.Block) []*tir.Value {
	outer := g.blk
	g.blk = blk
	defer func() { g.blk = outer }()
	for _, op := range blk.Ops {
		g.b.Line(op.Loc.Line, op.Loc.Col)
		g.loc = op.Loc
		if op.Kind == tir.Yield {
			return op.Args
		}
		g.op(op)
		if g.hop != nil {
			g.finish(op)
		}
	}
	return nil
}

func (g *gen) op(op *tir.Op) {
	if op.Kind.Elementwise() {
		g.point(op)
		return
	}
	if emit := emitters[op.Kind]; emit != nil {
		emit(g, op)
		return
	}
	panic(fail(diag.TileNotYet, op.Loc, "", "no code for %s", op.Kind))
}

var emitters map[tir.Kind]func(*gen, *tir.Op)

func init() {
	emitters = map[tir.Kind]func(*gen, *tir.Op){
		tir.Const: (*gen).leaf, tir.Iota: (*gen).leaf, tir.Program: (*gen).leaf,
		tir.Extent: (*gen).leaf, tir.Bits: (*gen).bits, tir.Load: (*gen).loadOp,
		tir.Store: (*gen).store, tir.Atomic: (*gen).store, tir.Broadcast: (*gen).broadcast,
		tir.Reshape: (*gen).reshape, tir.Transpose: (*gen).transpose,
		tir.XorShuffle: (*gen).xorShuffle, tir.Join: (*gen).joinOp, tir.Slice: (*gen).slice,
		tir.Dot: (*gen).dot, tir.Reduce: (*gen).reduce, tir.ArgReduce: (*gen).argReduce,
		tir.Scan: (*gen).scan, tir.Sort: (*gen).sort, tir.For: (*gen).loop, tir.If: (*gen).branch,
		tir.While: (*gen).while,
	}
}

func (g *gen) leaf(op *tir.Op) {
	out := op.Results[0]
	t := out.Type
	var a wir.Arg
	switch op.Kind {
	case tir.Const:
		if a = number(t.Elem, op.Num, op.Int); t.Rank() > 0 {
			g.vals[out] = splat(t, a)
			return
		}
	case tir.Iota:
		axis := op.Axis
		g.vals[out] = &val{t: t, make: func(l *layout.Layout, r int) wir.Arg {
			return g.place(l, axis, r)
		}}
		return
	case tir.Program:
		a = g.programs[op.Axis]
	case tir.Extent:
		a = g.extents[op.Sym]
	}
	g.vals[out] = &val{t: t, r: []wir.Arg{a}}
}

// hold makes variables for a value that loops or branches set.
func (g *gen) hold(v *tir.Value) *val {
	x := &val{t: v.Type}
	if v.Type.Rank() > 0 {
		x.l = g.class[v].root().l
	}
	g.room(v.Type, x.l)
	n, c := count(v.Type.Elem, x.l)
	for range n {
		x.r = append(x.r, g.b.Var(c))
	}
	return x
}

// fill sets variables to values, all at once.
func (g *gen) fill(to []*val, from []*tir.Value) {
	src := make([][]wir.Arg, len(to))
	for i, v := range from {
		src[i] = g.in(g.vals[v], to[i].l).r
	}
	for i := range to {
		for j, a := range src[i] {
			if a.Reg != to[i].r[j].Reg && g.b.IsVar(a) {
				src[i] = append([]wir.Arg{}, src[i]...)
				src[i][j] = g.b.Get(g.b.Class(a), moveNames[g.b.Class(a)], a)
			}
		}
	}
	for i := range to {
		if len(src[i]) > 0 && src[i][0].Reg != to[i].r[0].Reg {
			g.settleRegs(to[i])
		}
		for j, a := range src[i] {
			g.b.Set(to[i].r[j], a)
		}
	}
}

var moveNames = [...]string{wir.P: "mov.pred", wir.H: "mov.b16", wir.R: "mov.b32",
	wir.D: "mov.b64"}

func (g *gen) bind(values []*tir.Value, to []*val) {
	for i, v := range values {
		x := *to[i]
		g.vals[v] = &x
	}
}

// loop emits a For: the index and what is carried live in variables.
func (g *gen) loop(op *tir.Op) {
	if g.copied(op) {
		return
	}
	if g.hop != nil {
		g.waitAll()
		if l := g.lagging(op); l != nil && g.hop.lag == nil {
			for _, r := range l.rings {
				l.last[r] = g.b.Var(wir.R)
				g.b.Set(l.last[r], wir.Int(0))
			}
			g.hop.lag = l
			defer func() { g.hop.lag = nil }()
		}
	}
	lo, hi, step := g.vals[op.Args[0]].r[0], g.vals[op.Args[1]].r[0], g.vals[op.Args[2]].r[0]
	carried := g.begin(op)
	i := g.b.Var(wir.R)
	g.b.Set(i, lo)
	g.b.If(g.b.Compare("lt", "s32", lo, hi), func() {
		g.b.Loop(func() (wir.Arg, bool) {
			g.turn(op, i, carried)
			g.b.Set(i, g.b.Add(i, step))
			return g.b.Compare("lt", "s32", i, hi), false
		})
	}, nil)
	if g.hop != nil && g.hop.lag != nil {
		g.b.Do("wgmma.wait_group.sync.aligned", wir.Int(0))
		g.hop.lag.release(g)
	}
	g.bind(op.Results, carried)
}

// begin makes the carried variables of a loop and gives them their first values.
func (g *gen) begin(op *tir.Op) []*val {
	var carried []*val
	for _, v := range op.Results {
		carried = append(carried, g.hold(v))
	}
	g.fill(carried, op.Args[3:])
	g.inPlace(op.Blocks[0])
	return carried
}

// turn emits a loop's body once.
func (g *gen) turn(op *tir.Op, i wir.Arg, carried []*val) {
	b := op.Blocks[0]
	g.dirty = true
	g.vals[b.Args[0]] = &val{t: b.Args[0].Type, r: []wir.Arg{i}}
	g.bind(b.Args[1:], carried)
	out := g.block(b)
	g.fill(carried, out)
	g.waitAll()
	g.dirty = true
}

func (g *gen) branch(op *tir.Op) {
	var out []*val
	for _, v := range op.Results {
		out = append(out, g.hold(v))
	}
	side := func(b *tir.Block) func() {
		return func() {
			g.fill(out, g.block(b))
			g.waitAll()
		}
	}
	then, other := side(op.Blocks[0]), side(op.Blocks[1])
	if len(op.Blocks[1].Ops) == 1 && len(out) == 0 {
		other = nil
	}
	g.waitAll()
	g.b.If(g.b.Reg(wir.P, g.vals[op.Args[0]].r[0]), then, other)
	g.dirty = true
	g.bind(op.Results, out)
}

func (g *gen) while(op *tir.Op) {
	var carried []*val
	for _, v := range op.Results {
		carried = append(carried, g.hold(v))
	}
	g.fill(carried, op.Args)
	more := g.b.Var(wir.P)
	g.b.Loop(func() (wir.Arg, bool) {
		g.dirty = true
		g.bind(op.Blocks[0].Args, carried)
		out := g.block(op.Blocks[0])
		g.b.Set(more, g.b.Reg(wir.P, g.vals[out[0]].r[0]))
		g.fill(carried, out[1:])
		g.b.If(more, func() {
			g.bind(op.Blocks[1].Args, carried)
			g.fill(carried, g.block(op.Blocks[1]))
		}, nil)
		g.dirty = true
		return more, false
	})
	g.bind(op.Results, carried)
}

// inPlace finds results that may take over the registers of a carried value: along a chain of
// elementwise operations and dots from the block's argument to what it yields in its place, where
// each link is the last use of the one before.
func (g *gen) inPlace(b *tir.Block) {
	last := map[*tir.Value]int{}
	at := map[*tir.Op]int{}
	for i, op := range b.Ops {
		at[op] = i
		for _, a := range op.Args {
			last[a] = i
		}
		for _, inner := range op.Blocks {
			inner.Walk(func(o *tir.Op) {
				for _, a := range o.Args {
					last[a] = i
				}
			})
		}
	}
	out := yielded(b)
	for j, arg := range b.Args[1:] {
		if arg.Type.Rank() == 0 || arg.Type.Elem == tile.Bool {
			continue
		}
		v := out[j]
		chain := map[*tir.Value]*tir.Value{}
		for v != arg {
			from := link1(v, arg, at, last, 0)
			if from == nil {
				chain = nil
				if i, ok := at[out[j].Op]; ok && out[j].Op.Kind.Elementwise() && last[arg] < i &&
					!aliased(b, arg, i, last) {
					g.reuse[out[j]] = arg
				}
				break
			}
			chain[v] = from
			v = from
		}
		for r, x := range chain {
			if !aliased(b, x, at[r.Op], last) {
				g.reuse[r] = x
			}
		}
	}
}

// aliased tells whether a value that may lie in x's registers is still used when operation i
// overwrites them.
func aliased(b *tir.Block, x *tir.Value, i int, last map[*tir.Value]int) bool {
	for _, op := range b.Ops {
		if !slices.Contains(op.Args, x) || op.Kind.Elementwise() && op.Kind != tir.Cast &&
			op.Kind != tir.Bitcast || op.Kind == tir.Dot || op.Kind == tir.Reduce {
			continue
		}
		for _, r := range op.Results {
			if last[r] >= i || aliased(b, r, i, last) {
				return true
			}
		}
	}
	return false
}

// link1 is the operand whose registers v may take over, on the way to arg.
func link1(v, arg *tir.Value, at map[*tir.Op]int, last map[*tir.Value]int,
	depth int) *tir.Value {
	i, here := at[v.Op]
	if v.Op == nil || !here || depth > 32 {
		return nil
	}
	var options []*tir.Value
	switch {
	case v.Op.Kind == tir.Dot:
		options = v.Op.Args[2:]
	case v.Op.Kind.Elementwise() && v.Op.Kind != tir.Cast && v.Op.Kind != tir.Bitcast:
		options = v.Op.Args
	}
	for _, x := range options {
		if !x.Type.Equal(v.Type) || last[x] != i {
			continue
		}
		if x == arg || link1(x, arg, at, last, depth+1) != nil {
			return x
		}
	}
	return nil
}

// budget checks shared memory and registers.
func (g *gen) budget() {
	g.f.Shared = max(g.static+g.scratch, g.overlap)
	if g.f.Shared > g.t.shared {
		panic(fail(diag.SharedMemory, g.k.Loc, "use smaller tiles or fewer stages",
			"kernel %s needs %d bytes of shared memory; %s has %d for a CTA", g.k.Name, g.f.Shared,
			g.t.name, g.t.shared))
	}
}
