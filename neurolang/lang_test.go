package neurolang_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"tensoros/internal/golden"
	"tensoros/neurolang"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/doc"
	"tensoros/neurolang/emu"
	"tensoros/neurolang/source"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/vm"
)

// run compiles a program and runs its main with the reference interpreter of kernels.
func run(name string, src []byte) (out string, err error) {
	p, set, ds := neurolang.Compile(name, src, neurolang.Options{Load: os.ReadFile})
	if p == nil {
		return "", &neurolang.Errors{Set: set, List: ds}
	}
	if err := p.Verify(); err != nil {
		return "", err
	}
	var b strings.Builder
	rt := emu.New(func(line string) { b.WriteString(line + "\n") })
	if err := vm.Run(p, rt, vm.Options{}); err != nil {
		return b.String(), errors.New(neurolang.Render(set, err, diag.Style{}))
	}
	return b.String(), nil
}

// TestLangRun runs the programs of testdata/lang/run and compares what they print.
func TestLangRun(t *testing.T) {
	files, err := filepath.Glob("testdata/lang/run/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		ar := txtar.Parse(text)
		for i := 0; i+1 < len(ar.Files); i += 2 {
			prog, want := &ar.Files[i], &ar.Files[i+1]
			t.Run(strings.TrimSuffix(prog.Name, ".nl"), func(t *testing.T) {
				got, err := run(prog.Name, prog.Data)
				if err != nil {
					t.Fatalf("%v", err)
				}
				if got != string(want.Data) && !golden.Updating() {
					t.Errorf("prints\n%swant\n%s", got, want.Data)
				}
				want.Data = []byte(got)
			})
		}
		if golden.Updating() && !t.Failed() {
			if err := os.WriteFile(path, txtar.Format(ar), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestExamples runs the examples; they hold what they claim by assert.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../examples/[0-9]*.nl")
	if err != nil || len(files) < 30 {
		t.Fatal(err, len(files))
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			out, err := run(path, src)
			if err != nil {
				t.Fatalf("%v", err)
			}
			if out == "" {
				t.Error("it prints nothing")
			}
		})
	}
}

// block is a fenced block of a document.
type block struct {
	info, text string
	line       int
}

func blocks(t *testing.T, path string) []block {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []block
	var cur *block
	for i, line := range strings.Split(string(text), "\n") {
		switch info, fence := strings.CutPrefix(line, "```"); {
		case fence && cur == nil:
			cur = &block{info: info, line: i + 1}
		case fence:
			out = append(out, *cur)
			cur = nil
		case cur != nil:
			cur.text += line + "\n"
		}
	}
	return out
}

// TestTutorial runs every program of the tutorial and compares what it prints with the text block
// that follows.
func TestTutorial(t *testing.T) {
	documents(t, "../docs/tutorial.md", 10)
}

// TestReference runs the programs of the reference; its blocks of nl are held by neurolang/check.
func TestReference(t *testing.T) {
	documents(t, "../docs/language.md", 10)
}

// documents runs the blocks of a document: neuro programs, and neuro-error CODE ones that must not
// compile.
func documents(t *testing.T, path string, atLeast int) {
	list := blocks(t, path)
	ran := 0
	for i, b := range list {
		name := filepath.Base(path)
		code, bad := strings.CutPrefix(b.info, "neuro-error ")
		switch {
		case bad:
			_, _, ds := neurolang.Compile(name, []byte(b.text), neurolang.Options{})
			if len(ds) == 0 || string(ds[0].Code) != code {
				t.Errorf("%s:%d: %v instead of %s", path, b.line, ds, code)
			}
		case b.info == "neuro":
			out, err := run(name, []byte(b.text))
			if err != nil {
				t.Errorf("%s:%d: %v", path, b.line, err)
				continue
			}
			if i+1 < len(list) && list[i+1].info == "text" && list[i+1].text != out {
				t.Errorf("%s:%d: prints\n%sinstead of\n%s", path, b.line, out, list[i+1].text)
			}
		default:
			continue
		}
		ran++
	}
	if ran < atLeast {
		t.Errorf("%s: only %d programs", path, ran)
	}
}

// TestLibraryDocs runs the programs in the library's comments.
func TestLibraryDocs(t *testing.T) {
	files, err := filepath.Glob("std/*.nl")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, path := range files {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(src, []byte("///     ")) {
			continue
		}
		p, set, ds := neurolang.Compile(path, withTests(src), neurolang.Options{})
		if p == nil {
			t.Errorf("%s: %v", path, &neurolang.Errors{Set: set, List: ds})
			continue
		}
		for _, fn := range p.Tests {
			err := vm.RunTest(p, fn, emu.New(func(string) {}), vm.Options{})
			if err != nil {
				t.Errorf("%s %s: %s", path, p.Funcs[fn].Name,
					neurolang.Render(set, err, diag.Style{}))
			}
		}
	}
}

func withTests(src []byte) []byte {
	return doc.With(src, doc.Tests(doc.Parse(src)))
}

// BenchmarkCompile measures from text to PTX and bytecode.
func BenchmarkCompile(b *testing.B) {
	for _, path := range []string{"../examples/matmul.nl", "../examples/30-mlp.nl"} {
		src, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(filepath.Base(path), func(b *testing.B) {
			for b.Loop() {
				if p, _, ds := neurolang.Compile(path, src, neurolang.Options{}); p == nil {
					b.Fatal(ds)
				}
			}
		})
	}
}

// FuzzCompile: no text makes the compiler panic.
func FuzzCompile(f *testing.F) {
	files, _ := filepath.Glob("../examples/*.nl")
	for _, path := range files {
		if src, err := os.ReadFile(path); err == nil {
			f.Add(string(src))
		}
	}
	for _, base := range []string{"host", "kernel"} {
		path := "testdata/lang/run/" + base + ".txtar"
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		ar := txtar.Parse(text)
		for i := 0; i < len(ar.Files); i += 2 {
			f.Add(string(ar.Files[i].Data))
		}
	}
	for i, expr := range operators {
		elem := tile.ElemNames()[i%len(tile.ElemNames())]
		f.Add(strings.NewReplacer("ELEM", elem, "EXPR", expr, "ONE", "1").Replace(tryOut))
	}
	f.Fuzz(func(t *testing.T, src string) {
		_, set, ds := neurolang.Compile("fuzz.nl", []byte(src), neurolang.Options{})
		for _, d := range ds {
			if set.Position(d.Primary.Span.Pos) == (source.Position{}) {
				t.Errorf("%s %s has no place", d.Code, d.Message)
			}
		}
	})
}

// TestCompileTimes holds what is promised of compiling, with a margin for machines that are busy.
func TestCompileTimes(t *testing.T) {
	for _, c := range []struct {
		path string
		most time.Duration
	}{{"../examples/matmul.nl", 50 * time.Millisecond}, {"std/testdata/llama.nl", time.Second}} {
		src, err := os.ReadFile(c.path)
		if err != nil {
			t.Fatal(err)
		}
		best := time.Hour
		for range 5 {
			start := time.Now()
			if p, _, ds := neurolang.Compile(c.path, src, neurolang.Options{}); p == nil {
				t.Fatal(ds)
			}
			best = min(best, time.Since(start))
		}
		t.Logf("%s: %v", c.path, best)
		if best > 3*c.most {
			t.Errorf("%s takes %v, promised are %v", c.path, best, c.most)
		}
	}
}
