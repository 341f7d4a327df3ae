package shell

import (
	"fmt"
	"strings"

	"tensoros/neurolang"
)

// commands are what a line may be beside Neuro-Lang.
var commands = []struct {
	name, args, doc string
	run             func(s *Shell, args []string) error
}{
	{"help", "", "this list", nil},
	{"time", "", "simulated time: now, at boot, and of the last statement", (*Shell).time},
	{"ptx", "[KERNEL]", "the PTX of a kernel of this session or of the last file", (*Shell).ptx},
	{"trace", "FILE", "write the trace so far", (*Shell).trace},
	{"map", "", "the flat address space", (*Shell).addresses},
	{"ls", "", "the objects on the drives", (*Shell).list},
	{"scrub", "", "hold all that is on the drives against its checksums", (*Shell).scrub},
	{"nvme", "", "the drives: what they are, their health, what went wrong", (*Shell).drives},
	{"quit", "", "leave", nil},
}

// command runs a command and reports whether the shell is over.
func (s *Shell) command(words []string) bool {
	if len(words) == 0 {
		words = []string{"help"}
	}
	switch words[0] {
	case "quit", "exit":
		return true
	case "help":
		s.help()
		return false
	}
	for _, c := range commands {
		if c.name != words[0] || c.run == nil {
			continue
		}
		if err := c.run(s, words[1:]); err != nil {
			s.complain(err)
		}
		return false
	}
	s.complain(fmt.Errorf("no command :%s (type help)", words[0]))
	return false
}

func (s *Shell) help() {
	out := s.host.Out
	fmt.Fprintln(out, `Neuro-Lang, line by line: `+
		`let x = 6 * 7, fn, @kernel fn, Tensor::load("nvme://a", ...).`)
	fmt.Fprintln(out, `run("FILE.nl") compiles a file and runs its main.`)
	for _, c := range commands {
		fmt.Fprintf(out, "  :%-16s %s\n", strings.TrimSpace(c.name+" "+c.args), c.doc)
	}
}

func (s *Shell) time([]string) error {
	now := s.k.CPU.Now()
	fmt.Fprintf(s.host.Out, "now %.3f us, prompt at %.3f us, last statement %.3f us\n",
		float64(now)/1e3, float64(s.k.Ready)/1e3, float64(s.took)/1e3)
	return nil
}

func (s *Shell) ptx(args []string) error {
	var names []string
	for _, p := range []*neurolang.Program{s.last, s.session.Program()} {
		if p == nil {
			continue
		}
		for _, k := range p.Kernels {
			if len(args) == 0 || args[0] == k.Name {
				fmt.Fprintln(s.host.Out, k.Variants[0].PTX)
				return nil
			}
			names = append(names, k.Name)
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("no kernel has been compiled yet (write one with @kernel, or run a file)")
	}
	return fmt.Errorf("no kernel %q; there are %s", args[0], strings.Join(names, ", "))
}

func (s *Shell) trace(args []string) error {
	if s.host.SaveTrace == nil {
		return fmt.Errorf("nothing is being recorded (the host turns recording on at its start)")
	}
	if len(args) != 1 {
		return fmt.Errorf("write :trace FILE")
	}
	if err := s.host.SaveTrace(args[0]); err != nil {
		return err
	}
	fmt.Fprintf(s.host.Out, "trace written to %s\n", args[0])
	return nil
}

func (s *Shell) addresses([]string) error {
	for _, r := range s.k.Space.Ranges() {
		fmt.Fprintln(s.host.Out, r)
	}
	return nil
}

func (s *Shell) list([]string) error {
	for _, v := range s.k.Volumes {
		for _, o := range v.FS.Objects() {
			fmt.Fprintf(s.host.Out, "%v  %s\n", v, &o)
		}
	}
	return nil
}

func (s *Shell) scrub([]string) error {
	for _, v := range s.k.Volumes {
		x, task, err := s.k.Scrub(v, 0)
		if err != nil {
			return err
		}
		if err := s.k.Loop.Wait(task); err != nil {
			return err
		}
		for _, p := range x.Problems {
			fmt.Fprintf(s.host.Out, "%v  %v\n", v, p)
		}
		c := x.Counts
		fmt.Fprintf(s.host.Out, "%v  %d bytes of metadata, %d of data, %d of them without "+
			"checksums; problems: %d\n", v, c.Metadata, c.Data, c.Unsummed, len(x.Problems))
	}
	return nil
}

func (s *Shell) drives([]string) error {
	for _, d := range s.k.Drives {
		n := d.NVMe
		fmt.Fprintf(s.host.Out, "nvme%d  %s, serial %s, firmware %s; namespace %d of %v: %d blocks of %d bytes\n",
			d.Index, n.Model, n.Serial, n.Firmware, n.ID, n.Spaces, n.Blocks, n.BlockSize)
		h, err := n.Health(s.k.CPU)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.host.Out, "       %d C, spare %d %%, used %d %%, warnings %02xh, media errors %d, "+
			"power cycles %d\n", int(h.Temperature)-273, h.Spare, h.Used, h.Warning, h.MediaErrors,
			h.PowerCycles)
		fmt.Fprintf(s.host.Out, "       since boot: %d retries, %d aborts, %d resets, %d of the function, "+
			"%d events\n", n.Stats.Retries, n.Stats.Aborts, n.Stats.Resets, n.Stats.FunctionResets,
			n.Stats.Events)
		for _, e := range n.Events() {
			fmt.Fprintf(s.host.Out, "       at %.3f ms: %v\n", float64(e.At)/1e6, e)
		}
	}
	return nil
}
