package lower

import "tensoros/hw/ptx"

// Rows says which registers of a function may lie in one row of storage, because no thread needs
// the values of both at once: PTX names a register for every value. Rows of 32 and of 64 bits count
// apart; registers of other widths have -1.
type Rows struct {
	Of       []int32 // by register
	Narrow   int     // rows of up to 32 bits
	Wide     int     // of 64
	conflict []set
}

// mostRows bounds the work: functions with more registers get a row for each.
const mostRows = 1 << 13

// rows finds them for the order of issue. Lanes of a warp need no thought: each has its own column
// of a row, and follows one path. A register that may be read before it is written shares with
// none, so that it reads as zero. Nor does a result share with its own instruction's operands.
func (l *lowering) rows() *Rows {
	n := l.f.Regs.Len()
	r := &Rows{Of: make([]int32, n)}
	for i := range r.Of {
		r.Of[i] = -1
	}
	if n > mostRows {
		for i, t := range l.f.Regs.Types() {
			r.give(int32(i), t)
		}
		return r
	}
	in, out := l.names()
	r.conflict = make([]set, n)
	for i := range r.conflict {
		r.conflict[i] = newSet(n + 1)
	}
	for b := range l.blocks {
		blk := &l.blocks[b]
		live := append(set(nil), out[b]...)
		for i := blk.last - 1; i >= blk.first; i-- {
			o := &l.ops[l.order[i]]
			r.clash(o, live)
			o.pass(live)
		}
	}
	alone := newSet(n + 1)
	if len(in) > 0 {
		alone = in[0]
	}
	r.colour(l.comeUp(alone), alone, l.f.Regs.Types())
	return r
}

// comeUp lists registers in the order in which they are read and written. Those that are only named
// become ones that share with none.
func (l *lowering) comeUp(alone set) (list []int32) {
	known := newSet(len(l.same))
	for _, i := range l.order {
		for _, r := range append(append([]int32(nil), l.ops[i].write...), l.ops[i].read...) {
			if !known.has(r) {
				known.add(r)
				list = append(list, r)
			}
		}
	}
	var named op
	for _, in := range l.insts {
		for k := range in.Args {
			named.take(&in.Args[k], true, false)
		}
	}
	for _, r := range named.read {
		if !known.has(r) {
			alone.add(r)
		}
	}
	return list
}

// names solves liveness of registers by name: unlike that of values, it knows nothing of copies.
func (l *lowering) names() (in, out []set) {
	for range l.blocks {
		in, out = append(in, newSet(len(l.same))), append(out, newSet(len(l.same)))
	}
	for changed := true; changed; {
		changed = false
		for b := len(l.blocks) - 1; b >= 0; b-- {
			blk := &l.blocks[b]
			for _, s := range blk.next {
				for i, w := range in[s] {
					out[b][i] |= w
				}
			}
			now := append(set(nil), out[b]...)
			for i := blk.last - 1; i >= blk.first; i-- {
				l.ops[l.order[i]].pass(now)
			}
			for i, w := range now {
				changed = changed || w != in[b][i]
				in[b][i] = w
			}
		}
	}
	return in, out
}

// pass turns the names that are live after an instruction into those before it. What a guard may
// keep from being written stays.
func (o *op) pass(live set) {
	if o.guard < 0 {
		for _, r := range o.write {
			live.remove(r)
		}
	}
	for _, r := range o.read {
		live.add(r)
	}
	if o.guard >= 0 {
		live.add(o.guard)
	}
}

// clash notes that what an instruction writes must not lie where anything lies that is live after
// it, or that it reads or writes itself.
func (r *Rows) clash(o *op, live set) {
	n := int32(len(r.Of)) // the condition code has no row
	for _, w := range o.write {
		if w >= n {
			continue
		}
		meet := func(x int32) {
			if x != w && x < n {
				r.conflict[w].add(x)
				r.conflict[x].add(w)
			}
		}
		live.each(meet)
		for _, x := range o.read {
			meet(x)
		}
		for _, x := range o.write {
			meet(x)
		}
	}
}

// colour gives each register the first row that none of those it clashes with has.
func (r *Rows) colour(list []int32, alone set, types []ptx.Type) {
	for i := range int32(len(r.Of)) {
		if alone.has(i) {
			r.give(i, types[i])
		}
	}
	narrow, wide := r.Narrow, r.Wide    // those before are nobody else's
	taken := make([]int32, len(r.Of)+1) // by row: the register, plus one, that last found it taken
	for _, i := range list {
		if int(i) >= len(r.Of) || r.Of[i] >= 0 {
			continue
		}
		r.conflict[i].each(func(x int32) {
			if same(types[x], types[i]) && r.Of[x] >= 0 {
				taken[r.Of[x]] = i + 1
			}
		})
		at := narrow
		if types[i].Bits() == 64 {
			at = wide
		}
		for taken[at] == i+1 {
			at++
		}
		r.put(i, types[i], at)
	}
}

func same(a, b ptx.Type) bool { return (a.Bits() == 64) == (b.Bits() == 64) }

// give gives a register a row of its own.
func (r *Rows) give(i int32, t ptx.Type) {
	at := r.Narrow
	if t.Bits() == 64 {
		at = r.Wide
	}
	r.put(i, t, at)
}

// put gives a register a row, if its width has any.
func (r *Rows) put(i int32, t ptx.Type, at int) {
	switch {
	case t == ptx.Pred || t.Bits() > 64:
	case t.Bits() == 64:
		r.Of[i] = int32(at)
		r.Wide = max(r.Wide, at+1)
	default:
		r.Of[i] = int32(at)
		r.Narrow = max(r.Narrow, at+1)
	}
}
