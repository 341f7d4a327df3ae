package lower

// Assumed latencies, in cycles, of results whose time is not known when code is ordered: what the
// scheduler tries to hide. They are of the kind that compilers assume (a hit in L1 or L2), and
// change the order of instructions only, never the time they take.
const (
	assumeGlobal  = 200
	assumeShared  = 30
	assumeSpecial = 20
)

// schedule orders the instructions of every block: a list scheduler by critical path, which turns
// to keeping few registers live when too many are.
func (l *lowering) schedule() {
	l.order = make([]int32, 0, len(l.insts))
	s := scheduler{lowering: l, soft: l.budget()}
	n := len(l.same)
	s.lastWrite, s.remaining = fill(n), make([]int32, n)
	s.readers = make([][]int32, n)
	for b := range l.blocks {
		s.block(&l.blocks[b])
	}
}

// budget is how many registers the order may use up: what the written order needs, and what
// ptxas takes freely to hide latencies.
func (l *lowering) budget() int {
	most := 0
	for b := range l.blocks {
		blk := &l.blocks[b]
		now := append(set(nil), blk.out...)
		live := l.pressure(now)
		most = max(most, live)
		for i := blk.last - 1; i >= blk.first; i-- {
			live = l.step(now, &l.ops[i], live)
			most = max(most, live)
		}
	}
	return min(l.limit()-4, max(most, freeRegisters))
}

// freeRegisters is what ptxas uses without regard to occupancy.
const freeRegisters = 32

// step is pressure before an instruction, from that after it.
func (l *lowering) step(now set, o *op, live int) int {
	for _, r := range o.makes {
		if now.has(r) {
			now.remove(r)
			live -= int(l.width[r])
		}
	}
	add := func(r int32) {
		if !now.has(r) {
			now.add(r)
			live += int(l.width[r])
		}
	}
	for _, r := range o.uses {
		add(r)
	}
	if o.guard >= 0 {
		add(o.guard)
	}
	return live
}

type edge struct {
	to      int32
	latency int32
}

// node is an instruction of the block being ordered.
type node struct {
	next   []edge
	height int32 // cycles to the end along the longest path
	needs  int32 // predecessors not yet issued
	at     int32 // when its operands are there
}

type scheduler struct {
	*lowering
	soft      int
	nodes     []node
	first     int
	lastWrite []int32 // register -> node
	readers   [][]int32
	touched   []int32
	memory    []int32
	remaining []int32 // register -> reads left in the block
	live      int
	out       set
}

func (s *scheduler) block(blk *block) {
	n := blk.last - blk.first
	if n <= 2 {
		for i := blk.first; i < blk.last; i++ {
			s.order = append(s.order, int32(i))
		}
		return
	}
	s.first = blk.first
	s.nodes = make([]node, n)
	s.memory = s.memory[:0]
	fence := int32(-1)
	for k := range n {
		fence = s.connect(k, fence)
	}
	for k := n - 1; k >= 0; k-- {
		nd := &s.nodes[k]
		for _, e := range nd.next {
			nd.height = max(nd.height, e.latency+s.nodes[e.to].height)
		}
	}
	s.list(blk)
	for _, r := range s.touched {
		s.lastWrite[r], s.readers[r], s.remaining[r] = -1, s.readers[r][:0], 0
	}
	s.touched = s.touched[:0]
}

func (s *scheduler) edge(from, to, latency int32) {
	if from == to {
		return
	}
	s.nodes[from].next = append(s.nodes[from].next, edge{to, latency})
	s.nodes[to].needs++
}

// connect adds the edges into node k; it returns the last fence.
func (s *scheduler) connect(k int, fence int32) int32 {
	o := &s.ops[s.first+k]
	at := int32(k)
	read := func(r int32) {
		s.touched = append(s.touched, r)
		if w := s.lastWrite[r]; w >= 0 {
			s.edge(w, at, s.latency(int(w)))
		}
		s.readers[r] = append(s.readers[r], at)
	}
	for _, r := range o.read {
		read(r)
	}
	if o.guard >= 0 {
		read(o.guard)
	}
	for _, r := range o.uses {
		s.remaining[r]++
		s.touched = append(s.touched, r)
	}
	for _, r := range o.write {
		s.touched = append(s.touched, r)
		if w := s.lastWrite[r]; w >= 0 {
			s.edge(w, at, 1)
		}
		for _, u := range s.readers[r] {
			s.edge(u, at, 0)
		}
		s.readers[r] = s.readers[r][:0]
		s.lastWrite[r] = at
	}
	if o.mem.space > constant {
		s.order2(at, &o.mem)
	}
	if o.fence {
		for j := max(fence, 0); j < at; j++ {
			s.edge(j, at, 0)
		}
		return at
	}
	if fence >= 0 {
		s.edge(fence, at, 0)
	}
	return fence
}

