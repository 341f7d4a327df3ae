package check

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

// load reads modules beside the test programs.
func load(dir string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, path)) }
}

func checkText(name, src, dir string) (*hir.Program, *Info, *source.Set, []diag.Diagnostic) {
	set := &source.Set{}
	errs := &diag.List{}
	file, _ := syntax.Parse(set.Add(name, []byte(src)), syntax.Items, errs)
	p, in := Program(set, file, errs, Options{Load: load(dir)})
	return p, in, set, errs.Sorted()
}

func render(set *source.Set, ds []diag.Diagnostic) string {
	var b bytes.Buffer
	_ = diag.Render(&b, set, ds, diag.Style{})
	return b.String()
}

// expectation is an ERROR comment: a pattern for "code: message", and the line it stands on.
type expectation struct {
	re   *regexp.Regexp
	line int
	met  bool
}

var (
	errorComment = regexp.MustCompile(`^/\* ERROR (.*) \*/$`)
	quoted       = regexp.MustCompile(`"([^"]*)"`)
)

func expectations(t *testing.T, f *source.File) (out []*expectation) {
	for _, tok := range syntax.Tokens(f, &diag.List{}) {
		m := errorComment.FindStringSubmatch(string(f.Src[f.Offset(tok.Pos):f.Offset(tok.End)]))
		if m == nil {
			continue
		}
		for _, q := range quoted.FindAllStringSubmatch(m[1], -1) {
			re, err := regexp.Compile(q[1])
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, &expectation{re: re, line: f.Position(tok.Pos).Line})
		}
	}
	return out
}

// programs are the parts of the files in a folder, split at `//- name` lines.
func programs(t testing.TB, dir string) map[string]string {
	files, err := filepath.Glob(filepath.Join(dir, "*.nl"))
	if err != nil || len(files) == 0 {
		t.Fatal("no programs in ", dir, err)
	}
	out := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		base := strings.TrimSuffix(filepath.Base(file), ".nl")
		parts := strings.Split("\n"+string(text), "\n//- ")
		if len(parts) == 1 {
			out[base] = string(text)
		}
		for _, p := range parts[1:] {
			name, src, _ := strings.Cut(p, "\n")
			out[base+"/"+name] = src
		}
	}
	return out
}

const langDir = "../testdata/lang"

func TestAccept(t *testing.T) {
	ps := programs(t, langDir+"/accept")
	for name, src := range ps {
		p, _, set, ds := checkText("t.nl", src, langDir+"/modules")
		if len(ds) > 0 {
			t.Errorf("%s:\n%s", name, render(set, ds))
			continue
		}
		if err := verify(p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Log(len(ps), "programs")
}

func TestReject(t *testing.T) {
	ps := programs(t, langDir+"/reject")
	for name, src := range ps {
		_, _, set, ds := checkText("t.nl", src, langDir+"/modules")
		if match(t, name, set, ds) == 0 {
			t.Errorf("%s: expects no error", name)
		}
	}
	t.Log(len(ps), "programs")
}

// match holds diagnostics against the ERROR comments of the first file, both ways.
func match(t *testing.T, name string, set *source.Set, ds []diag.Diagnostic) int {
	t.Helper()
	want := expectations(t, set.File(1))
	for i := range ds {
		found := false
		line := set.Position(ds[i].Primary.Span.Pos).Line
		for _, e := range want {
			if !e.met && e.line == line && e.re.MatchString(fmt.Sprintf("%s: %s", ds[i].Code,
				ds[i].Message)) {
				e.met, found = true, true
				break
			}
		}
		if !found {
			t.Errorf("%s: unexpected\n%s", name, render(set, ds[i:i+1]))
		}
	}
	for _, e := range want {
		if !e.met {
			t.Errorf("%s:%d: no error matches %q", name, e.line, e.re)
		}
	}
	return len(want)
}
