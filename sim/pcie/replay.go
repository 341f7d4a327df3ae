package pcie

import (
	"slices"

	"tensoros/hw/spec/pcie"
	"tensoros/sim"
	"tensoros/traces"
)

// Faults says what goes wrong on one direction of a link.
type Faults struct {
	Seed    uint64
	BadTLP  int      // packets of a million that arrive with a bad LCRC
	LostAck int      // Ack DLLPs of a million that arrive with a bad CRC
	Corrupt []uint64 // besides, these packets of the link (from 1 on), at their first try
}

// Replays counts what the data link layer did about faults.
type Replays struct {
	Sent     uint64 // packets, each counted once
	Naks     uint64 // bad packets, each tells the sender to start again
	Timeouts uint64 // of the replay timer
	Replayed uint64 // packets sent again
	Retrains uint64 // of the link, when REPLAY_NUM rolled over
}

// dataLink is the data link layer of one direction of a link that has faults (PCIe 5.0, 3.6). The
// receiver drops a bad packet and all behind it, and answers with a Nak; the sender starts again
// from there. Nothing is sent in between that counts, so what lies behind is late by that time.
type dataLink struct {
	half   *half
	faults Faults
	rnd    *sim.Rand
	count  Replays
	timer  sim.Time // REPLAY_TIMER
	last   sim.Time // bytes of the last packet, in time
}

// replayTimes is REPLAY_TIMER in units of the Ack limit [R]; the link's round trip comes on top.
const replayTimes = 3

// replayNum is how often a packet is sent again before the link is trained anew: REPLAY_NUM has
// two bits (PCIe 5.0, 3.6.2.1).
const replayNum = 4

// Inject makes the packets of a port's link fail, away from the root and towards it; nil leaves a
// direction as it is. Call it before the link has traffic. Its packets go one by one from then on.
func (p *Port) Inject(down, up *Faults) {
	p.down.inject(down)
	p.down.back.inject(up)
}

func (h *half) inject(f *Faults) {
	if f != nil {
		h.dll = &dataLink{half: h, faults: *f, rnd: sim.NewRand(f.Seed, h.path),
			timer: h.ackLimit*replayTimes + 2*h.fabric.Timing.Link}
	}
}

// Replays are the counts of both directions of a port's link since Inject.
func (p *Port) Replays() (down, up Replays) {
	if d := p.down.dll; d != nil {
		down = d.count
	}
	if d := p.down.back.dll; d != nil {
		up = d.count
	}
	return down, up
}

// ends are the transmitter and the receiver of a direction.
func (h *half) ends() (tx, rx *agent) {
	lower := &h.port.agent
	if h.port.fn != nil {
		lower = &h.port.fn.agent
	} else if h.port.below != nil {
		lower = &h.port.below.upstream.agent
	}
	if h.up {
		return lower, &h.port.agent
	}
	return &h.port.agent, lower
}

func (d *dataLink) chance(million int) bool {
	return million > 0 && d.rnd.Intn(1_000_000) < million
}

// transmit sends one packet, again and again until it is whole.
func (d *dataLink) transmit(t *tlp, now sim.Time) {
	h := d.half
	f := h.fabric
	wire := h.span(h.bytes(t, t.size))
	d.count.Sent++
	start := now
	for try := 1; d.bad(try); try++ {
		if try > 64 {
			break // the rate of errors is so high that the link would never come back
		}
		d.count.Naks++
		heard := start + wire + 2*f.Timing.Link + h.span(pcie.DLLP)
		d.fault(&pcie.BadTLP, start+wire+f.Timing.Link, true)
		if try%replayNum == 0 {
			d.count.Retrains++
			d.fault(&pcie.ReplayNum, heard, false)
			heard += f.Timing.Retrain
		}
		d.again(t, start, wire, heard)
		start = heard
	}
	if start > now {
		h.wire.Reserve(now, start-now)
	}
	h.place(t, start)
	if d.chance(d.faults.LostAck) {
		d.fault(&pcie.BadDLLP, start+wire+2*f.Timing.Link, false)
		d.last = wire
		at := start + wire + d.timer
		f.eng.At(at, f, evTimer, uint64(h.index)|d.count.Sent<<32)
	}
}

func (d *dataLink) bad(try int) bool {
	if try == 1 && slices.Contains(d.faults.Corrupt, d.count.Sent) {
		return true
	}
	return d.chance(d.faults.BadTLP)
}

// again counts what is sent twice: the packet, and those that went out behind it before the Nak.
func (d *dataLink) again(t *tlp, start, wire, heard sim.Time) {
	h := d.half
	n := uint64(1)
	at := start + wire
	for c := range h.queues {
		q := &h.queues[c]
		for i := range q.Len() {
			w := *q.At(i)
			if at >= heard {
				break
			}
			at += h.span(h.bytes(w, w.size))
			n++
		}
	}
	d.count.Replayed += n
	if f := h.fabric; f.rec != nil {
		f.rec.Span(traces.PCIeReplay, h.track, start, heard, nil, d.count.Sent, n)
	}
}

// timeout sends the last packet again, because its Ack was lost and no later one came.
func (d *dataLink) timeout(sent uint64) {
	if sent != d.count.Sent&0xffff_ffff {
		return // a later Ack has covered it
	}
	h := d.half
	now := h.fabric.eng.Now()
	start := h.wire.Reserve(now, d.last)
	d.count.Timeouts++
	d.count.Replayed++
	tx, _ := h.ends()
	tx.report(&pcie.ReplayTimeout, nil, false)
	if f := h.fabric; f.rec != nil {
		f.rec.Span(traces.PCIeReplay, h.track, start, start+d.last, nil, d.count.Sent, 1)
	}
}

// fault reports an error when it is seen.
func (d *dataLink) fault(e *pcie.Error, at sim.Time, receiver bool) {
	arg := uint64(d.half.index) | uint64(e.Bit)<<32
	if receiver {
		arg |= 1 << 40
	}
	d.half.fabric.eng.At(at, d.half.fabric, evFault, arg)
}

var linkErrors = map[uint8]*pcie.Error{pcie.BadTLP.Bit: &pcie.BadTLP,
	pcie.BadDLLP.Bit: &pcie.BadDLLP, pcie.ReplayNum.Bit: &pcie.ReplayNum}

func (f *Fabric) linkFault(arg uint64) {
	tx, rx := f.halves[uint32(arg)].ends()
	if arg>>40 != 0 {
		tx = rx
	}
	tx.report(linkErrors[uint8(arg>>32)], nil, false)
}
