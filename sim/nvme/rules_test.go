package nvme

import (
	"encoding/binary"
	"testing"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// Each row is a rule of the standard and the status that keeps it.
func TestAdminRules(t *testing.T) {
	const at = 1 << 20 // page aligned; what is refused is never used
	shape := func(id, size int) uint32 { return uint32(size-1)<<16 | uint32(id) }
	cq := func(id, size int, cdw11 uint32) spec.Command {
		return spec.Command{Opcode: spec.CreateCQ, PRP1: at, CDW10: shape(id, size), CDW11: cdw11}
	}
	sq := func(id, size int, cdw11 uint32) spec.Command {
		return spec.Command{Opcode: spec.CreateSQ, PRP1: at, CDW10: shape(id, size), CDW11: cdw11}
	}
	for _, c := range []struct {
		name string
		cmd  spec.Command
		want spec.Status
	}{
		{"CQ id 0", cq(0, 8, 1), spec.InvalidQueueID},
		{"CQ id twice", cq(1, 8, 1), spec.InvalidQueueID},
		{"CQ id beyond what is granted", cq(maxQueues+1, 8, 1), spec.InvalidQueueID},
		{"CQ of one entry", cq(2, 1, 1), spec.InvalidQueueSize},
		{"CQ above MQES", cq(2, 1025, 1), spec.InvalidQueueSize},
		{"CQ not contiguous", cq(2, 8, 0), spec.InvalidField},
		{"CQ vector beyond the table", cq(2, 8, vectors<<16|3), spec.InvalidVector},
		{"CQ off its page", spec.Command{Opcode: spec.CreateCQ, PRP1: at + 8, CDW10: shape(2, 8),
			CDW11: 1},
			spec.InvalidPRPOffset},
		{"SQ id 0", sq(0, 8, 1<<16|1), spec.InvalidQueueID},
		{"SQ id twice", sq(1, 8, 1<<16|1), spec.InvalidQueueID},
		{"SQ on no CQ", sq(2, 8, 5<<16|1), spec.CQInvalid},
		{"SQ on the admin CQ", sq(2, 8, 1), spec.CQInvalid},
		{"SQ on a CQ id out of range", sq(2, 8, 99<<16|1), spec.InvalidQueueID},
		{"SQ above MQES", sq(2, 1025, 1<<16|1), spec.InvalidQueueSize},
		{"SQ not contiguous", sq(2, 8, 1<<16), spec.InvalidField},
		{"delete CQ 0", spec.Command{Opcode: spec.DeleteCQ}, spec.InvalidQueueID},
		{"delete SQ 0", spec.Command{Opcode: spec.DeleteSQ}, spec.InvalidQueueID},
		{"delete CQ before its SQ", spec.Command{Opcode: spec.DeleteCQ, CDW10: 1},
			spec.InvalidQueueDeletion},
		{"delete SQ that is not", spec.Command{Opcode: spec.DeleteSQ, CDW10: 9},
			spec.InvalidQueueID},
		{"queues after a queue", spec.Command{Opcode: spec.SetFeatures, CDW10: 7, CDW11: 0x10001},
			spec.SequenceError},
		{"feature unknown", spec.Command{Opcode: spec.GetFeatures, CDW10: 0x77}, spec.InvalidField},
		{"feature saved", spec.Command{Opcode: spec.SetFeatures, CDW10: 1<<31 | 4},
			spec.FeatureNotSaveable},
		{"log unknown", spec.Command{Opcode: spec.GetLogPage, CDW10: 0x7e}, spec.InvalidLogPage},
		{"log offset beyond", spec.Command{Opcode: spec.GetLogPage, CDW10: 2, CDW12: 516},
			spec.InvalidField},
		{"fabrics", spec.Command{Opcode: spec.Fabrics}, spec.InvalidOpcode},
		{"fused", spec.Command{Opcode: spec.Identify, Flags: 1, CDW10: 1, PRP1: at},
			spec.InvalidField},
		{"SGL", spec.Command{Opcode: spec.Identify, Flags: 0x40, CDW10: 1, PRP1: at},
			spec.InvalidField},
		{"identify namespace 0", spec.Command{Opcode: spec.Identify, PRP1: at},
			spec.InvalidNamespace},
		{"identify namespace beyond NN", spec.Command{Opcode: spec.Identify, NSID: maxSpaces + 1,
			PRP1: at},
			spec.InvalidNamespace},
		{"identify CNS", spec.Command{Opcode: spec.Identify, CDW10: 0x55, PRP1: at},
			spec.InvalidField},
		{"identify odd PRP1", spec.Command{Opcode: spec.Identify, CDW10: 1, PRP1: at + 2},
			spec.InvalidPRPOffset},
		{"identify PRP2 off its page", spec.Command{Opcode: spec.Identify, CDW10: 1, PRP1: at + 4,
			PRP2: at + 8},
			spec.InvalidPRPOffset},
	} {
		g := ready(t, &MQSim, NewMemory(1<<20), nil)
		if e := g.do(0, c.cmd); e.Status.Code() != c.want {
			t.Errorf("%s: %v, want %v", c.name, e.Status, c.want)
		}
		g.quiet()
	}
}

func TestIORules(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	at, _ := g.alloc(256 << 10)
	rw := func(op uint8, f func(*spec.Command)) spec.Command {
		c := g.rw(op, 0, at, 4096)
		f(&c)
		return c
	}
	for _, c := range []struct {
		name string
		cmd  spec.Command
		want spec.Status
	}{
		{"opcode", rw(0x7d, func(*spec.Command) {}), spec.InvalidOpcode},
		{"namespace 0", rw(spec.Read, func(c *spec.Command) { c.NSID = 0 }), spec.InvalidNamespace},
		{"namespace all", rw(spec.Write, func(c *spec.Command) { c.NSID = 1<<32 - 1 }),
			spec.InvalidField},
		{"namespace inactive", rw(spec.Read, func(c *spec.Command) { c.NSID = 2 }),
			spec.InvalidField},
		{"namespace beyond NN", rw(spec.Read, func(c *spec.Command) { c.NSID = maxSpaces + 1 }),
			spec.InvalidNamespace},
		{"LBA beyond", rw(spec.Read, func(c *spec.Command) { c.CDW10 = 2041 }), spec.LBAOutOfRange},
		{"LBA wraps", rw(spec.Read, func(c *spec.Command) { c.SetSLBA(^uint64(0)) }),
			spec.LBAOutOfRange},
		{"last block", rw(spec.Read, func(c *spec.Command) { c.CDW10 = 2040 }), spec.Success},
		{"above MDTS", rw(spec.Read, func(c *spec.Command) { c.CDW12 = 1024 }), spec.InvalidField},
		{"odd PRP1", rw(spec.Read, func(c *spec.Command) { c.PRP1++ }), spec.InvalidPRPOffset},
		{"PRP list off 8", rw(spec.Read, func(c *spec.Command) { c.CDW12, c.PRP2 = 31, at+4 }),
			spec.InvalidPRPOffset},
		{"flush", spec.Command{Opcode: spec.Flush, NSID: 1}, spec.Success},
		{"zeroes", rw(spec.WriteZeroes, func(*spec.Command) {}), spec.Success},
		{"DSM", rw(spec.DSM, func(c *spec.Command) { c.CDW10 = 0 }), spec.Success},
		{"FUA", rw(spec.Write, func(c *spec.Command) { c.CDW12 |= 1 << 30 }), spec.Success},
	} {
		if e := g.do(1, c.cmd); e.Status.Code() != c.want {
			t.Errorf("%s: %v, want %v", c.name, e.Status, c.want)
		}
	}
	if g.ctl.errors.count != 10 {
		t.Errorf("%d entries in the error log, want 10", g.ctl.errors.count)
	}
	g.quiet()
}

// A list that starts near the end of a page goes on in the page that its last slot names.
func TestPRPListChains(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	const n = 64 << 10
	at, p := g.alloc(n)
	lists, l := g.alloc(3 * 4096)
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(l[off:], v) }
	put(4080, at+4096)
	put(4088, lists+8192)
	for i := 2; i < 16; i++ {
		put(8192+8*(i-2), at+uint64(i*4096))
	}
	want := pattern(5, n)
	if err := g.ctl.Store.WriteAt(0, want); err != nil {
		t.Fatal(err)
	}
	c := g.rw(spec.Read, 0, at, n)
	c.PRP2 = lists + 4080
	if e := g.do(1, c); !e.Status.OK() || string(p) != string(want) {
		t.Fatalf("%v", e.Status)
	}
}

