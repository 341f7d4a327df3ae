package main

import (
	"fmt"
	"strings"
	"testing"
)

const genAdd = `kernel @add {
  param x: %[1]s[M,N] row read
  param y: %[1]s[M,N] row read
  out z: %[1]s[M,N] row write
  axis i: M / 4
  axis j: N / 64
} () {
  %%1 = program {axis=0} : i32
  %%2 = const {value=4} : i32
  %%3 = mul %%1, %%2 : i32
  %%4 = program {axis=1} : i32
  %%5 = const {value=64} : i32
  %%6 = mul %%4, %%5 : i32
  %%7 = load {param=0, sizes=4 64} %%3, %%6 : %[1]s[4,64]
  %%8 = load {param=1, sizes=4 64} %%3, %%6 : %[1]s[4,64]
  %%9 = %[2]s %%7, %%8 : %[1]s[4,64]
  store {param=2, sizes=4 64} %%9, %%3, %%6
  yield
}`

func TestGenElementwise(t *testing.T) {
	for _, e := range []string{"f32", "f64", "f16", "bf16", "i32", "i8", "u8"} {
		for _, op := range []string{"add", "sub", "mul", "div", "max", "min"} {
			for _, dims := range []map[string]int{{"M": 8, "N": 128}, {"M": 5, "N": 80},
				{"M": 3, "N": 67}} {
				c := &genCase{text: fmt.Sprintf(genAdd, e, op), dims: dims}
				t.Run(fmt.Sprint(e, op, dims["N"]), func(t *testing.T) {
					genRun(t, c, 80)
					if op == "add" || op == "mul" {
						genRun(t, c, 90)
					}
				})
			}
		}
	}
}

// one is a kernel of one program that loads a whole tensor as %1 and stores %9.
func one(in, from, body, out, to string) string {
	return fmt.Sprintf(`kernel @one {
  param x: %s[%s] row read
  out z: %s[%s] row write
} () {
  %%0 = const {value=0} : i32
  %%1 = load {param=0, sizes=%s} %s : %s[%s]
  %s
  store {param=1, sizes=%s} %%9, %s
  yield
}`, in, from, out, to, strings.ReplaceAll(from, ",", " "), zeros(from), in, from, body,
		strings.ReplaceAll(to, ",", " "), zeros(to))
}

func zeros(dims string) string {
	return strings.TrimSuffix(strings.Repeat("%0, ", strings.Count(dims, ",")+1), ", ")
}

func TestGenUnary(t *testing.T) {
	for _, e := range []struct {
		elem string
		tol  float64
	}{{"f32", 3e-7}, {"f64", 1e-14}, {"f16", 1e-3}, {"bf16", 8e-3}} {
		for _, op := range []string{"neg", "abs", "exp", "exp2", "log", "log2", "sqrt", "rsqrt",
			"rcp", "sin", "cos", "tanh", "erf", "floor", "ceil", "round"} {
			c := &genCase{text: one(e.elem, "40", fmt.Sprintf("%%9 = %s %%1 : %s[40]", op, e.elem),
				e.elem, "40"), tol: e.tol}
			if op == "neg" || op == "abs" || op == "floor" || op == "ceil" || op == "round" {
				c.tol = 0
			}
			if op == "log" || op == "log2" || op == "sqrt" || op == "rsqrt" {
				c.fill = func(_, i int) float64 { return float64(i)*float64(i)/50 + 0.01 }
			}
			t.Run(e.elem+op, func(t *testing.T) { genRun(t, c, 80) })
		}
	}
}

func TestGenCast(t *testing.T) {
	elems := []string{"f64", "f32", "tf32", "bf16", "f16", "e4m3", "e5m2", "i32", "i8", "u8",
		"bool"}
	for _, from := range elems {
		for _, to := range elems {
			c := &genCase{text: one(from, "8,32", fmt.Sprintf("%%9 = cast %%1 : %s[8,32]", to), to,
				"8,32"), fill: func(_, i int) float64 {
				if from == "bool" {
					return float64(i % 2)
				}
				return defaultFill(0, i) * []float64{0, 0.001, 1, 100, 1000}[i%5]
			}}
			t.Run(from+to, func(t *testing.T) {
				genRun(t, c, 80)
				genRun(t, c, 89)
			})
		}
	}
}

