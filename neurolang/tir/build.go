package tir

import (
	"slices"

	"tensoros/neurolang/tile"
)

// Builder appends operations to a block of a kernel. What it is given must fit; Verify tells.
type Builder struct {
	K   *Kernel
	B   *Block
	Loc Loc // of the operations that come
}

// NewBuilder begins the body of a kernel whose parameters are set.
func NewBuilder(k *Kernel) *Builder {
	k.Body = &Block{}
	for _, p := range k.Params {
		if !p.Tensor {
			k.argument(k.Body, Scalar(p.Elem))
		}
	}
	return &Builder{K: k, B: k.Body}
}

func (k *Kernel) argument(b *Block, t Type) *Value {
	v := k.value(t)
	v.Arg = b
	b.Args = append(b.Args, v)
	return v
}

func (k *Kernel) value(t Type) *Value {
	v := &Value{ID: k.next, Type: t}
	k.next++
	return v
}

// Append adds an operation with results of these types.
func (b *Builder) Append(kind Kind, at Attrs, results []Type, args ...*Value) *Op {
	op := &Op{Kind: kind, Args: args, Attrs: at, Loc: b.Loc}
	for _, t := range results {
		v := b.K.value(t)
		v.Op = op
		op.Results = append(op.Results, v)
	}
	b.B.Ops = append(b.B.Ops, op)
	return op
}

// Op adds an operation with one result.
func (b *Builder) Op(kind Kind, at Attrs, t Type, args ...*Value) *Value {
	return b.Append(kind, at, []Type{t}, args...).Results[0]
}

// Float is a constant of a float type.
func (b *Builder) Float(t Type, x float64) *Value { return b.Op(Const, Attrs{Num: x}, t) }

// Int is a constant of an integer type or bool.
func (b *Builder) Int(t Type, x int64) *Value { return b.Op(Const, Attrs{Int: x}, t) }

// Number is a constant of any type.
func (b *Builder) Number(t Type, x float64) *Value {
	if IsFloat(t.Elem) {
		return b.Float(t, x)
	}
	return b.Int(t, int64(x))
}

// Index is a scalar i32.
func (b *Builder) Index(x int) *Value { return b.Int(Scalar(tile.I32), int64(x)) }

// Unary applies an operation of one operand and the same type.
func (b *Builder) Unary(kind Kind, x *Value) *Value { return b.Op(kind, Attrs{}, x.Type, x) }

// Cast converts to an element type; nothing is added if it is that already.
func (b *Builder) Cast(x *Value, e tile.Elem) *Value {
	if x.Type.Elem == e {
		return x
	}
	return b.Op(Cast, Attrs{}, x.Type.With(e), x)
}

// Binary applies an operation to two operands of one shape.
func (b *Builder) Binary(kind Kind, x, y *Value) *Value {
	t := x.Type
	if table[kind].class == compare {
		t = t.With(tile.Bool)
	}
	return b.Op(kind, Attrs{}, t, x, y)
}

// Broadcast stretches x to dimensions; nothing is added if it has them.
func (b *Builder) Broadcast(x *Value, dims []int) *Value {
	t := Type{dims, x.Type.Elem}
	if x.Type.Equal(t) {
		return x
	}
	return b.Op(Broadcast, Attrs{}, t, x)
}

// Reshape gives x other dimensions; nothing is added if it has them.
func (b *Builder) Reshape(x *Value, dims []int) *Value {
	t := Type{dims, x.Type.Elem}
	if x.Type.Equal(t) {
		return x
	}
	return b.Op(Reshape, Attrs{}, t, x)
}

// Transpose permutes dimensions.
func (b *Builder) Transpose(x *Value, perm []int) *Value {
	t := Type{Elem: x.Type.Elem}
	for _, p := range perm {
		t.Dims = append(t.Dims, x.Type.Dims[p])
	}
	return b.Op(Transpose, Attrs{Perm: perm}, t, x)
}

// Reduce combines along an axis, which is kept with length 1.
func (b *Builder) Reduce(comb Kind, axis int, x *Value) *Value {
	return b.Op(Reduce, Attrs{Comb: comb, Axis: axis}, x.Type.Keep(axis, 1), x)
}

// Dot adds a product to c.
func (b *Builder) Dot(x, y, c *Value) *Value { return b.Op(Dot, Attrs{}, c.Type, x, y, c) }

// Load reads a view; see Load in ops.go. other may be nil.
func (b *Builder) Load(param int, sizes []int, index []*Value, other *Value) *Value {
	t := Type{Elem: b.K.Tensor(param).Elem}
	for d, n := range sizes {
		if n == -1 {
			n = index[d].Type.Dims[0]
		}
		if n > 0 {
			t.Dims = append(t.Dims, n)
		}
	}
	args := slices.Clone(index)
	if other != nil {
		args = append(args, other)
	}
	return b.Op(Load, Attrs{Param: param, Sizes: sizes}, t, args...)
}

// Store writes a view.
func (b *Builder) Store(param int, sizes []int, x *Value, index ...*Value) {
	b.Append(Store, Attrs{Param: param, Sizes: sizes}, nil, append([]*Value{x}, index...)...)
}

// Yield ends a block.
func (b *Builder) Yield(vs ...*Value) { b.Append(Yield, Attrs{}, nil, vs...) }

// For adds a loop; body gets the index and what is carried, and gives what is carried on.
func (b *Builder) For(lo, hi, step *Value, stages int, init []*Value,
	body func(i *Value, carried []*Value) []*Value) []*Value {
	op := b.Append(For, Attrs{Stages: stages}, types(init),
		append([]*Value{lo, hi, step}, init...)...)
	b.block(op, append([]Type{Scalar(tile.I32)}, types(init)...), func(args []*Value) []*Value {
		return body(args[0], args[1:])
	})
	return op.Results
}

// If adds a choice between two blocks that give values of the same types.
func (b *Builder) If(cond *Value, results []Type, then, other func() []*Value) []*Value {
	op := b.Append(If, Attrs{}, results, cond)
	b.block(op, nil, func([]*Value) []*Value { return then() })
	b.block(op, nil, func([]*Value) []*Value { return other() })
	return op.Results
}

// While adds a loop that runs as long as cond gives true.
func (b *Builder) While(init []*Value, cond func(carried []*Value) *Value,
	body func(carried []*Value) []*Value) []*Value {
	op := b.Append(While, Attrs{}, types(init), init...)
	b.block(op, types(init), func(c []*Value) []*Value {
		return append([]*Value{cond(c)}, c...)
	})
	b.block(op, types(init), body)
	return op.Results
}

// block adds a block to an operation and fills it.
func (b *Builder) block(op *Op, args []Type, fill func(args []*Value) []*Value) {
	inner := &Block{}
	for _, t := range args {
		b.K.argument(inner, t)
	}
	op.Blocks = append(op.Blocks, inner)
	outer, loc := b.B, b.Loc
	b.B = inner
	out := fill(inner.Args)
	b.Yield(out...)
	b.B, b.Loc = outer, loc
}

// Walk calls f for every operation, outer ones before those of their blocks.
func (b *Block) Walk(f func(op *Op)) {
	for _, op := range b.Ops {
		f(op)
		for _, inner := range op.Blocks {
			inner.Walk(f)
		}
	}
}

// Results gives an operation results of the types of what its blocks yield, and returns them.
func (b *Builder) Results(op *Op, like []*Value) []*Value {
	for _, x := range like {
		v := b.K.value(x.Type)
		v.Op = op
		op.Results = append(op.Results, v)
	}
	return append([]*Value{}, op.Results...)
}
