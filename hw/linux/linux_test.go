package linux_test

import (
	"os"
	"testing"

	"tensoros/hw"
	"tensoros/hw/hwtest"
	"tensoros/hw/linux"
)

// TestVFIO holds real functions, which TENSOROS_VFIO names and which are bound to vfio-pci for it,
// against the contract of package hw. conformance/peers/linux runs it in a guest.
func TestVFIO(t *testing.T) {
	name := os.Getenv("TENSOROS_VFIO")
	if name == "" {
		t.Skip("TENSOROS_VFIO names no PCI function that may be taken from its driver")
	}
	a, err := hw.ParseAddress(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := linux.Bind(a); err != nil {
		t.Fatal(err)
	}
	m, err := linux.Open(linux.Options{CPUs: 2, Functions: []hw.Address{a}})
	if err != nil {
		t.Fatal(err)
	}
	hwtest.Run(t, m, hwtest.Options{Drive: m.Run, Live: m.Live})
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// TestWhatIsNotThere: clear errors on a machine without such functions.
func TestWhatIsNotThere(t *testing.T) {
	nowhere := hw.Address{Segment: 0xfffe, Bus: 0xff, Device: 31, Func: 7}
	if err := linux.Bind(nowhere); err == nil {
		t.Error("bound a function that is not there")
	}
	if m, err := linux.Open(linux.Options{Functions: []hw.Address{nowhere}}); err == nil {
		t.Error("opened a function that is not there", m.Close())
	}
}
