package vm

import (
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/program"
)

// stepValue executes instructions on compound values and places.
func (m *Machine) stepValue(r *regs, in program.Instr) error {
	var v Value
	var err error
	d, x, y := &r[in.A()], &r[in.B()], &r[in.C()]
	switch op := in.Op(); op {
	case program.Take:
		v, *x = *x, Value{}
	case program.Copy:
		v = x.copied(maxDepth)
	case program.Drop:
		err = m.drop(*d, maxDepth)
	case program.Borrow:
		v = *x
		v.lent = true
	case program.GetG:
		v, err = m.getGlobal(in.Bx())
	case program.TakeG:
		v, err = m.getGlobal(in.Bx())
		m.globals.Parts[in.Bx()] = Value{}
	case program.DropG:
		g := &m.globals.Parts[in.Bx()]
		v, *g = *g, Value{}
		return m.drop(v, maxDepth)
	case program.SetG:
		m.globals.Parts[in.Bx()] = *d
		return nil
	case program.RefG:
		v = Value{kind: Ref, n: uint64(in.Bx()), ref: &m.globals}
	case program.Tuple:
		v = TupleValue(append([]Value(nil), r[in.B():in.B()+in.C()]...))
	case program.Array:
		v = ArrayValue(append([]Value(nil), r[in.B():in.B()+in.C()]...))
	case program.Fill:
		v, err = m.repeat(*x, y.Int())
	case program.Make:
		v = m.shaped(&m.prog.Shapes[in.Bx()], r[in.A():])
	case program.Range:
		v = RangeValue(x.Int(), y.Int())
	case program.Lo:
		v = IntValue(x.span().lo)
	case program.Hi:
		v = IntValue(x.span().hi)
	case program.Tag:
		v, err = tag(*x)
	case program.Slice:
		v, err = slice(x.Array(), *y)
	case program.Len:
		v, err = length(*x)
	case program.Box:
		v = Value{kind: box, ref: &Object{Parts: []Value{*x}}}
	case program.TIndex, program.TView, program.TSlice:
		v, err = m.tensorIndex(op, *x, r[in.A():in.A()+in.C()])
	case program.Dim:
		v, err = dimension(x.Tensor(), int64(in.C()))
	case program.Field, program.TakeF, program.SetF, program.RefF, program.Index, program.TakeI,
		program.SetI, program.RefI, program.Deref, program.TakeD, program.SetD:
		return m.stepPlace(r, in)
	case program.Cat:
		v, err = m.cat(*x, *y)
	default:
		v, err = operate(op, *x, *y)
	}
	if err == nil {
		*d = v
	}
	return err
}

// stepPlace reads, takes, writes or borrows a part of a value.
func (m *Machine) stepPlace(r *regs, in program.Instr) error {
	d, x, y := &r[in.A()], &r[in.B()], &r[in.C()]
	var p *Value
	var of *Object
	var at int
	var err error
	switch in.Op() {
	case program.Field, program.TakeF, program.RefF:
		of, at = x.object(), in.C()
	case program.SetF:
		of, at = d.object(), in.B()
	case program.SetI:
		of, at, err = elementAt(*d, *x)
	case program.Index, program.TakeI, program.RefI:
		of, at, err = elementAt(*x, *y)
	case program.SetD:
		p = d.target()
	default:
		p = x.target()
	}
	if err != nil {
		return err
	}
	if of != nil && at < len(of.Parts) {
		p = &of.Parts[at]
	}
	if p == nil {
		return badCode(in.Op(), x.String())
	}
	switch in.Op() {
	case program.Field, program.Index, program.Deref:
		*d = *p
	case program.TakeF, program.TakeI, program.TakeD:
		*d, *p = *p, Value{}
	case program.SetF, program.SetI:
		*p = *y
	case program.SetD:
		*p = *x
	case program.RefF, program.RefI:
		*d = Value{kind: Ref, n: uint64(at), ref: of}
	}
	return nil
}

