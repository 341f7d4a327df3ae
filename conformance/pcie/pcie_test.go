package pcie_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"tensoros/conformance"
	"tensoros/conformance/pcie"
	"tensoros/hw"
	"tensoros/hw/qtest"
	"tensoros/sim/board"
)

// TestRulesAndCases: the table is whole, every rule has a case and every case names rules that are.
func TestRulesAndCases(t *testing.T) {
	cases, err := pcie.Cases()
	if err == nil {
		err = pcie.Rules.CheckCases(cases)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rules, %d cases", len(pcie.Rules), len(cases))
}

func show(t *testing.T, r *conformance.Report) {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteText(&b, false); err != nil {
		t.Error(err)
	}
	t.Log(b.String())
}

// TestModelsKeepTheRules: every kind of function of the boards keeps every rule.
func TestModelsKeepTheRules(t *testing.T) {
	spec, err := board.Preset("h100")
	if err != nil {
		t.Fatal(err)
	}
	b, err := board.New(spec, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.Start(0, func(cpu hw.CPU) {
		for _, a := range b.Functions() {
			r, err := pcie.Run(cpu, b, a, "sim")
			if err != nil {
				t.Error(err)
				continue
			}
			show(t, r)
			if r.Failed() {
				t.Errorf("%v does not conform", a)
			}
			if 5*r.Covered() < 4*len(r.Rules) { // a GPU has no MSI-X here
				t.Errorf("%v: only %d of %d rules were checked", a, r.Covered(), len(r.Rules))
			}
		}
	})
	if err := b.Run(); err != nil {
		t.Fatal(err)
	}
}

// departures are what QEMU 11.1's own models do otherwise than the rules say, by device and case.
var departures = map[string]string{
	"nvme express/read-request":      "Max_Read_Request_Size is not writable",
	"nvme reset/read-request":        "Max_Read_Request_Size is not writable",
	"nvme msix/entry":                "reserved bits of Vector Control are kept",
	"e1000e express/there":           "a capability of version 1, as the 82574 has",
	"e1000e express/read-request":    "Max_Read_Request_Size is not writable",
	"e1000e msix/entry":              "reserved bits of Vector Control are kept",
	"e1000e power/there":             "a capability of version 2, as the 82574 has",
	"e1000e express/error-reporting": "error reporting enables are not writable",
	"igb express/read-request":       "Max_Read_Request_Size is not writable",
	"igb reset/read-request":         "Max_Read_Request_Size is not writable",
	"igb express/error-reporting":    "error reporting enables are not writable",
	"igb msix/entry":                 "reserved bits of Vector Control are kept",
	"igb power/there":                "a capability of version 2, as the 82576 has",
}

// TestQtestSuite runs the suite on QEMU's own devices: a second opinion on our rules.
func TestQtestSuite(t *testing.T) {
	qemu := os.Getenv("TENSOROS_QEMU")
	if qemu == "" {
		t.Skip("TENSOROS_QEMU names no QEMU: see conformance/peers/qemu/get.sh")
	}
	for _, dev := range []string{"nvme,serial=1", "e1000e", "igb"} {
		name := strings.TrimSuffix(dev, ",serial=1")
		t.Run(name, func(t *testing.T) {
			m, err := qtest.Start(qtest.Options{QEMU: qemu, Args: []string{"-device", dev}})
			if err != nil {
				t.Fatal(err)
			}
			m.Start(0, func(cpu hw.CPU) {
				r, err := pcie.Run(cpu, m, m.Functions()[0], "qtest")
				if err != nil {
					t.Error(err)
					return
				}
				show(t, r)
				for _, c := range r.Results {
					known := departures[name+" "+c.Case] != ""
					if (c.Verdict == conformance.Fail) != known {
						t.Errorf("%s: %v %s; known: %v", c.Case, c.Verdict, c.Detail, known)
					}
				}
			})
			if err := m.Run(); err != nil {
				t.Error(err)
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
