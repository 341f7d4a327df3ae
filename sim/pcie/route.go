package pcie

import "tensoros/hw/spec/pcie"

// arrive takes a packet that is to be forwarded.
func (b *bridge) arrive(t *tlp) {
	t.bridge = b
	b.fabric.eng.At(b.fabric.eng.Now()+b.latency, b.fabric, evForward, uint64(t.index))
}

// forward sends a packet on, or ends it here.
func (b *bridge) forward(t *tlp) {
	f := b.fabric
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
	next := b.towards(target)
	if split := f.Timing.SplitP2P; t.kind == memWrite && b == f.root && t.from != nil &&
		split > 0 && t.size > split {
		b.split(t, next, split)
		return
	}
	next.send(t)
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

// split cuts a peer-to-peer write; the last piece holds the credits and the Done of the whole.
func (b *bridge) split(t *tlp, next *half, size int) {
	f := b.fabric
	for t.size > size {
		piece := f.packet(memWrite)
		piece.addr, piece.size, piece.data, piece.from = t.addr, size, t.data[:size], t.from
		t.addr += uint64(size)
		t.size -= size
		t.data = t.data[size:]
		next.send(piece)
	}
	next.send(t)
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
	case t.addr >= msiBase && t.addr < msiLimit:
		f.deliver(t.addr, uint32(t.data[0])|uint32(t.data[1])<<8|uint32(t.data[2])<<16|
			uint32(t.data[3])<<24)
	default:
		if !f.host.Write(t.addr, t.data[:t.size]) {
			f.find("PCIE-2.3.1-UR", t.track(), "%d byte write to %#x, where nothing is", t.size,
				t.addr)
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
			f.find("PCIE-2.3.1-UR", t.track(), "%d byte read of %#x, where nothing is", t.size,
				t.addr)
			p = ones(t.size)
		}
	}
	f.reply(t, p, func(c *tlp) {
		c.bridge = f.root
		f.root.forward(c)
	})
}

func ones(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = 0xff
	}
	return p
}

// reply turns a request into its completions: pieces of at most MPS that end on the read
// completion boundary (PCIe 5.0, 2.3.1.1).
func (f *Fabric) reply(t *tlp, data []byte, send func(*tlp)) {
	mps := cpuBurst
	if t.from != nil {
		mps = t.from.port.mps
	}
	for off := 0; ; {
		n := len(data) - off
		if room := mps - int((t.addr+uint64(off))%pcie.RCB); n > room {
			n = room
		}
		c := f.packet(completion)
		c.target, c.read, c.offset, c.addr = t.from, t.read, t.offset+off, t.addr+uint64(off)
		if n <= len(c.inline) {
			c.data = c.inline[:copy(c.inline[:], data[off:off+n])]
		} else {
			c.data = data[off : off+n]
		}
		c.size = n
		off += n
		c.last = off == len(data)
		send(c)
		if c.last {
			break
		}
	}
	f.drop(t)
}
