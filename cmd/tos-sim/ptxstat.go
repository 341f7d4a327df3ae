package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"tensoros/hw/ptx"
	"tensoros/sim/gpu/sm"
)

const ptxStatLong = `Count what each kernel and function of a PTX file is made of: instructions by family and by
spelling, declared registers by type, memory, and what the chip model does not execute.
The counts are of the text; how often each instruction runs is for ptx run.`

func ptxStatCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "stat FILE.ptx",
		Short: "Count the instructions of a PTX file by family and spelling",
		Long:  ptxStatLong,
		Args:  cobra.ExactArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return e.ptxStat(args[0]) },
	}
}

// ptxStat is what a function is made of.
type ptxStat struct {
	Name         string         `json:"name"`
	Kernel       bool           `json:"kernel"`
	Instructions int            `json:"instructions"`
	Registers    map[string]int `json:"registers"` // declared, by type
	Shared       int            `json:"shared_bytes"`
	Local        int            `json:"local_bytes"`
	Params       int            `json:"param_bytes"`
	Families     map[string]int `json:"families"`
	Opcodes      map[string]int `json:"opcodes"`
	Unsupported  []string       `json:"unsupported"`
}

func (e *env) ptxStat(path string) error {
	src, err := e.readFile(path)
	if err != nil {
		return err
	}
	m, err := ptx.Parse(path, src)
	if err == nil {
		err = ptx.Verify(m)
	}
	if err != nil {
		return failed("tos-sim ptx check "+path+" lists them", "%w", err)
	}
	stats := []ptxStat{}
	for _, f := range m.Funcs {
		if f.Defined {
			stats = append(stats, statOf(m, f))
		}
	}
	if e.json {
		return e.encode(stats)
	}
	for i := range stats {
		e.showStat(&stats[i])
	}
	return nil
}

func statOf(m *ptx.Module, f *ptx.Func) ptxStat {
	s := ptxStat{Name: f.Name, Kernel: f.Entry, Registers: map[string]int{},
		Families: map[string]int{}, Opcodes: map[string]int{}, Unsupported: []string{}}
	for _, t := range f.Regs.Types() {
		s.Registers[t.String()]++
	}
	for in := range f.Insts() {
		s.Instructions++
		s.Families[in.Op.Family]++
		s.Opcodes[in.Opcode()]++
	}
	for _, p := range f.Params {
		s.Params += p.Size()
	}
	for _, v := range slices.Concat(m.Vars, f.Vars) {
		switch v.Space {
		case ptx.SpaceShared:
			s.Shared += v.Size()
		case ptx.SpaceLocal:
			s.Local += v.Size()
		}
	}
	if f.Entry {
		_, err := sm.Load(m, f.Name, int(m.Arch())/10)
		var list *sm.UnsupportedError
		if errors.As(err, &list) {
			s.Unsupported = list.What
		}
	}
	return s
}

func (e *env) showStat(s *ptxStat) {
	kind := "function"
	if s.Kernel {
		kind = "kernel"
	}
	fmt.Fprintf(e.out, "%s %s: %s; %d bytes shared, %d local, %d of parameters\n", kind, s.Name,
		count(s.Instructions, "instruction"), s.Shared, s.Local, s.Params)
	e.showCounts("registers", s.Registers)
	e.showCounts("families", s.Families)
	e.showCounts("opcodes", s.Opcodes)
	for _, what := range s.Unsupported {
		fmt.Fprintf(e.out, "  not executed: %s\n", what)
	}
}

// showCounts writes counts, the largest first, in lines that fit a terminal.
func (e *env) showCounts(title string, counts map[string]int) {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b))
	})
	const width = 78
	line := fmt.Sprintf("  %-9s", title)
	empty := len(line)
	for _, n := range names {
		item := fmt.Sprintf("  %s %d", n, counts[n])
		if len(line)+len(item) > width && len(line) > empty {
			fmt.Fprintln(e.out, line)
			line = fmt.Sprintf("%*s", empty, "")
		}
		line += item
	}
	fmt.Fprintln(e.out, line)
}
