package nvme

import "tensoros/sim"

// Extents is a Store that knows what of it was ever written.
type Extents interface {
	// Extents calls f for stretches, in order, that hold all that was written.
	Extents(f func(off, n uint64)) error
}

// adopt maps what the store holds already, as if it had been written in the order of blocks: the
// map itself does not survive power, contents do. A store that cannot tell is taken to be full.
func (c *Controller) adopt() error {
	e, ok := c.Store.(Extents)
	if !ok {
		c.fill(0, c.Store.Size())
		return nil
	}
	return e.Extents(c.fill)
}

// fill maps n bytes from at on, without time.
func (c *Controller) fill(at, n uint64) {
	c.fast(func() {
		for u := at >> unitShift; u < (at+n+unitBytes-1)>>unitShift; u++ {
			c.flash.put(u, unitBytes)
		}
	})
}

// fast runs f in the map alone: no time passes, no die is taken, nothing is counted.
func (c *Controller) fast(f func()) {
	if c.flash.filling > 0 {
		panic("nvme: the map is aged while writes are under way")
	}
	was, counts := c.dma.buffered, c.flash.ftl.FTLCounts
	c.aging = true
	f()
	c.flash.flush()
	c.aging, c.dma.buffered, c.flash.filling = false, was, 0
	counts.Retired = c.flash.ftl.Retired
	c.flash.ftl.FTLCounts = counts
}

// Age puts the map where a workload would have left it: bytes from 0 on are written once in order,
// then overwrites times as many units at random. No time passes and no contents change. It must not
// be called while writes are under way.
func (c *Controller) Age(bytes uint64, overwrites float64, seed uint64) {
	units := min((bytes+unitBytes-1)>>unitShift, c.flash.ftl.logical)
	if units == 0 {
		return
	}
	c.fill(0, units<<unitShift)
	chance := sim.NewRand(seed, "age")
	c.fast(func() {
		for range uint64(overwrites * float64(units)) {
			c.flash.put(chance.Uint64()%units, unitBytes)
		}
	})
}

// FTL is what the map has done in all lives that the state of the drive knows of; ageing is not
// counted.
func (c *Controller) FTL() FTLCounts { return c.flash.ftl.FTLCounts }

// Forget deallocates everything in the map; contents stay in the store. What was never written is
// read as fast.
func (c *Controller) Forget() { c.flash.ftl.trim(0, c.Store.Size()) }

// Small is a copy of a profile for a drive that is rows of erase blocks large in each die, with
// blocks of pages: few and small ones stand for many large ones. The blocks that a die keeps in
// hand, much of a small drive and nothing of a real one, are taken off the spare, and tERASE is
// scaled with the block. It also tells how much of the blocks that hold data the logical space is.
func (p Profile) Small(rows, pages, perMille int) (q *Profile, utilisation float64) {
	hand := keptBlocks - lowBlocks + max(1, rows/50)
	p.Erase = p.Erase * sim.Time(pages) / sim.Time(p.blockPages())
	p.BlockPages = pages
	p.Spare = max(1, perMille-hand*1000/rows)
	blocks := (rows*(1000+p.Spare)+999)/1000 + hand
	return &p, float64(rows) / float64(blocks)
}
