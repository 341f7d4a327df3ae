package pcie

import (
	"testing"

	"tensoros/sim"
)

// What ahead promises holds packet by packet: each finds its credits when the wire is free for it.
// And it must promise something, or trains would wait for nothing.
func TestAheadAgreesWithPackets(t *testing.T) {
	promised, beyond := 0, 0
	for seed := range uint64(4000) {
		r := sim.NewRand(seed, "credits")
		build := func() *credits {
			r := sim.NewRand(seed, "leases")
			c := newCredits(60, 400)
			at := sim.Time(r.Intn(50))
			for range r.Intn(6) {
				n, data, tail := int64(1+r.Intn(8)), int32(1+r.Intn(8)), int32(1+r.Intn(8))
				step := sim.Time(1 + r.Intn(20))
				end := at + sim.Time(n-1)*step
				c.take(n, (n-1)*int64(data)+int64(tail))
				c.give(lease{at: at, step: step, end: end, n: n, data: data, tail: tail})
				at = end + sim.Time(r.Intn(40)) - 10
			}
			c.header -= 40 // held by who will not give back
			c.headerTotal -= 40
			c.data -= 300
			c.dataTotal -= 300
			return &c
		}
		n, unit := int64(1+r.Intn(16)), int64(1+r.Intn(16))
		tail := 1 + int64(r.Intn(int(unit)))
		start, step := sim.Time(r.Intn(120)), sim.Time(1+r.Intn(20))
		c := build()
		whole := c.enough(n, unit*(n-1)+tail, start)
		if c = build(); !c.ahead(n, unit, tail, start, step) {
			if whole {
				t.Fatalf("seed %d: enough at once, but not ahead", seed)
			}
			continue
		}
		promised++
		if !whole {
			beyond++
		}
		c = build()
		for i := range n {
			need := unit
			if i == n-1 {
				need = tail
			}
			if !c.enough(1, need, start+sim.Time(i)*step) {
				t.Fatalf("seed %d: packet %d of %d waits", seed, i, n)
			}
			c.take(1, need)
		}
	}
	if promised < 500 || beyond < 50 {
		t.Errorf("%d promises, %d of them ahead", promised, beyond)
	}
}
