package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

// safe builds a safetensors file.
func safe(header string, data int) []byte {
	for len(header)%8 != 0 {
		header += " "
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

// ggufBuilder writes a GGUF file.
type ggufBuilder struct{ b []byte }

func (g *ggufBuilder) u32(v uint32) *ggufBuilder {
	g.b = binary.LittleEndian.AppendUint32(g.b, v)
	return g
}

func (g *ggufBuilder) u64(v uint64) *ggufBuilder {
	g.b = binary.LittleEndian.AppendUint64(g.b, v)
	return g
}

func (g *ggufBuilder) str(s string) *ggufBuilder {
	g.u64(uint64(len(s)))
	g.b = append(g.b, s...)
	return g
}

// sampleGGUF has three entries of metadata and two tensors.
func sampleGGUF() []byte {
	g := &ggufBuilder{b: []byte("GGUF")}
	g.u32(3).u64(2).u64(3)
	g.str("general.architecture").u32(ggString).str("llama")
	g.str("rope").u32(ggF32).u32(math.Float32bits(1e4))
	g.str("tokens").u32(ggArray).u32(ggString).u64(2).str("a").str("b")
	g.str("w").u32(2).u64(64).u64(2).u32(8).u64(0) // 2 rows of 64: 2*2*34 bytes
	g.str("norm").u32(1).u64(3).u32(0).u64(160)    // 3 f32 behind it
	g.b = append(g.b, make([]byte, (32-len(g.b)%32)%32)...)
	g.b = append(g.b, make([]byte, 160+12)...)
	return g.b
}

func read(b []byte) (*File, error) { return Read(bytes.NewReader(b), int64(len(b))) }

func TestSafetensors(t *testing.T) {
	b := safe(`{"__metadata__":{"z":"1","format":"pt"},`+
		`"b":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[12,14]},`+
		`"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}}`, 14)
	f, err := read(b)
	if err != nil {
		t.Fatal(err)
	}
	base := uint64(len(b) - 14)
	want := []Tensor{{"a", "bf16", []int{2, 3}, base, 12}, {"b", "e4m3", []int{2}, base + 12, 2}}
	if !reflect.DeepEqual(f.Tensors, want) {
		t.Errorf("%+v, want %+v", f.Tensors, want)
	}
	if j, _ := f.JSON(); string(j) != `{"format":"pt","z":"1"}` {
		t.Errorf("metadata %s", j)
	}
}

func TestGGUF(t *testing.T) {
	b := sampleGGUF()
	f, err := read(b)
	if err != nil {
		t.Fatal(err)
	}
	base := uint64(len(b) - 172)
	want := []Tensor{{"w", "q8_0", []int{2, 64}, base, 136}, {"norm", "f32", []int{3}, base + 160,
		12}}
	if !reflect.DeepEqual(f.Tensors, want) {
		t.Errorf("%+v, want %+v", f.Tensors, want)
	}
	j, _ := f.JSON()
	if string(j) != `{"general.architecture":"llama","rope":10000,"tokens":["a","b"]}` {
		t.Errorf("metadata %s", j)
	}
}

func TestMalformedFilesNameThePlace(t *testing.T) {
	good := sampleGGUF()
	cut := func(n int) []byte { return good[:n] }
	version := bytes.Clone(good)
	version[4] = 9
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "at byte 0: neither GGUF nor safetensors"},
		{"version", version, "at byte 4: GGUF version 9"},
		{"cut in metadata", cut(40), "at byte "},
		{"cut in data", cut(len(good) - 1), `tensor "norm" ends at byte`},
		{"long string", (&ggufBuilder{b: []byte("GGUF")}).u32(3).u64(0).u64(1).u64(1 << 60).b,
			"a string of 1152921504606846976"},
		{"long array", (&ggufBuilder{b: []byte("GGUF")}).u32(3).u64(0).u64(1).str("k").u32(ggArray).
			u32(0).u64(1 << 60).b, "an array of"},
		{"type", (&ggufBuilder{b: []byte("GGUF")}).u32(3).u64(1).u64(0).str("t").u32(1).u64(4).
			u32(16).u64(0).b, `tensor "t" has the unknown type 16`},
		{"row", (&ggufBuilder{b: []byte("GGUF")}).u32(3).u64(1).u64(0).str("t").u32(1).u64(33).
			u32(8).u64(0).b, "rows are whole blocks of 32"},
		{"long header", append(binary.LittleEndian.AppendUint64(nil, 1<<40), '{'), "a header of"},
		{"no JSON", safe(`{"a":}`, 0), "the header: invalid character"},
		{"hole", safe(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3),
			"1 bytes before tensor"},
		{"tail", safe(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 3),
			"1 bytes behind the last tensor"},
		{"length", safe(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,3]}}`, 3),
			`takes 2 bytes, the file gives it 3`},
		{"dtype", safe(`{"a":{"dtype":"X","shape":[2],"data_offsets":[0,3]}}`, 3),
			`unknown element type "X"`},
		{"twice", safe(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},`+
			`"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), `a second tensor "a"`},
		{"negative", safe(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 1),
			"a dimension is negative"},
		{"huge", safe(`{"a":{"dtype":"U8","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`,
			0), "too large"},
	} {
		_, err := read(c.file)
		var at *Error
		if !errors.As(err, &at) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestNPYRoundTrip(t *testing.T) {
	for _, ty := range npyTypes {
		for _, shape := range [][]int{{}, {3}, {2, 3}, {2, 1, 4}} {
			h, err := NPYHeader(ty.elem, shape, len(shape) == 2)
			if err != nil {
				t.Fatal(err)
			}
			b := append(h, make([]byte, 24*8)...)
			a, err := ReadNPY(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				t.Fatalf("%v %s: %v\n%q", shape, ty.elem, err, h)
			}
			if a.Elem != ty.elem || fmt.Sprint(a.Shape) != fmt.Sprint(shape) ||
				a.ColMajor != (len(shape) == 2) || a.Off%64 != 0 || a.Off != uint64(len(h)) {
				t.Errorf("%v %s: %+v", shape, ty.elem, a)
			}
		}
	}
	for _, text := range []string{"", "{", "{'descr': '>f4'}", "{'shape': (1,), 'shape': (1,)}",
		"{'descr': '<f4', 'fortran_order': 3, 'shape': (1,)}", "{'descr': '<f4'",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}"} {
		b := append([]byte(npyMagic+"\x01\x00"), byte(len(text)), 0)
		b = append(b, text...)
		if _, err := ReadNPY(bytes.NewReader(b), int64(len(b))); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sampleGGUF())
	f.Add(safe(`{"__metadata__":{"a":"b"},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := read(b)
		if err != nil {
			return
		}
		if _, err := file.JSON(); err != nil {
			t.Error(err)
		}
		for _, x := range file.Tensors {
			if x.Off+x.Len > uint64(len(b)) {
				t.Errorf("%+v lies outside of %d bytes", x, len(b))
			}
		}
	})
}

func FuzzReadNPY(f *testing.F) {
	h, _ := NPYHeader("f32", []int{2, 2}, false)
	f.Add(append(h, make([]byte, 16)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ReadNPY(bytes.NewReader(b), int64(len(b)))
		if err == nil && a.Off+a.Len > uint64(len(b)) {
			t.Errorf("%+v lies outside of %d bytes", a, len(b))
		}
	})
}
