// Package stat summarises a trace: lengths by kind, what the time was spent on, and the parts of
// a kernel launch.
//
// It reads and does not draw; figures are exact order statistics, not estimates.
package stat
