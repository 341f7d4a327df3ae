package sm

import (
	"tensoros/sim/gpu/lower"
	"tensoros/sim/gpu/memory"
)

// groups are the groups of asynchronous work of one kind that a warp has begun, in order.
type groups struct {
	list []asyncGroup
	base uint32 // number of the first
}

type asyncGroup struct {
	done      int64 // when its work ends, as far as that is known
	read      int64 // when its sources have been read
	pending   int32 // parts whose end is not known
	committed bool
}

func (g *groups) reset() { g.base, g.list = g.base+uint32(len(g.list)), g.list[:0] }

// open is the number of the group that takes work now.
func (g *groups) open() uint32 {
	n := len(g.list)
	if n == 0 || g.list[n-1].committed {
		g.list = append(g.list, asyncGroup{})
		n++
	}
	return g.base + uint32(n-1)
}

// at is a group by number; nil if it has been forgotten.
func (g *groups) at(id uint32) *asyncGroup {
	if i := id - g.base; i < uint32(len(g.list)) {
		return &g.list[i]
	}
	return nil
}

func (g *groups) hold(id uint32) {
	if a := g.at(id); a != nil {
		a.pending++
	}
}

func (g *groups) answer(id uint32, at int64) {
	if a := g.at(id); a != nil {
		a.pending--
		a.done = max(a.done, at)
	}
}

func (g *groups) raise(id uint32, at int64) {
	if a := g.at(id); a != nil {
		a.done = max(a.done, at)
	}
}

// join adds work that ends at a known time to the open group.
func (g *groups) join(at int64) { g.raise(g.open(), at) }

// commit ends the open group.
func (g *groups) commit() { g.at(g.open()).committed = true }

// ready is when all but the latest n committed groups have ended, far if that is not known; groups
// that have ended are forgotten. With n of 0 the open group counts too.
func (g *groups) ready(n int, read bool) int64 {
	k := len(g.list)
	if k > 0 && !g.list[k-1].committed && n > 0 {
		k--
	}
	if k -= n; k <= 0 {
		return 0
	}
	var at int64
	for i := range k {
		a := &g.list[i]
		switch {
		case read:
			at = max(at, a.read)
		case a.pending > 0:
			return far
		default:
			at = max(at, a.done)
		}
	}
	if !read {
		g.list = append(g.list[:0], g.list[k:]...)
		g.base += uint32(k)
	}
	return at
}

// arrival is a transfer on its way.
type arrival struct {
	at  int64
	cta *CTA
	of  int // the CTA's index: its room may have been given to another
	w   *Warp
	transfer
}

// flight is a bulk transfer whose requests are under way.
type flight struct {
	arrival
	pending int32
	group   uint32
	used    bool
	lag     int64     // until its tensor map is there
	others  []arrival // of a multicast: they come at the same time
}

func (f *flight) arrived(at int64) {
	f.pending--
	f.at = max(f.at, at)
}

// send gives the transfers that the last instruction began their time.
func (c *Core) send(w *Warp, t int64) {
	last := -1
	for i := range w.transfers {
		x := &w.transfers[i]
		a := arrival{t + 1, w.cta, w.cta.index, w, *x}
		switch {
		case x.wait:
			c.lagging = append(c.lagging, a)
		case x.bytes > 0 || len(x.pieces) > 0:
			last = c.bulk(a, t)
			c.flights[last].lag = c.mapped(x.from, t)
		case x.again && last >= 0: // none if the box lies beyond the tensor: nothing is read
			c.flights[last].others = append(c.flights[last].others, a)
		case x.write:
			c.mapped(x.from, t) // a prefetch, or an empty box
		default:
			last = -1
			a.at = t + c.grid.cfg.Remote
			c.expect(a)
		}
	}
	w.transfers = w.transfers[:0]
	if len(c.lagging) > 0 {
		c.lag()
	}
}

// mapUse is a tensor map that an SM has read.
type mapUse struct {
	addr  uint64
	ready int64
}

// mapped is how long a copy waits for its tensor map: the first of an SM fetches it.
func (c *Core) mapped(addr uint64, t int64) int64 {
	if addr == 0 {
		return 0
	}
	for _, m := range c.maps {
		if m.addr == addr {
			return max(m.ready-t, 0)
		}
	}
	c.maps = append(c.maps, mapUse{addr, t + c.grid.cfg.MapLag})
	return c.grid.cfg.MapLag
}

