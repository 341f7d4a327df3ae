package vm

import (
	"fmt"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
	"tensoros/neurolang/tile"
)

// launch checks arguments against a kernel, makes its results and asks the runtime to run it. With
// tensors for the results behind the arguments, it makes none.
func (m *Machine) launch(k *abi.Kernel, args []Value, at source.Pos) (Value, error) {
	l := &Launch{Kernel: k, Scalars: make([]uint64, len(k.Params)),
		Pos: m.prog.Sources.Position(at)}
	var first *Tensor
	for i := range k.Params {
		p := &k.Params[i]
		if !p.Tensor {
			bits, ok := scalar(p.Elem, args[i])
			if !ok {
				return Value{}, faultf(diag.LaunchElem, "%s of %s takes %s, which %s does not fit",
					p.Name, k.Name, p.Elem, args[i])
			}
			l.Scalars[i], l.Tensors = bits, append(l.Tensors, nil)
			continue
		}
		t, err := alive(args[i])
		if err == nil && (p.Access == abi.Update || p.Access == abi.Atomic) {
			err = m.unshare(t)
		}
		if err == nil {
			t, err = l.flatten(p, t)
		}
		if err == nil {
			err = l.bind(p, t)
		}
		if err == nil && first != nil && t.Device.Index != first.Device.Index {
			err = faultf(diag.LaunchDevice, "%s is on device %d, %s on device %d", p.Name,
				t.Device.Index, first.name(), first.Device.Index).hint("load both on one device")
		}
		if err != nil {
			return Value{}, err
		}
		if first == nil {
			first, l.Device = t, t.Device
		}
	}
	if first == nil {
		d, err := m.device(Value{})
		if err != nil {
			return Value{}, err
		}
		l.Device = d
	}
	if len(args) > len(k.Params) {
		return m.into(l, args[len(k.Params):])
	}
	return m.results(l)
}

// into runs the kernel with tensors that take its results.
func (m *Machine) into(l *Launch, outs []Value) (Value, error) {
	for i := range l.Kernel.Outs {
		t, err := alive(outs[i])
		if err != nil {
			return Value{}, err
		}
		s := l.result(i)
		if t.Elem != s.Elem || !sameDims(t.Shape, s.Shape) || t.colMajor() != s.colMajor() {
			return Value{}, faultf(diag.LaunchShape, "result %d of %s is %s, its place %s", i,
				l.Kernel.Name, &s, &t.Spec)
		}
		l.Tensors = append(l.Tensors, l.flatResult(i, t))
	}
	return Value{}, m.run(l)
}

// run asks the runtime.
func (m *Machine) run(l *Launch) error {
	m.cached.store = nil
	if err := m.rt.Launch(l); err != nil {
		return failed(err, "launch %s", l.Kernel.Name)
	}
	return nil
}

// flatten lets a kernel over vectors run over tensors of any rank: what it names with one dimension
// is all their elements, in the order of their memory. Those that share the name have one shape.
func (l *Launch) flatten(p *abi.Param, t *Tensor) (*Tensor, error) {
	if len(p.Dims) != 1 || p.Dims[0].Sym == "" || len(t.Shape) < 2 {
		return t, nil
	}
	sym := p.Dims[0].Sym
	for _, have := range l.flats {
		if have.sym != sym {
			continue
		}
		if !sameDims(have.of.Shape, t.Shape) || have.of.colMajor() != t.colMajor() {
			return nil, faultf(diag.LaunchInner, "%s of %s is %s here, %s elsewhere", sym,
				l.Kernel.Name, &t.Spec, have.of).
				hint("tensors of a kernel over vectors have one shape and layout")
		}
	}
	l.flats = append(l.flats, flatDim{sym, &t.Spec})
	return t.vector(), nil
}

// flatDim is a dimension that stands for all elements of tensors.
type flatDim struct {
	sym string
	of  *Spec
}

// vector is a tensor's elements in the order of their memory; lent.
func (t *Tensor) vector() *Tensor {
	s := t.Spec
	s.Shape, s.Layout = []int{t.Count()}, tile.RowMajor
	return &Tensor{Spec: s, Store: t.Store, Offset: t.Offset, Origin: t.Origin, placed: t.placed}
}

