package vm

import (
	"fmt"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/program"
	"tensoros/neurolang/tile"
)

// dimensionName is what messages call a dimension.
func dimensionName(d int) string { return fmt.Sprintf("tensor's dimension %d", d) }

// dimension is one dimension of a tensor; negative axes count from the end.
func dimension(t *Tensor, axis int64) (Value, error) {
	if t == nil {
		return Value{}, badCode(program.Dim, "no tensor")
	}
	n := int64(len(t.Shape))
	if axis < -n || axis >= n {
		return Value{}, faultf(diag.OutOfRange, "axis %d of %s, which has %d dimensions", axis,
			t.name(), n)
	}
	return IntValue(int64(t.Shape[(axis+n)%n])), nil
}

// each calls fn for all indices of a box, in row-major order.
func each(lo, n []int, fn func(index []int) error) error {
	for _, c := range n {
		if c == 0 {
			return nil
		}
	}
	index := append([]int(nil), lo...)
	for {
		if err := fn(index); err != nil {
			return err
		}
		d := len(index) - 1
		for ; d >= 0; d-- {
			if index[d]++; index[d] < lo[d]+n[d] {
				break
			}
			index[d] = lo[d]
		}
		if d < 0 {
			return nil
		}
	}
}

// elements reads a box of a tensor as numbers: arrays in arrays by the dimensions kept.
func (m *Machine) elements(t *Tensor, lo, n, kept []int) (Value, error) {
	var flat []Value
	err := each(lo, n, func(index []int) error {
		raw, err := m.read(t, t.place(index))
		if err == nil {
			flat = append(flat, element(t.Elem, raw))
		}
		return err
	})
	if err != nil {
		return Value{}, err
	}
	var shape []int
	for _, d := range kept {
		shape = append(shape, n[d])
	}
	return nested(flat, shape), nil
}

// nested makes arrays in arrays of numbers in row-major order.
func nested(flat []Value, shape []int) Value {
	if len(shape) == 0 {
		if len(flat) == 0 {
			return Value{}
		}
		return flat[0]
	}
	if len(shape) == 1 {
		return ArrayValue(flat)
	}
	out := make([]Value, shape[0])
	for i := range out {
		part := len(flat) / shape[0]
		out[i] = nested(flat[i*part:(i+1)*part:(i+1)*part], shape[1:])
	}
	return ArrayValue(out)
}

// gathered copies a box of a tensor that is not one piece of memory.
func (m *Machine) gathered(t *Tensor, s Spec, lo, n []int) (Value, error) {
	raw, err := m.image(t)
	if err != nil {
		return Value{}, err
	}
	size := s.Elem.Size()
	data := make([]byte, 0, s.Bytes())
	_ = each(lo, n, func(index []int) error { // fn does not fail
		at := t.place(index) * size
		data = append(data, raw[at:at+size]...)
		return nil
	})
	out := make([]byte, len(data))
	s.places(func(i, at int) { copy(out[at*size:(at+1)*size], data[i*size:]) })
	c, err := m.filled(s, out, t.Origin)
	return TensorValue(c), err
}

// transposed is the tensor with its last two dimensions swapped: the layout flips, nothing moves.
func (m *Machine) transposed(t *Tensor, want tile.Layout) (Value, error) {
	n := len(t.Shape)
	if n < 2 {
		return Value{}, faultf(diag.LaunchShape, "%s has %d dimensions: nothing to swap", t.name(),
			n)
	}
	s := t.Spec
	s.Shape = append([]int(nil), t.Shape...)
	s.Shape[n-1], s.Shape[n-2] = s.Shape[n-2], s.Shape[n-1]
	if s.Layout = tile.ColMajor; t.Layout == tile.ColMajor {
		s.Layout = tile.RowMajor
	}
	v := t.share(s, 0)
	if want == tile.NoLayout || want == s.Layout {
		return TensorValue(v), nil
	}
	c, err := m.relaid(v, want)
	if e := m.free(v); err == nil {
		err = e
	}
	return TensorValue(c), err
}

// reshaped is the tensor's elements in row-major order in another shape.
func (m *Machine) reshaped(t *Tensor, dims []Value) (Value, error) {
	s := t.Spec
	s.Shape = nil
	open, rest := -1, 1
	for i, d := range dims {
		n := d.Int()
		if n == -1 && open < 0 {
			open, n = i, 1
		}
		if n < 0 || n > 1<<40 {
			return Value{}, faultf(diag.OutOfRange, "a dimension of %d cannot be", d.Int())
		}
		s.Shape = append(s.Shape, int(n))
		if rest *= int(n); rest > 1<<40 {
			break
		}
	}
	if open >= 0 && rest > 0 && t.Count()%rest == 0 {
		s.Shape[open] = t.Count() / rest
	}
	if len(s.Shape) != len(dims) || s.Count() != t.Count() {
		return Value{}, faultf(diag.LaunchShape, "%s has %d elements, the new shape %s", t.name(),
			t.Count(), ArrayValue(dims)).hint("the product of the dimensions must not change")
	}
	if !t.colMajor() {
		s.Layout = tile.RowMajor
		return TensorValue(t.share(s, 0)), nil
	}
	c, err := m.relaid(t, tile.RowMajor)
	if err != nil {
		return Value{}, err
	}
	s.Layout = tile.RowMajor
	c.Spec = s
	return TensorValue(c), nil
}
