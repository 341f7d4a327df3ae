package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fsRun runs tos-sim fs and gives what it printed.
func fsRun(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(append([]string{"fs"}, args...), strings.NewReader(""), &out, &errs)
	if code != want {
		t.Fatalf("%v: exit %d, want %d\n%s%s", args, code, want, &out, &errs)
	}
	return out.String()
}

// TestImportKeepsEveryByte compares objects with the bytes of the checkpoint.
func TestImportKeepsEveryByte(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	data := tinyCheckpoint()
	if err := os.WriteFile(in("tiny.safetensors"), data, 0o666); err != nil {
		t.Fatal(err)
	}
	fsRun(t, 0, "mkfs", "--image", in("a.img"), "--size", "4 MiB")
	fsRun(t, 0, "import", "--image", in("a.img"), in("tiny.safetensors"))
	for name, want := range map[string][]byte{
		"a": data[len(data)-20 : len(data)-4], "b": data[len(data)-4:]} {
		fsRun(t, 0, "get", "--image", in("a.img"), name, in("out"))
		if got, err := os.ReadFile(in("out")); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is %x, want %x (%v)", name, got, want, err)
		}
	}
}

// TestDamagedObjectsAreNotGiven flips a byte of an object: get refuses, leaves no file, and names
// the place; fsck and the prompt's scrub do too.
func TestDamagedObjectsAreNotGiven(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	needle := bytes.Repeat([]byte("needle of a haystack "), 500)
	if err := os.WriteFile(in("x.bin"), needle, 0o666); err != nil {
		t.Fatal(err)
	}
	fsRun(t, 0, "mkfs", "--image", in("a.img"), "--size", "4 MiB")
	fsRun(t, 0, "put", "--image", in("a.img"), "x", in("x.bin"))
	data, err := os.ReadFile(in("a.img"))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, needle)
	data[at+1000] ^= 1
	if err := os.WriteFile(in("a.img"), data, 0o666); err != nil {
		t.Fatal(err)
	}
	fsRun(t, exitInput, "get", "--image", in("a.img"), "x", in("out"))
	if _, err := os.Stat(in("out")); err == nil {
		t.Error("half an object was written")
	}
	got := fsRun(t, exitInput, "fsck", "--image", in("a.img"))
	if !strings.Contains(got, "object x, bytes 0 to 10499, drive 0 at 0x") {
		t.Errorf("fsck says\n%s", got)
	}
	var out, errs bytes.Buffer
	run([]string{"--drive", in("a.img")}, strings.NewReader(":scrub\n"), &out, &errs)
	if !strings.Contains(out.String(), "object x, bytes 0 to 10499") ||
		!strings.Contains(out.String(), "problems: 1") {
		t.Errorf("the prompt says\n%s%s", &out, &errs)
	}
}
