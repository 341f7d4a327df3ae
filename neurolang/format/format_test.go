package format

import (
	"os"
	"path/filepath"
	"testing"
)

func format(t *testing.T, src string) string {
	t.Helper()
	out, _, ds := Source("x.nl", []byte(src))
	if out == nil {
		t.Fatalf("%s: %v", src, ds)
	}
	return string(out)
}

func TestLayout(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"fn  f( a:int,b : float )->int{ a+1 }", "fn f(a: int, b: float) -> int { a + 1 }\n"},
		{"fn main(){\nlet x=-1;\n\n\n\nlet y = x - -2;\n}",
			"fn main() {\n    let x = -1;\n\n    let y = x - -2;\n}\n"},
		{"@kernel\nfn f<T:Float,const N=4>(x:Tensor<[M,N],T>)->Tensor<[M,N],T> by[i:4,..]{x[i,..]*2.0}",
			"@kernel\nfn f<T: Float, const N = 4>(x: Tensor<[M, N], T>) -> Tensor<[M, N], T> by [i: 4, ..] { x[i, ..] * 2.0 }\n"},
		{"fn f(){g(a = 1,b=-2);h::<f16,2>(x);}", "fn f() { g(a=1, b=-2); h::<f16, 2>(x); }\n"},
		{"fn f(){map(&xs,|x|x*2);if a<b&&c>d{x}else{-y}}",
			"fn f() { map(&xs, |x| x * 2); if a < b && c > d { x } else { -y } }\n"},
		{"fn f(){ // why\nx=1; // there\n// own line\n/* in */ y=2;\n}",
			"fn f() { // why\n    x = 1; // there\n    // own line\n    /* in */ y = 2;\n}\n"},
		{"fn f(){\ng(\na,\nb\n);\n}", "fn f() {\n    g(\n        a,\n        b\n    );\n}\n"},
		{"fn f(){\nlet x=a\n+b;\n}", "fn f() {\n    let x = a\n        + b;\n}\n"},
		{"enum E{A(int),B}\nfn f(e:E)->int{match e{E::A(x)if x>0=>x,\nE::A(1|2)=>3,_=>0}}",
			"enum E { A(int), B }\nfn f(e: E) -> int { match e { E::A(x) if x > 0 => x,\n    E::A(1 | 2) => 3, _ => 0 } }\n"},
		{"fn f(){for k in pipeline(spans(K,BK),stages=4){acc+=a[i,k]@b[k,j];}}",
			"fn f() { for k in pipeline(spans(K, BK), stages=4) { acc += a[i, k] @ b[k, j]; } }\n"},
		{"#[budget( regs=64)]\n@test\n@a(b=1) fn f(){}",
			"#[budget(regs=64)]\n@test\n@a(b=1) fn f() {}\n"},
		{"", ""}, {"// only\n\n\n", "// only\n"},
		{"fn f(x:&mut Array<Array<int>>){}", "fn f(x: &mut Array<Array<int>>) {}\n"},
		{"struct P{a:int,}\nimpl<T>Show for P{fn g(&self){}}",
			"struct P { a: int, }\nimpl<T> Show for P { fn g(&self) {} }\n"},
	} {
		if got := format(t, c.in); got != c.want {
			t.Errorf("%q\n got %q\nwant %q", c.in, got, c.want)
		}
		if again := format(t, c.want); again != c.want {
			t.Errorf("not stable: %q\n got %q", c.want, again)
		}
	}
}

// TestOwnSources holds the examples and the library to the format.
func TestOwnSources(t *testing.T) {
	var files []string
	for _, g := range []string{"../../examples/*.nl", "../std/*.nl", "../std/*/*.nl"} {
		fs, err := filepath.Glob(g)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, fs...)
	}
	if len(files) < 30 {
		t.Fatalf("%d files", len(files))
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if got := format(t, string(src)); got != string(src) {
			t.Errorf("%s is not formatted: tos-sim fmt %s", f, f)
		}
	}
}

func FuzzSource(f *testing.F) {
	f.Add("fn f() { let x = a < b; }")
	f.Add("@kernel fn f(x: Tensor<[N], f32>) -> Tensor<[N], f32> by [i: 4] { -x[i] }")
	f.Add("fn f(){match x{A|B=>|y|y,_=>{}}}")
	f.Fuzz(func(t *testing.T, src string) {
		out, _, _ := Source("x.nl", []byte(src))
		if out == nil {
			return
		}
		again, _, ds := Source("x.nl", out)
		if string(again) != string(out) {
			t.Errorf("%q becomes %q, then %q %v", src, out, again, ds)
		}
	})
}