// With room for three completions a queue of four stalls, and goes on when the head moves.
func TestFullCompletionQueueStalls(t *testing.T) {
	g := newGuest(t, &MQSim, NewMemory(1<<20), nil)
	g.enable()
	g.queue(1, 4)
	g.rings[1].acknowledged = false
	at, _ := g.alloc(4096)
	seen := 0
	for round := range 2 {
		for range 3 {
			g.put(1, g.rw(spec.Read, 0, at, 512))
		}
		g.bell(1)
		g.eng.Run(sim.Forever)
		for {
			if _, ok := g.poll(1); !ok {
				break
			}
			seen++
		}
		if seen != 3 {
			t.Fatalf("round %d: %d completions with the head at rest", round, seen)
		}
	}
	for range 4 {
		g.write(spec.Doorbell(1, true, 0), uint32(g.rings[1].head))
		g.eng.Run(sim.Forever)
		for {
			if _, ok := g.poll(1); !ok {
				break
			}
			seen++
		}
	}
	if seen != 6 || len(g.ctl.Findings) != 0 {
		t.Fatalf("%d completions, %v", seen, g.ctl.Findings)
	}
	g.quiet()
}

// A bad doorbell completes an Asynchronous Event Request once; the next event waits until the
// error log is read.
func TestBadDoorbellsAreEvents(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	for range maxAERs {
		g.put(0, spec.Command{Opcode: spec.AsyncEvent})
	}
	g.bell(0)
	g.eng.Run(sim.Forever)
	if e := g.do(0, spec.Command{Opcode: spec.AsyncEvent}); e.Status.Code() != spec.AERLimit {
		t.Fatalf("a fifth request: %v", e.Status)
	}
	g.write(spec.Doorbell(1, false, 0), 64) // beyond the queue
	g.write(spec.Doorbell(1, true, 0), 3)   // more than was posted
	g.write(spec.Doorbell(9, false, 0), 1)  // no such queue
	e, ok := g.wait(0)
	if want := uint32(spec.EventBadValue<<8 | spec.LogError<<16); !ok || e.Result != want {
		t.Fatalf("%+v, want %#x", e, want)
	}
	if e, ok = g.wait(0); ok {
		t.Fatalf("a second event before the log was read: %+v", e)
	}
	at, _ := g.alloc(4096)
	g.put(0, spec.Command{Opcode: spec.GetLogPage, PRP1: at, CDW10: 127<<16 | spec.LogError})
	g.bell(0)
	for range 2 {
		if e, ok = g.wait(0); !ok || !e.Status.OK() {
			t.Fatalf("%+v", e)
		}
	}
	if len(g.ctl.Findings) != 3 {
		t.Fatal(g.ctl.Findings)
	}
}

