package sm

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"tensoros/hw/num"
)

const wmmaKernel = header + `.visible .entry k(.param .u64 in, .param .u64 out)
{
	.reg .b32 %a<8>; .reg .b32 %b<8>; .reg .CREG %c<8>; .reg .b64 %rd<8>;
	ld.param.u64 %rd1, [in]; ld.param.u64 %rd2, [out];
	wmma.load.a.sync.aligned.row.SHAPE.global.TYPE {AREGS}, [%rd1];
	wmma.load.b.sync.aligned.COL.SHAPE.global.TYPE {BREGS}, [%rd1+1024], LD;
	wmma.load.c.sync.aligned.row.SHAPE.global.CTYPE {%c0,%c1,%c2,%c3,%c4,%c5,%c6,%c7}, [%rd1+2048];
	wmma.mma.sync.aligned.row.COL.SHAPE.MMA {%c0,%c1,%c2,%c3,%c4,%c5,%c6,%c7}, {AREGS}, {BREGS},
		{%c0,%c1,%c2,%c3,%c4,%c5,%c6,%c7};
	wmma.store.d.sync.aligned.col.SHAPE.global.CTYPE [%rd2], {%c0,%c1,%c2,%c3,%c4,%c5,%c6,%c7};
	ret;
}`

// Small integers, so that only places can be wrong.
func TestWmma(t *testing.T) {
	for _, c := range []struct {
		shape, typ, ctyp, mma string
		format                num.Format
		k, regs               int
		col                   bool
	}{
		{"m16n16k16", "f16", "f32", "f32.f32", num.F16, 16, 8, true},
		{"m16n16k16", "f16", "f32", "f32.f32", num.F16, 16, 8, false},
		{"m16n16k16", "bf16", "f32", "f32.bf16.bf16.f32", num.BF16, 16, 4, true},
		{"m16n16k8", "tf32", "f32", "f32.tf32.tf32.f32", num.TF32, 8, 4, false},
		{"m16n16k16", "u8", "s32", "s32.u8.u8.s32", num.U8, 16, 2, true},
	} {
		regs := func(name string) string {
			return strings.Join(numbered(name, c.regs), ",")
		}
		col, ld := "row", "16"
		if c.col {
			col, ld = "col", "24"
		}
		src := strings.NewReplacer("SHAPE", c.shape, "CTYPE", c.ctyp, "TYPE", c.typ, "MMA", c.mma,
			"COL", col, "LD", ld, "AREGS", regs("%a"), "BREGS", regs("%b"), "CREG",
			c.ctyp).Replace(wmmaKernel)
		mem := newFlat(4096)
		size := c.format.Bits / 8
		va := func(m, k int) int { return (m*3 + k) % 7 }
		vb := func(k, n int) int { return (n*2 + k) % 5 }
		put := func(at, v int) {
			bits := uint32(v)
			if size > 1 {
				bits = c.format.Round(float64(v), num.RNE)
			}
			element{size: size}.put(mem.data[at:], uint64(bits))
		}
		for k := range c.k {
			for i := range 16 {
				put((i*c.k+k)*size, va(i, k))
				if c.col {
					put(1024+(i*24+k)*size, vb(k, i))
				} else {
					put(1024+(k*16+i)*size, vb(k, i))
				}
			}
		}
		l := &Launch{Prog: load(t, src, ""), Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{32, 1, 1},
			Mem: mem, Params: params(mem.base, mem.base+3072)}
		if _, err := l.Run(); err != nil {
			t.Fatal(err)
		}
		for m := range 16 {
			for n := range 16 {
				want := 0
				for k := range c.k {
					want += va(m, k) * vb(k, n)
				}
				v := binary.LittleEndian.Uint32(mem.data[3072+4*(n*16+m):])
				got := int(math.Float32frombits(v))
				if c.ctyp == "s32" {
					got = int(v)
				}
				if got != want {
					t.Fatalf("%s %s: element %d,%d is %d, want %d", c.shape, c.mma, m, n, got, want)
				}
			}
		}
	}
}

func numbered(name string, n int) (out []string) {
	for i := range n {
		out = append(out, name+string(rune('0'+i)))
	}
	return out
}
