package nvmedriver

import (
	"encoding/binary"
	"testing"

	"tensoros/conformance"
	spec "tensoros/hw/spec/nvme"
	"tensoros/hw/spec/pcie"
	"tensoros/hw/tap"
)

// bench plays a driver and a controller to a watcher.
type bench struct {
	*Watcher
	tails map[int]int // of submission queues
	posts map[int]int // of completion queues
	ids   uint16
}

func newBench() *bench {
	return &bench{New(9), map[int]int{}, map[int]int{}, 0}
}

func (b *bench) event(op tap.TapeOp, region int, off uint64, p []byte) {
	b.Event(&tap.TapeEvent{Op: op, Region: region, Off: off, Size: uint64(len(p)), Data: p})
}

func bytesOf(v uint64, n int) []byte { return binary.LittleEndian.AppendUint64(nil, v)[:n] }

func (b *bench) write(off, v uint64, n int) { b.event(tap.TapeWrite, 0, off, bytesOf(v, n)) }

func (b *bench) read(off, v uint64, n int) {
	b.Event(&tap.TapeEvent{Op: tap.TapeRead, Off: off, Size: uint64(n)})
	b.event(tap.TapeAnswer, 0, off, bytesOf(v, n))
}

const (
	asq, acq = 0x10000, 0x20000
	cap1023  = 1023 | 1<<16 | 10<<24
	ccOn     = 0x460001
)

// up brings the controller up as a good driver does.
func (b *bench) up() {
	b.event(tap.TapeWrite, 7, pcie.Command, []byte{6, 4})
	b.event(tap.TapeWrite, 7, pcie.MSIXAt+2, []byte{0, 0x80})
	b.read(spec.CAP, cap1023, 8)
	b.write(spec.CC, 0x460000, 4)
	b.read(spec.CSTS, 0, 4)
	b.write(spec.AQA, 31<<16|31, 4)
	b.write(spec.ASQ, asq, 8)
	b.write(spec.ACQ, acq, 8)
	b.write(spec.CC, ccOn, 4)
	b.read(spec.CSTS, 1, 4)
}

// fetch shows the controller reading a command.
func (b *bench) fetch(sq int, c spec.Command) {
	q := b.sqs[sq]
	var p [spec.SQELen]byte
	c.Encode(p[:])
	b.event(tap.TapeLoad, 0, q.base+uint64(b.tails[sq]*spec.SQELen), p[:])
	b.tails[sq] = (b.tails[sq] + 1) % q.size
}

// submit rings the doorbell for a command, which the controller then reads.
func (b *bench) submit(sq int, c spec.Command) {
	next := (b.tails[sq] + 1) % b.sqs[sq].size
	b.write(uint64(spec.Doorbell(sq, false, 0)), uint64(next), 4)
	b.fetch(sq, c)
}

// complete posts a completion and takes it back.
func (b *bench) complete(sq, cq int, cid uint16, result uint32) {
	e := spec.Completion{CID: cid, SQID: uint16(sq), SQHD: uint16(b.tails[sq]), Result: result}
	var p [spec.CQELen]byte
	e.Encode(p[:])
	q := b.cqs[cq]
	b.event(tap.TapeStore, 0, q.base+uint64(b.posts[cq]*spec.CQELen), p[:])
	b.posts[cq] = (b.posts[cq] + 1) % q.size
	b.write(uint64(spec.Doorbell(cq, true, 0)), uint64(b.posts[cq]), 4)
}

// admin runs an admin command.
func (b *bench) admin(c spec.Command, result uint32, data []byte) {
	b.ids++
	c.CID = b.ids
	b.submit(0, c)
	if data != nil {
		b.event(tap.TapeStore, 0, c.PRP1, data)
	}
	b.complete(0, 0, c.CID, result)
}

// identify learns of a controller of MDTS 1, four aborts and AERs, and of a namespace of 100
// blocks.
func (b *bench) identify() {
	p := make([]byte, spec.IdentifyLen)
	id := spec.Controller{MDTS: 1, ACL: 3, AERL: 3}
	id.Encode(p)
	b.admin(spec.Command{Opcode: spec.Identify, CDW10: spec.CNSController, PRP1: 0x30000}, 0, p)
	ns := spec.Namespace{Size: 100}
	ns.LBADS[0] = 9
	ns.Encode(p)
	b.admin(spec.Command{Opcode: spec.Identify, NSID: 1, PRP1: 0x30000}, 0, p)
	b.admin(spec.Command{Opcode: spec.SetFeatures, CDW10: spec.FeatQueues, CDW11: 0x10001},
		0x10001, nil)
}

func createCQ(id, size uint32) spec.Command {
	return spec.Command{Opcode: spec.CreateCQ, CDW10: (size-1)<<16 | id, CDW11: 3 | id<<16,
		PRP1: 0x40000 + uint64(id)<<16}
}

