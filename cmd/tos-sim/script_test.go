package main

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"tensoros/traces"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tos-sim": main})
}

// TestScript runs testdata/script: what the program prints and how it exits. Each script starts in
// a folder with the examples and a small trace, sample.tos.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Setup:               setup,
		RequireExplicitExec: true,
		UpdateScripts:       false,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "truncate": truncate, "flip": flip},
	})
}

func setup(e *testscript.Env) error {
	e.Setenv("NO_COLOR", "")
	e.Setenv("HOME", e.WorkDir)
	dir := filepath.Join(e.WorkDir, "examples")
	if err := os.CopyFS(dir, os.DirFS("../../examples")); err != nil {
		return err
	}
	err := os.WriteFile(filepath.Join(e.WorkDir, "tiny.safetensors"), tinyCheckpoint(), 0o666)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(e.WorkDir, "sample.tos"), sampleTrace(), 0o666)
}

// tinyCheckpoint has two tensors.
func tinyCheckpoint() []byte {
	const head = `{"__metadata__":{"format":"pt"},` +
		`"a":{"dtype":"BF16","shape":[2,4],"data_offsets":[0,16]},` +
		`"b":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}}`
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	b = append(b, head...)
	for i := range byte(20) {
		b = append(b, i)
	}
	return b
}

// sampleTrace holds a few records of each shape.
func sampleTrace() []byte {
	r := traces.NewRecorder()
	cta, host := r.Track("gpu0/sm0"), r.Track("gpu0/host")
	for i := range uint64(10) {
		at := traces.Time(i) * traces.Microsecond
		r.Span(traces.GPUCTA, cta, at, at+traces.Time(i+1)*10*traces.Nanosecond, nil, i, 4, 100)
	}
	r.Mark(traces.GPUDoorbell, host, 5*traces.Microsecond, 1)
	r.Level(traces.GPUTensor, cta, 6*traces.Microsecond, 500)
	return r.Bytes()
}

// exits CODE ARG... runs tos-sim and wants that exit code; afterwards stdout and stderr are those
// of the run.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec("tos-sim", args[1:]...); err != nil {
		var x *exec.ExitError
		if !errors.As(err, &x) {
			ts.Fatalf("%v", err)
		}
		got = x.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// truncate FROM TO BYTES copies the first bytes of a file; a negative number leaves so many off.
func truncate(ts *testscript.TestScript, _ bool, args []string) {
	data, n := numbered(ts, args)
	if n < 0 {
		n += len(data)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data[:n], 0o666))
}

// flip FROM TO OFFSET copies a file with all bits of one byte changed.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	data, n := numbered(ts, args)
	data[n] ^= 0xff
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o666))
}

func numbered(ts *testscript.TestScript, args []string) ([]byte, int) {
	if len(args) != 3 {
		ts.Fatalf("three arguments, please")
	}
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	return data, n
}
