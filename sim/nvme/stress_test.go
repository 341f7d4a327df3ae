package nvme

import (
	"encoding/binary"
	"testing"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// Commands of all kinds, aborts, deleted queues, resets and faults in any order leave nothing
// behind, whatever the seed and the order of ties.
func TestStressLeavesNothing(t *testing.T) {
	plan, err := ParseFaults(`
		p=0.02: timeout
		p=0.02: status "Internal Error"
		opcode=read p=0.05: delay 300us
		opcode=write p=0.05: corrupt-dma
		queue=2 p=0.02: lost-interrupt`)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(12) {
		g := newGuest(t, Samsung970Pro.WithCMB(1<<20), NewMemory(8<<20), nil)
		g.eng.ShuffleTies(seed + 1)
		g.cc = uint32(seed%2) << 11
		g.enable()
		g.queue(1, guestRing)
		g.queue(2, guestRing)
		g.ctl.SetFaults(plan, seed)
		r := sim.NewRand(seed, "stress")
		at, _ := g.alloc(64 << 10)
		for range 400 {
			q := 1 + r.Intn(2)
			switch r.Intn(12) {
			case 0:
				g.put(0, spec.Command{Opcode: spec.Abort,
					CDW10: uint32(g.cid-uint16(r.Intn(8)))<<16 | uint32(q)})
				g.bell(0)
			case 1:
				g.put(0, spec.Command{Opcode: spec.Identify, CDW10: uint32(r.Intn(9)), NSID: 1,
					PRP1: at})
				g.bell(0)
			case 2:
				g.put(0, spec.Command{Opcode: spec.AsyncEvent})
				g.bell(0)
			case 3:
				g.put(q, spec.Command{Opcode: spec.Flush, NSID: 1})
			default:
				ops := []uint8{spec.Read, spec.Write, spec.Read, spec.Write, spec.Compare,
					spec.Verify}
				c := g.rw(ops[r.Intn(len(ops))], uint64(r.Intn(1000)), at, 512<<r.Intn(7))
				if r.Intn(8) == 0 && c.Opcode == spec.Compare {
					c.Flags = 1
				}
				g.put(q, c)
			}
			g.bell(q)
			g.eng.Run(g.eng.Now() + sim.Time(r.Intn(20))*sim.Microsecond)
			for i := range g.rings {
				for range guestRing {
					if _, ok := g.poll(i); !ok {
						break
					}
				}
			}
			if r.Intn(100) == 0 {
				g.put(0, spec.Command{Opcode: spec.DeleteSQ, CDW10: 2})
				g.bell(0)
			}
			if g.rings[1].tail-g.rings[1].head > 40 || r.Intn(150) == 0 || g.ctl.sqs[2] == nil {
				g.write(spec.CC, 0x460000)
				g.eng.Run(sim.Forever)
				g.enable()
				g.queueFrom(at)
			}
		}
		g.write(spec.CC, 0x460000)
		g.eng.Run(sim.Forever)
		g.quiet()
	}
}

// queueFrom makes the two queues anew; faults may strike the commands that do, so they are off
// meanwhile.
func (g *guest) queueFrom(uint64) {
	f := g.ctl.faults
	g.ctl.faults = nil
	g.queue(1, guestRing)
	g.queue(2, guestRing)
	g.ctl.faults = f
}

// FuzzData: whatever stands in the data of a command that brings some, it is answered.
func FuzzData(f *testing.F) {
	ns := spec.Namespace{Size: 8, Capacity: 8}
	p := make([]byte, spec.IdentifyLen)
	ns.Encode(p)
	f.Add(uint8(spec.NamespaceManage), true, uint32(0), uint32(0), p[:64])
	f.Add(uint8(spec.NamespaceAttach), true, uint32(1), uint32(0), []byte{1, 0, 1, 0})
	f.Add(uint8(spec.SetFeatures), true, uint32(spec.FeatAPST), uint32(1), []byte{3 << 3, 1})
	f.Add(uint8(spec.SetFeatures), true, uint32(spec.FeatHostBehavior), uint32(0), []byte{1, 1, 2})
	f.Add(uint8(spec.FirmwareDownload), true, uint32(1023), uint32(0), []byte("REV"))
	f.Add(uint8(spec.DSM), false, uint32(3), uint32(4), []byte{0, 0, 0, 0, 8, 0, 0, 0, 1})
	f.Add(uint8(spec.Copy), false, uint32(0), uint32(0), []byte{0, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add(uint8(spec.Compare), false, uint32(0), uint32(0), []byte{1})
	f.Fuzz(func(t *testing.T, op uint8, admin bool, cdw10, cdw11 uint32, data []byte) {
		g := ready(t, &Samsung970Pro, NewMemory(1<<20), nil)
		at, p := g.alloc(1 << 20)
		copy(p, data)
		c := spec.Command{Opcode: op, NSID: 1, PRP1: at, PRP2: at + 4096, CDW10: cdw10,
			CDW11: cdw11}
		if len(data) > 4 {
			c.CDW12 = binary.LittleEndian.Uint32(data[1:])
		}
		q := 1
		if admin {
			q = 0
		}
		for range 2 { // the second time what the first one has done may stand in the way
			g.put(q, c)
			g.bell(q)
			_, answered := g.wait(q)
			if held := admin && op == spec.AsyncEvent; !answered && !held {
				t.Fatalf("%+v is not answered", c)
			}
		}
		g.eng.Run(sim.Forever)
		if g.ctl.InFlight() != 0 {
			t.Fatalf("%d commands in flight", g.ctl.InFlight())
		}
		id := g.ctl.identity()
		if id.UNVMCAP > id.TNVMCAP {
			t.Fatalf("%d free of %d", id.UNVMCAP, id.TNVMCAP)
		}
		if deleted := admin && (op == spec.DeleteSQ || op == spec.DeleteCQ); !deleted {
			g.write(spec.CC, 0x460000)
			g.eng.Run(sim.Forever)
			g.enable()
		}
	})
}
