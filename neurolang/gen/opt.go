package gen

import (
	"fmt"
	"math"

	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// optimise returns an equal kernel after the passes on tile IR. In one walk: constants fold, first
// so that the rest sees them; operations that an earlier one equals become it; what a loop does not
// change moves out of it. Then what nobody uses goes, last because the others leave such things.
func optimise(k *tir.Kernel) *tir.Kernel {
	out := *k
	r := &rebuild{vals: map[*tir.Value]*tir.Value{}, depth: map[*tir.Value]int{}}
	out.Body = r.block(k.Body)
	for sweep(&out) {
	}
	return &out
}

// rebuild copies operations, block after block.
type rebuild struct {
	vals  map[*tir.Value]*tir.Value
	depth map[*tir.Value]int // of the block that defines a value
	open  []*level
	ids   int
}

// level is an open block: what it has so far, and its operations by what they compute.
type level struct {
	b     *tir.Block
	known map[string]*tir.Value
	loop  bool
}

func (r *rebuild) value(v *tir.Value, depth int) *tir.Value {
	n := &tir.Value{ID: r.ids, Type: v.Type}
	r.ids++
	r.vals[v] = n
	r.depth[n] = depth
	return n
}

func (r *rebuild) block(b *tir.Block) *tir.Block { return r.inside(b, false) }

func (r *rebuild) inside(b *tir.Block, loop bool) *tir.Block {
	n := &tir.Block{}
	r.open = append(r.open, &level{n, map[string]*tir.Value{}, loop})
	depth := len(r.open) - 1
	for _, a := range b.Args {
		v := r.value(a, depth)
		v.Arg = n
		n.Args = append(n.Args, v)
	}
	for _, op := range b.Ops {
		r.op(op, depth)
	}
	r.open = r.open[:depth]
	return n
}

func (r *rebuild) op(op *tir.Op, depth int) {
	n := &tir.Op{Kind: op.Kind, Attrs: op.Attrs, Loc: op.Loc}
	for _, a := range op.Args {
		n.Args = append(n.Args, r.vals[a])
	}
	fold(n, op)
	at := depth
	key := ""
	if n.Kind.Pure() && n.Kind != tir.Load && len(op.Results) == 1 {
		if x := same(n); x != nil {
			r.vals[op.Results[0]] = x
			return
		}
		at = r.home(n, depth)
		key = keyOf(n, op.Results[0].Type)
		for d := at; d >= 0; d-- {
			if v := r.open[d].known[key]; v != nil {
				r.vals[op.Results[0]] = v
				return
			}
		}
	}
	for _, b := range op.Blocks {
		n.Blocks = append(n.Blocks, r.inside(b, op.Kind != tir.If))
	}
	for _, v := range op.Results {
		x := r.value(v, at)
		x.Op = n
		n.Results = append(n.Results, x)
	}
	if key != "" {
		r.open[at].known[key] = n.Results[0]
	}
	r.open[at].b.Ops = append(r.open[at].b.Ops, n)
}

// home is the outermost block that an operation can be in: it leaves loops that do not change its
// operands. What may be idle in a branch stays there.
func (r *rebuild) home(n *tir.Op, depth int) int {
	need := 0
	for _, a := range n.Args {
		need = max(need, r.depth[a])
	}
	for depth > need && r.open[depth].loop {
		depth--
	}
	return depth
}

func keyOf(n *tir.Op, t tir.Type) string {
	key := fmt.Sprintf("%d %s %x %+v", n.Kind, t, math.Float64bits(n.Num), n.Attrs)
	for _, a := range n.Args {
		key += fmt.Sprintf(" %d", a.ID)
	}
	return key
}

func isConst(v *tir.Value) bool { return v.Op != nil && v.Op.Kind == tir.Const }

// fold replaces scalar integer operations on constants by their value.
func fold(n, op *tir.Op) {
	if len(op.Results) != 1 || op.Results[0].Type.Rank() != 0 ||
		op.Results[0].Type.Elem != tile.I32 || len(n.Args) != 2 || !n.Kind.Elementwise() {
		return
	}
	x, y := n.Args[0], n.Args[1]
	if !isConst(x) || !isConst(y) {
		if isConst(x) && n.Kind.Commutes() {
			n.Args[0], n.Args[1] = y, x
		}
		return
	}
	v, ok := int32(0), true
	a, b := int32(x.Op.Int), int32(y.Op.Int)
	switch n.Kind {
	case tir.Add:
		v = a + b
	case tir.Sub:
		v = a - b
	case tir.Mul:
		v = a * b
	case tir.Max:
		v = max(a, b)
	case tir.Min:
		v = min(a, b)
	case tir.Div, tir.Rem:
		if ok = b > 0; ok && n.Kind == tir.Div {
			v = a / b
		} else if ok {
			v = a % b
		}
	default:
		ok = false
	}
	if ok {
		*n = tir.Op{Kind: tir.Const, Attrs: tir.Attrs{Int: int64(v)}, Loc: n.Loc}
	}
}

// same is the operand that an operation equals, if it changes nothing.
func same(n *tir.Op) *tir.Value {
	if len(n.Args) != 2 || !isConst(n.Args[1]) || !tir.IsInt(n.Args[1].Type.Elem) {
		return nil
	}
	c := n.Args[1].Op.Int
	switch n.Kind {
	case tir.Add, tir.Sub, tir.Or, tir.Xor, tir.Shl, tir.Shr, tir.ShrU:
		if c == 0 {
			return n.Args[0]
		}
	case tir.Mul, tir.Div:
		if c == 1 {
			return n.Args[0]
		}
	}
	return nil
}

// sweep removes operations whose results nobody uses and which do nothing else.
func sweep(k *tir.Kernel) bool {
	used := map[*tir.Value]bool{}
	k.Body.Walk(func(op *tir.Op) {
		for _, a := range op.Args {
			used[a] = true
		}
	})
	return sweepBlock(k.Body, used)
}

func sweepBlock(b *tir.Block, used map[*tir.Value]bool) bool {
	changed := false
	kept := b.Ops[:0]
	for _, op := range b.Ops {
		idle := op.Kind.Pure()
		for _, v := range op.Results {
			idle = idle && !used[v]
		}
		if idle && op.Kind != tir.Yield {
			changed = true
			continue
		}
		for _, inner := range op.Blocks {
			changed = sweepBlock(inner, used) || changed
		}
		kept = append(kept, op)
	}
	b.Ops = kept
	return changed
}
