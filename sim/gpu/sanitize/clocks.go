package sanitize

import (
	"fmt"

	"tensoros/hw/ptx"
	"tensoros/sim/gpu/sm"
)

// clock is a vector clock: how much of each agent's past somebody knows.
type clock []uint32

func (c clock) join(d clock) {
	for i, v := range d {
		c[i] = max(c[i], v)
	}
}

// key names what synchronises: a barrier, an mbarrier, the cluster's barrier, an atomic's place.
type key struct {
	kind  byte
	owner int
	addr  uint64
}

// epoch is a moment of an agent. The zero value is none.
type epoch struct {
	agent int32
	time  uint32
	line  int32
	rmw   bool // an atomic operation
}

// cell is the history of a byte of shared memory: the last write, and the last reads of two agents.
type cell struct {
	write epoch
	reads [2]epoch
	made  bool // somebody has written it
}

// world is a cluster of CTAs as the checker sees it. Agents are its warps, then what copies for
// each of them by cp.async, and last the async proxy.
type world struct {
	warps  int // of a CTA
	shared [][]cell
	know   []clock
	fenced []clock    // what an agent knew at its last proxy fence
	groups [][]uint32 // of cp.async, by warp: when they were committed, by the copier's clock
	sync   map[key]clock
}

// place takes a CTA of a cluster; the first one begins a new world.
func (w *world) place(e *sm.Event) {
	if e.Rank == 0 {
		*w = world{warps: e.Warps, sync: map[key]clock{}}
	}
	w.shared = append(w.shared, make([]cell, e.Size))
	w.groups = make([][]uint32, len(w.shared)*e.Warps)
	n := 2*len(w.groups) + 1
	w.know, w.fenced = make([]clock, n), make([]clock, n)
	for i := range n {
		w.know[i], w.fenced[i] = make(clock, n), make(clock, n)
		w.know[i][i] = 1
	}
}

func (w *world) agent(e *sm.Event) int { return e.Rank*w.warps + e.Warp }
func (w *world) proxy() int            { return len(w.know) - 1 }
func (w *world) copier(a int) int      { return len(w.groups) + a }

// owner is the warp that an agent is or copies for.
func (w *world) owner(a int) int {
	if a >= len(w.groups) && a != w.proxy() {
		return a - len(w.groups)
	}
	return a
}

// commit ends a group of copies; wait is for all groups but the last n, or with -1 for all copies.
func (w *world) commit(a int) {
	c := w.copier(a)
	w.groups[a] = append(w.groups[a], w.know[c][c])
	w.know[c][c]++
}

func (w *world) wait(a, n int) {
	c := w.copier(a)
	if n < 0 {
		w.know[a][c] = w.know[c][c]
		w.know[c][c]++
		return
	}
	if k := len(w.groups[a]) - n; k > 0 {
		w.know[a][c] = max(w.know[a][c], w.groups[a][k-1])
	}
}

func (w *world) at(k key) clock {
	c := w.sync[k]
	if c == nil {
		c = make(clock, len(w.know))
		w.sync[k] = c
	}
	return c
}

// release hands on what an agent knows; acquire takes it.
func (w *world) release(a int, k key) {
	w.at(k).join(w.know[a])
	w.know[a][a]++
}

func (w *world) acquire(a int, k key) { w.know[a].join(w.at(k)) }

// meet is both, as atomics do.
func (w *world) meet(a int, k key) {
	w.acquire(a, k)
	w.release(a, k)
}

// land is the end of an asynchronous operation that agent a began, told to an mbarrier.
func (w *world) land(a int, k key) {
	p := w.proxy()
	w.know[p].join(w.know[a])
	w.at(k).join(w.know[p])
	w.know[p][p]++
	w.know[a][a]++
}

// drained is an agent that has waited for its asynchronous operations.
func (w *world) drained(a int) {
	p := w.proxy()
	w.know[a][p] = w.know[p][p]
	w.know[p][p]++
}

