package doc

import (
	"fmt"
	"strings"

	"tensoros/neurolang/syntax"
)

// Test is a program in a documentation comment.
type Test struct {
	Name string // of the function that it becomes
	Of   string // the item it documents
	Body string
}

// Tests finds the programs in the documentation of a file: lines indented by four, or fenced as
// neuro.
func Tests(f *syntax.File) []Test {
	var out []Test
	for _, i := range Items(f) {
		for n, body := range Blocks(i.Doc) {
			out = append(out, Test{fmt.Sprintf("doctest_%s_%d", i.Name, n+1), i.Name, body})
		}
	}
	return out
}

// With returns the text of a file with its doctests behind it, as @test functions.
func With(src []byte, tests []Test) []byte {
	var b strings.Builder
	b.Write(src)
	for _, t := range tests {
		fmt.Fprintf(&b, "\n@test\nfn %s() {\n%s\n}\n", t.Name, t.Body)
	}
	return []byte(b.String())
}

// Blocks finds the blocks of code in a text of Markdown.
func Blocks(doc string) []string {
	var out, block []string
	fenced, skip, blank := false, false, true
	flush := func() {
		for len(block) > 0 && strings.TrimSpace(block[len(block)-1]) == "" {
			block = block[:len(block)-1]
		}
		if len(block) > 0 {
			out = append(out, strings.Join(block, "\n"))
		}
		block = nil
	}
	for _, line := range strings.Split(doc, "\n") {
		lang, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		indented := strings.HasPrefix(line, "    ")
		switch {
		case fence && fenced:
			flush()
			fenced = false
		case fence:
			flush()
			fenced, skip = true, lang != "" && lang != "neuro"
		case fenced && !skip:
			block = append(block, line)
		case fenced:
		case indented && (blank || len(block) > 0):
			block = append(block, line[4:])
		case strings.TrimSpace(line) == "" && len(block) > 0:
			block = append(block, "")
		default:
			flush()
		}
		blank = strings.TrimSpace(line) == ""
	}
	flush()
	return out
}
