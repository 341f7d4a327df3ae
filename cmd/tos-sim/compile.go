package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tensoros/neurolang"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/gen"
	"tensoros/neurolang/source"
)

// targetFlag is --target: sm_80, sm_90, or the number alone.
type targetFlag struct{ to *int }

func (t targetFlag) Type() string { return "ARCH" }

func (t targetFlag) String() string {
	if t.to == nil || *t.to == 0 {
		return fmt.Sprintf("sm_%d", neurolang.DefaultTarget)
	}
	return fmt.Sprintf("sm_%d", *t.to)
}

func (t targetFlag) Set(s string) error {
	n, err := strconv.Atoi(strings.TrimPrefix(s, "sm_"))
	if err != nil || !slices.Contains(gen.Targets(), n) {
		return fmt.Errorf("it is one of %s", targets())
	}
	*t.to = n
	return nil
}

// targets lists what can be compiled for.
func targets() string {
	var have []string
	for _, t := range gen.Targets() {
		have = append(have, fmt.Sprintf("sm_%d", t))
	}
	return strings.Join(have, ", ")
}

// unit is a compiled file.
type unit struct {
	prog *neurolang.Program // nil if it has faults
	set  *source.Set
	list []diag.Diagnostic
}

func (e *env) compile(path string, target int) (*unit, error) {
	src, err := e.readFile(path)
	if err != nil {
		return nil, err
	}
	var u unit
	u.prog, u.set, u.list = neurolang.Compile(path, src, e.options(path, target))
	return &u, nil
}

// options are those of every compilation: imports come from files, and what tune found from the
// lock file beside the source.
func (e *env) options(path string, target int) neurolang.Options {
	tuned, err := readLock(path, target)
	if err != nil {
		fmt.Fprintf(e.err, "tos-sim: warning: %v: not used\n", err)
	}
	return neurolang.Options{Target: target, Load: e.readFile, Measure: e.budget, Tuned: tuned}
}

// show writes the diagnostics: with carets for people, one JSON object a line for programs.
func (e *env) show(u *unit) error {
	if e.json {
		return diag.JSON(e.out, u.set, u.list)
	}
	return diag.Render(e.err, u.set, u.list, e.style(e.err))
}
