package tensoros_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// depsRules is the plan of the house in the notation of go/build/deps_test.go: a, b < c says that
// c may import a and b, and all that these may. Capitals name a group. a !< b asserts that b may
// not import a. NAME/... stands for a folder and all below it that no other name is nearer to;
// inside of one name, imports are free. Tests may import what they like: they are witnesses.
//
// DO NOT CHANGE THIS DATA TO FIX A BUILD. It is the plan; see ARCHITECTURE.md.
const depsRules = `
	# The common ground.
	NONE < traces, internal/...;
	traces < hw/...;

	# The sinks: readers of a trace.
	traces < traces/...;

	# The rooms. They do not know one another.
	hw/..., internal/... < sim/...;
	hw/..., internal/... < neurolang/...;
	hw/..., internal/..., traces/... < conformance/...;
	hw/... < kernel/... < kernel;

	# TensorOS boots to the compiler's prompt: the one arrow between rooms.
	kernel, neurolang/... < kernel/run < kernel/shell;

	# The roof sees everything.
	sim/..., kernel/shell, conformance/..., traces/... < cmd/...;

	sim/... !< kernel/shell;
	sim/... !< neurolang/...;
	sim/... !< traces/...;
	sim/... !< hw/...;
	kernel/... !< sim/...;
	kernel/... !< neurolang/...;
	kernel/... !< conformance/...;
	kernel/... !< hw/...;
	neurolang/... !< sim/...;
	neurolang/... !< kernel;
	neurolang/... !< conformance/...;
	neurolang/... !< hw/...;
	conformance/... !< kernel/shell;
	conformance/... !< sim/...;
	conformance/... !< hw/...;
	traces/... !< hw/...;
	traces/... !< sim/...;
	traces/... !< kernel/shell;
`

// owners says who may import a package from outside: one leaf each. What is not here may not be
// imported by anybody but tests.
var owners = []struct{ pkg, by string }{
	{"github.com/hajimehoshi/ebiten/v2/...", "traces/window cmd/tos-view"},
	{"gonum.org/v1/gonum/...", "traces/stat"},
	{"gonum.org/v1/plot/...", "traces/draw"},
	{"github.com/x448/float16", "hw/num"},
	{"github.com/google/pprof/...", "traces/pprof"},
	{"github.com/pelletier/go-toml/v2", "sim/board"},
	{"github.com/rogpeppe/go-internal/txtar", "conformance/script"},
	{"github.com/spf13/cobra", "cmd/..."},
	{"github.com/spf13/pflag", "cmd/..."},
	{"github.com/peterh/liner", "cmd/..."},
	{"github.com/mattn/go-runewidth", "cmd/... neurolang/diag"},
	{"golang.org/x/term", "cmd/..."},
	{"github.com/ebitengine/purego", "hw/cuda"},
	{"golang.org/x/sys/cpu", "sim/gpu/..."},
	{"golang.org/x/sys/unix", "hw/host hw/linux hw/vfiouser hw/qtest"},
}

const module = "tensoros"

// lattice says for each name which names it may import.
type lattice struct {
	below map[string]map[string]bool
}

// parseLattice reads the rules; its errors are contradictions in them.
func parseLattice(text string) (*lattice, error) {
	l := &lattice{map[string]map[string]bool{}}
	var denied [][2]string
	var lines []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		lines = append(lines, line)
	}
	for rule := range strings.SplitSeq(strings.Join(lines, " "), ";") {
		if rule = strings.TrimSpace(rule); rule == "" {
			continue
		}
		if a, b, ok := strings.Cut(rule, "!<"); ok {
			denied = append(denied, [2]string{strings.TrimSpace(a), strings.TrimSpace(b)})
			continue
		}
		if err := l.rule(rule); err != nil {
			return nil, err
		}
	}
	l.close()
	for name, below := range l.below {
		if below[name] {
			return nil, fmt.Errorf("%s is below itself", name)
		}
	}
	for _, d := range denied {
		if l.below[d[0]] == nil || l.below[d[1]] == nil {
			return nil, fmt.Errorf("%s !< %s: unknown name", d[0], d[1])
		}
		if l.below[d[1]][d[0]] {
			return nil, fmt.Errorf("%s !< %s is contradicted by the rules", d[0], d[1])
		}
	}
	return l, nil
}

func (l *lattice) rule(rule string) error {
	var last []string
	for i, list := range strings.Split(rule, "<") {
		var names []string
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name == "" || strings.ContainsAny(name, " \t") {
				return fmt.Errorf("rule %q: bad name %q", rule, name)
			}
			names = append(names, name)
			if l.below[name] == nil {
				l.below[name] = map[string]bool{}
			}
			for _, b := range last {
				l.below[name][b] = true
			}
		}
		if i == 0 && len(names) == 0 {
			return fmt.Errorf("rule %q is empty", rule)
		}
		last = names
	}
	return nil
}

// close makes the relation transitive.
func (l *lattice) close() {
	for mid := range l.below {
		for _, below := range l.below {
			if below[mid] {
				maps.Copy(below, l.below[mid])
			}
		}
	}
}

// nearest is the name that a package falls under: itself, or the longest NAME/... around it.
func (l *lattice) nearest(pkg string) string {
	if l.below[pkg] != nil {
		return pkg
	}
	for dir := pkg; dir != "."; dir = path.Dir(dir) {
		if l.below[dir+"/..."] != nil {
			return dir + "/..."
		}
	}
	return ""
}

