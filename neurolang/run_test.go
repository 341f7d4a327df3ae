package neurolang

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"tensoros/internal/golden"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/vm"
)

func example(t testing.TB, name string) string {
	t.Helper()
	src, err := os.ReadFile("../examples/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

func TestMatmulEndToEnd(t *testing.T) {
	p := compile(t, "matmul.nl", example(t, "matmul.nl"), Options{})
	f := newFake()
	f.object("nvme://a", 256, 128, tile.F16, tile.RowMajor, func(i,
		j int) float64 {
		return float64(i + j)
	})
	f.object("nvme://b", 128, 384, tile.F16, tile.ColMajor, func(i, j int) float64 {
		if i == j {
			return 2
		}
		return 0
	})
	if err := vm.Run(p, f, vm.Options{}); err != nil {
		t.Fatal(err)
	}
	if got, want := f.out.String(), "[0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0]\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	l := f.launches[0]
	if l.Grid != [3]int{3, 2, 1} || l.Block != [3]int{128, 1, 1} || l.FLOPs != 2*256*384*128 ||
		l.M != 256 || l.N != 384 || l.K != 128 || l.Pos.Line != 16 {
		t.Errorf("launch %+v", l)
	}
	b, err := l.Kernel.ParamBytes([]uint64{1, 2}, 3, l.Geometry)
	if err != nil || len(b) != 36 || b[0] != 1 || b[8] != 2 || b[16] != 3 || b[25] != 1 ||
		b[32] != 128 {
		t.Errorf("parameters %v %v", b, err)
	}
}

func TestHello(t *testing.T) {
	f := newFake()
	if err := vm.Run(compile(t, "hello.nl", example(t, "hello.nl"), Options{}), f,
		vm.Options{}); err != nil {
		t.Fatal(err)
	}
	want := "hello from Neuro-Lang\n" +
		"the first ten terms of the harmonic series give 2.9289682539682538\n" +
		"fib(0) = 0\nfib(3) = 2\nfib(6) = 8\nfib(9) = 34\n"
	if f.out.String() != want {
		t.Errorf("printed\n%s", f.out.String())
	}
}

func TestExamplesCompile(t *testing.T) {
	for _, name := range []string{"matmul.nl", "matmul4096.nl", "hello.nl"} {
		for _, target := range []int{80, 86, 89, 90} {
			if p := compile(t, name, example(t, name), Options{Target: target}); p.Main < 0 {
				t.Errorf("%s has no main", name)
			}
		}
	}
	if p, _, ds := Compile("matmul.nl", []byte(example(t, "matmul.nl")),
		Options{Target: 70}); p != nil ||
		len(ds) != 1 || ds[0].Code != diag.Target {
		t.Errorf("sm_70: %v", ds)
	}
}

func TestBytecodeLimitsAreErrors(t *testing.T) {
	for name, body := range map[string]string{
		"registers": "let a = [" + strings.Repeat("1, ", 300) + "1];",
		"jumps":     "while true { " + strings.Repeat("print(1);\n", 20_000) + "}",
	} {
		p, _, ds := Compile("t.nl", []byte("fn main() {"+body+"}"), Options{})
		if p != nil || len(ds) != 1 || ds[0].Code != diag.TooComplex {
			t.Errorf("%s: %v", name, ds)
		}
	}
}

func TestGoldenMatmul(t *testing.T) {
	for _, target := range []int{80, 90} {
		p := compile(t, "matmul.nl", example(t, "matmul.nl"), Options{Target: target})
		file := fmt.Sprintf("testdata/golden/matmul.sm_%d.ptx", target)
		golden.Check(t, file, []byte(p.Kernels[0].PTX))
	}
	p := compile(t, "matmul.nl", example(t, "matmul.nl"), Options{})
	golden.Check(t, "testdata/golden/matmul.ir", []byte(p.Kernels[0].IR.String()))
	golden.Check(t, "testdata/golden/matmul.bytecode", []byte(p.Disassemble(p.Funcs[p.Main])))
}

// host programs: body of main -> what it prints, or the code of its error.
var hostCases = []struct{ src, want string }{
	{`print(1 + 2 * 3, 7 / 2, -7 / 2, 7 % 3, -7 % 3);`, "7 3 -3 1 -1"},
	{`print(1.5 * 2, 1.0 / 3.0, 2, 1e300 * 1e300);`, "3.0 0.3333333333333333 2 +Inf"},
	{`print("a" + "b" == "ab", "a" < "b", 1 < 2 && !(2 < 1), 1 != 1 || false);`,
		"true true true false"},
	{`var s = 0; for i in 0..5 { if i == 3 { continue; } s += i; } print(s);`, "7"},
	{`var i = 0; while true { i += 1; if i > 4 { break; } } print(i);`, "5"},
	{`for x in [1, 2, 3] { print(x * x); }`, "1\n4\n9"},
	{`let a = [1.5, 2]; print(a, a[0], len(a), a[0..1]);`, "[1.5, 2.0] 1.5 2 [1.5]"},
	{`let x = 3; { let x = 4; print(x); } print(x);`, "4\n3"},
	{`if 1 > 2 { print(1); } else if 2 > 1 { print(2); } else { print(3); }`, "2"},
	{`print(max(1, 2), min(1.5, 2), abs(-3), sqrt(2.25), int(2.9), float(3), str(4) + "!");`,
		"2 1.5 3 1.5 2 3.0 4!"},
	{`let n: int = 2; let f: float = 1; print(n, f, 0..n, device::count(), f16, Layout::ColMajor);`,
		"2 1.0 0..2 1 f16 Layout::ColMajor"},
	{`let t = Tensor::zeros([2, 3], f32); print(t, t.shape(), t[1, 2], t[0..2, 1..3], t[0, 0..2]);`,
		"Tensor<2x3 f32 RowMajor> [2, 3] 0.0 [[0.0, 0.0], [0.0, 0.0]] [0.0, 0.0]"},
	{`let a = Tensor::randn([4, 4], f16, seed=7);
		let b = Tensor::randn([4, 4], f16, seed=7, layout=Layout::ColMajor);
		print(a[1, 2] == b[1, 2], a[1, 2] == a[2, 1]);`, "true false"},
	{`let t = Tensor::zeros([16, 16], f32); t.save("nvme://t");
		print(Tensor::load("nvme://t").shape());`, "[16, 16]"},
	{`print("tab\tquote\"", true == false);`, "tab\tquote\" false"},
	{`var a = 1; var b = a; a = 2; print(a, b);`, "2 1"},
	{`let big = 123456789012; print(big * 2, 0xff, 1_000);`, "246913578024 255 1000"},
	{`for i in 3..1 { print(i); } print("none");`, "none"},

	{`print(1 / (1 - 1));`, "NL0507"},
	{`print(9223372036854775807 + 1);`, "NL0515"},
	{`print(-(0 - 9223372036854775807 - 1));`, "NL0515"},
	{`print(4611686018427387904 * 2);`, "NL0515"},
	{`print([1, 2][2]);`, "NL0506"},
	{`print([1, 2][1..3]);`, "NL0506"},
	{`let t = Tensor::zeros([2, 3], f32); print(t[2, 0]);`, "NL0506"},
	{`let t = Tensor::zeros([2, 3], f32); print(t[0, 0..4]);`, "NL0506"},
	{`let d = device::get(1);`, "NL0506"},
	{`let t = Tensor::load("nvme://none");`, "NL0501"},
	{`assert(1 > 2, "sense");`, "NL0511"},
	{`while true {}`, "NL0509"},
	{`print(forever(1));`, "NL0510"},
	{`print(int(1e30));`, "NL0515"},
}

const hostPrelude = "fn forever(n: int) -> int { return forever(n + 1); }\nfn main() {\n"

func TestHostPrograms(t *testing.T) {
	for _, c := range hostCases {
		f := newFake()
		err := vm.Run(compile(t, "t.nl", hostPrelude+c.src+"\n}", Options{}), f,
			vm.Options{Steps: 100_000})
		var ve *vm.Error
		switch {
		case errors.As(err, &ve):
			if string(ve.Code) != c.want || ve.Pos.Line < 1 {
				t.Errorf("%s: %v, want %s", c.src, err, c.want)
			}
		case err != nil:
			t.Errorf("%s: %v", c.src, err)
		case f.out.String() != c.want+"\n":
			t.Errorf("%s: printed %q, want %q", c.src, f.out.String(), c.want)
		}
	}
}

// launchCases: a tensor that does not fit at launch -> the error's code and words.
var launchCases = []struct {
	name                  string
	rows, cols            int
	elem                  tile.Elem
	layout                tile.Layout
	code, message, advice string
}{
	{"shape", 100, 128, tile.F16, tile.ColMajor, "NL0502", "100 rows of nvme://b",
		"next multiple is 128"},
	{"layout", 128, 128, tile.F16, tile.RowMajor, "NL0503", "takes ColMajor, nvme://b is RowMajor",
		"store it as"},
	{"element", 128, 128, tile.BF16, tile.ColMajor, "NL0504", "takes f16, nvme://b has bf16",
		"store it as f16"},
	{"inner", 256, 128, tile.F16, tile.ColMajor, "NL0505", "K is 128 from A", "must be equal"},
}

func TestLaunchChecks(t *testing.T) {
	p := compile(t, "matmul.nl", example(t, "matmul.nl"), Options{})
	zero := func(i, j int) float64 { return 0 }
	for _, c := range launchCases {
		f := newFake()
		f.object("nvme://a", 128, 128, tile.F16, tile.RowMajor, zero)
		f.object("nvme://b", c.rows, c.cols, c.elem, c.layout, zero)
		err := vm.Run(p, f, vm.Options{})
		var ve *vm.Error
		if !errors.As(err, &ve) || string(ve.Code) != c.code || ve.Pos.Line != 16 ||
			!strings.Contains(ve.Msg, c.message) || !strings.Contains(ve.Help, c.advice) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestSession(t *testing.T) {
	f := newFake()
	s := NewSession(f, Options{})
	err := s.Register(Builtin{Name: "run", Params: []BuiltinParam{{"path", String, false}},
		Result: Int,
		Fn: func(a []vm.Value) (vm.Value, error) {
			return vm.IntValue(int64(len(a[0].Str()))),
				nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ src, value, code string }{
		{"let x = 2", "", ""},
		{"x + 1", "3", ""},
		{"var y = 1; y += x; y", "3", ""},
		{"y = 10;", "", ""},
		{"fn twice(n: int) -> int { return n * 2; }", "", ""},
		{"twice(y)", "20", ""},
		{"fn twice(n: int) -> int { return n * 3; } twice(y)", "30", ""},
		{"let x = \"text\"; x + \"!\"", "text!", ""},
		{"z", "", "NL0101"},
		{"let q = ;", "", "NL0010"},
		{"q", "", "NL0101"},
		{"let w = 1 / 0", "", "NL0507"},
		{"w", "", "NL0514"},
		{"run(\"abc\")", "3", ""},
		{"run(1)", "", "NL0201"},
		{"@kernel fn scale(A: Tile<16, 16, f32>) -> Tile<16, 16, f32> { return A * 2 + 1; }", "",
			""},
		{"let t = Tensor::zeros([32, 32], f32)", "", ""},
		{"scale(scale(t.view()).view())[31, 30..32]", "[3.0, 3.0]", ""},
		{"print(1)", "", ""},
		{"for i in 0..3 { y = y + i; } y", "13", ""},
	} {
		got, err := s.Eval(c.src)
		if (err == nil) != (c.code == "") || err != nil && !strings.Contains(err.Error(), c.code) ||
			got != c.value {
			t.Errorf("%s: %q, %v; want %q %s", c.src, got, err, c.value, c.code)
		}
	}
	if !s.Incomplete("fn f() {") || s.Incomplete("1 + 1") {
		t.Error("Incomplete is wrong")
	}
	if f.out.String() != "1\n" {
		t.Errorf("printed %q", f.out.String())
	}
}

func TestErrorText(t *testing.T) {
	src := "@kernel\nfn f(\n\tA: Tile<128, 64, f16>, B: Tile<128, 128, f16>\n" +
		") -> Tile<128, 128, f32> {\n" +
		"\treturn dot(A, B);\n}\n"
	_, set, ds := Compile("f.nl", []byte(src), Options{})
	want := "error[NL0301]: A's 2nd dimension is 64, B's 1st is 128\n" +
		" --> f.nl:5:9\n" +
		"3 |     A: Tile<128, 64, f16>, B: Tile<128, 128, f16>\n" +
		"  |                  -- 64 here\n" +
		"  |                                    --- 128 here\n" +
		" ...\n" +
		"5 |     return dot(A, B);\n" +
		"  |            ^^^^^^^^^ dot runs over both\n"
	if got := (&Errors{set, ds}).Render(diag.Style{}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func BenchmarkCompileMatmul(b *testing.B) {
	src := []byte(example(b, "matmul.nl"))
	b.ReportAllocs()
	for b.Loop() {
		if p, _, _ := Compile("matmul.nl", src, Options{}); p == nil {
			b.Fatal("does not compile")
		}
	}
}

func BenchmarkInterpretLoop(b *testing.B) {
	p := compile(b, "t.nl", "fn main() { var s = 0; for i in 0..100000 { s += i % 7; } }",
		Options{})
	f := newFake()
	b.ReportAllocs()
	for b.Loop() {
		if err := vm.Run(p, f, vm.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
