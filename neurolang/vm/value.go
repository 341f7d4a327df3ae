package vm

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"tensoros/neurolang/tile"
)

// Kind is the kind of a host value.
type Kind uint8

// Kinds. Absent is an optional argument not given, or the result of a function without one.
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
	Array
)

// Value is a host value. The zero Value is Absent.
type Value struct {
	kind Kind
	n    uint64
	ref  any
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

// DeviceValue makes a device.
func DeviceValue(d Device) Value { return Value{kind: DeviceKind, ref: d} }

// TensorValue makes a tensor (or a view of it).
func TensorValue(t *Tensor) Value { return Value{kind: TensorKind, ref: t} }

// ArrayValue makes an array that shares vs.
func ArrayValue(vs []Value) Value { return Value{kind: Array, ref: vs} }

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

// Str returns a string's value, "" for other kinds.
func (v Value) Str() string { s, _ := v.ref.(string); return s }

// Tensor returns a tensor, nil for other kinds.
func (v Value) Tensor() *Tensor { t, _ := v.ref.(*Tensor); return t }

// Device returns a device, the zero Device for other kinds.
func (v Value) Device() Device { d, _ := v.ref.(Device); return d }

// Array returns an array's elements, nil for other kinds.
func (v Value) Array() []Value { a, _ := v.ref.([]Value); return a }

func (v Value) span() rangeValue { r, _ := v.ref.(rangeValue); return r }

// String returns the value as print writes it.
func (v Value) String() string {
	switch v.kind {
	case Bool:
		return strconv.FormatBool(v.n != 0)
	case Int:
		return strconv.FormatInt(int64(v.n), 10)
	case Float:
		return formatFloat(v.Float())
	case String:
		return v.Str()
	case Range:
		return fmt.Sprintf("%d..%d", v.span().lo, v.span().hi)
	case DeviceKind:
		return fmt.Sprintf("device %d (%s)", v.Device().Index, v.Device().Name)
	case Elem:
		return tile.Elem(v.n).String()
	case Layout:
		return "Layout::" + tile.Layout(v.n).String()
	case TensorKind:
		t := v.Tensor()
		return fmt.Sprintf("Tensor<%s>", t.Spec)
	case Array:
		parts := make([]string, len(v.Array()))
		for i, x := range v.Array() {
			parts[i] = x.String()
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return "()"
}

// formatFloat writes the shortest decimal that reads back to the same float, as binary32 if the
// value is one: most come from tensors.
func formatFloat(f float64) string {
	size := 64
	if float64(float32(f)) == f {
		size = 32
	}
	s := strconv.FormatFloat(f, 'g', -1, size)
	if strings.Trim(s, "-0123456789") == "" {
		s += ".0"
	}
	return s
}
