package gpu

import (
	"strings"
	"testing"

	"tensoros/hw"
	spec "tensoros/hw/spec/gpu"
	"tensoros/kernel/mem"
)

// still is a processor on which no time passes.
type still struct{ hw.CPU }

func (still) Now() hw.Time { return 0 }
func (still) Work(int)     {}

// quiet is a window on a GPU that takes all and does nothing.
type quiet struct{ hw.Window }

func (quiet) Copy(int, []byte)    {}
func (quiet) Write32(int, uint32) {}

// words is host memory.
type words struct{ hw.Memory }

func (words) Store64(int, uint64) {}
func (words) Bus() hw.BusAddr     { return 0 }

// stuck is a driver with so many free semaphores, on a GPU that never ends anything.
func stuck(semaphores int) *Device {
	base := mem.VRAMBase(0)
	d := &Device{Iface: spec.Interfaces[spec.Hopper], cpu: still{}, regs: quiet{}, vram: quiet{},
		sems: words{}, base: base, code: map[string]program{}}
	d.Heap = mem.NewHeap(base+ownLen, 1<<30)
	d.plans = mem.NewHeap(base+plansAt, ownLen-plansAt)
	for i := range semaphores {
		d.free = append(d.free, i)
	}
	return d
}

var empty = Grid{Entry: "k", Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 1, 1},
	PTX: ".version 8.0\n.target sm_80\n.address_size 64\n.visible .entry k() { ret; }"}

func TestPrepareLeavesNothingWhenItFails(t *testing.T) {
	long := empty
	long.Params = make([]byte, planMax)
	for name, c := range map[string]struct {
		grid       Grid
		semaphores int
		want       string
	}{
		"no semaphore": {empty, 0, "not waited for"},
		"parameters":   {long, 1, "bytes of parameters"},
	} {
		d := stuck(c.semaphores)
		if _, err := d.Prepare(&c.grid); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if d.plans.Live() != 0 || len(d.free) != c.semaphores {
			t.Errorf("%s: %d plans left, %d semaphores free", name, d.plans.Live(), len(d.free))
		}
	}
}

func TestFullRingTakesNoSemaphore(t *testing.T) {
	d := stuck(2)
	p, err := d.Prepare(&empty)
	if err != nil {
		t.Fatal(err)
	}
	d.sent = ringLen - 1
	for range 3 {
		if _, err := d.Copy(0, 0, 1); err == nil || !strings.Contains(err.Error(), "is full") {
			t.Fatalf("copy: %v", err)
		}
		if err := p.Start(); err == nil || !strings.Contains(err.Error(), "is full") {
			t.Fatalf("launch: %v", err)
		}
	}
	p.Release()
	if len(d.free) != 2 || d.plans.Live() != 0 {
		t.Errorf("%d semaphores free, %d plans left", len(d.free), d.plans.Live())
	}
}
