package kernel

import (
	"fmt"

	"tensoros/hw"
	"tensoros/kernel/drv/gpu"
	"tensoros/kernel/drv/nvme"
	"tensoros/kernel/mem"
	"tensoros/kernel/task"
	"tensoros/kernel/tensorfs"
	"tensoros/traces"
)

// Kernel is a booted TensorOS on its boot processor.
type Kernel struct {
	CPU     hw.CPU
	Machine hw.Machine
	GPUs    []*gpu.Device
	Volumes []*Volume
	Space   mem.Space
	Loop    *task.Loop
	Ready   hw.Time // when booting was over

	rec   *traces.Recorder
	track traces.Track
	log   func(at hw.Time, text string)
}

// Volume is a drive with TensorFS on it.
type Volume struct {
	Index int
	Drive *nvme.Drive
	FS    *tensorfs.Volume // nil if the drive holds no volume

	fn hw.Function
}

// Options are what a boot may be given.
type Options struct {
	// Recorder, if not nil, gets the kernel's own spans.
	Recorder *traces.Recorder
	// Log, if not nil, gets the lines of the boot log as they happen.
	Log func(at hw.Time, text string)
}

// Note writes a line to the log.
func (k *Kernel) Note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	k.rec.Mark(traces.KernelNote, k.track, moment(k.CPU.Now()), k.rec.Text(text))
	if k.log != nil {
		k.log(k.CPU.Now(), text)
	}
}

// moment is a CPU's time as traces have it.
func moment(t hw.Time) traces.Time { return traces.Time(t) * traces.Nanosecond }

// Span records that something of the kernel's lasted from start until now.
func (k *Kernel) Span(kind traces.Kind, start hw.Time, args ...uint64) {
	k.rec.Span(kind, k.track, moment(start), moment(k.CPU.Now()), nil, args...)
}

// Text interns a string for Span.
func (k *Kernel) Text(s string) uint64 { return k.rec.Text(s) }

// Close stops the drivers and gives back what the machine lent.
func (k *Kernel) Close() error {
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	for _, g := range k.GPUs {
		keep(g.Close())
	}
	for _, v := range k.Volumes {
		keep(v.Drive.Close(k.CPU))
		keep(v.fn.Close())
	}
	return first
}
