package golden

import (
	"os"
	"path/filepath"
	"testing"
)

// spy counts failures instead of failing.
type spy struct {
	testing.TB
	failures int
}

func (s *spy) Helper()               {}
func (s *spy) Errorf(string, ...any) { s.failures++ }

func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.golden")
	if err := os.WriteFile(file, []byte("a\nb\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]int{"a\nb\n": 0, "a\nc\n": 1, "a\n": 1, "a\nb\nc\n": 1,
		"": 1} {
		s := &spy{TB: t}
		if Check(s, file, []byte(got)); s.failures != want {
			t.Errorf("%q: %d failures, want %d", got, s.failures, want)
		}
	}
	s := &spy{TB: t}
	if Check(s, file+".none", nil); s.failures != 1 {
		t.Error("a missing file passes")
	}
}