func TestGenAcross(t *testing.T) {
	for _, c := range []struct{ name, in, from, body, out, to string }{
		{"sum0", "i32", "24,16", "%2 = reduce {by=add, axis=0} %1 : i32[1,16]\n" +
			"%9 = reshape %2 : i32[16]", "i32", "16"},
		{"sum1", "i32", "24,40", "%2 = reduce {by=add, axis=1} %1 : i32[24,1]\n" +
			"%9 = reshape %2 : i32[24]", "i32", "24"},
		{"max1", "f32", "9,1000", "%9 = reduce {by=max, axis=1} %1 : f32[9,1]", "f32", "9,1"},
		{"min0", "bf16", "300,4", "%9 = reduce {by=min, axis=0} %1 : bf16[1,4]", "bf16", "1,4"},
		{"xor", "u8", "2000", "%9 = reduce {by=xor, axis=0} %1 : u8[1]", "u8", "1"},
		{"arg", "f32", "7,600", "%9 = arg_reduce {by=max, axis=1} %1 : i32[7,1]", "i32", "7,1"},
		{"arg0", "f16", "70,6", "%9 = arg_reduce {by=min, axis=0} %1 : i32[1,6]", "i32", "1,6"},
		{"scan", "i32", "3,1000", "%9 = scan {by=add, axis=1} %1 : i32[3,1000]", "i32", "3,1000"},
		{"scan0", "f32", "300,5", "%9 = scan {by=max, axis=0} %1 : f32[300,5]", "f32", "300,5"},
		{"sort", "f32", "3,512", "%9 = sort {axis=1} %1 : f32[3,512]", "f32", "3,512"},
		{"sort0", "i8", "64,5", "%9 = sort {axis=0} %1 : i8[64,5]", "i8", "64,5"},
		{"sorttwo", "f16", "1024", "%2 = iota {axis=0} : i32[1024]\n" +
			"%3, %9 = sort {axis=0} %1, %2 : f16[1024], i32[1024]", "i32", "1024"},
		{"shuffle", "f32", "4,1024", "%9 = xor_shuffle {mask=5, axis=1} %1 : f32[4,1024]", "f32",
			"4,1024"},
		{"shuffle2", "bf16", "4,1024", "%9 = xor_shuffle {mask=777, axis=1} %1 : bf16[4,1024]",
			"bf16", "4,1024"},
		{"transpose", "f32", "64,48", "%9 = transpose {perm=1 0} %1 : f32[48,64]", "f32", "48,64"},
		{"transpose3", "bf16", "8,6,16", "%9 = transpose {perm=2 0 1} %1 : bf16[16,8,6]", "bf16",
			"16,8,6"},
		{"reshape", "f32", "12,10", "%9 = reshape %1 : f32[5,24]", "f32", "5,24"},
		{"reshape2", "f16", "16,64", "%9 = reshape %1 : f16[8,2,64]", "f16", "8,2,64"},
		{"slice", "f32", "20,33", "%9 = slice {axis=1, from=5} %1 : f32[20,17]", "f32", "20,17"},
		{"join", "u8", "7,20", "%2 = not %1 : u8[7,20]\n%9 = join {axis=0} %1, %2 : u8[14,20]",
			"u8", "14,20"},
		{"broadcast", "f32", "20,1", "%9 = broadcast %1 : f32[3,20,50]", "f32", "3,20,50"},
		{"bits", "i32", "100", "%2 = const {value=42} : i32\n%9 = bits %2, %1 : i32[100]", "i32",
			"100"},
		{"select", "bf16", "100", "%2 = const {value=0.5} : bf16[100]\n" +
			"%3 = lt %1, %2 : bool[100]\n%9 = select %3, %2, %1 : bf16[100]", "bf16", "100"},
		{"fma", "f16", "100", "%9 = fma %1, %1, %1 : f16[100]", "f16", "100"},
	} {
		g := &genCase{text: one(c.in, c.from, c.body, c.out, c.to), tol: 1e-6}
		t.Run(c.name, func(t *testing.T) {
			genRun(t, g, 80)
			genRun(t, g, 90)
		})
	}
}
