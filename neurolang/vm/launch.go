package vm

import (
	"fmt"
	"math"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/program"
	"tensoros/neurolang/source"
)

// extent is one dimension of a launch and which tensor gave it.
type extent struct {
	name string
	n    int
	from int
}

// launch checks tensors against a kernel and asks the runtime to run it.
func (m *Machine) launch(k *program.Kernel, args []Value, at source.Pos) (Value, error) {
	dims := [3]extent{{"M", 0, -1}, {"N", 0, -1}, {"K", 0, -1}}
	l := &Launch{Kernel: k, Shared: k.SharedBytes}
	for i, p := range k.Params {
		t := args[i].Tensor()
		if err := match(k, p, t); err != nil {
			return Value{}, err
		}
		l.Args = append(l.Args, t)
		r, c := &dims[0], &dims[1]
		switch p.Role {
		case program.DotA:
			c = &dims[2]
		case program.DotB:
			r = &dims[2]
		}
		rows, cols := t.Dims()
		if err := agree(k, l.Args, r, rows, i); err != nil {
			return Value{}, err
		}
		if err := agree(k, l.Args, c, cols, i); err != nil {
			return Value{}, err
		}
		if t.Device.Index != l.Args[0].Device.Index {
			return Value{}, faultf(diag.LaunchDevice, "%s is on device %d, %s on device %d", p.Name,
				t.Device.Index, k.Params[0].Name,
				l.Args[0].Device.Index).hint("load both on one device")
		}
	}
	l.Geometry = k.Geometry(dims[0].n, dims[1].n, dims[2].n)
	if l.Grid[1] > math.MaxUint16 {
		return Value{}, faultf(diag.LaunchShape, "%d rows of tiles; a grid has 65535 at most",
			l.Grid[1])
	}
	l.Out = Spec{Shape: []int{l.M, l.N}, Elem: k.Out.Elem, Layout: k.Out.Layout}
	if len(l.Args) > 0 {
		l.Out.Device = l.Args[0].Device
	}
	l.Pos = m.prog.Sources.Position(at)
	t, err := m.rt.Launch(l)
	if err != nil {
		return Value{}, &fault{diag.DeviceFailed, fmt.Sprintf("launch %s: %v", k.Name, err), "",
			err}
	}
	return TensorValue(t), nil
}

// match checks one tensor against the tile it is cut into.
func match(k *program.Kernel, p program.Param, t *Tensor) error {
	what := fmt.Sprintf("%s of %s", p.Name, k.Name)
	origin := t.Origin
	if origin == "" {
		origin = "the tensor"
	}
	if t.Elem != p.Tile.Elem {
		return faultf(diag.LaunchElem, "%s takes %s, %s has %s", what, p.Tile.Elem, origin, t.Elem).
			hint("store it as %s, or change the tile's element type", p.Tile.Elem)
	}
	if len(t.Shape) != 2 {
		return faultf(diag.LaunchShape, "%s takes a matrix, %s has %d dimension", what, origin,
			len(t.Shape))
	}
	// A matrix with one row or column is the same in either layout.
	rows, cols := t.Dims()
	if t.Layout != p.Tile.Layout && rows > 1 && cols > 1 {
		return faultf(diag.LaunchLayout, "%s takes %s, %s is %s", what, p.Tile.Layout, origin,
			t.Layout).
			hint("store it as %s, or change the tile's layout", p.Tile.Layout)
	}
	for i, side := range []int{p.Tile.Rows, p.Tile.Cols} {
		if d := t.Shape[i]; d%side != 0 {
			return faultf(diag.LaunchShape, "%d %s of %s do not divide into tiles of %d for %s", d,
				[]string{"rows", "columns"}[i], origin, side, what).
				hint("the next multiple is %d", (d/side+1)*side)
		}
	}
	return nil
}

// agree notes a dimension, or compares it with what another tensor gave.
func agree(k *program.Kernel, args []*Tensor, e *extent, n, i int) error {
	if e.from >= 0 && e.n != n {
		return faultf(diag.LaunchInner, "%s is %d from %s (%s) but %d from %s (%s)", e.name, e.n,
			k.Params[e.from].Name, args[e.from].Spec, n, k.Params[i].Name, args[i].Spec).
			hint("the dimensions they share must be equal")
	}
	e.n, e.from = n, i
	return nil
}
