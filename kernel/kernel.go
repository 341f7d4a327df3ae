package kernel

import (
	"fmt"
	"strings"

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
	Drives  []*Drive
	Volumes []*Volume
	Space   mem.Space
	Loop    *task.Loop
	Ready   hw.Time // when booting was over

	rec   *traces.Recorder
	track traces.Track
	log   func(at hw.Time, text string)
}

// Drive is an NVMe drive.
type Drive struct {
	Index int
	NVMe  *nvme.Drive

	k      *Kernel
	fn     hw.Function
	flight int // requests of transfers
}

// Volume is a mounted TensorFS.
type Volume struct {
	Index  int
	Drives []*Drive // by member
	FS     *tensorfs.Volume
}

// String names the drives: nvme0, nvme1+nvme2.
func (v *Volume) String() string {
	var names []string
	for _, d := range v.Drives {
		names = append(names, fmt.Sprint("nvme", d.Index))
	}
	return strings.Join(names, "+")
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
	for _, d := range k.Drives {
		keep(d.NVMe.Close(k.CPU))
		keep(d.fn.Close())
	}
	return first
}
