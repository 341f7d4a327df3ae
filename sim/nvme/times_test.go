package nvme

import (
	"encoding/binary"
	"hash"
	"hash/fnv"
	"testing"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// mixer is a host that submits bursts of reads and writes of all sizes at times of its own, and
// notes when each is answered.
type mixer struct {
	*guest
	r      *sim.Rand
	at     uint64
	left   int
	flying [3]int
	sum    hash.Hash64
}

func (m *mixer) Fire(now sim.Time, _ uint32, _ uint64) {
	q := 1 + m.r.Intn(2)
	for range m.r.Intn(8) {
		if m.flying[q] == guestRing-1 {
			break
		}
		op := uint8(spec.Read)
		if m.r.Intn(4) == 0 {
			op = spec.Write
		}
		n := 1 << m.ctl.Profile.BlockShift << m.r.Intn(9)
		m.put(q, m.rw(op, uint64(m.r.Intn(4000)), m.at, n))
		m.flying[q]++
	}
	m.bell(q)
	if m.left--; m.left > 0 {
		m.eng.At(now+sim.Time(m.r.Intn(20000))*sim.Nanosecond, m, 0, 0)
	}
}

// mixedTimes hashes when each command of a mixed load is answered.
func mixedTimes(t *testing.T, prof *Profile, seed uint64) uint64 {
	g := newGuest(t, prof, NewMemory(1<<30), nil)
	g.enable()
	g.queue(1, guestRing)
	g.polled(2, guestRing)
	m := &mixer{guest: g, r: sim.NewRand(seed, "mixed"), left: 600, sum: fnv.New64a()}
	m.at, _ = g.alloc(128 << 10)
	c := g.rw(spec.Write, 0, m.at, 128<<10)
	for i := range 32 { // what is read has been written
		c.SetSLBA(uint64(i) << 17 >> prof.BlockShift)
		g.do(1, c)
	}
	g.eng.Run(sim.Forever)
	g.eng.At(g.eng.Now()+sim.Millisecond, m, 0, 0)
	for g.eng.Step() {
		for q := 1; q <= 2; q++ {
			for e, ok := g.poll(q); ok; e, ok = g.poll(q) {
				m.flying[q]--
				v := uint64(g.eng.Now())<<16 | uint64(e.CID)
				m.sum.Write(binary.LittleEndian.AppendUint64(nil, v))
			}
		}
	}
	g.quiet()
	return m.sum.Sum64()
}

// What makes the simulation faster must not move a completion by a picosecond; a model that changes
// changes these sums. The savings of events were held against the sums of the commit before them,
// and passed; then came the flash translation layer, and these.
func TestSpeedMovesNoTime(t *testing.T) {
	for name, want := range map[string][3]uint64{
		"970pro":     {0x4f971a88bf195ed4, 0x929028431d20e7c4, 0xd5cb4c545af9b042},
		"mqsim":      {0x8007a7ebd2a381fe, 0x81dbae9b55036707, 0xc5dfd8d3e76ba08d},
		"micron9550": {0xb350bd5d9ae83793, 0x983fba5ab5b56471, 0x951247c9fd8304f1},
	} {
		for seed, want := range want {
			if got := mixedTimes(t, Find(name), uint64(seed)); got != want {
				t.Errorf("%s, seed %d: %#x, not %#x", name, seed, got, want)
			}
		}
	}
}
