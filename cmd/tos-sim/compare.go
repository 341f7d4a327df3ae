package main

import (
	"fmt"
	"math"

	"tensoros/neurolang/ir"
	"tensoros/neurolang/vm"
)

// checker compares launches with the reference interpreter of the tile IR.
type checker struct {
	rt interface {
		Image(*vm.Tensor) ([]byte, error)
	}
	env    *env
	target int

	launches, elements int
	bits, far          int     // elements that differ in bits; that miss the bound
	worst              float64 // largest error as a part of its bound
}

// launch is called after each launch, with its operands still in VRAM.
func (c *checker) launch(l *vm.Launch, out *vm.Tensor) error {
	var in []ir.Matrix
	for _, a := range l.Args {
		m, err := c.matrix(a)
		if err != nil {
			return err
		}
		in = append(in, m)
	}
	got, err := c.matrix(out)
	if err != nil {
		return err
	}
	p := c.env.progress("check " + l.Kernel.Name)
	defer p.Done()
	want, err := ir.Interpret(l.Kernel.IR, c.target, in)
	if err != nil {
		return err
	}
	ref, bound, err := ir.Reference(l.Kernel.IR, c.target, in)
	if err != nil {
		return err
	}
	c.launches++
	size := got.Elem.Size()
	for i := 0; i < len(got.Data); i += size {
		c.elements++
		if string(got.Data[i:i+size]) != string(want.Data[i:i+size]) {
			c.bits++
		}
	}
	for i := range got.Rows {
		for j := range got.Cols {
			c.near(got.At(i, j), ref[i*got.Cols+j], bound[i*got.Cols+j])
		}
	}
	return nil
}

func (c *checker) near(got, ref, bound float64) {
	d := math.Abs(got - ref)
	if !(d <= bound) { // NaN too
		c.far++
	}
	if bound > 0 {
		c.worst = max(c.worst, d/bound)
	}
}

func (c *checker) matrix(t *vm.Tensor) (ir.Matrix, error) {
	data, err := c.rt.Image(t)
	rows, cols := t.Dims()
	return ir.Matrix{Rows: rows, Cols: cols, Elem: t.Elem, Layout: t.Layout, Data: data}, err
}

// verdict says what was compared; a difference is an error.
func (c *checker) verdict() error {
	if c.launches == 0 {
		return nil
	}
	if c.bits > 0 || c.far > 0 {
		return failed("", "check: of %d elements %d differ from the tile-IR interpreter, "+
			"%d from float64 by more than the format's bound", c.elements, c.bits, c.far)
	}
	if !c.env.json {
		fmt.Fprintf(c.env.out, "check  %d elements of %d launches: equal to the tile-IR "+
			"interpreter bit for bit; within the bound of float64 (worst %.1f %% of it)\n",
			c.elements, c.launches, 100*c.worst)
	}
	return nil
}
