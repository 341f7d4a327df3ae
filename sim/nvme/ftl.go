package nvme

import (
	"slices"

	"tensoros/sim"
)

// The flash translation layer keeps where each 4 KiB of the logical space lies. It knows no time:
// flash.go charges what it reports. Contents are not its matter either: they lie in the Store, in
// the order of blocks, so that moving data is a matter of the map alone.

const (
	unitShift = 12 // the map's unit: 4 KiB
	unitBytes = 1 << unitShift
	mapShift  = 10 // units of a piece of the map, which is made when it is first written
	// mostUnits bounds a drive: a physical place is 32 bits.
	mostUnits = 1 << 31
)

// Blocks of a die beyond those that hold the logical space and the over-provisioning: one that the
// host fills, one that collection fills, and two to come [D].
const (
	keptBlocks = 4
	lowBlocks  = 2 // collection runs while no more than these are free
)

// eraseBlock is a block of a die: in every plane, erased together.
type eraseBlock struct {
	units  []uint32 // logical unit + 1 of each place, 0: nothing valid there; nil: erased
	valid  int
	fill   int // places handed out
	erases uint32
	bad    bool
}

// ftlDie is a die's blocks.
type ftlDie struct {
	blocks  []eraseBlock
	free    int    // erased blocks
	open    [2]int // the block that the host, and that collection, fills; -1: none
	victim  int    // the block being collected; -1: none
	scan    int    // how far
	credit  int    // places that the host took since the victim was chosen
	target  int    // valid units of the victim when it was chosen
	moved   int    // of them
	part    place  // the stripe that collection fills,
	used    int    // and how many of its units are taken
	valid   int    // units
	retired int
}

// Streams of data: what the host writes, and what collection moves.
const (
	hostStream = iota
	moveStream
)

// ftl is the map of a drive.
type ftl struct {
	perPage, perStripe, perBlock int // units
	dies                         []ftlDie
	table                        [][]uint32 // place + 1; 0: not mapped
	logical                      uint64     // units
	spares                       int        // blocks that may go bad before the drive warns
	endurance                    uint32
	rand                         *sim.Rand
	wearGap                      uint32 // of erase counts, beyond which cold data are moved
	FTLCounts
}

// FTLCounts are what the map has done, in units of 4 KiB and in blocks.
type FTLCounts struct {
	HostUnits, MovedUnits, Erases, Retired, Levelled uint64
}

// Amplification is units programmed by units that the host wrote.
func (n FTLCounts) Amplification() float64 {
	if n.HostUnits == 0 {
		return 0
	}
	return float64(n.HostUnits+n.MovedUnits) / float64(n.HostUnits)
}

func (t *ftl) init(p *Profile, size uint64, rand *sim.Rand) {
	t.perPage = p.Page / unitBytes
	t.perStripe = t.perPage * p.Planes
	t.perBlock = t.perStripe * p.blockPages()
	t.logical = (size + unitBytes - 1) / unitBytes
	t.table = make([][]uint32, (t.logical+1<<mapShift-1)>>mapShift)
	t.dies = make([]ftlDie, p.Channels*p.Dies)
	t.endurance, t.rand = p.Endurance, rand
	t.wearGap = max(64, p.Endurance/16) // [D]
	raw := t.logical * uint64(1000+p.spare()) / 1000
	each := uint64(t.perBlock * len(t.dies))
	n := int((raw + each - 1) / each)
	spare := max(1, n/50) // 2 % [D]
	t.spares = spare * len(t.dies)
	for i := range t.dies {
		d := &t.dies[i]
		d.blocks = make([]eraseBlock, n+spare+keptBlocks)
		d.free, d.open, d.victim = len(d.blocks), [2]int{-1, -1}, -1
		d.used = t.perStripe
	}
}

// place is where a unit lies.
type place struct{ die, block, index int }

func (t *ftl) lookup(unit uint64) (place, bool) {
	if m := t.table[unit>>mapShift]; m != nil {
		if v := m[unit&(1<<mapShift-1)]; v != 0 {
			return t.at(v - 1), true
		}
	}
	return place{}, false
}

