package golden

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files with what the tests got")

// Check compares got with the contents of file, a path relative to the test's folder, and reports
// the first line that differs. With -update it writes file instead.
func Check(t testing.TB, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Errorf("%v (go test -update writes it)", err)
		return
	}
	if bytes.Equal(got, want) {
		return
	}
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := 0; ; i++ {
		switch {
		case i == len(g) || i == len(w):
			t.Errorf("%s: got %d lines, want %d; equal up to there (go test -update accepts)",
				file, len(g), len(w))
			return
		case !bytes.Equal(g[i], w[i]):
			t.Errorf("%s:%d:\n got %s\nwant %s\n(go test -update accepts)", file, i+1, g[i], w[i])
			return
		}
	}
}

// Updating tells whether golden files are to be rewritten.
func Updating() bool { return *update }
