package nvme_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"tensoros/conformance/nvmedriver"
	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"

	"tensoros/hw/linux"
	"tensoros/hw/qtest"
	"tensoros/hw/tap"
	"tensoros/hw/vfiouser"
	"tensoros/kernel/drv/nvme"
	"tensoros/sim"
	"tensoros/sim/export"
	simnvme "tensoros/sim/nvme"
	"tensoros/sim/pcie"
	"tensoros/traces"
)

// TestQtestDrive runs the driver on QEMU's own controller: bring-up, every shape of transfer,
// flush, close, and open again; what it wrote is then in QEMU's disk image.
func TestQtestDrive(t *testing.T) {
	qemu := os.Getenv("TENSOROS_QEMU")
	if qemu == "" {
		t.Skip("TENSOROS_QEMU names no QEMU: see conformance/peers/qemu/get.sh")
	}
	for _, c := range []struct{ name, device string }{
		{"plain", "nvme,serial=abc,drive=d0"},
		{"small transfers and queues", "nvme,serial=abc,drive=d0,mdts=3,mqes=15,max_ioqpairs=1"},
		{"4 KiB blocks",
			"nvme,serial=abc,drive=d0,logical_block_size=4096,physical_block_size=4096"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "disk")
			if err := os.WriteFile(file, make([]byte, 8<<20), 0o644); err != nil {
				t.Fatal(err)
			}
			m, err := qtest.Start(qtest.Options{QEMU: qemu, Args: []string{"-drive", "file=" +
				file +
				",if=none,id=d0,format=raw", "-device", c.device}})
			if err != nil {
				t.Fatal(err)
			}
			want := make([]byte, 8<<20)
			m.Start(0, func(cpu hw.CPU) {
				exercise(t, m, cpu, want)
				exercise(t, m, cpu, want)
			})
			if err := m.Run(); err != nil {
				t.Error(err)
			}
			if n := m.Live(); n != 0 {
				t.Errorf("%d regions of DMA memory are left", n)
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
			if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
				t.Errorf("QEMU's image is not what was written: %v", err)
			}
		})
	}
}

// exercise writes and reads transfers of many shapes and keeps what should be on the drive in want.
func exercise(t *testing.T, m hw.Machine, cpu hw.CPU, want []byte) {
	a := m.Functions()[0]
	f, err := m.Open(a)
	if err != nil {
		t.Error(err)
		return
	}
	d, err := nvme.Open(cpu, f, a)
	if err != nil {
		t.Error(err)
		return
	}
	d.Timeout = 50_000_000
	if d.Blocks*uint64(d.BlockSize) != uint64(len(want)) {
		t.Errorf("%q %q of %d blocks of %d bytes", d.Model, d.Serial, d.Blocks, d.BlockSize)
	}
	mem, err := f.Memory(1 << 20)
	if err != nil {
		t.Error(err)
		return
	}
	defer mem.Free()
	r := rand.New(rand.NewPCG(1, 2))
	block := d.BlockSize
	for range 60 {
		n := 1 + r.IntN(len(mem.Bytes())/2/block)
		if r.IntN(2) == 0 {
			n = 1 + r.IntN(8)
		}
		lba := r.IntN(int(d.Blocks) - n)
		off := r.IntN(4096) &^ (spec.PRPAlign - 1) // any offset in the first page
		data := mem.Bytes()[off : off+n*block]
		seg := []nvme.Segment{{Bus: mem.Bus() + hw.BusAddr(off), Len: n * block}}
		if r.IntN(2) == 0 {
			for i := range data {
				data[i] = byte(r.Uint32())
			}
			copy(want[lba*block:], data)
			err = do(cpu, d, nvme.OpWrite, lba, n, seg)
		} else {
			clear(data)
			if err = do(cpu, d, nvme.OpRead, lba, n, seg); err == nil &&
				!bytes.Equal(data, want[lba*block:][:n*block]) {
				t.Errorf("%d blocks at %d: wrong data", n, lba)
			}
		}
		if err != nil {
			t.Errorf("%d blocks at %d: %v", n, lba, err)
		}
	}
	if err := d.Flush(cpu); err != nil {
		t.Error(err)
	}
	if err := do(cpu, d, nvme.OpRead, int(d.Blocks), 1, []nvme.Segment{{Bus: mem.Bus(),
		Len: block}}); err == nil {
		t.Error("a read beyond the end succeeded")
	}
	t.Logf("%+v", d.Stats)
	if err := d.Close(cpu); err != nil {
		t.Error(err)
	}
}

