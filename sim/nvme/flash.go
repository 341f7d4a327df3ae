package nvme

import (
	"fmt"

	"tensoros/sim"
	"tensoros/traces"
)

// flash is when: dies that sense, program and erase, channels that move. Where is the map's matter
// (ftl.go). What the host writes is dealt by pages to the open stripes of as many dies as there are
// channels, so that what lies together is read over all channels.
type flash struct {
	ctl      *Controller
	ftl      ftl
	planes   []sim.Lane // by die, then plane; a die whose planes sense together has one
	perDie   int
	channels []sim.Lane
	last     *op        // sensed last, if nothing has been scheduled since
	next     int        // die of the append point
	open     []stripe   // being filled
	most     int        // stripes open at once
	group    int        // stripes of this round
	stripes  uint64     // opened so far
	opened   []int16    // by die: its open stripe; -1: none
	dealt    int        // units in the open stripes
	filling  int        // bytes of the write buffer that they hold
	flying   [][]stripe // by die: stripes whose program may not be over
	latest   sim.Time   // when the last program ends
	worn     bool       // no die had room: blocks have gone bad
	retries  *sim.Rand
	dieTrk   []traces.Track
	chanTrk  []traces.Track
}

// stripe is a page in every plane of a die.
type stripe struct {
	place
	id    uint64
	bytes int // of the write buffer
	units int
	end   sim.Time
}

// op is the read of a page, or part of one, for a command.
type op struct {
	index    uint32
	cmd      *command
	next     *op // sensed in the same event
	off, n   int // of the command's transfer
	die      int
	channel  int
	asked    sim.Time
	sensedAt sim.Time
	chunk    int      // bytes on the channel,
	queued   sim.Time // since when they were due,
	start    sim.Time // and when they got it
	lost     bool     // no retry could read it
}

func (f *flash) init(c *Controller) {
	p := c.Profile
	f.ctl, f.perDie = c, 1
	if p.PlaneReads {
		f.perDie = p.Planes
	}
	f.planes = make([]sim.Lane, p.Channels*p.Dies*f.perDie)
	f.channels = make([]sim.Lane, p.Channels)
	f.retries = sim.NewRand(0, c.fn.Path()+"/retry")
	f.ftl.init(p, c.Store.Size(), sim.NewRand(0, c.fn.Path()+"/wear"))
	f.most = min(p.Channels, max(1, p.WriteBuffer/(2*p.stripe())))
	f.group = f.most
	f.opened = make([]int16, p.Channels*p.Dies)
	f.flying = make([][]stripe, p.Channels*p.Dies)
	for ch := range p.Channels {
		f.chanTrk = append(f.chanTrk, c.rec.Track(fmt.Sprintf("%s/ch%d", c.fn.Path(), ch)))
	}
	for die := range p.Channels * p.Dies {
		f.opened[die] = -1
		path := fmt.Sprintf("%s/ch%d/die%d", c.fn.Path(), die%p.Channels, die/p.Channels)
		f.dieTrk = append(f.dieTrk, c.rec.Track(path))
	}
}

// read starts the senses of every page that a command touches. What is not mapped, or is still in
// the write buffer, goes to the link at once.
func (f *flash) read(cmd *command) {
	c := f.ctl
	now, total, at := c.eng.Now(), cmd.bytes, cmd.at
	for off := 0; off < total; {
		pos := at + uint64(off)
		n := min(total-off, int(unitBytes-pos&(unitBytes-1)))
		p, ok := f.ftl.lookup(pos >> unitShift)
		if !ok || f.buffered(p, now) {
			for n < min(total-off, c.Profile.ChannelChunk) {
				q, ok := f.ftl.lookup((pos + uint64(n)) >> unitShift)
				if ok && !f.buffered(q, now) {
					break
				}
				n += min(total-off-n, unitBytes)
			}
			f.last = nil
			s := c.dma.chunk(cmd, off, n)
			off += n
			c.dma.send(s)
			continue
		}
		first, base := p, p.index/f.ftl.perPage
		for n < total-off {
			q, ok := f.ftl.lookup((pos + uint64(n)) >> unitShift)
			if !ok || q.die != p.die || q.block != p.block || q.index != p.index+1 ||
				q.index/f.ftl.perPage != base {
				break
			}
			p = q
			n += min(total-off-n, unitBytes)
		}
		f.sense(cmd, first, off, n)
		off += n
	}
}

