package lower

// allocate counts registers: the most that are live at once in the order of issue, with what
// expansions need in between.
func (l *lowering) allocate(c *Code) {
	most := 0
	for b := range l.blocks {
		blk := &l.blocks[b]
		now := append(set(nil), blk.out...)
		live := l.pressure(now)
		most = max(most, live)
		for i := blk.last - 1; i >= blk.first; i-- {
			o := &l.ops[l.order[i]]
			live = l.step(now, o, live)
			most = max(most, live+scratch(o))
		}
	}
	c.Registers = most + reserved
	if n := l.limit(); c.Registers > n {
		c.Spilled = c.Registers - n
		c.Registers = n
	}
	c.Registers = max(c.Registers, fewest)
}

const (
	// reserved is R1, the stack pointer, which ptxas keeps, and what it loses to pairs and fours of
	// registers; fitted to the kernels of conformance/cuda that take 32 and more.
	reserved = 4
	// fewest is the least that ptxas reports for a kernel with a body.
	fewest = 4
)

// scratch is the registers that an expansion needs beside its operands.
func scratch(o *op) int { return min(len(o.seq)/4, 8) }
