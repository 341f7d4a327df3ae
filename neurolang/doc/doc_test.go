package doc

import (
	"slices"
	"strings"
	"testing"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

func parse(t *testing.T, src string) *syntax.File {
	t.Helper()
	errs := &diag.List{}
	f, _ := syntax.Parse((&source.Set{}).Add("x.nl", []byte(src)), syntax.Items, errs)
	if errs.Failed() {
		t.Fatal(errs.Sorted())
	}
	return f
}

const text = "//! About it.\n\n/// Twice x.\n///\n///     assert(twice(2) == 4);\n///\n" +
	"///     assert(twice(0) == 0);\n/// ```\n/// let y = twice(1);\n/// ```\n" +
	"/// ```text\n/// no code\n/// ```\n" +
	"pub fn twice(x: int) -> int { x * 2 }\n\nfn hidden() {}\n"

func TestTests(t *testing.T) {
	got := Tests(parse(t, text))
	want := []Test{{"doctest_twice_1", "twice", "assert(twice(2) == 4);\n\nassert(twice(0) == 0);"},
		{"doctest_twice_2", "twice", "let y = twice(1);"}}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	with := string(With([]byte(text), got))
	parse(t, with)
	if !strings.Contains(with, "@test\nfn doctest_twice_2() {\nlet y = twice(1);\n}") {
		t.Error(with)
	}
}

func TestPage(t *testing.T) {
	var b strings.Builder
	if err := Write(&b, "x", parse(t, text)); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	for _, w := range []string{"# x\n\nAbout it.\n", "## fn twice\n",
		"pub fn twice(x: int) -> int\n```\n\nTwice x.\n"} {
		if !strings.Contains(got, w) {
			t.Errorf("no %q in\n%s", w, got)
		}
	}
	if strings.Contains(got, "hidden") {
		t.Error("private items are shown")
	}
}
