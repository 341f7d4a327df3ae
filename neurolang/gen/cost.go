package gen

import (
	"slices"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tir"
)

// cost is what a launch computes and what it must at least move: for every operation its work times
// how often it runs, programs and loops over dimensions counted without their edges; for tensors
// their size once.
func cost(k *tir.Kernel) (flops, bytes abi.Poly) {
	runs := abi.Term{Coef: 1}
	for _, a := range k.Axes {
		runs = times(runs, a.Dim, 1/float64(a.Block))
	}
	used := map[int]bool{}
	work(k.Body, runs, &flops)
	k.Body.Walk(func(op *tir.Op) {
		switch op.Kind {
		case tir.Load, tir.Store, tir.Atomic:
			used[op.Param] = true
		}
	})
	for i := range len(k.Params) + len(k.Outs) {
		if p := k.Tensor(i); used[i] {
			t := abi.Term{Coef: float64(p.Elem.Size())}
			if p.Access == abi.Update || p.Access == abi.Atomic {
				t.Coef *= 2
			}
			for _, d := range p.Dims {
				t = times(t, d, 1)
			}
			bytes = plus(bytes, t)
		}
	}
	return flops, bytes
}

func times(t abi.Term, d abi.Dim, by float64) abi.Term {
	t.Coef *= by
	if d.Sym == "" {
		t.Coef *= float64(d.Const)
		return t
	}
	t.Syms = append(slices.Clone(t.Syms), d.Sym)
	slices.Sort(t.Syms)
	return t
}

func plus(p abi.Poly, t abi.Term) abi.Poly {
	for i := range p {
		if slices.Equal(p[i].Syms, t.Syms) {
			p[i].Coef += t.Coef
			return p
		}
	}
	return append(p, t)
}

func work(b *tir.Block, runs abi.Term, sum *abi.Poly) {
	for _, op := range b.Ops {
		n := 0.0
		switch {
		case op.Kind == tir.Dot:
			n = 2 * float64(op.Results[0].Type.Len()*op.Args[0].Type.Dims[1])
		case op.Kind.Elementwise() && op.Results[0].Type.Rank() > 0:
			n = float64(op.Results[0].Type.Len())
		case op.Kind == tir.Reduce || op.Kind == tir.Scan:
			n = float64(op.Args[0].Type.Len())
		}
		if n > 0 {
			t := runs
			t.Coef *= n
			*sum = plus(*sum, t)
		}
		inner := runs
		if op.Kind == tir.For {
			inner = loopRuns(op, runs)
		}
		for _, blk := range op.Blocks {
			work(blk, inner, sum)
		}
	}
}

// loopRuns multiplies by a loop's turns as far as its bounds are constants or a dimension; others
// count once.
func loopRuns(op *tir.Op, runs abi.Term) abi.Term {
	lo, ok1 := constant(op.Args[0])
	step, ok2 := constant(op.Args[2])
	if !ok1 || !ok2 || step < 1 {
		return runs
	}
	if hi, ok := constant(op.Args[1]); ok {
		return times(runs, abi.Dim{Const: max(hi-lo, 0)}, 1/float64(step))
	}
	by := 1 / float64(step)
	e := op.Args[1].Op
	if e != nil && e.Kind == tir.Min { // up to the program's own place, on average half way
		by /= 2
		if e = e.Args[0].Op; e == nil || e.Kind != tir.Extent {
			e = op.Args[1].Op.Args[1].Op
		}
	}
	if e != nil && e.Kind == tir.Extent {
		return times(runs, abi.Dim{Sym: e.Sym}, by)
	}
	return runs
}
