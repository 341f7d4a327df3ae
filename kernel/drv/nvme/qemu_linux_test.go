package nvme_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tensoros/hw"
	"tensoros/hw/linux"
	"tensoros/hw/qtest"
	spec "tensoros/hw/spec/nvme"
	"tensoros/kernel/drv/nvme"
)

// qemuRun starts QEMU with devices, runs body on its first function, and checks that nothing is
// left.
func qemuRun(t *testing.T, args []string, body func(cpu hw.CPU, f hw.Function, a hw.Address)) {
	t.Helper()
	qemu := os.Getenv("TENSOROS_QEMU")
	if qemu == "" {
		t.Skip("TENSOROS_QEMU names no QEMU: see conformance/peers/qemu/get.sh")
	}
	m, err := qtest.Start(qtest.Options{QEMU: qemu, Args: args})
	if err != nil {
		t.Fatal(err)
	}
	m.Start(0, func(cpu hw.CPU) {
		a := m.Functions()[0]
		f, err := m.Open(a)
		if err != nil {
			t.Error(err)
			return
		}
		body(cpu, f, a)
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
}

// qemuDisk is an image of n bytes, and the arguments that make it a node of the block layer under
// rules of blkdebug that inject errors.
func qemuDisk(t *testing.T, node string, n int, rules ...string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), node)
	if err := os.WriteFile(file, make([]byte, n), 0o644); err != nil {
		t.Fatal(err)
	}
	inject := ""
	if len(rules) > 0 {
		inject = `,"inject-error":[` + strings.Join(rules, ",") + "]"
	}
	return []string{"-blockdev", fmt.Sprintf(`{"driver":"blkdebug","node-name":%q,"image":`+
		`{"driver":"file","filename":%q}%s}`, node, file, inject)}
}

// qemuOpen opens a drive and gives it a buffer.
func qemuOpen(t *testing.T, cpu hw.CPU, f hw.Function, a hw.Address, n int) (*nvme.Drive,
	hw.Memory) {
	t.Helper()
	d, err := nvme.Open(cpu, f, a)
	if err != nil {
		t.Error(err)
		return nil, nil
	}
	m, err := f.Memory(n)
	if err != nil {
		t.Error(err)
	}
	return d, m
}

// TestQtestMediaErrors: errors of QEMU's block layer once, which a retry mends, and for ever, which
// are told with their blocks.
func TestQtestMediaErrors(t *testing.T) {
	disk := qemuDisk(t, "d0", 8<<20,
		`{"event":"none","iotype":"read","errno":5,"once":true,"sector":100}`,
		`{"event":"none","iotype":"write","errno":5,"once":true,"sector":100}`,
		`{"event":"none","iotype":"flush","errno":5,"once":true}`,
		`{"event":"none","iotype":"read","errno":5,"sector":200}`,
		`{"event":"none","iotype":"write","errno":28,"sector":300}`)
	qemuRun(t, append(disk, "-device", "nvme,serial=abc,drive=d0"),
		func(cpu hw.CPU, f hw.Function, a hw.Address) {
			d, m := qemuOpen(t, cpu, f, a, 4096)
			if d == nil {
				return
			}
			defer m.Free()
			seg := []nvme.Segment{{Bus: m.Bus(), Len: 4096}}
			want := bytes.Repeat([]byte{7, 1}, 2048)
			copy(m.Bytes(), want)
			for _, op := range []nvme.Op{nvme.OpWrite, nvme.OpFlush, nvme.OpRead} {
				n, s := 8, seg
				if op == nvme.OpFlush {
					n, s = 0, nil
				}
				if err := do(cpu, d, op, 100, n, s); err != nil {
					t.Errorf("%v: %v", op, err)
				}
			}
			if !bytes.Equal(m.Bytes(), want) || d.Stats.Retries < 2 {
				t.Errorf("%+v", d.Stats)
			}
			var e *nvme.StatusError
			err := do(cpu, d, nvme.OpRead, 197, 8, seg)
			if !errors.As(err, &e) || e.Status.Code() != spec.UnrecoveredRead || e.Tries != 2 ||
				e.LBA != 197 || e.Blocks != 8 {
				t.Errorf("a block that cannot be read: %v", err)
			}
			if err = do(cpu, d, nvme.OpWrite, 300, 8, seg); !errors.As(err, &e) {
				t.Errorf("a block that cannot be written: %v", err)
			}
			t.Logf("%v; %+v", err, d.Stats)
			if err := do(cpu, d, nvme.OpRead, 400, 8, seg); err != nil {
				t.Error(err)
			}
			if h, err := d.Health(cpu); err != nil || h.Temperature == 0 {
				t.Errorf("%+v %v", h, err)
			}
			if l, err := d.Errors(cpu); err != nil {
				t.Errorf("%v %v", l, err)
			}
			if err := d.Close(cpu); err != nil {
				t.Error(err)
			}
		})
}

