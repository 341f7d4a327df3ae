package gpu

import (
	"encoding/binary"
	"fmt"

	spec "tensoros/hw/spec/gpu"
	"tensoros/sim"
	"tensoros/sim/pcie"
	"tensoros/traces"
)

// channel is a GPFIFO channel: a ring of segments, each a pushbuffer of methods.
type channel struct {
	gpu     *GPU
	id      int
	enabled bool
	listed  bool
	faulted bool
	running bool // the host engine is on it
	userd   uint64
	ring    uint64 // virtual address
	entries uint32
	get     uint32
	space   space
	object  [8]uint32           // class bound to each subchannel
	method  [8]methods          // last data of each method
	words   []uint32            // of the segment being decoded,
	at      int                 // up to here
	pending int                 // grids and copies that have not ended
	wait    func(*channel) bool // what it waits for; nil if nothing
	retry   bool                // an event will call wait again
	stage   stage
	segment uint64 // GP entry
}

type methods map[uint32]uint32

type stage uint8

const (
	readPut stage = iota
	readEntry
	readSegment
	decode
)

// Events of the device.
const (
	evHost   uint32 = iota // the channel's next stage
	evRetry                // the channel looks at its semaphore again
	evGrid                 // compute engine: the grid goes on
	evLaunch               // compute engine: the next grid starts
	evCopied               // copy engine: a piece is there
)

func (g *GPU) channelState(id int) uint32 {
	c := g.channels[id]
	if c == nil {
		return 0
	}
	var v uint32
	if c.enabled {
		v |= spec.ChannelEnable
	}
	if c.running || c.pending > 0 {
		v |= spec.ChannelBusy
	}
	if c.faulted {
		v |= spec.ChannelFaulted
	}
	return v
}

// updateChannel is a write to the channel RAM.
func (g *GPU) updateChannel(id int, v uint32) {
	c := g.channel(id)
	switch v {
	case spec.ChannelEnable:
		c.enabled = true
	case spec.ChannelDisable:
		c.enabled = false
	case spec.ChannelResetFT:
		c.faulted = false
	}
}

func (g *GPU) channel(id int) *channel {
	c := g.channels[id]
	if c == nil {
		c = &channel{gpu: g, id: id}
		g.channels[id] = c
	}
	return c
}

// submit reads a runlist: time-slice groups and the channels in them. The instance block of each
// gives its ring and its page directory.
func (g *GPU) submit(v uint32) {
	base := uint64(g.regs[spec.RunlistSubmitHi])<<32 | uint64(g.regs[spec.RunlistSubmitLo]&^0xfff)
	for _, c := range g.channels {
		c.listed = false
	}
	for i := range uint64(spec.RunlistLength.Get(uint64(v))) {
		var e [spec.RunlistEntryLen]byte
		g.VRAM.Read(base+i*spec.RunlistEntryLen, e[:])
		word := func(i int) uint64 { return uint64(binary.LittleEndian.Uint32(e[4*i:])) }
		if word(0)&spec.EntryTSG != 0 {
			continue
		}
		c := g.channel(int(spec.EntryChannel.Get(word(2))))
		c.listed = true
		c.userd = word(0)&^0xff | word(1)<<32
		g.instance(c, word(2)&^0xfff|word(3)<<32)
	}
}

func (g *GPU) instance(c *channel, at uint64) {
	lo, hi := uint64(g.VRAM.U32(at+spec.RAMFCBaseLo)), uint64(g.VRAM.U32(at+spec.RAMFCBaseHi))
	c.ring = lo&^7 | spec.GPBaseOffsetHi.Get(hi)<<32
	c.entries = 1 << spec.GPBaseEntries.Get(hi)
	c.get = 0
	pdb := uint64(g.VRAM.U32(at+spec.InstancePDBLow))&^0xfff |
		uint64(g.VRAM.U32(at+spec.InstancePDBHi))<<32
	c.space = space{g, pdb}
}

// ring takes a doorbell.
func (g *GPU) ring(token uint32) {
	g.rec.Mark(traces.GPUDoorbell, g.hostTrk, g.eng.Now(), uint64(token))
	c := g.channels[int(spec.TokenChannel.Get(uint64(token)))]
	if c == nil || !c.enabled || !c.listed || c.faulted || c.running {
		return
	}
	c.running, c.stage = true, readPut
	c.fetch(g.eng.Now(), c.userd+spec.UserdGPPut, 4)
}

// fetch schedules the next stage for when a read of VRAM through L2 is back.
func (c *channel) fetch(at sim.Time, addr uint64, n int) {
	g := c.gpu
	lines := int64(n+127) / 128
	done := at + g.cycles(int64(g.Chip.Get("l2.latency"))+lines-1)
	g.rec.Span(traces.GPUFetch, g.hostTrk, at, done, nil, addr, uint64(n))
	g.at(done, evHost, c.id)
}

// stale reports an event of before the latest reset.
func (g *GPU) stale(arg uint64) bool { return uint32(arg>>32) != g.epoch }

// Fire runs the events of the device.
func (g *GPU) Fire(now sim.Time, kind uint32, arg uint64) {
	if g.stale(arg) {
		return
	}
	switch kind {
	case evHost:
		if c := g.channels[int(uint32(arg))]; !c.faulted {
			c.step(now)
		}
	case evRetry:
		c := g.channels[int(uint32(arg))]
		c.retry = false
		c.resume(now)
	case evGrid:
		g.compute.advance(now)
	case evLaunch:
		g.compute.start(now)
	case evCopied:
		g.copier.arrived(now)
	}
}

