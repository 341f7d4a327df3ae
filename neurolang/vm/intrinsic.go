package vm

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"tensoros/neurolang/builtin"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/tile"
)

// intrinsic is what the language itself provides; arguments stand in the order of the table in
// package builtin, absent ones are Absent. Those that hostgen adds come last.
type intrinsic func(m *Machine, a []Value) (Value, error)

// intrinsics by name.
var intrinsics map[string]intrinsic

func init() {
	intrinsics = map[string]intrinsic{
		"print": (*Machine).print, "assert": (*Machine).assert, "assert_eq": (*Machine).assertEq,
		"assert_close": (*Machine).assertClose, "panic": panicked, "len": lengthOf,
		"str": (*Machine).str, "format": (*Machine).format, "concat": (*Machine).concat,

		"device::get": (*Machine).deviceGet, "device::count": (*Machine).deviceCount,
		"Tensor::load":    (*Machine).load,
		"Tensor::alloc":   maker(FillNone, -1, 2),
		"Tensor::zeros":   maker(FillZero, -1, 2),
		"Tensor::full":    maker(FillValue, 2, 3),
		"Tensor::randn":   maker(FillRandn, 2, 3),
		"Tensor::uniform": maker(FillUniform, 2, 3),
		"Tensor::iota":    maker(FillIota, -1, 2),
		"Tensor::from":    (*Machine).from,

		"Tensor.save": (*Machine).save, "Tensor.shape": tensorShape, "Tensor.dim": tensorDim,
		"Tensor.elem": tensorElem, "Tensor.to": (*Machine).to, "Tensor.copy": (*Machine).copy,
		"Tensor.t": (*Machine).transpose, "Tensor.reshape": (*Machine).reshape,
		"Tensor.array": (*Machine).array, "Tensor.item": (*Machine).item,
		"Tensor.free": (*Machine).freeNow, "Tensor.expect": expect,

		"Tensor.place": (*Machine).placed,

		"Array.push": (*Machine).push, "Array.pop": (*Machine).pop,
		"string.split": split, "string.trim": trim, "string.contains": contains,

		"abs": absolute, "max": larger, "min": smaller, "pow": power,
	}
	for name, f := range map[string]func(float64) float64{"exp": math.Exp, "ln": math.Log,
		"sqrt": math.Sqrt, "sin": math.Sin, "cos": math.Cos, "tanh": math.Tanh,
		"floor": math.Floor, "ceil": math.Ceil} {
		intrinsics[name] = func(_ *Machine, a []Value) (Value, error) {
			return FloatValue(f(a[0].number())), nil
		}
	}
}

// Known tells whether the machine has an intrinsic of this name.
func Known(name string) bool { return intrinsics[name] != nil }

// link resolves the sites and constants that the program has got since.
func (m *Machine) link() {
	for _, f := range m.prog.Funcs[len(m.consts):] {
		k := make([]Value, len(f.Consts))
		for i, c := range f.Consts {
			k[i] = constant(c)
		}
		m.consts = append(m.consts, k)
	}
	for _, s := range m.prog.Sites[len(m.sites):] {
		fn := intrinsics[s.Name]
		if host := m.opt.Host[s.Name]; host != nil {
			fn = func(_ *Machine, a []Value) (Value, error) {
				v, err := host(a)
				if err != nil {
					err = &fault{code: diag.BuiltinFailed, msg: s.Name + ": " + err.Error(),
						err: err}
				}
				return v, err
			}
		}
		if need := arity(s.Name); s.Args < need {
			fn = func(*Machine, []Value) (Value, error) {
				return Value{}, faultf(diag.BadCode, "the bytecode is damaged: %s takes %d "+
					"values, not %d", s.Name, need, s.Args)
			}
		}
		if fn == nil {
			fn = func(*Machine, []Value) (Value, error) {
				return Value{}, faultf(diag.BuiltinFailed, "the host offers no %s", s.Name)
			}
		}
		m.sites = append(m.sites, fn)
	}
}

// extra are the arguments that some intrinsics take beside those of the table.
var extra = map[string]int{"Tensor.expect": 3, "Tensor.t": 1, "Array.pop": 1,
	"Tensor.place": 5}

// arity is how many arguments an intrinsic takes at least; absent ones are there as Absent.
func arity(name string) int {
	f := builtin.Find(name)
	if f == nil {
		return 0
	}
	n := len(f.Params)
	if n > 0 && f.Params[n-1].Rest {
		n--
	}
	return n + extra[name]
}