// resets stop a controller behind its driver's back.
var resets = map[string]func(f hw.Function){
	"disabled": func(f hw.Function) {
		if bar, err := f.BAR(0); err == nil {
			bar.Write32(spec.CC, 0)
		}
	},
	"function reset":   func(f hw.Function) { _ = f.Reset() },
	"no bus mastering": func(f hw.Function) { f.Config().Write16(4, 2) },
}

// underReset has requests in flight while a controller is stopped; each of them ends well.
func underReset(t *testing.T, cpu hw.CPU, f hw.Function, a hw.Address, stop func(f hw.Function)) {
	t.Helper()
	const lanes, n = 16, 16 << 10
	d, m := qemuOpen(t, cpu, f, a, lanes*n)
	if d == nil {
		return
	}
	d.Timeout = 50_000_000
	defer m.Free()
	for i := range m.Bytes() {
		m.Bytes()[i] = byte(i ^ i>>9)
	}
	want := bytes.Clone(m.Bytes())
	for _, op := range []nvme.Op{nvme.OpWrite, nvme.OpRead} {
		if op == nvme.OpRead {
			clear(m.Bytes())
		}
		var tickets [lanes]nvme.Ticket
		for i := range tickets {
			var err error
			tickets[i], err = d.Submit(cpu, op, uint64(i*n/512), n/512,
				[]nvme.Segment{{Bus: m.Bus() + hw.BusAddr(i*n), Len: n}})
			if err != nil {
				t.Error(err)
				return
			}
			if i == lanes/2 {
				stop(f)
			}
		}
		for _, x := range tickets {
			if err := d.Wait(cpu, x); err != nil {
				t.Errorf("%v: %v", op, err)
			}
		}
	}
	if !bytes.Equal(m.Bytes(), want) {
		t.Error("the data differ")
	}
	if d.Stats.Resets < 2 {
		t.Errorf("%+v", d.Stats)
	}
	t.Logf("%+v", d.Stats)
	if err := d.Close(cpu); err != nil {
		t.Error(err)
	}
}

// TestQtestResetUnderLoad: the controller is disabled, its function reset, or kept from the bus.
func TestQtestResetUnderLoad(t *testing.T) {
	for name, stop := range resets {
		t.Run(name, func(t *testing.T) {
			disk := qemuDisk(t, "d0", 8<<20)
			qemuRun(t, append(disk, "-device", "nvme,serial=abc,drive=d0"),
				func(cpu hw.CPU, f hw.Function, a hw.Address) { underReset(t, cpu, f, a, stop) })
		})
	}
}

