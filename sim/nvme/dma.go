package nvme

import (
	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
	"tensoros/sim/pcie"
)

// slot is a piece of a command's data in the controller's memory.
type slot struct {
	index   uint32
	cmd     *command
	off, n  int
	pending int // writes or reads of it that are under way
	bank    sim.Time
	sensed  sim.Time
	lost    bool // the medium could not be read
	buf     []byte
	data    []byte // to send: buf, or a view of the medium
	orphan  bool   // of a life of the controller that is over: what it held was given back
}

// dmaEngine moves slots over the link: read data as it arrives from the channels, write data as the
// buffer has room.
type dmaEngine struct {
	ctl      *Controller
	out      sim.Queue[*slot] // to the host
	inFlight int              // bytes of out on the link
	in       sim.Queue[*slot] // from the host, waiting for the write buffer
	buffered int              // bytes of the write buffer in use
	free     [][]byte         // memory for slots
}

// dmaWindow is how much read data is on the link at once: a few times the bandwidth-delay product
// of Gen5 x4 (14 GB/s * 1 us), so that it stays full while fetches are not stuck behind more [D].
const dmaWindow = 64 << 10

// chunk gets a slot for n bytes of a command from off on.
func (d *dmaEngine) chunk(cmd *command, off, n int) *slot {
	s, i := d.ctl.slots.get()
	s.index, s.cmd, s.off, s.n = i, cmd, off, n
	s.bank, s.sensed, s.lost, s.orphan = 0, 0, false, false
	d.ctl.hold(cmd)
	return s
}

// buffer gives a slot its memory, late: what was used last is still in the computer's caches.
func (d *dmaEngine) buffer(s *slot) {
	size := max(s.n, d.ctl.Profile.ChannelChunk)
	if k := len(d.free); k > 0 && cap(d.free[k-1]) >= s.n {
		s.buf, d.free = d.free[k-1][:s.n], d.free[:k-1]
		return
	}
	s.buf = make([]byte, s.n, size)
}

func (d *dmaEngine) give(s *slot) {
	if s.buf != nil {
		d.free = append(d.free, s.buf)
		s.buf = nil
	}
	s.cmd, s.data = nil, nil
	d.ctl.slots.give(s.index)
}

// send queues a slot for the host.
func (d *dmaEngine) send(s *slot) {
	d.out.Push(s)
	d.pump()
}

// pump sends what the window lets go. The completion is posted behind the last piece, so that it
// never overtakes the data.
func (d *dmaEngine) pump() {
	c := d.ctl
	for d.out.Len() > 0 {
		s := *d.out.Peek()
		if !s.cmd.dead && d.inFlight > 0 && d.inFlight+s.n > dmaWindow {
			return
		}
		d.out.Pop()
		cmd := s.cmd
		if cmd.dead {
			c.release(cmd)
			d.give(s)
			continue
		}
		c.load(s)
		d.inFlight += s.n
		d.write(s)
		c.release(cmd)
		if cmd.left -= s.n; cmd.left == 0 {
			cmd.bank = s.bank
			if s.sensed > 0 {
				cmd.moving = c.eng.Now() - s.sensed
			}
			c.arrived(cmd)
		}
	}
}

// purge drops what belongs to dead commands and waits in front.
func (d *dmaEngine) purge() {
	d.pump()
	d.gather()
}

// load fills a slot from the medium, or from what the controller made up. Data that are as they are
// on the medium are sent from there: a write that comes before they have left may show, as the
// standard lets commands that are outstanding together pass one another.
func (c *Controller) load(s *slot) {
	cmd := s.cmd
	at := cmd.at + uint64(s.off)
	bad := cmd.data == nil && (s.lost || cmd.ns.spoiled(at, s.n))
	if m, ok := c.Store.(*Memory); ok && cmd.data == nil && !bad && !cmd.fx.has(fxCorruptDMA) {
		if s.data = m.Peek(at, s.n); s.data != nil {
			// The first lines are on their way into the cache when the packets arrive (+6 % of I/Os
			// of 512 B).
			for i := 0; i < min(s.n, 512); i += 64 {
				c.touched ^= s.data[i]
			}
			return
		}
	}
	c.dma.buffer(s)
	s.data = s.buf
	switch {
	case cmd.data != nil:
		copy(s.buf, cmd.data[s.off:])
	case bad || c.Store.ReadAt(at, s.buf) != nil:
		clear(s.buf)
		cmd.status = spec.UnrecoveredRead | spec.DNR
		c.smart.MediaErrors++
	}
	if cmd.fx.has(fxCorruptDMA) {
		c.faults.corruptData(c, s)
	}
}

