package checkpoint

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"tensoros/kernel/tensorfs"
)

// npyTypes are the element types of NumPy's own file format, as it spells them.
var npyTypes = []struct{ descr, elem string }{
	{"|b1", "bool"}, {"|u1", "u8"}, {"|i1", "i8"}, {"<u2", "u16"}, {"<i2", "i16"}, {"<f2", "f16"},
	{"<u4", "u32"}, {"<i4", "i32"}, {"<f4", "f32"}, {"<u8", "u64"}, {"<i8", "i64"}, {"<f8", "f64"},
}

const npyMagic = "\x93NUMPY"

// Array is the table of contents of a .npy file.
type Array struct {
	Tensor
	ColMajor bool // "fortran_order"
}

// ReadNPY reads the header of a .npy file of size bytes: magic, version, length, and a Python
// dictionary of three entries (NumPy, numpy/lib/format.py).
func ReadNPY(r io.ReaderAt, size int64) (*Array, error) {
	head := make([]byte, 12)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if n < 10 || string(head[:6]) != npyMagic {
		return nil, errorf(0, "no .npy file")
	}
	at, length := int64(10), int64(binary.LittleEndian.Uint16(head[8:]))
	switch v := head[6]; {
	case v == 2 || v == 3:
		at, length = 12, int64(binary.LittleEndian.Uint32(head[8:]))
	case v != 1:
		return nil, errorf(6, ".npy version %d; 1 to 3 are known", v)
	}
	if length > 1<<20 || at+length > size {
		return nil, errorf(8, "a header of %d bytes in a file of %d", length, size)
	}
	text := make([]byte, length)
	if _, err := r.ReadAt(text, at); err != nil && err != io.EOF {
		return nil, err
	}
	a := &Array{Tensor: Tensor{Off: uint64(at + length)}}
	d := dict{text: string(text), at: at}
	if err := d.read(a); err != nil {
		return nil, err
	}
	f := &File{Tensors: []Tensor{a.Tensor}}
	return a, f.place(size, []int64{at})
}

// dict scans a Python dictionary literal.
type dict struct {
	text string
	pos  int
	at   int64 // of the text in the file
}

func (d *dict) fail(format string, args ...any) error {
	return errorf(d.at+int64(d.pos), format, args...)
}

func (d *dict) skip() {
	for d.pos < len(d.text) && strings.IndexByte(" \n\t", d.text[d.pos]) >= 0 {
		d.pos++
	}
}

// take passes a token if it is next.
func (d *dict) take(token string) bool {
	d.skip()
	ok := strings.HasPrefix(d.text[d.pos:], token)
	if ok {
		d.pos += len(token)
	}
	return ok
}

// quoted is a string in single quotes, without escapes.
func (d *dict) quoted() (string, error) {
	if !d.take("'") {
		return "", d.fail("the header: ' is missing")
	}
	end := strings.IndexByte(d.text[d.pos:], '\'')
	if end < 0 {
		return "", d.fail("the header: a string does not end")
	}
	s := d.text[d.pos : d.pos+end]
	d.pos += end + 1
	return s, nil
}

func (d *dict) read(a *Array) error {
	seen := map[string]bool{}
	if !d.take("{") {
		return d.fail("the header is no dictionary")
	}
	for !d.take("}") {
		key, err := d.quoted()
		if err != nil {
			return err
		}
		if !d.take(":") || seen[key] {
			return d.fail("the header: key %q", key)
		}
		seen[key] = true
		switch key {
		case "descr":
			err = d.descr(a)
		case "fortran_order":
			a.ColMajor = d.take("True")
			if !a.ColMajor && !d.take("False") {
				err = d.fail("fortran_order is neither True nor False")
			}
		case "shape":
			err = d.shape(a)
		default:
			err = d.fail("the header: unknown key %q", key)
		}
		if err != nil {
			return err
		}
		if !d.take(",") && !strings.HasPrefix(strings.TrimLeft(d.text[d.pos:], " "), "}") {
			return d.fail("the header: , or } is missing")
		}
	}
	if d.skip(); d.pos != len(d.text) || len(seen) != 3 {
		return d.fail("the header has %d entries, and %d bytes behind them", len(seen),
			len(d.text)-d.pos)
	}
	t, _ := tensorfs.LookupDType(a.Elem)
	n, err := t.Size(a.Shape)
	if err != nil {
		return d.fail("%v", err)
	}
	a.Len = n
	return nil
}

func (d *dict) descr(a *Array) error {
	s, err := d.quoted()
	if err != nil {
		return err
	}
	for _, t := range npyTypes {
		if t.descr == s {
			a.Elem = t.elem
			return nil
		}
	}
	if strings.HasPrefix(s, ">") {
		return errorf(d.at, "elements of type %s, big endian", s).
			hint("write it with a.astype(a.dtype.newbyteorder('<'))")
	}
	return d.fail("elements of type %q", s)
}

func (d *dict) shape(a *Array) error {
	if !d.take("(") {
		return d.fail("the shape is no tuple")
	}
	for !d.take(")") {
		d.skip()
		end := d.pos
		for end < len(d.text) && d.text[end] >= '0' && d.text[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(d.text[d.pos:end])
		if err != nil || len(a.Shape) == tensorfs.MaxDims {
			return d.fail("the shape has a dimension that is no number, or too many")
		}
		d.pos = end
		a.Shape = append(a.Shape, n)
		if !d.take(",") && !strings.HasPrefix(strings.TrimLeft(d.text[d.pos:], " "), ")") {
			return d.fail("the shape: , or ) is missing")
		}
	}
	return nil
}

// NPYHeader is the header of a .npy file of a tensor, padded so that its data start at a multiple
// of 64.
func NPYHeader(elem string, shape []int, colMajor bool) ([]byte, error) {
	descr := ""
	for _, t := range npyTypes {
		if t.elem == elem {
			descr = t.descr
		}
	}
	if descr == "" {
		return nil, fmt.Errorf(".npy has no elements of type %q", elem)
	}
	dims := ""
	for _, n := range shape {
		dims += fmt.Sprintf("%d, ", n)
	}
	if len(shape) > 1 {
		dims = strings.TrimSuffix(dims, ", ")
	}
	order := "False"
	if colMajor {
		order = "True"
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", descr, order,
		strings.TrimSuffix(dims, " "))
	for (10+len(text)+1)%64 != 0 {
		text += " "
	}
	text += "\n"
	b := append([]byte(npyMagic), 1, 0)
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(text))), text...), nil
}
