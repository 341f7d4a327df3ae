package sm

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"tensoros/hw/num"
	"tensoros/hw/ptx"
	"tensoros/hw/spec/gpu"
	"tensoros/sim/gpu/tensor"
)

// list is "{%r4,%r5}".
func list(prefix string, first, n int) string {
	var s []string
	for i := range n {
		s = append(s, fmt.Sprintf("%%%s%d", prefix, first+i))
	}
	return "{" + strings.Join(s, ",") + "}"
}

// warpOf runs an instruction on one warp of a chip. Its inputs are 32-bit registers %r0.., filled
// from in; its results %o0.. come back.
func warpOf(t *testing.T, chip int, target, inst string, in []*tensor.Reg,
	results int) []*tensor.Reg {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, ".version 8.4\n.target %s\n.address_size 64\n.visible .entry k(.param .u64 p)\n{\n"+
		".reg .b32 %%r<%d>; .reg .b32 %%o<%d>; .reg .b32 %%t<2>; .reg .b64 %%rd<4>;\n"+
		"ld.param.u64 %%rd0, [p]; mov.u32 %%t0, %%tid.x; mul.wide.u32 %%rd1, %%t0, 4;\n"+
		"add.s64 %%rd0, %%rd0, %%rd1;\n", target, max(len(in), 1), results)
	for i := range in {
		fmt.Fprintf(&b, "ld.global.u32 %%r%d, [%%rd0+%d];\n", i, 128*i)
	}
	b.WriteString(inst + "\n")
	for i := range results {
		fmt.Fprintf(&b, "st.global.u32 [%%rd0+%d], %%o%d;\n", 128*(len(in)+i), i)
	}
	b.WriteString("ret;\n}")
	m, err := ptx.Parse("test.ptx", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Load(m, "k", chip)
	if err != nil {
		t.Fatal(err)
	}
	mem := newFlat(128 * (len(in) + results))
	for i, reg := range in {
		for l, v := range reg {
			mem.setU32(128*i+4*l, v)
		}
	}
	l := &Launch{Prog: p, Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{32, 1, 1}, Mem: mem,
		Params: params(mem.base)}
	if _, err := l.Run(); err != nil {
		t.Fatal(err)
	}
	out := make([]*tensor.Reg, results)
	for i := range out {
		out[i] = new(tensor.Reg)
		for lane := range 32 {
			out[i][lane] = mem.u32(128*(len(in)+i) + 4*lane)
		}
	}
	return out
}

func randomWarp(r *rand.Rand, n int, float ptx.Type) (regs []*tensor.Reg) {
	for range n {
		reg := new(tensor.Reg)
		for l := range reg {
			reg[l] = r.Uint32()
			switch float { // of moderate size
			case ptx.F32, ptx.Tf32:
				reg[l] = reg[l]&0x83ffffff | 0x3c000000
			case ptx.F16:
				reg[l] = reg[l]&0x8fff8fff | 0x30003000
			case ptx.Bf16:
				reg[l] = reg[l]&0x83ff83ff | 0x3c003c00
			}
		}
		regs = append(regs, reg)
	}
	return regs
}

