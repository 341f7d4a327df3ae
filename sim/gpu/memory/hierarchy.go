package memory

import "math/bits"

// Config is what the hierarchy costs, in SM clock cycles and bytes.
type Config struct {
	Partitions int // of L2: 1 or 2
	Slices     int // of a partition
	L2Bytes    int
	L2Latency  int64   // hit in the near partition, from the SM and back
	Far        int64   // hit in the other partition
	L2Rate     float64 // bytes a cycle, all slices
	Channels   int     // of HBM
	Latency    int64   // of HBM, from the SM and back
	Rate       float64 // HBM bytes a cycle, as achieved by reads
	Turn       int64   // cycles that a channel loses when it turns from reads to writes and back
	Batch      int     // sectors that a channel writes between turns
	Backlog    int64   // cycles of work at a channel before writers must wait
}

const (
	lineBits = 7
	// LineLen and SectorLen are bytes; a sector is what crosses the network.
	LineLen   = 1 << lineBits
	SectorLen = 32
	ways      = 16
	unit      = 1 << 16 // lanes count in fractions of a cycle
)

// Kind is what a request does.
type Kind uint8

// Kinds of requests.
const (
	Read Kind = iota
	Write
	Atomic
)

// Request is an access to sectors of one line.
type Request struct {
	At      int64  // cycle at which it leaves the SM
	Addr    uint64 // physical
	Done    int64  // cycle at which data are at the SM, or a write has been taken
	Sectors uint8  // mask of four
	Kind    Kind
	Side    uint8 // partition that the SM is near to
	Turns   uint8 // of atomics: operations on the word most wanted
}

type line struct {
	tag     uint64
	stamp   uint32
	valid   uint8 // sectors
	dirty   uint8
	spilled bool // it came from the other partition
}

type partition struct {
	lines  []line
	slices []int64 // when each is free, in 1/unit cycles
	clock  uint32
}

type channel struct {
	free   int64 // in 1/unit cycles
	writes int   // sectors that wait to be written
	reads  bool  // since it last wrote
}

// Hierarchy is L2 and HBM.
type Hierarchy struct {
	cfg      Config
	sets     uint64
	parts    []partition
	channels []channel
	l2Per    int64 // 1/unit cycles a sector at a slice
	dramPer  int64 // at a channel

	Counters
}

// Counters are of sectors: found in L2 (FarHits of them in the other partition), fetched from HBM,
// written back. Fresh are lines for which there was an empty place in L2: while it fills, nothing
// is written back.
type Counters struct {
	Hits, FarHits, Misses, Writebacks uint64
	Fresh                             uint64
}

// Since is what was counted after some moment.
func (c Counters) Since(then Counters) Counters {
	return Counters{c.Hits - then.Hits, c.FarHits - then.FarHits, c.Misses - then.Misses,
		c.Writebacks - then.Writebacks, c.Fresh - then.Fresh}
}

// New makes an empty hierarchy.
func New(c Config) *Hierarchy {
	c.Partitions, c.Slices = max(c.Partitions, 1), max(c.Slices, 1)
	c.Channels, c.Batch = max(c.Channels, 1), max(c.Batch, 1)
	h := &Hierarchy{cfg: c, sets: uint64(max(1, c.L2Bytes/LineLen/ways/c.Partitions))}
	for range c.Partitions {
		h.parts = append(h.parts, partition{lines: make([]line, h.sets*ways),
			slices: make([]int64, c.Slices)})
	}
	h.channels = make([]channel, c.Channels)
	h.l2Per = int64(float64(SectorLen*unit*c.Slices*c.Partitions) / c.L2Rate)
	h.dramPer = int64(float64(SectorLen*unit*c.Channels) / c.Rate)
	return h
}

// hash spreads lines over sets, slices and channels, so that no stride collides. The hardware's
// own function is not published.
func hash(tag uint64) uint64 {
	x := tag * 0x9e3779b97f4a7c15
	return x ^ x>>29
}

// spread deals consecutive numbers out to n places in turn, each round of n from another start: a
// stream uses all places alike, and no stride keeps to one.
func spread(x uint64, n int) int {
	round := x / uint64(n)
	start, _ := bits.Mul64(hash(round), uint64(n))
	k := x - round*uint64(n) + start
	if k >= uint64(n) {
		k -= uint64(n)
	}
	return int(k)
}