func covers(pattern, pkg string) bool {
	dir, tree := strings.CutSuffix(pattern, "/...")
	return pkg == dir || tree && strings.HasPrefix(pkg, dir+"/")
}

// check reports the imports that break the rules. imports gives, for packages of this module, what
// they import.
func (l *lattice) check(imports map[string][]string) (broken []string) {
	for _, pkg := range slices.Sorted(maps.Keys(imports)) {
		from := l.nearest(pkg)
		if from == "" {
			broken = append(broken, pkg+" has no place in the lattice")
			continue
		}
		for _, dep := range imports[pkg] {
			if why := l.refuse(pkg, from, dep); why != "" {
				broken = append(broken, fmt.Sprintf("%s imports %s: %s", pkg, dep, why))
			}
		}
	}
	return broken
}

func (l *lattice) refuse(pkg, from, dep string) string {
	if own, ok := strings.CutPrefix(dep, module+"/"); ok {
		to := l.nearest(own)
		if to != from && !l.below[from][to] {
			return fmt.Sprintf("%s is not below %s", own, from)
		}
		return ""
	}
	if first, _, _ := strings.Cut(dep, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	for _, o := range owners {
		if !covers(o.pkg, dep) {
			continue
		}
		for by := range strings.FieldsSeq(o.by) {
			if covers(by, pkg) {
				return ""
			}
		}
		return "only " + o.by + " may"
	}
	return "it belongs to nobody; see owners in deps_test.go"
}

// skipDir reports folders that hold no packages of ours.
func skipDir(name string) bool {
	return name != "." && strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") ||
		name == "testdata"
}

// moduleImports reads the imports of all packages, tests left out, whatever their build tags.
func moduleImports(t *testing.T) map[string][]string {
	imports := map[string][]string{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipDir(d.Name()):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(file))
		for _, i := range f.Imports {
			dep := strings.Trim(i.Path.Value, `"`+"`")
			if !slices.Contains(imports[pkg], dep) {
				imports[pkg] = append(imports[pkg], dep)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return imports
}

func TestDependenciesFollowTheLattice(t *testing.T) {
	l, err := parseLattice(depsRules)
	if err != nil {
		t.Fatal(err)
	}
	imports := moduleImports(t)
	if len(imports) < 20 {
		t.Fatalf("only %d packages found", len(imports))
	}
	for _, b := range l.check(imports) {
		t.Error(b)
	}
}

// TestTheLatticeRefuses breaks each rule once.
func TestTheLatticeRefuses(t *testing.T) {
	l, err := parseLattice(depsRules)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		pkg, dep string
		ok       bool
	}{
		{"sim/gpu", "tensoros/kernel/mem", false},
		{"sim/gpu", "tensoros/neurolang/tir", false},
		{"sim/gpu", "tensoros/hw/ptx", true},
		{"sim", "tensoros/traces", true},
		{"sim/board", "tensoros/traces/stat", false},
		{"conformance/rules", "tensoros/kernel", false},
		{"conformance", "tensoros/neurolang/vm", false},
		{"kernel/task", "tensoros/sim", false},
		{"kernel/shell", "tensoros/sim/board", false},
		{"kernel/shell", "tensoros/neurolang", true},
		{"kernel/shell", "tensoros/kernel", true},
		{"kernel", "tensoros/neurolang", false},
		{"kernel/mem", "tensoros/neurolang", false},
		{"neurolang/vm", "tensoros/kernel/run", false},
		{"neurolang/vm", "tensoros/sim/gpu", false},
		{"hw/tap", "tensoros/traces", true},
		{"hw/tap", "tensoros/sim", false},
		{"hw", "tensoros/kernel", false},
		{"traces/stat", "tensoros/hw", false},
		{"traces", "tensoros/traces/stat", false},
		{"cmd/tos-sim", "tensoros/sim/board", true},
		{"cmd/tos-sim", "github.com/spf13/cobra", true},
		{"cmd/tos-sim", "github.com/hajimehoshi/ebiten/v2", false},
		{"traces/window", "github.com/hajimehoshi/ebiten/v2/vector", true},
		{"traces/draw", "gonum.org/v1/gonum/stat", false},
		{"traces/stat", "gonum.org/v1/gonum/stat", true},
		{"hw/ptx", "github.com/x448/float16", false},
		{"traces/perfetto", "google.golang.org/protobuf/proto", false},
		{"sim/gpu", "net/http", true},
		{"wing/new", "tensoros/hw", false},
	} {
		got := l.check(map[string][]string{c.pkg: {c.dep}})
		if (len(got) == 0) != c.ok {
			t.Errorf("%s -> %s: %v, want ok %t", c.pkg, c.dep, got, c.ok)
		}
	}
}

func TestTheLatticeMustNotContradictItself(t *testing.T) {
	for _, text := range []string{"a < b; b < a;", "a < b < c; a !< c;", "a < b; a !< z;",
		"a b < c;", "a < ;", "< a;"} {
		if _, err := parseLattice(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	if _, err := parseLattice("a < b; # note\n c < d; a !< d;"); err != nil {
		t.Error(err)
	}
}