// elementAt finds an element of an array.
func elementAt(a, i Value) (*Object, int, error) {
	o := a.object()
	if o == nil || a.kind != Array {
		return nil, 0, badCode(program.Index, a.String())
	}
	if i.Int() < 0 || i.Int() >= int64(len(o.Parts)) {
		return nil, 0, outOfRange(i.Int(), len(o.Parts), "array")
	}
	return o, int(i.Int()), nil
}

// shaped makes a struct or a variant of the first values.
func (m *Machine) shaped(s *program.Shape, from []Value) Value {
	v := Value{kind: Struct, ref: &Object{Shape: s,
		Parts: append([]Value(nil), from[:len(s.Fields)]...)}}
	if s.Variant != "" {
		v.kind = Enum
	}
	return v
}

func tag(v Value) (Value, error) {
	o := v.object()
	if o == nil || o.Shape == nil {
		return Value{}, badCode(program.Tag, v.String())
	}
	return IntValue(int64(o.Shape.Tag)), nil
}

// slice is a copy of elements; tensors among them are lent, for they have one owner.
func slice(vs []Value, part Value) (Value, error) {
	lo, n, err := bounds(part, len(vs), "array")
	if err != nil {
		return Value{}, err
	}
	out := make([]Value, n)
	for i, v := range vs[lo : lo+n] {
		out[i] = v.copied(maxDepth)
		out[i].lent = v.lent || v.kind == TensorKind
	}
	return ArrayValue(out), nil
}

// tooLarge is an array or string that may not be.
func (m *Machine) tooLarge(what string, n int64) error {
	return faultf(diag.OutOfRange, "%s of %d elements cannot be", what, n).
		hint("%d are the most", m.opt.Size)
}

func (m *Machine) repeat(x Value, n int64) (Value, error) {
	if n < 0 || n > int64(m.opt.Size) {
		return Value{}, m.tooLarge("an array", n)
	}
	out := make([]Value, n)
	for i := range out {
		out[i] = x.copied(maxDepth)
	}
	return ArrayValue(out), nil
}

// cat joins strings or arrays.
func (m *Machine) cat(x, y Value) (Value, error) {
	if x.kind == Array {
		a, b := x.Array(), y.Array()
		if len(a)+len(b) > m.opt.Size {
			return Value{}, m.tooLarge("an array", int64(len(a)+len(b)))
		}
		return ArrayValue(append(a[:len(a):len(a)], b...)), nil
	}
	return m.concat([]Value{x, y})
}

// concat joins strings.
func (m *Machine) concat(a []Value) (Value, error) {
	n := 0
	for _, v := range a {
		n += len(v.Str())
	}
	if n > m.opt.Size {
		return Value{}, m.tooLarge("a string", int64(n))
	}
	var b strings.Builder
	for _, v := range a {
		b.WriteString(v.Str())
	}
	return StringValue(b.String()), nil
}

func length(v Value) (Value, error) {
	switch v.kind {
	case String:
		return IntValue(int64(len(v.Str()))), nil
	case Array, Tuple:
		return IntValue(int64(len(v.Parts()))), nil
	case Range:
		return IntValue(max(v.span().hi-v.span().lo, 0)), nil
	}
	return Value{}, badCode(program.Len, v.String())
}

func (m *Machine) getGlobal(i int) (Value, error) {
	v := m.globals.Parts[i]
	if v.kind == Absent {
		return v, faultf(diag.Unset, "%s has no value: the line that was to set it failed",
			m.prog.Globals[i])
	}
	return v, nil
}

func outOfRange(i int64, n int, what string) error {
	f := faultf(diag.OutOfRange, "index %d is outside of the %s", i, what)
	if n == 0 {
		return f.hint("it is empty")
	}
	return f.hint("its indices are 0 to %d", n-1)
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
	if v.kind != Range || r.lo < 0 || r.hi > int64(n) || r.lo > r.hi {
		return 0, 0, faultf(diag.OutOfRange, "%s is outside of the %s", v, what).
			hint("it runs over 0..%d", n)
	}
	return int(r.lo), int(r.hi - r.lo), nil
}
