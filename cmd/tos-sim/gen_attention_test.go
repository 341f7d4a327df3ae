package main

import (
	"fmt"
	"strings"
	"testing"
)

// genAttention is the forward pass of attention over q, k, v of [H, S, D]: tiles of bm queries and
// bn keys. With causal, keys after a query are hidden: a loop over what is before the tile's first
// query, and one over the rest.
func genAttention(e string, bm, bn, d int, causal bool) string {
	head := fmt.Sprintf(`kernel @attention {
  param q: %[1]s[H,S,%[4]d] row read
  param k: %[1]s[H,S,%[4]d] row read
  param v: %[1]s[H,S,%[4]d] row read
  param c: f32
  out o: %[1]s[H,S,%[4]d] row write
  axis h: H / 1
  axis i: S / %[2]d
} (%%0: f32) {
  %%1 = program {axis=0} : i32
  %%2 = program {axis=1} : i32
  %%3 = const {value=%[2]d} : i32
  %%4 = mul %%2, %%3 : i32
  %%5 = const {value=0} : i32
  %%6 = const {value=%[3]d} : i32
  %%7 = extent {sym=S} : i32
  %%8 = load {param=0, sizes=0 %[2]d %[4]d} %%1, %%4, %%5 : %[1]s[%[2]d,%[4]d]
  %%9 = const {value=0} : f32[%[2]d,%[4]d]
  %%10 = const {value=-1e30} : f32[%[2]d,1]
  %%11 = const {value=0} : f32[%[2]d,1]
  %%12 = broadcast %%0 : f32[%[2]d,1]
  %%13 = broadcast %%0 : f32[%[2]d,%[3]d]
`, e, bm, bn, d)
	loop := func(id int, lo, hi string, in [3]string, mask bool) (string, [3]string) {
		n := func(i int) string { return fmt.Sprintf("%%%d", id+i) }
		s := n(6)
		hide := ""
		if mask {
			s = n(26)
			hide = fmt.Sprintf(`
    %[1]s = iota {axis=1} : i32[%[7]d,%[8]d]
    %[2]s = iota {axis=0} : i32[%[7]d,%[8]d]
    %[3]s = broadcast %[9]s : i32[%[7]d,%[8]d]
    %[4]s = broadcast %%4 : i32[%[7]d,%[8]d]
    %[10]s = add %[1]s, %[3]s : i32[%[7]d,%[8]d]
    %[11]s = add %[2]s, %[4]s : i32[%[7]d,%[8]d]
    %[12]s = gt %[10]s, %[11]s : bool[%[7]d,%[8]d]
    %[13]s = const {value=-1e30} : f32[%[7]d,%[8]d]
    %[5]s = select %[12]s, %[13]s, %[6]s : f32[%[7]d,%[8]d]`, n(30), n(31), n(32), n(33), s, n(6),
				bm, bn, n(3), n(34), n(35), n(36), n(37))
		}
		r := [3]string{n(0), n(1), n(2)}
		return fmt.Sprintf(`  %[1]s, %[2]s, %[3]s = for {stages=0} %[4]s, %[5]s, %%6, %[6]s, %[7]s, %[8]s : f32[@M,@D],
  f32[@M,1], f32[@M,1] (%[9]s: i32, %[10]s: f32[@M,@D],
  %[11]s: f32[@M,1], %[12]s: f32[@M,1]) {
    %[13]s = load {param=1, sizes=0 @N @D} %%1, %[9]s, %%5 : @E[@N,@D]
    %[14]s = transpose {perm=1 0} %[13]s : @E[@D,@N]
    %[15]s = const {value=0} : f32[@M,@N]
    %[16]s = dot %%8, %[14]s, %[15]s : f32[@M,@N]%[17]s
    %[18]s = reduce {by=max, axis=1} %[19]s : f32[@M,1]
    %[20]s = max %[11]s, %[18]s : f32[@M,1]
    %[21]s = mul %[20]s, %%12 : f32[@M,1]
    %[22]s = neg %[21]s : f32[@M,1]
    %[23]s = broadcast %[22]s : f32[@M,@N]
    %[24]s = fma %[19]s, %%13, %[23]s : f32[@M,@N]
    %[25]s = exp2 %[24]s : f32[@M,@N]
    %[26]s = fma %[11]s, %%12, %[22]s : f32[@M,1]
    %[27]s = exp2 %[26]s : f32[@M,1]
    %[28]s = reduce {by=add, axis=1} %[25]s : f32[@M,1]
    %[29]s = fma %[12]s, %[27]s, %[28]s : f32[@M,1]
    %[30]s = cast %[25]s : @E[@M,@N]
    %[31]s = load {param=2, sizes=0 @N @D} %%1, %[9]s, %%5 : @E[@N,@D]
    %[32]s = broadcast %[27]s : f32[@M,@D]
    %[33]s = mul %[10]s, %[32]s : f32[@M,@D]
    %[34]s = dot %[30]s, %[31]s, %[33]s : f32[@M,@D]
    yield %[34]s, %[20]s, %[29]s
  }
`, r[0], r[1], r[2], lo, hi, in[0], in[1], in[2], n(3), n(4), n(5), n(7), n(8), n(9), n(10), n(6),
			hide, n(11), s, n(12), n(13), n(14), n(15), n(16), n(17), n(18), n(19), n(20), n(21),
			n(22), n(23), n(24), n(25), n(27)), r
	}
	in := [3]string{"%9", "%10", "%11"}
	body := ""
	if causal {
		var l string
		l, in = loop(100, "%5", "%4", in, false)
		body += l + fmt.Sprintf("  %%50 = add %%4, %%3 : i32\n  %%51 = min %%50, %%7 : i32\n")
		l, in = loop(200, "%4", "%51", in, true)
		body += l
	} else {
		body, in = loop(100, "%5", "%7", in, false)
	}
	body += fmt.Sprintf(`  %%60 = broadcast %s : f32[@M,@D]
  %%61 = div %s, %%60 : f32[@M,@D]
  %%62 = cast %%61 : @E[@M,@D]
  store {param=4, sizes=0 @M @D} %%62, %%1, %%4, %%5
  yield
}`, in[2], in[0])
	return head + strings.NewReplacer("@M", fmt.Sprint(bm), "@N", fmt.Sprint(bn), "@D",
		fmt.Sprint(d), "@E", e).Replace(body)
}

