// Package perfetto writes a trace as a Perfetto protobuf, for ui.perfetto.dev and trace_processor.
//
// It owns the few messages it needs, written by hand. It does not read Perfetto files, and it does
// not change what was recorded: where Perfetto's nanoseconds are too coarse, the exact picoseconds
// stand in the arguments ts_ps and dur_ps.
package perfetto