// buffered reports whether a place's data are still in the write buffer: their stripe is open, or
// its program is not over.
func (f *flash) buffered(p place, now sim.Time) bool {
	if j := f.opened[p.die]; j >= 0 && f.open[j].holds(p, f.ftl.perStripe) {
		return true
	}
	list := f.flying[p.die]
	for i := range list {
		if list[i].end > now && list[i].holds(p, f.ftl.perStripe) {
			return true
		}
	}
	return false
}

func (s *stripe) holds(p place, n int) bool {
	return s.block == p.block && uint(p.index-s.index) < uint(n)
}

// lane is the lane of a place's plane, and its page within the block.
func (f *flash) lane(p place) (lane, page int) {
	page = p.index / f.ftl.perPage
	lane = p.die * f.perDie
	if f.perDie > 1 {
		lane += page % f.perDie
	}
	return lane, page / f.ctl.Profile.Planes
}

// senseTime is tR of n bytes of a page: LSB and MSB pages take turns.
func (f *flash) senseTime(n, page int) sim.Time {
	p := f.ctl.Profile
	d := p.ReadPage
	if n <= unitBytes {
		d = p.Read4K
	}
	if page%2 == 0 {
		return d - p.CellSpread
	}
	return d + p.CellSpread
}

func (f *flash) sense(cmd *command, at place, off, n int) {
	c, p := f.ctl, f.ctl.Profile
	lane, page := f.lane(at)
	d := f.senseTime(n, page)
	lost := false
	if p.RetryPPM > 0 {
		var extra int
		extra, lost = f.retry(at)
		d += sim.Time(extra) * d
	}
	now := c.eng.Now()
	start := f.planes[lane].Reserve(now, d)
	o, i := c.ops.get()
	*o = op{index: i, cmd: cmd, off: off, n: n, die: at.die, channel: at.die % p.Channels,
		asked: now, sensedAt: start + d, lost: lost}
	if c.rec != nil {
		w := traces.Waits{traces.Bank: start - now}
		c.rec.Span(traces.NVMeFlash, f.dieTrk[at.die], now, start+d, &w, uint64(at.die), uint64(n))
	}
	c.hold(cmd)
	if l := f.last; l != nil && l.sensedAt == o.sensedAt {
		l.next, f.last = o, o
		return
	}
	f.last = o
	c.eng.At(start+d, c, evSensed, uint64(i))
}

// sensed puts the first chunk of a page on its channel, and those of the pages behind it.
func (f *flash) sensed(o *op, now sim.Time) {
	for o != nil {
		next := o.next
		if o.cmd.dead {
			f.drop(o)
		} else {
			f.move(o, now)
		}
		o = next
	}
}

func (f *flash) drop(o *op) {
	f.ctl.release(o.cmd)
	o.cmd = nil
	f.ctl.ops.give(o.index)
}

func (f *flash) move(o *op, now sim.Time) {
	p := f.ctl.Profile
	o.chunk = min(o.n, p.ChannelChunk)
	d := p.ChannelRate.Span(uint64(o.chunk))
	o.queued = now
	o.start = f.channels[o.channel].Reserve(now, d)
	f.ctl.eng.At(o.start+d, f.ctl, evMoved, uint64(o.index))
}

// moved hands a chunk to the link, and puts the next on the channel.
func (f *flash) moved(o *op, now sim.Time) {
	c := f.ctl
	if c.rec != nil {
		w := traces.Waits{traces.InQueue: o.start - o.queued}
		c.rec.Span(traces.NVMeChannel, f.chanTrk[o.channel], o.queued, now, &w, uint64(o.channel),
			uint64(o.chunk))
	}
	if o.cmd.dead {
		f.drop(o)
		return
	}
	s := c.dma.chunk(o.cmd, o.off, o.chunk)
	s.bank, s.sensed, s.lost = o.sensedAt-o.asked, o.sensedAt, o.lost
	o.off += o.chunk
	o.n -= o.chunk
	if o.n > 0 {
		f.move(o, now)
	} else {
		f.drop(o)
	}
	c.dma.send(s)
}