// set is where a tag may lie. Multiplication instead of a division takes the place of a modulus.
func (h *Hierarchy) set(tag uint64) uint64 {
	hi, _ := bits.Mul64(hash(tag)<<7, h.sets)
	return hi * ways
}

func (p *partition) find(set, tag uint64) *line {
	lines := p.lines[set : set+ways]
	for i := range lines {
		if lines[i].tag == tag && lines[i].valid != 0 {
			return &lines[i]
		}
	}
	return nil
}

// victim is the line to replace: an empty one, or the oldest of five taken at random. Latencies of
// sets a little larger than a level are between those of the oldest and of any (gpu-benches).
func (p *partition) victim(set uint64) *line {
	lines := p.lines[set : set+ways]
	for i := range lines {
		if lines[i].valid == 0 {
			return &lines[i]
		}
	}
	x := hash(uint64(p.clock))
	best := &lines[x&(ways-1)]
	for range 4 {
		x >>= 4
		if l := &lines[x&(ways-1)]; l.stamp < best.stamp {
			best = l
		}
	}
	return best
}

func (p *partition) touch(l *line) {
	p.clock++
	l.stamp = p.clock
}

// Serve decides when a request is answered. Requests should come in the order of At.
func (h *Hierarchy) Serve(r *Request) {
	side := int(r.Side) % len(h.parts)
	p := &h.parts[side]
	tag := r.Addr >> lineBits
	set := h.set(tag)
	n := int64(bits.OnesCount8(r.Sectors))
	work := n * h.l2Per
	if r.Kind == Atomic {
		work = max(work, int64(r.Turns)*unit)
	}
	at := h.reserve(p, tag, r.At*unit, work)
	r.Done = (at+unit-1)/unit + h.cfg.L2Latency

	l := p.find(set, tag)
	if l == nil {
		var taken int64
		l, taken = h.allocate(side, set, tag, at)
		r.Done = max(r.Done, taken)
	}
	p.touch(l)
	missing := r.Sectors &^ l.valid
	if r.Kind != Read {
		h.own(side, set, tag, r.Sectors)
		l.dirty |= r.Sectors
	}
	if r.Kind == Write {
		missing = 0 // whole sectors or byte masks: nothing is fetched
	}
	h.Hits += uint64(n - int64(bits.OnesCount8(missing)))
	if missing != 0 {
		missing = h.far(side, set, tag, missing, at, r)
	}
	if missing != 0 {
		h.fetch(tag, missing, at, r)
	}
	l.valid |= r.Sectors
}

// reserve takes a slice's time from at on, both in 1/unit cycles, and returns when it begins:
// latencies hold the service of one request.
func (h *Hierarchy) reserve(p *partition, tag uint64, at, work int64) int64 {
	free := &p.slices[spread(tag, len(p.slices))]
	at = max(*free, at)
	*free = at + work
	return at
}

// far looks for sectors in the other partition; it returns those that are not there either.
func (h *Hierarchy) far(side int, set, tag uint64, missing uint8, at int64, r *Request) uint8 {
	if len(h.parts) == 1 {
		return missing
	}
	q := &h.parts[1-side]
	l := q.find(set, tag)
	if l == nil || l.valid&missing == 0 {
		return missing
	}
	found := l.valid & missing
	n := int64(bits.OnesCount8(found))
	done := h.reserve(q, tag, at, n*h.l2Per)
	r.Done = max(r.Done, done/unit+h.cfg.Far)
	h.Hits += uint64(n)
	h.FarHits += uint64(n)
	if l.spilled { // it moves back
		own := h.parts[side].find(set, tag)
		if own != nil {
			own.valid |= l.valid
			own.dirty |= l.dirty
		}
		*l = line{}
	}
	return missing &^ found
}

// own takes written sectors away from the other partition.
func (h *Hierarchy) own(side int, set, tag uint64, sectors uint8) {
	if len(h.parts) == 1 {
		return
	}
	if l := h.parts[1-side].find(set, tag); l != nil {
		l.valid &^= sectors
		l.dirty &^= sectors
	}
}

