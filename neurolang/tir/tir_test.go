package tir

import (
	"strings"
	"testing"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
)

// gemm is a product of matrices with a loop over k.
func gemm() *Kernel {
	m, n, kk := abi.Dim{Sym: "M"}, abi.Dim{Sym: "N"}, abi.Dim{Sym: "K"}
	k := &Kernel{Name: "gemm",
		Params: []abi.Param{
			{Name: "a", Tensor: true, Elem: tile.F16, Dims: []abi.Dim{m, kk},
				Layout: tile.RowMajor},
			{Name: "b", Tensor: true, Elem: tile.F16, Dims: []abi.Dim{kk, n},
				Layout: tile.ColMajor},
			{Name: "alpha", Elem: tile.F32}},
		Outs: []abi.Param{{Name: "c", Tensor: true, Elem: tile.F32, Dims: []abi.Dim{m, n},
			Layout: tile.RowMajor, Access: abi.Write}},
		Axes: []abi.Axis{{Name: "i", Dim: m, Block: 32}, {Name: "j", Dim: n, Block: 16}}}
	b := NewBuilder(k)
	i32 := Scalar(tile.I32)
	at := func(axis int) *Value {
		return b.Binary(Mul, b.Op(Program, Attrs{Axis: axis}, i32), b.Index(k.Axes[axis].Block))
	}
	i, j := at(0), at(1)
	zero := b.Float(Of(tile.F32, 32, 16), 0)
	sum := b.For(b.Index(0), b.Op(Extent, Attrs{Sym: "K"}, i32), b.Index(32), 0,
		[]*Value{zero}, func(at *Value, c []*Value) []*Value {
			x := b.Load(0, []int{32, 32}, []*Value{i, at}, nil)
			y := b.Load(1, []int{32, 16}, []*Value{at, j}, nil)
			return []*Value{b.Dot(x, y, c[0])}
		})
	scaled := b.Binary(Mul, sum[0], b.Broadcast(k.Body.Args[0], []int{32, 16}))
	b.Store(3, []int{32, 16}, scaled, i, j)
	b.Yield()
	return k
}

func TestTextRoundTrips(t *testing.T) {
	k := gemm()
	if err := k.Verify(); err != nil {
		t.Fatal(err)
	}
	text := k.String()
	back, err := Parse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got := back.String(); got != text {
		t.Errorf("the text changes:\n%s\n%s", text, got)
	}
}

func TestEveryKindHasARow(t *testing.T) {
	for k := Const; int(k) < Kinds(); k++ {
		if table[k].name == "" || kindOf[table[k].name] != k {
			t.Errorf("kind %d: %q", k, table[k].name)
		}
	}
	if Yield != Kind(Kinds()-1) {
		t.Error("the table and the kinds differ in length")
	}
}

func TestVerifyRefuses(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"dot %14, %15, %13", "dot %15, %14, %13", "dot"},
		{"row write", "row read", "not to be written"},
		{"sizes=32 16} %18", "sizes=32 0} %18", "writes"},
		{"program {axis=1}", "program {axis=2}", "axis 2"},
		{"sym=K", "sym=Q", "no dimension"},
		{"yield %16", "yield", "yields 0 values"},
		{"axis=1}", "axis=x}", "axis"},
		{"= broadcast %0", "= broadcast %77", "not defined"},
	} {
		text := gemm().String()
		if !strings.Contains(text, c.from) {
			t.Fatalf("no %q in\n%s", c.from, text)
		}
		_, err := Parse(strings.Replace(text, c.from, c.to, 1))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.to, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(gemm().String())
	f.Fuzz(func(t *testing.T, text string) {
		k, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(k.String())
		if err != nil || again.String() != k.String() {
			t.Errorf("no round trip: %v\n%s", err, k)
		}
	})
}
