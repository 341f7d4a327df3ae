package lower

import "math"

// pending is what is still to come of a register: cycles until its value is there, and until its
// old value has been read, and the tokens that its value is behind.
type pending struct {
	reg         int32
	value, free int32
	tokens      uint8
}

// state is what is pending where a block begins, by register.
type state struct {
	regs []pending
	busy uint8 // tokens that something is behind
}

// emitter walks blocks in the order of issue with a clock that knows of fixed latencies only.
type emitter struct {
	*lowering
	now         int32          // when the last machine instruction issued
	units       [Units]float64 // when each unit is free again
	value, free []int32        // register -> clock
	tokens      []uint8
	touched     []int32
	mark        []bool
	busy        uint8
	hand        uint8
	code        *Code // nil while states are being solved
}

// emit gives every instruction its machine instructions, gaps and tokens. What is pending at the
// end of a block is pending at the start of those that follow it, so states are solved first.
func (l *lowering) emit(c *Code) {
	n := len(l.same)
	e := &emitter{lowering: l, value: make([]int32, n), free: make([]int32, n),
		tokens: make([]uint8, n), mark: make([]bool, n)}
	const rounds = 8 // gaps only grow from round to round; loops need two or three
	for changed, i := true, 0; changed && i < rounds; i++ {
		changed = false
		for b := range l.blocks {
			changed = e.walk(&l.blocks[b]) || changed
		}
	}
	e.code = c
	c.Order = l.order
	for b := range l.blocks {
		e.walk(&l.blocks[b])
	}
	c.First = append(c.First, int32(len(c.Micros)))
}

// walk passes over a block; it reports whether a successor's state has changed.
func (e *emitter) walk(blk *block) bool {
	e.enter(&blk.state)
	for i := blk.first; i < blk.last; i++ {
		e.inst(&e.ops[e.order[i]])
	}
	if e.code != nil {
		e.leave(nil)
		return false
	}
	changed := e.leave(blk)
	blk.seen = true
	return changed
}

func (e *emitter) enter(s *state) {
	e.now, e.hand, e.busy = 0, 0, s.busy
	e.units = [Units]float64{}
	for _, p := range s.regs {
		e.touch(p.reg)
		e.value[p.reg], e.free[p.reg], e.tokens[p.reg] = p.value, p.free, p.tokens
	}
}

func (e *emitter) touch(r int32) {
	if !e.mark[r] {
		e.mark[r] = true
		e.touched = append(e.touched, r)
	}
}

// leave forgets the block, after its end state has gone to the blocks that follow, if any do.
func (e *emitter) leave(blk *block) (changed bool) {
	var end state
	for _, r := range e.touched {
		p := pending{r, max(e.value[r]-e.now, 0), max(e.free[r]-e.now, 0), e.tokens[r]}
		if p.value > 0 || p.free > 0 || p.tokens != 0 {
			end.regs = append(end.regs, p)
			end.busy |= p.tokens
		}
		e.value[r], e.free[r], e.tokens[r], e.mark[r] = 0, 0, 0, false
	}
	e.touched = e.touched[:0]
	if blk == nil {
		return false
	}
	for _, s := range blk.next {
		changed = e.blocks[s].state.merge(&end, e.mark) || changed
	}
	return changed || !blk.seen
}

// merge takes the worse of two states.
func (s *state) merge(end *state, _ []bool) (changed bool) {
	for _, p := range end.regs {
		k := -1
		for i := range s.regs {
			if s.regs[i].reg == p.reg {
				k = i
				break
			}
		}
		if k < 0 {
			s.regs = append(s.regs, p)
			changed = true
			continue
		}
		q := &s.regs[k]
		if p.value > q.value || p.free > q.free || p.tokens&^q.tokens != 0 {
			q.value, q.free = max(p.value, q.value), max(p.free, q.free)
			q.tokens |= p.tokens
			changed = true
		}
	}
	s.busy |= end.busy
	return changed
}

