package nvme

import (
	"bytes"
	"math"
	"testing"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// small is a drive of a few erase blocks: 4 dies of 2 planes with pages of 8 KiB, 8 pages a block.
func small(volatile bool) *Profile {
	p := MQSim
	p.Name, p.Channels, p.Dies, p.Planes, p.Page = "small", 2, 2, 2, 8<<10
	p.BlockPages, p.Spare, p.Erase = 8, 150, 3800*sim.Microsecond
	p.WriteBuffer, p.VolatileCache = 256<<10, volatile
	return &p
}

// sound checks what must always hold of a map: counts are exact, both directions agree.
func (t *ftl) sound(tb testing.TB) {
	tb.Helper()
	mapped := 0
	for i := range t.table {
		for j, v := range t.table[i] {
			if v == 0 {
				continue
			}
			mapped++
			p := t.at(v - 1)
			b := &t.dies[p.die].blocks[p.block]
			if b.units == nil || b.units[p.index] != uint32(i<<mapShift+j)+1 || p.index >= b.fill {
				tb.Fatalf("unit %d: nothing of it at %+v", i<<mapShift+j, p)
			}
		}
	}
	for i := range t.dies {
		d := &t.dies[i]
		free, valid := 0, 0
		for j := range d.blocks {
			b := &d.blocks[j]
			n := 0
			for _, u := range b.units {
				if u != 0 {
					n++
				}
			}
			if n != b.valid || b.fill > t.perBlock {
				tb.Fatalf("die %d block %d: %d valid, not %d, fill %d", i, j, n, b.valid, b.fill)
			}
			if b.units == nil && !b.bad {
				free++
			}
			valid += n
		}
		if free != d.free || valid != d.valid || d.free < 0 {
			tb.Fatalf("die %d: %d free, %d counted; %d valid, %d counted", i, d.free, free, d.valid,
				valid)
		}
		mapped -= valid
	}
	if mapped != 0 {
		tb.Fatalf("%d units mapped twice or not at all", mapped)
	}
}

// mapped says which units a map holds.
func (t *ftl) has(unit uint64) bool { _, ok := t.lookup(unit); return ok }

// FuzzFTL: whatever is written and deallocated in whatever order, the map is exact, collection ends
// though the drive is full, and no free block is owed.
func FuzzFTL(f *testing.F) {
	f.Add([]byte{0, 0, 255, 1, 2, 3}, uint16(0))
	f.Add(bytes.Repeat([]byte{0, 0, 255, 7, 9, 31}, 40), uint16(200))
	f.Add(bytes.Repeat([]byte{3, 0, 1}, 300), uint16(40))
	f.Fuzz(func(t *testing.T, ops []byte, wear uint16) {
		p := small(true)
		p.Endurance = uint32(wear)
		g := newGuest(t, p, NewMemory(4<<20), nil)
		fl := &g.ctl.flash
		model := map[uint64]bool{}
		full := false
		for ops = ops[:min(len(ops), 3*512)]; len(ops) >= 3 && !full; ops = ops[3:] {
			from := uint64(ops[1]) * 4 % fl.ftl.logical
			n := min(uint64(ops[2])+1, fl.ftl.logical-from)
			switch ops[0] % 4 {
			case 0, 1, 2:
				g.ctl.fast(func() {
					for u := from; u < from+n && !full; u++ {
						if full = !fl.put(u, unitBytes); !full {
							model[u] = true
						}
					}
				})
			case 3:
				fl.ftl.trim(from<<unitShift, n<<unitShift)
				for u := from; u < from+n; u++ {
					delete(model, u)
				}
			}
		}
		if full && fl.ftl.Retired == 0 {
			t.Fatal("no room though no block is bad")
		}
		fl.ftl.sound(t)
		for u := range fl.ftl.logical {
			if fl.ftl.has(u) != model[u] {
				t.Fatalf("unit %d: mapped %v, written %v", u, fl.ftl.has(u), model[u])
			}
		}
	})
}

// Uniformly random writes to a full drive: with greedy collection and large blocks the share v of
// valid units in a victim solves (v-1)/ln(v) = utilisation (Menon and Cormen's result as Desnoyers
// derives it, "Analytic models of SSD write performance", ACM TOS 10, 2014) [R], and the
// amplification is 1/(1-v). Smaller blocks do a little better. The test would break if collection
// chose badly, or moved what is not valid.
func TestWriteAmplification(t *testing.T) {
	for _, spare := range []int{70, 150, 280} {
		p := *small(false)
		p.Channels, p.Dies, p.BlockPages, p.Spare = 2, 1, 64, spare
		g := newGuest(t, &p, NewMemory(512<<20), nil)
		g.ctl.Age(512<<20, 3, 1)
		f := &g.ctl.flash.ftl
		chance := sim.NewRand(2, "writes")
		before := f.FTLCounts
		g.ctl.aging = true
		for range f.logical {
			g.ctl.flash.put(chance.Uint64()%f.logical, unitBytes)
		}
		g.ctl.flash.flush()
		g.ctl.aging = false
		got := float64(f.MovedUnits-before.MovedUnits)/float64(f.HostUnits-before.HostUnits) + 1
		d := &f.dies[0]
		used := float64(f.logical) / float64(len(f.dies)*(len(d.blocks)-lowBlocks)*f.perBlock)
		want := greedy(used)
		t.Logf("spare %d per mille, utilisation %.3f: %.2f, formula %.2f (%+.1f %%)", spare, used, got,
			want, 100*(got/want-1))
		if math.Abs(got/want-1) > 0.1 {
			t.Errorf("spare %d: amplification %.2f, formula %.2f", spare, got, want)
		}
		f.sound(t)
	}
}

// greedy solves (v-1)/ln(v) = utilisation by bisection.
func greedy(utilisation float64) float64 {
	lo, hi := 1e-9, 1-1e-9
	for range 100 {
		v := (lo + hi) / 2
		if (v-1)/math.Log(v) < utilisation {
			lo = v
		} else {
			hi = v
		}
	}
	return 1 / (1 - lo)
}

// Static wear levelling bounds the spread of erase counts though half the drive is never written.
func TestWearLevelling(t *testing.T) {
	p := small(false)
	g := newGuest(t, p, NewMemory(8<<20), nil)
	f := &g.ctl.flash.ftl
	f.wearGap = 8
	g.ctl.Age(8<<20, 0, 1)
	g.ctl.fast(func() {
		for i := range uint64(400_000) {
			g.ctl.flash.put(i*7%(f.logical/2), unitBytes)
		}
	})
	f.sound(t)
	for i := range f.dies {
		least, most := ^uint32(0), uint32(0)
		for _, b := range f.dies[i].blocks {
			least, most = min(least, b.erases), max(most, b.erases)
		}
		if most < 50 || most-least > 2*f.wearGap {
			t.Errorf("die %d: blocks erased %d to %d times", i, least, most)
		}
	}
}

// What was never written, or was deallocated, takes no die: it is there at once and reads zero.
func TestUnmappedReadsAreFree(t *testing.T) {
	g := ready(t, &Micron9550, NewMemory(64<<20), nil)
	empty := latency(g, spec.Read)
	g.ctl.Age(64<<20, 0, 0)
	full := latency(g, spec.Read)
	if d := full - empty; d < Micron9550.Read4K {
		t.Errorf("%v empty, %v full", empty, full)
	}
	at, p := g.alloc(4096)
	copy(p, pattern(1, 4096))
	g.do(1, g.rw(spec.Write, 8, at, 4096))
	hit := latency(g, spec.Read)
	if hit != empty {
		t.Errorf("a read hit in the write buffer takes %v, one of nothing %v", hit, empty)
	}
	g.eng.Run(sim.Forever)
	c := g.rw(spec.WriteZeroes, 8, 0, 4096)
	g.do(1, c)
	if d := latency(g, spec.Read); d != empty {
		t.Errorf("%v after deallocation, %v before", d, empty)
	}
}
