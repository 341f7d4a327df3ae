package check

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tensoros/neurolang/diag"
)

// elsewhere are codes that other packages report: code generation, run time, derivatives.
func elsewhere(c diag.Code) bool {
	return strings.HasPrefix(string(c), "NL04") || strings.HasPrefix(string(c), "NL05") ||
		strings.HasPrefix(string(c), "NL07") || c == diag.TooComplex
}

// syntaxOnly are provoked by tests of the parser: their programs cannot carry a comment.
var syntaxOnly = map[diag.Code]string{
	diag.OpenString: "fn main() { let x = \"abc", diag.OpenComment: "/* ",
	diag.Incomplete: "fn main() {", diag.TooDeep: "fn main() { " + strings.Repeat("(", 300),
}

// TestCodes holds that every code is provoked by a program.
func TestCodes(t *testing.T) {
	seen := map[diag.Code]bool{}
	for _, src := range programs(t, langDir+"/reject") {
		_, _, _, ds := checkText("t.nl", src, langDir+"/modules")
		for _, d := range ds {
			seen[d.Code] = true
		}
	}
	for _, src := range syntaxOnly {
		_, _, _, ds := checkText("t.nl", src, langDir+"/modules")
		for _, d := range ds {
			seen[d.Code] = true
		}
	}
	for _, ti := range diag.Titles {
		if !seen[ti.Code] && !elsewhere(ti.Code) {
			t.Errorf("no program provokes %s, %s", ti.Code, ti.Text)
		}
	}
}

// TestExplanations holds that examples do what their explanations say.
func TestExplanations(t *testing.T) {
	for _, ti := range diag.Titles {
		e, _ := diag.Explained(ti.Code)
		if e.Wrong != "" {
			_, _, set, ds := checkText("t.nl", e.Wrong, ".")
			if len(ds) == 0 || ds[0].Code != ti.Code {
				t.Errorf("%s: the wrong example gives\n%s", ti.Code, render(set, ds))
			}
		}
		if e.Right != "" {
			if _, _, set, ds := checkText("t.nl", e.Right, "."); len(ds) > 0 {
				t.Errorf("%s: the right example gives\n%s", ti.Code, render(set, ds))
			}
		}
	}
}

// TestLanguageReference checks the programs of the reference against their ERROR comments.
func TestLanguageReference(t *testing.T) {
	text, err := os.ReadFile("../../docs/language.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "\n```nl\n")[1:]
	for i, b := range blocks {
		src, _, ok := strings.Cut(b, "\n```")
		if !ok {
			t.Fatalf("block %d does not end", i)
		}
		_, _, set, ds := checkText("language.md", src+"\n", ".")
		match(t, fmt.Sprintf("block %d", i), set, ds)
	}
	if len(blocks) < 5 {
		t.Errorf("%d blocks", len(blocks))
	}
}

// TestExamples holds that the examples have nothing to complain about, warnings included.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*.nl")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, set, ds := checkText(filepath.Base(f), string(src),
			"../../examples"); len(ds) > 0 {
			t.Errorf("%s:\n%s", f, render(set, ds))
		}
	}
}
