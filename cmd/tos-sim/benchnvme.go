package main

import (
	"encoding/binary"
	"fmt"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
	"tensoros/sim/nvme"
)

// polling is a host that keeps a queue of a drive full: each microsecond it takes the completions
// that are there, submits as many commands, and rings both doorbells once, as SPDK's driver does.
type polling struct {
	*driveRig
	entry      [spec.SQELen]byte // of a read, but for its block and identifier
	chance     *sim.Rand
	done, want int
	flying     int
	err        error
	bytes      uint64 // of a read
}

func (p *polling) submit(n int) {
	g := &p.rings[1]
	for range n {
		p.cid++
		e := g.sq[g.tail*spec.SQELen:][:spec.SQELen]
		copy(e, p.entry[:])
		binary.LittleEndian.PutUint16(e[2:], p.cid)
		binary.LittleEndian.PutUint64(e[40:],
			p.chance.Uint64()%(benchSpan/p.bytes)*p.bytes>>p.prof.BlockShift)
		g.tail = (g.tail + 1) % g.size
	}
	p.flying += n
	p.write(spec.Doorbell(1, false, 0), uint32(g.tail))
}

// Fire is a turn of the loop.
func (p *polling) Fire(now sim.Time, _ uint32, _ uint64) {
	g := &p.rings[1]
	taken := 0
	for {
		at := g.head * spec.CQELen
		word := binary.LittleEndian.Uint32(g.cq[at+spec.CQEStatusAt:])
		if word&spec.CQEPhase != 0 != g.phase {
			break
		}
		if st := spec.Status(word >> 17); !st.OK() {
			p.err = fmt.Errorf("the drive answers %v", st)
			return
		}
		if g.head++; g.head == g.size {
			g.head, g.phase = 0, !g.phase
		}
		taken++
	}
	p.done += taken
	p.flying -= taken
	if taken > 0 {
		p.write(spec.Doorbell(1, true, 0), uint32(g.head))
		if n := min(taken, p.want-p.done-p.flying); n > 0 {
			p.submit(n)
		}
	}
	if p.done < p.want {
		p.eng.At(now+sim.Microsecond, p, 0, 0)
	}
}

// benchSpan is the part of the drive that is read: over all dies, and small enough for a cache, so
// that the simulator is measured and not the memory of the computer. Data of 256 MiB cost half as
// much again (BenchmarkRandomReadCold of sim/nvme).
const benchSpan = 16 << 20

func nvmeReads512() (func() (float64, error), error) { return nvmeWork(512) }
func nvmeReads4K() (func() (float64, error), error)  { return nvmeWork(4096) }

// nvmeWork is random reads of a Micron 9550, every block of which was written: 256 of them at a
// time.
func nvmeWork(bytes int) (func() (float64, error), error) {
	const depth, count = 256, 20_000
	r, err := newDriveRig(&nvme.Micron9550, 2*depth)
	if err != nil {
		return nil, err
	}
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(i * 7)
	}
	for at := uint64(0); at < benchSpan; at += uint64(len(data)) {
		if err := r.ctl.Store.WriteAt(at, data); err != nil {
			return nil, err
		}
	}
	p := &polling{driveRig: r, chance: sim.NewRand(1, "bench"), bytes: uint64(bytes)}
	c, err := r.transfer(spec.Read, bytes)
	if err != nil {
		return nil, err
	}
	c.Encode(p.entry[:])
	return func() (float64, error) {
		p.want += count
		p.submit(depth)
		p.eng.At(p.eng.Now()+sim.Microsecond, p, 0, 0)
		p.eng.Run(sim.Forever)
		if p.err == nil && p.done < p.want {
			p.err = fmt.Errorf("the drive does not answer")
		}
		return count, p.err
	}, nil
}
