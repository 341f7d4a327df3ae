// Package tap stands at the door: it wraps a hw.Machine, passes every crossing on unchanged, and
// tells its sinks about it; and it answers crossings from a log, so that a guest can be run again
// without the machine.
//
// It does not judge what crosses. The machine must run one processor at a time, as the simulators
// do (or have one processor): a crossing is charged to the processor that was last let run.
package tap
