package codegen

import (
	"fmt"

	"tensoros/neurolang/tile"
)

// copier is one thread's share of copying a side's part of a stage from global memory.
type copier struct {
	side
	src   reg   // global address of the first chunk of the next stage
	step  reg   // bytes from one chunk of this thread to its next
	next  any   // bytes from one stage to the next: a constant or a register
	dst   []reg // shared offsets in a stage; one if the others follow at fixed distances
	count int   // chunks of this thread
	guard reg   // "" if every thread copies
}

// reader is one lane's addresses for ldmatrix in a stage.
type reader struct {
	side
	offs []reg // by k step, or by tile if trans
}

// matmul emits the whole of a kernel with a dot.
func (g *gen) matmul() {
	g.at(g.plan.k.Loc)
	lane := g.r("and.b32", g.tid, warpSize-1)
	warp := g.r("shr.u32", g.tid, log2(warpSize))
	warpM := g.r("shr.u32", warp, log2(g.warpsN))
	warpN := g.r("and.b32", warp, g.warpsN-1)

	g.at(g.dot.Loc)
	smem := g.r("mov.u32", g.plan.k.Name+"_smem")
	ca := g.copier(g.a, g.by, g.bm, g.m)
	cb := g.copier(g.b, g.bx, g.bn, g.n)
	ra := g.reader(g.a, lane, warpM, true)
	rb := g.reader(g.b, lane, warpN, false)
	acc := g.accumulators()
	g.pipeline(smem, []*copier{ca, cb}, ra, rb, acc)

	g.comment("elementwise operations on the accumulators, and stores")
	row := g.r("shr.u32", lane, 2)
	row = g.r("mad.lo.u32", warpM, g.wm, row)
	row = g.r("mad.lo.u32", g.by, g.bm, row)
	col := g.r("and.b32", lane, 3)
	col = g.r("shl.b32", col, 1)
	col = g.r("mad.lo.u32", warpN, g.wn, col)
	col = g.r("mad.lo.u32", g.bx, g.bn, col)
	g.epilogue(row, col, acc)
}

// accumulators returns acc[i][j]: the four registers of the 16x8 tile (i, j) of a warp, zeroed.
func (g *gen) accumulators() [][][]reg {
	acc := make([][][]reg, g.wm/16)
	for i := range acc {
		acc[i] = make([][]reg, g.wn/8)
		for j := range acc[i] {
			for q := 0; q < 4; q++ {
				acc[i][j] = append(acc[i][j], g.f("mov.f32", f32(0)))
			}
		}
	}
	return acc
}

// copier sets up the copy of side s, the tile number block of size mn in the dimension of length
// extent.
func (g *gen) copier(s side, block reg, mn int, extent reg) *copier {
	c := &copier{side: s}
	es := g.elem.Size()
	perRow := s.rowBytes / chunk
	total := s.rows * perRow
	c.count = max(1, total/g.threads)
	if total < g.threads {
		c.guard = g.op(classP, "setp.lt.u32", g.tid, total)
	}
	row := g.r("shr.u32", g.tid, log2(perRow))
	col := g.r("and.b32", g.tid, perRow-1)

	// Global: row * leading dimension + column, the tile's origin added to whichever is mn.
	ld := g.kk
	if s.trans {
		ld = extent
	}
	ldBytes := g.r("shl.b32", ld, log2(es))
	grow, gcol := row, g.r("shl.b32", col, log2(chunk))
	if s.trans {
		gcol = g.r("mad.lo.u32", block, mn*es, gcol)
	} else {
		grow = g.r("mad.lo.u32", block, mn, row)
	}
	c.src = g.rd("mad.wide.u32", grow, ldBytes, g.ptr[s.param])
	col64 := g.rd("cvt.u64.u32", gcol)
	c.src = g.rd("add.s64", c.src, col64)
	rowStep := max(1, g.threads/perRow)
	if c.count > 1 {
		c.step = g.rd("mul.wide.u32", ldBytes, rowStep)
	}
	c.next = s.rowBytes
	if s.trans {
		c.next = g.rd("mul.wide.u32", ldBytes, g.bk)
	}

	// Shared: the chunk index XORed with row bits. Rows 8 apart have the same bits.
	for i := 0; i < c.count; i++ {
		if i == 1 && rowStep%8 == 0 {
			break
		}
		r := row
		if i > 0 {
			r = g.r("add.u32", row, i*rowStep)
		}
		c.dst = append(c.dst, g.swizzled(s, r, col))
	}
	return c
}

