package main

import (
	"encoding/binary"
	"fmt"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
	"tensoros/sim/nvme"
	"tensoros/sim/pcie"
)

const (
	srcReview  = "StorageReview, table of the Micron 9550 [S]"
	srcVirt    = "snu-csl/nvmevirt ssd_config.h [S]"
	srcVirtSum = "sum of parameters of snu-csl/nvmevirt ssd_config.h [D]"
	srcMQSim   = "sum of parameters of CMU-SAFARI/MQSim ssdconfig.xml [D]"
)

const (
	noteFitted9550 = "the profile was fitted to this figure"
	noteOwnSum     = "the model's own parameters put together: tells that it does what its table says"
	noteLinkParam  = "NVMeVirt's parameter for this drive's link, not a measurement"
)

var nvmeLeft = []string{
	"P5800X, 9650, D7-PS1010, 990 Pro: no profiles",
	"p99 and beyond of P4800X, P3700 and 9100 MAX: nothing in the models makes tails but contention",
}

// driveAllow is the allowance that the profile tests give, in per cent; none is published.
const driveAllow = 10

func nvmeRows() []vrow {
	var rows []vrow
	add := func(p *nvme.Profile, name, unit string, low, high float64, source, mark string,
		allow float64, note string, run func(*nvme.Profile) (float64, error)) {
		rows = append(rows, vrow{p.Name, name, unit, low, high, source, mark, allow, note,
			func() (float64, error) { return run(p) }})
	}
	const read, write = "4 KiB read, depth 1", "4 KiB write, depth 1"
	m := &nvme.Micron9550
	add(m, read, "us", 60, 0, srcReview, fitted, driveAllow, noteFitted9550, readLatency)
	add(m, write, "us", 15, 0, srcReview, fitted, driveAllow, noteFitted9550, writeLatency)
	add(m, "sequential read", "GB/s", 14, 0, srcReview, fitted, driveAllow, noteFitted9550,
		sequentialRead)
	add(m, "sequential write", "GB/s", 10, 0, srcReview, fitted, driveAllow, noteFitted9550,
		sequentialWrite)
	add(m, "4 KiB random read, depth 512", "M/s", 3.3, 0, srcReview, predicted, driveAllow, "",
		randomRead)
	add(m, "4 KiB random write, 7.68 TB of 8 TiB", "M/s", 0.54, 0, srcReview, shown, 0, noteClass,
		spareWrite(145))
	add(m, "4 KiB random write, 6.4 TB of 8 TiB", "M/s", 1.2, 0, srcReview, shown, 0, noteClass,
		spareWrite(374))
	p := &nvme.Samsung970Pro
	add(p, read, "us", 58.57, 0, srcVirtSum, fitted, driveAllow, noteOwnSum, readLatency)
	add(p, write, "us", 7.19, 0, srcVirtSum, fitted, driveAllow, noteOwnSum, writeLatency)
	add(p, "sequential read", "GB/s", 3.36, 0, srcVirt, fitted, driveAllow, noteLinkParam,
		sequentialRead)
	add(p, "sequential write", "GB/s", 2.834, 0, srcVirtSum, fitted, driveAllow, noteOwnSum,
		sequentialWrite)
	q := &nvme.MQSim
	add(q, read, "us", 89.49, 0, srcMQSim, fitted, driveAllow, noteOwnSum, readLatency)
	add(q, write, "us", 2.73, 0, srcMQSim, fitted, driveAllow, noteOwnSum, writeLatency)
	add(q, "sequential read", "GB/s", 2.664, 0, srcMQSim, fitted, driveAllow, noteOwnSum,
		sequentialRead)
	return append(rows, publishedRows()...)
}

// driveRig is a drive at a root port and the least software that drives it: rings in host memory,
// and an engine that runs until an answer is there. Software costs nothing.
type driveRig struct {
	*tree
	prof  *nvme.Profile
	ctl   *nvme.Controller
	base  uint64
	rings [2]driveRing // admin and I/O
	cid   uint16
}

type driveRing struct {
	sq, cq     []byte
	sqAt, cqAt uint64
	size       int
	tail, head int
	phase      bool
}

// driveSize is how much of a drive is simulated: all of it written once, in order.
const driveSize = 4 << 30

func newDriveRig(prof *nvme.Profile, depth int) (*driveRig, error) {
	r := &driveRig{tree: newTree(), prof: prof}
	ctl, fn, err := nvme.Attach(r.eng, nil, r.fabric, r.fabric.Root(), "nvme0", prof,
		nvme.NewMemory(driveSize))
	if err != nil {
		return nil, err
	}
	r.ctl = ctl
	ctl.Age(driveSize, 0, 0)
	r.base, _ = fn.BAR(0)
	r.enable(fn, prof.Link.MPS)
	const admin = 16
	for i, size := range []int{admin, depth} {
		g := driveRing{size: size, phase: true}
		if g.sqAt, g.sq, err = r.alloc(size * spec.SQELen); err != nil {
			return nil, err
		}
		if g.cqAt, g.cq, err = r.alloc(size * spec.CQELen); err != nil {
			return nil, err
		}
		r.rings[i] = g
	}
	a := &r.rings[0]
	r.write(spec.AQA, (admin-1)<<16|(admin-1))
	r.write(spec.ASQ, uint32(a.sqAt))
	r.write(spec.ASQ+4, uint32(a.sqAt>>32))
	r.write(spec.ACQ, uint32(a.cqAt))
	r.write(spec.ACQ+4, uint32(a.cqAt>>32))
	r.write(spec.CC, 0x460001) // enabled, entries of 64 and 16 bytes
	r.eng.Run(sim.Forever)
	q := &r.rings[1]
	shape := uint32(depth-1)<<16 | 1
	if err := r.do(0, spec.Command{Opcode: spec.CreateCQ, PRP1: q.cqAt, CDW10: shape,
		CDW11: 1}); err != nil {
		return nil, err
	}
	return r, r.do(0, spec.Command{Opcode: spec.CreateSQ, PRP1: q.sqAt, CDW10: shape,
		CDW11: 1<<16 | 1})
}

