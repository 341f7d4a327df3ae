package neurolang

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

// expectation is an ERROR comment: a pattern for "code: message" and where the error must be.
// /* ERROR "re" */ means the token before it, ERROR-LINE its line, ERRORS anywhere in the program.
type expectation struct {
	pattern string
	near    source.Span
	line    int
	met     bool
}

var (
	errorComment = regexp.MustCompile(`^/\* (ERROR|ERROR-LINE|ERRORS) (.*) \*/$`)
	quoted       = regexp.MustCompile(`"([^"]*)"`)
)

func expectations(t *testing.T, f *source.File) (out []*expectation) {
	sc := syntax.NewScanner(f, &diag.List{})
	var last source.Span
	for tok := sc.Next(); tok.Kind != syntax.EOF; tok = sc.Next() {
		text := string(f.Src[f.Offset(tok.Pos):f.Offset(tok.End)])
		m := errorComment.FindStringSubmatch(text)
		if m == nil {
			if tok.Kind != syntax.Space && tok.Kind != syntax.Comment {
				last = tok.Span
			}
			continue
		}
		for _, q := range quoted.FindAllStringSubmatch(m[2], -1) {
			e := &expectation{pattern: q[1]}
			switch m[1] {
			case "ERROR":
				e.near = last
			case "ERROR-LINE":
				e.line = f.Position(tok.Pos).Line
			}
			out = append(out, e)
		}
	}
	return out
}

func (e *expectation) matches(f *source.File, d *diag.Diagnostic) bool {
	sp := d.Primary.Span
	if e.met || e.near.IsValid() && (sp.Pos > e.near.End || sp.End < e.near.Pos) ||
		e.line > 0 && f.Position(sp.Pos).Line != e.line {
		return false
	}
	return regexp.MustCompile(e.pattern).MatchString(fmt.Sprintf("%s: %s", d.Code, d.Message))
}

// TestCheckPrograms compiles every program of testdata/check and holds its diagnostics against
// its ERROR comments, both ways.
func TestCheckPrograms(t *testing.T) {
	files, err := filepath.Glob("testdata/check/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no programs", err)
	}
	programs := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split("\n"+string(text), "\n-- ")[1:] {
			name, src, _ := strings.Cut(part, " --\n")
			programs++
			checkProgram(t, filepath.Base(file)+"/"+name, src)
		}
	}
	if programs < 40 {
		t.Errorf("%d programs, want 40 at least", programs)
	}
}

func checkProgram(t *testing.T, name, src string) {
	p, set, ds := Compile(name, []byte(src), Options{})
	f := set.File(1)
	want := expectations(t, f)
	if (p == nil) != (len(want) > 0) {
		t.Errorf("%s: compiled = %v with %d ERROR comments", name, p != nil, len(want))
	}
	for i := range ds {
		found := false
		for _, e := range want {
			if e.matches(f, &ds[i]) {
				e.met, found = true, true
				break
			}
		}
		if !found {
			t.Errorf("%s: unexpected\n%s", name, (&Errors{set, ds[i : i+1]}).Error())
		}
	}
	for _, e := range want {
		if !e.met {
			t.Errorf("%s: no error matches %q", name, e.pattern)
		}
	}
}

func FuzzCompile(f *testing.F) {
	files, _ := filepath.Glob("testdata/check/*.txt")
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for _, part := range strings.Split("\n"+string(text), "\n-- ")[1:] {
			_, src, _ := strings.Cut(part, " --\n")
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		p, set, ds := Compile("f.nl", []byte(src), Options{})
		if (p == nil) != (len(ds) > 0) {
			t.Fatalf("program %v with %d diagnostics", p != nil, len(ds))
		}
		_ = (&Errors{set, ds}).Error()
	})
}
