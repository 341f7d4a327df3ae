package nvme

import (
	"bytes"
	"encoding/binary"
	"testing"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

func TestCompareVerifyCopyZeroes(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	data := pattern(3, 4096)
	io := func(op uint8, lba uint64, blocks uint32, cdw11or12 uint32) spec.Command {
		c := spec.Command{Opcode: op, NSID: 1, CDW12: blocks - 1 | cdw11or12}
		c.SetSLBA(lba)
		return c
	}
	g.ask(1, io(spec.Write, 8, 8, 0), data, spec.Success)
	g.ask(1, io(spec.Compare, 8, 8, 0), data, spec.Success)
	other := bytes.Clone(data)
	other[4095]++
	g.ask(1, io(spec.Compare, 8, 8, 0), other, spec.CompareFailure)
	g.ask(1, io(spec.Compare, 2047, 8, 0), data, spec.LBAOutOfRange)
	g.ask(1, io(spec.Verify, 8, 8, 0), nil, spec.Success)

	ranges := func(rs ...[2]uint64) []byte {
		p := make([]byte, len(rs)*spec.CopyRangeLen)
		for i, r := range rs {
			binary.LittleEndian.PutUint64(p[i*spec.CopyRangeLen+spec.CopySLBAAt:], r[0])
			binary.LittleEndian.PutUint16(p[i*spec.CopyRangeLen+spec.CopyNLBAt:], uint16(r[1]-1))
		}
		return p
	}
	cp := io(spec.Copy, 100, 2, 0)
	e, _ := g.ask(1, cp, ranges([2]uint64{12, 4}, [2]uint64{8, 4}), spec.Success)
	if e.Result != 2 {
		t.Errorf("%d ranges copied", e.Result)
	}
	_, p := g.ask(1, io(spec.Read, 100, 8, 0), nil, spec.Success)
	if !bytes.Equal(p[:2048], data[2048:]) || !bytes.Equal(p[2048:4096], data[:2048]) {
		t.Error("copied wrongly")
	}
	e, _ = g.ask(1, cp, ranges([2]uint64{8, 1}, [2]uint64{2047, 2}), spec.LBAOutOfRange)
	if e.Result != 1 {
		t.Errorf("range %d is blamed", e.Result)
	}
	g.ask(1, cp, ranges([2]uint64{8, copyRange + 1}, [2]uint64{0, 1}), spec.SizeLimitExceeded)
	g.ask(1, io(spec.Copy, 100, copyRanges+1, 0), nil, spec.SizeLimitExceeded)
	g.ask(1, io(spec.Copy, 100, 1, 1<<8), nil, spec.InvalidField)

	g.ask(1, io(spec.WriteUncorrectable, 10, 2, 0), nil, spec.Success)
	for _, op := range []uint8{spec.Read, spec.Verify, spec.Compare} {
		g.ask(1, io(op, 8, 8, 0), data, spec.UnrecoveredRead)
	}
	g.ask(1, io(spec.Read, 8, 2, 0), nil, spec.Success)
	g.ask(1, io(spec.Write, 10, 1, 0), nil, spec.Success)
	g.ask(1, io(spec.Verify, 10, 1, 0), nil, spec.Success)
	g.ask(1, io(spec.Verify, 11, 1, 0), nil, spec.UnrecoveredRead)
	g.ask(1, io(spec.WriteZeroes, 0, 200, 1<<25), nil, spec.Success) // DEAC
	g.ask(1, io(spec.Verify, 8, 8, 0), nil, spec.Success)
	_, p = g.ask(1, io(spec.Read, 100, 8, 0), data, spec.Success)
	if !bytes.Equal(p[:4096], make([]byte, 4096)) {
		t.Error("not zero")
	}
	g.quiet()
}

// Deallocated blocks read zero; a range beyond the namespace deallocates nothing.
func TestDeallocate(t *testing.T) {
	s := NewMemory(1 << 20)
	g := ready(t, &MQSim, s, nil)
	g.ask(1, g.rw(spec.Write, 128, 0, 4096), pattern(1, 4096), spec.Success)
	dsm := func(n uint32, lbas ...uint64) []byte {
		p := make([]byte, 0, 4096)
		for _, lba := range lbas {
			p = binary.LittleEndian.AppendUint32(p, 0)
			p = binary.LittleEndian.AppendUint32(p, n)
			p = binary.LittleEndian.AppendUint64(p, lba)
		}
		return p
	}
	c := spec.Command{Opcode: spec.DSM, NSID: 1, CDW10: 1, CDW11: spec.DSMDealloc}
	g.ask(1, c, dsm(8, 128, 2047), spec.LBAOutOfRange)
	if _, p := g.ask(1, g.rw(spec.Read, 128, 0, 4096), nil, spec.Success); p[0] == 0 && p[1] == 0 {
		t.Error("deallocated by a command that failed")
	}
	g.ask(1, c, dsm(4, 128, 132), spec.Success)
	if _, p := g.ask(1, g.rw(spec.Read, 128, 0, 4096), nil, spec.Success); !bytes.Equal(p[:4096],
		make([]byte, 4096)) {
		t.Error("not zero")
	}
	g.quiet()
}

// sglGuest makes an SGL command: descriptors in memory, or one in the command.
func (g *guest) sgl(op uint8, lba uint64, n int, d spec.SGL) spec.Command {
	c := spec.Command{Opcode: op, NSID: 1, CDW12: uint32(n/512 - 1)}
	c.SetSLBA(lba)
	c.SetSGL1(d)
	return c
}

func (g *guest) segment(ds ...spec.SGL) uint64 {
	at, p := g.alloc(max(4096, len(ds)*spec.SGLLen))
	for i, d := range ds {
		d.Encode(p[i*spec.SGLLen:])
	}
	return at
}

func TestSGLs(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	data := pattern(9, 4096)
	at, p := g.alloc(8192)
	copy(p[1:], data)
	block := func(addr uint64, n int) spec.SGL { return spec.SGL{Addr: addr, Len: uint32(n)} }
	// Byte aligned, in pieces that end inside of blocks.
	last := g.segment(block(at+1+1000, 2000), block(at+1+3000, 5000))
	first := g.segment(block(at+1, 999), block(at+1+999, 1),
		spec.SGL{Addr: last, Len: 32, Type: spec.SGLLastSegment})
	c := g.sgl(spec.Write, 16, 4096, spec.SGL{Addr: first, Len: 48, Type: spec.SGLSegment})
	if e := g.do(1, c); !e.Status.OK() {
		t.Fatal(e.Status)
	}
	clear(p)
	if e := g.do(1, g.sgl(spec.Read, 16, 4096, block(at+3, 4096))); !e.Status.OK() ||
		!bytes.Equal(p[3:4099], data) {
		t.Fatal(e.Status)
	}
	// A bit bucket takes bytes that are read, and none that are written.
	clear(p)
	bucket := spec.SGL{Len: 1024, Type: spec.SGLBitBucket}
	list := g.segment(block(at, 512), bucket, block(at+512, 2560))
	seg := spec.SGL{Addr: list, Len: 48, Type: spec.SGLLastSegment}
	if e := g.do(1, g.sgl(spec.Read, 16, 4096, seg)); !e.Status.OK() ||
		!bytes.Equal(p[:512], data[:512]) || !bytes.Equal(p[512:3072], data[1536:]) ||
		p[3072] != 0 {
		t.Fatal(e.Status)
	}
	if e := g.do(1, g.sgl(spec.Write, 16, 4096, seg)); e.Status.Code() != spec.InvalidSGLLength {
		t.Fatal(e.Status)
	}
	all := g.sgl(spec.Read, 16, 512, spec.SGL{Len: 512, Type: spec.SGLBitBucket})
	if e := g.do(1, all); !e.Status.OK() {
		t.Fatal(e.Status)
	}
	g.quiet()
}

func TestSGLRules(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	at, _ := g.alloc(8192)
	block := spec.SGL{Addr: at, Len: 512}
	seg := func(kind uint8, ds ...spec.SGL) spec.SGL {
		return spec.SGL{Addr: g.segment(ds...), Len: uint32(len(ds) * spec.SGLLen), Type: kind}
	}
	inner := seg(spec.SGLLastSegment, block)
	loop := spec.SGL{Addr: g.segment(spec.SGL{}), Len: 16, Type: spec.SGLSegment}
	g.host.At(loop.Addr, 16)[15] = spec.SGLSegment << 4
	binary.LittleEndian.PutUint64(g.host.At(loop.Addr, 8), loop.Addr)
	g.host.At(loop.Addr, 16)[8] = 16
	mptr := g.sgl(spec.Read, 0, 512, block)
	mptr.Flags = spec.PSDTSGLInMPTR << 6
	for _, c := range []struct {
		name string
		cmd  spec.Command
		want spec.Status
	}{
		{"too short", g.sgl(spec.Read, 0, 1024, block), spec.InvalidSGLLength},
		{"longer than the data", g.sgl(spec.Read, 0, 512, spec.SGL{Addr: at, Len: 8192}),
			spec.Success},
		{"keyed", g.sgl(spec.Read, 0, 512, spec.SGL{Addr: at, Len: 512, Type: spec.SGLKeyed}),
			spec.InvalidSGLType},
		{"offset subtype", g.sgl(spec.Read, 0, 512, spec.SGL{Len: 512, Subtype: 1}),
			spec.InvalidSGLType},
		{"segment of 15 bytes", g.sgl(spec.Read, 0, 512, spec.SGL{Addr: at, Len: 15,
			Type: spec.SGLSegment}), spec.InvalidSGLDescriptor},
		{"empty last segment", g.sgl(spec.Read, 0, 512, spec.SGL{Addr: at,
			Type: spec.SGLLastSegment}), spec.InvalidSGLDescriptor},
		{"last segment points on", g.sgl(spec.Read, 0, 512, seg(spec.SGLLastSegment, inner)),
			spec.InvalidSGLDescriptor},
		{"segment descriptor in the middle", g.sgl(spec.Read, 0, 1024,
			seg(spec.SGLSegment, block, inner, block)), spec.InvalidSGLCount},
		{"segment that does not point on", g.sgl(spec.Read, 0, 512, seg(spec.SGLSegment, block)),
			spec.InvalidSGLDescriptor},
		{"segments in a circle", g.sgl(spec.Read, 0, 512, loop), spec.InvalidSGLDescriptor},
		{"metadata SGL", mptr, spec.InvalidField},
		{"PSDT 3", spec.Command{Opcode: spec.Read, NSID: 1, Flags: 0xc0}, spec.InvalidField},
	} {
		if e := g.do(1, c.cmd); e.Status.Code() != c.want {
			t.Errorf("%s: %v, want %v", c.name, e.Status, c.want)
		}
	}
	g.quiet()
}

// FuzzSGL: whatever a segment holds, the command is answered.
func FuzzSGL(f *testing.F) {
	f.Add(make([]byte, 64), uint8(spec.SGLSegment), uint32(64), true)
	f.Add(bytes.Repeat([]byte{1, 0, 0x10, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0x10}, 4),
		uint8(spec.SGLLastSegment), uint32(64), false)
	f.Fuzz(func(t *testing.T, p []byte, kind uint8, n uint32, write bool) {
		g := ready(t, &MQSim, NewMemory(1<<20), nil)
		at, list := g.alloc(4096)
		copy(list, p)
		op := uint8(spec.Read)
		if write {
			op = spec.Write
		}
		d := spec.SGL{Addr: at, Len: n, Type: kind & 0xf, Subtype: kind >> 4}
		g.put(1, g.sgl(op, 0, 8192, d))
		g.bell(1)
		if _, ok := g.wait(1); !ok {
			t.Fatal("not answered")
		}
		g.eng.Run(sim.Forever)
		if g.ctl.InFlight() != 0 {
			t.Fatal("in flight")
		}
	})
}

// withCMB is a guest whose controller has a memory buffer, placed at its BAR's bus address.
func withCMB(t *testing.T) (*guest, uint64) {
	g := newGuest(t, MQSim.WithCMB(1<<20), NewMemory(1<<20), nil)
	base, _ := g.fn.BAR(cmbBAR)
	if g.read(spec.CMBSZ) != 0 {
		t.Error("CMBSZ is seen without CRE")
	}
	g.write(spec.CMBMSC, uint32(base)|3)
	g.write(spec.CMBMSC+4, uint32(base>>32))
	if spec.CMBSZN.Get(uint64(g.read(spec.CMBSZ))) != 256 ||
		spec.CMBBIR.Get(uint64(g.read(spec.CMBLOC))) != cmbBAR {
		t.Fatalf("CMBSZ %#x, CMBLOC %#x", g.read(spec.CMBSZ), g.read(spec.CMBLOC))
	}
	return g, base
}

// Queues, PRP lists and data in the controller's own memory.
func TestMemoryBuffer(t *testing.T) {
	g, base := withCMB(t)
	g.enable()
	mem := g.ctl.cmb.mem
	g.rings = append(g.rings, ring{id: 1, size: 16, phase: true, acknowledged: true,
		sq: mem[:1024], sqAt: base, cq: mem[4096 : 4096+256], cqAt: base + 4096})
	shape := uint32(15)<<16 | 1
	g.must(spec.Command{Opcode: spec.CreateCQ, PRP1: base + 4096, CDW10: shape, CDW11: 1<<16 | 3})
	g.must(spec.Command{Opcode: spec.CreateSQ, PRP1: base, CDW10: shape, CDW11: 1<<16 | 1})
	data := pattern(4, 16<<10)
	copy(mem[64<<10:], data)
	list := mem[8192:]
	for i := 1; i < 4; i++ {
		binary.LittleEndian.PutUint64(list[8*(i-1):], base+64<<10+uint64(i)*4096)
	}
	w := spec.Command{Opcode: spec.Write, NSID: 1, PRP1: base + 64<<10, PRP2: base + 8192,
		CDW12: 31}
	if e := g.do(1, w); !e.Status.OK() {
		t.Fatal(e.Status)
	}
	at, p := g.alloc(16 << 10)
	e := g.do(1, g.rw(spec.Read, 0, at, 16<<10))
	g.eng.Run(sim.Forever) // a host's read of the entry over the link would push the data
	if !e.Status.OK() || !bytes.Equal(p, data) {
		t.Fatal(e.Status)
	}
	w.PRP1, w.PRP2 = base+1<<20-4096, base+1<<20 // the second page is behind the buffer
	w.CDW12 = 15
	if e := g.do(1, w); e.Status.Code() != spec.InvalidCMBUse {
		t.Fatal(e.Status)
	}
	// The host sees it through the BAR.
	var b [4]byte
	g.ctl.Read(cmbBAR, 64<<10, b[:])
	if !bytes.Equal(b[:], data[:4]) {
		t.Fatalf("% x", b)
	}
	g.quiet()
}

// shadowGuest is a guest with doorbell buffers.
type shadowGuest struct {
	*guest
	doorbells, events []byte
	rung              int
}

func withShadow(t *testing.T) *shadowGuest {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	s := &shadowGuest{guest: g}
	var at, ev uint64
	at, s.doorbells = g.alloc(4096)
	ev, s.events = g.alloc(4096)
	g.ask0(spec.Command{Opcode: spec.DoorbellBuffer, PRP1: at + 8, PRP2: ev}, spec.InvalidField)
	g.ask0(spec.Command{Opcode: spec.DoorbellBuffer, PRP1: at, PRP2: ev}, spec.Success)
	g.rings[1].acknowledged = false
	return s
}

func (g *guest) ask0(c spec.Command, want spec.Status) {
	g.Helper()
	if e := g.do(0, c); e.Status.Code() != want {
		g.Fatalf("%v, want %v", e.Status, want)
	}
}

// update stores a doorbell and rings only if EventIdx asks for it, as hosts do: when the event
// index lies in (old, new] (Base, annex B.5).
func (s *shadowGuest) update(id int, completion bool, v int) {
	off := spec.Doorbell(id, completion, 0) - spec.Doorbells
	old := binary.LittleEndian.Uint32(s.doorbells[off:])
	binary.LittleEndian.PutUint32(s.doorbells[off:], uint32(v))
	event := binary.LittleEndian.Uint32(s.events[off:])
	if uint16(uint32(v)-event-1) < uint16(uint32(v)-old) {
		s.rung++
		s.write(spec.Doorbell(id, completion, 0), uint32(v))
	}
}

// With shadow doorbells every command is seen though few doorbells ring, whatever the timing.
func TestShadowDoorbells(t *testing.T) {
	s := withShadow(t)
	at, _ := s.alloc(4096)
	r := sim.NewRand(5, "shadow")
	const total = 400
	done, sent := 0, 0
	for done < total {
		for sent < total && sent-done < 40 && r.Intn(3) > 0 {
			s.put(1, s.rw(spec.Read, uint64(sent%8), at, 512))
			sent++
			s.update(1, false, s.rings[1].tail)
		}
		for range r.Intn(60) {
			if !s.eng.Step() {
				break
			}
		}
		for {
			if _, ok := s.poll(1); !ok {
				break
			}
			done++
			s.update(1, true, s.rings[1].head)
		}
		if s.eng.NextAt() == sim.Forever && done < sent && sent == total {
			t.Fatalf("%d of %d commands seen, %d doorbells", done, total, s.rung)
		}
	}
	if s.rung >= 2*total {
		t.Errorf("%d doorbells for %d commands: nothing is saved", s.rung, total)
	}
	if len(s.ctl.Findings) != 0 {
		t.Error(s.ctl.Findings)
	}
	s.quiet()
}

// A doorbell that was under way while the shadow moved on is older than what was read: it must not
// bring old entries back. Linux's request tags gave this away under vfio-user.
func TestStaleDoorbellOfShadow(t *testing.T) {
	s := withShadow(t)
	at, _ := s.alloc(4096)
	for range 3 {
		s.put(1, s.rw(spec.Read, 0, at, 512))
		s.update(1, false, s.rings[1].tail)
	}
	s.eng.Run(sim.Forever)
	for _, stale := range []uint32{1, 2, 0} {
		s.write(spec.Doorbell(1, false, 0), stale)
		s.write(spec.Doorbell(1, true, 0), stale)
		s.eng.Run(sim.Forever)
	}
	for i := range 4 {
		if e, ok := s.poll(1); ok != (i < 3) {
			t.Fatalf("completion %d: %+v %v", i, e, ok)
		}
	}
	if len(s.ctl.Findings) != 0 {
		t.Error(s.ctl.Findings)
	}
	s.quiet()
}

// A full completion queue goes on when its head moves in the shadow alone.
func TestShadowCompletionHead(t *testing.T) {
	s := withShadow(t)
	s.guest.queue(2, 4)
	s.rings[2].acknowledged = false
	at, _ := s.alloc(4096)
	seen := 0
	for i := range 9 {
		s.put(2, s.rw(spec.Read, 0, at, 512))
		s.update(2, false, s.rings[2].tail)
		if i%3 < 2 {
			continue
		}
		for {
			s.eng.Run(sim.Forever)
			if _, ok := s.poll(2); !ok {
				break
			}
			seen++
			s.update(2, true, s.rings[2].head)
		}
	}
	if seen != 9 {
		t.Fatalf("%d of 9", seen)
	}
	s.quiet()
}

// Under weighted round robin a burst of each class goes by its weight; urgent goes first.
func TestWeightedArbitration(t *testing.T) {
	g := newGuest(t, &MQSim, NewMemory(1<<20), nil)
	g.cc = 1 << 11
	g.enable()
	g.must(spec.Command{Opcode: spec.SetFeatures, CDW10: spec.FeatArbitration,
		CDW11: 7<<24 | 3<<16}) // high 8, medium 4, low 1; one command at once
	for id := 1; id <= 4; id++ {
		g.prio = uint32(id - 1)
		g.queue(id, 64)
	}
	// Fill the arbiter by hand: what it launches in which order is its whole work.
	c := g.ctl
	var order []int
	for id := 1; id <= 4; id++ {
		c.sqs[id].tail = 40
	}
	for id := 4; id >= 1; id-- {
		c.arb.ready[c.sqs[id].class].Push(c.sqs[id])
	}
	for range 30 {
		k, ok := c.arb.choose(c)
		if !ok {
			break
		}
		q := c.arb.ready[k].Pop()
		order = append(order, q.id)
		q.head++
		if k >= classHigh {
			c.arb.credit[k]--
		}
		if q.head < q.tail && (q.id != 1 || q.head < 4) {
			c.arb.ready[k].Push(q)
		}
	}
	want := []int{1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4,
		2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4}
	for i := range want {
		if order[i] != want[i] {
			t.Fatalf("%v, want %v", order, want)
		}
	}
}
