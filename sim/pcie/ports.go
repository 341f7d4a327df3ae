package pcie

import (
	"tensoros/hw/reg"
	"tensoros/hw/spec/pcie"
	"tensoros/sim"
)

// Port is a port of the root complex or of a switch, with the configuration space of a bridge. A
// board may hide it from its guest: it is programmed as firmware leaves it.
type Port struct {
	agent
	Kind pcie.PortKind

	at     *bridge   // it is a port of
	down   *half     // its link, away from the root
	fn     *Function // what is plugged in: a function,
	below  *bridge   // or a switch
	number int       // among the ports of its bridge
}

// newPort makes a port of a bridge.
func (f *Fabric) newPort(at *bridge, kind pcie.PortKind, link pcie.Link, path string) *Port {
	p := &Port{Kind: kind, at: at, number: len(at.ports)}
	p.agent = agent{fabric: f, path: path, id: uint16(at.bus)<<8 | uint16(p.number&0x1f)<<3,
		config: reg.NewFile(pcie.ConfigLen, link.Bridge(kind))}
	p.agent.root = p
	if at.upstream != nil {
		p.agent.root = at.upstream.root
	}
	p.set(pcie.Command, 2, pcie.CommandMemory|pcie.CommandMaster)
	return p
}

// Port is the port above a function.
func (fn *Function) Port() *Port { return fn.plug }

// Ports are the ports of the root complex or a switch towards its devices.
func (b Bridge) Ports() []*Port { return b.b.ports }

// Upstream is the port of a switch towards the root; nil at the root complex.
func (b Bridge) Upstream() *Port { return b.b.upstream }

// Path is the track of a port.
func (p *Port) Path() string { return p.path }

// ConfigRead reads 1, 2, 4 or 8 bytes of the port's configuration space, at no cost of time.
func (p *Port) ConfigRead(off, size int) uint64 { return p.get(off, size) }

// ConfigWrite writes 1, 2, 4 or 8 bytes. Secondary Bus Reset in Bridge Control resets all below.
func (p *Port) ConfigWrite(off, size int, v uint64) {
	before := p.get(pcie.BridgeControl, 2)
	p.config.Write(off, size, v)
	if p.get(pcie.BridgeControl, 2)&^before&pcie.SecondaryReset != 0 {
		p.hotReset()
	}
}

// hotReset resets every function below the port (PCIe 5.0, 6.6.1).
func (p *Port) hotReset() {
	switch {
	case p.fn != nil:
		p.fn.HotReset()
	case p.below != nil:
		for _, q := range p.below.ports {
			q.hotReset()
			reset(&q.agent)
		}
		reset(&p.below.upstream.agent)
	case p.Kind == pcie.UpstreamPort:
		for _, q := range p.at.ports {
			q.hotReset()
		}
	}
}

// kept are the registers that no reset but loss of power changes: "sticky" (PCIe 5.0, 7.4); and
// what the model keeps because it plays the firmware, which would restore it at once.
var kept = []struct{ off, dwords int }{
	{pcie.AERAt + pcie.AERUncorrectable, 5}, {pcie.AERAt + pcie.AERControl, 5},
}

var keptOfBridge = []struct{ off, dwords int }{{pcie.Command, 1}, {pcie.PrimaryBus, 6}}

// reset puts a port's registers to their reset values, but for its place in the tree.
func reset(a *agent) {
	var saved [32]uint64
	n := 0
	for _, k := range append(kept, keptOfBridge...) {
		for i := range k.dwords {
			saved[n] = a.get(k.off+4*i, 4)
			n++
		}
	}
	a.config.Reset()
	n = 0
	for _, k := range append(kept, keptOfBridge...) {
		for i := range k.dwords {
			a.set(k.off+4*i, 4, saved[n])
			n++
		}
	}
}

// cover extends the windows and bus numbers of the ports above a function over it.
func (p *Port) cover(fn *Function) {
	bus := uint64(fn.addr.Bus)
	for ; p != nil; p = p.above() {
		p.numbers(bus)
		for _, b := range fn.spec.BARs {
			base, size := fn.BAR(b.Index)
			if b.Is64 {
				p.widen(pcie.PrefetchBase, base, base+size-1, true)
			} else {
				p.widen(pcie.MemoryBase, base, base+size-1, false)
			}
		}
	}
}

func (p *Port) numbers(bus uint64) {
	p.set(pcie.PrimaryBus, 1, uint64(p.id>>8))
	if p.get(pcie.SecondaryBus, 1) == 0 {
		p.set(pcie.SecondaryBus, 1, bus)
	}
	p.set(pcie.SubordinateBus, 1, max(p.get(pcie.SubordinateBus, 1), bus))
}

// widen makes a memory window, in units of 1 MiB, reach from base to limit.
func (p *Port) widen(at int, base, limit uint64, long bool) {
	lo, hi := p.get(at, 2)&0xfff0<<16, p.get(at+2, 2)&0xfff0<<16|0xfffff
	if long {
		lo |= p.get(pcie.PrefetchBaseHi, 4) << 32
		hi |= p.get(pcie.PrefetchLimitHi, 4) << 32
	}
	if lo > hi {
		lo, hi = base, limit
	}
	lo, hi = min(lo, base), max(hi, limit)
	p.config.Write(at, 2, lo>>16&0xfff0)
	p.config.Write(at+2, 2, hi>>16&0xfff0)
	if long {
		p.set(pcie.PrefetchBaseHi, 4, lo>>32)
		p.set(pcie.PrefetchLimitHi, 4, hi>>32)
	}
}

// above is the next port towards the root.
func (p *Port) above() *Port {
	if p.Kind == pcie.UpstreamPort {
		return p.at.plug
	}
	return p.at.upstream
}

// acs is the port's access control.
func (p *Port) acs() uint64 { return p.get(pcie.ACSAt+pcie.ACSControl, 2) }

// peer applies access control to a packet that came in at this port and would leave towards next
// below the same bridge: it goes up instead, or is refused (PCIe 5.0, 6.12).
func (p *Port) peer(t *tlp, next *Port) (redirect, block bool) {
	acs := p.acs()
	if acs == 0 || next == nil || next == p {
		return false, false
	}
	if t.kind == completion {
		return acs&pcie.ACSComplete != 0, false
	}
	if acs&pcie.ACSEgress != 0 && next.number < 32 &&
		p.get(pcie.ACSAt+pcie.ACSVector, 4)>>next.number&1 != 0 {
		return acs&pcie.ACSRedirect != 0, acs&pcie.ACSRedirect == 0
	}
	return acs&pcie.ACSRedirect != 0 && acs&pcie.ACSEgress == 0, false
}

// lostAt is when a request that nobody will answer runs out of time.
func (f *Fabric) lostAt() sim.Time { return f.eng.Now() + f.Timing.Completion }
