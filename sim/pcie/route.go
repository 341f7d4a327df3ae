package pcie

import (
	"tensoros/hw/spec/pcie"
	"tensoros/sim"
)

// sink ends what the root complex keeps for itself; anything else is forwarded packet by packet,
// because it may meet others on its way out.
func (b *bridge) sink(t *tlp) (wait sim.Time, event uint32, whole bool) {
	f := b.fabric
	if b.up == nil {
		if f.iommu != nil && t.from != nil && t.kind != completion {
			return b.latency, evForward, false
		}
		switch {
		case t.kind == completion && t.target == nil:
			return b.latency, evSink, true
		case t.kind == memWrite && f.window(t.addr) == nil:
			return b.latency, evSink, true
		case t.kind == memRead && f.window(t.addr) == nil:
			return b.latency + f.Timing.HostRead, evRoot, true
		}
	}
	return b.latency, evForward, false
}

// forward sends a packet on, or ends it here.
func (b *bridge) forward(t *tlp) {
	f := b.fabric
	if f.iommu != nil && b == f.root && !f.iommu.admit(b, t) {
		return
	}
	target := t.target
	if t.kind == memWrite || t.kind == memRead {
		if w := f.window(t.addr); w != nil {
			target = w.fn
		}
	}
	if target == nil {
		if b.up != nil {
			b.up.send(t)
			return
		}
		f.arriveRoot(t)
		return
	}
	if target.lost && b == target.above && t.kind != completion {
		b.refuse(t, &target.plug.agent) // the link is down (PCIe 5.0, 2.9.1)
		return
	}
	next := b.towards(target)
	if in := t.ingress; in != nil && in.up && next != b.up {
		redirect, block := in.port.peer(t, next.port)
		if block {
			in.port.report(&pcie.ACSViolation, t, t.kind != memWrite)
			b.refuse(t, nil)
			return
		}
		if redirect && b.up != nil {
			next = b.up
		}
	}
	if split := f.Timing.SplitP2P; t.kind == memWrite && b == f.root && t.from != nil &&
		split > 0 && t.size > split {
		t.train(t.size, split) // as many writes; the last gives back the credits of the whole
	}
	next.send(t)
}

// refuse ends a request here: unsupported. The answer takes as long as passing through.
func (b *bridge) refuse(t *tlp, by *agent) {
	f := b.fabric
	f.refuse(t, by, pcie.UnsupportedRequest)
	if t.kind == memWrite {
		f.drop(t)
		return
	}
	t.bridge = b
	f.eng.At(f.eng.Now()+b.latency, f, evRefuse, uint64(t.index))
}

// refused sends the completion of a request that the bridge has refused.
func (b *bridge) refused(t *tlp) {
	next := b.up
	if t.from != nil {
		next = b.towards(t.from)
	}
	b.fabric.reply(t, ones(t.size), next)
}

// towards is the link on the way to fn: down if fn is below, else up.
func (b *bridge) towards(fn *Function) *half {
	if fn.above == b {
		return fn.down
	}
	for below := fn.above; below.above != nil; below = below.above {
		if below.above == b {
			return below.down
		}
	}
	return b.up
}

// arriveRoot ends a packet at the root complex.
func (f *Fabric) arriveRoot(t *tlp) {
	switch t.kind {
	case memWrite:
		f.writeHost(t)
	case memRead:
		f.eng.At(f.eng.Now()+f.Timing.HostRead, f, evRoot, uint64(t.index))
	case completion:
		f.complete(t)
	default:
		panic("pcie: configuration request without a target")
	}
}