func TestInterruptsFollowEntries(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	var entry [16]byte
	binary.LittleEndian.PutUint64(entry[:], 0xfee00000)
	binary.LittleEndian.PutUint32(entry[8:], 77)
	for i := 0; i < 16; i += 4 {
		g.write(vectorTable+16+i, binary.LittleEndian.Uint32(entry[i:]))
	}
	g.config(0x52, 2, 0x8000)
	at, _ := g.alloc(4096)
	g.put(1, g.rw(spec.Read, 0, at, 512))
	g.bell(1)
	for len(g.messages) == 0 && g.eng.Step() {
	}
	if len(g.messages) != 1 || g.messages[0] != 77 {
		t.Fatalf("messages %v", g.messages)
	}
	if _, ok := g.poll(1); !ok {
		t.Fatal("the message overtook the entry")
	}
}

// A controller reset under load leaves no command, keeps the admin queue registers, and the
// controller works again.
func TestResetUnderLoad(t *testing.T) {
	g := ready(t, &Samsung970Pro, NewMemory(64<<20), nil)
	at, _ := g.alloc(128 << 10)
	for i := range 40 {
		g.put(1, g.rw(spec.Read+uint8(-(i%2)), uint64(i*256), at, 128<<10))
	}
	g.bell(1)
	g.eng.Run(g.eng.Now() + 60*sim.Microsecond)
	g.write(spec.CC, 0x460000)
	g.eng.Run(sim.Forever)
	if got := g.read(spec.CSTS); got != 0 || g.read(spec.AQA) == 0 {
		t.Fatalf("CSTS %#x", got)
	}
	g.quiet()
	g.enable()
	g.queue(1, guestRing)
	if e := g.do(1, g.rw(spec.Read, 0, at, 4096)); !e.Status.OK() {
		t.Fatal(e.Status)
	}
	g.quiet()
	g.write(spec.CC, 0x464001)
	g.eng.Run(sim.Forever)
	if spec.CSTSSHST.Get(uint64(g.read(spec.CSTS))) != spec.ShutdownDone {
		t.Fatal("no shutdown")
	}
}

