package vm

import (
	"fmt"
	"math"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/program"
	"tensoros/neurolang/tile"
)

const mul = program.MulI

func (m *Machine) save(a []Value) (Value, error) {
	t, err := alive(a[0])
	if err != nil {
		return Value{}, err
	}
	if err := m.rt.Save(t, a[1].Str()); err != nil {
		return Value{}, failed(err, "save %s", a[1].Str())
	}
	return Value{}, nil
}

func tensorShape(_ *Machine, a []Value) (Value, error) {
	t, err := alive(a[0])
	if err != nil {
		return Value{}, err
	}
	out := make([]Value, len(t.Shape))
	for i, d := range t.Shape {
		out[i] = IntValue(int64(d))
	}
	return ArrayValue(out), nil
}

func tensorDim(_ *Machine, a []Value) (Value, error) {
	t, err := alive(a[0])
	if err != nil {
		return Value{}, err
	}
	return dimension(t, a[1].Int())
}

func tensorElem(_ *Machine, a []Value) (Value, error) {
	t, err := alive(a[0])
	if err != nil {
		return Value{}, err
	}
	return ElemValue(t.Elem), nil
}

func (m *Machine) to(a []Value) (Value, error) {
	t, err := alive(a[0])
	if err != nil {
		return Value{}, err
	}
	d, err := m.device(a[1])
	if err != nil {
		return Value{}, err
	}
	c, err := m.copyOf(t, d)
	return TensorValue(c), err
}

func (m *Machine) copy(a []Value) (Value, error) {
	t, err := alive(a[0])
	if err != nil {
		return Value{}, err
	}
	c, err := m.copyOf(t, t.Device)
	return TensorValue(c), err
}

// transpose takes the layout that the compiler knows of the result, or Absent.
func (m *Machine) transpose(a []Value) (Value, error) {
	t, err := alive(a[0])
	if err != nil {
		return Value{}, err
	}
	want := tile.NoLayout
	if a[1].kind == Layout {
		want = tile.Layout(a[1].n)
	}
	return m.transposed(t, want)
}

func (m *Machine) reshape(a []Value) (Value, error) {
	t, err := alive(a[0])
	if err != nil {
		return Value{}, err
	}
	return m.reshaped(t, a[1].Array())
}

func (m *Machine) array(a []Value) (Value, error) {
	t, err := alive(a[0])
	if err != nil {
		return Value{}, err
	}
	flat, err := m.numbers(t)
	return nested(flat, t.Shape), err
}

// numbers is all elements of a tensor in row-major order.
func (m *Machine) numbers(t *Tensor) ([]Value, error) {
	raw, err := m.image(t)
	if err != nil {
		return nil, err
	}
	out := make([]Value, t.Count())
	size := t.Elem.Size()
	t.places(func(i, at int) { out[i] = element(t.Elem, raw[at*size:]) })
	return out, nil
}

func (m *Machine) item(a []Value) (Value, error) {
	t, err := alive(a[0])
	if err != nil {
		return Value{}, err
	}
	if t.Count() != 1 {
		return Value{}, faultf(diag.OutOfRange, "%s has %d elements, not one", t.name(), t.Count()).
			hint("index it, or write .array()")
	}
	raw, err := m.image(t)
	if err != nil {
		return Value{}, err
	}
	return element(t.Elem, raw), nil
}

func (m *Machine) freeNow(a []Value) (Value, error) {
	err := m.drop(a[0], maxDepth)
	a[0] = Value{}
	return Value{}, err
}

// expect checks a tensor against what the compiler was told: elem, layout (Absent: any), and an
// array of dimensions (-1: any), or Absent for any rank.
func expect(_ *Machine, a []Value) (Value, error) {
	t, err := alive(a[0])
	if err != nil {
		return Value{}, err
	}
	if e := tile.Elem(a[1].n); a[1].kind == Elem && e != t.Elem {
		return Value{}, faultf(diag.LaunchElem, "%s has %s, not %s", t.name(), t.Elem, e)
	}
	if a[3].kind == Array {
		dims := a[3].Array()
		if len(dims) != len(t.Shape) {
			return Value{}, faultf(diag.LaunchShape, "%s has %d dimensions, not %d", t.name(),
				len(t.Shape), len(dims))
		}
		for i, d := range dims {
			if d.Int() >= 0 && d.Int() != int64(t.Shape[i]) {
				return Value{}, faultf(diag.LaunchShape, "dimension %d of %s is %d, not %d", i,
					t.name(), t.Shape[i], d.Int())
			}
		}
	}
	n := len(t.Shape)
	if l := tile.Layout(a[2].n); a[2].kind == Layout && l != t.Layout && n >= 2 &&
		t.Shape[n-1] > 1 && t.Shape[n-2] > 1 {
		return Value{}, faultf(diag.LaunchLayout, "%s is %s, not %s", t.name(), t.Layout, l)
	}
	return a[0], nil
}

