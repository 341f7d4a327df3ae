package check

import (
	"strings"
	"testing"
)

// TestWords holds what is said to those who come from another language.
func TestWords(t *testing.T) {
	for src, help := range map[string]string{
		"for i in range(3) { }":               "write 0..n",
		"let a = True;":                       "write true",
		"let c = Red;":                        "write Color::Red",
		"let c = Color.Red;":                  "make one: Color::Red",
		"var xs = [1]; xs.append(1);":         "write push",
		"let x: str = \"\";":                  "write string",
		"let x: Vec<int> = [];":               "an array's type is [T]",
		"let t = zeros([2], f32);":            "write Tensor::zeros(...)",
		"let t = Tensor.zeros([2], f32);":     "Tensor::name",
		"print(len(Tensor::zeros([2], i8)));": "write t.dim(0)",
		"if true and false { }":               "write &&",
		"let x = 2 ** 3;":                     "write pow(x, y)",
		"let x = true ? 1 : 2;":               "write if x { a } else { b }",
		"let a, b = (1, 2);":                  "write let (a, b) = ...",
		"if true: print(1)":                   "blocks stand in braces",
		"let f = lambda x: x;":                "|x| x + 1",
		"\n# a comment\n":                     "comments begin with //",
		"xs[1:2];":                            "x[a..b]",
	} {
		_, _, set, ds := checkText("t.nl", "enum Color { Red, Green }\nfn main() { "+src+" }", "")
		if len(ds) == 0 || !strings.Contains(render(set, ds), help) {
			t.Errorf("%s: without %q:\n%s", src, help, render(set, ds))
		}
	}
}
