package main

import (
	"fmt"
	"strings"
	"testing"

	"tensoros/hw"
	"tensoros/kernel"
	krun "tensoros/kernel/run"
	"tensoros/kernel/tensorfs"
	"tensoros/neurolang"
	"tensoros/neurolang/vm"
	"tensoros/sim/board"
	"tensoros/sim/nvme"
	"tensoros/traces"
)

// TestLoadsReachTheirBound: 95 % of the least of drives and PCI Express.
func TestLoadsReachTheirBound(t *testing.T) {
	if testing.Short() {
		t.Skip("256 MiB through every TLP")
	}
	for _, b := range fsBenches {
		portion, err := b.work()
		if err != nil {
			t.Fatal(err)
		}
		rate, err := portion()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %.2f GB/s, at least %.2f: %s", b.name, rate/1e9, b.gate/1e9, b.doc)
		if rate < b.gate {
			t.Errorf("%s: %.2f GB/s, want %.2f", b.name, rate/1e9, b.gate/1e9)
		}
	}
}

func pattern(i int) byte { return byte(i*7 ^ i>>8 ^ i>>16) }

// TestStripedLoadBypassesTheHost loads from three drives, compares VRAM with what is on them, and
// counts in the trace what the drives wrote: nothing but completions went to the host.
func TestStripedLoadBypassesTheHost(t *testing.T) {
	rec := traces.NewRecorder()
	s := &loadSetup{drives: 3, size: 3<<20 + 4096*5 + 77, rec: rec, bytes: pattern}
	l, err := s.load(func(k *kernel.Kernel, l *loaded) error {
		got := make([]byte, s.size)
		if err := k.GPUs[0].Accelerator().Read(got, hw.DevicePtr(l.at)); err != nil {
			return err
		}
		for i := range got {
			if got[i] != pattern(i) {
				return fmt.Errorf("byte %d of VRAM differs", i)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var peer, other, entries uint64
	tr := decode(t, rec.Bytes())
	for i := range tr.Records {
		r := &tr.Records[i]
		if tr.Points[r.Kind].Name != traces.PCIeWrite.String() ||
			!strings.HasPrefix(tr.Tracks[r.Track], "rc/nvme") ||
			!strings.HasSuffix(tr.Tracks[r.Track], "/up") ||
			r.Start < traces.Time(l.start)*traces.Nanosecond ||
			r.End() > traces.Time(l.end)*traces.Nanosecond {
			continue
		}
		switch addr, n := r.Args[0], r.Args[1]; {
		case addr >= 1<<40: // sim/pcie places 64-bit BARs there
			peer += n
		case n == 16:
			entries++
		default:
			other += n
		}
	}
	if want := (s.size + 4095) &^ 4095; peer != want || other != 0 || entries == 0 {
		t.Errorf("%d bytes to the GPU, want %d; %d completions; %d other bytes to the host", peer,
			want, entries, other)
	}
}

// TestScrubRunsBesideALoad reads a clean volume, then one with a flipped byte, both at a pace.
func TestScrubRunsBesideALoad(t *testing.T) {
	s := &loadSetup{drives: 2, size: 1 << 20, bytes: pattern}
	_, err := s.load(func(k *kernel.Kernel, l *loaded) error {
		v := k.Volumes[0]
		for _, flip := range []bool{false, true} {
			if flip {
				if err := flipOnDrive(k, v); err != nil {
					return err
				}
			}
			const pace = 2e9
			start := k.CPU.Now()
			scrub, task, err := k.Scrub(v, pace)
			if err != nil {
				return err
			}
			if err := loadAgain(k, v, l); err != nil {
				return err
			}
			if over, _ := task.Done(); over {
				return fmt.Errorf("the scrub did not last as long as a load of the same bytes")
			}
			if err := k.Loop.Wait(task); err != nil {
				return err
			}
			took := float64(k.CPU.Now() - start)
			if scrub.Counts.Data != s.size || len(scrub.Problems) > 0 != flip {
				return fmt.Errorf("flip %v: %d bytes, problems %v", flip, scrub.Counts.Data,
					scrub.Problems)
			}
			if least := float64(s.size-64<<10) / pace * 1e9; took < least {
				return fmt.Errorf("%d bytes took %v ns, faster than its pace, %v", s.size, took,
					least)
			}
			if flip && !strings.Contains(scrub.Problems[0].String(), "object x, bytes 65536 to") {
				return fmt.Errorf("%v", scrub.Problems)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// loadAgain loads the object while other tasks go on.
func loadAgain(k *kernel.Kernel, v *kernel.Volume, l *loaded) error {
	o, _ := v.FS.Lookup("x")
	bus, err := k.GPUs[0].Bus(l.at, o.Len)
	if err != nil {
		return err
	}
	step, err := k.ReadObject(v, o, bus)
	if err != nil {
		return err
	}
	return k.Loop.Wait(k.Loop.Go("load again", step))
}

// flipOnDrive changes a byte of page 1 of the object behind the volume's back.
func flipOnDrive(k *kernel.Kernel, v *kernel.Volume) error {
	o, _ := v.FS.Lookup("x")
	runs, err := v.FS.Runs(o, 65536, 4096)
	if err != nil {
		return err
	}
	p := make([]byte, 4096)
	d := v.Drives[runs[0].Drive]
	if err := d.ReadAt(runs[0].Off, p); err != nil {
		return err
	}
	p[99] ^= 4
	return d.WriteAt(runs[0].Off, p)
}

// layers is a program that loads each object just before it uses it.
const layers = `
@kernel
fn product(A: Tile<128, 128, f16, Layout::RowMajor>, B: Tile<128, 128, f16, Layout::ColMajor>)
    -> Tile<128, 128, f32> {
    return dot(A, B);
}
fn main() {
    let gpu = device::get(0);
    let a = Tensor::load("nvme://a", device=gpu);
    for i in 0..6 {
        let b = Tensor::load("nvme://w" + str(i), device=gpu);
        let c = product(a.view(), b.view());
    }
    print("done");
}`

// ran is what a program did.
type ran struct {
	took     hw.Time
	out      string
	loads    int
	launches int
}

// runOnDrive runs a program on an H100 with a drive that has a and w0 to w5, and looks for tensors
// that are left.
func runOnDrive(t *testing.T, source string, ahead bool) (r ran) {
	t.Helper()
	spec, err := board.Preset("h100")
	if err != nil {
		t.Fatal(err)
	}
	m := nvme.NewMemory(1 << 30)
	v, err := tensorfs.Format(tensorfs.Geometry{}, m)
	if err != nil {
		t.Fatal(err)
	}
	e := &env{seed: 1}
	for i := range 7 {
		f := e.normal(fmt.Sprint("w", i), true)
		if i == 6 {
			f = e.normal("a", false)
		}
		if err := v.Put(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Commit(); err != nil {
		t.Fatal(err)
	}
	p, _, ds := neurolang.Compile("test.nl", []byte(source), neurolang.Options{Target: 90})
	if p == nil {
		t.Fatal(ds)
	}
	b, err := board.New(spec, nil, 0, m)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.Start(0, func(cpu hw.CPU) {
		var k *kernel.Kernel
		if k, err = kernel.Boot(cpu, b, kernel.Options{}); err != nil {
			return
		}
		rt := krun.New(k, func(line string) { r.out += line + "\n" })
		start, live := cpu.Now(), k.GPUs[0].Heap.Live()
		if ahead {
			rt.Prefetch(p)
		}
		if err = vm.Run(p, rt, vm.Options{}); err != nil {
			return
		}
		r.took, r.loads, r.launches = cpu.Now()-start, len(rt.Loads), len(rt.Launches)
		code := len(p.Kernels) // stays in VRAM
		if err = rt.FreeSince(0); err == nil && k.GPUs[0].Heap.Live() != live+code {
			t.Errorf("%d allocations are left in VRAM", k.GPUs[0].Heap.Live()-live-code)
		}
		if e := k.Close(); err == nil {
			err = e
		}
	})
	if e := b.Run(); err == nil {
		err = e
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPrefetchOverlapsLoadsWithWork runs it with and without the plan.
func TestPrefetchOverlapsLoadsWithWork(t *testing.T) {
	without, with := runOnDrive(t, layers, false), runOnDrive(t, layers, true)
	for _, r := range []ran{without, with} {
		if r.loads != 7 || r.launches != 6 || r.out != "done\n" {
			t.Errorf("%+v", r)
		}
	}
	t.Logf("%d ns without prefetch, %d with", without.took, with.took)
	if with.took >= without.took*3/4 {
		t.Errorf("%d ns with prefetch, %d without", with.took, without.took)
	}
}

// TestPrefetchChangesNoResult: objects that are loaded twice, saved and loaded again, or loaded
// only if the data say so.
func TestPrefetchChangesNoResult(t *testing.T) {
	for name, source := range map[string]string{
		"twice": `fn main() {
			let x = Tensor::load("nvme://a"); let y = Tensor::load("nvme://a");
			print(x[0, 0..3], y[511, 0..3]); }`,
		"saved over": `fn main() {
			let x = Tensor::load("nvme://w0"); let y = Tensor::load("nvme://w1");
			x.save("nvme://w1");
			let z = Tensor::load("nvme://w1");
			print(x[0, 0..3], y[0, 0..3], z[0, 0..3]); }`,
		"by data": `fn main() {
			let x = Tensor::load("nvme://w0");
			if x[0, 0] > 1000.0 { print(Tensor::load("nvme://w1")[0, 0..2]); }
			else { print(Tensor::load("nvme://w2")[0, 0..2]); } }`,
		"not used": `fn main() { for i in 0..6 { Tensor::load("nvme://w" + str(i)); } print(1); }`,
	} {
		without, with := runOnDrive(t, source, false), runOnDrive(t, source, true)
		if without.out != with.out || with.out == "" {
			t.Errorf("%s: %q with prefetch, %q without", name, with.out, without.out)
		}
	}
}

// TestObjectsAreSavedFromVRAM writes an object back to three drives by DMA: it has no checksums
// until it is summed, reads as it was, and the volume is clean.
func TestObjectsAreSavedFromVRAM(t *testing.T) {
	s := &loadSetup{drives: 3, size: 2<<20 + 4096, bytes: pattern}
	_, err := s.load(func(k *kernel.Kernel, l *loaded) error {
		v := k.Volumes[0]
		bus, err := k.GPUs[0].Bus(l.at, s.size)
		if err != nil {
			return err
		}
		start := k.CPU.Now()
		err = k.WriteObject(v, kernel.Object{Name: "y", Elem: "u8", Shape: []int{int(s.size)},
			Len: s.size}, bus)
		if err != nil {
			return err
		}
		t.Logf("%d bytes saved at %.1f GB/s", s.size, float64(s.size)/float64(k.CPU.Now()-start))
		if o, ok := v.FS.Lookup("y"); !ok || !o.Unsummed {
			return fmt.Errorf("%+v", o)
		}
		for _, err := range []error{v.FS.Sum("y"), v.FS.Commit()} {
			if err != nil {
				return err
			}
		}
		var devs []tensorfs.Device
		for _, d := range v.Drives {
			devs = append(devs, d)
		}
		if r, err := tensorfs.Check(nil, devs...); err != nil || !r.Clean() ||
			r.Counts.Data != 2*s.size || r.Counts.Unsummed != 0 {
			return fmt.Errorf("%v %+v", err, r)
		}
		f, err := v.FS.Get("y")
		for i := range f.Data {
			if f.Data[i] != pattern(i) {
				return fmt.Errorf("byte %d differs", i)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
