package gpu

import (
	spec "tensoros/hw/spec/gpu"
	"tensoros/sim"
	"tensoros/sim/pcie"
	"tensoros/traces"
)

// copyEngine moves memory: within VRAM, or over PCI Express in either direction. Orders are served
// one after the other.
type copyEngine struct {
	gpu   *GPU
	queue sim.Queue[transfer]
	busy  bool
	left  int    // pieces under way
	sent  uint64 // bytes that have been started
	start sim.Time
	now   transfer
	hbm   sim.Lane // copies within VRAM share it
}

// A transfer goes in pieces, so many at a time: enough to fill a link, little enough to hold.
const (
	pieceLen = 256 << 10
	pieces   = 16
)

// transfer is a LAUNCH_DMA.
type transfer struct {
	channel  *channel
	src, dst uint64
	n        uint64
	sem      uint64
	payload  uint64
	semType  uint64
}

func (e *copyEngine) order(c *channel, m methods, launch uint32) {
	v := uint64(launch)
	t := transfer{channel: c,
		src:     uint64(m[spec.CopyInHi])<<32 | uint64(m[spec.CopyInLo]),
		dst:     uint64(m[spec.CopyOutHi])<<32 | uint64(m[spec.CopyOutLo]),
		n:       uint64(m[spec.CopyLineLength]),
		sem:     uint64(m[spec.CopySemHi])<<32 | uint64(m[spec.CopySemLo]),
		payload: uint64(m[spec.CopySemPayload]), semType: spec.CopySemType.Get(v)}
	if spec.CopyMultiLine.Get(v) == 1 && m[spec.CopyLineCount] > 1 {
		c.fault("copies of several lines are not modelled")
		return
	}
	c.pending++
	e.queue.Push(t)
	if !e.busy {
		e.next()
	}
}

// next starts the oldest transfer.
func (e *copyEngine) next() {
	if e.queue.Len() == 0 {
		e.busy = false
		return
	}
	e.busy, e.now, e.start, e.sent = true, e.queue.Pop(), e.gpu.eng.Now(), 0
	e.left = 1 // held while pieces are being started
	e.arrived(e.start)
}

// pump starts pieces until enough are under way.
func (e *copyEngine) pump() {
	for e.left < pieces && e.sent < e.now.n && !e.now.channel.faulted {
		n := e.piece(e.now.src+e.sent, e.now.dst+e.sent, min(pieceLen, e.now.n-e.sent))
		if n == 0 {
			return // faulted
		}
		e.sent += n
	}
}

// piece starts the part of a transfer that lies in one page on both sides.
func (e *copyEngine) piece(src, dst, n uint64) uint64 {
	g, c := e.gpu, e.now.channel
	from, err := g.translate(c.space.pdb, src)
	if !c.must(err, "copy source") {
		return 0
	}
	to, err := g.translate(c.space.pdb, dst)
	if !c.must(err, "copy target") {
		return 0
	}
	n = min(n, from.va+from.size-src, to.va+to.size-dst)
	sa, da := from.pa+src-from.va, to.pa+dst-to.va
	if to.readOnly {
		c.fault("copy target: virtual address %#x is read only", dst)
		return 0
	}
	done := pcie.Done{To: g, Kind: evCopied, Arg: g.arg(c.id)}
	e.left++
	switch {
	case from.aperture == spec.VRAM && to.aperture == spec.VRAM:
		p := make([]byte, n)
		g.VRAM.Read(sa, p)
		g.VRAM.Write(da, p)
		// Read and written once each: twice the bytes at the rate of HBM.
		took := sim.Rate(g.Chip.Get("hbm.rate")).Span(2 * n)
		g.at(e.hbm.Reserve(g.eng.Now(), took)+took, evCopied, c.id)
	case from.aperture == spec.VRAM:
		p := make([]byte, n)
		g.VRAM.Read(sa, p)
		g.fn.Write(da, p, done)
	case to.aperture == spec.VRAM:
		p := make([]byte, n)
		g.fn.Read(sa, p, pcie.Done{To: &landing{g, da, p}, Arg: g.arg(c.id)})
	default:
		c.fault("copy from system memory to system memory")
		e.left--
		return 0
	}
	return n
}

// landing puts what was read from the host into VRAM.
type landing struct {
	gpu *GPU
	at  uint64
	p   []byte
}

func (l *landing) Fire(now sim.Time, _ uint32, arg uint64) {
	if l.gpu.stale(arg) {
		return
	}
	l.gpu.VRAM.Write(l.at, l.p)
	l.gpu.memory.Deposit(l.gpu.cycle(now), l.at, uint64(len(l.p)))
	l.gpu.copier.arrived(now)
}

// arrived is called for each piece that is there.
func (e *copyEngine) arrived(now sim.Time) {
	e.left--
	e.pump()
	if e.left > 0 {
		return
	}
	g, t := e.gpu, e.now
	g.rec.Span(traces.GPUCopy, g.copyTrk, e.start, now, nil, t.src, t.dst, t.n)
	if t.semType != 0 && !t.channel.faulted {
		t.channel.release(t.sem, t.payload, 4, t.semType == 2)
	}
	e.next()
	t.channel.ended(now)
}