// TestVFIOResetUnderLoad does so to the real function that TENSOROS_VFIO names.
func TestVFIOResetUnderLoad(t *testing.T) {
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
	for name, stop := range resets {
		t.Run(name, func(t *testing.T) {
			m, err := linux.Open(linux.Options{Functions: []hw.Address{a}})
			if err != nil {
				t.Fatal(err)
			}
			m.Start(0, func(cpu hw.CPU) {
				f, err := m.Open(a)
				if err != nil {
					t.Error(err)
					return
				}
				underReset(t, cpu, f, a, stop)
			})
			if err := errors.Join(m.Run(), m.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestQtestNamespaces: four namespaces of 512 and 4096 bytes, one with metadata, which is refused.
func TestQtestNamespaces(t *testing.T) {
	args := []string{"-device", "nvme,id=n0,serial=abc"}
	for i, props := range []string{"ms=8", "logical_block_size=4096,physical_block_size=4096", "", ""} {
		node := fmt.Sprint("d", i+1)
		args = append(args, qemuDisk(t, node, 4<<20<<i)...)
		if props != "" {
			props = "," + props
		}
		args = append(args, "-device", fmt.Sprintf("nvme-ns,bus=n0,drive=%s,nsid=%d%s", node,
			[]int{1, 2, 7, 9}[i], props))
	}
	qemuRun(t, args, func(cpu hw.CPU, f hw.Function, a hw.Address) {
		d, m := qemuOpen(t, cpu, f, a, 4096)
		if d == nil {
			return
		}
		defer m.Free()
		if fmt.Sprint(d.Spaces) != "[1 2 7 9]" || d.ID != 2 || d.BlockSize != 4096 {
			t.Errorf("%v, namespace %d of blocks of %d", d.Spaces, d.ID, d.BlockSize)
		}
		_, err := d.Describe(cpu, 1)
		if !errors.Is(err, nvme.ErrNoDrive) || !strings.Contains(err.Error(), "8 of metadata") {
			t.Errorf("namespace 1: %v", err)
		}
		seg := []nvme.Segment{{Bus: m.Bus(), Len: 4096}}
		for _, id := range []uint32{2, 7, 9} {
			if err := d.Use(cpu, id); err != nil {
				t.Error(err)
				continue
			}
			for i := range m.Bytes() {
				m.Bytes()[i] = byte(id)
			}
			if err := d.Write(cpu, 8, uint64(4096/d.BlockSize), seg); err != nil {
				t.Error(err)
			}
		}
		if err := d.Use(cpu, 3); err == nil {
			t.Error("namespace 3 is used")
		}
		if err := d.Close(cpu); err != nil {
			t.Error(err)
		}
		for _, id := range []uint32{2, 7, 9} {
			d, err := nvme.OpenNamespace(cpu, f, a, id)
			if err != nil {
				t.Error(err)
				continue
			}
			err = d.Read(cpu, 8, uint64(4096/d.BlockSize), seg)
			if err != nil || m.Bytes()[0] != byte(id) || m.Bytes()[4095] != byte(id) {
				t.Errorf("namespace %d: %v, %v", id, err, m.Bytes()[0])
			}
			if err := d.Close(cpu); err != nil {
				t.Error(err)
			}
		}
		if _, err := nvme.OpenNamespace(cpu, f, a, 1); !errors.Is(err, nvme.ErrNoDrive) {
			t.Errorf("namespace 1 opens: %v", err)
		}
	})
}

// TestQtestOps: commands beside reads and writes on QEMU's controller, and odd properties of it.
func TestQtestOps(t *testing.T) {
	for _, device := range []string{"nvme,serial=abc,drive=d0", "nvme,serial=abc,drive=d0,mqes=3",
		"nvme,serial=abc,drive=d0,cmb_size_mb=1,mdts=1", "nvme,serial=abc,drive=d0,dbcs=on,vsl=1",
		"nvme,serial=abc,drive=d0,max_ioqpairs=128,msix_qsize=1"} {
		qemuRun(t, append(qemuDisk(t, "d0", 8<<20), "-device", device),
			func(cpu hw.CPU, f hw.Function, a hw.Address) {
				d, m := qemuOpen(t, cpu, f, a, 64<<10)
				if d == nil {
					t.Error(device)
					return
				}
				defer m.Free()
				seg := []nvme.Segment{{Bus: m.Bus(), Len: 64 << 10}}
				for i := range m.Bytes() {
					m.Bytes()[i] = byte(i)
				}
				run := func(op nvme.Op, lba, n int, s []nvme.Segment) {
					if err := do(cpu, d, op, lba, n, s); err != nil {
						t.Errorf("%s: %v: %v", device, op, err)
					}
				}
				run(nvme.OpWriteThrough, 64, 128, seg)
				run(nvme.OpCompare, 64, 128, seg)
				m.Bytes()[700]++
				var e *nvme.StatusError
				err := do(cpu, d, nvme.OpCompare, 64, 128, seg)
				if !errors.As(err, &e) || e.Status.Code() != spec.CompareFailure || e.Tries != 1 {
					t.Errorf("%s: compare: %v", device, err)
				}
				run(nvme.OpZero, 64, 128, nil)
				run(nvme.OpDeallocate, 0, 64, nil)
				run(nvme.OpFlush, 0, 0, nil)
				run(nvme.OpRead, 64, 128, seg)
				if !bytes.Equal(m.Bytes(), make([]byte, 64<<10)) {
					t.Errorf("%s: zeroes are not", device)
				}
				if err := d.Close(cpu); err != nil {
					t.Error(err)
				}
			})
	}
}