// lag lets the arrivals that wait for their warp's earlier copies go when those have ended.
func (c *Core) lag() {
	kept := c.lagging[:0]
	for _, a := range c.lagging {
		at := a.at
		for i := range a.w.groups[copyQueue].list {
			g := &a.w.groups[copyQueue].list[i]
			if g.pending > 0 {
				at = far
				break
			}
			at = max(at, g.done)
		}
		if at == far {
			kept = append(kept, a)
			continue
		}
		a.at = at
		c.expect(a)
	}
	c.lagging = kept
}

// bulk sends a bulk copy through the copy engine, a request a line.
func (c *Core) bulk(a arrival, t int64) int {
	start := max(t, c.tma)
	c.tma = start + c.grid.cfg.BulkIssue
	f := c.flight()
	fl := &c.flights[f]
	*fl = flight{arrival: a, used: true, others: fl.others[:0]}
	fl.at = start
	wait := waiter{kind: onFlight, index: int32(f)}
	kind := memory.Read
	if a.write {
		kind = memory.Write
		q := &a.w.groups[bulkQueue]
		fl.group = q.open()
		q.hold(fl.group)
	}
	n := int64(0)
	for _, p := range a.spans() {
		end := p.addr + uint64(p.bytes)
		for at := p.addr &^ (memory.LineLen - 1); at < end; at += memory.LineLen {
			lo, hi := max(at, p.addr), min(at+memory.LineLen, end)
			l := lineAccess{addr: at, sectors: sectorMask(lo-at, hi-at)}
			c.ask(l, start+n, kind, true, wait)
			fl.pending++
			n++
		}
	}
	if a.write {
		g := a.w.groups[bulkQueue].at(fl.group)
		g.read = max(g.read, c.lsu.port/fine+c.grid.cfg.Latency[lower.Memory])
	}
	if n == 0 {
		fl.at += int64(float64(a.bytes) / c.grid.cfg.CopyRate)
		c.tma = max(c.tma, fl.at)
		c.depart()
	}
	return f
}

// sectorMask is the sectors of a line that bytes lo to hi-1 touch.
func sectorMask(lo, hi uint64) (m uint8) {
	for s := lo / memory.SectorLen; s*memory.SectorLen < hi; s++ {
		m |= 1 << s
	}
	return m
}

// flight is a free place among the flights.
func (c *Core) flight() int {
	for i := range c.flights {
		if !c.flights[i].used {
			return i
		}
	}
	c.flights = append(c.flights, flight{})
	return len(c.flights) - 1
}

// depart turns flights whose requests are all answered into arrivals.
func (c *Core) depart() {
	for i := range c.flights {
		f := &c.flights[i]
		if !f.used || f.pending > 0 {
			continue
		}
		f.used = false
		f.at += c.grid.cfg.BulkLag + f.lag
		if len(f.others) > 0 {
			f.at += c.grid.cfg.CastLag
		}
		if f.write {
			f.w.groups[bulkQueue].answer(f.group, f.at)
			f.w.dirty = true
			continue
		}
		c.expect(f.arrival)
		for _, a := range f.others {
			a.at = f.at
			c.expect(a)
		}
	}
	if len(c.lagging) > 0 {
		c.lag()
	}
}

// expect puts an arrival in its place in time.
func (c *Core) expect(a arrival) {
	i := len(c.due)
	c.due = append(c.due, a)
	for ; i > 0 && c.due[i-1].at > a.at; i-- {
		c.due[i] = c.due[i-1]
	}
	c.due[i] = a
	c.next = min(c.next, a.at)
}

// land applies the transfer that is due first.
func (c *Core) land() {
	a := c.due[0]
	c.due = c.due[:copy(c.due, c.due[1:])]
	if a.cta.index != a.of || a.cta.cluster.gone() {
		return
	}
	c.now = max(c.now, a.at)
	a.cta.land(a.w, &a.transfer)
	for _, peer := range a.cta.cluster.ctas {
		if len(peer.freed) > 0 {
			c.unblock(peer, a.at, false)
		}
	}
}

// gone reports whether all CTAs of the cluster have ended.
func (k *cluster) gone() bool {
	for _, c := range k.ctas {
		if c.running > 0 {
			return false
		}
	}
	return true
}
