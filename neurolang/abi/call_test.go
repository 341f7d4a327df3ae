package abi

import (
	"encoding/binary"
	"testing"

	"tensoros/hw/spec/gpu"
	"tensoros/neurolang/tile"
)

// gemm is a kernel with two variants, as code generation describes one.
func gemm() *Kernel {
	m, n := Dim{Sym: "M"}, Dim{Sym: "N"}
	return &Kernel{Name: "gemm",
		Params: []Param{{Name: "a", Tensor: true, Elem: tile.F16, Dims: []Dim{m, n}},
			{Name: "s", Elem: tile.F16}, {Name: "t", Elem: tile.Bool}},
		Outs: []Param{{Name: "out", Tensor: true, Elem: tile.F32, Dims: []Dim{m, n}}},
		Axes: []Axis{{"i", m, 64}, {"j", n, 32}},
		Variants: []Variant{
			{Needs: []Need{{Sym: "N", Multiple: 8}, {Param: 0, Multiple: 16}}, Entry: "fast",
				Threads: 384, Grid: Persistent, PerSM: 1, Cluster: 2,
				Slots: []Slot{{Kind: Scalar, Index: 1},
					{Kind: TensorMap, Index: 0, Map: &Map{Box: []int{64, 32}, Swizzle: 128}},
					{Kind: Programs}}},
			{Entry: "plain", Threads: 128, Slots: []Slot{{Kind: Address, Index: 0},
				{Kind: Scalar, Index: 2}, {Kind: Extent, Sym: "N"}, {Kind: Address, Index: 3}}}}}
}

func args(m, n int, at uint64) *Args {
	dims := map[string]int{"M": m, "N": n}
	return &Args{Addrs: []uint64{at, 0, 0, 4096}, Shapes: [][]int{{m, n}, nil, nil, {m, n}},
		Scalars: []uint64{0, 0x3c00, 1}, Dim: func(s string) int { return dims[s] }}
}

func TestCallPicksAndEncodes(t *testing.T) {
	c, err := gemm().Call(args(1000, 64, 256), &Device{SMs: 5})
	if err != nil {
		t.Fatal(err)
	}
	if c.Variant.Entry != "fast" || c.Programs != 32 || c.Blocks != [3]uint32{4, 1, 1} ||
		c.Cluster != [3]uint32{2, 1, 1} ||
		c.Threads != 384 || len(c.Params) != 64+128+4 || c.Params[1] != 0x3c ||
		binary.LittleEndian.Uint32(c.Params[192:]) != 32 {
		t.Errorf("%+v", c)
	}
	m, err := gpu.DecodeTensorMap(c.Params[64:])
	if err != nil || m.Rank != 2 || m.Dims[0] != 64 || m.Dims[1] != 1000 || m.Strides[0] != 128 ||
		m.Box[0] != 64 || m.Box[1] != 32 || m.Swizzle != gpu.Swizzle128 || m.Base != 256 {
		t.Errorf("%+v %v", m, err)
	}
	for _, a := range []*Args{args(1000, 60, 256), args(1000, 64, 264)} {
		c, err = gemm().Call(a, &Device{SMs: 5})
		if err != nil || c.Variant.Entry != "plain" || c.Blocks[0] != 32 || len(c.Params) != 24 ||
			c.Params[8] != 1 || int(c.Params[12]) != a.Dim("N") || c.Params[17] != 16 {
			t.Errorf("%+v %v", c, err)
		}
	}
}

func TestCallOfNothing(t *testing.T) {
	if c, err := gemm().Call(args(0, 64, 256), &Device{}); err != nil || c.Blocks[0] != 0 {
		t.Errorf("%+v %v", c, err)
	}
	k := gemm()
	k.Variants = k.Variants[:1]
	if _, err := k.Call(args(8, 7, 256), &Device{}); err == nil {
		t.Error("a variant whose needs do not hold is taken")
	}
	if _, err := k.Call(&Args{}, &Device{}); err == nil {
		t.Error("no arguments are enough")
	}
	if _, err := gemm().Call(args(1<<30, 1<<20, 0), &Device{}); err == nil {
		t.Error("a grid too large is taken")
	}
}

func TestMapsMergeLeadingDimensions(t *testing.T) {
	k := gemm()
	k.Params[0].Layout = tile.ColMajor
	a := args(64, 64, 256)
	a.Shapes[0] = []int{2, 3, 4, 5, 6, 64, 8}
	b, err := k.tensorMap(&Slot{Map: &Map{Box: []int{64}}}, a, &Device{})
	if err != nil {
		t.Fatal(err)
	}
	m, _ := gpu.DecodeTensorMap(b[:])
	if m.Rank != 5 || m.Dims != [5]uint64{64, 8, 6, 5, 24} || m.Strides[3] != 64*8*6*5*2 {
		t.Errorf("%+v", m)
	}
}
