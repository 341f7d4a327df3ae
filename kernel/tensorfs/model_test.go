package tensorfs

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// small is a geometry whose trees are deep and whose tables are needed early.
var small = Geometry{UUID: UUID{1, 2, 3}, Page: 4096, Stripe: 32 << 10}

func memories(n, size int) (devs []Device) {
	for range n {
		devs = append(devs, make(Memory, size))
	}
	return devs
}

func format(t testing.TB, devs ...Device) *Volume {
	t.Helper()
	v, err := Format(small, devs...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// model is what a volume must hold.
type model struct {
	objects map[string]File
	snaps   map[string]map[string]File
}

func newModel() *model { return &model{map[string]File{}, map[string]map[string]File{}} }

func (m *model) clone() *model {
	c := newModel()
	c.objects = maps.Clone(m.objects)
	c.snaps = maps.Clone(m.snaps)
	return c
}

// step does something random to both; small volumes refuse some of it, which is fine.
func (m *model) step(v *Volume, rnd *rand.Rand) error {
	name := fmt.Sprintf("%s/%d", bytes.Repeat([]byte("x"), rnd.IntN(3)*60), rnd.IntN(40))
	snap := fmt.Sprint("s", rnd.IntN(4))
	var err error
	switch op := rnd.IntN(20); {
	case op < 9:
		data := make([]byte, rnd.IntN(6)*rnd.IntN(6000))
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		f := File{Object{Name: name, Elem: "u8", Shape: []int{len(data)}, Open: rnd.IntN(2) == 0,
			Attrs: []Attr{{"k", snap}}}, data}
		if err = v.Put(f); err == nil {
			m.objects[name] = f
		}
	case op < 12:
		f, ok := m.objects[name]
		more := bytes.Repeat([]byte{byte(op)}, rnd.IntN(9000))
		if err = v.Append(name, more); err == nil {
			if !ok || !f.Open {
				return fmt.Errorf("appended to %q, which is sealed or not there", name)
			}
			f.Data = slices.Concat(f.Data, more)
			f.Shape = []int{len(f.Data)}
			m.objects[name] = f
		} else if ok && f.Open && !errors.Is(err, ErrNoSpace) {
			return err
		}
		return nil
	case op < 16:
		if err = v.Remove(name); err == nil {
			delete(m.objects, name)
		}
	case op < 17:
		if f, ok := m.objects[name]; ok && f.Open {
			err = v.Seal(name)
			f.Open = false
			m.objects[name] = f
		}
	case op < 18:
		if err = v.Snapshot(snap); err == nil {
			m.snaps[snap] = maps.Clone(m.objects)
		}
	case op < 19:
		if err = v.Restore(snap); err == nil {
			m.objects = maps.Clone(m.snaps[snap])
		}
	default:
		if err = v.RemoveSnapshot(snap); err == nil {
			delete(m.snaps, snap)
		}
	}
	if errors.Is(err, ErrNoSpace) || errors.Is(err, ErrExists) || errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// equal compares a volume with the model, contents included.
func (m *model) equal(v *Volume) error {
	if err := same(v, v.Objects(), m.objects); err != nil {
		return err
	}
	if len(v.Snapshots()) != len(m.snaps) {
		return fmt.Errorf("%d snapshots, want %d", len(v.Snapshots()), len(m.snaps))
	}
	for name, want := range m.snaps {
		list, err := v.ObjectsOf(name)
		if err != nil {
			return err
		}
		if err := same(v, list, want); err != nil {
			return fmt.Errorf("snapshot %s: %w", name, err)
		}
	}
	return nil
}

func same(v *Volume, list []Object, want map[string]File) error {
	if len(list) != len(want) {
		return fmt.Errorf("%d objects, want %d", len(list), len(want))
	}
	for _, o := range list {
		got, err := v.Read(o)
		if err != nil {
			return err
		}
		w, ok := want[o.Name]
		if !ok || !bytes.Equal(got.Data, w.Data) || o.Open != w.Open ||
			!slices.Equal(o.Shape, w.Shape) || !slices.Equal(o.Attrs, w.Attrs) {
			return fmt.Errorf("%s is %v of %d bytes, want %v of %d", o.Name, o.Shape, len(got.Data),
				w.Shape, len(w.Data))
		}
	}
	return nil
}

// TestAnySequenceKeepsItsWordAndLeaksNothing: what is free must be what a fresh mount, which
// derives it from the trees, finds free.
func TestAnySequenceKeepsItsWordAndLeaksNothing(t *testing.T) {
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		devs := memories(1+int(seed)%3, 2<<20)
		v, m := format(t, devs...), newModel()
		base := v.Usage().Free
		done := m.clone()
		for i := range 600 {
			if err := m.step(v, rnd); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, i, err)
			}
			switch rnd.IntN(4) {
			case 0:
				if err := v.Commit(); errors.Is(err, ErrNoSpace) {
					m = done.clone()
				} else if err != nil {
					t.Fatal(err)
				}
				done = m.clone()
			case 1:
				if rnd.IntN(4) == 0 {
					v.Rollback()
					m = done.clone()
				}
			}
			if !v.Dirty() {
				done = m.clone()
			}
			if i%20 == 0 {
				if err := m.equal(v); err != nil {
					t.Fatalf("seed %d, step %d: %v", seed, i, err)
				}
			}
			if v.Dirty() || i%5 > 0 {
				continue
			}
			w, err := Mount(devs...)
			if err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, i, err)
			}
			if !reflect.DeepEqual(w.space, v.space) {
				t.Fatalf("seed %d, step %d: %d pages free, a new mount finds %d", seed, i,
					v.space.free, w.space.free)
			}
			if err := m.equal(w); err != nil {
				t.Fatalf("seed %d, step %d, mounted again: %v", seed, i, err)
			}
		}
		v.Rollback()
		empty(t, v)
		if got := v.Usage().Free; got != base {
			t.Errorf("seed %d: %d bytes free of an empty volume, %d at first", seed, got, base)
		}
	}
}

// empty removes everything.
func empty(t testing.TB, v *Volume) {
	t.Helper()
	for _, s := range v.Snapshots() {
		if err := v.RemoveSnapshot(s.Name); err != nil {
			t.Fatal(err)
		}
		if err := v.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range v.Names() {
		if err := v.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Commit(); err != nil {
		t.Fatal(err)
	}
}