func (r *driveRig) alloc(n int) (uint64, []byte, error) {
	at, p, ok := r.host.Alloc(n)
	if !ok {
		return 0, nil, fmt.Errorf("no %d bytes of host memory", n)
	}
	return at, p, nil
}

func (r *driveRig) write(off int, v uint32) {
	p := binary.LittleEndian.AppendUint32(nil, v)
	r.fabric.CPU(0).Write(r.base+uint64(off), p, pcie.Done{})
}

// put places a command and rings; wait takes a completion and acknowledges it.
func (r *driveRig) put(q int, c spec.Command) {
	g := &r.rings[q]
	r.cid++
	c.CID = r.cid
	c.Encode(g.sq[g.tail*spec.SQELen:])
	g.tail = (g.tail + 1) % g.size
	r.write(spec.Doorbell(q, false, 0), uint32(g.tail))
}

func (r *driveRig) wait(q int) error {
	g := &r.rings[q]
	for {
		e := spec.DecodeCompletion(g.cq[g.head*spec.CQELen:])
		if e.Phase == g.phase {
			if g.head++; g.head == g.size {
				g.head, g.phase = 0, !g.phase
			}
			r.write(spec.Doorbell(q, true, 0), uint32(g.head))
			if !e.Status.OK() {
				return fmt.Errorf("the drive answers %v", e.Status)
			}
			return nil
		}
		if !r.eng.Step() {
			return fmt.Errorf("the drive does not answer")
		}
	}
}

func (r *driveRig) do(q int, c spec.Command) error {
	r.put(q, c)
	return r.wait(q)
}

// transfer makes a Read or Write of n bytes at a buffer of its own.
func (r *driveRig) transfer(op uint8, n int) (spec.Command, error) {
	c := spec.Command{Opcode: op, NSID: 1}
	at, _, err := r.alloc(n)
	if err != nil {
		return c, err
	}
	c.PRP1 = at
	c.CDW12 = uint32(n>>r.prof.BlockShift) - 1
	const page = 4096
	switch {
	case n <= page:
	case n <= 2*page:
		c.PRP2 = at + page
	default:
		var list []byte
		if c.PRP2, list, err = r.alloc(n / page * 8); err != nil {
			return c, err
		}
		for i := page; i < n; i += page {
			binary.LittleEndian.PutUint64(list[(i/page-1)*8:], at+uint64(i))
		}
	}
	return c, nil
}

// driveLatency is one command of 4 KiB on an idle drive, in us.
func driveLatency(p *nvme.Profile, op uint8) (float64, error) {
	r, err := newDriveRig(p, 64)
	if err != nil {
		return 0, err
	}
	c, err := r.transfer(op, 4096)
	if err != nil {
		return 0, err
	}
	c.SetSLBA(8)
	r.eng.Run(sim.Forever)
	start := r.eng.Now()
	err = r.do(1, c)
	return (r.eng.Now() - start).Seconds() * 1e6, err
}

func readLatency(p *nvme.Profile) (float64, error)  { return driveLatency(p, spec.Read) }
func writeLatency(p *nvme.Profile) (float64, error) { return driveLatency(p, spec.Write) }

// stream keeps depth commands of n bytes under way for count of them and gives commands a second
// over the second half.
func (r *driveRig) stream(op uint8, n, depth, count int, at func(i int) uint64) (float64, error) {
	c, err := r.transfer(op, n)
	if err != nil {
		return 0, err
	}
	issued := 0
	submit := func() {
		c.SetSLBA(at(issued) >> r.prof.BlockShift)
		r.put(1, c)
		issued++
	}
	for range depth {
		submit()
	}
	var half sim.Time
	for done := range count {
		if err := r.wait(1); err != nil {
			return 0, err
		}
		if done+1 == count/2 {
			half = r.eng.Now()
		}
		if issued < count {
			submit()
		}
	}
	return float64(count-count/2) / (r.eng.Now() - half).Seconds(), nil
}

// sequential streams 128 KiB commands at depth 48, in GB/s.
func sequential(p *nvme.Profile, op uint8, count int) (float64, error) {
	const chunk, depth = 128 << 10, 48
	r, err := newDriveRig(p, 64)
	if err != nil {
		return 0, err
	}
	v, err := r.stream(op, chunk, depth, count, func(i int) uint64 {
		return uint64(i) * chunk % driveSize
	})
	return v * chunk / 1e9, err
}

// Writes fill the write buffer first: the second half must not see that.
func sequentialRead(p *nvme.Profile) (float64, error)  { return sequential(p, spec.Read, 1500) }
func sequentialWrite(p *nvme.Profile) (float64, error) { return sequential(p, spec.Write, 2400) }

// random is commands of 4 KiB at depth 512 all over the drive, in millions a second.
func randomRead(p *nvme.Profile) (float64, error) {
	r, err := newDriveRig(p, 1024)
	if err != nil {
		return 0, err
	}
	v, err := r.random(spec.Read, 4096, 512, 20000)
	return v / 1e6, err
}

// random is commands of n bytes all over the drive, in commands a second.
func (r *driveRig) random(op uint8, n, depth, count int) (float64, error) {
	chance := sim.NewRand(1, "random")
	return r.stream(op, n, depth, count, func(int) uint64 {
		return chance.Uint64() % uint64(driveSize/n) * uint64(n)
	})
}