func (t *ftl) at(v uint32) place {
	b, index := int(v)/t.perBlock, int(v)%t.perBlock
	n := len(t.dies[0].blocks)
	return place{b / n, b % n, index}
}

func (t *ftl) pack(p place) uint32 {
	return uint32((p.die*len(t.dies[0].blocks)+p.block)*t.perBlock + p.index)
}

// drop forgets a unit: it was written anew, or deallocated.
func (t *ftl) drop(unit uint64) bool {
	m := t.table[unit>>mapShift]
	if m == nil || m[unit&(1<<mapShift-1)] == 0 {
		return false
	}
	p := t.at(m[unit&(1<<mapShift-1)] - 1)
	m[unit&(1<<mapShift-1)] = 0
	d := &t.dies[p.die]
	b := &d.blocks[p.block]
	b.units[p.index] = 0
	b.valid--
	d.valid--
	return true
}

// trim deallocates the units that lie wholly in n bytes from at on.
func (t *ftl) trim(at, n uint64) {
	from, to := (at+unitBytes-1)>>unitShift, (at+n)>>unitShift
	if at+n >= t.logical<<unitShift {
		to = t.logical
	}
	for u := from; u < to; {
		if u&(1<<mapShift-1) == 0 && t.table[u>>mapShift] == nil {
			u += 1 << mapShift
			continue
		}
		t.drop(u)
		u++
	}
}

// set maps a unit to a place that take has given out.
func (t *ftl) set(unit uint64, p place) {
	t.drop(unit)
	m := t.table[unit>>mapShift]
	if m == nil {
		m = make([]uint32, 1<<mapShift)
		t.table[unit>>mapShift] = m
	}
	m[unit&(1<<mapShift-1)] = t.pack(p) + 1
	d := &t.dies[p.die]
	b := &d.blocks[p.block]
	b.units[p.index] = uint32(unit) + 1
	b.valid++
	d.valid++
}

// room reports whether a die can take a stripe from the host: collection can always make room
// for it, if need be.
func (t *ftl) room(die int) bool {
	d := &t.dies[die]
	if b := d.open[hostStream]; b >= 0 && d.blocks[b].fill < t.perBlock {
		return true
	}
	usable := len(d.blocks) - d.retired - keptBlocks + 1
	return d.free > lowBlocks || d.valid <= usable*t.perBlock-t.perStripe
}

// due reports whether collection must go on before the host's next stripe: in step with what the
// host takes, so that the victim is empty when as much has been taken as it gives.
func (t *ftl) due(die int) bool {
	d := &t.dies[die]
	if d.victim < 0 && (d.free > lowBlocks || !t.choose(die)) {
		return false
	}
	gain := max(t.perBlock-d.target, 1)
	return d.moved*gain < d.target*d.credit || d.credit >= gain || d.target == 0
}

// tight reports whether the host must wait for a whole block: one is always kept for collection.
func (t *ftl) tight(die int) bool {
	d := &t.dies[die]
	b := d.open[hostStream]
	return (b < 0 || d.blocks[b].fill == t.perBlock) && d.free < 2
}

// take gives out the next stripe of a die's block of a stream, opening a block if it must.
func (t *ftl) take(die, stream int) (place, bool) {
	d := &t.dies[die]
	b := d.open[stream]
	if b < 0 || d.blocks[b].fill == t.perBlock {
		if b = d.fresh(stream); b < 0 {
			return place{}, false
		}
		d.open[stream] = b
		d.blocks[b].units = make([]uint32, t.perBlock)
		d.free--
	}
	p := place{die, b, d.blocks[b].fill}
	d.blocks[b].fill += t.perStripe
	return p, true
}

// fresh is the erased block that the stream opens next: the least worn for the host; for what
// collection moves, which is colder, the most worn (dynamic wear levelling). -1: there is none.
func (d *ftlDie) fresh(stream int) int {
	best := -1
	for i := range d.blocks {
		b := &d.blocks[i]
		if b.units != nil || b.bad {
			continue
		}
		if best < 0 || stream == hostStream && b.erases < d.blocks[best].erases ||
			stream == moveStream && b.erases > d.blocks[best].erases {
			best = i
		}
	}
	return best
}

