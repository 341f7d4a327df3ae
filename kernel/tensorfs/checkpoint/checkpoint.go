package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"tensoros/kernel/tensorfs"
)

// Tensor is a tensor of a file. Its shape has the slowest dimension first, whatever the file says.
type Tensor struct {
	Name  string
	Elem  string // as in tensorfs.LookupDType
	Shape []int
	Off   uint64 // in the file, bytes
	Len   uint64
}

// Entry is a piece of metadata. Value is a bool, int64, uint64, float64, string or a slice of any.
type Entry struct {
	Key   string
	Value any
}

// File is a checkpoint's table of contents.
type File struct {
	Format  string // "safetensors" or "gguf"
	Version int    // of GGUF
	Meta    []Entry
	Tensors []Tensor // by offset
}

// Error is a malformed file: where, and what to do about it if anything.
type Error struct {
	Off  int64
	Msg  string
	Hint string
}

func (e *Error) Error() string { return fmt.Sprintf("at byte %d: %s", e.Off, e.Msg) }

func errorf(off int64, format string, args ...any) *Error {
	return &Error{Off: off, Msg: fmt.Sprintf(format, args...)}
}

func (e *Error) hint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Read reads the table of contents of a file of size bytes, whichever format it has.
func Read(r io.ReaderAt, size int64) (*File, error) {
	head := make([]byte, 9)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte("GGUF")):
		return readGGUF(r, size)
	case n == 9 && head[8] == '{':
		return readSafetensors(r, size)
	}
	return nil, errorf(0, "neither GGUF nor safetensors").
		hint("GGUF begins with \"GGUF\", safetensors with a length and a brace")
}

// JSON is the metadata as a JSON object, keys in the file's order.
func (f *File) JSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, e := range f.Meta {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(e.Key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(finite(e.Value))
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// finite spells numbers that JSON lacks as strings.
func finite(v any) any {
	switch v := v.(type) {
	case float64:
		if v-v != 0 {
			return fmt.Sprint(v)
		}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = finite(v[i])
		}
		return out
	}
	return v
}

// place checks that the tensors lie in the file, apart from one another, under different names, and
// have the bytes of their shapes; at says where each was declared.
func (f *File) place(size int64, at []int64) error {
	seen := map[string]bool{}
	for i, t := range f.Tensors {
		d, _ := tensorfs.LookupDType(t.Elem)
		n, err := d.Size(t.Shape)
		switch {
		case err != nil:
			return errorf(at[i], "tensor %q: %v", t.Name, err)
		case n != t.Len:
			return errorf(at[i], "tensor %q of shape %v %s takes %d bytes, the file gives it %d",
				t.Name, t.Shape, t.Elem, n, t.Len)
		case t.Off > uint64(size) || t.Len > uint64(size)-t.Off:
			return errorf(at[i], "tensor %q ends at byte %d of a file of %d", t.Name, t.Off+t.Len,
				size).hint("the file was cut short: copy it again")
		case seen[t.Name]:
			return errorf(at[i], "a second tensor %q", t.Name)
		}
		seen[t.Name] = true
	}
	order := make([]int, len(f.Tensors))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := f.Tensors[a], f.Tensors[b]
		return cmp.Or(cmp.Compare(x.Off, y.Off), cmp.Compare(x.Len, y.Len))
	})
	sorted := make([]Tensor, len(order))
	var end uint64
	for i, k := range order {
		sorted[i] = f.Tensors[k]
		if sorted[i].Off < end {
			return errorf(at[k], "tensor %q overlaps the one before it", sorted[i].Name)
		}
		end = sorted[i].Off + sorted[i].Len
	}
	f.Tensors = sorted
	return nil
}
