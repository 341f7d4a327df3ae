package tir

import (
	"fmt"
	"slices"
	"strings"

	"tensoros/neurolang/tile"
)

// Scalar is the type of one element.
func Scalar(e tile.Elem) Type { return Type{Elem: e} }

// Of is the type of a tile of these dimensions.
func Of(e tile.Elem, dims ...int) Type { return Type{Dims: dims, Elem: e} }

// Rank returns the number of dimensions.
func (t Type) Rank() int { return len(t.Dims) }

// Len returns the number of elements.
func (t Type) Len() int {
	n := 1
	for _, d := range t.Dims {
		n *= d
	}
	return n
}

// With returns the type with another element type.
func (t Type) With(e tile.Elem) Type { return Type{t.Dims, e} }

// Keep returns the type with dimension axis of length n.
func (t Type) Keep(axis, n int) Type {
	d := slices.Clone(t.Dims)
	d[axis] = n
	return Type{d, t.Elem}
}

// SameShape compares dimensions.
func (t Type) SameShape(u Type) bool { return slices.Equal(t.Dims, u.Dims) }

// Equal compares types.
func (t Type) Equal(u Type) bool { return t.Elem == u.Elem && t.SameShape(u) }

// String returns the text form: f32, f16[128,64].
func (t Type) String() string {
	if len(t.Dims) == 0 {
		return t.Elem.String()
	}
	s := make([]string, len(t.Dims))
	for i, d := range t.Dims {
		s[i] = fmt.Sprint(d)
	}
	return t.Elem.String() + "[" + strings.Join(s, ",") + "]"
}

// maxElems bounds a tile, so that no text asks for more than an interpreter can hold.
const maxElems = 1 << 22

func (t Type) check() error {
	if t.Elem == tile.NoElem {
		return fmt.Errorf("a value has no element type")
	}
	n := 1
	for _, d := range t.Dims {
		if d < 1 || d > maxElems || n > maxElems/d {
			return fmt.Errorf("a tile cannot be %s", t)
		}
		n *= d
	}
	if len(t.Dims) > 8 {
		return fmt.Errorf("a tile has at most 8 dimensions, not %d", len(t.Dims))
	}
	return nil
}