func createSQ(id, size uint32) spec.Command {
	return spec.Command{Opcode: spec.CreateSQ, CDW10: (size-1)<<16 | id, CDW11: 1 | id<<16,
		PRP1: 0x80000 + uint64(id)<<16}
}

func readOf(lba uint64, blocks uint32) spec.Command {
	c := spec.Command{Opcode: spec.Read, NSID: 1, PRP1: 0x100000, CDW12: blocks - 1}
	c.SetSLBA(lba)
	return c
}

// ready is a controller with a queue pair of 8 entries.
func ready() *bench {
	b := newBench()
	b.up()
	b.identify()
	b.admin(createCQ(1, 8), 0, nil)
	b.admin(createSQ(1, 8), 0, nil)
	return b
}

func TestAGoodDriverBreaksNothing(t *testing.T) {
	b := ready()
	for i := range uint16(20) {
		c := readOf(4, 8)
		c.CID = i
		b.submit(1, c)
		b.complete(1, 1, i, 0)
	}
	b.admin(spec.Command{Opcode: spec.AsyncEvent}, 0, nil)
	b.admin(spec.Command{Opcode: spec.Abort}, 0, nil)
	b.admin(spec.Command{Opcode: spec.DeleteSQ, CDW10: 1}, 0, nil)
	b.admin(spec.Command{Opcode: spec.DeleteCQ, CDW10: 1}, 0, nil)
	b.write(spec.CC, ccOn|1<<14, 4)
	for _, x := range b.Broken() {
		t.Errorf("%s: %s", x.Rule, x.Detail)
	}
	r := b.Report("bench", "")
	if r.Failed() || r.Count(conformance.Pass) < 30 {
		t.Errorf("%d passes, %d fails", r.Count(conformance.Pass), r.Count(conformance.Fail))
	}
}

