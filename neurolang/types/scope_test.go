package types

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"print", "value", "length", "f16", "device"}
	for in, want := range map[string]string{"pritn": "print", "prnt": "print", "valeu": "value",
		"Device": "device", "f61": "f16", "xyz": "", "completely_different": "",
		"lenght": "length"} {
		if got := nearest(in, names); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"ab", "ba", 1}, {"abc", "adc", 1}, {"kitten",
		"sitting", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