// fence lets the async proxy see what the agent wrote or knows.
func (w *world) fence(a int) {
	copy(w.fenced[a], w.know[a])
	w.know[a][a]++
}

// before reports whether an epoch is in the past of agent a.
func (w *world) before(x epoch, a int) bool { return x.time <= w.know[a][x.agent] }

// conflict is an access that is not ordered with one at now; the zero value if there is none.
func (w *world) conflict(c *cell, a int, now epoch, write bool) epoch {
	other := func(x epoch) bool {
		return x.time > 0 && x.agent != now.agent && !w.before(x, a) && !(x.rmw && now.rmw)
	}
	if other(c.write) {
		return c.write
	}
	for _, r := range c.reads {
		if write && other(r) {
			return r
		}
	}
	return epoch{}
}

// note records an access.
func (c *cell) note(now epoch, write bool) {
	if write {
		c.write, c.made, c.reads = now, true, [2]epoch{}
		return
	}
	if c.reads[0].agent != now.agent && c.reads[0].time > 0 {
		c.reads[1] = c.reads[0]
	}
	c.reads[0] = now
}

func (c *Checker) sharedAccess(e *sm.Event) {
	w := &c.world
	a := w.agent(e)
	cells := w.shared[e.Owner]
	if e.Addr+uint64(e.Size) > uint64(len(cells)) {
		return // it has failed
	}
	if e.Atomic {
		w.meet(a, key{kind: 's', owner: e.Owner, addr: e.Addr})
	}
	now := epoch{int32(a), w.know[a][a], int32(e.Line), e.Atomic}
	as := a
	switch {
	case e.Async:
		as = w.proxy()
	case e.Op == ptx.OpCpAsync:
		as = w.copier(a)
	}
	now.agent, now.time = int32(as), w.know[as][as]
	told := false
	for i := range cells[e.Addr:][:e.Size] {
		x := &cells[e.Addr+uint64(i)]
		if !told {
			told = c.judge(e, x, a, now, e.Addr+uint64(i))
		}
		x.note(now, e.Write)
		if !e.Write || e.Atomic {
			x.made = true // one finding is enough
		}
	}
}

// judge reports what is wrong with an access to a byte.
func (c *Checker) judge(e *sm.Event, x *cell, a int, now epoch, addr uint64) bool {
	w := &c.world
	if !x.made && (!e.Write || e.Atomic) {
		c.report(Uninitialised, e, 0, "%s of shared memory at %#x: nobody has written there", verb(e),
			addr)
		return true
	}
	if o := w.conflict(x, a, now, e.Write); o.time > 0 {
		kind := "a read"
		if o == x.write {
			kind = "a write"
		}
		c.report(Race, e, int(o.line), "%s of shared memory at %#x: nothing orders it with %s by %s "+
			"at PTX line %d", verb(e), addr, kind, w.name(o), o.line)
		return true
	}
	if g := x.write; e.Async && !e.Write && g.time > 0 && int(g.agent) != w.proxy() &&
		w.fenced[w.owner(int(g.agent))][g.agent] < g.time && w.fenced[a][g.agent] < g.time {
		c.report(ProxyFence, e, int(g.line), "%s of shared memory at %#x: no fence.proxy.async "+
			"since %s wrote it at PTX line %d", verb(e), addr, w.name(g), g.line)
		return true
	}
	return false
}

// name is an agent in words.
func (w *world) name(x epoch) string {
	if int(x.agent) == w.proxy() {
		return "an asynchronous operation"
	}
	a := w.owner(int(x.agent))
	name := fmt.Sprintf("warp %d", a%w.warps)
	if len(w.shared) > 1 {
		name += fmt.Sprintf(" of CTA rank %d", a/w.warps)
	}
	if a != int(x.agent) {
		return "cp.async of " + name
	}
	return name
}

var _ sm.Watcher = (*Checker)(nil)