// TestEveryRuleIsWatched: for each rule, a driver that breaks it, and what it breaks is noticed.
func TestEveryRuleIsWatched(t *testing.T) {
	io := func(c spec.Command) func() *bench {
		return func() *bench { b := ready(); b.submit(1, c); return b }
	}
	admin := func(c spec.Command) func() *bench {
		return func() *bench { b := ready(); b.submit(0, c); return b }
	}
	with := func(c spec.Command, f func(*spec.Command)) spec.Command { f(&c); return c }
	then := func(f func(b *bench)) func() *bench {
		return func() *bench { b := ready(); f(b); return b }
	}
	early := func(f func(b *bench)) func() *bench {
		return func() *bench { b := newBench(); f(b); return b }
	}
	sins := map[string]func() *bench{
		"HOST-PCIE-BME": early(func(b *bench) {
			b.up()
			b.write(spec.CC, 0, 4)
			b.read(spec.CSTS, 0, 4)
			b.event(tap.TapeWrite, 7, pcie.Command, []byte{2, 0})
			b.write(spec.CC, ccOn, 4)
		}),
		"HOST-PCIE-MSIX-MASKS":   then(func(b *bench) { b.write(spec.INTMS, 1, 4) }),
		"HOST-3.1.3-WIDTH":       then(func(b *bench) { b.read(spec.CSTS, 0, 2) }),
		"HOST-3.1.3-READONLY":    then(func(b *bench) { b.write(spec.CSTS, 1, 4) }),
		"HOST-3.1.3.5-CC-HELD":   then(func(b *bench) { b.write(spec.CC, ccOn|1<<7, 4) }),
		"HOST-3.1.3.8-AQA-EARLY": then(func(b *bench) { b.write(spec.AQA, 0, 4) }),
		"HOST-3.5.1-DISABLED": then(func(b *bench) {
			b.write(spec.CC, 0,
				4)
			b.write(spec.CC, ccOn, 4)
		}),
		"HOST-3.6-QUIET": then(func(b *bench) {
			b.write(spec.CC, ccOn|1<<14,
				4)
			b.submit(1, readOf(0, 1))
		}),
		"HOST-3.3.1.2-DB-WIDTH": then(func(b *bench) { b.write(0x1008, 1, 2) }),
		"HOST-3.3.1.2-DB-QUEUE": then(func(b *bench) { b.write(0x1010, 1, 4) }),
		"HOST-3.3.1.2-DB-RANGE": then(func(b *bench) { b.write(0x1008, 8, 4) }),
		"HOST-3.3.1.2-SQ-FULL": then(func(b *bench) {
			b.write(0x1008, 5, 4)
			b.write(0x1008,
				2, 4)
		}),
		"HOST-3.3.1.2-CQ-HEAD": then(func(b *bench) { b.write(0x100c, 1, 4) }),
		"HOST-3.3.1.2-DB-NEW":  then(func(b *bench) { b.write(0x1008, 0, 4) }),
		"HOST-3.3.3.1-CID": then(func(b *bench) {
			b.submit(1, readOf(0, 1))
			b.submit(1,
				readOf(0, 1))
		}),
		"HOST-3.3.3.1-CID-FFFF": io(with(readOf(0, 1),
			func(c *spec.Command) { c.CID = 0xffff })),
		"HOST-3.3.3.1-RESERVED": io(with(readOf(0, 1), func(c *spec.Command) { c.Flags = 4 })),
		"HOST-3.3.3.1-PSDT":     admin(spec.Command{Opcode: spec.Abort, Flags: 0x40}),
		"HOST-3.3.3.1-OPCODE":   admin(spec.Command{Opcode: 0x7e}),
		"HOST-4.1.1-PRP1":       io(with(readOf(0, 1), func(c *spec.Command) { c.PRP1++ })),
		"HOST-4.1.1-PRP2":       io(with(readOf(0, 16), func(c *spec.Command) { c.PRP2 = 8 })),
		"HOST-5.4-CQ-ID":        admin(createCQ(1, 8)),
		"HOST-5.4-CQ-VECTOR": admin(with(createCQ(2, 8),
			func(c *spec.Command) { c.CDW11 = 3 | 9<<16 })),
		"HOST-5.5-SQ-ID": admin(with(createSQ(3, 8),
			func(c *spec.Command) { c.CDW11 = 1 | 1<<16 })),
		"HOST-5.5-SQ-CQ": admin(createSQ(2, 8)),
		"HOST-5.4-SIZE":  admin(createCQ(2, 1)),
		"HOST-5.4-CONTIGUOUS": admin(with(createCQ(2, 8),
			func(c *spec.Command) { c.CDW11 &^= 1 })),
		"HOST-5.6-ORDER":  admin(spec.Command{Opcode: spec.DeleteCQ, CDW10: 1}),
		"HOST-5.7-EXISTS": admin(spec.Command{Opcode: spec.DeleteSQ, CDW10: 2}),
		"HOST-5.27.1.5-QUEUES-EARLY": admin(spec.Command{Opcode: spec.SetFeatures,
			CDW10: spec.FeatQueues}),
		"HOST-5.17.2.1-MDTS": io(readOf(0, 17)),
		"HOST-NVM-3.2-NSID":  io(with(readOf(0, 1), func(c *spec.Command) { c.NSID = 0 })),
		"HOST-NVM-3.2-RANGE": io(readOf(99, 2)),
		"HOST-3.5.1-READY": early(func(b *bench) {
			b.up()
			b.write(spec.CC, 0, 4)
			b.read(spec.CSTS, 0, 4)
			b.write(spec.CC, ccOn, 4)
			b.write(0x1000, 1, 4)
		}),
		"HOST-3.1.3.8-AQA-SET": early(func(b *bench) {
			b.read(spec.CSTS, 0, 4)
			b.write(spec.CC, ccOn, 4)
		}),
		"HOST-3.1.3.5-CC-SIZES": early(func(b *bench) {
			b.up()
			b.write(spec.CC, 1, 4)
			b.identify()
			b.submit(0, createCQ(1, 8))
		}),
		"HOST-5.17-IDENTIFY": early(func(b *bench) { b.up(); b.submit(0, createCQ(1, 8)) }),
		"HOST-5.1-ABORTS": then(func(b *bench) {
			for i := range uint16(5) {
				b.submit(0, spec.Command{Opcode: spec.Abort, CID: 100 + i})
			}
		}),
		"HOST-5.2-AERS": then(func(b *bench) {
			for i := range uint16(5) {
				b.submit(0, spec.Command{Opcode: spec.AsyncEvent, CID: 100 + i})
			}
		}),
	}
	for i := range Rules {
		id := Rules[i].ID
		sin := sins[id]
		if sin == nil {
			t.Errorf("nothing breaks %s", id)
			continue
		}
		found := false
		for _, x := range sin().Broken() {
			found = found || x.Rule == id
		}
		if !found {
			t.Errorf("%s is broken unnoticed", id)
		}
	}
	if err := Rules.Check(); err != nil {
		t.Error(err)
	}
}

// FuzzEvents: whatever a driver does, the watcher survives.
func FuzzEvents(f *testing.F) {
	f.Add([]byte{1, 0, 0x14, 0, 4, 1, 0, 0x46, 0})
	f.Fuzz(func(_ *testing.T, p []byte) {
		b := ready()
		for len(p) > 5 {
			n := min(int(p[4]&63), len(p)-5)
			b.event(tap.TapeOp(p[0]%11), int(p[1]%2)*7,
				uint64(p[2])|uint64(p[3])<<8|uint64(p[4]>>6)<<16,
				p[5:5+n])
			p = p[5+n:]
		}
		b.Report("fuzz", "")
	})
}
