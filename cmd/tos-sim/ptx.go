package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tensoros/hw/ptx"
	"tensoros/sim/gpu/sm"
)

func ptxCommand(e *env) *cobra.Command {
	c := &cobra.Command{Use: "ptx", Short: "Run, check, format and count PTX"}
	c.AddCommand(ptxRunCommand(e), ptxCheckCommand(e), ptxFmtCommand(e), ptxStatCommand(e))
	return c
}

func ptxCheckCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE.ptx...",
		Short: "Report every fault of PTX files, and what this simulator cannot execute",
		Long: "Read PTX as the simulated GPU does: grammar, then names, types and targets, then " +
			"whether\nthe chip model executes each instruction.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return e.ptxCheck(args) },
	}
}

func ptxFmtCommand(e *env) *cobra.Command {
	var write bool
	c := &cobra.Command{
		Use:   "fmt [flags] FILE.ptx",
		Short: "Write PTX in canonical form",
		Args:  cobra.ExactArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return e.ptxFmt(args[0], write) },
	}
	c.Flags().BoolVarP(&write, "write", "w", false, "write the file itself")
	return c
}

// ptxFault is a fault of a PTX file. Phase is parse, verify or load.
type ptxFault struct {
	Phase  string `json:"phase"`
	Kernel string `json:"kernel,omitempty"`
	Line   int    `json:"line,omitempty"`
	Col    int    `json:"col,omitempty"`
	Msg    string `json:"message"`
	Hint   string `json:"hint,omitempty"`
}

type ptxKernel struct {
	Name         string `json:"name"`
	Instructions int    `json:"instructions"`
	Registers    int    `json:"registers"` // 32-bit, by the names live at once
	Shared       int    `json:"shared_bytes"`
	Params       int    `json:"param_bytes"`
}

type ptxReport struct {
	File    string      `json:"file"`
	Target  string      `json:"target,omitempty"`
	Kernels []ptxKernel `json:"kernels"`
	Faults  []ptxFault  `json:"faults"`
}

func (e *env) ptxCheck(paths []string) error {
	reports := []ptxReport{}
	faults := 0
	for _, path := range paths {
		src, err := e.readFile(path)
		if err != nil {
			return err
		}
		r := examine(path, src)
		faults += len(r.Faults)
		reports = append(reports, r)
		if !e.json {
			e.ptxShow(&r)
		}
	}
	if e.json {
		if err := e.encode(reports); err != nil {
			return err
		}
	}
	if faults > 0 {
		return failed("", "ptx check: %s", count(faults, "fault"))
	}
	return nil
}

func (e *env) ptxShow(r *ptxReport) {
	for _, f := range r.Faults {
		at := r.File
		if f.Line > 0 {
			at = fmt.Sprintf("%s:%d", at, f.Line)
		}
		if f.Col > 0 {
			at = fmt.Sprintf("%s:%d", at, f.Col)
		}
		if f.Hint != "" {
			f.Msg += " (" + f.Hint + ")"
		}
		fmt.Fprintf(e.err, "%s: %s\n", at, f.Msg)
	}
	if len(r.Faults) > 0 {
		return
	}
	fmt.Fprintf(e.out, "%s: ok, %s, %s\n", r.File, r.Target, count(len(r.Kernels), "kernel"))
	for _, k := range r.Kernels {
		fmt.Fprintf(e.out, "  %s: %d instructions, %d registers at most, %d bytes shared, "+
			"%d bytes of parameters\n", k.Name, k.Instructions, k.Registers, k.Shared, k.Params)
	}
}

// examine reads PTX as far as it goes: later phases need the earlier ones.
func examine(path string, src []byte) ptxReport {
	r := ptxReport{File: path, Kernels: []ptxKernel{}, Faults: []ptxFault{}}
	m, err := ptx.Parse(path, src)
	if err != nil {
		r.add("parse", err)
		return r
	}
	r.Target = m.Arch().String()
	if err := ptx.Verify(m); err != nil {
		r.add("verify", err)
		return r
	}
	for _, f := range m.Funcs {
		if !f.Entry || !f.Defined {
			continue
		}
		p, err := sm.Load(m, f.Name, int(m.Arch())/10)
		if err != nil {
			r.addLoad(f.Name, err)
			continue
		}
		r.Kernels = append(r.Kernels, ptxKernel{f.Name, p.Len(), p.Registers(), p.Static, p.Params})
	}
	return r
}

func (r *ptxReport) add(phase string, err error) {
	var list ptx.ErrorList
	if !errors.As(err, &list) {
		r.Faults = append(r.Faults, ptxFault{Phase: phase, Msg: err.Error()})
		return
	}
	for _, x := range list {
		r.Faults = append(r.Faults, ptxFault{Phase: phase, Line: int(x.Pos.Line),
			Col: int(x.Pos.Col), Msg: x.Msg, Hint: x.Hint})
	}
}

// addLoad takes what the chip model does not execute: "line 12: tex.2d: ...".
func (r *ptxReport) addLoad(kernel string, err error) {
	var list *sm.UnsupportedError
	if !errors.As(err, &list) {
		r.Faults = append(r.Faults, ptxFault{Phase: "load", Kernel: kernel, Msg: err.Error()})
		return
	}
	for _, what := range list.What {
		f := ptxFault{Phase: "load", Kernel: kernel, Msg: what}
		var line int
		if n, _ := fmt.Sscanf(what, "line %d:", &line); n == 1 {
			_, rest, _ := strings.Cut(what, ": ")
			f.Line, f.Msg = line, rest
		}
		r.Faults = append(r.Faults, f)
	}
}

func (e *env) ptxFmt(path string, write bool) error {
	src, err := e.readFile(path)
	if err != nil {
		return err
	}
	m, err := ptx.Parse(path, src)
	if err != nil {
		var list ptx.ErrorList
		if errors.As(err, &list) && len(list) > 1 {
			hint := fmt.Sprintf("ptx check %s shows all %d faults", path, len(list))
			return input(hint, "%w", list[0])
		}
		return input("", "%w", err)
	}
	if !write || path == "-" {
		return ptx.Print(e.out, m)
	}
	text := m.String()
	if text == string(src) {
		return nil
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		return input("", "cannot write %s: %w", path, reason(err))
	}
	return nil
}
