package main

import (
	"fmt"
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
