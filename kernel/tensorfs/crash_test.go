package tensorfs

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"testing"
)

// event is what a drive was asked, or that a commit was acknowledged.
type event struct {
	drive int
	off   uint64
	data  []byte // nil: a flush
	acked uint64 // generation; else 0
}

// taped is a drive whose writes and flushes are recorded.
type taped struct {
	Memory
	drive int
	log   *[]event
}

func (d *taped) WriteAt(off uint64, p []byte) error {
	*d.log = append(*d.log, event{drive: d.drive, off: off, data: slices.Clone(p)})
	return d.Memory.WriteAt(off, p)
}

func (d *taped) Flush() error {
	*d.log = append(*d.log, event{drive: d.drive})
	return nil
}

// history is a run of a workload: what the drives saw, and the state after each commit.
type history struct {
	start  []Memory
	log    []event
	states map[uint64]string // by generation
	first  uint64            // generation at the start
}

func digest(t testing.TB, v *Volume) string {
	h := fnv.New128a()
	one := func(list []Object) {
		for _, o := range list {
			f, err := v.Read(o)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(h, o.Name, o.Shape, o.Attrs, o.Open, len(f.Data), Checksum(f.Data))
		}
	}
	one(v.Objects())
	for _, s := range v.Snapshots() {
		fmt.Fprint(h, s.Name, s.Born)
		list, err := v.ObjectsOf(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		one(list)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// tape runs work, which calls commit after each transaction, on a volume over mem.
func tape(t testing.TB, mem []Memory, work func(v *Volume, commit func())) *history {
	h := &history{states: map[uint64]string{}}
	var devs []Device
	for i, m := range mem {
		h.start = append(h.start, slices.Clone(m))
		devs = append(devs, &taped{slices.Clone(m), i, &h.log})
	}
	v, err := Mount(devs...)
	if err != nil {
		t.Fatal(err)
	}
	h.first = v.Generation()
	h.states[h.first] = digest(t, v)
	work(v, func() {
		if err := v.Commit(); err != nil {
			t.Fatal(err)
		}
		h.states[v.Generation()] = digest(t, v)
		h.log = append(h.log, event{acked: v.Generation(), drive: -1})
	})
	return h
}

// cutter replays a history up to a cut.
type cutter struct {
	h       *history
	durable []Memory
	pending []event
	at      int
	acked   uint64
	scratch []Memory // of image: valid until the next
}

func newCutter(h *history) *cutter {
	c := &cutter{h: h, acked: h.first}
	for _, m := range h.start {
		c.durable = append(c.durable, slices.Clone(m))
		c.scratch = append(c.scratch, make(Memory, len(m)))
	}
	return c
}

// to moves on: the first n events have happened.
func (c *cutter) to(n int) {
	for ; c.at < n; c.at++ {
		e := c.h.log[c.at]
		switch {
		case e.acked > 0:
			c.acked = e.acked
		case e.data != nil:
			c.pending = append(c.pending, e)
		default:
			c.pending = slices.DeleteFunc(c.pending, func(p event) bool {
				if p.drive == e.drive {
					copy(c.durable[p.drive][p.off:], p.data)
				}
				return p.drive == e.drive
			})
		}
	}
}

// policies say what of the volatile caches reaches the medium.
var policies = []struct {
	name   string
	random bool
	keep   func(rnd *rand.Rand, e event, last bool) func(sector int) bool
}{
	{"all lost", false, func(*rand.Rand, event, bool) func(int) bool { return never }},
	{"all kept", false, func(*rand.Rand, event, bool) func(int) bool { return always }},
	{"last torn", true, func(rnd *rand.Rand, e event, last bool) func(int) bool {
		if !last {
			return always
		}
		cut := rnd.IntN(len(e.data)/sector + 1)
		return func(i int) bool { return i < cut }
	}},
	{"random writes", true, func(rnd *rand.Rand, _ event, _ bool) func(int) bool {
		if rnd.IntN(2) == 0 {
			return never
		}
		return always
	}},
	{"random sectors", true, func(rnd *rand.Rand, _ event, _ bool) func(int) bool {
		return func(int) bool { return rnd.IntN(2) == 0 }
	}},
	{"only the last", false, func(_ *rand.Rand, _ event, last bool) func(int) bool {
		if last {
			return always
		}
		return never
	}},
}

const sector = 512

func never(int) bool  { return false }
func always(int) bool { return true }

// image is the drives after the power is back.
func (c *cutter) image(policy int, rnd *rand.Rand) (devs []Device) {
	mem := c.scratch
	for i, m := range c.durable {
		copy(mem[i], m)
	}
	for i, e := range c.pending {
		keep := policies[policy].keep(rnd, e, i == len(c.pending)-1)
		for s := 0; s*sector < len(e.data); s++ {
			if keep(s) {
				part := e.data[s*sector : min((s+1)*sector, len(e.data))]
				copy(mem[e.drive][int(e.off)+s*sector:], part)
			}
		}
	}
	for _, m := range mem {
		devs = append(devs, m)
	}
	return devs
}

// verify mounts what a cut left, compares, and runs fsck.
func (c *cutter) verify(t *testing.T, devs []Device, name string) *Volume {
	t.Helper()
	v, err := Mount(devs...)
	if err != nil {
		t.Fatalf("cut at %d, %s: %v", c.at, name, err)
	}
	gen := v.Generation()
	if want, ok := c.h.states[gen]; !ok || gen < c.acked {
		t.Fatalf("cut at %d, %s: generation %d, acknowledged %d", c.at, name, gen, c.acked)
	} else if digest(t, v) != want {
		t.Fatalf("cut at %d, %s: generation %d has another state", c.at, name, gen)
	}
	r, err := Check(nil, devs...)
	if err != nil || !r.Clean() {
		t.Fatalf("cut at %d, %s: %v %v", c.at, name, err, r.Problems)
	}
	return v
}

func put(t testing.TB, v *Volume, name string, n int, fill byte, open bool) {
	t.Helper()
	data := make([]byte, n)
	for i := range data {
		data[i] = fill + byte(i/sector)
	}
	err := v.Put(File{Object{Name: name, Elem: "u8", Shape: []int{n}, Open: open}, data})
	if err != nil {
		t.Fatal(err)
	}
}

// workload puts, appends, replaces, removes, takes, restores and removes snapshots.
func workload(t testing.TB) func(v *Volume, commit func()) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	return func(v *Volume, commit func()) {
		put(t, v, "a", 9000, 1, true)
		commit()
		put(t, v, "b", 30000, 2, false)
		put(t, v, "c", 100, 3, false)
		commit()
		must(v.Snapshot("s"))
		commit()
		must(v.Append("a", make([]byte, 5000)))
		commit()
		put(t, v, "b", 20000, 7, false)
		commit()
		must(v.Remove("c"))
		commit()
		must(v.Snapshot("t"))
		must(v.Restore("s"))
		commit()
		must(v.RemoveSnapshot("t"))
		commit()
		put(t, v, "d", 40000, 9, false)
		must(v.RemoveSnapshot("s"))
		commit()
	}
}

// TestPowerCutAtEveryWrite cuts at every write and flush of a small workload, with every policy, on
// one drive and on two. After the cut the volume works on, and a cut at every write of that is
// survived too.
func TestPowerCutAtEveryWrite(t *testing.T) {
	for _, drives := range []int{1, 2} {
		devs := memories(drives, 256<<10)
		format(t, devs...)
		h := tape(t, asMemory(devs), workload(t))
		points := 0
		c := newCutter(h)
		for cut := range len(h.log) + 1 {
			c.to(cut)
			for p := range policies {
				for try := range map[bool]int{true: 8, false: 1}[policies[p].random] {
					rnd := rand.New(rand.NewPCG(uint64(cut), uint64(try)))
					image := c.image(p, rnd)
					if try == 0 && cut%7 == 0 {
						again(t, copies(image), policies[p].name)
					}
					c.verify(t, image, policies[p].name)
					points++
				}
			}
		}
		t.Logf("%d drives: %d events, %d cuts", drives, len(h.log), points)
	}
}

func asMemory(devs []Device) (out []Memory) {
	for _, d := range devs {
		out = append(out, d.(Memory))
	}
	return out
}

func copies(devs []Device) (out []Memory) {
	for _, m := range asMemory(devs) {
		out = append(out, slices.Clone(m))
	}
	return out
}

// again mounts what a cut left, goes on, and is cut a second time, the repairs of the mount
// included.
func again(t *testing.T, mem []Memory, name string) {
	h := tape(t, mem, func(v *Volume, commit func()) {
		put(t, v, "again", 6000, 4, false)
		commit()
	})
	c := newCutter(h)
	for cut := range len(h.log) + 1 {
		c.to(cut)
		for p := range policies {
			image := c.image(p, rand.New(rand.NewPCG(uint64(cut), 99)))
			c.verify(t, image, name+", then "+policies[p].name)
		}
	}
}

// TestKilledThenPowerCut ends the program at every second write while the drives keep their caches,
// mounts and goes on, and only then cuts the power, at every write: what the mount saw in a cache
// only must not be built on before it is durable.
func TestKilledThenPowerCut(t *testing.T) {
	devs := memories(2, 256<<10)
	format(t, devs...)
	h := tape(t, asMemory(devs), workload(t))
	c := newCutter(h)
	for kill := 0; kill <= len(h.log); kill += 2 {
		c.to(kill)
		seen := copies(c.image(1, nil)) // all kept: the caches answer
		next := tape(t, seen, func(v *Volume, commit func()) {
			put(t, v, "after", 6000, 4, false)
			commit()
			put(t, v, "after", 9000, 5, false)
			commit()
		})
		for gen, state := range h.states {
			if gen < next.first { // later ones the kill has undone
				next.states[gen] = state
			}
		}
		next.start, next.first = nil, c.acked
		for _, m := range c.durable {
			next.start = append(next.start, slices.Clone(m))
		}
		next.log = slices.Concat(c.pending, next.log)
		d := newCutter(next)
		for cut := len(c.pending); cut <= len(next.log); cut++ {
			d.to(cut)
			for _, p := range []int{0, 3, 4} {
				d.verify(t, d.image(p, rand.New(rand.NewPCG(uint64(cut), uint64(kill)))),
					"killed, then "+policies[p].name)
			}
		}
	}
}

// TestPowerCutAtRandomPoints cuts a long workload at 10,000 points.
func TestPowerCutAtRandomPoints(t *testing.T) {
	points := 10_000
	if testing.Short() {
		points = 500
	}
	devs := memories(2, 256<<10)
	format(t, devs...)
	work := rand.New(rand.NewPCG(5, 5))
	h := tape(t, asMemory(devs), func(v *Volume, commit func()) {
		m := newModel()
		for range 250 {
			for range 1 + work.IntN(3) {
				if err := m.step(v, work); err != nil {
					t.Fatal(err)
				}
			}
			if v.space.free < 30 { // make room, in one transaction
				for _, s := range v.Snapshots() {
					if err := v.RemoveSnapshot(s.Name); err != nil {
						t.Fatal(err)
					}
				}
				for _, name := range v.Names() {
					if err := v.Remove(name); err != nil {
						t.Fatal(err)
					}
				}
				m = newModel()
			}
			commit()
		}
	})
	rnd := rand.New(rand.NewPCG(7, 7))
	var cuts []int
	for range points {
		cuts = append(cuts, rnd.IntN(len(h.log)+1))
	}
	slices.Sort(cuts)
	c := newCutter(h)
	for _, cut := range cuts {
		c.to(cut)
		p := rnd.IntN(len(policies))
		c.verify(t, c.image(p, rnd), policies[p].name)
	}
	t.Logf("%d events, %d commits, %d cuts", len(h.log), len(h.states), points)
}

// TestTheCrashTestNoticesFaults: without the flush before the superblock, or with one superblock
// where two belong, the test above must fail; here the events are doctored and the checks run.
func TestTheCrashTestNoticesFaults(t *testing.T) {
	devs := memories(1, 256<<10)
	format(t, devs...)
	h := tape(t, asMemory(devs), workload(t))
	kept := h.log[:0:0]
	for i, e := range h.log {
		next := i+1 < len(h.log) && h.log[i+1].data != nil && h.log[i+1].off == 0
		if e.data == nil && e.acked == 0 && next {
			continue // the flush before the first superblock
		}
		kept = append(kept, e)
	}
	h.log = kept
	bad := 0
	c := newCutter(h)
	for cut := range len(h.log) + 1 {
		c.to(cut)
		for try := range uint64(8) {
			image := c.image(3, rand.New(rand.NewPCG(uint64(cut), try)))
			v, err := Mount(image...)
			if err != nil {
				bad++
				continue
			}
			if r, err := Check(nil, image...); err != nil || !r.Clean() ||
				v.Generation() < c.acked {
				bad++
			}
		}
	}
	if bad == 0 {
		t.Error("a missing flush goes unnoticed")
	}
}
