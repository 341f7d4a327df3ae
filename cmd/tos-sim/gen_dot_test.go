package main

import (
	"fmt"
	"testing"
)

// genGEMM is a product with a loop over k: element type, order of a and b, accumulator, result,
// tile sides.
func genGEMM(e, la, lb, acc, out string, bm, bn, bk int) string {
	return fmt.Sprintf(`kernel @gemm {
  param a: %[1]s[M,K] %[2]s read
  param b: %[1]s[K,N] %[3]s read
  out c: %[5]s[M,N] row write
  axis i: M / %[6]d
  axis j: N / %[7]d
} () {
  %%1 = program {axis=0} : i32
  %%2 = const {value=%[6]d} : i32
  %%3 = mul %%1, %%2 : i32
  %%4 = program {axis=1} : i32
  %%5 = const {value=%[7]d} : i32
  %%6 = mul %%4, %%5 : i32
  %%7 = const {value=0} : i32
  %%8 = extent {sym=K} : i32
  %%9 = const {value=%[8]d} : i32
  %%10 = const {value=0} : %[4]s[%[6]d,%[7]d]
  %%11 = for {stages=0} %%7, %%8, %%9, %%10 : %[4]s[%[6]d,%[7]d]
  (%%12: i32, %%13: %[4]s[%[6]d,%[7]d]) {
    %%14 = load {param=0, sizes=%[6]d %[8]d} %%3, %%12 : %[1]s[%[6]d,%[8]d]
    %%15 = load {param=1, sizes=%[8]d %[7]d} %%12, %%6 : %[1]s[%[8]d,%[7]d]
    %%16 = dot %%14, %%15, %%13 : %[4]s[%[6]d,%[7]d]
    yield %%16
  }
  %%17 = cast %%11 : %[5]s[%[6]d,%[7]d]
  store {param=2, sizes=%[6]d %[7]d} %%17, %%3, %%6
  yield
}`, e, la, lb, acc, out, bm, bn, bk)
}

func TestGenDot(t *testing.T) {
	for _, c := range []struct {
		e, la, lb, acc, out string
		bm, bn, bk          int
		dims                [3]int // M, N, K
		tol                 float64
	}{
		{"f16", "row", "row", "f32", "f32", 64, 64, 32, [3]int{128, 128, 96}, 1e-6},
		{"bf16", "row", "col", "f32", "bf16", 128, 64, 32, [3]int{128, 64, 64}, 5e-3},
		{"bf16", "col", "row", "f32", "f32", 32, 128, 64, [3]int{64, 128, 128}, 1e-6},
		{"f16", "row", "row", "f32", "f32", 64, 64, 32, [3]int{100, 72, 40}, 1e-6},
		{"f16", "row", "row", "f32", "f32", 64, 64, 32, [3]int{65, 33, 47}, 1e-6},
		{"f16", "row", "row", "f32", "f32", 16, 8, 16, [3]int{16, 8, 32}, 1e-6},
		{"f16", "row", "row", "f32", "f32", 1, 64, 64, [3]int{3, 128, 64}, 1e-6},
		{"tf32", "row", "col", "f32", "f32", 64, 64, 32, [3]int{64, 64, 64}, 1e-6},
		{"tf32", "row", "row", "f32", "f32", 64, 32, 32, [3]int{64, 64, 64}, 1e-6},
		{"f32", "row", "row", "f32", "f32", 64, 64, 16, [3]int{70, 64, 50}, 0},
		{"f64", "row", "row", "f64", "f64", 32, 32, 16, [3]int{32, 64, 32}, 0},
		{"i8", "row", "col", "i32", "i32", 64, 64, 32, [3]int{64, 64, 128}, 0},
		{"u8", "row", "row", "i32", "i32", 32, 64, 64, [3]int{40, 64, 64}, 0},
		{"e4m3", "row", "col", "f32", "f32", 64, 64, 32, [3]int{64, 64, 128}, 1e-3},
		{"e5m2", "row", "row", "f32", "f32", 64, 64, 64, [3]int{64, 64, 128}, 1e-3},
	} {
		text := genGEMM(c.e, c.la, c.lb, c.acc, c.out, c.bm, c.bn, c.bk)
		g := &genCase{text: text, tol: c.tol,
			dims: map[string]int{"M": c.dims[0], "N": c.dims[1], "K": c.dims[2]}}
		t.Run(fmt.Sprint(c.e, c.la, c.lb, c.bm, c.bn, c.bk, c.dims), func(t *testing.T) {
			if c.e != "e4m3" && c.e != "e5m2" {
				genRun(t, g, 80)
			}
			genRun(t, g, 90)
			genRun(t, g, 89)
		})
	}
}

func TestGenHopper(t *testing.T) {
	for _, c := range []struct {
		e, la, lb, acc, out string
		bm, bn, bk          int
		dims                [3]int
		tol                 float64
	}{
		{"bf16", "row", "col", "f32", "f32", 64, 64, 64, [3]int{64, 64, 64}, 0},
		{"bf16", "row", "row", "f32", "f32", 64, 64, 64, [3]int{64, 64, 128}, 0},
		{"f16", "col", "row", "f32", "f32", 128, 64, 64, [3]int{128, 64, 640}, 0},
		{"f16", "row", "row", "f32", "f16", 128, 256, 64, [3]int{256, 512, 640}, 0},
		{"bf16", "row", "row", "f32", "bf16", 128, 128, 32, [3]int{200, 136, 72}, 0},
		{"bf16", "row", "col", "f32", "f32", 256, 64, 128, [3]int{300, 136, 200}, 0},
		{"tf32", "row", "col", "f32", "f32", 64, 64, 32, [3]int{64, 64, 96}, 0},
		{"e4m3", "row", "col", "f32", "f32", 64, 64, 128, [3]int{64, 128, 256}, 1e-3},
		{"i8", "row", "col", "i32", "i32", 128, 64, 64, [3]int{128, 64, 256}, 0},
	} {
		text := genGEMM(c.e, c.la, c.lb, c.acc, c.out, c.bm, c.bn, c.bk)
		g := &genCase{text: text, tol: c.tol,
			dims: map[string]int{"M": c.dims[0], "N": c.dims[1], "K": c.dims[2]}}
		t.Run(fmt.Sprint(c.e, c.la, c.lb, c.bm, c.bn, c.bk, c.dims), func(t *testing.T) {
			genRun(t, g, 90)
		})
	}
}
