package checkpoint

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// maxHeader is the most bytes of a safetensors header (huggingface/safetensors, its README) [R]; a
// limit only.
const maxHeader = 100_000_000

// safetypes are the element types of safetensors.
var safetypes = map[string]string{
	"F64": "f64", "F32": "f32", "F16": "f16", "BF16": "bf16", "I64": "i64", "I32": "i32",
	"I16": "i16", "I8": "i8", "U64": "u64", "U32": "u32", "U16": "u16", "U8": "u8", "BOOL": "bool",
	"F8_E4M3": "e4m3", "F8_E5M2": "e5m2",
}

type safetensor struct {
	DType   string    `json:"dtype"`
	Shape   []int     `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

// readSafetensors: u64 length of the header, the header in JSON, then the tensors without holes at
// offsets from the end of the header.
func readSafetensors(r io.ReaderAt, size int64) (*File, error) {
	var head [8]byte
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return nil, errorf(0, "the length of the header is cut short")
	}
	n := binary.LittleEndian.Uint64(head[:])
	if n > maxHeader || int64(n) > size-8 {
		return nil, errorf(0, "a header of %d bytes in a file of %d; %d are the most", n, size,
			maxHeader)
	}
	text := make([]byte, n)
	if _, err := r.ReadAt(text, 8); err != nil && err != io.EOF {
		return nil, err
	}
	f := &File{Format: "safetensors"}
	at, err := f.header(text, 8+n)
	if err != nil {
		return nil, err
	}
	if err := f.place(size, at); err != nil {
		return nil, err
	}
	end := 8 + n
	for _, t := range f.Tensors {
		if t.Off != end {
			return nil, errorf(int64(end), "%d bytes before tensor %q belong to nobody", t.Off-end,
				t.Name)
		}
		end += t.Len
	}
	if end != uint64(size) {
		return nil, errorf(int64(end), "%d bytes behind the last tensor", uint64(size)-end)
	}
	return f, nil
}

// header reads the JSON; at is where each tensor was declared.
func (f *File) header(text []byte, base uint64) (at []int64, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	where := func() int64 { return 8 + d.InputOffset() }
	wrong := func(err error) error {
		off := where()
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			off = 8 + syntax.Offset
		}
		return errorf(off, "the header: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errorf(8, "the header is no JSON object")
	}
	for d.More() {
		start := where()
		t, err := d.Token()
		if err != nil {
			return nil, wrong(err)
		}
		name := t.(string)
		if name == "__metadata__" {
			var meta map[string]string
			if err := d.Decode(&meta); err != nil {
				return nil, wrong(err)
			}
			f.Meta = append(f.Meta, sortedMeta(meta)...)
			continue
		}
		var s safetensor
		if err := d.Decode(&s); err != nil {
			return nil, wrong(err)
		}
		elem, ok := safetypes[s.DType]
		if !ok {
			return nil, errorf(start, "tensor %q: unknown element type %q", name, s.DType)
		}
		b, e := s.Offsets[0], s.Offsets[1]
		if b > e || e > 1<<62 {
			return nil, errorf(start, "tensor %q: bytes %d to %d", name, b, e)
		}
		f.Tensors = append(f.Tensors, Tensor{name, elem, s.Shape, base + b, e - b})
		at = append(at, start)
	}
	if _, err := d.Token(); err != nil {
		return nil, wrong(err)
	}
	if rest := bytes.TrimRight(text[d.InputOffset():], " "); len(rest) > 0 {
		return nil, errorf(where(), "something follows the header's object")
	}
	return at, nil
}
