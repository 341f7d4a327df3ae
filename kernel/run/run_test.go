package run

import (
	"math"
	"testing"

	"tensoros/neurolang/tile"
	"tensoros/neurolang/vm"
)

func TestObjectName(t *testing.T) {
	for uri, want := range map[string]string{
		"nvme://a":             "a",
		"nvme://weights/layer": "weights/layer",
		"nvme://nvme://a":      "nvme://a",
		"nvme://":              "",
		"a":                    "",
		"":                     "",
		"file://a":             "",
		"NVME://a":             "",
		" nvme://a":            "",
	} {
		got, err := objectName(uri)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v, want %q", uri, got, err, want)
		}
	}
}

func TestValueDecodesEveryElementType(t *testing.T) {
	for _, c := range []struct {
		elem  string
		bytes []byte
		want  float64
	}{
		{"f16", []byte{0x00, 0x3c}, 1},
		{"f16", []byte{0x01, 0x00}, math.Ldexp(1, -24)},
		{"f16", []byte{0x00, 0xfc}, math.Inf(-1)},
		{"bf16", []byte{0x80, 0x3f}, 1},
		{"bf16", []byte{0x40, 0xc0}, -3},
		{"tf32", []byte{0x00, 0x20, 0x80, 0x3f}, 1 + 1.0/1024},
		{"f32", []byte{0x00, 0x00, 0x20, 0xc0}, -2.5},
		{"f64", []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x3f}, 1.5},
		{"e4m3", []byte{0x7e}, 448},
		{"e5m2", []byte{0x7b}, 57344},
		{"i8", []byte{0x80}, -128},
		{"i32", []byte{0xff, 0xff, 0xff, 0xff}, -1},
	} {
		e, ok := tile.ParseElem(c.elem)
		if !ok || e.Size() != len(c.bytes) {
			t.Errorf("%s: known %v, %d bytes", c.elem, ok, e.Size())
			continue
		}
		if got := vm.Decode(e, c.bytes); got != c.want {
			t.Errorf("%s %x: %v, want %v", c.elem, c.bytes, got, c.want)
		}
	}
	for e := tile.F16; e.Size() > 0; e++ { // whatever an object may be must have values
		vm.Decode(e, make([]byte, e.Size()))
		if e == tile.I32 {
			break
		}
	}
}
