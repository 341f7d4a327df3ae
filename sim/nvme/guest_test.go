package nvme

import (
	"encoding/binary"
	"testing"

	spec "tensoros/hw/spec/nvme"
	hwpcie "tensoros/hw/spec/pcie"
	"tensoros/sim"
	"tensoros/sim/mem"
	"tensoros/sim/pcie"
	"tensoros/traces"
)

// guest is the least software that can drive a controller: rings in host memory and an engine that
// runs until an answer is there.
type guest struct {
	testing.TB
	eng      *sim.Engine
	rec      *traces.Recorder
	host     *mem.Host
	fabric   *pcie.Fabric
	ctl      *Controller
	fn       *pcie.Function
	base     uint64
	rings    []ring
	cid      uint16
	messages []uint32
	cc, prio uint32 // more bits of CC; priority of queues to come
}

// ring is a submission and completion queue pair of the same size.
type ring struct {
	id           int
	sq, cq       []byte
	sqAt, cqAt   uint64
	size         int
	tail, head   int
	phase        bool
	acknowledged bool // ring the head doorbell for each completion
}

const guestRing = 64

func newGuest(t testing.TB, prof *Profile, store Store, rec *traces.Recorder) *guest {
	g := &guest{TB: t, eng: sim.NewEngine(), rec: rec, host: mem.NewHost(1<<20, 1<<30)}
	g.fabric = pcie.New(g.eng, rec, g.host, pcie.DefaultTiming, func(_ uint64, data uint32) {
		g.messages = append(g.messages, data)
	})
	var err error
	g.ctl, g.fn, err = Attach(g.eng, rec, g.fabric, g.fabric.Root(), "nvme0", prof, store)
	if err != nil {
		t.Fatal(err)
	}
	g.base, _ = g.fn.BAR(0)
	g.config(hwpcie.Command, 2, hwpcie.CommandMemory|hwpcie.CommandMaster)
	g.config(0x60+hwpcie.ExpDevCtl, 2, 0x2830) // payloads of 256 bytes, as hw/pci.Enable sets
	return g
}

// ready returns a guest with the admin queue and one I/O queue up.
func ready(t testing.TB, prof *Profile, store Store, rec *traces.Recorder) *guest {
	g := newGuest(t, prof, store, rec)
	g.enable()
	g.queue(1, guestRing)
	return g
}

func (g *guest) config(off, size int, v uint64) {
	var p [8]byte
	binary.LittleEndian.PutUint64(p[:], v)
	g.fabric.CPU(0).ConfigWrite(g.fn, off, p[:size], pcie.Done{})
	g.eng.Run(sim.Forever)
}

func (g *guest) write(off int, v uint32) {
	var p [4]byte
	binary.LittleEndian.PutUint32(p[:], v)
	g.fabric.CPU(0).Write(g.base+uint64(off), p[:], pcie.Done{})
}

func (g *guest) read(off int) uint32 {
	var p [4]byte
	g.fabric.CPU(0).Read(g.base+uint64(off), p[:], pcie.Done{})
	g.eng.Run(sim.Forever)
	return binary.LittleEndian.Uint32(p[:])
}

func (g *guest) alloc(n int) (uint64, []byte) {
	at, p, ok := g.host.Alloc(n)
	if !ok {
		g.Fatal("out of memory")
	}
	return at, p
}

func (g *guest) ring(id, size int) ring {
	r := ring{id: id, size: size, phase: true, acknowledged: true}
	r.sqAt, r.sq = g.alloc(size * spec.SQELen)
	r.cqAt, r.cq = g.alloc(size * spec.CQELen)
	return r
}

func (g *guest) enable() {
	r := g.ring(0, guestRing)
	g.rings = []ring{r}
	g.write(spec.AQA, (guestRing-1)<<16|(guestRing-1))
	g.write(spec.ASQ, uint32(r.sqAt))
	g.write(spec.ASQ+4, uint32(r.sqAt>>32))
	g.write(spec.ACQ, uint32(r.cqAt))
	g.write(spec.ACQ+4, uint32(r.cqAt>>32))
	g.write(spec.CC, 0x460001|g.cc)
	g.eng.Run(sim.Forever)
	if uint64(g.read(spec.CSTS))&^spec.CSTSNSSRO.Mask() != 1 {
		g.Fatalf("CSTS %#x after enable", g.read(spec.CSTS))
	}
}

