package diag

import (
	"bytes"
	"strings"
	"testing"

	"tensoros/neurolang/source"
)

func at(f *source.File, text string) source.Span {
	i := bytes.Index(f.Src, []byte(text))
	return source.Span{Pos: f.Pos(i), End: f.Pos(i + len(text))}
}

func TestCaretsBelowTabsAndWideRunes(t *testing.T) {
	var set source.Set
	set.Add("first.nl", []byte("unrelated"))
	f := set.Add("t.nl", []byte("\tx = \"世界\" + wrong;\r\nnext\n"))
	var l List
	l.Errorf(UnknownName, at(f, "wrong"), "unknown name wrong").With(at(f, "世界"), "beside this").
		Note("a note").Hint("a hint")
	var b bytes.Buffer
	if err := Render(&b, &set, l.Sorted(), Style{}); err != nil {
		t.Fatal(err)
	}
	want := "error[NL0101]: unknown name wrong\n" +
		" --> t.nl:1:17\n" +
		"1 |     x = \"世界\" + wrong;\n" +
		"  |          ---- beside this\n" +
		"  |                  ^^^^^\n" +
		"  = note: a note\n" +
		"  = help: a hint\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestColourIsOptional(t *testing.T) {
	var set source.Set
	f := set.Add("t.nl", []byte("x"))
	var l List
	l.Errorf(BadChar, at(f, "x"), "m")
	var plain, tinted bytes.Buffer
	_ = Render(&plain, &set, l.Sorted(), Style{})
	_ = Render(&tinted, &set, l.Sorted(), Style{Color: true})
	if strings.Contains(plain.String(), "\x1b") || !strings.Contains(tinted.String(), "\x1b[31m") {
		t.Errorf("%q %q", plain.String(), tinted.String())
	}
}

func TestJSON(t *testing.T) {
	var set source.Set
	f := set.Add("t.nl", []byte("a\nbc<d\n"))
	var l List
	l.Errorf(Mismatch, at(f, "bc"), "no <good>").Label("here")
	var b bytes.Buffer
	if err := JSON(&b, &set, l.Sorted()); err != nil {
		t.Fatal(err)
	}
	want := `{"code":"NL0201","severity":"error","message":"no <good>",` +
		`"primary":{"file":"t.nl","line":2,"col":1,"endLine":2,"endCol":3,"label":"here"}}` + "\n"
	if b.String() != want {
		t.Errorf("got %s want %s", b.String(), want)
	}
}

func TestSortedDropsRepeats(t *testing.T) {
	var set source.Set
	f := set.Add("t.nl", []byte("ab"))
	var l List
	l.Errorf(BadChar, at(f, "b"), "two")
	l.Errorf(BadChar, at(f, "a"), "one")
	l.Errorf(BadChar, at(f, "a"), "one")
	if ds := l.Sorted(); len(ds) != 2 || ds[0].Message != "one" {
		t.Errorf("%v", ds)
	}
}

func TestCodesAreExplainedInOrder(t *testing.T) {
	for i, ti := range Titles {
		if i > 0 && Titles[i-1].Code >= ti.Code || ti.Text == "" || Explain(ti.Code) != ti.Text {
			t.Errorf("%s: %q", ti.Code, ti.Text)
		}
	}
}

func TestLongLinesAreCut(t *testing.T) {
	var set source.Set
	f := set.Add("t.nl", []byte(strings.Repeat("x", 1000)+"HERE"+strings.Repeat("y", 1000)))
	var l List
	for range renderMax + 5 {
		d := l.Errorf(BadChar, at(f, "HERE"), "m")
		d.Note("%d", l.Len())
		d.Message += d.Notes[0]
	}
	var b bytes.Buffer
	_ = Render(&b, &set, l.Sorted(), Style{})
	lines := strings.Split(b.String(), "\n")
	if len(lines[2]) > windowColumns+4 || strings.Index(lines[2], "HERE") != strings.Index(lines[3],
		"^^^^") {
		t.Errorf("%s\n%s", lines[2], lines[3])
	}
	if !strings.HasSuffix(b.String(), "and 5 more\n") {
		t.Error("the rest is not counted")
	}
}

func TestEveryCodeIsExplained(t *testing.T) {
	for _, ti := range Titles {
		e, ok := Explained(ti.Code)
		if !ok || e.Text == "" || !strings.Contains(Long(ti.Code), ti.Text) {
			t.Errorf("%s has no explanation", ti.Code)
		}
	}
	if len(explanations) != len(Titles) {
		t.Errorf("%d explanations of %d codes", len(explanations), len(Titles))
	}
	if Long("NL9999") != "" {
		t.Error("an unknown code is explained")
	}
}
