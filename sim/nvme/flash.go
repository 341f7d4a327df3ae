package nvme

import (
	"fmt"

	"tensoros/sim"
	"tensoros/traces"
)

// flash is when: dies that sense and program, channels that move. A page is striped over channels
// first, then dies, then planes.
type flash struct {
	ctl      *Controller
	planes   []sim.Lane // by die, then plane; a die whose planes sense together has one
	perDie   int
	channels []sim.Lane
	last     *op      // sensed last, if nothing has been scheduled since
	next     int      // die of the append point
	filling  int      // bytes waiting to fill a stripe
	latest   sim.Time // when the last program ends
	dieTrk   []traces.Track
	chanTrk  []traces.Track
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
}

func (f *flash) init(c *Controller) {
	p := c.Profile
	f.ctl, f.perDie = c, 1
	if p.PlaneReads {
		f.perDie = p.Planes
	}
	f.planes = make([]sim.Lane, p.Channels*p.Dies*f.perDie)
	f.channels = make([]sim.Lane, p.Channels)
	for ch := range p.Channels {
		f.chanTrk = append(f.chanTrk, c.rec.Track(fmt.Sprintf("%s/ch%d", c.fn.Path(), ch)))
	}
	for die := range p.Channels * p.Dies {
		path := fmt.Sprintf("%s/ch%d/die%d", c.fn.Path(), die%p.Channels, die/p.Channels)
		f.dieTrk = append(f.dieTrk, c.rec.Track(path))
	}
}

// read starts the senses of every page that a command touches.
func (f *flash) read(cmd *command) {
	c := f.ctl
	page := uint64(c.Profile.Page)
	at := cmd.at
	for off := 0; off < cmd.bytes; {
		n := min(cmd.bytes-off, int(page-(at+uint64(off))%page))
		f.sense(cmd, (at+uint64(off))/page, off, n)
		off += n
	}
}

func (f *flash) sense(cmd *command, page uint64, off, n int) {
	c, p := f.ctl, f.ctl.Profile
	dies := uint64(p.Channels * p.Dies)
	die := int(page % dies)
	plane := 0
	if f.perDie > 1 {
		plane = int(page / dies % uint64(p.Planes))
	}
	d := p.ReadPage
	if n <= 4096 {
		d = p.Read4K
	}
	if page/dies/uint64(p.Planes)%2 == 0 {
		d -= p.CellSpread
	} else {
		d += p.CellSpread
	}
	now := c.eng.Now()
	start := f.planes[die*f.perDie+plane].Reserve(now, d)
	o, i := c.ops.get()
	*o = op{index: i, cmd: cmd, off: off, n: n, die: die, channel: die % p.Channels, asked: now,
		sensedAt: start + d}
	if c.rec != nil {
		w := traces.Waits{traces.Bank: start - now}
		c.rec.Span(traces.NVMeFlash, f.dieTrk[die], now, start+d, &w, uint64(die), uint64(n))
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
	s.bank, s.sensed = o.sensedAt-o.asked, o.sensedAt
	o.off += o.chunk
	o.n -= o.chunk
	if o.n > 0 {
		f.move(o, now)
	} else {
		f.drop(o)
	}
	c.dma.send(s)
}

// program takes n bytes of the write buffer; a full stripe goes to the die at the append point.
func (f *flash) program(n int) {
	f.filling += n
	for stripe := f.ctl.Profile.stripe(); f.filling >= stripe; {
		f.filling -= stripe
		f.programDie(stripe)
	}
}

// programDie moves n bytes to the next die and programs a stripe, all planes at once.
func (f *flash) programDie(n int) {
	c, p := f.ctl, f.ctl.Profile
	die := f.next
	f.next = (f.next + 1) % (p.Channels * p.Dies)
	now := c.eng.Now()
	move := p.ChannelRate.Span(uint64(n))
	at := f.channels[die%p.Channels].Reserve(now, move) + move
	start := at
	planes := f.planes[die*f.perDie : (die+1)*f.perDie]
	for i := range planes {
		start = max(start, planes[i].Free())
	}
	for i := range planes {
		planes[i].Reserve(start, p.Program)
	}
	end := start + p.Program
	f.latest = max(f.latest, end)
	if c.rec != nil {
		w := traces.Waits{traces.Bank: start - at, traces.Data: at - now}
		c.rec.Span(traces.NVMeFlash, f.dieTrk[die], now, end, &w, uint64(die), uint64(n))
	}
	c.eng.At(end, c, evDrained, uint64(n))
}

// flush programs what is left of a stripe and returns when everything is on the medium.
func (f *flash) flush() sim.Time {
	if f.filling > 0 {
		n := f.filling
		f.filling = 0
		f.programDie(n)
	}
	return max(f.latest, f.ctl.eng.Now())
}