func do(cpu hw.CPU, d *nvme.Drive, op nvme.Op, lba, n int, seg []nvme.Segment) error {
	ticket, err := d.Submit(cpu, op, uint64(lba), uint64(n), seg)
	if err != nil {
		return err
	}
	return d.Wait(cpu, ticket)
}

// TestVFIODrive runs the driver on a real function, as TestVFIO of hw/linux does.
func TestVFIODrive(t *testing.T) {
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
	m, err := linux.Open(linux.Options{Functions: []hw.Address{a}})
	if err != nil {
		t.Fatal(err)
	}
	want := make([]byte, 8<<20)
	m.Start(0, func(cpu hw.CPU) {
		exercise(t, m, cpu, want)
		exercise(t, m, cpu, want)
	})
	if err := m.Run(); err != nil {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// overSocket exercises the driver on a served drive that fails by a plan, and gives the drive.
func overSocket(t *testing.T, plan string, watch func(*tap.TapeEvent)) (ctl *simnvme.Controller) {
	t.Helper()
	fn, err := export.New(nil, func(eng *sim.Engine, rec *traces.Recorder,
		f *pcie.Fabric) (fn *pcie.Function, err error) {
		ctl, fn, err = simnvme.Attach(eng, rec, f, f.Root(), "nvme0", &simnvme.Micron9550,
			simnvme.NewMemory(8<<20))
		return fn, err
	}, export.Options{Free: true, Watch: watch})
	if err != nil {
		t.Fatal(err)
	}
	p, err := simnvme.ParseFaults(plan)
	if err != nil {
		t.Fatal(err)
	}
	ctl.SetFaults(p, 1)
	path := filepath.Join(t.TempDir(), "s")
	s, err := vfiouser.Listen(path, fn)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Serve() }()
	m, err := vfiouser.Dial(path, vfiouser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := make([]byte, 8<<20)
	m.Start(0, func(cpu hw.CPU) {
		exercise(t, m, cpu, want)
		exercise(t, m, cpu, want)
	})
	if err := errors.Join(m.Run(), m.Close(), <-done, s.Close(), fn.Close()); err != nil {
		t.Error(err)
	}
	return ctl
}

// TestVFIOUserDrive runs the driver on a served drive, over a socket.
func TestVFIOUserDrive(t *testing.T) { overSocket(t, "", nil) }

// TestVFIOUserFaults serves a drive that suffers, over a socket. The driver gets its data, and
// breaks no rule for hosts while it aborts, resets and sends again.
func TestVFIOUserFaults(t *testing.T) {
	for _, plan := range []string{
		"queue=1 every=40: timeout\nopcode=write every=9: abort",
		"queue=1 every=40: timeout\nopcode=abort: timeout",
		"queue=1 every=50: fatal\nopcode=read p=0.1: corrupt-dma detected",
		"queue=1 nth=30: delay 400ms\nevery=7: status \"Command Interrupted\"",
	} {
		t.Run(plan, func(t *testing.T) {
			w := nvmedriver.New(simnvme.Endpoint(&simnvme.Micron9550).Vectors)
			ctl := overSocket(t, plan, w.Event)
			for _, b := range w.Broken() {
				if b.Rule != "HOST-NVM-3.2-RANGE" { // that is tried on purpose
					t.Errorf("%+v", b)
				}
			}
			if len(ctl.Findings) > 0 {
				t.Errorf("findings: %v", ctl.Findings)
			}
		})
	}
}
