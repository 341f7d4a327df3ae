package gen

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tensoros/hw/ptx"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

var update = flag.Bool("update", false, "write the golden files")

// kernels of testdata: name.tir is the text of a kernel.
func kernels(t testing.TB) map[string]*tir.Kernel {
	t.Helper()
	files, err := filepath.Glob("testdata/*.tir")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	out := map[string]*tir.Kernel{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		k, err := tir.Parse(string(text))
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".tir")] = k
	}
	return out
}

// TestPTX: every variant on every target is what the door's parser and verifier take; the warp IR
// verifies and its text form comes back the same.
func TestPTX(t *testing.T) {
	for name, k := range kernels(t) {
		for _, cc := range Targets() {
			out, err := Compile(k, cc, Options{})
			if err != nil {
				t.Errorf("%s on %d: %v", name, cc, err)
				continue
			}
			if n := len(out.Variants); n == 0 || len(out.Variants[n-1].Needs) > 0 {
				t.Errorf("%s on %d: no variant for all shapes", name, cc)
			}
			for i, v := range out.Variants {
				m, err := ptx.Parse(name, []byte(v.PTX))
				if err == nil {
					err = ptx.Verify(m)
				}
				if err != nil {
					t.Errorf("%s on %d, variant %d: %v", name, cc, i, err)
				}
			}
			text, err := Dump(k, cc, Options{}, "warp")
			if err != nil {
				t.Fatal(err)
			}
			if f, err := wir.Parse(text); err != nil || f.String() != text {
				t.Errorf("%s on %d: the warp IR's text: %v", name, cc, err)
			}
		}
	}
}

// TestSameBytes: the same kernel gives the same text.
func TestSameBytes(t *testing.T) {
	for name, k := range kernels(t) {
		a, err := Dump(k, 90, Options{}, "ptx")
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := Dump(k, 90, Options{}, "ptx"); a != b {
			t.Errorf("%s: the text changes", name)
		}
	}
}

// TestGolden holds the tile IR after its passes and the layouts that values get.
func TestGolden(t *testing.T) {
	for name, k := range kernels(t) {
		for _, cc := range []int{80, 90} {
			o := optimise(k)
			g := &gen{t: targetOf(cc), facts: facts{k: o}}
			g.plan()
			g.assign()
			got := g.k.String() + "\n" + g.layouts()
			file := fmt.Sprintf("testdata/%s.%d", name, cc)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if string(want) != got {
				t.Errorf("%s differs (-update writes it):\n%s", file, got)
			}
		}
	}
}

// layouts lists the layouts of all tiles.
func (g *gen) layouts() string {
	var b strings.Builder
	g.k.Body.Walk(func(op *tir.Op) {
		for _, v := range op.Results {
			if v.Type.Rank() > 0 {
				fmt.Fprintf(&b, "%%%d %s: %s\n", v.ID, v.Type, g.layoutOf(v))
			}
		}
	})
	return b.String()
}

func TestRefuses(t *testing.T) {
	const big = `kernel @big {
  param x: f32[4096,4096] row read
  out y: f32[4096,4096] row write
} () {
  %0 = const {value=0} : i32
  %1 = load {param=0, sizes=1024 1024} %0, %0 : f32[1024,1024] @7:9
  store {param=1, sizes=1024 1024} %1, %0, %0
  yield
}`
	k, err := tir.Parse(big)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cc   int
		code diag.Code
		line int
	}{{80, diag.Registers, 7}, {90, diag.Registers, 7}, {70, diag.Target, 0}} {
		_, err := Compile(k, c.cc, Options{})
		var e *Error
		if !errors.As(err, &e) || e.Code != c.code || e.Loc.Line != c.line || e.Help == "" {
			t.Errorf("sm_%d: %#v", c.cc, err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	k := kernels(b)["gemm"]
	for range b.N {
		if _, err := Compile(k, 90, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, k := range kernels(f) {
		f.Add(k.String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := tir.Parse(text)
		if err != nil || len(text) > 4000 {
			return
		}
		for _, cc := range []int{80, 90} {
			out, err := Compile(k, cc, Options{})
			if err != nil {
				var e *Error
				if !errors.As(err, &e) {
					t.Errorf("%v", err)
				}
				continue
			}
			for _, v := range out.Variants {
				m, err := ptx.Parse("fuzz", []byte(v.PTX))
				if err == nil {
					err = ptx.Verify(m)
				}
				if err != nil {
					t.Errorf("%v\n%s", err, v.PTX)
				}
			}
		}
	})
}