// TestMmaForms runs each form of mma.sync of the PTX table as an instruction; the arithmetic and
// the layouts are those of package tensor, which has tests of its own.
func TestMmaForms(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	type form struct {
		sm      int
		shape   tensor.Shape
		d, a, b ptx.Type
		tail    string // satfinite, or what b1 does
	}
	var forms []form
	add := func(sm, m, k int, d, a, b ptx.Type, tail string) {
		forms = append(forms, form{sm, tensor.Shape{M: m, N: 8, K: k}, d, a, b, tail})
	}
	for _, sm := range []int{80, 86, 89, 90, 100, 120} {
		for _, k := range []int{8, 16} {
			add(sm, 16, k, ptx.F16, ptx.F16, ptx.F16, "")
			add(sm, 16, k, ptx.F32, ptx.F16, ptx.F16, "")
			add(sm, 16, k, ptx.F32, ptx.Bf16, ptx.Bf16, "")
			add(sm, 16, k/2, ptx.F32, ptx.Tf32, ptx.Tf32, "")
		}
		for _, x := range [][2]ptx.Type{{ptx.E4m3, ptx.E5m2}, {ptx.E5m2, ptx.E5m2}} {
			if sm >= 89 {
				add(sm, 16, 32, ptx.F32, x[0], x[1], "")
			}
		}
		for _, x := range [][3]int{{8, 16, 32}, {16, 16, 32}, {16, 32, 64}} {
			add(sm, x[0], x[1], ptx.S32, ptx.S8, ptx.U8, "")
			add(sm, x[0], x[1], ptx.S32, ptx.U8, ptx.S8, "satfinite")
			add(sm, x[0], x[2], ptx.S32, ptx.U4, ptx.S4, "")
			add(sm, x[0], x[2], ptx.S32, ptx.S4, ptx.S4, "satfinite")
			add(sm, x[0], 4*x[2], ptx.S32, ptx.B1, ptx.B1, "xor")
			add(sm, x[0], 4*x[2], ptx.S32, ptx.B1, ptx.B1, "and")
		}
	}
	for _, f := range forms {
		fa, fb, fd := elementFormat[f.a], elementFormat[f.b], elementFormat[f.d]
		rule, err := gpu.LookupMMA(f.sm, gpu.MMASync, fa, fd)
		if err != nil {
			t.Fatal(err)
		}
		var opts []tensor.Option
		name := fmt.Sprintf("mma.sync.aligned.%v.row.col", f.shape)
		tail := ""
		switch f.tail {
		case "satfinite":
			name, opts = name+".satfinite", append(opts, tensor.Satfinite)
		case "xor":
			tail, opts = ".xor.popc", append(opts, tensor.Xor)
		case "and":
			tail = ".and.popc"
		}
		name += fmt.Sprintf(".%v.%v.%v.%v%s", f.d, f.a, f.b, f.d, tail)
		u, err := tensor.NewUnit(rule, f.shape, fa, fb, opts...)
		if err != nil {
			t.Fatal(err)
		}
		na, nb, nc := u.RegsA(), u.RegsB(), u.RegsC()
		a, b, c := randomWarp(r, na, f.a), randomWarp(r, nb, f.b), randomWarp(r, nc, f.d)
		target := "sm_90"
		got := warpOf(t, f.sm, target, fmt.Sprintf("%s %s, %s, %s, %s;", name, list("o", 0, nc),
			list("r", 0, na), list("r", na, nb), list("r", na+nb, nc)),
			append(append(append([]*tensor.Reg{}, a...), b...), c...), nc)
		want := make([]*tensor.Reg, nc)
		for i := range want {
			want[i] = new(tensor.Reg)
		}
		u.MMA(want, a, b, c)
		for i := range want {
			if *got[i] != *want[i] {
				t.Fatalf("sm_%d %s: register %d is\n%x, want\n%x", f.sm, name, i, *got[i], *want[i])
			}
		}
	}
}

// TestMmaSparseForms does so for mma.sp, with the selector and the metadata as operands.
func TestMmaSparseForms(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 7))
	for i, f := range []struct {
		k       int
		d, a, b ptx.Type
	}{
		{16, ptx.F16, ptx.F16, ptx.F16}, {32, ptx.F16, ptx.F16, ptx.F16},
		{16, ptx.F32, ptx.F16, ptx.F16}, {32, ptx.F32, ptx.F16, ptx.F16},
		{16, ptx.F32, ptx.Bf16, ptx.Bf16}, {32, ptx.F32, ptx.Bf16, ptx.Bf16},
		{8, ptx.F32, ptx.Tf32, ptx.Tf32}, {16, ptx.F32, ptx.Tf32, ptx.Tf32},
		{64, ptx.F32, ptx.E4m3, ptx.E5m2}, {32, ptx.S32, ptx.S8, ptx.U8},
		{64, ptx.S32, ptx.U8, ptx.S8}, {64, ptx.S32, ptx.S4, ptx.U4}, {128, ptx.S32, ptx.U4,
			ptx.U4},
	} {
		sm, shape := 80, tensor.Shape{M: 16, N: 8, K: f.k}
		if f.a == ptx.E4m3 {
			sm = 89
		}
		rule, err := gpu.LookupMMA(sm, gpu.MMASync, elementFormat[f.a], elementFormat[f.d])
		if err != nil {
			t.Fatal(err)
		}
		fa, fb := elementFormat[f.a], elementFormat[f.b]
		u, err := tensor.NewSparse(rule, shape, fa, fb, false, false)
		if err != nil {
			t.Fatal(err)
		}
		na, nb, nc := u.RegsA(), u.RegsB(), u.RegsC()
		a, b, c := randomWarp(r, na, f.a), randomWarp(r, nb, f.b), randomWarp(r, nc, f.d)
		meta := new(tensor.Reg)
		for l := range meta {
			for i := range 8 {
				pick := []uint32{0b0100, 0b1110}[r.IntN(2)] // has a meaning for every type
				meta[l] |= pick << (4 * i)
			}
		}
		for selector := range u.Selectors() {
			sp := []string{"sp", "sp::ordered_metadata"}[i%2]
			name := fmt.Sprintf("mma.%s.sync.aligned.%v.row.col.%v.%v.%v.%v", sp, shape, f.d, f.a,
				f.b, f.d)
			in := append(append(append(append([]*tensor.Reg{}, a...), b...), c...), meta)
			got := warpOf(t, sm, "sm_90", fmt.Sprintf("%s %s, %s, %s, %s, %%r%d, %d;", name,
				list("o", 0, nc), list("r", 0, na), list("r", na, nb), list("r", na+nb, nc),
				na+nb+nc,
				selector), in, nc)
			want := make([]*tensor.Reg, nc)
			for i := range want {
				want[i] = new(tensor.Reg)
			}
			if err := u.MMA(want, a, b, c, meta, selector); err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if *got[i] != *want[i] {
					t.Fatalf("%s selector %d: register %d is\n%x, want\n%x", name, selector, i,
						*got[i],
						*want[i])
				}
			}
		}
	}
}