// swizzled returns the byte offset in a stage of a chunk of side s.
func (g *gen) swizzled(s side, row, col reg) reg {
	shift, mask := swizzle(s.rowBytes)
	x := row
	if shift > 0 {
		x = g.r("shr.u32", row, shift)
	}
	x = g.r("and.b32", x, mask)
	x = g.r("xor.b32", x, col)
	x = g.r("shl.b32", x, log2(chunk))
	x = g.r("mad.lo.u32", row, s.rowBytes, x)
	if s.base > 0 {
		x = g.r("add.u32", x, s.base)
	}
	return x
}

// issue emits one thread's copies into the stage at shared address `at`, under predicate ok (""
// for always), and moves on to the next stage.
func (g *gen) issue(c *copier, at, ok reg) {
	guard := ""
	switch {
	case ok != "" && c.guard != "":
		guard = fmt.Sprintf("@%s ", g.op(classP, "and.pred", ok, c.guard))
	case ok != "" || c.guard != "":
		guard = fmt.Sprintf("@%s ", ok+c.guard)
	}
	src := c.src
	dst := g.r("add.u32", at, c.dst[0])
	for i := 0; i < c.count; i++ {
		offset := i * g.threads * chunk
		if i > 0 && len(c.dst) > 1 {
			dst, offset = g.r("add.u32", at, c.dst[i]), 0
		} else if len(c.dst) > 1 {
			offset = 0
		}
		if i > 0 {
			src = g.rd("add.s64", src, c.step)
		}
		g.line("%scp.async.cg.shared.global.L2::128B %s, [%s], %d", guard, addr(dst, offset), src,
			chunk)
	}
	g.into(c.src, "add.s64", c.src, c.next)
}

// reader sets up ldmatrix.x4: lane l addresses row l%8 of 8x8 matrix l/8 (PTX ISA, ldmatrix). The
// four matrices of A are (mn 0, k 0), (8, 0), (0, 8), (8, 8); of B the middle two are swapped, so
// that x4 gives two tiles of 8 columns. In bytes tf32 has the same geometry with half the elements.
func (g *gen) reader(s side, lane, warp reg, isA bool) *reader {
	r := &reader{side: s}
	low := g.r("and.b32", lane, 7)
	bit3 := g.r("bfe.u32", lane, 3, 1)
	bit4 := g.r("shr.u32", lane, 4)
	mnHigh, kHigh := bit3, bit4
	if !isA {
		mnHigh, kHigh = bit4, bit3
	}
	if s.trans {
		row := g.r("mad.lo.u32", kHigh, 8, low)
		for i := 0; i < s.warp/16; i++ {
			col := g.r("mad.lo.u32", warp, s.warp/8, mnHigh)
			if i > 0 {
				col = g.r("add.u32", col, 2*i)
			}
			r.offs = append(r.offs, g.swizzled(s, row, col))
		}
		return r
	}
	row := g.r("mad.lo.u32", mnHigh, 8, low)
	row = g.r("mad.lo.u32", warp, s.warp, row)
	for ks := 0; ks < s.rowBytes/32; ks++ {
		col := kHigh
		if ks > 0 {
			col = g.r("add.u32", kHigh, 2*ks)
		}
		r.offs = append(r.offs, g.swizzled(s, row, col))
	}
	return r
}

