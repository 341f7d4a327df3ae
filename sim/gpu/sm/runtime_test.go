package sm

import (
	"bytes"
	"math"
	"math/big"
	"strings"
	"testing"

	"tensoros/hw/num"
	"tensoros/hw/ptx"
)

const runtimeFunctions = `.extern .func (.param .b32 r) vprintf(.param .b64 f, .param .b64 a);
.extern .func __assertfail(.param .b64 e, .param .b64 f, .param .b32 l, .param .b64 n,
	.param .b64 s);
.extern .func (.param .b64 r) malloc(.param .b64 n);
.extern .func free(.param .b64 p);
.global .align 1 .b8 format[] = {37, 100, 32, 37, 45, 53, 115, 124, 37, 120, 32, 37, 46, 50, 102,
	32, 37, 103, 32, 37, 108, 108, 117, 32, 37, 99, 37, 37, 10,
		0}; // %d %-5s|%x %.2f %g %llu %c%%\n
.global .align 1 .b8 word[] = {111, 107, 0}; // ok
`

// runtimeCase runs a body in one warp, with what it prints.
func runtimeCase(t *testing.T, body string, heap *Heap) (words *flat, said string, err error) {
	t.Helper()
	src := strings.Replace(kernel("", body), header, header+runtimeFunctions, 1)
	var out bytes.Buffer
	mem := newFlat(4096)
	l := &Launch{Prog: load(t, src, "k"), Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{2, 1, 1},
		Mem: mem, Params: params(mem.base, mem.base, uint32(0)), Stdout: &out, Heap: heap}
	_, err = l.Run()
	return mem, out.String(), err
}

func TestPrintf(t *testing.T) {
	mem, said, err := runtimeCase(t, `.local .align 8 .b8 args[56]; .reg .f64 %d<4>;
	mov.u64 %rd4, args; cvta.local.u64 %rd5, %rd4; mov.u32 %r7, %tid.x; sub.u32 %r5, 5, %r7;
	neg.s32 %r5, %r5; st.local.u32 [args], %r5;
	cvta.global.u64 %rd6, word; st.local.u64 [args+8], %rd6;
	st.local.u32 [args+16], %r5;
	mov.f64 %d1, 0d3FF4000000000000; st.local.f64 [args+24], %d1; st.local.f64 [args+32], %d1;
	mov.u64 %rd7, -1; st.local.u64 [args+40], %rd7; st.local.u32 [args+48], 65;
	cvta.global.u64 %rd6, format;
	{ .param .b64 f; .param .b64 a; .param .b32 r; st.param.b64 [f], %rd6; st.param.b64 [a], %rd5;
	call.uni (r), vprintf, (f, a); ld.param.b32 %r6, [r]; }
	st.global.u32 [%rd2], %r6;`, nil)
	want := "-5 ok   |fffffffb 1.25 1.25 18446744073709551615 A%\n" +
		"-4 ok   |fffffffc 1.25 1.25 18446744073709551615 A%\n"
	if err != nil || said != want {
		t.Errorf("%v, %q, want %q", err, said, want)
	}
	if n := mem.u32(4); n != 7 {
		t.Errorf("printf says it took %d arguments, want 7", n)
	}
}

func TestAssertFails(t *testing.T) {
	_, _, err := runtimeCase(t, `cvta.global.u64 %rd6, word; mov.u32 %r7, %tid.x;
	setp.eq.u32 %p1, %r7, 1;
	{ .param .b64 e; .param .b64 f; .param .b32 l; .param .b64 n; .param .b64 s;
	st.param.b64 [e], %rd6; st.param.b64 [f], %rd6; st.param.b32 [l], 31; st.param.b64 [n], %rd6;
	@%p1 call __assertfail, (e, f, l, n, s); }`, nil)
	if err == nil || !strings.Contains(err.Error(), "ok:31: ok: assertion `ok' failed in lane 1") {
		t.Errorf("error %v", err)
	}
}

const mallocBody = `{ .param .b64 n; .param .b64 r; st.param.b64 [n], 40;
	call (r), malloc, (n); ld.param.b64 %rd6, [r]; }
	st.global.u64 [%rd2], %rd6;`