// step goes on with a channel: its ring, its segment, or its methods.
func (c *channel) step(now sim.Time) {
	switch c.stage {
	case readPut:
		c.next(now)
	case readEntry:
		var e [8]byte
		if !c.must(c.space.read(c.ring+uint64(c.get)*spec.GPEntryLen, e[:]), "GP entry") {
			return
		}
		c.segment = binary.LittleEndian.Uint64(e[:])
		n := int(spec.GPLength.Get(c.segment))
		if n == 0 {
			c.advance(now) // a control entry; none changes what is modelled
			return
		}
		c.stage = readSegment
		c.fetch(now, spec.GPAddress.Get(c.segment)<<2, 4*n)
	case readSegment:
		c.load(now)
	case decode:
		c.run(now)
	}
}

// next compares GET with PUT.
func (c *channel) next(now sim.Time) {
	put := c.gpu.VRAM.U32(c.userd + spec.UserdGPPut)
	if put >= c.entries {
		c.fault("GP_PUT %d beyond a ring of %d entries", put, c.entries)
		return
	}
	if c.get == put {
		c.running = false
		return
	}
	c.stage = readEntry
	c.fetch(now, c.ring+uint64(c.get)*spec.GPEntryLen, spec.GPEntryLen)
}

func (c *channel) load(now sim.Time) {
	n := int(spec.GPLength.Get(c.segment))
	p := make([]byte, 4*n)
	if !c.must(c.space.read(spec.GPAddress.Get(c.segment)<<2, p), "pushbuffer") {
		return
	}
	c.words, c.at = c.words[:0], 0
	for i := range n {
		c.words = append(c.words, binary.LittleEndian.Uint32(p[4*i:]))
	}
	c.stage = decode
	// One dword a cycle of the SM clock: not published, derived from the class headers' word form.
	done := now + c.gpu.cycles(int64(n))
	c.gpu.rec.Span(traces.GPUMethods, c.gpu.hostTrk, now, done, nil, uint64(n))
	c.gpu.at(done, evHost, c.id)
}

// advance is done with an entry.
func (c *channel) advance(now sim.Time) {
	c.get = (c.get + 1) % c.entries
	c.gpu.VRAM.SetU32(c.userd+spec.UserdGPGet, c.get)
	c.stage = readPut
	c.next(now)
}

// retryEvery is how often a channel looks again at a semaphore that it acquires; not published.
const retryEvery = sim.Microsecond

// run decodes methods until the segment ends or something must be waited for.
func (c *channel) run(now sim.Time) {
	for !c.faulted {
		if c.wait != nil {
			if !c.wait(c) {
				return // what it waits for calls resume, or the retry comes
			}
			c.wait = nil
		}
		if c.at >= len(c.words) {
			c.advance(now)
			return
		}
		c.header()
	}
}

// resume goes on with a channel that waits, unless a retry is due: two would step it twice.
func (c *channel) resume(now sim.Time) {
	if c.wait != nil && !c.retry && c.stage == decode && !c.faulted {
		c.run(now)
	}
}

// header decodes one method header and its data.
func (c *channel) header() {
	h := uint64(c.words[c.at])
	c.at++
	sub, method := int(spec.MethodSub.Get(h)), uint32(spec.MethodAddress.Get(h))*4
	n := int(spec.MethodCount.Get(h))
	op := spec.MethodOp.Get(h)
	switch op {
	case spec.OpImmediate:
		c.write(sub, method, uint32(n))
		return
	case spec.OpEndSegment:
		c.at = len(c.words)
		return
	case 0:
		if h != 0 {
			c.fault("pushbuffer header %#x: subdevice masks are not modelled", h)
		}
		return
	case spec.OpIncrementing, spec.OpNonIncrementing, spec.OpIncrementOnce:
	default:
		c.fault("pushbuffer header %#x has an unknown opcode %d", h, op)
		return
	}
	if c.at+n > len(c.words) {
		c.fault("pushbuffer header %#x wants %d words, %d are left", h, n, len(c.words)-c.at)
		return
	}
	for i := range n {
		step := uint32(i)
		switch op {
		case spec.OpNonIncrementing:
			step = 0
		case spec.OpIncrementOnce:
			step = min(step, 1)
		}
		c.write(sub, method+4*step, c.words[c.at+i])
	}
	c.at += n
}

// must faults the channel on an error.
func (c *channel) must(err error, what string) bool {
	if err != nil {
		c.fault("%s: %v", what, err)
	}
	return err == nil
}

func (c *channel) fault(format string, args ...any) {
	if c.faulted {
		return
	}
	c.faulted, c.running = true, false
	f := Fault{c.id, c.gpu.eng.Now(), fmt.Sprintf(format, args...)}
	c.gpu.Faults = append(c.gpu.Faults, f)
	c.gpu.rec.Mark(traces.Finding, c.gpu.hostTrk, f.At, c.gpu.rec.Text("GPU-CHANNEL-FAULT"),
		c.gpu.rec.Text(f.Detail))
}

// release writes a semaphore of n bytes; with the time, both take 8 bytes.
func (c *channel) release(va uint64, payload uint64, n int, timed bool) {
	g := c.gpu
	t, err := g.translate(c.space.pdb, va)
	if !c.must(err, "semaphore") {
		return
	}
	if t.readOnly {
		c.fault("semaphore: virtual address %#x is read only", va)
		return
	}
	var p [16]byte
	binary.LittleEndian.PutUint64(p[:], payload)
	if timed {
		clear(p[n:])
		binary.LittleEndian.PutUint64(p[8:], uint64(g.eng.Now()/sim.Nanosecond))
		n = 16
	}
	g.rec.Mark(traces.GPUSemaphore, g.hostTrk, g.eng.Now(), va, payload)
	pa := t.pa + va - t.va
	if t.aperture == spec.VRAM {
		g.VRAM.Write(pa, p[:n])
		return
	}
	g.fn.Write(pa, p[:n], pcie.Done{})
}