// flattened is the shape that result number i has beside the kernel's own, or nil.
func (l *Launch) flattened(i int) *Spec {
	dims := l.Kernel.Outs[i].Dims
	for _, f := range l.flats {
		if len(dims) == 1 && dims[0].Sym == f.sym {
			return f.of
		}
	}
	return nil
}

// flatResult is a result as the kernel sees it.
func (l *Launch) flatResult(i int, t *Tensor) *Tensor {
	if l.flattened(i) != nil {
		return t.vector()
	}
	return t
}

// result is what result number i is.
func (l *Launch) result(i int) Spec {
	p := &l.Kernel.Outs[i]
	if f := l.flattened(i); f != nil {
		return Spec{Elem: p.Elem, Shape: f.Shape, Layout: f.Layout, Device: l.Device}
	}
	s := Spec{Elem: p.Elem, Layout: p.Layout, Device: l.Device, Shape: []int{}}
	if s.Layout == tile.NoLayout {
		s.Layout = tile.RowMajor
	}
	for _, d := range p.Dims {
		n := d.Const
		if d.Sym != "" {
			n = l.Dim(d.Sym)
		}
		s.Shape = append(s.Shape, n)
	}
	return s
}

// results makes the results and runs the kernel.
func (m *Machine) results(l *Launch) (Value, error) {
	var outs []Value
	discard := func(err error) (Value, error) {
		for _, o := range outs {
			_ = m.free(o.Tensor()) // the error that came first is told
		}
		return Value{}, err
	}
	for i := range l.Kernel.Outs {
		t, err := m.make(l.result(i), l.Kernel.Name)
		if err != nil {
			return discard(err)
		}
		l.Tensors = append(l.Tensors, l.flatResult(i, t))
		outs = append(outs, TensorValue(t))
	}
	if err := m.run(l); err != nil {
		return discard(err)
	}
	switch len(outs) {
	case 0:
		return Value{}, nil
	case 1:
		return outs[0], nil
	}
	return TupleValue(outs), nil
}

// bind checks one tensor against its parameter and notes its dimensions.
func (l *Launch) bind(p *abi.Param, t *Tensor) error {
	what := fmt.Sprintf("%s of %s", p.Name, l.Kernel.Name)
	if t.Elem != p.Elem {
		return faultf(diag.LaunchElem, "%s takes %s, %s has %s", what, p.Elem, t.name(), t.Elem).
			hint("store it as %s, or change the parameter's element type", p.Elem)
	}
	if len(t.Shape) != len(p.Dims) {
		return faultf(diag.LaunchShape, "%s takes %d dimensions, %s has %d", what, len(p.Dims),
			t.name(), len(t.Shape))
	}
	want := p.Layout
	if want == tile.NoLayout {
		want = tile.RowMajor
	}
	if n := len(t.Shape); n >= 2 && t.Layout != want && t.Shape[n-1] > 1 && t.Shape[n-2] > 1 {
		return faultf(diag.LaunchLayout, "%s takes %s, %s is %s", what, want, t.name(), t.Layout).
			hint("store it as %s, or change the parameter's layout", want)
	}
	i := len(l.Tensors)
	l.Tensors = append(l.Tensors, t)
	for d, x := range p.Dims {
		if err := l.agree(i, d, x, t.Shape[d]); err != nil {
			return err
		}
	}
	return nil
}

// agree notes a dimension, or compares it with what another tensor gave.
func (l *Launch) agree(i, d int, x abi.Dim, n int) error {
	k := l.Kernel
	if x.Sym == "" {
		if x.Const > 0 && x.Const != n {
			return faultf(diag.LaunchShape, "dimension %d of %s of %s is %d, %s has %d", d,
				k.Params[i].Name, k.Name, x.Const, &l.Tensors[i].Spec, n)
		}
		return nil
	}
	for _, have := range l.Dims {
		if have.Sym != x.Sym {
			continue
		}
		if have.N != n {
			return faultf(diag.LaunchInner, "%s is %d from %s (%s) but %d from %s (%s)", x.Sym,
				have.N, k.Params[have.from].Name, &l.Tensors[have.from].Spec, n, k.Params[i].Name,
				&l.Tensors[i].Spec).hint("the dimensions they share must be equal")
		}
		return nil
	}
	l.Dims = append(l.Dims, Dim{x.Sym, n, i})
	return nil
}