// queue creates a pair of I/O queues that raises vector id.
func (g *guest) queue(id, size int) {
	r := g.ring(id, size)
	shape := uint32(size-1)<<16 | uint32(id)
	g.must(spec.Command{Opcode: spec.CreateCQ, PRP1: r.cqAt, CDW10: shape,
		CDW11: uint32(id)<<16 | 3})
	g.must(spec.Command{Opcode: spec.CreateSQ, PRP1: r.sqAt, CDW10: shape,
		CDW11: uint32(id)<<16 | g.prio<<1 | 1})
	g.rings = append(g.rings, r)
}

// put places a command in a queue without ringing.
func (g *guest) put(q int, c spec.Command) uint16 {
	r := &g.rings[q]
	g.cid++
	c.CID = g.cid
	c.Encode(r.sq[r.tail*spec.SQELen:])
	r.tail = (r.tail + 1) % r.size
	return g.cid
}

func (g *guest) bell(q int) {
	g.write(spec.Doorbell(g.rings[q].id, false, 0), uint32(g.rings[q].tail))
}

// poll takes a completion if there is one.
func (g *guest) poll(q int) (spec.Completion, bool) {
	r := &g.rings[q]
	e := spec.DecodeCompletion(r.cq[r.head*spec.CQELen:])
	if e.Phase != r.phase {
		return e, false
	}
	if r.head++; r.head == r.size {
		r.head, r.phase = 0, !r.phase
	}
	if r.acknowledged {
		g.write(spec.Doorbell(r.id, true, 0), uint32(r.head))
	}
	return e, true
}

// do runs one command to its completion.
func (g *guest) do(q int, c spec.Command) spec.Completion {
	g.Helper()
	cid := g.put(q, c)
	g.bell(q)
	e, ok := g.wait(q)
	if !ok {
		g.Fatalf("command %+v is not answered", c)
	}
	if e.CID != cid || int(e.SQID) != g.rings[q].id {
		g.Fatalf("completion %+v for command %d", e, cid)
	}
	return e
}

func (g *guest) wait(q int) (e spec.Completion, ok bool) {
	for {
		if e, ok = g.poll(q); ok {
			return e, true
		}
		if !g.eng.Step() {
			return e, false
		}
	}
}

func (g *guest) must(c spec.Command) spec.Completion {
	g.Helper()
	e := g.do(0, c)
	if !e.Status.OK() {
		g.Fatalf("%s: %v", spec.OpcodeName(c.Opcode, true), e.Status)
	}
	return e
}

// rw makes a Read or Write of n bytes at a block, with as much of a PRP list as it takes.
func (g *guest) rw(op uint8, lba uint64, addr uint64, n int) spec.Command {
	c := spec.Command{Opcode: op, NSID: 1, PRP1: addr}
	c.SetSLBA(lba)
	c.CDW12 = uint32(n>>g.ctl.Profile.BlockShift) - 1
	first := min(n, 4096-int(addr%4096))
	next := addr + uint64(first)
	switch rest := n - first; {
	case rest <= 0:
	case rest <= 4096:
		c.PRP2 = next
	default:
		at, list := g.alloc((rest + 4095) / 4096 * 8)
		for i := 0; i < rest; i += 4096 {
			binary.LittleEndian.PutUint64(list[i/4096*8:], next+uint64(i))
		}
		c.PRP2 = at
	}
	return c
}

// quiet checks that nothing is left under way.
func (g *guest) quiet() {
	g.Helper()
	g.eng.Run(sim.Forever)
	if n := g.fabric.InFlight(); n != 0 {
		g.Errorf("%d packets in flight", n)
	}
	c := g.ctl
	if c.InFlight() != 0 || c.slots.live() != 0 || c.ops.live() != 0 || c.fetches.live() != 0 ||
		c.probes.live() != 0 || c.arb.inFlight != 0 {
		g.Errorf("left: %d commands, %d slots, %d ops, %d fetches, %d probes, %d reads",
			c.InFlight(), c.slots.live(), c.ops.live(), c.fetches.live(),
			c.probes.live(), c.arb.inFlight)
	}
	if c.dma.inFlight != 0 || c.dma.buffered != c.flash.filling {
		g.Errorf("%d bytes on the link, %d buffered, %d filling", c.dma.inFlight, c.dma.buffered,
			c.flash.filling)
	}
}

func pattern(seed uint64, n int) []byte {
	p := make([]byte, n)
	r := sim.NewRand(seed, "pattern")
	for i := range p {
		p[i] = byte(r.Uint64())
	}
	return p
}
