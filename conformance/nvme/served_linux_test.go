package nvme_test

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	conform "tensoros/conformance/nvme"
	"tensoros/hw"
	"tensoros/hw/vfiouser"
	"tensoros/sim"
	"tensoros/sim/export"
	"tensoros/sim/nvme"
	"tensoros/sim/pcie"
	"tensoros/traces"
)

// quick leaves out what takes seconds.
func quick(name string) bool {
	return !strings.Contains(name, "keep-alive-") && !strings.Contains(name, "sanitize") &&
		!strings.Contains(name, "format-")
}

// TestServedDrive runs the suite over vfio-user, as on a device that somebody else serves: the same
// rules are kept when time is the wall's and every access a message.
func TestServedDrive(t *testing.T) {
	if testing.Short() {
		t.Skip("takes the wall's time")
	}
	fn, err := export.New(nil, func(eng *sim.Engine, rec *traces.Recorder,
		f *pcie.Fabric) (*pcie.Function, error) {
		_, fn, err := nvme.Attach(eng, rec, f, f.Root(), "nvme0", &nvme.Micron9550,
			nvme.NewMemory(16<<20))
		return fn, err
	}, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "s")
	s, err := vfiouser.Listen(path, fn)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	m, err := vfiouser.Dial(path, vfiouser.Options{CPUs: 1})
	if err != nil {
		t.Fatal(err)
	}
	m.Start(0, func(cpu hw.CPU) {
		r, err := conform.RunCases(cpu, m, drive(t, m), "vfio-user", quick)
		if err != nil {
			t.Error(err)
			return
		}
		show(t, r)
		if r.Failed() {
			t.Error("the served drive does not conform")
		}
		if 10*r.Covered() < 9*len(r.Rules) {
			t.Errorf("only %d of %d rules were checked", r.Covered(), len(r.Rules))
		}
	})
	if err := errors.Join(m.Run(), m.Close()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil && !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
