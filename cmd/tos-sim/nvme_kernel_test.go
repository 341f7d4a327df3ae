package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tensoros/hw"
	"tensoros/kernel"
	"tensoros/kernel/drv/nvme"
	"tensoros/sim"
	"tensoros/sim/board"
	simnvme "tensoros/sim/nvme"
)

// faultDrives gives a plan to some drives of a board, and the kernel's drivers little patience.
func faultDrives(t testing.TB, b *board.Board, k *kernel.Kernel, plan string, drives ...int) {
	t.Helper()
	p, err := simnvme.ParseFaults(plan)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range drives {
		b.Drives[i].SetFaults(p, uint64(i)+1)
	}
	for _, d := range k.Drives {
		d.NVMe.Timeout = faultTimeout
	}
}

// loadedRight compares VRAM with what is on the drives.
func loadedRight(k *kernel.Kernel, l *loaded, size uint64) error {
	got := make([]byte, size)
	if err := k.GPUs[0].Accelerator().Read(got, hw.DevicePtr(l.at)); err != nil {
		return err
	}
	for i := range got {
		if got[i] != pattern(i) {
			return fmt.Errorf("byte %d of VRAM differs", i)
		}
	}
	return nil
}

// TestTransientFaultsDoNotReachObjects: three drives in trouble, and loads and saves do not notice.
func TestTransientFaultsDoNotReachObjects(t *testing.T) {
	for _, plan := range []string{"queue=1 nth=2: timeout", "queue=1 nth=3: fatal",
		"queue=1 every=3: abort", "opcode=read nth=1: corrupt-dma detected",
		"queue=1 nth=2: corrupt-cqe\nqueue=1 every=4: delay 1ms", `every=5: status "Command Interrupted"`} {
		s := &loadSetup{drives: 3, size: 4<<20 + 77, bytes: pattern}
		_, err := s.load(func(k *kernel.Kernel, l *loaded) error {
			faultDrives(t, l.board, k, plan, 0, 1, 2)
			v := k.Volumes[0]
			if err := loadAgain(k, v, l); err != nil {
				return err
			}
			if err := loadedRight(k, l, s.size); err != nil {
				return err
			}
			bus, err := k.GPUs[0].Bus(l.at, s.size)
			if err != nil {
				return err
			}
			o := kernel.Object{Name: "y", Elem: "u8", Shape: []int{int(s.size)}, Len: s.size}
			if err := k.WriteObject(v, o, bus); err != nil {
				return err
			}
			f, err := v.FS.Get("y")
			if err == nil && (uint64(len(f.Data)) != s.size ||
				f.Data[s.size-1] != pattern(int(s.size-1))) {
				err = fmt.Errorf("what was saved differs")
			}
			if n := k.Drives[0].NVMe.Stats.Retries; n == 0 {
				return fmt.Errorf("nothing went wrong")
			}
			return err
		})
		if err != nil {
			t.Errorf("%q: %v", plan, err)
		}
	}
}

// TestPermanentFaultsNameWhatTheyHit: the object, the drive and the blocks; and the other drives
// of the transfer are waited for.
func TestPermanentFaultsNameWhatTheyHit(t *testing.T) {
	for _, c := range []struct {
		plan  string
		want  []string
		cause error
		dead  bool
	}{
		{"opcode=read: media-error", []string{`object "x"`, "nvme1", "LBA ",
			"Unrecovered Read Error (281h)"}, nil, false},
		{"queue=1 nth=1: reset-stuck\nqueue=1: fatal", []string{`object "x"`, "nvme1",
			"given up", "function level reset"}, hw.ErrTimeout, true},
		{"queue=1 nth=2: removal", []string{`object "x"`, "nvme1"}, hw.ErrLost, true},
	} {
		s := &loadSetup{drives: 3, size: 4<<20 + 77, bytes: pattern}
		l, err := s.load(func(k *kernel.Kernel, l *loaded) error {
			faultDrives(t, l.board, k, c.plan, 1)
			err := loadAgain(k, k.Volumes[0], l)
			if err == nil {
				t.Errorf("%q: the load did not fail", c.plan)
				return nil
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q: %q is not in %v", c.plan, w, err)
				}
			}
			if c.cause != nil && !errors.Is(err, c.cause) {
				t.Errorf("%q: %v", c.plan, err)
			}
			for _, i := range []int{0, 2} {
				if n := l.board.Drives[i].InFlight(); n != 0 {
					t.Errorf("%q: drive %d still has %d commands", c.plan, i, n)
				}
				if err := k.Drives[i].ReadAt(0, make([]byte, 4096)); err != nil {
					t.Errorf("%q: the other drive: %v", c.plan, err)
				}
			}
			return nil
		})
		if (err != nil) != c.dead { // Close tells why a drive is dead
			t.Errorf("%q: %v", c.plan, err)
		}
		if n, b := l.board.Host.Live(); n != 0 {
			t.Errorf("%q: %d regions of DMA memory leak, %d bytes", c.plan, n, b)
		}
	}
}

