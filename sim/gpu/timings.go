package gpu

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"

	"tensoros/hw/ptx"
	"tensoros/sim/gpu/memory"
	"tensoros/sim/gpu/sm"
)

// timings remembers how long launches took.
type timings struct {
	TimingCache
	known map[string]*timing
}

// TimingCache counts launches with time: those that were timed, and those that took the time of
// one like them.
type TimingCache struct {
	Timed int `json:"timed"`
	Taken int `json:"taken_over"`
}

// Timings says how many launches took over the time of another; zeros without Options.Cache.
func (a *Accelerator) Timings() TimingCache {
	if a.timings == nil {
		return TimingCache{}
	}
	return a.timings.TimingCache
}

// timing is a launch that was timed, and how warm it left its buffers.
type timing struct {
	run   Run
	after []warmth
}

// warmth is which parts of a buffer L2 holds, and which of those are to be written back, a bit for
// each of warmProbes parts.
type warmth struct{ held, dirty uint16 }

const (
	warmProbes = 16 // parts of a buffer, whose first lines are looked at
	warmSteps  = 4  // that the key tells apart, beside none
	// aligned is what of an address counts: lines of L2 and the pairs of them that keep to one
	// channel (see memory.Hierarchy).
	aligned = 256
)

// key says all that a launch's time depends on, but for the data; buffers are those that its
// arguments point into.
func (t *timings) key(k *Kernel, l *sm.Launch) (key string, buffers []*allotment) {
	a := k.of.on
	var b strings.Builder
	fmt.Fprint(&b, k.of.identity(), k.Name(), k.of.base%aligned, l.Grid, l.Block,
		l.Cluster, l.Shared)
	params := l.Params
	for ; len(params) >= 8; params = params[8:] {
		word := binary.LittleEndian.Uint64(params)
		m := a.mem.find(word)
		if m == nil {
			fmt.Fprintf(&b, " %d", word)
			continue
		}
		n := 0
		for n < len(buffers) && buffers[n].base != m.base {
			n++
		}
		if n == len(buffers) {
			buffers = append(buffers, m)
		}
		fmt.Fprintf(&b, " buffer %d of %d +%d", n, m.size, word%aligned)
	}
	fmt.Fprint(&b, params)
	for _, w := range a.warmth(buffers) {
		fmt.Fprint(&b, " warm ", step(w.held), step(w.dirty))
	}
	return b.String(), buffers
}

// step is how many parts a mask has, as coarsely as the key tells.
func step(parts uint16) int {
	n := bits.OnesCount16(parts)
	return max((n*warmSteps+warmProbes/2)/warmProbes, min(n, 1))
}

// identity is a hash of the module.
func (m *Module) identity() string {
	if m.code == "" {
		h := sha256.New()
		if err := ptx.Print(h, m.ptx); err != nil {
			panic(err) // a hash takes all that is written
		}
		m.code = string(h.Sum(nil))
	}
	return m.code
}

// part is the first line of the i-th part of a buffer.
func (m *allotment) part(i int) uint64 {
	lines := (m.size + memory.LineLen - 1) / memory.LineLen
	return uint64(i) * lines / warmProbes
}

// warmth probes buffers.
func (a *Accelerator) warmth(buffers []*allotment) []warmth {
	var out []warmth
	for _, m := range buffers {
		var w warmth
		for i := range warmProbes {
			held, dirty := a.caches.Holds(m.base - allotBase + m.part(i)*memory.LineLen)
			if held {
				w.held |= 1 << i
			}
			if dirty {
				w.dirty |= 1 << i
			}
		}
		out = append(out, w)
	}
	return out
}

// leave brings into L2 what a launch whose time was taken over would have left there.
func (a *Accelerator) leave(t *timing, buffers []*allotment) {
	counters := a.caches.Counters
	now := a.warmth(buffers)
	for k, m := range buffers {
		want := t.after[k]
		for i := range warmProbes {
			bit := uint16(1) << i
			if want.held&bit == 0 || now[k].held&bit != 0 && now[k].dirty&bit >= want.dirty&bit {
				continue
			}
			for at := m.part(i); at < m.part(i+1); at++ {
				a.caches.Warm(m.base-allotBase+at*memory.LineLen, want.dirty&bit != 0)
			}
		}
	}
	a.caches.Counters = counters
}