func (m *Machine) assert(a []Value) (Value, error) {
	if a[0].Bool() {
		return Value{}, nil
	}
	return Value{}, broken("assertion failed", a[1])
}

// broken is an assertion that does not hold.
func broken(what string, message Value) error {
	if message.kind == String {
		what += ": " + message.Str()
	}
	return faultf(diag.AssertFailed, "%s", what)
}

func (m *Machine) assertEq(a []Value) (Value, error) {
	same := equal(a[0], a[1], maxDepth)
	if a[0].kind == TensorKind && a[1].kind == TensorKind {
		var err error
		if same, err = m.equalTensors(a[0], a[1]); err != nil {
			return Value{}, err
		}
	}
	if same {
		return Value{}, nil
	}
	x, err := m.Text(a[0])
	if err != nil {
		return Value{}, err
	}
	y, err := m.Text(a[1])
	if err != nil {
		return Value{}, err
	}
	return Value{}, broken(fmt.Sprintf("%s is not %s", x, y), a[2])
}

func (m *Machine) equalTensors(a, b Value) (bool, error) {
	x, y, err := m.pair(a, b)
	if err != nil || len(x) != len(y) {
		return false, err
	}
	for i := range x {
		if !equal(x[i], y[i], maxDepth) {
			return false, nil
		}
	}
	return true, nil
}

// pair is the numbers of two values; of tensors of different shapes not even as many.
func (m *Machine) pair(a, b Value) (x, y []Value, err error) {
	if s, t := a.Tensor(), b.Tensor(); s != nil && t != nil && !sameDims(s.Shape, t.Shape) {
		return nil, []Value{{}}, nil
	}
	for _, p := range []struct {
		v   Value
		out *[]Value
	}{{a, &x}, {b, &y}} {
		if p.v.kind != TensorKind {
			*p.out = flatten(nil, p.v, maxDepth)
			continue
		}
		t, err := alive(p.v)
		if err != nil {
			return nil, nil, err
		}
		if *p.out, err = m.numbers(t); err != nil {
			return nil, nil, err
		}
	}
	return x, y, nil
}

func sameDims(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// closeEnough is the tolerance of assert_close when none is given.
const closeEnough = 1e-5

func (m *Machine) assertClose(a []Value) (Value, error) {
	tol := closeEnough
	if a[2].kind != Absent {
		tol = a[2].number()
	}
	x, y, err := m.pair(a[0], a[1])
	if err != nil {
		return Value{}, err
	}
	if len(x) != len(y) {
		return Value{}, broken(fmt.Sprintf("%s and %s differ in shape", a[0], a[1]), Value{})
	}
	worst, at, far := 0.0, -1, 0
	for i := range x {
		p, q := numeric(x[i]), numeric(y[i])
		if p == q || p != p && q != q {
			continue
		}
		if d := math.Abs(p-q) / max(1, math.Abs(q)); !(d <= tol) {
			if far++; at < 0 || d > worst {
				worst, at = d, i
			}
		}
	}
	if far == 0 {
		return Value{}, nil
	}
	where := ""
	if len(x) > 1 {
		where = fmt.Sprintf("; the worst of %d of %d elements, number %d", far, len(x), at)
	}
	return Value{}, broken(fmt.Sprintf("%s is not close to %s: off by %.3g, the tolerance is %.3g%s",
		x[at], y[at], worst, tol, where), Value{})
}

// placed is the tensor that lies at byte a[1] of an arena: element type, dimensions, layout. The
// plans of graphs are made of it.
func (m *Machine) placed(a []Value) (Value, error) {
	t, err := alive(a[0])
	if err != nil {
		return Value{}, err
	}
	s, err := m.spec(a[3], a[2], a[4], DeviceValue(t.Device))
	if err != nil {
		return Value{}, err
	}
	at := a[1].Int()
	if room := int64(t.Bytes()) - at; at < 0 || at%arenaAlign != 0 || int64(s.Bytes()) > room {
		return Value{}, faultf(diag.BadCode, "%s at %d of %d bytes", &s, at, t.Bytes())
	}
	v := t.share(s, int(at))
	v.placed, v.Origin = true, "arena"
	return TensorValue(v), nil
}

// arenaAlign is what places in an arena are multiples of.
const arenaAlign = 256
