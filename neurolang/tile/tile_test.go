package tile

import "testing"

func TestElemRoundTrip(t *testing.T) {
	for _, n := range ElemNames() {
		e, ok := ParseElem(n)
		if !ok || e.String() != n || e.Size() < 1 {
			t.Errorf("%s: %v %d", n, e, e.Size())
		}
	}
	if _, ok := ParseElem("?"); ok {
		t.Error("the absent element type has a name")
	}
}

func TestLayoutIndexIsABijection(t *testing.T) {
	for _, l := range []Layout{RowMajor, ColMajor} {
		if got, ok := ParseLayout(l.String()); !ok || got != l {
			t.Errorf("%s does not round trip", l)
		}
		seen := map[int]bool{}
		for i := range 5 {
			for j := range 7 {
				seen[l.Index(i, j, 5, 7)] = true
			}
		}
		if len(seen) != 35 || !seen[0] || !seen[34] {
			t.Errorf("%s: %d places", l, len(seen))
		}
	}
}