// TestSilentCorruptionIsFound: a bit that turns on the way to the host is what checksums are for.
func TestSilentCorruptionIsFound(t *testing.T) {
	s := &loadSetup{drives: 1, size: 1 << 20, bytes: pattern}
	_, err := s.load(func(k *kernel.Kernel, l *loaded) error {
		faultDrives(t, l.board, k, "opcode=read every=2: corrupt-dma", 0)
		if _, err := k.Volumes[0].FS.Get("x"); err == nil || !strings.Contains(err.Error(), "x") {
			t.Errorf("a read through the host: %v", err)
		}
		scrub, task, err := k.Scrub(k.Volumes[0], 0)
		if err != nil {
			return err
		}
		if err := k.Loop.Wait(task); err != nil {
			return err
		}
		if len(scrub.Problems) == 0 {
			t.Error("the scrub finds nothing")
		}
		o, _ := k.Volumes[0].FS.Lookup("x")
		runs, err := k.Volumes[0].FS.Runs(o, 65536, 4096)
		if err != nil {
			return err
		}
		faultDrives(t, l.board, k, fmt.Sprintf("lba=%d: media-error", runs[0].Off/512), 0)
		if scrub, task, err = k.Scrub(k.Volumes[0], 0); err != nil {
			return err
		}
		if err := k.Loop.Wait(task); err != nil {
			return err
		}
		if l := fmt.Sprint(scrub.Problems); len(scrub.Problems) != 1 ||
			!strings.Contains(l, "object x, bytes 65536 to") ||
			!strings.Contains(l, "Unrecovered Read") {
			t.Errorf("a block that cannot be read: %v", l)
		}
		l.board.Drives[0].SetFaults(nil, 0)
		_, err = k.Volumes[0].FS.Get("x")
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestNVMeResetIsSeenByAllProcessors: four processors with a queue each; faults strike one queue
// or the drive, and every request of every queue ends well.
func TestNVMeResetIsSeenByAllProcessors(t *testing.T) {
	for _, plan := range []string{"queue=2 every=9: timeout", "queue=3 nth=20: fatal",
		"queue=1 nth=5: timeout\nopcode=abort: timeout",
		"p=0.03: corrupt-cqe\nqueue=4 nth=9: fatal"} {
		var stats nvme.Stats
		for ties := range uint64(3) {
			stats = nvmeProcessors(t, plan, ties)
		}
		t.Logf("%q: %+v", plan, stats)
		if stats.Resets+stats.Aborts == 0 {
			t.Errorf("%q: nothing went wrong", plan)
		}
	}
}

func nvmeProcessors(t *testing.T, plan string, ties uint64) nvme.Stats {
	const cpus, rounds, n = 4, 40, 16 << 10
	spec, err := board.Parse("cpus.toml", []byte("name = \"cpus\"\ncpus = 4\nmemory = \"1 GiB\"\n"+
		"slots = 5\n[[drive]]\nprofile = \"970pro\"\nsize = \"64 MiB\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := board.New(spec, nil, 0, simnvme.NewMemory(64<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if ties != 0 {
		b.Engine.ShuffleTies(ties)
	}
	a := b.Functions()[0]
	fn, err := b.Open(a)
	if err != nil {
		t.Fatal(err)
	}
	var d *nvme.Drive
	left := cpus
	work := func(cpu hw.CPU) error {
		for d == nil {
			cpu.Relax()
		}
		if err := d.AddQueue(cpu); err != nil {
			return err
		}
		m, err := fn.Memory(2 * n)
		if err != nil {
			return err
		}
		defer m.Free()
		seg := func(off int) []nvme.Segment {
			return []nvme.Segment{{Bus: m.Bus() + hw.BusAddr(off), Len: n}}
		}
		for i := range rounds {
			want := nvmePattern(uint64(cpu.ID()*rounds+i+1), n)
			copy(m.Bytes(), want)
			lba := uint64(cpu.ID()*rounds+i) * n / 512
			if err := d.Write(cpu, lba, n/512, seg(0)); err != nil {
				return err
			}
			if err := d.Read(cpu, lba, n/512, seg(n)); err != nil {
				return err
			}
			if !bytes.Equal(m.Bytes()[n:], want) {
				return fmt.Errorf("round %d: the data differ", i)
			}
		}
		return nil
	}
	for id := range cpus {
		b.Start(id, func(cpu hw.CPU) {
			if id == 0 {
				open, err := nvme.Open(cpu, fn, a)
				if err != nil {
					t.Error(err)
					return
				}
				open.Timeout = faultTimeout
				p, err := simnvme.ParseFaults(plan)
				if err != nil {
					t.Error(err)
				}
				b.Drives[0].SetFaults(p, ties+1)
				d = open
			}
			if err := work(cpu); err != nil {
				t.Errorf("%q: processor %d: %v", plan, id, err)
			}
			for left--; id == 0 && left > 0; {
				d.Poll(cpu)
				cpu.Relax()
			}
			if id == 0 {
				b.Drives[0].SetFaults(nil, 0)
				if err := d.Close(cpu); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if err := b.Run(); err != nil {
		t.Error(err)
	}
	b.Engine.Run(sim.Forever)
	if n, _ := b.Host.Live(); n != 0 || b.Drives[0].InFlight() != 0 {
		t.Errorf("%q: %d regions of DMA memory, %d commands are left", plan, n,
			b.Drives[0].InFlight())
	}
	return d.Stats
}
