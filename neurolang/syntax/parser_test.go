package syntax

import (
	"bytes"
	"testing"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
)

func parse(src string, mode Mode) (*File, bool, []diag.Diagnostic) {
	var set source.Set
	var errs diag.List
	f, inc := Parse(set.Add("t.nl", []byte(src)), mode, &errs)
	return f, inc, errs.Sorted()
}

func TestIncomplete(t *testing.T) {
	for _, c := range []struct {
		src  string
		want bool
	}{
		{"let x =", true}, {"1 +", true}, {"f(1,", true}, {"fn f() {", true}, {"@kernel", true},
		{"if x { print(1);", true}, {"/* open", true}, {"fn f(a: int) -> ", true}, {"[1, 2", true},
		{"let x = 1", false}, {"1 + 2", false}, {"print(1);", false}, {"", false},
		{"let = 3", false}, {"f(1", true}, {"f 1(", false}, {"if x {} else", true},
		{"\"abc", false},
	} {
		if _, got, ds := parse(c.src, Statements); got != c.want {
			t.Errorf("%q: incomplete = %v, want %v %v", c.src, got, c.want, ds)
		}
	}
}

func TestOneErrorPerMistake(t *testing.T) {
	src := `
fn a() { let x = ; let y = 2 }
fn b( { }
fn c() { if ) { print(1); } return 3; }
fn d() -> { f(1 2); g($); h(); }
nonsense here;
fn e() { ok(); }
`
	f, _, ds := parse(src, Items)
	for _, d := range ds {
		t.Log(d.Code, d.Primary.Span, d.Message)
	}
	if len(ds) != 8 {
		t.Errorf("%d diagnostics, want 8: one for each slip", len(ds))
	}
	if n := len(f.Items); n != 5 || f.Items[4].Head().Bad || !f.Items[0].Head().Bad {
		t.Errorf("%d functions, want 5, of which the last is whole", n)
	}
}

func TestPrecedence(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"1+2*3", "(1 + (2 * 3))"}, {"1-2-3", "((1 - 2) - 3)"}, {"-a.b(1)[2]", "(-a.b(1)[2])"},
		{"a < b && c || !d", "(((a < b) && c) || (!d))"}, {"0..n+1", "(0..(n + 1))"},
		{"A::b(x, y=2)", "A::b(x, y=2)"}, {"a | b ^ c & d << 1", "(a | (b ^ (c & (d << 1))))"},
		{"a @ b + c as f16", "((a @ b) + (c as f16))"}, {"-x as int", "((-x) as int)"},
		{"f::<1, f16>(x)?.y.0.1", "f::<1, f16>(x)?.y.0.1"}, {"&mut a[0, .., 1..2]",
			"&mut a[0, .., (1..2)]"},
		{"|a, b: int| a + b", "|a, b| (a + b)"}, {"(1, (2)).0", "(1, 2).0"}, {"[0; 1 + 2]",
			"[0; (1 + 2)]"},
		{"if a == B { 1 } else { 2 }", "if (a == B) {}"}, {"P { x: 1, y }.x", "P{x: 1, y: y}.x"},
	} {
		f, _, ds := parse(c.src, Statements)
		if len(ds) != 0 || len(f.Stmts) != 1 {
			t.Errorf("%q: %v", c.src, ds)
			continue
		}
		if got := format(f.Stmts[0].(*ExprStmt).X); got != c.want {
			t.Errorf("%q: %s, want %s", c.src, got, c.want)
		}
	}
}

