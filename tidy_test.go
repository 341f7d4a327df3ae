package tensoros_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The rules a machine can check.
const (
	maxFunc     = 70 // lines
	maxTestFunc = 120
	maxFile     = 800
	maxColumn   = 100
	tabColumns  = 4
	longLiteral = 50 // runes: a line that holds such a string may be longer
)

// quietRooms are where a run is a function of its input: no clock, no chance, no concurrency.
var quietRooms = []string{"sim/", "kernel/", "neurolang/"}

// threads is the one file there that may start goroutines: SMs in windows, whose outcome does not
// depend on how many threads there are (TestThreadsChangeNothing).
const threads = "sim/gpu/sm/threads.go"

// Written in halves, or this file would break its own rules.
var (
	machinePath = regexp.MustCompile(`/wo` + `rk/|/tm` + `p/`)
	workPath    = regexp.MustCompile(`/wo` + `rk/`)
	hosts       = []string{"proxy.golang" + ".org", "deb.debian" + ".org",
		"registry.npmjs" + ".org"}
)

// source is a parsed Go file.
type source struct {
	file  string
	data  []byte
	set   *token.FileSet
	ast   *ast.File
	found []string
}

func parse(file string, data []byte) (*source, error) {
	s := &source{file: file, data: data, set: token.NewFileSet()}
	var err error
	s.ast, err = parser.ParseFile(s.set, file, data, parser.ParseComments)
	return s, err
}

func (s *source) test() bool { return strings.HasSuffix(s.file, "_test.go") }

func (s *source) quiet() bool {
	in := func(room string) bool { return strings.HasPrefix(s.file, room) }
	return !s.test() && filepath.ToSlash(s.file) != threads && slices.ContainsFunc(quietRooms, in)
}

func (s *source) complain(line int, format string, args ...any) {
	s.found = append(s.found, fmt.Sprintf("%s:%d: ", s.file, line)+fmt.Sprintf(format, args...))
}

func (s *source) line(p token.Pos) int { return s.set.Position(p).Line }

// tidy is all rules of a file.
func (s *source) tidy() []string {
	if out, err := format.Source(s.data); err != nil || !bytes.Equal(out, s.data) {
		s.complain(1, "not gofmt")
	}
	s.length()
	s.columns()
	s.functions()
	s.unsafe()
	if s.quiet() {
		s.quietness()
	}
	return s.found
}

func (s *source) length() {
	base := filepath.Base(s.file)
	if s.test() || strings.HasPrefix(base, "ops_") || strings.Contains(base, "_ops") {
		return
	}
	if n := bytes.Count(s.data, []byte("\n")); n > maxFile {
		s.complain(n, "file of %d lines; %d are the most", n, maxFile)
	}
}

// columns checks line lengths. Lines with a long string or an address are let be.
func (s *source) columns() {
	long := s.literals()
	for i, line := range strings.Split(string(s.data), "\n") {
		n := utf8.RuneCountInString(line) + (tabColumns-1)*strings.Count(line, "\t")
		if n > maxColumn && !long[i+1] && !strings.Contains(line, "://") {
			s.complain(i+1, "%d columns; %d are the most", n, maxColumn)
		}
	}
}

// literals are the lines that a long string literal touches.
func (s *source) literals() map[int]bool {
	lines := map[int]bool{}
	set := token.NewFileSet()
	f := set.AddFile(s.file, -1, len(s.data))
	var sc scanner.Scanner
	sc.Init(f, s.data, nil, 0)
	for {
		pos, tok, lit := sc.Scan()
		if tok == token.EOF {
			return lines
		}
		raw := strings.Count(lit, "\n")
		if tok == token.STRING && (raw > 0 || utf8.RuneCountInString(lit) >= longLiteral) {
			for i := range raw + 1 {
				lines[set.Position(pos).Line+i] = true
			}
		}
	}
}

func (s *source) functions() {
	limit := maxFunc
	if s.test() {
		limit = maxTestFunc
	}
	for _, d := range s.ast.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		n := s.line(f.End()) - s.line(f.Pos()) + 1
		if n > limit && 2*s.table(f.Body) < n {
			s.complain(s.line(f.Pos()), "%s has %d lines; %d are the most", f.Name.Name, n, limit)
		}
	}
}

// table is the length of the longest composite literal of a body.
func (s *source) table(body *ast.BlockStmt) (lines int) {
	ast.Inspect(body, func(n ast.Node) bool {
		if l, ok := n.(*ast.CompositeLit); ok {
			lines = max(lines, s.line(l.End())-s.line(l.Pos())+1)
			return false
		}
		return true
	})
	return lines
}

func (s *source) unsafe() {
	name := strings.TrimSuffix(strings.TrimSuffix(s.file, ".go"), "_test")
	for _, i := range s.ast.Imports {
		if i.Path.Value == `"unsafe"` && !strings.HasSuffix(name, "_unsafe") {
			s.complain(s.line(i.Pos()), "unsafe outside of a *_unsafe.go file")
		}
	}
}

func (s *source) quietness() {
	for _, i := range s.ast.Imports {
		if p := strings.Trim(i.Path.Value, `"`); p == "math/rand" || p == "math/rand/v2" {
			s.complain(s.line(i.Pos()), "%s in a quiet room", p)
		}
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			s.complain(s.line(n.Pos()), "a goroutine in a quiet room")
		case *ast.SelectStmt:
			s.complain(s.line(n.Pos()), "select in a quiet room")
		case *ast.ChanType:
			s.complain(s.line(n.Pos()), "a channel in a quiet room")
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" &&
				(n.Sel.Name == "Now" || n.Sel.Name == "Since") {
				s.complain(s.line(n.Pos()), "time.%s in a quiet room", n.Sel.Name)
			}
		}
		return true
	})
}