func (f *Fabric) writeHost(t *tlp) {
	switch {
	case t.addr >= msiBase && t.addr < msiLimit && len(t.data) != 4:
		f.find("PCIE-7.7-MSI", t.track(), "%d byte message to %#x, want 4", len(t.data), t.addr)
	case t.addr >= msiBase && t.addr < msiLimit:
		f.deliver(t.addr, uint32(t.data[0])|uint32(t.data[1])<<8|uint32(t.data[2])<<16|
			uint32(t.data[3])<<24)
	case t.poison:
		f.find(pcie.PoisonedTLP.Rule, t.track(), "poisoned write of %d bytes to %#x", t.size,
			t.addr)
	default:
		if !f.host.Write(t.addr, t.data[:t.size]) {
			f.nothing(t, "write to")
		}
	}
	f.drop(t)
}

func (t *tlp) track() string {
	if t.from != nil {
		return t.from.path
	}
	return "cpu"
}

// readHost answers a read of host memory, or of nothing: all ones.
func (f *Fabric) readHost(t *tlp) {
	p := f.host.At(t.addr, t.size)
	if p == nil {
		p = make([]byte, t.size)
		if !f.host.Read(t.addr, p) {
			f.nothing(t, "read of")
			p = ones(t.size)
		}
	}
	var next *half
	if t.from != nil {
		next = f.root.towards(t.from)
	}
	f.reply(t, p, next)
}

// nothing answers an address that nobody claims. If it belongs to a function that does not decode
// now, that function has seen the request and logs it.
func (f *Fabric) nothing(t *tlp, what string) {
	var by *agent
	for _, fn := range f.funcs {
		for _, b := range fn.spec.BARs {
			if base, size := fn.BAR(b.Index); t.addr-base < size && fn != t.from && !fn.lost {
				by = &fn.agent
			}
		}
	}
	f.refuse(t, by, pcie.UnsupportedRequest)
	f.find("PCIE-2.3.1-UR", t.track(), "%d byte %s %#x, where nothing is", t.size, what, t.addr)
}

func ones(n int) []byte {
	p := make([]byte, n)
	fill(p)
	return p
}

// fill makes p what a read of nothing gives.
func fill(p []byte) {
	for i := range p {
		p[i] = 0xff
	}
}

// reply turns a train of requests into its completions: pieces of at most MPS that end on the read
// completion boundary (PCIe 5.0, 2.3.1.1).
func (f *Fabric) reply(t *tlp, data []byte, next *half) {
	chunk := cpuBurst
	if t.from != nil {
		chunk = t.from.port.mps
	}
	if limit := f.Timing.ReadChunk; limit > 0 && t.target == nil {
		chunk = min(chunk, limit)
	}
	if t.status != pcie.Successful {
		f.completion(t, data, 0, len(data), max(1, len(data)), next, t.ends)
		f.drop(t)
		return
	}
	if t.addr%pcie.RCB == 0 && (t.n == 1 || t.piece%chunk == 0 || t.piece < chunk) {
		f.completion(t, data, 0, len(data), min(chunk, t.piece), next, t.ends)
		f.drop(t)
		return
	}
	for at := 0; ; {
		end := min(at+t.piece, len(data))
		ends := min(1, t.ends)
		if end == len(data) {
			ends = t.ends
		}
		t.ends -= ends
		head := min(end-at, chunk-int((t.addr+uint64(at))%pcie.RCB))
		if at+head < end {
			f.completion(t, data, at, at+head, chunk, next, 0)
			f.completion(t, data, at+head, end, chunk, next, ends)
		} else {
			f.completion(t, data, at, end, chunk, next, ends)
		}
		if at = end; at == len(data) {
			break
		}
	}
	f.drop(t)
}

// completion sends data[at:end] of the answer to t.
func (f *Fabric) completion(t *tlp, data []byte, at, end, chunk int, next *half, ends int) {
	c := f.packet(completion)
	c.train(end-at, chunk)
	c.target, c.read, c.offset, c.addr = t.from, t.read, t.offset+at, t.addr+uint64(at)
	c.ends, c.status = ends, t.status
	if n := end - at; n <= len(c.inline) {
		c.data = c.inline[:copy(c.inline[:], data[at:end])]
	} else {
		c.data = data[at:end]
	}
	if next == nil {
		f.complete(c)
		return
	}
	next.send(c)
}
