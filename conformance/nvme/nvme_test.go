package nvme_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
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
	if err := r.WriteText(&b, false); err != nil {
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
func simulator(t *testing.T, profile string, body func(cpu hw.CPU, m hw.Machine)) {
	t.Helper()
	spec, err := board.Preset("h100")
	if err != nil {
		t.Fatal(err)
	}
	spec.Drives = []board.DriveSpec{{Profile: profile, Size: "64 MiB"}}
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

// TestRulesAndCases: the table is whole, every rule has a case and every case names rules that are.
func TestRulesAndCases(t *testing.T) {
	cases, err := nvme.Cases()
	if err == nil {
		err = nvme.Rules.CheckCases(cases)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rules, %d cases", len(nvme.Rules), len(cases))
}

// TestSimulatorKeepsTheRules: the simulated drive keeps every rule, and nearly all are checked.
func TestSimulatorKeepsTheRules(t *testing.T) {
	for _, p := range []string{"micron9550", "970pro", "mqsim"} {
		start := time.Now()
		simulator(t, p, func(cpu hw.CPU, m hw.Machine) {
			r, err := nvme.Run(cpu, m, drive(t, m), "sim")
			if err != nil {
				t.Error(err)
				return
			}
			show(t, r)
			if r.Failed() {
				t.Errorf("%s does not conform", p)
			}
			if 10*r.Covered() < 9*len(r.Rules) {
				t.Errorf("%s: only %d of %d rules were checked", p, r.Covered(), len(r.Rules))
			}
			t.Logf("%s: %v", p, time.Since(start).Round(time.Millisecond))
		})
	}
}

// departures are what QEMU 11.1's controller does otherwise than the rules say, by case, as
// it was seen to do.
var departures = map[string]string{
	"admin/reserved-fuse":              "FUSE is not looked at",
	"enable/features-default":          "features outlive a controller reset",
	"enable/function-level":            "AQA, ASQ and ACQ outlive a function level reset",
	"features/reserved-select":         "reserved values give the current value",
	"identify/capacity":                "namespace management is offered, TNVMCAP is zero",
	"identify/namespace-common":        "namespace management is offered, NSID FFFFFFFFh is not",
	"identify/unique-identifier":       "no identifier unless one is given to QEMU",
	"io/deallocate-beyond":             "a range beyond the namespace is passed over",
	"logs/unknown":                     "Invalid Field in Command",
	"logs/firmware-slots":              "the revision of slot 1 is 1.0, the one running is QEMU's",
	"namespaces/delete-and-create":     notManaged,
	"namespaces/two-namespaces":        notManaged,
	"namespaces/created-is-not-active": notManaged,
	"namespaces/too-large":             notManaged,
	"namespaces/bad-format":            notManaged,
	"namespaces/reserved-select":       notManaged,
	"namespaces/delete-missing":        notManaged,
	"namespaces/format-erase-reserved": "SES is not looked at",
	"queues/delete-cq-zero":            "Completion Queue Invalid",
	"queues/delete-cq-missing":         "Completion Queue Invalid",
	"registers/cc-reserved":            "reserved bits are kept",
	"registers/aqa-reserved":           "reserved bits are kept",
	"registers/asq-low":                "reserved bits are kept",
	"registers/acq-low":                "reserved bits are kept",
	"sgl/longer-refused":               "a longer descriptor in the command is cut",
	"sgl/bad-subtype":                  "the subtype is not looked at",
}

const notManaged = "namespace management is offered, its opcode is not there"

// TestQtestNVMe runs the suite on QEMU's own controller: a second opinion on our rules.
func TestQtestNVMe(t *testing.T) {
	qemu := os.Getenv("TENSOROS_QEMU")
	if qemu == "" {
		t.Skip("TENSOROS_QEMU names no QEMU: see conformance/peers/qemu/get.sh")
	}
	image := filepath.Join(t.TempDir(), "disk")
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, 64<<20)); err != nil {
		t.Fatal(err)
	}
	m, err := qtest.Start(qtest.Options{QEMU: qemu, Args: []string{
		"-drive", "file=" + image + ",if=none,id=d,format=raw,discard=unmap",
		"-device", "nvme,serial=1,id=n", "-device", "nvme-ns,drive=d,bus=n"}})
	if err != nil {
		t.Fatal(err)
	}
	m.Start(0, func(cpu hw.CPU) {
		r, err := nvme.Run(cpu, m, drive(t, m), "qemu:nvme")
		if err != nil {
			t.Error(err)
			return
		}
		show(t, r)
		for _, c := range r.Results {
			known := departures[c.Case] != ""
			if bad := c.Verdict == conformance.Fail; bad != known ||
				c.Verdict == conformance.Error {
				t.Errorf("%s: %v %s; known: %v", c.Case, c.Verdict, c.Detail, known)
			}
		}
	})
	if err := errors.Join(m.Run(), m.Close()); err != nil {
		t.Error(err)
	}
}
