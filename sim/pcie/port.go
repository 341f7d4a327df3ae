package pcie

import (
	"tensoros/hw/spec/pcie"
	"tensoros/sim"
)

// port is a requester: a function, or the processors at the root complex.
type port struct {
	fabric    *Fabric
	fn        *Function // nil for the processors
	mps, mrrs int
	tags      int // reads that may be outstanding
	inFlight  int
	waiting   sim.Queue[*tlp]
	poison    bool
	last      sim.Time // when a processor's latest packet was issued
}

// pendingRead gathers the completions of one read.
type pendingRead struct {
	buf  []byte
	left int
	port *port
	done Done
}

const page = 4096 // no request crosses it (PCIe 5.0, 2.2.7)

// write posts data to addr. data must not change until done fires, at delivery.
func (p *port) write(addr uint64, data []byte, done Done) {
	for {
		n := min(len(data), page-int(addr%page))
		t := p.fabric.packet(memWrite)
		t.train(n, p.mps)
		t.addr, t.from, t.poison = addr, p.fn, p.poison
		if n <= len(t.inline) {
			t.data = t.inline[:copy(t.inline[:], data[:n])]
		} else {
			t.data = data[:n]
		}
		addr += uint64(n)
		data = data[n:]
		if len(data) == 0 {
			t.done = done
			p.issue(t)
			return
		}
		p.issue(t)
	}
}

// fewTags is how many tags a requester must have for its reads to go in trains, whose tags come
// back together: with fewer, each counts by itself.
const fewTags = 64

// read fills buf from addr, then fires done; at once if there is nothing to read.
func (p *port) read(addr uint64, buf []byte, done Done) {
	if len(buf) == 0 {
		if done.To != nil {
			done.To.Fire(p.fabric.eng.Now(), done.Kind, done.Arg)
		}
		return
	}
	id := p.pending(buf, done)
	for off := 0; off < len(buf); {
		n := min(len(buf)-off, page-int((addr+uint64(off))%page))
		if p.tags < fewTags || p.fabric.single {
			n = min(n, p.mrrs)
		}
		t := p.fabric.packet(memRead)
		t.train(n, p.mrrs)
		t.ends = t.n
		t.addr, t.from, t.read, t.offset = addr+uint64(off), p.fn, id, off
		off += n
		p.request(t)
	}
}

func (p *port) pending(buf []byte, done Done) uint32 {
	f := p.fabric
	r := pendingRead{buf, len(buf), p, done}
	if n := len(f.spare); n > 0 {
		id := f.spare[n-1]
		f.spare = f.spare[:n-1]
		f.reads[id] = r
		return id
	}
	f.reads = append(f.reads, r)
	return uint32(len(f.reads) - 1)
}

// request issues non-posted packets as tags are free.
func (p *port) request(t *tlp) {
	p.waiting.Push(t)
	p.requests()
}

func (p *port) requests() {
	for p.waiting.Len() > 0 && p.inFlight < p.tags {
		t := *p.waiting.Peek()
		if room := p.tags - p.inFlight; t.n > room {
			t = p.fabric.cut(t, room)
		} else {
			p.waiting.Pop()
		}
		p.inFlight += t.n
		p.issue(t)
	}
}

// issue sends a packet on its way. A processor's packets leave a picosecond apart: their order is
// the program's, and no tie between events may change it. A processor whose clock runs ahead of
// the world, or whose last packet has not left, needs an event for it.
func (p *port) issue(t *tlp) {
	if p.fn != nil {
		p.fn.up.send(t)
		return
	}
	f := p.fabric
	at := max(f.eng.Now(), p.last+1)
	p.last = at
	if at == f.eng.World() {
		t.bridge = f.root
		f.root.forward(t)
		return
	}
	f.eng.At(at, f, evIssue, uint64(t.index))
}

// complete takes a completion at its requester.
func (f *Fabric) complete(t *tlp) {
	r := &f.reads[t.read]
	r.left -= copy(r.buf[t.offset:], t.data)
	p := r.port
	if t.status != pcie.Successful {
		f.failed(t)
	}
	if r.left == 0 {
		t.done = r.done
		*r = pendingRead{}
		f.spare = append(f.spare, t.read)
	}
	p.inFlight -= t.ends
	if t.ends > 0 && p.waiting.Len() > 0 {
		p.requests()
	}
	f.drop(t)
}

// Processor is a CPU as a requester at the root complex.
type Processor struct{ port port }

// CPU is processor i.
func (f *Fabric) CPU(i int) *Processor {
	for len(f.cpus) <= i {
		c := &Processor{}
		c.port = port{fabric: f, tags: cpuTags, mps: cpuBurst, mrrs: cpuBurst}
		f.cpus = append(f.cpus, c)
	}
	return f.cpus[i]
}

// A processor waits for each of its reads; 64-byte bursts are its write-combining buffers'.
const (
	cpuTags  = 64
	cpuBurst = 64
)

// Read reads len(buf) bytes (1 to 8) of memory-mapped I/O.
func (c *Processor) Read(addr uint64, buf []byte, done Done) { c.port.read(addr, buf, done) }

// Write posts data to memory-mapped I/O; beyond 64 bytes it goes in bursts of 64, as
// write-combining buffers do. data of more than 8 bytes must not change until done fires.
func (c *Processor) Write(addr uint64, data []byte, done Done) { c.port.write(addr, data, done) }

// ConfigRead reads len(buf) bytes (1, 2 or 4) of a function's configuration space.
func (c *Processor) ConfigRead(fn *Function, off int, buf []byte, done Done) {
	t := c.port.fabric.packet(cfgRead)
	t.addr, t.target, t.ends = uint64(off), fn, 1
	t.one(len(buf))
	t.read = c.port.pending(buf, done)
	c.port.request(t)
}

// ConfigWrite writes 1, 2 or 4 bytes of configuration space; done fires when it is completed.
func (c *Processor) ConfigWrite(fn *Function, off int, data []byte, done Done) {
	t := c.port.fabric.packet(cfgWrite)
	t.addr, t.target, t.ends = uint64(off), fn, 1
	t.one(len(data))
	t.data = t.inline[:copy(t.inline[:], data)]
	t.read = c.port.pending(make([]byte, 1), done)
	c.port.request(t)
}
