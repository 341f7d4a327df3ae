package nvme_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"tensoros/conformance"
	"tensoros/conformance/nvme"
	"tensoros/hw"
	"tensoros/hw/qtest"
	"tensoros/sim/board"
)

func show(t *testing.T, r *conformance.Report) {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteText(&b, os.Getenv("CONFORM_ALL") != ""); err != nil {
		t.Error(err)
	}
	t.Log(b.String())
}

// drive finds the drive of a machine.
func drive(t *testing.T, m hw.Machine) hw.Address {
	t.Helper()
	for _, a := range m.Functions() {
		fn, err := m.Open(a)
		if err != nil {
			t.Fatal(err)
		}
		if fn.Config().Read32(8)>>8 == nvme.Class {
			return a
		}
	}
	t.Fatal("the machine has no drive")
	return hw.Address{}
}

// simulator runs a body on the processor of a board.
func simulator(t *testing.T, body func(cpu hw.CPU, m hw.Machine)) {
	t.Helper()
	spec, err := board.Preset("h100")
	if err != nil {
		t.Fatal(err)
	}
	b, err := board.New(spec, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.Start(0, func(cpu hw.CPU) { body(cpu, b) })
	if err := b.Run(); err != nil {
		t.Fatal(err)
	}
}

// TestSimulatorKeepsTheRules: the simulated drive keeps every rule, and nearly all are checked.
func TestSimulatorKeepsTheRules(t *testing.T) {
	start := time.Now()
	simulator(t, func(cpu hw.CPU, m hw.Machine) {
		r, err := nvme.RunCases(cpu, m, drive(t, m), "sim", wanted())
		if err != nil {
			t.Error(err)
			return
		}
		show(t, r)
		t.Log(time.Since(start))
	})
}

func wanted() func(string) bool {
	w := os.Getenv("CONFORM_ONLY")
	return func(name string) bool { return strings.Contains(name, w) }
}

func TestQtestNVMe(t *testing.T) {
	qemu := os.Getenv("TENSOROS_QEMU")
	if qemu == "" {
		t.Skip("TENSOROS_QEMU names no QEMU: see conformance/peers/qemu/get.sh")
	}
	start := time.Now()
	image := t.TempDir() + "/disk"
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 64<<20); err != nil {
		t.Fatal(err)
	}
	m, err := qtest.Start(qtest.Options{QEMU: qemu, Args: []string{
		"-drive", "file=" + image + ",if=none,id=d,format=raw,discard=unmap",
		"-device", "nvme,serial=1,drive=d"}})
	if err != nil {
		t.Fatal(err)
	}
	m.Start(0, func(cpu hw.CPU) {
		r, err := nvme.RunCases(cpu, m, drive(t, m), "qemu:nvme", wanted())
		if err != nil {
			t.Error(err)
			return
		}
		show(t, r)
		t.Log(time.Since(start))
	})
	if err := m.Run(); err != nil {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}