// choose picks the victim: the full block with the fewest valid units (greedy); or the least worn
// one, if the gap to the most worn has grown too wide (static wear levelling).
func (t *ftl) choose(die int) bool {
	d := &t.dies[die]
	best, least, most := -1, -1, uint32(0)
	for i := range d.blocks {
		b := &d.blocks[i]
		most = max(most, b.erases)
		if b.units == nil || i == d.open[hostStream] || i == d.open[moveStream] ||
			b.fill < t.perBlock {
			continue
		}
		if best < 0 || b.valid < d.blocks[best].valid {
			best = i
		}
		if least < 0 || b.erases < d.blocks[least].erases {
			least = i
		}
	}
	if best < 0 {
		return false
	}
	if d.free >= lowBlocks && most-d.blocks[least].erases > t.wearGap {
		best = least
		t.Levelled++
	} else if d.blocks[best].valid == t.perBlock {
		return false // nothing is gained
	}
	d.victim, d.scan, d.credit, d.moved, d.target = best, 0, 0, 0, d.blocks[best].valid
	return true
}

// erased ends the victim. A worn block may fail, and is not used again.
func (t *ftl) erased(die int) {
	d := &t.dies[die]
	b := &d.blocks[d.victim]
	d.victim = -1
	b.units, b.fill = nil, 0
	b.erases++
	t.Erases++
	if t.wornOut(b) {
		b.bad = true
		d.retired++
		t.Retired++
		return
	}
	d.free++
}

// wornOut draws whether a block fails: never before its rated cycles, then with a chance that
// grows by a hundredth each tenth of them [D].
func (t *ftl) wornOut(b *eraseBlock) bool {
	if t.endurance == 0 || b.erases <= t.endurance {
		return false
	}
	chance := float64(b.erases-t.endurance) / float64(t.endurance) / 10
	return t.rand.Float64() < chance
}

// moving is what collection has moved at once: how many units, and from how many pages. full: a
// stripe is complete and is programmed; what is short of one waits for the next victim.
type moving struct {
	units, pages int
	full         bool
}

// collect moves valid units of the victim until a stripe is full. done: nothing is left to move.
func (t *ftl) collect(die int) (m moving, done bool) {
	d := &t.dies[die]
	v := &d.blocks[d.victim]
	page := -1
	for ; d.scan < t.perBlock && v.valid > 0; d.scan++ {
		u := v.units[d.scan]
		if u == 0 {
			continue
		}
		if m.full {
			return m, false
		}
		if d.used == t.perStripe {
			p, ok := t.take(die, moveStream)
			if !ok {
				return m, false
			}
			d.part, d.used = p, 0
		}
		if d.scan/t.perPage != page {
			page = d.scan / t.perPage
			m.pages++
		}
		p := d.part
		p.index += d.used
		t.set(uint64(u-1), p)
		m.units++
		d.used++
		m.full = d.used == t.perStripe
		d.moved++
		t.MovedUnits++
	}
	return m, true
}

// wear is the mean and the most erases of a block.
func (t *ftl) wear() (mean float64, most uint32) {
	sum, n := 0.0, 0
	for i := range t.dies {
		for _, b := range t.dies[i].blocks {
			sum += float64(b.erases)
			most = max(most, b.erases)
			n++
		}
	}
	return sum / float64(n), most
}

// erases lists the erase counts by die and block, all zero as nil: what survives power.
func (t *ftl) erases() []uint32 {
	var list []uint32
	for i := range t.dies {
		for _, b := range t.dies[i].blocks {
			n := b.erases << 1
			if b.bad {
				n |= 1
			}
			list = append(list, n)
		}
	}
	if !slices.ContainsFunc(list, func(n uint32) bool { return n != 0 }) {
		return nil
	}
	return list
}

// restore takes what erases has listed; a list of another geometry is left.
func (t *ftl) restore(list []uint32) {
	if len(list) != len(t.dies)*len(t.dies[0].blocks) {
		return
	}
	for i := range t.dies {
		d := &t.dies[i]
		for j := range d.blocks {
			n := list[0]
			list = list[1:]
			d.blocks[j].erases = n >> 1
			if n&1 == 1 && d.free > keptBlocks {
				d.blocks[j].bad = true
				d.retired++
				d.free--
				t.Retired++
			}
		}
	}
}