func TestGenAttention(t *testing.T) {
	for _, c := range []struct {
		e         string
		bm, bn, d int
		causal    bool
		s         int
		targets   []int
	}{
		{"bf16", 64, 64, 64, false, 128, []int{80, 90}},
		{"f16", 128, 64, 128, false, 256, []int{80, 90}},
		{"bf16", 128, 128, 64, false, 512, []int{90}},
		{"f16", 64, 64, 64, true, 192, []int{80, 90}},
		{"bf16", 128, 128, 128, true, 512, []int{90}},
	} {
		g := &genCase{text: genAttention(c.e, c.bm, c.bn, c.d, c.causal), tol: 6e-3,
			dims: map[string]int{"H": 2, "S": c.s}, scalars: []float64{0, 0, 0, 0.06}}
		for _, cc := range c.targets {
			t.Run(fmt.Sprint(c.e, c.bm, c.bn, c.d, c.causal, cc), func(t *testing.T) {
				genRun(t, g, cc)
			})
		}
	}
}

func BenchmarkGenAttention(b *testing.B) {
	for _, causal := range []bool{false, true} {
		for range b.N {
			s, l := genTime(b, genAttention("bf16", 128, 128, 128, causal), 90,
				map[string]int{"H": 16, "S": 8192}, []float64{0, 0, 0, 0.06})
			f := 4 * 16 * 8192.0 * 8192 * 128
			if causal {
				f /= 2
			}
			b.Logf("causal %v: %.0f TFLOP/s", causal, f/s/1e12)
			genReport(b, s, l)
		}
	}
}
