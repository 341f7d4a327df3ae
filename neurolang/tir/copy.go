package tir

import "slices"

// Copier copies operations of one kernel into another.
type Copier struct {
	B    *Builder
	Vals map[*Value]*Value // what values of the old kernel became
	// Param gives the number of a tensor in the new kernel.
	Param func(old int) int
	// Type gives the type of a value in the new kernel; nil: as it was.
	Type func(v *Value) Type
	// Hook, if not nil, may make something else of an operation; then it tells true, and has set
	// Vals of its results.
	Hook func(op *Op) bool
}

// Block copies all operations of a block but its yield.
func (c *Copier) Block(b *Block) {
	for _, op := range b.Ops {
		if op.Kind != Yield {
			c.op(op)
		}
	}
}

func (c *Copier) typeOf(v *Value) Type {
	if c.Type != nil {
		return c.Type(v)
	}
	return v.Type
}

func (c *Copier) args(vs []*Value) []*Value {
	out := make([]*Value, len(vs))
	for i, v := range vs {
		out[i] = c.Vals[v]
	}
	return out
}

func (c *Copier) op(op *Op) {
	c.B.Loc = op.Loc
	if c.Hook != nil && c.Hook(op) {
		return
	}
	results := make([]Type, len(op.Results))
	for i, r := range op.Results {
		results[i] = c.typeOf(r)
	}
	at := op.Attrs
	at.Sizes, at.Perm = slices.Clone(at.Sizes), slices.Clone(at.Perm)
	if op.Kind == Load || op.Kind == Store || op.Kind == Atomic {
		at.Param = c.Param(op.Param)
	}
	made := c.B.Append(op.Kind, at, results, c.args(op.Args)...)
	for i, r := range op.Results {
		c.Vals[r] = made.Results[i]
	}
	for _, b := range op.Blocks {
		args := make([]Type, len(b.Args))
		for i, a := range b.Args {
			args[i] = c.typeOf(a)
		}
		c.B.block(made, args, func(args []*Value) []*Value {
			for i, a := range b.Args {
				c.Vals[a] = args[i]
			}
			c.Block(b)
			return c.args(b.Ops[len(b.Ops)-1].Args)
		})
	}
}