func TestMalloc(t *testing.T) {
	// Room for one: the second lane gets nothing.
	mem, _, err := runtimeCase(t, strings.Replace(mallocBody, "st.global.u64 [%rd2], %rd6;",
		"setp.eq.u64 %p1, %rd6, 0; selp.u32 %r6, 1, 0, %p1; st.global.u32 [%rd2], %r6;", 1),
		NewHeap(64))
	if err != nil || mem.u32(0) != 0 || mem.u32(4) != 1 {
		t.Errorf("%v: %d %d", err, mem.u32(0), mem.u32(4))
	}
	_, _, err = runtimeCase(t, `{ .param .b64 p; st.param.b64 [p], 1234; call free, (p); }`, nil)
	if err == nil || !strings.Contains(err.Error(), "free of 0x4d2") {
		t.Errorf("error %v", err)
	}
	h := NewHeap(100)
	a, b := h.take(30), h.take(30)
	if a == 0 || b == 0 || a == b || h.take(30) != 0 || !h.give(a) || h.give(a) || h.take(24) != a {
		t.Errorf("heap: %x %x", a, b)
	}
}

// TestDoubleRounding compares directed f64 with math/big, which rounds by itself.
func TestDoubleRounding(t *testing.T) {
	modes := map[num.Rounding]big.RoundingMode{num.RZ: big.ToZero, num.RM: big.ToNegativeInf,
		num.RP: big.ToPositiveInf}
	values := []float64{1, 3, -7, 0.1, -0.3, 1e100, -1e-100, math.Pi, 1 + 0x1p-52, 12345.678}
	for mode, want := range modes {
		exact := func(f func(z *big.Float) *big.Float) float64 {
			v, _ := f(new(big.Float).SetPrec(53).SetMode(want)).Float64()
			return v
		}
		for _, x := range values {
			for _, y := range values {
				a, b := big.NewFloat(x), big.NewFloat(y)
				for _, c := range []struct {
					id   ptx.OpID
					near func(x, y, _ float64) float64
					want float64
				}{
					{ptx.OpAdd, func(x, y, _ float64) float64 { return x + y },
						exact(func(z *big.Float) *big.Float { return z.Add(a, b) })},
					{ptx.OpSub, func(x, y, _ float64) float64 { return x - y },
						exact(func(z *big.Float) *big.Float { return z.Sub(a, b) })},
					{ptx.OpMul, func(x, y, _ float64) float64 { return x * y },
						exact(func(z *big.Float) *big.Float { return z.Mul(a, b) })},
					{ptx.OpDiv, func(x, y, _ float64) float64 { return x / y },
						exact(func(z *big.Float) *big.Float { return z.Quo(a, b) })},
					{ptx.OpSqrt, func(x, _, _ float64) float64 { return math.Sqrt(x) },
						exact(func(z *big.Float) *big.Float { // its own Sqrt rounds to nearest
							return z.Set(new(big.Float).SetPrec(300).Sqrt(new(big.Float).Abs(a)))
						})},
				} {
					if c.id == ptx.OpSqrt {
						x = math.Abs(x)
					}
					got := toward(c.near, c.id, mode)(x, y, 0)
					if got != c.want || math.Signbit(got) != math.Signbit(c.want) {
						t.Errorf("%v of %g and %g, mode %v: %g, want %g", c.id, x, y, mode, got,
							c.want)
					}
				}
			}
		}
	}
}

// TestDoubleEdges: overflow, underflow and the sign of zero.
func TestDoubleEdges(t *testing.T) {
	add := func(x, y, _ float64) float64 { return x + y }
	mul := func(x, y, _ float64) float64 { return x * y }
	div := func(x, y, _ float64) float64 { return x / y }
	most, least, inf := math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1)
	for _, c := range []struct {
		id         ptx.OpID
		f          func(x, y, z float64) float64
		x, y       float64
		mode       num.Rounding
		want       float64
		isNegative bool
	}{
		{ptx.OpAdd, add, most, most, num.RZ, most, false},
		{ptx.OpAdd, add, most, most, num.RP, inf, false},
		{ptx.OpAdd, add, -most, -most, num.RM, -inf, true},
		{ptx.OpAdd, add, -most, -most, num.RP, -most, true},
		{ptx.OpMul, mul, least, 0.5, num.RP, least, false},
		{ptx.OpMul, mul, least, 0.5, num.RZ, 0, false},
		{ptx.OpMul, mul, -least, 0.25, num.RM, -least, true},
		{ptx.OpAdd, add, 1, -1, num.RM, 0, true},
		{ptx.OpAdd, add, 1, -1, num.RP, 0, false},
		{ptx.OpDiv, div, 1, 0, num.RZ, inf, false},
		{ptx.OpDiv, div, inf, 3, num.RM, inf, false},
	} {
		if got := toward(c.f, c.id, c.mode)(c.x, c.y, 0); got != c.want ||
			math.Signbit(got) != c.isNegative {
			t.Errorf("%v of %g and %g, mode %v: %g", c.id, c.x, c.y, c.mode, got)
		}
	}
}
