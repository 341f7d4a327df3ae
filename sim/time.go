package sim

import (
	"math/bits"

	"tensoros/traces"
)

// Time is picoseconds since power-on.
type Time = traces.Time

// Units of time.
const (
	Picosecond  = traces.Picosecond
	Nanosecond  = traces.Nanosecond
	Microsecond = traces.Microsecond
	Millisecond = traces.Millisecond
	Second      = traces.Second

	// Forever is later than every event.
	Forever = traces.Forever
)

// Rate is events a second: hertz of a clock, bytes a second of a wire. A rate is never turned into
// a truncated period: 1755 MHz kept as 569 ps would drift by 0.14 %.
type Rate uint64

// Rates in common units.
const (
	Hertz     Rate = 1
	Megahertz      = 1_000_000 * Hertz
	Gigahertz      = 1_000_000_000 * Hertz
)

// Span is the exact time that n events take, rounded up to a picosecond.
func (r Rate) Span(n uint64) Time {
	hi, lo := bits.Mul64(n, uint64(Second))
	lo, carry := bits.Add64(lo, uint64(r)-1, 0)
	q, _ := bits.Div64(hi+carry, lo, uint64(r))
	return Time(q)
}

// Count is how many whole events have happened by t.
func (r Rate) Count(t Time) uint64 {
	hi, lo := bits.Mul64(uint64(t), uint64(r))
	q, _ := bits.Div64(hi, lo, uint64(Second))
	return q
}