// load emits the ldmatrix of tile i (16 of mn) and step ks from the stage whose addresses are at.
func (g *gen) load(r *reader, at []reg, i, ks int) []reg {
	trans, base, offset := "", ks, i*16*r.rowBytes
	if r.trans {
		trans, base, offset = ".trans", i, ks*16*r.rowBytes
	}
	d := make([]reg, 4)
	for q := range d {
		d[q] = g.fresh(classR)
	}
	g.line("ldmatrix.sync.aligned.m8n8.x4%s.shared.b16 %s, %s", trans, join(d), addr(at[base],
		offset))
	return d
}

// mmaForms maps operand types to the instruction.
var mmaForms = map[tile.Elem]string{
	tile.F16:  "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32",
	tile.BF16: "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32",
	tile.TF32: "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32",
}

// pipeline emits prologue copies and the loop over k: wait for the oldest stage, refill the stage
// read last, multiply. k increases, so the sums are those of the reference interpreter.
func (g *gen) pipeline(smem reg, cs []*copier, ra, rb *reader, acc [][][]reg) {
	tiles := g.r("shr.u32", g.kk, log2(g.bk))
	g.comment(fmt.Sprintf("fill %d of %d stages", g.stages-1, g.stages))
	for s := 0; s < g.stages-1; s++ {
		ok := g.op(classP, "setp.gt.u32", tiles, s)
		at := smem
		if s > 0 {
			at = g.r("add.u32", smem, s*g.stageBytes())
		}
		for _, c := range cs {
			g.issue(c, at, ok)
		}
		g.line("cp.async.commit_group")
	}
	done := g.r("mov.u32", 0)
	read := g.r("mov.u32", smem)
	write := g.r("add.u32", smem, (g.stages-1)*g.stageBytes())
	end := g.r("add.u32", smem, g.sharedBytes())

	g.comment(fmt.Sprintf("wait for the oldest stage, refill the one read last, multiply %d of k",
		g.bk))
	g.label("K_LOOP")
	g.line("cp.async.wait_group %d", g.stages-2)
	g.line("bar.sync 0")
	issued := g.r("add.u32", done, g.stages-1)
	ok := g.op(classP, "setp.lt.u32", issued, tiles)
	for _, c := range cs {
		g.issue(c, write, ok)
	}
	g.line("cp.async.commit_group")
	g.multiply(read, ra, rb, acc)
	g.wrap(write, smem, end)
	g.wrap(read, smem, end)
	g.into(done, "add.u32", done, 1)
	more := g.op(classP, "setp.lt.u32", done, tiles)
	g.line("@%s bra K_LOOP", more)
	g.line("cp.async.wait_all")
}

// wrap moves a stage address to the next stage.
func (g *gen) wrap(at, smem, end reg) {
	g.into(at, "add.u32", at, g.stageBytes())
	p := g.op(classP, "setp.eq.u32", at, end)
	g.into(at, "selp.b32", smem, at, p)
}

func (g *gen) multiply(read reg, ra, rb *reader, acc [][][]reg) {
	var ats [2][]reg
	for s, r := range []*reader{ra, rb} {
		for _, o := range r.offs {
			ats[s] = append(ats[s], g.r("add.u32", read, o))
		}
	}
	for ks := 0; ks < g.bk*g.elem.Size()/32; ks++ {
		var a, b [][]reg
		for i := range acc {
			a = append(a, g.load(ra, ats[0], i, ks))
		}
		for j := 0; j < g.wn/16; j++ {
			q := g.load(rb, ats[1], j, ks)
			b = append(b, q[:2], q[2:])
		}
		for i := range acc {
			for j, d := range acc[i] {
				g.line("%s %s, %s, %s, %s", mmaForms[g.elem], join(d), join(a[i]), join(b[j]),
					join(d))
			}
		}
	}
}
