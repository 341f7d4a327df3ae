package sm

import "tensoros/sim/gpu/memory"

const l1Ways = 16

// l1Cache is the first-level data cache of an SM: tags only, sectors of 32 bytes.
type l1Cache struct {
	lines []l1Line
	sets  uint64
	clock uint32
}

type l1Line struct {
	tag     uint64
	ready   int64 // when the sector that came last is there
	request int32 // that is under way in this window; -1 for none
	index   int32
	stamp   uint32
	valid   uint8 // sectors there or asked for
}

// size makes an empty cache of so many bytes.
func (c *l1Cache) size(n int) {
	c.sets = uint64(max(n/memory.LineLen/l1Ways, 1))
	c.lines = make([]l1Line, c.sets*l1Ways)
	for i := range c.lines {
		c.lines[i] = l1Line{request: -1, index: int32(i)}
	}
}

// carveouts are the sizes that shared memory of an SM comes in (CUDA C++ Programming Guide, compute
// capabilities 8.0 and 9.0).
var carveouts = []int{0, 8 << 10, 16 << 10, 32 << 10, 64 << 10, 100 << 10, 132 << 10, 164 << 10,
	196 << 10, 228 << 10}

// l1Bytes is what is left for L1 of an SM whose CTAs take so much shared memory.
func (c *Config) l1Bytes(shared int) int {
	for _, n := range carveouts {
		if n >= shared {
			shared = n
			break
		}
	}
	return max(min(c.L1, c.Unified-shared), 4<<10)
}

// touch looks sectors of a line up and makes them the cache's; missing are those it has to fetch.
func (c *l1Cache) touch(addr uint64, sectors uint8) (l *l1Line, missing uint8) {
	tag := addr / memory.LineLen
	set := tag % c.sets * l1Ways
	lines := c.lines[set : set+l1Ways]
	c.clock++
	for i := range lines {
		k := &lines[i]
		if k.tag == tag && k.valid != 0 {
			missing = sectors &^ k.valid
			k.valid |= sectors
			k.stamp = c.clock
			return k, missing
		}
		if k.valid == 0 && l == nil {
			l = k
		}
	}
	if l == nil {
		l = c.victim(lines)
	}
	l.tag, l.valid, l.ready, l.request, l.stamp = tag, sectors, 0, -1, c.clock
	return l, sectors
}

// victim is the oldest of five lines taken at random, as in L2.
func (c *l1Cache) victim(lines []l1Line) *l1Line {
	x := uint64(c.clock) * 0x9e3779b97f4a7c15
	x ^= x >> 32
	best := &lines[x&(l1Ways-1)]
	for range 4 {
		x >>= 4
		if l := &lines[x&(l1Ways-1)]; l.stamp < best.stamp {
			best = l
		}
	}
	return best
}

// fill notes when a line that was asked for is there.
func (c *l1Cache) fill(index, request int32, at int64) {
	if l := &c.lines[index]; l.request == request {
		l.ready, l.request = max(l.ready, at), -1
	}
}

// rename follows a request whose number has changed.
func (c *l1Cache) rename(index, from, to int32) {
	if l := &c.lines[index]; l.request == from {
		l.request = to
	}
}
