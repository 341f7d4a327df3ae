package sm

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"tensoros/hw/num"
	"tensoros/hw/ptx"
)

// wmmaCase is a form of wmma.mma with the types of A and B, C and D.
type wmmaCase struct {
	m, n, k  int
	ab, c, d ptx.Type
	types    string // of the spelling
	pad      int    // elements between rows; if 0 the instruction does not give the stride
}

func wmmaCases() (all []wmmaCase) {
	for _, s := range [][3]int{{16, 16, 16}, {32, 8, 16}, {8, 32, 16}} {
		for _, c := range []ptx.Type{ptx.F16, ptx.F32} {
			for _, d := range []ptx.Type{ptx.F16, ptx.F32} {
				all = append(all, wmmaCase{s[0], s[1], s[2], ptx.F16, c, d, fmt.Sprintf("%v.%v", d,
					c), 0})
			}
		}
		all = append(all,
			wmmaCase{s[0], s[1], s[2], ptx.Bf16, ptx.F32, ptx.F32, "f32.bf16.bf16.f32", 0},
			wmmaCase{s[0], s[1], s[2], ptx.U8, ptx.S32, ptx.S32, "s32.u8.u8.s32", 0},
			wmmaCase{s[0], s[1], s[2], ptx.S8, ptx.S32, ptx.S32, "s32.s8.s8.s32", 0},
			wmmaCase{s[0], s[1], s[2], ptx.S8, ptx.S32, ptx.S32, "s32.s8.s8.s32.satfinite", 0})
	}
	return append(all, wmmaCase{16, 16, 8, ptx.Tf32, ptx.F32, ptx.F32, "f32.tf32.tf32.f32", 0},
		wmmaCase{8, 8, 4, ptx.F64, ptx.F64, ptx.F64, "f64.f64.f64.f64", 0})
}

// source loads A at 0, B at 8192, C at 16384 and stores D at 24576.
func (x *wmmaCase) source(t *testing.T, layout [4]string) string {
	t.Helper()
	shape := fmt.Sprintf("m%dn%dk%d", x.m, x.n, x.k)
	mma := fmt.Sprintf("wmma.mma.sync.aligned.%s.%s.%s.%s", layout[0], layout[1], shape, x.types)
	count := map[ptx.Type]int{ptx.F16: 8, ptx.Bf16: x.m * x.k / 64, ptx.U8: x.m * x.k / 128,
		ptx.S8: x.m * x.k / 128, ptx.Tf32: 4, ptx.F64: 1}
	na, nb := count[x.ab], count[x.ab]
	if x.ab != ptx.F16 && x.m != x.n {
		nb = nb * x.n / x.m
	}
	accumulators := func(ty ptx.Type) int {
		return map[ptx.Type]int{ptx.F16: 4, ptx.F32: 8, ptx.S32: 8, ptx.F64: 2}[ty]
	}
	reg := "b32"
	if x.ab == ptx.F64 {
		reg = "f64"
	}
	ld := func(rows, cols int, layout string) string {
		switch {
		case x.pad == 0:
			return ""
		case layout == "col":
			return fmt.Sprint(", ", rows+x.pad)
		}
		return fmt.Sprint(", ", cols+x.pad)
	}
	cReg, dReg := reg, reg
	if x.c == ptx.F32 || x.c == ptx.S32 {
		cReg = x.c.String()
	}
	if x.d == ptx.F32 || x.d == ptx.S32 {
		dReg = x.d.String()
	}
	return fmt.Sprintf(".version 8.4\n.target sm_90\n.address_size 64\n.visible .entry k(.param .u64 p)\n"+
		"{\n.reg .%s %%a<8>; .reg .%s %%b<8>; .reg .%s %%c<8>; .reg .%s %%d<8>; .reg .b64 %%rd<4>;\n"+
		"ld.param.u64 %%rd1, [p];\n", reg, reg, cReg, dReg) +
		fmt.Sprintf("wmma.load.a.sync.aligned.%s.%s.global.%v %s, [%%rd1]%s;\n", layout[0], shape, x.ab,
			list("a", 0, na), ld(x.m, x.k, layout[0])) +
		fmt.Sprintf("wmma.load.b.sync.aligned.%s.%s.global.%v %s, [%%rd1+8192]%s;\n", layout[1], shape,
			x.ab, list("b", 0, nb), ld(x.k, x.n, layout[1])) +
		fmt.Sprintf("wmma.load.c.sync.aligned.%s.%s.global.%v %s, [%%rd1+16384]%s;\n", layout[2], shape,
			x.c, list("c", 0, accumulators(x.c)), ld(x.m, x.n, layout[2])) +
		fmt.Sprintf("%s %s, %s, %s, %s;\n", mma, list("d", 0, accumulators(x.d)), list("a", 0, na),
			list("b", 0, nb), list("c", 0, accumulators(x.c))) +
		fmt.Sprintf("wmma.store.d.sync.aligned.%s.%s.global.%v [%%rd1+24576], %s%s;\nret;\n}", layout[3],
			shape, x.d, list("d", 0, accumulators(x.d)), ld(x.m, x.n, layout[3]))
}

