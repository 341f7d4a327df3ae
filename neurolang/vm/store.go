package vm

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/program"
	"tensoros/neurolang/tile"
)

// own makes a tensor of memory that the runtime handed over.
func (m *Machine) own(s Spec, handle any, origin string) *Tensor {
	st := &Store{Handle: handle, refs: 1, next: m.live}
	if m.live != nil {
		m.live.prev = st
	}
	m.live = st
	return &Tensor{Spec: s, Store: st, Origin: origin}
}

// make allocates a tensor.
func (m *Machine) make(s Spec, origin string) (*Tensor, error) {
	h, err := m.rt.Alloc(s.Device, max(s.Bytes(), 1))
	if err != nil {
		return nil, failed(err, "allocate %s", &s)
	}
	return m.own(s, h, origin), nil
}

// share makes another tensor over the same memory, which lives as long as either.
func (t *Tensor) share(s Spec, offset int) *Tensor {
	t.refs++
	return &Tensor{Spec: s, Store: t.Store, Offset: t.Offset + offset, Origin: t.Origin}
}

// alive is the tensor of a value, which must not have been freed.
func alive(v Value) (*Tensor, error) {
	t := v.Tensor()
	switch {
	case t == nil:
		return nil, faultf(diag.BadCode, "the bytecode is damaged: %s is no tensor", v)
	case t.Store == nil || t.refs <= 0:
		return nil, faultf(diag.BadCode, "%s is used after it was freed", t.name())
	}
	return t, nil
}

// free gives up a tensor's part in its memory.
func (m *Machine) free(t *Tensor) error {
	if t.Store == nil || t.refs <= 0 {
		return nil
	}
	t.refs--
	if t.refs > 0 {
		t.Store = nil
		return nil
	}
	return m.unlink(t.Store)
}

func (m *Machine) unlink(s *Store) error {
	m.cached.store = nil
	s.refs = 0
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		m.live = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
	s.prev, s.next = nil, nil
	if err := m.rt.Free(s.Handle); err != nil {
		return failed(err, "free")
	}
	return nil
}