// TestMmaQuadForms: m8n8k4 on f16 in its four layouts, on the chips that have it and those that
// emulate it.
func TestMmaQuadForms(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 8))
	for _, sm := range []int{70, 75, 80, 90} {
		for i := range 12 {
			layout := [2]string{"row", "col"}
			la, lb := layout[i&1], layout[i>>1&1]
			d, c := ptx.F32, ptx.F32
			if i >= 4 {
				c = ptx.F16
			}
			if i >= 8 {
				d = ptx.F16
			}
			rule, err := gpu.LookupMMA(sm, gpu.MMASyncQuad, num.F16, elementFormat[d])
			if err != nil {
				t.Fatal(err)
			}
			u, err := tensor.NewQuad(rule, la == "col", lb == "col", elementFormat[c])
			if err != nil {
				t.Fatal(err)
			}
			nc, nd := u.RegsC(), u.RegsD()
			in := append(randomWarp(r, 4, ptx.F16), randomWarp(r, nc, c)...)
			name := fmt.Sprintf("mma.sync.aligned.m8n8k4.%s.%s.%v.f16.f16.%v", la, lb, d, c)
			got := warpOf(t, sm, "sm_90", fmt.Sprintf("%s %s, %s, %s, %s;", name, list("o", 0, nd),
				list("r", 0, 2), list("r", 2, 2), list("r", 4, nc)), in, nd)
			want := make([]*tensor.Reg, nd)
			for i := range want {
				want[i] = new(tensor.Reg)
			}
			u.MMA(want, in[:2], in[2:4], in[4:])
			for i := range want {
				if *got[i] != *want[i] {
					t.Fatalf("sm_%d %s: register %d is\n%x, want\n%x", sm, name, i, *got[i],
						*want[i])
				}
			}
		}
	}
}

// TestMma64Forms: values that are exact in any order, places by the PTX ISA's formulas.
func TestMma64Forms(t *testing.T) {
	for _, s := range []struct{ m, k int }{{8, 4}, {16, 4}, {16, 8}, {16, 16}} {
		for round, ulps := range map[string]float64{"": 0, ".rn": 0, ".rz": 0, ".rm": 0, ".rp": 1} {
			na, nb, nc := s.m*s.k/32, s.k/4, s.m/4
			var b strings.Builder
			fmt.Fprintf(&b, ".version 8.4\n.target sm_90\n.address_size 64\n"+
				".visible .entry k(.param .u64 p)\n{\n.reg .b64 %%d<24>; .reg .b32 %%t<2>; "+
				".reg .b64 %%rd<4>;\nld.param.u64 %%rd0, [p]; mov.u32 %%t0, %%tid.x; "+
				"mul.wide.u32 %%rd1, %%t0, 8; add.s64 %%rd0, %%rd0, %%rd1;\n")
			for i := range na + nb + nc {
				fmt.Fprintf(&b, "ld.global.b64 %%d%d, [%%rd0+%d];\n", i, 256*i)
			}
			fmt.Fprintf(&b, "mma.sync.aligned.m%dn8k%d.row.col%s.f64.f64.f64.f64 %s, %s, %s, %s;\n", s.m,
				s.k, round, list("d", na+nb, nc), list("d", 0, na), list("d", na, nb),
				list("d", na+nb, nc))
			for i := range nc {
				fmt.Fprintf(&b, "st.global.b64 [%%rd0+%d], %%d%d;\n", 256*i, na+nb+i)
			}
			b.WriteString("ret;\n}")
			va := func(m, k int) float64 { return float64(m*3+k*5) - 20 }
			vb := func(k, n int) float64 {
				if n == 7 { // the first product alone, of which .rp leaves more
					return math.Ldexp(float64(max(1-k, 0)), -70)
				}
				return float64(k*7+n*2) - 9
			}
			mem := newFlat(256 * 24)
			put := func(reg, lane int, v float64) {
				binary.LittleEndian.PutUint64(mem.data[256*reg+8*lane:], math.Float64bits(v))
			}
			for lane := range 32 {
				g, th := lane/4, lane%4
				for i := range na {
					row, col := g+i%2*8, th+i/2*4
					if s.m == 8 {
						row, col = g, th
					}
					put(i, lane, va(row, col))
				}
				for i := range nb {
					put(na+i, lane, vb(th+4*i, g))
				}
				for i := range nc {
					put(na+nb+i, lane, float64(g*8+i/2*64+th*2+i%2))
				}
			}
			l := &Launch{Prog: load(t, b.String(), ""), Grid: [3]uint32{1, 1, 1},
				Block: [3]uint32{32, 1, 1}, Mem: mem, Params: params(mem.base)}
			if _, err := l.Run(); err != nil {
				t.Fatal(err)
			}
			for m := range s.m {
				for n := range 8 {
					want := float64(m*8 + n)
					for k := range s.k {
						want += va(m, k) * vb(k, n)
					}
					if n == 7 && va(m, 0) > 0 {
						want += ulps * (math.Nextafter(want, math.Inf(1)) - want)
					}
					if n == 7 && va(m, 0) < 0 && (round == ".rz" || round == ".rm") {
						want = math.Nextafter(want, 0)
					}
					at := 256*(m/8*2+n%2) + 8*(m%8*4+n/2)
					got := math.Float64frombits(binary.LittleEndian.Uint64(mem.data[at:]))
					if got != want {
						t.Fatalf("m%dn8k%d%s: [%d][%d] = %v, want %v", s.m, s.k, round, m, n, got,
							want)
					}
				}
			}
		}
	}
}

