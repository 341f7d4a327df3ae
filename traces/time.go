package traces

import "fmt"

// Time is picoseconds since power-on. An int64 covers 106 days.
type Time int64

// Units of time.
const (
	Picosecond  Time = 1
	Nanosecond       = 1000 * Picosecond
	Microsecond      = 1000 * Nanosecond
	Millisecond      = 1000 * Microsecond
	Second           = 1000 * Millisecond

	// Forever is later than every event.
	Forever Time = 1<<63 - 1
)

// Seconds converts to floating point, for reports only.
func (t Time) Seconds() float64 { return float64(t) / float64(Second) }

// String gives three decimals in the largest unit that keeps the value at or above one.
func (t Time) String() string {
	switch abs := max(t, -t); {
	case abs >= Second:
		return fmt.Sprintf("%.3f s", float64(t)/float64(Second))
	case abs >= Millisecond:
		return fmt.Sprintf("%.3f ms", float64(t)/float64(Millisecond))
	case abs >= Microsecond:
		return fmt.Sprintf("%.3f us", float64(t)/float64(Microsecond))
	}
	return fmt.Sprintf("%.3f ns", float64(t)/float64(Nanosecond))
}
