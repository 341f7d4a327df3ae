package tir

import (
	"fmt"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
)

// Verify checks the rules of the IR: operands defined before their use and in reach, types as the
// table says, blocks ended by their yield.
func (k *Kernel) Verify() error {
	v := &verifier{k: k, seen: map[*Value]bool{}, ids: map[int]bool{}}
	if err := v.kernel(); err != nil {
		return fmt.Errorf("kernel @%s: %w", k.Name, err)
	}
	return nil
}

type verifier struct {
	k     *Kernel
	seen  map[*Value]bool // in reach
	ids   map[int]bool
	depth int
}

const maxDepth = 64

func (v *verifier) kernel() error {
	k := v.k
	if k.Body == nil {
		return fmt.Errorf("has no body")
	}
	var want []Type
	for _, p := range k.Params {
		if !p.Tensor {
			want = append(want, Scalar(p.Elem))
		}
	}
	for i, p := range k.tensors() {
		if p.Tensor && (p.Elem == tile.NoElem || len(p.Dims) > 8) {
			return fmt.Errorf("tensor %d, %q, has no usable type", i, p.Name)
		}
		for _, d := range p.Dims {
			if d.Sym == "" && d.Const < 1 {
				return fmt.Errorf("tensor %q has a dimension of %d", p.Name, d.Const)
			}
		}
	}
	for _, a := range k.Axes {
		if a.Block < 1 || a.Dim.Sym == "" && a.Dim.Const < 1 {
			return fmt.Errorf("axis %q has blocks of %d", a.Name, a.Block)
		}
	}
	return v.block(k.Body, want, nil)
}

// block checks a block with its arguments' types and what it has to yield.
func (v *verifier) block(b *Block, args, yields []Type) error {
	if v.depth++; v.depth > maxDepth {
		return fmt.Errorf("blocks are nested too deeply")
	}
	defer func() { v.depth-- }()
	var mine []*Value
	defer func() {
		for _, x := range mine {
			delete(v.seen, x)
		}
	}()
	define := func(x *Value) error {
		if v.ids[x.ID] {
			return fmt.Errorf("%%%d is defined twice", x.ID)
		}
		v.ids[x.ID], v.seen[x] = true, true
		mine = append(mine, x)
		return nil
	}
	if len(b.Args) != len(args) {
		return fmt.Errorf("a block has %d arguments instead of %d", len(b.Args), len(args))
	}
	for i, x := range b.Args {
		if !x.Type.Equal(args[i]) || x.Arg != b {
			return fmt.Errorf("argument %%%d is %s instead of %s", x.ID, x.Type, args[i])
		}
		if err := define(x); err != nil {
			return err
		}
	}
	for i, op := range b.Ops {
		if (op.Kind == Yield) != (i == len(b.Ops)-1) {
			return fmt.Errorf("a block has its yield elsewhere than at its end")
		}
		if err := v.op(op); err != nil {
			return fmt.Errorf("%s: %w", op.describe(), err)
		}
		for _, x := range op.Results {
			if err := define(x); err != nil {
				return err
			}
		}
	}
	if len(b.Ops) == 0 {
		return fmt.Errorf("a block does not end with yield")
	}
	return sameTypes(b.Ops[len(b.Ops)-1].Args, yields)
}

func sameTypes(vs []*Value, ts []Type) error {
	if len(vs) != len(ts) {
		return fmt.Errorf("yields %d values instead of %d", len(vs), len(ts))
	}
	for i, x := range vs {
		if !x.Type.Equal(ts[i]) {
			return fmt.Errorf("yields %s where %s is due", x.Type, ts[i])
		}
	}
	return nil
}

func (v *verifier) op(op *Op) error {
	if op.Kind == BadKind || int(op.Kind) >= len(table) {
		return fmt.Errorf("is no operation")
	}
	for _, a := range op.Args {
		if !v.seen[a] {
			return fmt.Errorf("uses %%%d out of its reach", a.ID)
		}
	}
	for _, r := range op.Results {
		if r.Op != op {
			return fmt.Errorf("does not own %%%d", r.ID)
		}
	}
	if err := op.infer(v.k); err != nil {
		return err
	}
	i32 := Scalar(tile.I32)
	switch op.Kind {
	case For:
		carried := types(op.Results)
		return v.block(op.Blocks[0], append([]Type{i32}, carried...), carried)
	case If:
		if err := v.block(op.Blocks[0], nil, types(op.Results)); err != nil {
			return err
		}
		return v.block(op.Blocks[1], nil, types(op.Results))
	case While:
		carried := types(op.Results)
		cond := append([]Type{Scalar(tile.Bool)}, carried...)
		if err := v.block(op.Blocks[0], carried, cond); err != nil {
			return err
		}
		return v.block(op.Blocks[1], carried, carried)
	}
	return nil
}

func types(vs []*Value) []Type {
	ts := make([]Type, len(vs))
	for i, x := range vs {
		ts[i] = x.Type
	}
	return ts
}

