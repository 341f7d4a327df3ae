package gen

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/layout"
	"tensoros/neurolang/tir"
)

// Proof is what is known of one access before the kernel runs, since its addresses are linear in
// the bits of lane and register.
type Proof struct {
	Loc    tir.Loc
	Shared bool
	// Wavefronts of an access to shared memory: how often a phase of it is repeated because lanes
	// meet in banks. 1 is none.
	Wavefronts int
	// Sectors that an access to global memory touches for each that it needs.
	Sectors float64

	lanes []uint32 // offsets that the lanes' bits add
	width int      // log2 of the bytes a lane moves
}

// String is the proof as reports write it.
func (p *Proof) String() string {
	if p.Shared {
		return fmt.Sprintf("line %d: shared memory, %d wavefronts a phase", p.Loc.Line,
			p.Wavefronts)
	}
	return fmt.Sprintf("line %d: global memory, %.2f sectors for each that is needed", p.Loc.Line,
		p.Sectors)
}

// Proofs lists what is proved of the accesses of a kernel's fast variant, in the order of lines,
// the
// worst of a line's accesses. Copies by TMA and operands of wgmma are swizzled by the hardware and
// not among them.
func Proofs(k *tir.Kernel, cc int, opt Options) ([]Proof, error) {
	t := targetOf(cc)
	if t == nil {
		return nil, fail(diag.Target, k.Loc, "", "no code is generated for sm_%d", cc)
	}
	g, err := generate(optimise(k), t, whole, opt)
	if err != nil {
		return nil, err
	}
	var out []Proof
	for _, p := range g.proofs {
		i := slices.IndexFunc(out,
			func(q Proof) bool { return q.Loc == p.Loc && q.Shared == p.Shared })
		switch {
		case i < 0:
			out = append(out, p)
		case p.Wavefronts > out[i].Wavefronts || p.Sectors > out[i].Sectors:
			out[i] = p
		}
	}
	slices.SortStableFunc(out, func(a, b Proof) int { return cmp.Compare(a.Loc.Line, b.Loc.Line) })
	return out, nil
}

// meets notes an access to shared memory by lanes that add these offsets.
func (g *gen) meets(lanes []uint32, width int) {
	g.proofs = append(g.proofs, Proof{Loc: g.loc, Shared: true, lanes: lanes, width: width,
		Wavefronts: layout.Conflicts(lanes, width)})
}

// meetsRows notes an access by a layout to a tile that lies in rows without padding. Where a
// dimension is no power of two, addresses are not linear in bits and nothing is proved: the worst
// is assumed.
func (g *gen) meetsRows(l *layout.Layout, dims []int, size int) {
	for d, n := range dims {
		if n != 1<<l.Dims[d] {
			g.proofs = append(g.proofs, Proof{Loc: g.loc, Shared: true, Wavefronts: 32})
			return
		}
	}
	g.meets(layout.Linear(l.Dims, size, 0).Offsets(l.Lane), size)
}

// meetsAt notes an access by which a lane's place in one dimension is multiplied.
func (g *gen) meetsAt(l *layout.Layout, d, shift, size int) {
	lanes := make([]uint32, len(l.Lane))
	for i, v := range l.Lane {
		lanes[i] = v & layout.Mask(l.Dims, d) >> layout.Shift(l.Dims, d) << shift
	}
	g.meets(lanes, size)
}

// touches notes an access to global memory.
func (g *gen) touches(op *tir.Op, l *layout.Layout) {
	if len(l.Dims) > 0 {
		g.proofs = append(g.proofs, Proof{Loc: op.Loc, Sectors: g.waste(op, l)})
	}
}

// prove holds the accesses of the fast variant to what the options allow.
func (g *gen) prove() {
	opt := g.opt
	if g.mode != whole {
		return
	}
	for i := range g.proofs {
		switch p := &g.proofs[i]; {
		case opt.Wavefronts > 0 && p.Wavefronts > opt.Wavefronts && p.lanes == nil:
			panic(fail(diag.BankConflict, p.Loc, "use dimensions that are powers of two, or "+
				"@allow(conflict=32)", "nothing is proved of this access to shared memory: the "+
				"tile's dimensions are no powers of two"))
		case opt.Wavefronts > 0 && p.Wavefronts > opt.Wavefronts:
			e := fail(diag.BankConflict, p.Loc, fmt.Sprintf(
				"another shape of tile, or @allow(conflict=%d)", p.Wavefronts),
				"%d lanes meet in one bank of shared memory, %d are allowed", p.Wavefronts,
				opt.Wavefronts)
			e.Notes = p.picture()
			panic(e)
		case opt.Sectors > 0 && p.Sectors > opt.Sectors:
			panic(fail(diag.Uncoalesced, p.Loc, fmt.Sprintf(
				"let the last index be a span, or @allow(sectors=%.0f)", p.Sectors),
				"%.1f sectors of memory are moved for each that is needed, %.1f are allowed",
				p.Sectors, opt.Sectors))
		}
	}
}

// picture draws the lanes of a phase and the banks they begin in.
func (p *Proof) picture() []string {
	n := min(len(p.lanes), 7-max(p.width, 2))
	first := map[int]uint32{}
	var rows []string
	var row strings.Builder
	for lane := range 1 << n {
		at := uint32(0)
		for b := range n {
			if lane>>b&1 != 0 {
				at ^= p.lanes[b]
			}
		}
		bank := int(at >> 2 & 31)
		mark := " "
		if other, taken := first[bank]; taken && other != at>>2 {
			mark = "!"
		} else if !taken {
			first[bank] = at >> 2
		}
		fmt.Fprintf(&row, " %2d:%2d%s", lane, bank, mark)
		if lane%8 == 7 || lane == 1<<n-1 {
			rows = append(rows, row.String())
			row.Reset()
		}
	}
	return append([]string{"lane:bank of a phase, ! where the bank is taken"}, rows...)
}
