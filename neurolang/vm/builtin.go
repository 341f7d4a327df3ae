package vm

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/tile"
)

// builtins by name; arguments in the order of the checker's table, absent ones Absent.
var builtins map[string]func(m *Machine, a []Value) (Value, error)

func init() {
	builtins = map[string]func(m *Machine, a []Value) (Value, error){
		"print": (*Machine).print, "assert": (*Machine).assert, "len": (*Machine).length,
		"int": (*Machine).toInt, "float": (*Machine).toFloat,
		"str": func(_ *Machine, a []Value) (Value, error) {
			return StringValue(a[0].String()),
				nil
		},
		"sqrt": func(_ *Machine, a []Value) (Value,
			error) {
			return FloatValue(math.Sqrt(a[0].Float())), nil
		},
		"abs": (*Machine).abs,
		"max": func(_ *Machine, a []Value) (Value, error) { return pick(a[0], a[1], true), nil },
		"min": func(_ *Machine, a []Value) (Value, error) { return pick(a[0], a[1], false), nil },

		"device::get": (*Machine).deviceGet,
		"device::count": func(m *Machine, _ []Value) (Value,
			error) {
			return IntValue(int64(m.rt.Devices())), nil
		},
		"Tensor::load": (*Machine).load,
		"Tensor::alloc": func(m *Machine, a []Value) (Value, error) {
			return m.alloc(a[0], a[1], a[2], a[3], Fill{Kind: FillNone})
		},
		"Tensor::zeros": func(m *Machine, a []Value) (Value, error) {
			return m.alloc(a[0], a[1], a[2], a[3], Fill{Kind: FillZero})
		},
		"Tensor::randn": func(m *Machine, a []Value) (Value, error) {
			return m.alloc(a[0], a[1], a[3], a[4], Fill{FillRandn, uint64(a[2].Int())})
		},
		"Tensor.view": func(_ *Machine, a []Value) (Value, error) { return a[0], nil },
		"Tensor.save": func(m *Machine, a []Value) (Value, error) {
			return Value{}, m.rt.Save(a[0].Tensor(), a[1].Str())
		},
		"Tensor.shape": func(_ *Machine, a []Value) (Value, error) {
			var out []Value
			for _, d := range a[0].Tensor().Shape {
				out = append(out, IntValue(int64(d)))
			}
			return ArrayValue(out), nil
		},
	}
}

func (m *Machine) builtin(name string, args []Value) (Value, error) {
	if fn := builtins[name]; fn != nil {
		return fn(m, args)
	}
	fn := m.opt.Host[name]
	if fn == nil {
		return Value{}, faultf(diag.BuiltinFailed, "the host offers no %s", name)
	}
	v, err := fn(args)
	if err != nil {
		return v, &fault{code: diag.BuiltinFailed, msg: name + ": " + err.Error(), err: err}
	}
	return v, nil
}

func (m *Machine) print(a []Value) (Value, error) {
	parts := make([]string, len(a))
	for i, v := range a {
		parts[i] = v.String()
	}
	m.rt.Print(strings.Join(parts, " "))
	return Value{}, nil
}

func (m *Machine) assert(a []Value) (Value, error) {
	if a[0].Bool() {
		return Value{}, nil
	}
	msg := "assertion failed"
	if a[1].kind == String {
		msg += ": " + a[1].Str()
	}
	return Value{}, faultf(diag.AssertFailed, "%s", msg)
}

func (m *Machine) length(a []Value) (Value, error) {
	if a[0].kind == String {
		return IntValue(int64(len(a[0].Str()))), nil
	}
	return IntValue(int64(len(a[0].Array()))), nil
}

func (m *Machine) toInt(a []Value) (Value, error) {
	if a[0].kind == Int {
		return a[0], nil
	}
	f := a[0].Float()
	if !(f > -0x1p63 && f < 0x1p63) {
		return Value{}, faultf(diag.ArithOverflow, "%s does not fit an int", formatFloat(f))
	}
	return IntValue(int64(f)), nil
}

func (m *Machine) toFloat(a []Value) (Value, error) {
	if a[0].kind == Float {
		return a[0], nil
	}
	return FloatValue(float64(a[0].Int())), nil
}

func (m *Machine) abs(a []Value) (Value, error) {
	if a[0].kind == Float {
		return FloatValue(math.Abs(a[0].Float())), nil
	}
	if i := a[0].Int(); i == math.MinInt64 {
		return Value{}, faultf(diag.ArithOverflow, "the absolute value of %d does not fit 64 bits",
			i)
	} else if i < 0 {
		return IntValue(-i), nil
	}
	return a[0], nil
}

func pick(x, y Value, larger bool) Value {
	less := x.Int() < y.Int()
	if x.kind == Float {
		if larger {
			return FloatValue(math.Max(x.Float(), y.Float()))
		}
		return FloatValue(math.Min(x.Float(), y.Float()))
	}
	if less == larger {
		return y
	}
	return x
}

func (m *Machine) deviceGet(a []Value) (Value, error) {
	i, n := a[0].Int(), m.rt.Devices()
	if i < 0 || i >= int64(n) {
		f := faultf(diag.OutOfRange, "there is no device %d", i)
		if n > 0 {
			return Value{}, f.hint("the devices are 0 to %d", n-1)
		}
		return Value{}, f.hint("this machine has no GPU")
	}
	d, err := m.rt.Device(int(i))
	return DeviceValue(d), err
}