// TestMatrixMoves: ldmatrix and stmatrix in every form, and movmatrix. Matrix i's element (r, c) is
// 64i + 8r + c; thread 4r + c/2 holds it in half c mod 2 of register i.
func TestMatrixMoves(t *testing.T) {
	value := func(i, r, c int) uint32 { return uint32(1000*i + 8*r + c + 1) }
	for _, n := range []int{1, 2, 4} {
		for _, trans := range []string{"", ".trans"} {
			addr := ".shared .align 128 .b8 buf[1024]; .reg .b32 %a<8>; mov.u32 %a0, buf;" +
				"shl.b32 %a1, %t0, 4; add.u32 %a1, %a0, %a1; shl.b32 %a2, %t0, 2; add.u32 %a2, %a0, %a2;"
			in := make([]*tensor.Reg, n)
			for i := range in {
				in[i] = new(tensor.Reg)
			}
			load, store := addr, addr
			for i := range n {
				load += fmt.Sprintf("st.shared.b32 [%%a2+%d], %%r%d;", 128*i, i)
				store += fmt.Sprintf("st.shared.b32 [%%a2+%d], 0;", 128*i)
			}
			load += fmt.Sprintf("bar.sync 0; ldmatrix.sync.aligned.m8n8.x%d%s.shared.b16 %s, [%%a1];", n,
				trans, list("o", 0, n))
			store += fmt.Sprintf("bar.sync 0; stmatrix.sync.aligned.m8n8.x%d%s.shared.b16 [%%a1], %s;"+
				"bar.sync 0;", n, trans, list("r", 0, n))
			for i := range n {
				store += fmt.Sprintf("ld.shared.b32 %%o%d, [%%a2+%d];", i, 128*i)
			}
			for i := range n {
				for r := range 8 {
					for c := range 8 { // in memory: row r of 16 bytes
						in[i][r*4+c/2] |= value(i, r, c) << (c % 2 * 16)
					}
				}
			}
			for k, src := range []string{load, store} {
				got := warpOf(t, 90, "sm_90", src, in, n)
				for i := range n {
					for r := range 8 {
						for c := range 8 {
							want := value(i, r, c)
							if trans != "" {
								want = value(i, c, r)
							}
							if v := got[i][r*4+c/2] >> (c % 2 * 16) & 0xffff; v != want {
								t.Fatalf("%s.x%d%s: matrix %d, [%d][%d] = %d, want %d",
									[]string{"ldmatrix", "stmatrix"}[k], n, trans, i, r, c, v, want)
							}
						}
					}
				}
			}
			if n == 1 {
				got := warpOf(t, 90, "sm_90", "movmatrix.sync.aligned.m8n8.trans.b16 %o0, %r0;", in,
					1)
				if v := got[0][4*3+1] & 0xffff; v != value(0, 2, 3) {
					t.Errorf("movmatrix: [3][2] = %d, want %d", v, value(0, 2, 3))
				}
			}
		}
	}
}
