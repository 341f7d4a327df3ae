package check

import (
	"bytes"
	"strings"
	"testing"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

const toolText = `/// A point.
struct Point { x: float, y: float }
impl Point {
	/// Its length.
	fn len(&self) -> float { self.x * self.x }
}
/// Twice.
fn twice(n: int) -> int { n * 2 }
@kernel
fn scale<T, const B = 64>(t: Tensor<[N], T>) -> Tensor<[N], T> by [i: B] { t[i] + t[i] }
fn main() {
	let p = Point { x: 1, y: 2 };
	let q = twice(3);
	print(p.len(), q, twice(q), p.y);
	let s = scale(Tensor::zeros([4], f16));
}
`

// at is the nth place of a text in the source, from 0.
func nth(f *source.File, text string, n int) source.Pos {
	off := 0
	for range n {
		off += bytes.Index(f.Src[off:], []byte(text)) + 1
	}
	return f.Pos(off + bytes.Index(f.Src[off:], []byte(text)))
}

func TestInfo(t *testing.T) {
	_, in, set, ds := checkText("t.nl", toolText, ".")
	if len(ds) > 0 {
		t.Fatal(render(set, ds))
	}
	f := set.File(1)
	for _, c := range []struct {
		text        string
		n           int
		kind, doc   string
		detail      string
		refs, atDef int
	}{
		{"twice", 0, "fn", "Twice.", "fn twice(n: int) -> int", 2, 0},
		{"twice", 1, "fn", "Twice.", "fn twice(n: int) -> int", 2, 0},
		{"Point", 0, "struct", "A point.", "struct Point", 2, 0},
		{"len", 1, "method", "Its length.", "fn len(&self) -> float", 1, 0},
		{"y: 2", 0, "field", "", "y: float", 2, 0},
		{"q", 1, "var", "", "let q: int", 2, 0},
		{"t[i]", 0, "param", "", "t: Tensor<[N], f16>", 2, 0},
		{"i]", 0, "var", "", "axis i: Span<64>", 2, 0},
		{"B]", 0, "param", "", "const B", 1, 0},
		{"print", 0, "builtin", "", "print(...&values: any)", 1, 0},
	} {
		o, _ := in.ObjectAt(nth(f, c.text, c.n))
		if o == nil {
			t.Errorf("%s %d: no object", c.text, c.n)
			continue
		}
		if o.Kind != c.kind || c.doc != "" && o.Doc != c.doc || o.Detail != c.detail ||
			len(o.Refs) != c.refs {
			t.Errorf("%s %d: %+v", c.text, c.n, *o)
		}
	}
	if ty, _ := in.TypeAt(nth(f, "p.len", 0)); ty == nil || String(ty) != "Point" {
		t.Errorf("type of p: %v", ty)
	}
	var names []string
	for _, o := range in.Visible(nth(f, "print", 0)) {
		names = append(names, o.Name)
	}
	got := strings.Join(names, " ")
	if !strings.Contains(got, " p ") || !strings.Contains(got, " q ") || strings.Contains(got,
		" n ") {
		t.Errorf("visible: %s", got)
	}
	ty, _ := in.TypeAt(nth(f, "p.len", 0))
	if m := in.Members(ty); len(m) != 3 {
		t.Errorf("%d members", len(m))
	}
}

func TestSession(t *testing.T) {
	set := &source.Set{}
	s := NewSession(set, Options{})
	for i, c := range []struct{ src, want, result string }{
		{"let x = 3", "", "()"},
		{"x + 1", "", "int"},
		{"fn f(n: int) -> int { n + y }", "NL0101", ""},
		{"fn g(n: int) -> int { n + x }", "", ""},
		{"fn f(n: int) -> int { n + 1 }", "", ""},
		{"f(x); f(2)", "", "int"},
		{"fn f(n: int) -> float { 1.5 }", "", ""},
		{"f(x)", "", "float"},
		{"let x = \"a\"; let y = z;", "NL0101", ""},
		{"x", "", "int"},
		{"var t = Tensor::zeros([4], f32); let u = t;", "", "()"},
		{"t", "NL0601", ""},
		{"u", "", "&Tensor<[4], f32"},
		{"struct P { a: int }", "", ""},
		{"let p = P { a: x }; p.a", "", "int"},
		{"import std.ops; ops::relu(u)", "", "Tensor<[4], f32, Layout"},
		{"for i in 0..3 { let k = i; print(k); } k", "NL0101", ""},
		{"t = u; t[0]", "", "float"},
		{"@kernel fn k(a: Tensor<[N], f32>) -> Tensor<[N], f32> by [i: 64] { a[i] * 2 }", "", ""},
		{"k(t)[0..2]", "", "Tensor<[2], f32>"},
		{"print(1)", "", "()"},
	} {
		errs := &diag.List{}
		file, _ := syntax.Parse(set.Add("line", []byte(c.src)), syntax.Statements, errs)
		p, _ := Program(set, file, errs, Options{Session: s})
		ds := errs.Sorted()
		if c.want == "" && len(ds) > 0 || c.want != "" && (len(ds) != 1 ||
			string(ds[0].Code) != c.want) {
			t.Errorf("%d %s:\n%s", i, c.src, render(set, ds))
			continue
		}
		if c.want != "" {
			continue
		}
		if (p.Main == nil) != (c.result == "") {
			t.Errorf("%s: main %v", c.src, p.Main)
		} else if p.Main != nil && !strings.HasPrefix(String(p.Main.Result),
			strings.TrimSuffix(c.result,
				", Layout")) {
			t.Errorf("%s: %s", c.src, String(p.Main.Result))
		}
	}
}

// TestMoves looks at what ownership writes into a function.
func TestMoves(t *testing.T) {
	src := `
fn make() -> Tensor<[2], f32> { Tensor::zeros([2], f32) }
fn eat(t: Tensor<[2], f32>) { }
fn main() {
	let a = make();
	let b = make();
	eat(a);
	print(make());
	var c = make();
	c = make();
	for i in 0..2 { let d = make(); if i == 1 { break; } }
}
`
	p, _, set, ds := checkText("t.nl", src, ".")
	if len(ds) > 0 {
		t.Fatal(render(set, ds))
	}
	got := ""
	var walk func(b *hir.Block)
	walk = func(b *hir.Block) {
		for _, s := range b.Stmts {
			switch s := s.(type) {
			case *hir.Let:
				got += " let " + s.Var.Name
			case *hir.Drop:
				got += " drop " + s.Var.Name
			case *hir.Assign:
				got += " set"
			case *hir.Break:
				got += " break"
			case *hir.For:
				got += " {"
				walk(s.Body)
				got += " }"
			case *hir.Do:
				if i, ok := s.X.(*hir.If); ok {
					walk(i.Then)
				}
			}
		}
	}
	walk(p.Main.Body)
	want := " let a let b let  drop  let c let  drop c set { let d drop d break drop d } drop c drop b"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var eat *hir.Fn
	for _, f := range p.Funcs {
		if f.Name == "eat" {
			eat = f
		}
	}
	if d, ok := eat.Body.Stmts[0].(*hir.Drop); !ok || d.Var != eat.Params[0] {
		t.Error("eat does not drop its parameter")
	}
}

func BenchmarkCheck(b *testing.B) {
	var src strings.Builder
	for i := range 20 {
		n := string(rune('a' + i))
		src.WriteString("struct S" + n + " { x: float, y: [int] }\n" +
			"fn f_" + n + "(s: &S" + n + ", n: int) -> float {\n\tvar t = 0.0;\n\tfor i in 0..n {\n" +
			"\t\tif i % 2 == 0 { t += s.x * 2; } else { t -= float(s.y[i]); }\n\t}\n\tt\n}\n" +
			"@kernel\nfn k_" + n + "(a: Tensor<[M, K], f16>, b: Tensor<[K, N], f16>) -> Tensor<[M, N], f32>" +
			" by [i: 64, j: 64] {\n\tvar acc = zeros([64, 64], f32);\n" +
			"\tfor k in spans(K, 64) {\n\t\tacc += a[i, k] @ b[k, j];\n\t}\n\tacc\n}\n")
	}
	src.WriteString("fn main() { }\n")
	b.ReportMetric(float64(strings.Count(src.String(), "\n")), "lines")
	for b.Loop() {
		if _, _, set, ds := checkText("t.nl", src.String(), "."); len(ds) > 0 {
			b.Fatal(render(set, ds))
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, dir := range []string{"/accept", "/reject"} {
		for _, src := range programs(f, langDir+dir) {
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		p, in, set, ds := checkText("f.nl", src, ".")
		failed := false
		for _, d := range ds {
			failed = failed || d.Severity == diag.Error
		}
		if !failed {
			if err := verify(p); err != nil {
				t.Fatal(err)
			}
		}
		_ = render(set, ds)
		in.ObjectAt(source.Pos(len(src) / 2))
	})
}
