package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"time"

	"tensoros/hw"
	"tensoros/hw/num"
	"tensoros/kernel"
	"tensoros/kernel/tensorfs"
	"tensoros/sim"
	"tensoros/sim/board"
	"tensoros/sim/gpu/chip"
	"tensoros/sim/nvme"
	"tensoros/traces"
)

// session is TensorOS booted on a simulated machine.
type session struct {
	env    *env
	board  *board.Board
	rec    *traces.Recorder
	kernel *kernel.Kernel
	wall   time.Time // when the present run began

	progress *progress // of the present run; nil at the prompt

	loads, launches int // of the runtime, that have been reported
}

// boot builds the machine, boots TensorOS on its first processor and calls body there. Whatever
// was recorded is written when the machine stops, errors or not.
func (e *env) boot(body func(s *session) error) error {
	spec, err := e.spec()
	if err != nil {
		return err
	}
	stores, err := e.stores(&spec)
	if err != nil {
		return err
	}
	s := &session{env: e, rec: traces.NewRecorder(), wall: time.Now()}
	if s.board, err = board.New(spec, s.rec, e.ties, stores...); err != nil {
		return usage("", "%w", err)
	}
	for _, g := range s.board.GPUs {
		g.Simulate(e.threads, !e.exact)
	}
	if err := e.injectFaults(s.board); err != nil {
		return err
	}
	defer s.board.Close()
	s.board.Tick = func() {
		if s.progress != nil {
			s.progress.Update("%v of simulated time", s.board.Engine.Now())
		}
	}
	var inside error
	s.board.Start(0, func(cpu hw.CPU) { inside = s.main(cpu, body) })
	if err := s.board.Run(); err != nil && inside == nil {
		inside = err
	}
	if inside == nil {
		s.board.Settle()
	}
	s.findings()
	if e.trace != "" {
		if err := s.save(e.trace); err != nil && inside == nil {
			inside = err
		}
	}
	return inside
}

func (s *session) main(cpu hw.CPU, body func(s *session) error) error {
	k, err := kernel.Boot(cpu, s.board, kernel.Options{Recorder: s.rec, Log: s.log})
	if err != nil {
		return failed("see machine describe", "%w", err)
	}
	s.kernel = k
	err = body(s)
	if e := k.Close(); err == nil {
		err = e
	}
	return err
}

// findings tells which rules of a standard the guest broke, if any: our drivers' mistakes.
func (s *session) findings() {
	all := append([]sim.Finding(nil), s.board.Fabric.Findings...)
	for _, d := range s.board.Drives {
		all = append(all, d.Findings...)
	}
	for _, f := range all {
		fmt.Fprintln(s.env.err, f)
	}
	for i, d := range s.board.Drives {
		for effect, n := range d.Faults {
			if n > 0 {
				fmt.Fprintf(s.env.err, "nvme%d: %d injected %v\n", i, n, nvme.Effect(effect))
			}
		}
	}
}

// explain adds what the simulated devices know of a failure: a driver only sees that it stopped.
func (s *session) explain(err error) error {
	for _, g := range s.board.GPUs {
		n := len(g.Faults)
		switch {
		case n > 0 && err == nil:
			return failed("", "gpu: %s", g.Faults[n-1].Detail)
		case n > 0:
			return fmt.Errorf("%w: %s", err, g.Faults[n-1].Detail)
		}
	}
	return err
}

// begin starts the clock and the progress line of a run.
func (s *session) begin() {
	s.wall = time.Now()
	s.progress = s.env.progress("run")
}

// end wipes the progress line for good.
func (s *session) end() {
	if s.progress != nil {
		s.progress.Done()
		s.progress = nil
	}
}

// Write writes to the output, wiping the progress line first.
func (s *session) Write(p []byte) (int, error) {
	if s.progress != nil {
		s.progress.Done()
	}
	return s.env.out.Write(p)
}

// log writes a line of the boot log, stamped with simulated time.
func (s *session) log(at hw.Time, text string) {
	if !s.env.json {
		fmt.Fprintf(s.env.out, "[%12.3f us] %s\n", float64(at)/1e3, text)
	}
}

// save writes the trace so far.
func (s *session) save(path string) error {
	if err := os.WriteFile(path, s.rec.Bytes(), 0o666); err != nil {
		return input("", "trace %s: %w", path, reason(err))
	}
	return nil
}

// banner names the system and the machine.
func (s *session) banner() {
	b := s.board.Spec
	fmt.Fprintf(s.env.out, "TensorOS v1.0 (Genesis)\n%s: %s, %d CPU, %s\n", b.Name, b.Title, b.CPUs,
		b.Memory)
	fmt.Fprintf(s.env.out, "prompt after %.3f us of simulated time; type help\n",
		float64(s.kernel.Ready)/1e3)
}

// target is the compute capability to compile for: that of the machine's first GPU.
func target(s *board.Spec) int {
	if len(s.GPUs) > 0 {
		return chip.Chips[s.GPUs[0].Chip].SM
	}
	return 90
}

// stores are what the first drives hold: image files, or objects made from the seed.
func (e *env) stores(spec *board.Spec) ([]nvme.Store, error) {
	if len(e.drives) > len(spec.Drives) && len(spec.Drives) > 0 {
		return nil, usage("machine list shows the machines", "%d times --drive, but %s has %s",
			len(e.drives), spec.Name, count(len(spec.Drives), "drive"))
	}
	var out []nvme.Store
	for _, name := range e.drives {
		if _, err := os.Stat(name); err != nil {
			return nil, input("make one with tos-sim drive FILE or tos-sim fs mkfs FILE",
				"--drive %s: %w", name, reason(err))
		}
		f, err := nvme.OpenFile(name, 0)
		if err != nil {
			return nil, input("", "%w", reason(err))
		}
		out = append(out, f)
	}
	if len(out) > 0 || len(spec.Drives) == 0 {
		return out, nil
	}
	m := nvme.NewMemory(spec.Drives[0].Size.Bytes())
	return []nvme.Store{m}, e.seedVolume(m)
}

// seedVolume makes a volume with the objects a and b.
func (e *env) seedVolume(d tensorfs.Device) error {
	v, err := tensorfs.Format(tensorfs.Geometry{UUID: e.seedUUID()}, d)
	if err != nil {
		return err
	}
	for _, f := range []tensorfs.File{e.normal("a", false), e.normal("b", true)} {
		if err := v.Put(f); err != nil {
			return err
		}
	}
	return v.Commit()
}

// seedUUID names a volume by the seed, as a UUID of version 8, for private use (RFC 9562, 5.8).
func (e *env) seedUUID() (u tensorfs.UUID) {
	rnd := sim.NewRand(e.seed, "volume")
	binary.LittleEndian.PutUint64(u[:], rnd.Uint64())
	binary.LittleEndian.PutUint64(u[8:], rnd.Uint64())
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return u
}

// defaultSide is the side of the matrices on the drive made at boot.
const defaultSide = 512

// normal is an object of f16 drawn from a normal distribution by the seed and its name.
func (e *env) normal(name string, colMajor bool) tensorfs.File {
	rnd := sim.NewRand(e.seed, "object/"+name)
	var data []byte
	for range defaultSide * defaultSide {
		data = binary.LittleEndian.AppendUint16(data, num.F32ToF16(float32(rnd.Normal())))
	}
	return tensorfs.File{Data: data, Object: tensorfs.Object{Name: name, Elem: "f16",
		ColMajor: colMajor, Shape: []int{defaultSide, defaultSide}}}
}
