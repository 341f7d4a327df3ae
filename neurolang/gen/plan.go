package gen

import (
	"slices"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/layout"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// gen is a kernel in the making.
type gen struct {
	facts
	t   *target
	opt Options

	warps  int // log2 of those that compute
	warpsM int // log2 of those along the rows of dots; the others are along columns
	hop    *hopper
	rings  map[*tir.Value]*ring // loads that come through shared memory ahead of their use

	class map[*tir.Value]*class
	f     *wir.Func
	b     *wir.Builder
	vals  map[*tir.Value]*val
	slots []abi.Slot
	grid  abi.GridKind
	perSM int

	blk        *tir.Block // that is being emitted
	loc        tir.Loc    // of the operation that is being emitted
	proofs     []Proof
	thread     wir.Arg // among those that compute
	lane, warp wir.Arg
	reuse      map[*tir.Value]*tir.Value // results that take over an operand's registers
	extents    map[string]wir.Arg
	ptrs       map[int]wir.Arg
	programs   []wir.Arg // this program's index on each axis
	static     int       // bytes of shared memory for rings and barriers
	scratch    int       // bytes for exchanges among threads, behind them
	active     int       // loops under way whose rings are in use
	overlap    int       // bytes of scratch that lie where rings are out of use
	dirty      bool      // scratch may still be read by somebody
}

// plan finds out what kind of kernel this is.
func (g *gen) plan() {
	g.rings = map[*tir.Value]*ring{}
	dots := g.dots()
	if len(dots) == 0 {
		g.planPoint()
		return
	}
	if g.t.hopper && g.mode <= vector && g.planHopper(dots) {
		return
	}
	g.planDots(dots)
}

func (g *gen) dots() []*tir.Op {
	var out []*tir.Op
	g.k.Body.Walk(func(op *tir.Op) {
		if op.Kind == tir.Dot {
			out = append(out, op)
		}
	})
	return out
}

// planPoint gives a thread about eight elements of the largest tile, and up to 16 warps.
func (g *gen) planPoint() {
	most := 1
	g.k.Body.Walk(func(op *tir.Op) {
		for _, v := range op.Results {
			n := 1
			for _, d := range v.Type.Dims {
				n <<= layout.Log2(d)
			}
			most = max(most, n)
		}
	})
	g.warps = min(max(layout.Log2(most)-8, 0), 3)
	if most >= 1<<15 {
		g.warps = 4
	}
	if g.opt.Warps > 0 {
		g.warps = min(layout.Log2(g.opt.Warps), 5)
	}
}

// planDots places warps on the largest product: all along its rows if one product's result goes
// into the next one's left side, else on pieces that are about square.
func (g *gen) planDots(dots []*tir.Op) {
	rows, cols := 0, 0
	for _, d := range dots {
		t := d.Results[0].Type
		if t.Len() > rows*cols {
			rows, cols = t.Dims[0], t.Dims[1]
		}
	}
	r, c := layout.Log2(rows), layout.Log2(cols)
	g.warps = min(max(r+c-10, 0), 2)
	if r+c > 14 || r+c == 14 && chained(dots) {
		g.warps = 3
	}
	if g.opt.Warps > 0 {
		g.warps = min(layout.Log2(g.opt.Warps), 4)
	}
	if chained(dots) {
		g.warpsM = min(g.warps, max(r-4, 0))
	} else {
		for i := range g.warps {
			if r-g.warpsM >= c-(i-g.warpsM) && r-g.warpsM > 4 {
				g.warpsM++
			}
		}
	}
	g.planCopies()
}

// chained tells whether a dot's left operand comes from another dot.
func chained(dots []*tir.Op) bool {
	for _, d := range dots {
		if reaches(d.Args[0], 0) {
			return true
		}
	}
	return false
}

func reaches(v *tir.Value, depth int) bool {
	if v.Op == nil || depth > 64 {
		return false
	}
	switch {
	case v.Op.Kind == tir.Dot:
		return true
	case v.Op.Kind.Elementwise():
		return slices.ContainsFunc(v.Op.Args, func(a *tir.Value) bool {
			return reaches(a, depth+1)
		})
	}
	return false
}

// sum is the layout of a dot's result.
func (g *gen) sum(dims []int) *layout.Layout {
	return layout.Sum(layout.Logs(dims), g.warpsM, g.warps-g.warpsM)
}

// how a dot is computed.
type how uint8

const (
	byFMA   how = iota // multiply-add in increasing k
	byMMA              // mma.sync
	byWGMMA            // wgmma
)

// kStep is how much of k an instruction takes: 32 bytes.
func kStep(e tile.Elem) int { return 32 / e.Size() }

// method chooses the instruction of a dot: Tensor Cores where they have the element type and k
// fills an instruction.
func (g *gen) method(op *tir.Op) how {
	e := op.Args[0].Type.Elem
	switch e {
	case tile.F32, tile.F64:
		return byFMA
	}
	k := 1 << layout.Log2(op.Args[0].Type.Dims[1])
	if k < kStep(e) && !(e == tile.E4M3 || e == tile.E5M2) || k < 16 {
		return byFMA
	}
	if g.hop != nil && g.hop.fits(op) {
		return byWGMMA
	}
	return byMMA
}