// fetch reads sectors from HBM.
func (h *Hierarchy) fetch(tag uint64, sectors uint8, at int64, r *Request) {
	m := int64(bits.OnesCount8(sectors))
	c := h.channel(tag)
	at = max(c.free, at)
	c.free = at + m*h.dramPer
	c.reads = true
	r.Done = max(r.Done, (at+unit-1)/unit+h.cfg.Latency)
	h.Misses += uint64(m)
}

func (h *Hierarchy) channel(tag uint64) *channel {
	return &h.channels[spread(tag>>1, len(h.channels))] // 256 bytes stay together
}

// allocate makes room for tag in a partition. The line that goes moves to the other partition, or
// back to HBM; taken is when the channel has room for it.
func (h *Hierarchy) allocate(side int, set, tag uint64, at int64) (l *line, taken int64) {
	l = h.parts[side].victim(set)
	if l.valid != 0 {
		taken = h.evict(side, set, *l, at)
	} else {
		h.Fresh++
	}
	*l = line{tag: tag}
	return l, taken
}

func (h *Hierarchy) evict(side int, set uint64, old line, at int64) int64 {
	if len(h.parts) == 1 || old.spilled {
		return h.writeBack(&old, at)
	}
	q := &h.parts[1-side]
	if l := q.find(set, old.tag); l != nil {
		l.valid |= old.valid
		l.dirty |= old.dirty
		return 0
	}
	l := q.spare(set)
	if l == nil {
		return h.writeBack(&old, at)
	}
	taken := h.writeBack(l, at)
	*l = old
	l.spilled = true
	q.touch(l)
	return taken
}

// spare is a line for what the other partition has evicted: an empty one, or any of those that came
// so: the latencies of sets a little larger than L2 show no strict order (gpu-benches).
func (p *partition) spare(set uint64) *line {
	lines := p.lines[set : set+ways]
	from := int(hash(uint64(p.clock)) >> 60)
	var found *line
	for i := range lines {
		l := &lines[(from+i)%ways]
		if l.valid == 0 {
			return l
		}
		if l.spilled && found == nil {
			found = l
		}
	}
	return found
}

// writeBack sends dirty sectors to HBM. Channels write in batches, because turning costs.
func (h *Hierarchy) writeBack(l *line, at int64) (taken int64) {
	m := bits.OnesCount8(l.dirty)
	if m == 0 || l.valid == 0 {
		return 0
	}
	h.Writebacks += uint64(m)
	c := h.channel(l.tag)
	if c.writes += m; c.writes >= h.cfg.Batch {
		c.free = max(c.free, at) + int64(c.writes)*h.dramPer
		if c.reads {
			c.free += h.cfg.Turn * unit
		}
		c.writes, c.reads = 0, false
	}
	return c.free/unit - h.cfg.Backlog
}

// Warm lets L2 hold a line at its time, as if it had been used: read, or written and not yet
// written back.
func (h *Hierarchy) Warm(addr uint64, dirty bool) {
	r := Request{Addr: addr, Sectors: 1<<(LineLen/SectorLen) - 1}
	if dirty {
		r.Kind = Write
	}
	h.Serve(&r)
}

// Holds reports whether L2 has all sectors of the line at addr, and whether they are to be written
// back.
func (h *Hierarchy) Holds(addr uint64) (held, dirty bool) {
	tag := addr >> lineBits
	set := h.set(tag)
	var valid, changed uint8
	for i := range h.parts {
		if l := h.parts[i].find(set, tag); l != nil {
			valid, changed = valid|l.valid, changed|l.dirty
		}
	}
	const all = 1<<(LineLen/SectorLen) - 1
	return valid == all, changed != 0
}

// Deposit marks bytes as written into L2 by a device: DMA through the BAR lands there.
func (h *Hierarchy) Deposit(now int64, addr, n uint64) {
	for at := addr &^ (LineLen - 1); at < addr+n; at += LineLen {
		tag := at >> lineBits
		set := h.set(tag)
		side := int(hash(tag)>>7) & (len(h.parts) - 1)
		p := &h.parts[side]
		l := p.find(set, tag)
		if l == nil {
			l, _ = h.allocate(side, set, tag, now*unit)
		}
		p.touch(l)
		for s := range uint64(LineLen / SectorLen) {
			if lo := at + s*SectorLen; lo+SectorLen > addr && lo < addr+n {
				l.valid |= 1 << s
				l.dirty |= 1 << s
				h.own(side, set, tag, 1<<s)
			}
		}
	}
}