func TestFileStoreSurvives(t *testing.T) {
	path := t.TempDir() + "/disk"
	for round := range 2 {
		s, err := OpenFile(path, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		g := ready(t, &MQSim, s, nil)
		at, p := g.alloc(4096)
		op := uint8(spec.Write)
		if round == 0 {
			copy(p, "kept")
		} else {
			op = spec.Read
		}
		if e := g.do(1, g.rw(op, 1<<20, at, 4096)); !e.Status.OK() {
			t.Fatal(e.Status)
		}
		if string(p[:4]) != "kept" {
			t.Fatalf("%q", p[:4])
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := OpenFile(t.TempDir()+"/none", 0); err == nil {
		t.Fatal("an empty file without a size was taken")
	}
}

// FuzzCommand: whatever stands in a submission entry, the controller answers it, except an
// Asynchronous Event Request, which it holds, and a command on a queue that it deletes itself.
func FuzzCommand(f *testing.F) {
	for _, op := range []uint8{0, 1, 2, 4, 5, 6, 8, 9, 0xa, 0xc, 0x7f} {
		c := spec.Command{Opcode: op, NSID: 1, PRP1: 1 << 20, PRP2: 2 << 20, CDW10: 1, CDW12: 31}
		var p [spec.SQELen]byte
		c.Encode(p[:])
		f.Add(p[:], true)
		f.Add(p[:], false)
	}
	f.Fuzz(func(t *testing.T, p []byte, admin bool) {
		if len(p) < spec.SQELen {
			return
		}
		g := ready(t, &MQSim, NewMemory(1<<20), nil)
		q := 1
		if admin {
			q = 0
		}
		c := spec.DecodeCommand(p)
		g.put(q, c)
		g.bell(q)
		_, answered := g.wait(q)
		held := admin && c.Opcode == spec.AsyncEvent
		if !answered && !held {
			t.Fatalf("%+v on queue %d is not answered", c, q)
		}
		g.eng.Run(sim.Forever)
		if g.ctl.InFlight() != 0 {
			t.Fatalf("%d commands in flight", g.ctl.InFlight())
		}
	})
}