// Text is a value as print writes it, tensors with their elements.
func (m *Machine) Text(v Value) (string, error) {
	if v.kind != TensorKind {
		return v.String(), nil
	}
	t, err := alive(v)
	if err != nil {
		return "", err
	}
	return m.show(t)
}

func (m *Machine) print(a []Value) (Value, error) {
	parts := make([]string, len(a))
	for i, v := range a {
		var err error
		if parts[i], err = m.Text(v); err != nil {
			return Value{}, err
		}
	}
	m.rt.Print(strings.Join(parts, " "))
	return Value{}, nil
}

func (m *Machine) str(a []Value) (Value, error) {
	s, err := m.Text(a[0])
	return StringValue(s), err
}

func (m *Machine) format(a []Value) (Value, error) {
	if a[0].kind == TensorKind && a[1].Str() == "" {
		return m.str(a)
	}
	s, err := format(a[0], a[1].Str())
	return StringValue(s), err
}

func panicked(_ *Machine, a []Value) (Value, error) {
	return Value{}, faultf(diag.Panicked, "%s", a[0].Str())
}

func lengthOf(_ *Machine, a []Value) (Value, error) { return length(a[0]) }

func absolute(_ *Machine, a []Value) (Value, error) {
	if a[0].kind == Float {
		return FloatValue(math.Abs(a[0].Float())), nil
	}
	i := a[0].Int()
	if i == math.MinInt64 {
		return Value{}, faultf(diag.ArithOverflow, "the absolute value of %d does not fit 64 bits",
			i)
	}
	return IntValue(max(i, -i)), nil
}

func larger(_ *Machine, a []Value) (Value, error) {
	if a[0].kind == Float {
		return FloatValue(math.Max(a[0].Float(), a[1].Float())), nil
	}
	return IntValue(max(a[0].Int(), a[1].Int())), nil
}

func smaller(_ *Machine, a []Value) (Value, error) {
	if a[0].kind == Float {
		return FloatValue(math.Min(a[0].Float(), a[1].Float())), nil
	}
	return IntValue(min(a[0].Int(), a[1].Int())), nil
}

// power is x to the power of y; of ints by squaring, and what does not fit is an error.
func power(_ *Machine, a []Value) (Value, error) {
	if a[0].kind == Float {
		return FloatValue(math.Pow(a[0].Float(), a[1].number())), nil
	}
	x, n := a[0].Int(), a[1].Int()
	if n < 0 {
		return Value{}, faultf(diag.OutOfRange, "an int to the power of %d is no int", n).
			hint("write pow(x as float, y)")
	}
	r := int64(1)
	for {
		var err error
		var v Value
		if n&1 != 0 {
			if v, err = arithI(mul, r, x); err != nil {
				return v, err
			}
			r = v.Int()
		}
		if n >>= 1; n == 0 {
			return IntValue(r), nil
		}
		if v, err = arithI(mul, x, x); err != nil {
			return v, err
		}
		x = v.Int()
	}
}

func (m *Machine) deviceCount([]Value) (Value, error) {
	return IntValue(int64(m.rt.Devices())), nil
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
	d, err := m.device(a[1])
	if err != nil {
		return Value{}, err
	}
	uri := a[0].Str()
	s, h, err := m.rt.Load(uri, d)
	switch {
	case errors.Is(err, ErrNotFound):
		help := "create it first, or make a tensor with Tensor::randn or Tensor::zeros"
		var missing *NotFound
		if errors.As(err, &missing) {
			help = missing.hint()
		}
		return Value{}, &fault{diag.NotFound, "there is no object " + uri, help, err}
	case err != nil:
		return Value{}, failed(err, "load %s", uri)
	}
	s.Device = d
	return TensorValue(m.own(s, h, uri)), nil
}

// shapeOf reads the dimensions of a new tensor.
func shapeOf(dims Value, e tile.Elem) ([]int, error) {
	bytes, shape := int64(max(e.Size(), 1)), []int{}
	for _, d := range dims.Array() {
		n := d.Int()
		if n < 0 || n > math.MaxInt32 || n > 0 && bytes > math.MaxInt64/n {
			return nil, faultf(diag.OutOfRange, "a dimension of %d cannot be", n)
		}
		bytes *= max(n, 1)
		shape = append(shape, int(n))
	}
	return shape, nil
}