// format writes an expression with all its parentheses.
func format(e Expr) string {
	list := func(es []Expr) (s string) {
		for i, e := range es {
			if i > 0 {
				s += ", "
			}
			s += format(e)
		}
		return s
	}
	args := func(ts []TypeExpr) (s string) {
		for i, t := range ts {
			if i > 0 {
				s += ", "
			}
			switch t := t.(type) {
			case *ConstType:
				s += format(t.X)
			case *PathType:
				s += t.Parts[0].Text
			}
		}
		return s
	}
	switch e := e.(type) {
	case *PathExpr:
		s := e.Parts[0].Text
		for _, p := range e.Parts[1:] {
			s += "::" + p.Text
		}
		if e.Args != nil {
			s += "::<" + args(e.Args) + ">"
		}
		return s
	case *IntLit:
		return string(rune('0' + e.Value))
	case *ParenExpr:
		return format(e.X)
	case *TupleLit:
		return "(" + list(e.Elems) + ")"
	case *ArrayLit:
		if e.Count != nil {
			return "[" + list(e.Elems) + "; " + format(e.Count) + "]"
		}
		return "[" + list(e.Elems) + "]"
	case *StructLit:
		s := ""
		for i, f := range e.Fields {
			if i > 0 {
				s += ", "
			}
			s += f.Name.Text + ": " + format(f.Value)
		}
		return format(e.Name) + "{" + s + "}"
	case *UnaryExpr:
		return "(" + e.Op.Symbol() + format(e.X) + ")"
	case *RefExpr:
		if e.Mut {
			return "&mut " + format(e.X)
		}
		return "&" + format(e.X)
	case *BinaryExpr:
		return "(" + format(e.X) + " " + e.Op.Symbol() + " " + format(e.Y) + ")"
	case *CastExpr:
		return "(" + format(e.X) + " as " + args([]TypeExpr{e.Type}) + ")"
	case *RangeExpr:
		return "(" + format(e.Lo) + ".." + format(e.Hi) + ")"
	case *WholeExpr:
		return ".."
	case *FieldExpr:
		return format(e.X) + "." + e.Name.Text
	case *TryExpr:
		return format(e.X) + "?"
	case *IfExpr:
		return "if " + format(e.Cond) + " {}"
	case *ClosureExpr:
		s := ""
		for i, p := range e.Params {
			if i > 0 {
				s += ", "
			}
			s += p.Name.Text
		}
		return "|" + s + "| " + format(e.Body)
	case *IndexExpr:
		return format(e.X) + "[" + list(e.Indices) + "]"
	case *CallExpr:
		s := format(e.Fn) + "("
		for i, a := range e.Args {
			if i > 0 {
				s += ", "
			}
			if a.Name != nil {
				s += a.Name.Text + "="
			}
			s += format(a.Value)
		}
		return s + ")"
	}
	return "?"
}

// rebuild checks that the tokens cover the source without gap or overlap.
func rebuild(t *testing.T, src []byte) {
	var set source.Set
	var errs diag.List
	f := set.Add("t.nl", src)
	s := NewScanner(f, &errs)
	var out []byte
	for tok := s.Next(); tok.Kind != EOF; tok = s.Next() {
		out = append(out, src[f.Offset(tok.Pos):f.Offset(tok.End)]...)
	}
	if !bytes.Equal(out, src) {
		t.Fatalf("tokens rebuild %q from %q", out, src)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"@kernel fn m(A: Tile<128, 128, f16, Layout::RowMajor>) -> Tile<1,1,f32> " +
			"{ return dot(A, A); }",
		"fn main() { for i in 0..10 { if i % 2 == 0 { continue; } else { print(i); } } }",
		"struct P<T, const N = 2> { a: [T] } enum E { A, B(int) } impl E { fn f(&mut self) {} }",
		"import std.nn as n; trait T { fn f(self) -> int; } type A = fn(int) -> (int, f16) on d;",
		"let y = match x { A(1 | 2, _) if g => { 1 }, P { a, .. } => f\"{x:.3} {{}}\", -1..2 => 0 };",
		"#[a(b=1)] fn f<const B = 4>(x: &atomic Tensor<[M, _, ..], T> by [i: B, ..]) over [e in E];",
		"let x = \"a\\n\" + 1e5; x[0, 0..8]", "((((((", "}}}}{{{", "\"", "/*/*", "fn fn fn @", "0x",
		"é…",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		rebuild(t, src)
		for _, m := range []Mode{Items, Statements} {
			parse(string(src), m)
		}
	})
}

func TestDeepNestingIsAnError(t *testing.T) {
	for _, s := range []string{"(", "-", "[", "f(", "{", "if a {} else ", "x.y", "1+"} {
		_, _, ds := parse(string(bytes.Repeat([]byte(s), 100_000)), Statements)
		if len(ds) == 0 {
			t.Errorf("%q repeated: no diagnostic", s)
		}
	}
}
