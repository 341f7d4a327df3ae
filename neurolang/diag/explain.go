package diag

import (
	_ "embed" // explain.txt
	"strings"
)

//go:embed explain.txt
var explainText string

// Explanation is what is to be said about a code at length.
type Explanation struct {
	Text  string
	Wrong string // a program that provokes it; "" if none is short
	Right string // what to write instead
}

var explanations = parseExplanations(explainText)

// Explained returns the explanation of a code.
func Explained(c Code) (Explanation, bool) {
	e, ok := explanations[c]
	return e, ok
}

// Long returns title, explanation and examples of a code as text, without the code itself; "" if
// there is no such code.
func Long(c Code) string {
	title := Explain(c)
	if title == "" {
		return ""
	}
	e := explanations[c]
	var b strings.Builder
	b.WriteString(title + "\n\n" + e.Text)
	for _, x := range []struct{ head, text string }{{"Wrong:", e.Wrong}, {"Right:", e.Right}} {
		if x.text != "" {
			b.WriteString("\n" + x.head + "\n\n    " +
				strings.ReplaceAll(strings.TrimSuffix(x.text, "\n"), "\n", "\n    ") + "\n")
		}
	}
	return b.String()
}

func parseExplanations(text string) map[Code]Explanation {
	out := map[Code]Explanation{}
	for _, part := range strings.Split("\n"+text, "\n== ")[1:] {
		code, rest, _ := strings.Cut(part, "\n")
		rest += "\n"
		rest, right, _ := strings.Cut(rest, "--- right\n")
		body, wrong, _ := strings.Cut(rest, "--- wrong\n")
		out[Code(code)] = Explanation{body, wrong, right}
	}
	return out
}