// drop ends the life of a value: the tensors that it owns are freed at once.
func (m *Machine) drop(v Value, depth int) error {
	if v.lent || depth == 0 {
		return nil
	}
	if v.kind == TensorKind {
		if t := v.Tensor(); t != nil {
			return m.free(t)
		}
	}
	o := v.object()
	if o == nil {
		return nil
	}
	var first error
	for i, p := range o.Parts {
		if p.kind < TensorKind || p.lent {
			continue
		}
		o.Parts[i] = Value{}
		if err := m.drop(p, depth-1); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Drop frees what a value that Call returned owns.
func (m *Machine) Drop(v Value) error { return m.drop(v, maxDepth) }

// sweep frees the memory that neither the globals nor keep hold: what a failed call left, and
// returns how many pieces it was.
func (m *Machine) sweep(keep Value) (n int) {
	m.marks++
	for _, g := range m.globals.Parts {
		m.reach(g, maxDepth)
	}
	m.reach(keep, maxDepth)
	for s := m.live; s != nil; {
		next := s.next
		if s.mark != m.marks {
			n++
			_ = m.unlink(s) // the call's own error is told already
		}
		s = next
	}
	return n
}

func (m *Machine) reach(v Value, depth int) {
	if t := v.Tensor(); t != nil && t.Store != nil {
		t.mark = m.marks
	}
	if depth == 0 {
		return
	}
	for _, p := range v.Parts() {
		m.reach(p, depth-1)
	}
}

// Live is how many pieces of device memory the machine holds.
func (m *Machine) Live() (n int) {
	for s := m.live; s != nil; s = s.next {
		n++
	}
	return n
}

// Close frees all memory of the machine and returns how many pieces were left.
func (m *Machine) Close() int {
	m.globals.Parts = nil
	return m.sweep(Value{})
}

// unshare gives a tensor that is to be written memory of its own, if others hold values in it too.
// A tensor that was given its place stays there.
func (m *Machine) unshare(t *Tensor) error {
	if t.refs <= 1 || t.placed {
		return nil
	}
	c, err := m.copyOf(t, t.Device)
	if err != nil {
		return err
	}
	t.refs--
	t.Store, t.Offset = c.Store, 0
	return nil
}

// copyOf makes a tensor of the same contents.
func (m *Machine) copyOf(t *Tensor, d Device) (*Tensor, error) {
	s := t.Spec
	s.Device = d
	c, err := m.make(s, t.Origin)
	if err != nil || s.Bytes() == 0 {
		return c, err
	}
	m.cached.store = nil
	if err := m.rt.Copy(c, t); err != nil {
		_ = m.free(c)
		return nil, failed(err, "copy %s", &t.Spec)
	}
	return c, nil
}

// relaid makes a tensor of the same contents in another layout; through the host.
func (m *Machine) relaid(t *Tensor, l tile.Layout) (*Tensor, error) {
	s := t.Spec
	s.Layout = l
	raw, err := m.image(t)
	if err != nil {
		return nil, err
	}
	size := s.Elem.Size()
	from := make([]int, s.Count())
	t.places(func(i, at int) { from[i] = at })
	out := make([]byte, len(raw))
	s.places(func(i, at int) { copy(out[at*size:(at+1)*size], raw[from[i]*size:]) })
	return m.filled(s, out, t.Origin)
}

// filled makes a tensor of these bytes.
func (m *Machine) filled(s Spec, data []byte, origin string) (*Tensor, error) {
	t, err := m.make(s, origin)
	if err != nil {
		return nil, err
	}
	_, err = m.fill(t, data)
	return t, err
}

// fill writes a new tensor's bytes.
func (m *Machine) fill(t *Tensor, data []byte) (Value, error) {
	if len(data) == 0 {
		return TensorValue(t), nil
	}
	m.cached.store = nil
	if err := m.rt.Write(t, 0, data); err != nil {
		_ = m.free(t)
		return Value{}, failed(err, "fill %s", &t.Spec)
	}
	return TensorValue(t), nil
}

// image is all bytes of a tensor.
func (m *Machine) image(t *Tensor) ([]byte, error) {
	p := make([]byte, t.Bytes())
	if len(p) == 0 {
		return p, nil
	}
	if err := m.rt.Read(t, 0, p); err != nil {
		return nil, failed(err, "read %s", &t.Spec)
	}
	return p, nil
}

// readAhead is how many bytes of a tensor are fetched at once: fewer cost as much.
const readAhead = 4096

// cached is what was last read of a tensor's memory; launches and writes empty it.
type cached struct {
	store *Store
	from  int
	data  []byte
}

// read gives the bytes of one element of a tensor.
func (m *Machine) read(t *Tensor, place int) ([]byte, error) {
	c, size := &m.cached, t.Elem.Size()
	at := place * size // from the tensor's start; the cache counts from the memory's
	from := t.Offset + at
	if c.store != t.Store || from < c.from || from+size > c.from+len(c.data) {
		p := make([]byte, min(readAhead, t.Bytes()-at))
		c.store = nil
		if err := m.rt.Read(t, at, p); err != nil {
			return nil, failed(err, "read %s", &t.Spec)
		}
		*c = cached{t.Store, from, p}
	}
	return c.data[from-c.from : from-c.from+size], nil
}

// tensorIndex reads elements: a number for ints, an array for each range; or makes a view.
func (m *Machine) tensorIndex(op program.Op, v Value, idx []Value) (Value, error) {
	t, err := alive(v)
	if err != nil {
		return Value{}, err
	}
	lo, n, kept, err := cut(t, idx)
	if err != nil {
		return Value{}, err
	}
	if op == program.TIndex {
		return m.elements(t, lo, n, kept)
	}
	s := t.Spec
	s.Shape = nil
	for _, d := range kept {
		s.Shape = append(s.Shape, n[d])
	}
	if k := len(kept); s.Layout == tile.ColMajor && (k < 2 || kept[k-2] != len(n)-2) {
		s.Layout = tile.RowMajor // at most one of the two is left
	}
	place, ok := t.whole(lo, n)
	switch {
	case op == program.TSlice && !ok:
		return Value{}, faultf(diag.LaunchShape, "the slice of %s is not one piece of memory",
			t.name()).hint("cut along the slowest dimension only")
	case op == program.TSlice:
		// A loan: the owner's memory, counted once.
		if err := m.unshare(t); err != nil {
			return Value{}, err
		}
		v := TensorValue(&Tensor{Spec: s, Store: t.Store, Origin: t.Origin,
			Offset: t.Offset + place*s.Elem.Size()})
		v.lent = true
		return v, nil
	case ok:
		return TensorValue(t.share(s, place*s.Elem.Size())), nil
	}
	return m.gathered(t, s, lo, n)
}

// cut resolves indices, missing ones being whole dimensions: first element, length, which
// dimensions are kept.
func cut(t *Tensor, idx []Value) (lo, n, kept []int, err error) {
	if len(idx) > len(t.Shape) {
		return nil, nil, nil, faultf(diag.OutOfRange, "%d indices on a tensor of %d dimensions",
			len(idx), len(t.Shape))
	}
	for d, size := range t.Shape {
		l, c := 0, size
		if d < len(idx) && idx[d].kind != Absent {
			if l, c, err = bounds(idx[d], size, dimensionName(d)); err != nil {
				return nil, nil, nil, err
			}
		}
		lo, n = append(lo, l), append(n, c)
		if d >= len(idx) || idx[d].kind != Int {
			kept = append(kept, d)
		}
	}
	return lo, n, kept, nil
}
