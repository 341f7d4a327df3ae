package pcie

import (
	"fmt"

	"tensoros/hw/spec/pcie"
	"tensoros/sim"
	"tensoros/sim/mem"
	"tensoros/traces"
)

// node is where a link ends: the root complex, a switch, or a function.
type node interface {
	// sink says what happens to a packet that ends here: after what time, and by which event.
	// whole: a train may be handled at once, when its last packet is here, because its packets
	// meet nobody any more; the wait is then all the time that it holds its credits.
	sink(t *tlp) (wait sim.Time, event uint32, whole bool)
}

// bridge is the root complex or a switch: it forwards.
type bridge struct {
	fabric   *Fabric
	above    *bridge // nil at the root
	plug     *Port   // of above, to which it is connected
	upstream *Port   // its own towards the root; nil at the root
	ports    []*Port // away from the root
	bus      uint8   // of those ports
	up, down *half   // its own link towards and from the root
	latency  sim.Time
	path     string
}

// Fabric is the whole tree: root complex with host memory, switches, links and functions.
type Fabric struct {
	Timing   Timing
	Findings []sim.Finding

	eng     *sim.Engine
	rec     *traces.Recorder
	host    *mem.Host
	root    *bridge
	halves  []*half
	pool    []*tlp
	free    []*tlp
	reads   []pendingRead
	spare   []uint32
	funcs   []*Function
	windows []window
	reach   [2]struct{ low, high uint64 }  // what the windows below and above 4 GiB span
	deliver func(addr uint64, data uint32) // MSI
	mmio    uint64                         // next free address for 64-bit BARs,
	mmio32  uint64                         // and for 32-bit ones
	cpus    []*Processor
	buses   int
	spans   map[sim.Rate][]sim.Time
	iommu   *IOMMU
	single  bool // packet by packet: the reference for the trains
}

type window struct {
	base, size uint64
	fn         *Function
	bar        int
}

// Events of the fabric.
const (
	evArrive  uint32 = iota // arg: packet; a request has reached a function
	evDeliver               // arg: packet; a write or completion has reached a function
	evPump                  // arg: half
	evForward               // arg: packet; it has crossed the bridge
	evSink                  // arg: packet; it ends at the root complex
	evRoot                  // arg: packet; the memory controller has the data it asks for
	evReply                 // arg: packet; the completer has its answer
	evIssue                 // arg: packet; the processor hands it to the root complex
	evRefuse                // arg: packet; a bridge answers that it will not pass
	evExpire                // arg: packet; nobody has answered it in time
	evTimer                 // arg: half, number of packet; the replay timer has run out
	evFault                 // arg: half, error, end; the data link layer has seen an error
)

// Layout of the address space.
const (
	msiBase  = 0xfee0_0000 // x86 interrupt messages
	msiLimit = 0xfef0_0000
	mmioBase = 0x100_0000_0000 // 1 TiB: above host memory
	mmioLow  = 0xc000_0000     // the hole below 4 GiB
)

// New makes a root complex without ports. deliver receives interrupt messages.
func New(eng *sim.Engine, rec *traces.Recorder, host *mem.Host, tm Timing,
	deliver func(addr uint64, data uint32)) *Fabric {
	f := &Fabric{Timing: tm, eng: eng, rec: rec, host: host, deliver: deliver, buses: 1,
		spans: map[sim.Rate][]sim.Time{}}
	f.mmio, f.mmio32 = mmioBase, mmioLow
	f.root = &bridge{fabric: f, latency: tm.Root, path: "rc"}
	return f
}

// Bridge is a place to plug functions and switches into.
type Bridge struct{ b *bridge }

// Root is the root complex.
func (f *Fabric) Root() Bridge { return Bridge{f.root} }

// Switch plugs a switch into at, over the given link. name is the last element of its track.
func (f *Fabric) Switch(at Bridge, link pcie.Link, name string) (Bridge, error) {
	if err := link.Check(); err != nil {
		return Bridge{}, fmt.Errorf("switch %s: %w", name, err)
	}
	if f.buses+2 > maxBuses {
		return Bridge{}, fmt.Errorf("switch %s: a tree has %d buses at most", name, maxBuses)
	}
	b := &bridge{fabric: f, above: at.b, latency: f.Timing.Switch, path: at.b.path + "/" + name,
		bus: uint8(f.buses + 1)}
	b.plug = f.connect(at.b, b, b.path, link)
	b.plug.below, b.down, b.up = b, b.plug.down, b.plug.down.back
	b.upstream = f.newPort(b, pcie.UpstreamPort, link, b.path+"/usp")
	b.upstream.id = uint16(f.buses) << 8
	b.upstream.root = b.plug.root
	for p := b.upstream; p != nil; p = p.above() {
		p.numbers(uint64(f.buses + 1))
	}
	b.plug.set(pcie.SecondaryBus, 1, uint64(f.buses))
	f.buses += 2 // the upstream port's bus and the internal one
	return Bridge{b}, nil
}