// text checks what no file of the repository may name, Go or not. Tests may name a scratch folder.
func text(file string, data []byte) (found []string) {
	banned := machinePath
	if strings.HasSuffix(file, "_test.go") || strings.Contains(file, "testdata/") {
		banned = workPath
	}
	for i, line := range strings.Split(string(data), "\n") {
		if m := banned.FindString(line); m != "" {
			found = append(found, fmt.Sprintf("%s:%d: the path %s of some machine", file, i+1, m))
		}
		for _, h := range hosts {
			if strings.Contains(line, h) {
				found = append(found, fmt.Sprintf("%s:%d: names the host %s", file, i+1, h))
			}
		}
	}
	return found
}

// documented says whether a file of a package holds its package comment.
func documented(f *ast.File) bool {
	if f.Doc == nil {
		return false
	}
	t := f.Doc.Text()
	if f.Name.Name == "main" {
		return strings.HasPrefix(t, "Command ") || strings.HasPrefix(t, "Package main ")
	}
	return strings.HasPrefix(t, "Package "+f.Name.Name+" ")
}

// ignoredFile are build products and other things that git does not track.
func ignoredFile(file string) bool {
	switch filepath.Ext(file) {
	case ".tostrace", ".pftrace", ".test", ".prof":
		return true
	}
	return file == "tos-sim" || file == "tos-view"
}

func TestTidy(t *testing.T) {
	doc := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case file == ".git" && !d.IsDir(): // of a worktree: names its repository
			return nil
		case d.IsDir() && (d.Name() == ".git" || d.Name() == ".cache"):
			return filepath.SkipDir
		case d.IsDir() || !d.Type().IsRegular() || ignoredFile(file):
			return nil
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		file = filepath.ToSlash(file)
		if utf8.Valid(data) {
			for _, f := range text(file, data) {
				t.Error(f)
			}
		}
		if !strings.HasSuffix(file, ".go") || strings.Contains(file, "testdata/") {
			return nil
		}
		s, err := parse(file, data)
		if err != nil {
			return err
		}
		for _, f := range s.tidy() {
			t.Error(f)
		}
		if !s.test() {
			dir := filepath.Dir(file)
			doc[dir] = doc[dir] || documented(s.ast)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, ok := range doc {
		if !ok {
			t.Errorf("%s: no package comment that begins with the package's name", dir)
		}
	}
}

// TestTidyFinds breaks each rule once.
func TestTidyFinds(t *testing.T) {
	long := strings.Repeat("x", 101)
	lines := strings.Repeat("\tprintln()\n", 75)
	rows := strings.Repeat("\t\t1,\n", 75)
	cases := []struct{ file, body, want string }{
		{"sim/a.go", "func f( ) {}\n", "not gofmt"},
		{"sim/a.go", "// " + long + "\n", "columns"},
		{"sim/a.go", "// https://" + long + "\n", ""},
		{"sim/a.go", "var s = \"" + long + "\"\n", ""},
		{"hw/a.go", "func f() {\n" + lines + "}\n", "has 77 lines"},
		{"hw/a_test.go", "func f() {\n" + lines + "}\n", ""},
		{"hw/a.go", "func f() []int {\n\treturn []int{\n" + rows + "\t}\n}\n", ""},
		{"hw/a.go", strings.Repeat("// x\n", 802), "file of 804 lines"},
		{"hw/a_ops.go", strings.Repeat("// x\n", 802), ""},
		{"hw/a.go", "import _ \"unsafe\"\n", "unsafe"},
		{"hw/a_unsafe.go", "import _ \"unsafe\"\n", ""},
		{"sim/a.go", "import _ \"math/rand/v2\"\n", "math/rand/v2"},
		{"hw/a.go", "import _ \"math/rand/v2\"\n", ""},
		{"sim/a_test.go", "import _ \"math/rand/v2\"\n", ""},
		{"kernel/a.go", "func f() { go f() }\n", "goroutine"},
		{"kernel/a.go", "func f() { select {} }\n", "select"},
		{"neurolang/a.go", "var c chan int\n", "channel"},
		{"neurolang/a.go", "var t = time.Now()\n", "time.Now"},
	}
	for _, c := range cases {
		s, err := parse(c.file, []byte("package a\n\n"+c.body))
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(s.tidy(), "; ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s %.60q: %q, want %q", c.file, c.body, got, c.want)
		}
	}
	for file, want := range map[string]int{"a.go": 3, "a_test.go": 2, "x/testdata/a": 2} {
		body := "/wo" + "rk/x\n/tm" + "p/x\n" + hosts[0]
		if got := text(file, []byte(body)); len(got) != want {
			t.Errorf("%s: %v, want %d", file, got, want)
		}
	}
	for body, want := range map[string]bool{"package a": false, "// Package a is\npackage a": true,
		"// Pkg\npackage a": false, "// Command x is\npackage main": true} {
		s, err := parse("a.go", []byte(body))
		if err != nil || documented(s.ast) != want {
			t.Errorf("%q: documented %t", body, !want)
		}
	}
}
