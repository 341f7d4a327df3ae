package main

import (
	"fmt"
	"math"
	"strings"

	"tensoros/hw"
	"tensoros/kernel"
	"tensoros/kernel/mem"
	"tensoros/kernel/tensorfs"
	"tensoros/sim/board"
	"tensoros/sim/nvme"
	"tensoros/traces"
)

// What bounds a load, bytes a second. A Micron 9550 reads 14.0 GB/s (StorageReview's table) [S];
// NVMe to GPU through a root complex stops at 45.2 GB/s on Gen5 x16 (xnvme/aisio,
// pcie_saturation.md) [S]. Under a switch the four drives are the lesser: the link allows 56.1.
const (
	driveRate = 14.0e9
	rootRate  = 45.2e9
	loadShare = 0.95 // of the least of these that TensorOS promises
)

// fsBenches are of simulated time: an object from drives into VRAM by peer-to-peer DMA.
var fsBenches = []bench{
	{"load-1", "B/s", "256 MiB from one drive", loadShare * driveRate,
		loadWork(&loadSetup{drives: 1, size: 256 << 20}), math.Max, false},
	{"load-4-root", "B/s", "256 MiB from four drives behind root ports", loadShare * rootRate,
		loadWork(&loadSetup{drives: 4, size: 256 << 20}), math.Max, false},
	{"load-4-switch", "B/s", "256 MiB from four drives under the GPU's switch",
		loadShare * 4 * driveRate,
		loadWork(&loadSetup{drives: 4, size: 256 << 20, under: true}), math.Max, false},
}

// loadSetup is a machine with one GPU and a volume of some drives, with one object on it.
type loadSetup struct {
	drives int
	size   uint64
	stripe int // bytes; 0: the default
	under  bool
	rec    *traces.Recorder
	bytes  func(i int) byte // contents; nil: none are written
}

// loaded is what a load took.
type loaded struct {
	start, end hw.Time
	board      *board.Board
	at         mem.Addr // of the object in VRAM
}

func (l *loaded) rate(n uint64) float64 { return float64(n) / float64(l.end-l.start) * 1e9 }

// spec is the machine's description.
func (s *loadSetup) spec() (board.Spec, error) {
	var b strings.Builder
	at := ""
	b.WriteString("name = \"load\"\ncpus = 1\nmemory = \"4 GiB\"\nslots = 5\n")
	if s.under {
		b.WriteString("[[switch]]\nname = \"sw0\"\n")
		at = "switch = \"sw0\"\n"
	}
	b.WriteString("[[gpu]]\nchip = \"h100\"\n" + at)
	for range s.drives {
		b.WriteString("[[drive]]\nprofile = \"micron9550\"\nsize = \"1 GiB\"\n" + at)
	}
	return board.Parse("load.toml", []byte(b.String()))
}

// volume makes the drives' contents.
func (s *loadSetup) volume() ([]nvme.Store, error) {
	var stores []nvme.Store
	var devs []tensorfs.Device
	for range s.drives {
		m := nvme.NewMemory(1 << 30)
		stores, devs = append(stores, m), append(devs, m)
	}
	v, err := tensorfs.Format(tensorfs.Geometry{Stripe: s.stripe}, devs...)
	if err != nil {
		return nil, err
	}
	o := tensorfs.Object{Name: "x", Elem: "u8", Shape: []int{int(s.size)}, Len: s.size}
	if s.bytes == nil {
		p, err := v.Place(o)
		if err != nil {
			return nil, err
		}
		p.Enter()
		return stores, v.Commit()
	}
	data := make([]byte, s.size)
	for i := range data {
		data[i] = s.bytes(i)
	}
	if err := v.Put(tensorfs.File{Object: o, Data: data}); err != nil {
		return nil, err
	}
	return stores, v.Commit()
}

// load boots the machine and loads the object; after, if not nil, is called before it stops.
func (s *loadSetup) load(after func(k *kernel.Kernel, l *loaded) error) (*loaded, error) {
	spec, err := s.spec()
	if err != nil {
		return nil, err
	}
	stores, err := s.volume()
	if err != nil {
		return nil, err
	}
	l := &loaded{}
	if l.board, err = board.New(spec, s.rec, 0, stores...); err != nil {
		return nil, err
	}
	defer l.board.Close()
	l.board.Start(0, func(cpu hw.CPU) { err = s.inside(cpu, l, after) })
	if e := l.board.Run(); err == nil {
		err = e
	}
	return l, err
}

func (s *loadSetup) inside(cpu hw.CPU, l *loaded,
	after func(k *kernel.Kernel, l *loaded) error) (err error) {
	k, err := kernel.Boot(cpu, l.board, kernel.Options{Recorder: s.rec})
	if err != nil {
		return err
	}
	defer func() {
		if e := k.Close(); err == nil {
			err = e
		}
	}()
	if len(k.Volumes) != 1 || len(k.GPUs) != 1 {
		return fmt.Errorf("%d volumes and %d GPUs came up", len(k.Volumes), len(k.GPUs))
	}
	o, ok := k.Volumes[0].FS.Lookup("x")
	if !ok {
		return fmt.Errorf("the object is not there")
	}
	if l.at, err = k.GPUs[0].Heap.Alloc(o.Len); err != nil {
		return err
	}
	bus, err := k.GPUs[0].Bus(l.at, o.Len)
	if err != nil {
		return err
	}
	l.start = cpu.Now()
	step, err := k.ReadObject(k.Volumes[0], o, bus)
	if err == nil {
		err = k.Loop.Wait(k.Loop.Go("load", step))
	}
	l.end = cpu.Now()
	if err == nil && after != nil {
		err = after(k, l)
	}
	return err
}

// loadWork is a portion that gives the rate of one load.
func loadWork(s *loadSetup) func() (func() (float64, error), error) {
	return func() (func() (float64, error), error) {
		return func() (float64, error) {
			l, err := s.load(nil)
			if err != nil {
				return 0, err
			}
			return l.rate(s.size), nil
		}, nil
	}
}
