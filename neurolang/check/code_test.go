package check

import (
	"strings"
	"testing"

	"tensoros/neurolang/diag"
)

// elsewhere are codes that other packages report: code generation, run time, derivatives.
func elsewhere(c diag.Code) bool {
	return strings.HasPrefix(string(c), "NL04") || strings.HasPrefix(string(c), "NL05") ||
		strings.HasPrefix(string(c), "NL07") ||		c == diag.TooComplex
}

// syntaxOnly are provoked by tests of the parser: their programs cannot carry a comment.
var syntaxOnly = map[diag.Code]string{
	diag.OpenString: "fn main() { let x = \"abc", diag.OpenComment: "/* ",
	diag.Incomplete: "fn main() {", diag.TooDeep: "fn main() { " + strings.Repeat("(", 300),
	diag.Race: "",
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
