package main

import (
	"fmt"
	"testing"
)

const genGather = `kernel @gather {
  param x: f32[N,40] row read
  param i: i32[K] row read
  out y: f32[K,40] row write
  axis k: K / 16
} () {
  %0 = program {axis=0} : i32
  %1 = const {value=16} : i32
  %2 = mul %0, %1 : i32
  %3 = const {value=0} : i32
  %4 = load {param=1, sizes=16} %2 : i32[16]
  %5 = const {value=-1} : f32
  %6 = load {param=0, sizes=-1 40} %4, %3, %5 : f32[16,40]
  store {param=2, sizes=16 40} %6, %2, %3
  yield
}`

const genScatter = `kernel @scatter {
  param x: %s[N] row read
  param i: i32[N] row read
  param h: %s[10] row atomic
  axis n: N / 64
} () {
  %%0 = program {axis=0} : i32
  %%1 = const {value=64} : i32
  %%2 = mul %%0, %%1 : i32
  %%4 = load {param=1, sizes=64} %%2 : i32[64]
  %%5 = load {param=0, sizes=64} %%2 : %s[64]
  atomic {param=2, sizes=-1, by=%s} %%5, %%4
  yield
}`

const genControl = `kernel @control {
  param x: i32[N] row read
  param n: i32
  out y: i32[N] row write
  out z: i32[4] row write
  axis n: N / 32
} (%0: i32) {
  %1 = program {axis=0} : i32
  %2 = const {value=32} : i32
  %3 = mul %1, %2 : i32
  %4 = load {param=0, sizes=32} %3 : i32[32]
  %5 = const {value=1} : i32
  %6 = const {value=0} : i32
  %7 = iota {axis=0} : i32[32]
  %8, %9 = for {stages=0} %6, %0, %5, %4, %7 : i32[32], i32[32]
  (%10: i32, %11: i32[32], %12: i32[32]) {
    %13 = broadcast %10 : i32[32]
    %14 = add %11, %13 : i32[32]
    %15 = and %10, %5 : i32
    %16 = eq %15, %6 : bool
    %17 = if %16 : i32[32] () {
      %18 = add %14, %12 : i32[32]
      yield %18
    } () {
      %19 = sub %14, %12 : i32[32]
      yield %19
    }
    yield %12, %17
  }
  %20 = add %8, %9 : i32[32]
  store {param=2, sizes=32} %20, %3
  %30 = add %1, %5 : i32
  %31 = const {value=100} : i32
  %32, %33 = while %30, %6 : i32, i32 (%34: i32, %35: i32) {
    %36 = lt %34, %31 : bool
    yield %36, %34, %35
  } (%37: i32, %38: i32) {
    %39 = add %37, %37 : i32
    %40 = add %38, %5 : i32
    yield %39, %40
  }
  store {param=3, sizes=0} %33, %1
  yield
}`

func TestGenControl(t *testing.T) {
	c := &genCase{text: genControl, dims: map[string]int{"N": 100}, scalars: []float64{0, 7},
		fill: func(_, i int) float64 { return float64(i) }}
	genRun(t, c, 80)
	genRun(t, c, 90)
}

func TestGenGather(t *testing.T) {
	c := &genCase{text: genGather, dims: map[string]int{"N": 20, "K": 50},
		fill: func(p, i int) float64 {
			if p == 1 {
				return float64(i*7%26 - 3)
			}
			return float64(i)
		}}
	genRun(t, c, 80)
}

func TestGenAtomic(t *testing.T) {
	for _, x := range []struct{ elem, comb string }{{"i32", "add"}, {"i32", "max"}, {"i32", "xor"},
		{"f32", "add"}, {"f16", "add"}, {"bf16", "add"}, {"f32", "max"}} {
		c := &genCase{text: fmt.Sprintf(genScatter, x.elem, x.elem, x.elem, x.comb),
			dims: map[string]int{"N": 130}, fill: func(p, i int) float64 {
				if p == 1 {
					return float64(i*7%13 - 1)
				}
				return float64(i % 5)
			}}
		t.Run(x.elem+x.comb, func(t *testing.T) {
			genRun(t, c, 80)
			genRun(t, c, 90)
		})
	}
}