// order2 keeps the order of two accesses that may be of the same memory.
func (s *scheduler) order2(at int32, a *access) {
	for i := len(s.memory) - 1; i >= 0; i-- {
		j := s.memory[i]
		b := &s.ops[s.first+int(j)].mem
		if a.mayClash(b) {
			s.edge(j, at, 1)
		}
		if b.fence {
			break // it is behind all before it
		}
	}
	s.memory = append(s.memory, at)
}

// latency is what the scheduler takes the result of a node to need.
func (s *scheduler) latency(k int) int32 {
	o := &s.ops[s.first+k]
	var sum int32
	for i, m := range o.seq {
		if m.chain || i == len(o.seq)-1 {
			sum += s.assumed(m.unit, &o.mem)
		}
	}
	return sum
}

func (s *scheduler) assumed(u Unit, a *access) int32 {
	switch u {
	case Memory:
		switch a.space {
		case global, everything, local:
			return assumeGlobal
		}
		return assumeShared
	case Special, Barrier:
		return assumeSpecial
	}
	return int32(s.t.Latency[u])
}

// list issues the nodes of the block.
func (s *scheduler) list(blk *block) {
	s.out = blk.out
	s.live = s.pressure(blk.in)
	var ready []int32
	for k := range s.nodes {
		if s.nodes[k].needs == 0 {
			ready = append(ready, int32(k))
		}
	}
	var now int32
	for len(ready) > 0 {
		i := s.pick(ready, now)
		k := ready[i]
		ready = append(ready[:i], ready[i+1:]...)
		nd := &s.nodes[k]
		o := &s.ops[s.first+int(k)]
		now = max(now, nd.at)
		s.issue(o)
		s.order = append(s.order, int32(s.first)+k)
		for _, e := range nd.next {
			t := &s.nodes[e.to]
			t.at = max(t.at, now+e.latency)
			if t.needs--; t.needs == 0 {
				ready = append(ready, e.to)
			}
		}
		now += int32(len(o.seq))
	}
}

// pick is the place in ready of the node to issue next.
func (s *scheduler) pick(ready []int32, now int32) int {
	best := 0
	if s.live >= s.soft {
		for i := range ready {
			if s.lighter(ready[i], ready[best]) {
				best = i
			}
		}
		return best
	}
	for i := range ready {
		if s.sooner(ready[i], ready[best], now) {
			best = i
		}
	}
	return best
}

// sooner orders by what can issue now, then by critical path, then as written.
func (s *scheduler) sooner(a, b, now int32) bool {
	x, y := &s.nodes[a], &s.nodes[b]
	if tx, ty := max(x.at, now), max(y.at, now); tx != ty {
		return tx < ty
	}
	if x.height != y.height {
		return x.height > y.height
	}
	return a < b
}

// lighter orders by what leaves fewer registers live.
func (s *scheduler) lighter(a, b int32) bool {
	x, y := s.weight(a), s.weight(b)
	if x != y {
		return x < y
	}
	return a < b
}

// weight is how the live registers change with a node.
func (s *scheduler) weight(k int32) int {
	o := &s.ops[s.first+int(k)]
	n := 0
	for _, r := range o.makes {
		n += int(s.width[r])
	}
	for _, r := range o.uses {
		if s.remaining[r] == 1 && !s.out.has(r) {
			n -= int(s.width[r])
		}
	}
	return n
}

// issue brings the count of live registers up to date.
func (s *scheduler) issue(o *op) {
	for _, r := range o.uses {
		if s.remaining[r]--; s.remaining[r] == 0 && !s.out.has(r) {
			s.live -= int(s.width[r])
		}
	}
	for _, r := range o.makes {
		if s.remaining[r] > 0 || s.out.has(r) {
			s.live += int(s.width[r])
		}
	}
}
