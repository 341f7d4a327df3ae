package interp

import (
	"fmt"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// Options choose the arithmetic of dots and bound the work.
type Options struct {
	Target int  // compute capability
	WGMMA  bool // dots are wgmma instead of mma.sync
	Steps  int  // elements computed before it gives up; 0: no bound
}

// ErrSteps is what a run ends with that took too long.
var ErrSteps = fmt.Errorf("the interpreter's bound of steps is reached")

// Run runs all programs of a verified kernel, in order. tensors are those of Params, then of Outs;
// scalars the values of Params that are none (the others are ignored).
func Run(k *tir.Kernel, tensors []*Tensor, scalars []float64, opt Options) error {
	dims, err := Bind(k, tensors)
	if err != nil {
		return fmt.Errorf("kernel %s: %w", k.Name, err)
	}
	m := &machine{k: k, tensors: tensors, dims: dims, opt: opt,
		vals: map[*tir.Value]*Tile{}, at: make([]int, len(k.Axes))}
	if err := m.complete(); err != nil {
		return fmt.Errorf("kernel %s: %w", k.Name, err)
	}
	arg := 0
	for i, p := range k.Params {
		if !p.Tensor {
			t := newTile(tir.Scalar(p.Elem))
			t.V[0] = round(p.Elem, scalars[i])
			m.vals[k.Body.Args[arg]] = t
			arg++
		}
	}
	counts := m.counts()
	for _, n := range counts {
		if n == 0 {
			return nil
		}
	}
	for {
		if err := m.block(k.Body); err != nil {
			return fmt.Errorf("kernel %s, program %v: %w", k.Name, m.at, err)
		}
		if !next(m.at, counts) {
			return nil
		}
	}
}

// next steps through the programs, the last axis fastest.
func next(at, counts []int) bool {
	for d := len(at) - 1; d >= 0; d-- {
		if at[d]++; at[d] < counts[d] {
			return true
		}
		at[d] = 0
	}
	return false
}

type machine struct {
	k       *tir.Kernel
	tensors []*Tensor
	dims    map[string]int
	opt     Options
	vals    map[*tir.Value]*Tile
	at      []int
	steps   int
}

// complete checks that every tensor and dimension is there.
func (m *machine) complete() error {
	for i := range len(m.k.Params) + len(m.k.Outs) {
		if p := m.k.Tensor(i); p.Tensor && (i >= len(m.tensors) || m.tensors[i] == nil) {
			return fmt.Errorf("tensor %s is missing", p.Name)
		}
	}
	for _, s := range m.k.Symbols() {
		if _, ok := m.dims[s]; !ok {
			return fmt.Errorf("dimension %s is not known", s)
		}
	}
	return nil
}

func (m *machine) dim(d abi.Dim) int {
	if d.Sym != "" {
		return m.dims[d.Sym]
	}
	return d.Const
}

// counts returns the number of programs along each axis.
func (m *machine) counts() []int {
	var out []int
	for _, a := range m.k.Axes {
		out = append(out, (m.dim(a.Dim)+a.Block-1)/a.Block)
	}
	return out
}

// block runs a block; what it yields is read by its owner.
func (m *machine) block(b *tir.Block) error {
	for _, op := range b.Ops {
		for _, r := range op.Results {
			m.steps += r.Type.Len()
		}
		if m.steps++; m.opt.Steps > 0 && m.steps > m.opt.Steps {
			return ErrSteps
		}
		if err := m.op(op); err != nil {
			return fmt.Errorf("%s: %w", op.Kind, err)
		}
	}
	return nil
}

func (m *machine) op(op *tir.Op) error {
	switch op.Kind {
	case tir.Yield:
		return nil
	case tir.For:
		return m.loop(op)
	case tir.If:
		b := op.Blocks[0]
		if m.scalar(op.Args[0]) == 0 {
			b = op.Blocks[1]
		}
		if err := m.block(b); err != nil {
			return err
		}
		m.move(op.Results, yielded(b))
		return nil
	case tir.While:
		return m.while(op)
	case tir.Load, tir.Store, tir.Atomic:
		m.memory(op)
		return nil
	case tir.Dot:
		t, err := m.dot(op)
		m.vals[op.Results[0]] = t
		return err
	case tir.Sort:
		m.sort(op)
		return nil
	}
	m.vals[op.Results[0]] = m.compute(op)
	return nil
}

func yielded(b *tir.Block) []*tir.Value { return b.Ops[len(b.Ops)-1].Args }

// move gives values new names, all at once.
func (m *machine) move(to, from []*tir.Value) {
	vs := make([]*Tile, len(from))
	for i, v := range from {
		vs[i] = m.vals[v]
	}
	for i, v := range to {
		m.vals[v] = vs[i]
	}
}

func (m *machine) scalar(v *tir.Value) float64 { return m.vals[v].V[0] }

func (m *machine) loop(op *tir.Op) error {
	lo, hi, step := m.scalar(op.Args[0]), m.scalar(op.Args[1]), m.scalar(op.Args[2])
	if step < 1 {
		return fmt.Errorf("a step of %g", step)
	}
	b := op.Blocks[0]
	m.move(op.Results, op.Args[3:])
	for i := lo; i < hi; i += step {
		iv := newTile(tir.Scalar(tile.I32))
		iv.V[0] = i
		m.vals[b.Args[0]] = iv
		m.move(b.Args[1:], op.Results)
		if err := m.block(b); err != nil {
			return err
		}
		m.move(op.Results, yielded(b))
	}
	return nil
}

func (m *machine) while(op *tir.Op) error {
	cond, body := op.Blocks[0], op.Blocks[1]
	m.move(op.Results, op.Args)
	for {
		m.move(cond.Args, op.Results)
		if err := m.block(cond); err != nil {
			return err
		}
		out := yielded(cond)
		if m.scalar(out[0]) == 0 {
			m.move(op.Results, out[1:])
			return nil
		}
		m.move(body.Args, out[1:])
		if err := m.block(body); err != nil {
			return err
		}
		m.move(op.Results, yielded(body))
	}
}
