package board

import (
	"fmt"

	"tensoros/hw"
	"tensoros/sim"
	"tensoros/sim/pcie"
	"tensoros/traces"
)

// CPUTiming is what a processor spends at the door. Marks: [S] read in a public source, [R] from
// memory of a well-known one and not re-read, [D] derived; no test rests on [R] or [D].
type CPUTiming struct {
	Clock sim.Rate // instructions a second: one a cycle at base clock [D]
	// Uncached is the least distance between two uncached stores: 50 to 300 ns between their TLPs
	// (Intel community forum, m-p/1186313) [S]; the middle of it.
	Uncached sim.Time
	// Combined is the rate of write-combined stores in 64-byte bursts: about 20 GB/s measured on a
	// Gen4 A100, 22.9 the link's own limit (NVIDIA/gdrcopy issue 288) [S].
	Combined sim.Rate
	// Load is an ordered load or store of a cached line [R]: L1 hit, 5 cycles at 2.6 GHz.
	Load sim.Time
	// Relax is a PAUSE of 140 cycles (Intel optimisation manual, Skylake and later) [R].
	Relax sim.Time
}

// Xeon6442Y is the processor of the machine behind the measured GPU-direct figures (xnvme/aisio):
// 24 cores, 2.6 GHz base [R].
var Xeon6442Y = CPUTiming{
	Clock:    2600 * sim.Megahertz,
	Uncached: 175 * sim.Nanosecond,
	Combined: 20 * sim.Gigahertz,
	Load:     2 * sim.Nanosecond,
	Relax:    54 * sim.Nanosecond,
}

// cpu is a simulated processor: a process with a local clock.
type cpu struct {
	board    *Board
	id       int
	proc     *sim.Proc
	port     *pcie.Processor
	timing   *CPUTiming
	track    traces.Track
	pending  []hw.Interrupt
	kicked   bool
	answered bool     // the read under way has its data
	stored   sim.Time // when the next uncached store may go
	buf      [8]byte
}

// Fire tells the processor that its read is answered.
func (c *cpu) Fire(sim.Time, uint32, uint64) {
	c.answered = true
	c.proc.Wake()
}

func (c *cpu) ID() int { return c.id }

// Now rounds down: a nanosecond that has not passed is not shown.
func (c *cpu) Now() hw.Time { return hw.Time(c.proc.Now() / sim.Nanosecond) }

func (c *cpu) Work(instructions int) {
	if instructions < 0 {
		panic(fmt.Sprintf("board: %d instructions", instructions))
	}
	c.proc.Spend(c.timing.Clock.Span(uint64(instructions)))
}

func (c *cpu) Relax() {
	c.proc.Spend(c.timing.Relax)
	c.proc.Sync()
}

func (c *cpu) Idle(until hw.Time) {
	c.proc.Sync()
	deadline := sim.Forever
	if until < hw.Time(sim.Forever/sim.Nanosecond) {
		deadline = sim.Time(until) * sim.Nanosecond
	}
	start := c.proc.Now()
	for len(c.pending) == 0 && !c.kicked && c.proc.Now() < deadline {
		c.proc.Wait(deadline)
	}
	c.kicked = false
	c.board.rec.Span(traces.CPUIdle, c.track, start, c.proc.Now(), nil)
}

func (c *cpu) Pending(dst []hw.Interrupt) []hw.Interrupt {
	c.proc.Sync()
	dst = append(dst, c.pending...)
	c.pending = c.pending[:0]
	return dst
}

func (c *cpu) Kick(cpu int) {
	c.proc.Sync()
	other := c.board.cpus[cpu]
	other.kicked = true
	if other.proc != nil {
		other.proc.Wake()
	}
}

// latch is called when an interrupt message arrives.
func (c *cpu) latch(i hw.Interrupt) {
	for _, p := range c.pending {
		if p == i {
			return
		}
	}
	c.pending = append(c.pending, i)
	c.board.rec.Mark(traces.CPUInterrupt, c.track, c.board.Engine.Now(), uint64(i.Vector))
	if c.proc != nil {
		c.proc.Wake()
	}
}

// await parks until the read under way is answered.
func (c *cpu) await() {
	for !c.answered {
		c.proc.Wait(sim.Forever)
	}
	c.answered = false
}

// storeSlot waits until an uncached store may go.
func (c *cpu) storeSlot() {
	if wait := c.stored - c.proc.Now(); wait > 0 {
		c.proc.Spend(wait)
	}
	c.stored = c.proc.Now() + c.timing.Uncached
}
