package ptx

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Elems returns how many elements of Type the variable has, vectors counted fully: 1 for a
// scalar, 0 for an open array.
func (v *Var) Elems() int {
	n := max(v.Vec, 1)
	for _, d := range v.Dims {
		if d != 0 && n > math.MaxInt32/d {
			return math.MaxInt32 // no memory holds it; the loader refuses it
		}
		n *= d
	}
	return n
}

// Size returns the variable's bytes; an array whose first dimension is open takes the size its
// initialiser gives it, else 0.
func (v *Var) Size() int {
	if len(v.Dims) > 0 && v.Dims[0] == 0 && v.Init != nil {
		w := *v
		w.Dims = append([]int{len(v.Init.List)}, v.Dims[1:]...)
		return w.Elems() * w.Type.Size()
	}
	return v.Elems() * v.Type.Size()
}

// Alignment returns the bytes the variable's address is a multiple of: .align, else its element
// or vector size (PTX ISA 5.4.6).
func (v *Var) Alignment() int {
	if v.Align != 0 {
		return v.Align
	}
	return max(v.Type.Size()*max(v.Vec, 1), 1)
}

// Reloc is a symbol's address inside initial data.
type Reloc struct {
	Off     int    // byte offset in the data
	Size    int    // bytes of the address, 4 or 8
	Name    string // the variable or function
	Add     int64
	Generic bool // a generic address, not one within the symbol's space
}

// maxData bounds initial data, so that no text can exhaust memory.
const maxData = 1 << 30

// Data returns the variable's initial bytes, little endian, zero where nothing is given, and the
// addresses to fill in. It fails when the initialiser does not fit the type or the size.
func (v *Var) Data() ([]byte, []Reloc, error) {
	size := v.Size()
	if size > maxData {
		return nil, nil, fmt.Errorf("ptx: variable %s takes %d bytes, more than %d", v.Name, size,
			maxData)
	}
	d := data{v: v, bytes: make([]byte, size)}
	if v.Init == nil {
		return d.bytes, nil, nil
	}
	stride := size
	if len(v.Dims) > 0 && v.Init.Kind != KindVector {
		return nil, nil, fmt.Errorf("ptx: array %s needs an initialiser in braces", v.Name)
	}
	err := d.fill(v.Init, 0, stride)
	return d.bytes, d.relocs, err
}

type data struct {
	v      *Var
	bytes  []byte
	relocs []Reloc
}

// fill lays o into the room bytes at off: a list divides into elements, or rows when it nests.
func (d *data) fill(o *Operand, off, room int) error {
	es := d.v.Type.Size()
	if o.Kind != KindVector {
		if room < es {
			return fmt.Errorf("ptx: variable %s has more initial values than elements", d.v.Name)
		}
		return d.scalar(o, off)
	}
	for i := range o.List {
		step := es
		if o.List[i].Kind == KindVector {
			step = d.rowBytes(o, room)
		}
		if (i+1)*step > room {
			return fmt.Errorf("ptx: variable %s has more initial values than elements", d.v.Name)
		}
		if err := d.fill(&o.List[i], off+i*step, step); err != nil {
			return err
		}
	}
	return nil
}

// rowBytes finds the dimension whose whole is room and returns the bytes of one of its rows.
func (d *data) rowBytes(o *Operand, room int) int {
	row := d.v.Type.Size() * max(d.v.Vec, 1)
	for i := len(d.v.Dims) - 1; i >= 0; i-- {
		n := d.v.Dims[i]
		if n == 0 {
			n = len(o.List)
		}
		if row*n >= room {
			return row
		}
		row *= n
	}
	return row
}

func (d *data) scalar(o *Operand, off int) error {
	t := d.v.Type
	bits := uint64(o.Imm)
	switch o.Kind {
	case KindInt:
		if t.IsFloat() {
			return fmt.Errorf("ptx: integer initialises .%v variable %s", t, d.v.Name)
		}
	case KindF32:
		if t.Size() == 8 {
			bits = math.Float64bits(float64(math.Float32frombits(uint32(bits))))
		}
	case KindF64:
		if t.Size() == 4 {
			bits = uint64(math.Float32bits(float32(math.Float64frombits(bits))))
		}
	default:
		if t.Size() < 4 {
			return fmt.Errorf("ptx: address of %s does not fit .%v %s", o.Name, t, d.v.Name)
		}
		d.relocs = append(d.relocs, Reloc{off, t.Size(), o.Name, o.Imm, o.Generic})
		bits = 0
	}
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], bits)
	copy(d.bytes[off:off+t.Size()], b[:])
	return nil
}
