package checkpoint

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"io"
	"math"
	"slices"

	"tensoros/kernel/tensorfs"
)

// ggmlTypes are the tensor types of ggml that are moved (ggml-org/ggml@d99724f2, ggml.h) [S]; 24 to
// 28 [R].
var ggmlTypes = map[uint32]string{
	0: "f32", 1: "f16", 2: "q4_0", 3: "q4_1", 6: "q5_0", 7: "q5_1", 8: "q8_0", 10: "q2_k",
	11: "q3_k", 12: "q4_k", 13: "q5_k", 14: "q6_k", 24: "i8", 25: "i16", 26: "i32", 27: "i64",
	28: "f64", 30: "bf16",
}

// Types of metadata.
const (
	ggU8 = iota
	ggI8
	ggU16
	ggI16
	ggU32
	ggI32
	ggF32
	ggBool
	ggString
	ggArray
	ggU64
	ggI64
	ggF64
	ggTypes
)

// ggSize is the least bytes that a value takes.
var ggSize = [ggTypes]uint64{1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8}

const (
	ggAlignment = 32 // default of general.alignment
	ggDims      = 4
	ggNesting   = 4
)

// gguf reads values and knows where it is. After an error everything reads as zero.
type gguf struct {
	r    *bufio.Reader
	at   int64
	size int64
	err  error
	buf  [8]byte
}

// readGGUF: magic, version, counts, metadata, tensor infos, then the tensors at multiples of the
// alignment (GGUF specification of ggml).
func readGGUF(r io.ReaderAt, size int64) (*File, error) {
	g := &gguf{r: bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 64<<10), size: size}
	g.bytes(4)
	version := g.u32()
	if g.err == nil && version != 2 && version != 3 {
		return nil, errorf(4, "GGUF version %d; 2 and 3 are known", version)
	}
	tensors, entries := g.u64(), g.u64()
	f := &File{Format: "gguf", Version: int(version)}
	align := uint64(ggAlignment)
	for i := uint64(0); i < entries && g.err == nil; i++ {
		start := g.at
		key := g.string()
		v := g.value(g.u32(), 0)
		f.Meta = append(f.Meta, Entry{key, v})
		if a, ok := v.(uint64); ok && key == "general.alignment" {
			if align = a; a == 0 || a&(a-1) != 0 || a > 1<<20 {
				return nil, errorf(start, "general.alignment is %d, no power of 2", a)
			}
		}
	}
	var at []int64
	for i := uint64(0); i < tensors && g.err == nil; i++ {
		at = append(at, g.at)
		f.Tensors = append(f.Tensors, g.tensor())
	}
	if g.err != nil {
		return nil, g.err
	}
	base := (uint64(g.at) + align - 1) / align * align
	for i := range f.Tensors {
		t := &f.Tensors[i]
		if t.Off%align != 0 || t.Off > 1<<62 {
			return nil, errorf(at[i], "tensor %q at offset %d, no multiple of %d", t.Name, t.Off,
				align)
		}
		t.Off += base
	}
	return f, f.place(size, at)
}

func (g *gguf) fail(off int64, format string, args ...any) *Error {
	e := errorf(off, format, args...)
	if g.err == nil {
		g.err = e
	}
	return e
}

func (g *gguf) bytes(n int) []byte {
	p := g.buf[:n]
	clear(p)
	if g.err != nil {
		return p
	}
	if _, err := io.ReadFull(g.r, p); err != nil {
		g.fail(g.at, "the file ends inside of its header").hint("it was cut short: copy it again")
	}
	g.at += int64(n)
	return p
}

func (g *gguf) u32() uint32 { return binary.LittleEndian.Uint32(g.bytes(4)) }
func (g *gguf) u64() uint64 { return binary.LittleEndian.Uint64(g.bytes(8)) }

func (g *gguf) string() string {
	start := g.at
	n := g.u64()
	if g.err != nil || !g.room(start, n, 1, "a string") {
		return ""
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(g.r, p); err != nil {
		g.fail(g.at, "the file ends inside of a string")
	}
	g.at += int64(n)
	return string(p)
}

// room refuses counts that the rest of the file cannot hold, before anything is allocated.
func (g *gguf) room(at int64, n, each uint64, what string) bool {
	if left := uint64(g.size - min(g.at, g.size)); n > left/each {
		g.fail(at, "%s of %d in a file with %d bytes left", what, n, left)
		return false
	}
	return true
}

// value reads a value of a type.
func (g *gguf) value(kind uint32, nested int) any {
	switch kind {
	case ggU8:
		return uint64(g.bytes(1)[0])
	case ggI8:
		return int64(int8(g.bytes(1)[0]))
	case ggU16:
		return uint64(binary.LittleEndian.Uint16(g.bytes(2)))
	case ggI16:
		return int64(int16(binary.LittleEndian.Uint16(g.bytes(2))))
	case ggU32:
		return uint64(g.u32())
	case ggI32:
		return int64(int32(g.u32()))
	case ggF32:
		return float64(math.Float32frombits(g.u32()))
	case ggBool:
		return g.bytes(1)[0] != 0
	case ggString:
		return g.string()
	case ggU64:
		return g.u64()
	case ggI64:
		return int64(g.u64())
	case ggF64:
		return math.Float64frombits(g.u64())
	case ggArray:
		return g.array(nested)
	}
	g.fail(g.at, "metadata of unknown type %d", kind)
	return nil
}

func (g *gguf) array(nested int) any {
	start := g.at
	kind, n := g.u32(), g.u64()
	switch {
	case g.err != nil:
		return nil
	case kind >= ggTypes || nested == ggNesting:
		g.fail(start, "an array of type %d, nested %d times", kind, nested)
		return nil
	case !g.room(start, n, ggSize[kind], "an array"):
		return nil
	}
	out := make([]any, 0, min(n, 1<<16))
	for i := uint64(0); i < n && g.err == nil; i++ {
		out = append(out, g.value(kind, nested+1))
	}
	return out
}

// tensor reads an info. The file has the fastest dimension first.
func (g *gguf) tensor() Tensor {
	start := g.at
	t := Tensor{Name: g.string()}
	dims := g.u32()
	if dims > ggDims {
		g.fail(start, "tensor %q has %d dimensions; %d are the most", t.Name, dims, ggDims)
		return t
	}
	for range dims {
		d := g.u64()
		if d > math.MaxInt32 {
			g.fail(start, "tensor %q has a dimension of %d", t.Name, d)
			return t
		}
		t.Shape = append(t.Shape, int(d))
	}
	slices.Reverse(t.Shape)
	kind := g.u32()
	t.Off = g.u64()
	elem, ok := ggmlTypes[kind]
	if !ok {
		g.fail(start, "tensor %q has the unknown type %d", t.Name, kind).
			hint("quantise it to one of q4_0, q4_1, q5_0, q5_1, q8_0, q2_k to q6_k")
		return t
	}
	t.Elem = elem
	d, _ := tensorfs.LookupDType(elem)
	n, err := d.Size(t.Shape)
	if err != nil && g.err == nil {
		g.fail(start, "tensor %q: %v", t.Name, err)
	}
	t.Len = n
	return t
}

func sortedMeta(meta map[string]string) (out []Entry) {
	for k, v := range meta {
		out = append(out, Entry{k, v})
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Compare(a.Key, b.Key) })
	return out
}
