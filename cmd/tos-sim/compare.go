package main

import (
	"fmt"
	"math"
	"strings"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/tir/interp"
	"tensoros/neurolang/vm"
)

// checker compares launches with the reference interpreter of the tile IR.
type checker struct {
	rt interface {
		Image(*vm.Tensor) ([]byte, error)
	}
	env    *env
	target int
	before []*interp.Tensor // of the launch under way: all tensors, results empty

	launches, elements int
	bits, far          int     // elements that differ in bits; by more than rounding explains
	worst              float64 // largest difference as a part of what is allowed
}

// roundings are what sums in another order, and approximate functions, may differ by in results of
// an element type, relative to the larger of 1 and the value.
var roundings = map[tile.Elem]float64{tile.F64: 1e-12, tile.F32: 2e-5, tile.TF32: 2e-3,
	tile.F16: 4e-3, tile.BF16: 3e-2, tile.E4M3: 0.25, tile.E5M2: 0.5}

// begin keeps the operands, which the launch may change.
func (c *checker) begin(l *vm.Launch) error {
	c.before = nil
	for i, t := range l.Tensors {
		if t == nil {
			c.before = append(c.before, nil)
			continue
		}
		x := &interp.Tensor{Elem: t.Elem, Dims: t.Shape, Layout: t.Layout}
		var err error
		if i < len(l.Kernel.Params) {
			x.Data, err = c.rt.Image(t)
		} else {
			x.Data = make([]byte, t.Bytes())
		}
		if err != nil {
			return err
		}
		c.before = append(c.before, x)
	}
	return nil
}

// launch runs the launch again, in the interpreter, and compares what was written.
func (c *checker) launch(l *vm.Launch) error {
	k, err := tir.Parse(l.Kernel.Source)
	if err != nil {
		return err
	}
	p := c.env.progress("check " + l.Kernel.Name)
	defer p.Done()
	scalars := make([]float64, len(l.Kernel.Params))
	for i, x := range l.Kernel.Params {
		if !x.Tensor {
			word := make([]byte, 8)
			for b := range word {
				word[b] = byte(l.Scalars[i] >> (8 * b))
			}
			scalars[i] = vm.Decode(x.Elem, word)
		}
	}
	opt := interp.Options{Target: c.target, WGMMA: usesWGMMA(l.Kernel)}
	if err := interp.Run(k, c.before, scalars, opt); err != nil {
		return err
	}
	c.launches++
	for i, t := range l.Tensors {
		if t == nil || k.Tensor(i).Access == abi.Read {
			continue
		}
		got, err := c.rt.Image(t)
		if err != nil {
			return err
		}
		c.compare(&interp.Tensor{Elem: t.Elem, Data: got}, c.before[i])
	}
	return nil
}

func usesWGMMA(k *abi.Kernel) bool {
	return len(k.Variants) > 0 && strings.Contains(k.Variants[0].PTX, "wgmma.mma_async")
}

func (c *checker) compare(got, want *interp.Tensor) {
	size := got.Elem.Size()
	for i := range got.Len() {
		c.elements++
		if string(got.Data[i*size:][:size]) == string(want.Data[i*size:][:size]) {
			continue
		}
		c.bits++
		x, y := got.At(i), want.At(i)
		part := math.Abs(x-y) / (roundings[got.Elem] * max(1, math.Abs(y)))
		if !(part <= 1) { // NaN too
			c.far++
		}
		c.worst = max(c.worst, part)
	}
}

// verdict says what was compared; more than rounding is an error.
func (c *checker) verdict() error {
	if c.launches == 0 {
		return nil
	}
	if c.far > 0 {
		return failed("", "check: of %d elements %d differ from the tile-IR interpreter by more "+
			"than rounding", c.elements, c.far)
	}
	switch {
	case c.env.json:
	case c.bits == 0:
		fmt.Fprintf(c.env.out, "check  %d elements of %d launches: equal to the tile-IR "+
			"interpreter bit for bit\n", c.elements, c.launches)
	default:
		fmt.Fprintf(c.env.out, "check  %d elements of %d launches: %d equal to the tile-IR "+
			"interpreter bit for bit, the others within %.1f %% of what rounding allows\n",
			c.elements, c.launches, c.elements-c.bits, 100*c.worst)
	}
	return nil
}
