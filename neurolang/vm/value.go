package vm

import (
	"math"

	"tensoros/neurolang/program"
	"tensoros/neurolang/tile"
)

// Kind is the kind of a host value.
type Kind uint8

// Kinds. Absent is unit, an optional argument not given, and what is left of a value that moved.
const (
	Absent Kind = iota
	Bool
	Int
	Float
	String
	Range
	DeviceKind
	Elem
	Layout
	TensorKind
	Tuple
	Array
	Struct
	Enum
	Func
	Ref // an exclusive reference: field n of an object
	box
)

// Value is a host value. The zero Value is Absent.
type Value struct {
	n    uint64
	ref  any
	kind Kind
	lent bool // borrowed: whoever drops it frees nothing
}

// Object is what is made of other values: the parts of a tuple, array, struct or variant, or what
// a function captured. An exclusive reference is an object and the number of a part.
type Object struct {
	Parts []Value
	Shape *program.Shape // of structs and variants
}

type rangeValue struct{ lo, hi int64 }

// BoolValue, IntValue and their kin make values.
func BoolValue(b bool) Value {
	if b {
		return Value{kind: Bool, n: 1}
	}
	return Value{kind: Bool}
}

// IntValue makes an int.
func IntValue(i int64) Value { return Value{kind: Int, n: uint64(i)} }

// FloatValue makes a float.
func FloatValue(f float64) Value { return Value{kind: Float, n: math.Float64bits(f)} }

// StringValue makes a string.
func StringValue(s string) Value { return Value{kind: String, ref: s} }

// RangeValue makes lo..hi.
func RangeValue(lo, hi int64) Value { return Value{kind: Range, ref: rangeValue{lo, hi}} }

// DeviceValue makes a device.
func DeviceValue(d Device) Value { return Value{kind: DeviceKind, ref: d} }

// ElemValue makes an element type.
func ElemValue(e tile.Elem) Value { return Value{kind: Elem, n: uint64(e)} }

// LayoutValue makes a layout.
func LayoutValue(l tile.Layout) Value { return Value{kind: Layout, n: uint64(l)} }

// TensorValue makes a value that owns a tensor.
func TensorValue(t *Tensor) Value { return Value{kind: TensorKind, ref: t} }

// ArrayValue makes an array that shares vs.
func ArrayValue(vs []Value) Value { return Value{kind: Array, ref: &Object{Parts: vs}} }

// TupleValue makes a tuple that shares vs.
func TupleValue(vs []Value) Value { return Value{kind: Tuple, ref: &Object{Parts: vs}} }

// Kind returns the kind.
func (v Value) Kind() Kind { return v.kind }

// Bool returns a bool's value, false for other kinds.
func (v Value) Bool() bool { return v.kind == Bool && v.n != 0 }

// Int returns an int's value, 0 for other kinds.
func (v Value) Int() int64 {
	if v.kind != Int {
		return 0
	}
	return int64(v.n)
}

// Float returns a float's value, 0 for other kinds.
func (v Value) Float() float64 {
	if v.kind != Float {
		return 0
	}
	return math.Float64frombits(v.n)
}

// number returns an int or float as a float.
func (v Value) number() float64 {
	if v.kind == Int {
		return float64(int64(v.n))
	}
	return v.Float()
}

// Str returns a string's value, "" for other kinds.
func (v Value) Str() string {
	if v.kind != String {
		return ""
	}
	s, _ := v.ref.(string)
	return s
}

// Tensor returns a tensor, nil for other kinds.
func (v Value) Tensor() *Tensor {
	if v.kind != TensorKind {
		return nil
	}
	t, _ := v.ref.(*Tensor)
	return t
}

// Device returns a device, the zero Device for other kinds.
func (v Value) Device() Device {
	if v.kind != DeviceKind {
		return Device{}
	}
	d, _ := v.ref.(Device)
	return d
}

// Array returns an array's elements, nil for other kinds.
func (v Value) Array() []Value {
	if o := v.object(); o != nil && v.kind == Array {
		return o.Parts
	}
	return nil
}

// Parts returns what a tuple, array, struct or variant is made of.
func (v Value) Parts() []Value {
	if o := v.object(); o != nil {
		return o.Parts
	}
	return nil
}

// object returns what a compound value is made of, nil for other kinds.
func (v Value) object() *Object {
	if v.kind < Tuple || v.kind == Ref {
		return nil
	}
	o, _ := v.ref.(*Object)
	return o
}

func (v Value) span() rangeValue {
	if v.kind != Range {
		return rangeValue{}
	}
	r, _ := v.ref.(rangeValue)
	return r
}

// target returns the place that a reference names, or nil.
func (v Value) target() *Value {
	if v.kind != Ref {
		return nil
	}
	o, _ := v.ref.(*Object)
	if o == nil || v.n >= uint64(len(o.Parts)) {
		return nil
	}
	return &o.Parts[v.n]
}

// maxDepth bounds how deep values are looked into: bytecode that no compiler made may tie knots.
const maxDepth = 100

// copied returns a value that shares no parts with v.
func (v Value) copied(depth int) Value {
	o := v.object()
	if o == nil || v.kind == Func || depth == 0 {
		return v
	}
	c := &Object{Parts: make([]Value, len(o.Parts)), Shape: o.Shape}
	for i, p := range o.Parts {
		c.Parts[i] = p.copied(depth - 1)
	}
	v.ref = c
	return v
}

// equal compares part by part; tensors and functions by identity.
func equal(a, b Value, depth int) bool {
	if a.kind != b.kind || depth == 0 {
		return false
	}
	switch a.kind {
	case Absent:
		return true
	case Float:
		return a.Float() == b.Float()
	case String:
		return a.Str() == b.Str()
	case Range:
		return a.span() == b.span()
	case DeviceKind:
		return a.Device().Index == b.Device().Index
	case TensorKind:
		return a.Tensor() == b.Tensor()
	case Func, Ref:
		return a.n == b.n && a.ref == b.ref
	}
	x, y := a.object(), b.object()
	if x == nil || y == nil {
		return x == y && a.n == b.n
	}
	if len(x.Parts) != len(y.Parts) || !sameShape(x.Shape, y.Shape) {
		return false
	}
	for i := range x.Parts {
		if !equal(x.Parts[i], y.Parts[i], depth-1) {
			return false
		}
	}
	return true
}

func sameShape(a, b *program.Shape) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Type == b.Type && a.Tag == b.Tag
}
