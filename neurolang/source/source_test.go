package source

import "testing"

func TestPositions(t *testing.T) {
	var s Set
	a := s.Add("a", []byte("one\ntwo\n"))
	b := s.Add("b", nil)
	c := s.Add("c", []byte("x"))
	for _, w := range []struct {
		p    Pos
		want string
	}{
		{a.Pos(0), "a:1:1"}, {a.Pos(3), "a:1:4"}, {a.Pos(4), "a:2:1"}, {a.Pos(8), "a:3:1"},
		{b.Pos(0), "b:1:1"}, {c.Pos(0), "c:1:1"}, {c.Pos(1), "c:1:2"}, {0, ""},
	} {
		if got := s.Position(w.p).String(); got != w.want {
			t.Errorf("%d is %s, want %s", w.p, got, w.want)
		}
	}
	if string(a.Line(2)) != "two" || a.Line(3) == nil && len(a.Line(3)) != 0 || a.Line(9) != nil {
		t.Error("Line is wrong")
	}
}

func TestSpanTo(t *testing.T) {
	if got := (Span{2, 4}).To(Span{6, 9}); got != (Span{2, 9}) {
		t.Error(got)
	}
	if got := (Span{}).To(Span{6, 9}); got != (Span{6, 9}) {
		t.Error(got)
	}
	if got := (Span{2, 9}).To(Span{3, 4}); got != (Span{2, 9}) {
		t.Error(got)
	}
}