// write posts a slot to where its command's data pointer says.
func (d *dmaEngine) write(s *slot) {
	done := pcie.Done{To: d.ctl, Kind: evDelivered, Arg: uint64(s.index)}
	segs := s.cmd.segs
	i := s.cmd.find(s.off)
	s.pending = s.cmd.find(s.off+s.n-1) - i + 1
	for at := s.off; at < s.off+s.n; i++ {
		n := min(s.off+s.n, segs[i].off+segs[i].n) - at
		if p := s.data[at-s.off : at-s.off+n]; segs[i].drop {
			d.ctl.eng.At(d.ctl.eng.Now(), d.ctl, evDelivered, uint64(s.index))
		} else {
			d.ctl.writeBus(segs[i].addr+uint64(at-segs[i].off), p, done)
		}
		at += n
	}
}

// read asks for a slot's data.
func (d *dmaEngine) read(s *slot) {
	d.buffer(s)
	done := pcie.Done{To: d.ctl, Kind: evGathered, Arg: uint64(s.index)}
	segs := s.cmd.segs
	i := s.cmd.find(s.off)
	s.pending = s.cmd.find(s.off+s.n-1) - i + 1
	for at := s.off; at < s.off+s.n; i++ {
		n := min(s.off+s.n, segs[i].off+segs[i].n) - at
		d.ctl.readBus(segs[i].addr+uint64(at-segs[i].off), s.buf[at-s.off:at-s.off+n], done)
		at += n
	}
}

func (d *dmaEngine) delivered(s *slot) {
	if s.pending--; s.pending > 0 {
		return
	}
	if !s.orphan {
		d.inFlight -= s.n
	}
	d.give(s)
	d.pump()
}

// forsake gives back what slots under way hold, of the window or of the write buffer: with bus
// mastering off they never arrive.
func (d *dmaEngine) forsake() {
	for _, s := range d.ctl.slots.all {
		if s.cmd == nil || s.pending == 0 || s.orphan {
			continue
		}
		s.orphan = true
		switch {
		case s.data != nil:
			d.inFlight -= s.n
		case s.cmd.data == nil:
			d.buffered -= s.n
		}
	}
}

// receive queues a command's data for the write buffer.
func (d *dmaEngine) receive(cmd *command) {
	size := d.ctl.Profile.ChannelChunk
	for off := 0; off < cmd.bytes; off += size {
		d.in.Push(d.chunk(cmd, off, min(size, cmd.bytes-off)))
	}
	d.gather()
}

// gather reads from the host what the write buffer has room for.
func (d *dmaEngine) gather() {
	c := d.ctl
	for d.in.Len() > 0 {
		s := *d.in.Peek()
		if s.cmd.dead {
			d.in.Pop()
			c.release(s.cmd)
			d.give(s)
			continue
		}
		if s.cmd.data == nil {
			if d.buffered+s.n > c.Profile.WriteBuffer {
				return
			}
			d.buffered += s.n
		}
		d.in.Pop()
		d.read(s)
	}
}

// gathered takes a slot whose data has come from the host.
func (d *dmaEngine) gathered(s *slot) {
	if s.pending--; s.pending > 0 {
		return
	}
	c, cmd, n, medium := d.ctl, s.cmd, s.n, s.cmd.data == nil
	held := d.buffered
	if !cmd.dead {
		c.keep(s)
		if cmd.left -= n; cmd.left == 0 {
			cmd.moving = c.eng.Now() - cmd.begun
			c.arrived(cmd)
		}
	} else if medium && !s.orphan {
		d.buffered -= n
	}
	c.release(cmd)
	d.give(s)
	if d.buffered < held {
		d.gather()
	}
}

// keep puts a slot where it belongs.
func (c *Controller) keep(s *slot) {
	cmd := s.cmd
	if cmd.fx.has(fxCorruptDMA) {
		c.faults.corruptData(c, s)
	}
	if cmd.data != nil {
		copy(cmd.data[s.off:], s.buf)
		return
	}
	at := cmd.at + uint64(s.off)
	c.undo.keep(c, at, s.n, cmd.ns.shift)
	if !c.flash.write(at, s.n) || c.Store.WriteAt(at, s.buf) != nil {
		c.undo.failed()
		cmd.status = spec.WriteFault | spec.DNR
		c.smart.MediaErrors++
		return
	}
	if len(cmd.ns.Bad) > 0 {
		cmd.ns.mend(at, uint64(s.n))
	}
}

// drained takes room of the write buffer back.
func (d *dmaEngine) drained(n int) {
	d.buffered -= n
	d.gather()
}