// at is the byte of an element of a matrix of so many rows and columns.
func (x *wmmaCase) at(base, rows, cols, r, c int, layout string, ty ptx.Type) int {
	if layout == "col" {
		return base + (c*(rows+x.pad)+r)*wmmaSize(ty)
	}
	return base + (r*(cols+x.pad)+c)*wmmaSize(ty)
}

func wmmaSize(ty ptx.Type) int {
	if ty == ptx.Tf32 {
		return 4
	}
	return ty.Size()
}

func putNumber(p []byte, ty ptx.Type, v int) {
	switch f := elementFormat[ty]; {
	case ty == ptx.F64:
		binary.LittleEndian.PutUint64(p, math.Float64bits(float64(v)))
	case f.IsInt():
		element{size: wmmaSize(ty)}.put(p, uint64(v))
	default:
		element{size: wmmaSize(ty)}.put(p, uint64(f.Round(float64(v), num.RNE)))
	}
}

func getNumber(p []byte, ty ptx.Type) float64 {
	if ty == ptx.F64 {
		return math.Float64frombits(binary.LittleEndian.Uint64(p))
	}
	return elementFormat[ty].Decode(uint32(element{size: wmmaSize(ty)}.get(p)))
}

// TestWmma: every shape, type and layout on small integers, so that only places can be wrong.
func TestWmma(t *testing.T) {
	for _, x := range wmmaCases() {
		for bits := range 32 {
			x.pad = bits / 16 * 4
			var layout [4]string
			for j := range layout {
				layout[j] = [2]string{"row", "col"}[bits>>j&1]
			}
			src := x.source(t, layout)
			mem := newFlat(32768)
			va := func(m, k int) int { return (m*3 + k) % 7 }
			vb := func(k, n int) int { return (n*2 + k) % 5 }
			vc := func(m, n int) int { return (m*5 + n*3) % 11 }
			for k := range x.k {
				for m := range x.m {
					putNumber(mem.data[x.at(0, x.m, x.k, m, k, layout[0], x.ab):], x.ab, va(m, k))
				}
				for n := range x.n {
					putNumber(mem.data[x.at(8192, x.k, x.n, k, n, layout[1], x.ab):], x.ab, vb(k,
						n))
				}
			}
			for m := range x.m {
				for n := range x.n {
					putNumber(mem.data[x.at(16384, x.m, x.n, m, n, layout[2], x.c):], x.c, vc(m, n))
				}
			}
			l := &Launch{Prog: load(t, src, ""), Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{32, 1,
				1},
				Mem: mem, Params: params(mem.base)}
			if _, err := l.Run(); err != nil {
				t.Fatal(err)
			}
			for m := range x.m {
				for n := range x.n {
					want := vc(m, n)
					for k := range x.k {
						want += va(m, k) * vb(k, n)
					}
					got := getNumber(mem.data[x.at(24576, x.m, x.n, m, n, layout[3], x.d):], x.d)
					if got != float64(want) {
						t.Fatalf("m%dn%dk%d %s %v: [%d][%d] = %v, want %d", x.m, x.n, x.k, x.types,
							layout,
							m, n, got, want)
					}
				}
			}
		}
	}
}