// connect makes a link below a bridge, and its port.
func (f *Fabric) connect(above *bridge, below node, path string, link pcie.Link) *Port {
	kind := pcie.DownstreamPort
	if above.up == nil {
		kind = pcie.RootPort
	}
	p := f.newPort(above, kind, link, path+"/port")
	above.ports = append(above.ports, p)
	down, up := f.half(below, link, path+"/down"), f.half(above, link, path+"/up")
	down.back, up.back, up.up = up, down, true
	down.port, up.port, p.down = p, p, down
	return p
}

// half makes one direction of a link. Receivers here advertise enough credits to cover the round
// trip at full rate, headers for the smallest packet: a stream is never held back by them, only
// by a receiver that does not keep up.
func (f *Fabric) half(to node, link pcie.Link, path string) *half {
	rate := sim.Rate(link.TLPRate(pcie.AckShare(link.Gen)))
	if f.spans[rate] == nil {
		f.spans[rate] = make([]sim.Time, spanTable)
	}
	h := &half{fabric: f, to: to, gen: link.Gen, rate: rate, track: f.rec.Track(path), path: path,
		index: uint32(len(f.halves)), spans: f.spans[rate], kickAt: sim.Forever,
		ackLimit: sim.Time(link.AckLimit())}
	for form := range h.form {
		h.form[form] = link.Overhead(pcie.Form(form))
	}
	trip := 2 * (f.Timing.Link + f.Timing.Root + rate.Span(uint64(2*(link.MPS+pcie.OverheadMW))))
	flight := int64(rate.Count(trip)) + 2*int64(link.MPS)
	for c := range classes {
		h.credits[c] = newCredits(flight/pcie.OverheadMW+1, flight/16+1)
	}
	f.halves = append(f.halves, h)
	return h
}

// Fire runs the fabric's events.
func (f *Fabric) Fire(now sim.Time, kind uint32, arg uint64) {
	switch kind {
	case evPump:
		if h := f.halves[arg]; h.kickAt == now {
			h.kickAt = sim.Forever
			h.pump()
		}
		return
	case evTimer:
		f.halves[uint32(arg)].dll.timeout(arg >> 32)
		return
	case evFault:
		f.linkFault(arg)
		return
	}
	t := f.pool[arg]
	switch kind {
	case evArrive:
		t.target.serve(t)
	case evDeliver:
		t.target.deliver(t)
	case evForward:
		t.bridge.forward(t)
	case evSink:
		f.arriveRoot(t)
	case evRoot:
		f.readHost(t)
	case evReply:
		f.answer(t)
	case evIssue:
		t.bridge = f.root
		f.root.forward(t)
	case evRefuse:
		t.bridge.refused(t)
	case evExpire:
		f.expire(t)
	}
}

func (f *Fabric) packet(k kind) *tlp {
	if n := len(f.free); n > 0 {
		t := f.free[n-1]
		f.free = f.free[:n-1]
		*t = tlp{index: t.index, kind: k}
		return t
	}
	t := &tlp{index: uint32(len(f.pool)), kind: k}
	f.pool = append(f.pool, t)
	return t
}

// drop ends a packet: its credits go back, its Done fires.
func (f *Fabric) drop(t *tlp) {
	if t.ingress != nil {
		t.ingress.release(t, f.eng.Now())
	}
	done := t.done
	f.free = append(f.free, t)
	if done.To != nil {
		done.To.Fire(f.eng.Now(), done.Kind, done.Arg)
	}
}

// InFlight is the number of packets and reads that have not ended: zero when all is quiet.
func (f *Fabric) InFlight() int {
	return len(f.pool) - len(f.free) + len(f.reads) - len(f.spare)
}

func (f *Fabric) find(rule, track, format string, args ...any) {
	n := sim.Finding{Rule: rule, At: f.eng.Now(), Track: track,
		Detail: fmt.Sprintf(format, args...)}
	f.Findings = append(f.Findings, n)
	if f.rec != nil {
		f.rec.Mark(traces.Finding, f.rec.Track(track), n.At, f.rec.Text(rule), f.rec.Text(n.Detail))
	}
}