// device returns the device an optional argument names; device 0 by default.
func (m *Machine) device(v Value) (Device, error) {
	if v.kind == DeviceKind {
		return v.Device(), nil
	}
	d, err := m.deviceGet([]Value{IntValue(0)})
	return d.Device(), err
}

func (m *Machine) load(a []Value) (Value, error) {
	dev, err := m.device(a[1])
	if err != nil {
		return Value{}, err
	}
	t, err := m.rt.Load(a[0].Str(), dev)
	switch {
	case errors.Is(err, ErrNotFound):
		help := "create it first, or make a tensor with Tensor::randn or Tensor::zeros"
		var missing *NotFound
		if errors.As(err, &missing) {
			help = missing.hint()
		}
		what := fmt.Sprintf("there is no object %s", a[0].Str())
		return Value{}, &fault{diag.NotFound, what, help, err}
	case err != nil:
		return Value{}, &fault{diag.DeviceFailed, fmt.Sprintf("load %s: %v", a[0].Str(), err), "",
			err}
	}
	return TensorValue(t), nil
}

func (m *Machine) alloc(shape, elem, layout, device Value, fill Fill) (Value, error) {
	dev, err := m.device(device)
	if err != nil {
		return Value{}, err
	}
	s := Spec{Elem: tile.Elem(elem.n), Layout: tile.RowMajor, Device: dev}
	if layout.kind == Layout {
		s.Layout = tile.Layout(layout.n)
	}
	dims := shape.Array()
	if len(dims) < 1 || len(dims) > 2 {
		return Value{}, faultf(diag.LaunchShape, "a tensor has 1 or 2 dimensions, not %d",
			len(dims))
	}
	bytes := int64(s.Elem.Size())
	for _, d := range dims {
		n := d.Int()
		if n < 1 || n > math.MaxInt32 || bytes > math.MaxInt64/n {
			return Value{}, faultf(diag.OutOfRange, "a dimension of %d cannot be", n)
		}
		bytes *= n
		s.Shape = append(s.Shape, int(n))
	}
	if !s.Elem.Executable() {
		return Value{}, faultf(diag.ElemNotYet, "tensors of %s are not there yet", s.Elem)
	}
	t, err := m.rt.Alloc(s, fill)
	if err != nil {
		return Value{}, &fault{diag.DeviceFailed, fmt.Sprintf("allocate %s: %v", s, err), "", err}
	}
	return TensorValue(t), nil
}

func index(a []Value, i int64) (Value, error) {
	if i < 0 || i >= int64(len(a)) {
		return Value{}, outOfRange(i, len(a), "array")
	}
	return a[i], nil
}

func outOfRange(i int64, n int, what string) error {
	return faultf(diag.OutOfRange, "index %d is outside of the %s", i, what).
		hint("its indices are 0 to %d", n-1)
}

// bounds checks an int or range against a length and returns where it starts and how long it is.
func bounds(v Value, n int, what string) (lo, count int, err error) {
	if v.kind == Int {
		if v.Int() < 0 || v.Int() >= int64(n) {
			return 0, 0, outOfRange(v.Int(), n, what)
		}
		return int(v.Int()), 1, nil
	}
	r := v.span()
	if r.lo < 0 || r.hi > int64(n) || r.lo > r.hi {
		return 0, 0, faultf(diag.OutOfRange, "%d..%d is outside of the %s", r.lo, r.hi, what).
			hint("it runs over 0..%d", n)
	}
	return int(r.lo), int(r.hi - r.lo), nil
}

// tensorIndex reads elements: a float for ints, an array for each range.
func (m *Machine) tensorIndex(t *Tensor, idx []Value) (Value, error) {
	if len(idx) != len(t.Shape) {
		return Value{}, faultf(diag.OutOfRange, "%d indices on a tensor of %d dimensions", len(idx),
			len(t.Shape))
	}
	rows, cols := t.Dims()
	names := []string{"rows", "columns"}
	at := [2]struct{ lo, n int }{{0, 1}, {0, 1}}
	for i, v := range idx {
		d := i + 2 - len(idx)
		lo, n, err := bounds(v, []int{rows, cols}[d], "tensor's "+names[d])
		if err != nil {
			return Value{}, err
		}
		at[d].lo, at[d].n = lo, n
	}
	reg := Region{at[0].lo, at[1].lo, at[0].n, at[1].n}
	var data []float64
	if reg.Rows*reg.Cols > 0 {
		var err error
		if data, err = m.rt.Read(t, reg); err != nil {
			return Value{}, &fault{diag.DeviceFailed, fmt.Sprintf("read %s: %v", t.Spec, err), "",
				err}
		}
		if len(data) != reg.Rows*reg.Cols {
			return Value{}, faultf(diag.DeviceFailed, "read %d elements, got %d", reg.Rows*reg.Cols,
				len(data))
		}
	}
	return shaped(data, reg, idx), nil
}

func shaped(data []float64, r Region, idx []Value) Value {
	last := idx[len(idx)-1].kind == Range
	row := func(d []float64) Value {
		out := make([]Value, len(d))
		for i, x := range d {
			out[i] = FloatValue(x)
		}
		return ArrayValue(out)
	}
	switch {
	case len(idx) == 2 && idx[0].kind == Range && last:
		var out []Value
		for i := 0; i < r.Rows; i++ {
			out = append(out, row(data[i*r.Cols:(i+1)*r.Cols]))
		}
		return ArrayValue(out)
	case last || idx[0].kind == Range:
		return row(data)
	}
	return FloatValue(data[0])
}