// inst emits one instruction.
func (e *emitter) inst(o *op) {
	if e.code != nil {
		e.code.First = append(e.code.First, int32(len(e.code.Micros)))
		e.code.Wait = append(e.code.Wait, e.behind(o))
		e.code.Wide = append(e.code.Wide, o.wide)
	}
	if o.fold || len(o.seq) == 0 {
		e.pass(o)
		return
	}
	need, wait := e.needs(o)
	var token uint8 = NoToken
	for i := range o.seq {
		st := &o.seq[i]
		gap := int32(1)
		if i == 0 {
			gap = max(need-e.now, 1)
		} else if st.chain {
			if token != NoToken {
				wait |= 1 << token
			} else {
				gap = max(int32(e.t.Latency[o.seq[i-1].unit]), 1)
			}
		}
		e.clear(wait)
		e.now = e.start(st, e.now+gap)
		last := i == len(o.seq)-1
		token = NoToken
		if variable(st.unit) && (!last && o.seq[i+1].chain || last && len(o.write) > 0) {
			token = e.take()
		}
		if e.code != nil {
			e.code.Micros = append(e.code.Micros, Micro{Unit: st.unit, Wait: wait, Set: token,
				Gap: uint16(gap), Busy: st.work, Bound: gap > 1})
		}
		wait = 0
	}
	e.results(o, token)
}

// start is when a machine instruction that is due really issues: its unit may still be busy with
// those before it. The hardware sees to that by itself, so it is no part of the gap.
func (e *emitter) start(st *step, due int32) int32 {
	free := &e.units[st.unit]
	at := max(float64(due), math.Ceil(*free))
	*free = max(at, *free) + e.t.Interval[st.unit]*float64(st.work)/64
	return int32(at)
}

// variable reports whether a unit's results come after a time that code cannot know.
func variable(u Unit) bool { return u == Memory || u == Special || u == Barrier || u == Copy }

// needs is when an instruction's operands are there, and the tokens that it must wait for.
func (e *emitter) needs(o *op) (at int32, wait uint8) {
	for _, r := range o.read {
		at = max(at, e.value[r])
		wait |= e.tokens[r]
	}
	for _, r := range o.write {
		at = max(at, e.free[r])
		wait |= e.tokens[r]
	}
	if g := o.guard; g >= 0 {
		wait |= e.tokens[g]
		if e.value[g] > 0 {
			at = max(at, e.value[g]+int32(e.t.Predicate-e.t.Latency[ALU]))
		}
	}
	return at, wait
}

// behind is the tokens behind an instruction's operands.
func (e *emitter) behind(o *op) (wait uint8) {
	_, wait = e.needs(o)
	return wait
}

// pass gives the result of a folded instruction the times of its sources.
func (e *emitter) pass(o *op) {
	at, wait := e.needs(o)
	for _, r := range o.write {
		e.touch(r)
		e.value[r], e.tokens[r] = at, wait
	}
}

// clear forgets tokens that have been waited for.
func (e *emitter) clear(wait uint8) {
	if wait == 0 {
		return
	}
	for _, r := range e.touched {
		e.tokens[r] &^= wait
	}
	e.busy &^= wait
}

// take picks a token: a free one, or the oldest.
func (e *emitter) take() uint8 {
	for i := range uint8(Tokens) {
		t := (e.hand + i) % Tokens
		if e.busy>>t&1 == 0 {
			e.hand = (t + 1) % Tokens
			e.busy |= 1 << t
			return t
		}
	}
	t := e.hand
	e.hand = (t + 1) % Tokens
	return t
}

// results notes what an instruction leaves pending.
func (e *emitter) results(o *op, token uint8) {
	last := o.seq[len(o.seq)-1]
	for _, r := range o.write {
		e.touch(r)
		e.value[r], e.tokens[r] = 0, 0
		switch {
		case token != NoToken:
			e.tokens[r] = 1 << token
		case last.unit == Warpgroup: // wgmma.wait_group says when
		default:
			e.value[r] = e.now + int32(e.t.Latency[last.unit]) + int32(int16(last.extra))
		}
	}
	if last.unit != Memory && last.unit != Copy {
		return
	}
	for _, r := range o.read {
		e.touch(r)
		e.free[r] = max(e.free[r], e.now+int32(e.t.Reuse))
	}
}