// spec is the tensor that shape, elem, layout and device describe.
func (m *Machine) spec(shape, elem, layout, device Value) (Spec, error) {
	d, err := m.device(device)
	if err != nil {
		return Spec{}, err
	}
	s := Spec{Elem: tile.Elem(elem.n), Layout: tile.RowMajor, Device: d}
	if elem.kind != Elem || s.Elem.Size() == 0 {
		return s, badElem(elem)
	}
	if layout.kind == Layout && layout.n == uint64(tile.ColMajor) {
		s.Layout = tile.ColMajor
	}
	s.Shape, err = shapeOf(shape, s.Elem)
	return s, err
}

func badElem(v Value) error {
	return faultf(diag.BuiltinFailed, "%s is no element type of tensors", v)
}

// maker makes tensors of shape and elem; value is the place of the fill's argument, or -1; layout
// and device stand at rest.
func maker(kind FillKind, value, rest int) intrinsic {
	return func(m *Machine, a []Value) (Value, error) {
		s, err := m.spec(a[0], a[1], a[rest], a[rest+1])
		if err != nil {
			return Value{}, err
		}
		f := Fill{Kind: kind}
		if value >= 0 {
			f.Seed, f.Value = uint64(a[value].Int()), a[value].number()
			if a[value].kind == Bool {
				f.Value = float64(a[value].n)
			}
		}
		t, err := m.make(s, "")
		if err != nil || kind == FillNone || m.opt.Dry {
			return TensorValue(t), err
		}
		return m.fill(t, f.Bytes(&s))
	}
}

// from makes a tensor of the numbers of an array.
func (m *Machine) from(a []Value) (Value, error) {
	s, err := m.spec(a[1], a[2], a[3], a[4])
	if err != nil {
		return Value{}, err
	}
	flat := flatten(nil, a[0], maxDepth)
	if len(flat) != s.Count() {
		return Value{}, faultf(diag.LaunchShape, "%d numbers for %s, which has %d elements",
			len(flat), &s, s.Count())
	}
	t, err := m.make(s, "from")
	if err != nil {
		return Value{}, err
	}
	data, size := make([]byte, s.Bytes()), s.Elem.Size()
	s.places(func(i, at int) { Encode(s.Elem, data[at*size:], numeric(flat[i])) })
	return m.fill(t, data)
}

// numeric is a number or bool as a float.
func numeric(v Value) float64 {
	if v.kind == Bool {
		return float64(v.n)
	}
	return v.number()
}

// flatten gives the numbers of arrays in arrays, in order.
func flatten(out []Value, v Value, depth int) []Value {
	if v.kind != Array && v.kind != Tuple || depth == 0 {
		return append(out, v)
	}
	for _, p := range v.Parts() {
		out = flatten(out, p, depth-1)
	}
	return out
}

func split(_ *Machine, a []Value) (Value, error) {
	var out []Value
	for s := range strings.SplitSeq(a[0].Str(), a[1].Str()) {
		out = append(out, StringValue(s))
	}
	return ArrayValue(out), nil
}

func trim(_ *Machine, a []Value) (Value, error) {
	return StringValue(strings.TrimSpace(a[0].Str())), nil
}

func contains(_ *Machine, a []Value) (Value, error) {
	return BoolValue(strings.Contains(a[0].Str(), a[1].Str())), nil
}

func (m *Machine) push(a []Value) (Value, error) {
	o := a[0].object()
	if o == nil || a[0].kind != Array {
		return Value{}, fmt.Errorf("push on %s", a[0])
	}
	if len(o.Parts) >= m.opt.Size {
		return Value{}, m.tooLarge("an array", int64(len(o.Parts)+1))
	}
	o.Parts = append(o.Parts, a[1])
	return Value{}, nil
}

// pop takes the last element away; the last argument is the number of Some's shape, None's follows.
func (m *Machine) pop(a []Value) (Value, error) {
	o, some := a[0].object(), a[1].Int()
	if o == nil || some < 0 || some+1 >= int64(len(m.prog.Shapes)) {
		return Value{}, fmt.Errorf("pop on %s", a[0])
	}
	n := len(o.Parts) - 1
	shape := &m.prog.Shapes[some]
	if n < 0 {
		if shape = &m.prog.Shapes[some+1]; len(shape.Fields) == 0 {
			return m.shaped(shape, nil), nil
		}
		return Value{}, fmt.Errorf("pop without None")
	}
	v := o.Parts[n]
	o.Parts[n] = Value{}
	o.Parts = o.Parts[:n]
	if len(shape.Fields) != 1 {
		return Value{}, fmt.Errorf("pop without Some")
	}
	return m.shaped(shape, []Value{v}), nil
}