// inferControl checks operands and the number of blocks; the verifier checks the blocks.
func (op *Op) inferControl() error {
	blocks := map[Kind]int{For: 1, If: 2, While: 2, Yield: 0}[op.Kind]
	if len(op.Blocks) != blocks {
		return fmt.Errorf("has %d blocks instead of %d", len(op.Blocks), blocks)
	}
	i32 := Scalar(tile.I32)
	switch op.Kind {
	case For:
		if len(op.Args) < 3 || op.Stages < 0 || op.Stages > 16 {
			return fmt.Errorf("has %d operands and %d stages", len(op.Args), op.Stages)
		}
		for _, a := range op.Args[:3] {
			if !a.Type.Equal(i32) {
				return fmt.Errorf("runs over %s", a.Type)
			}
		}
		return sameTypes(op.Args[3:], types(op.Results))
	case If:
		if !op.Args[0].Type.Equal(Scalar(tile.Bool)) {
			return fmt.Errorf("chooses by %s", op.Args[0].Type)
		}
	case While:
		return sameTypes(op.Args, types(op.Results))
	case Yield:
		if len(op.Results) > 0 {
			return fmt.Errorf("has results")
		}
	}
	return nil
}

// inferMemory checks Load, Store and Atomic.
func (op *Op) inferMemory(k *Kernel) error {
	all := k.tensors()
	if op.Param < 0 || op.Param >= len(all) || !all[op.Param].Tensor {
		return fmt.Errorf("of parameter %d, which is no tensor", op.Param)
	}
	p := all[op.Param]
	args := op.Args
	if op.Kind != Load {
		if len(args) == 0 || len(op.Results) != 0 {
			return fmt.Errorf("has no tile to write, or a result")
		}
		args = args[1:]
	}
	if len(op.Sizes) != len(p.Dims) || len(args) < len(p.Dims) {
		return fmt.Errorf("has %d sizes and %d indices for %d dimensions", len(op.Sizes),
			len(args), len(p.Dims))
	}
	view := Type{Elem: p.Elem}
	for d, n := range op.Sizes {
		t := args[d].Type
		if t.Elem != tile.I32 || n >= 0 && t.Rank() != 0 || n == -1 && t.Rank() != 1 || n < -1 {
			return fmt.Errorf("index %d is %s for a size of %d", d, t, n)
		}
		if n == -1 {
			n = t.Dims[0]
		}
		if n > 0 {
			view.Dims = append(view.Dims, n)
		}
	}
	return op.inferView(k, p, view, args[len(p.Dims):])
}

func (op *Op) inferView(k *Kernel, p abi.Param, view Type, rest []*Value) error {
	if op.Kind == Load {
		if len(op.Results) != 1 || !op.out().Equal(view) {
			return fmt.Errorf("reads %s", view)
		}
		if len(rest) > 1 || len(rest) == 1 && !rest[0].Type.Equal(Scalar(p.Elem)) {
			return fmt.Errorf("has a wrong value for what lies outside")
		}
		return nil
	}
	if !op.Args[0].Type.Equal(view) || len(rest) > 0 {
		return fmt.Errorf("writes %s as %s", op.Args[0].Type, view)
	}
	if op.Kind == Atomic {
		if p.Access != abi.Atomic || !combines(op.Comb, p.Elem) {
			return fmt.Errorf("by %s into %s", op.Comb, p.Name)
		}
		if k.Deterministic && !IsInt(p.Elem) {
			return fmt.Errorf("on %s has no fixed order", p.Elem)
		}
		return nil
	}
	if p.Access != abi.Write && p.Access != abi.Update {
		return fmt.Errorf("into %s, which is not to be written", p.Name)
	}
	return nil
}

// tensors returns parameters and results as Op.Param counts them.
func (k *Kernel) tensors() []abi.Param {
	return append(append([]abi.Param{}, k.Params...), k.Outs...)
}

// Tensor returns the parameter or result that Op.Param names.
func (k *Kernel) Tensor(i int) *abi.Param {
	if i < len(k.Params) {
		return &k.Params[i]
	}
	return &k.Outs[i-len(k.Params)]
}

// Symbols returns the named dimensions in the order of their appearance.
func (k *Kernel) Symbols() []string {
	var out []string
	seen := map[string]bool{"": true}
	add := func(d abi.Dim) {
		if !seen[d.Sym] {
			seen[d.Sym] = true
			out = append(out, d.Sym)
		}
	}
	for _, p := range k.tensors() {
		for _, d := range p.Dims {
			add(d)
		}
	}
	for _, a := range k.Axes {
		add(a.Dim)
	}
	return out
}

func (op *Op) describe() string {
	s := op.Kind.String()
	if op.Loc.Line > 0 {
		s += fmt.Sprintf(" (line %d:%d)", op.Loc.Line, op.Loc.Col)
	}
	return s
}
