package vm

import (
	"fmt"
	"slices"
	"strings"

	"tensoros/neurolang/tile"
)

// Device is a GPU as the runtime knows it.
type Device struct {
	Index  int
	Name   string
	Handle any
}

// Spec describes a tensor. Layout is the order of the last two dimensions; all others are slower.
type Spec struct {
	Shape  []int
	Elem   tile.Elem
	Layout tile.Layout
	Device Device
}

// Count returns the number of elements.
func (s *Spec) Count() int {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	return n
}

// Bytes returns the size in memory.
func (s *Spec) Bytes() int { return s.Count() * s.Elem.Size() }

// String returns the type as source text writes it; RowMajor is the default and left out.
func (s *Spec) String() string {
	parts := make([]string, len(s.Shape))
	for i, d := range s.Shape {
		parts[i] = fmt.Sprint(d)
	}
	text := fmt.Sprintf("Tensor<[%s], %s", strings.Join(parts, ", "), s.Elem)
	if s.colMajor() {
		text += ", Layout::ColMajor"
	}
	return text + ">"
}

// colMajor tells that the layout is not that of rows; with one row or column both are the same.
func (s *Spec) colMajor() bool {
	n := len(s.Shape)
	return s.Layout == tile.ColMajor && n >= 2 && s.Shape[n-1] != 1 && s.Shape[n-2] != 1
}

// place returns where an element lies, counted in elements from the first one.
func (s *Spec) place(index []int) int {
	n := len(index)
	if s.Layout != tile.ColMajor || n < 2 {
		return flat(s.Shape, index)
	}
	lead := flat(s.Shape[:n-2], index[:n-2])
	return (lead*s.Shape[n-1]+index[n-1])*s.Shape[n-2] + index[n-2]
}

// flat is the row-major number of an element.
func flat(shape, index []int) int {
	at := 0
	for d, i := range index {
		at = at*shape[d] + i
	}
	return at
}

// places calls fn for every element in row-major order with where it lies.
func (s *Spec) places(fn func(logical, place int)) {
	if !s.colMajor() {
		for i := range s.Count() {
			fn(i, i)
		}
		return
	}
	n := len(s.Shape)
	rows, cols := s.Shape[n-2], s.Shape[n-1]
	logical := 0
	for base := 0; base < s.Count(); base += rows * cols {
		for r := range rows {
			for c := range cols {
				fn(logical, base+c*rows+r)
				logical++
			}
		}
	}
}

// Store is memory of a device that tensors share. It is freed when the last of them goes.
type Store struct {
	Handle any // the runtime's own
	refs   int
	mark   int
	prev   *Store // in the machine's list of live ones
	next   *Store
}

// Tensor is a tensor, or a view that shares the memory of one: Offset is where it starts, in
// bytes. Origin says in messages where it comes from.
type Tensor struct {
	Spec
	*Store
	Offset int
	Origin string
	placed bool // in an arena, which others use too
}

// name is what messages call the tensor.
func (t *Tensor) name() string {
	if t.Origin == "" {
		return "the tensor"
	}
	return t.Origin
}

// whole tells that the elements of these ranges lie one after the other, and where they start.
func (s *Spec) whole(lo, n []int) (place int, ok bool) {
	order := make([]int, len(n))
	for i := range order {
		order[i] = i
	}
	if d := len(n); s.Layout == tile.ColMajor && d >= 2 {
		order[d-1], order[d-2] = d-2, d-1
	}
	// From the fastest dimension on: whole ones, then one that is cut, then single indices.
	cut := false
	for _, d := range slices.Backward(order) {
		if cut && n[d] != 1 {
			return 0, false
		}
		cut = cut || n[d] != s.Shape[d]
	}
	return s.place(lo), true
}
