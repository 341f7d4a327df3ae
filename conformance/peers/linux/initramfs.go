package linux

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed guest
var guest embed.FS

// tools are the programs of the guest beside busybox.
var tools = []string{"nvme", "fio", "lspci", "setpci", "mke2fs", "sfdisk"}

// archive is a cpio archive in the "newc" format, which the kernel unpacks
// (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).
type archive struct {
	w    io.Writer
	err  error
	ino  int
	seen map[string]bool
}

const (
	modeDir  = 0o040755
	modeFile = 0o100755
	modeLink = 0o120777
)

func (a *archive) entry(name string, mode int, data []byte) {
	if a.seen[name] || a.err != nil {
		return
	}
	a.seen[name] = true
	if dir := path.Dir(name); dir != "." && dir != "/" {
		a.entry(dir, modeDir, nil)
	}
	a.ino++
	head := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", a.ino, mode, 0, 0,
		1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0)
	a.write([]byte(head + name + "\x00"))
	a.write(data)
}

// write pads to a multiple of 4 bytes; every entry starts at one.
func (a *archive) write(p []byte) {
	if pad := -len(p) & 3; pad > 0 && len(p) > 0 {
		p = append(bytes.Clone(p), make([]byte, pad)...)
	}
	if _, err := a.w.Write(p); err != nil && a.err == nil {
		a.err = err
	}
}

func (a *archive) end() error {
	a.entry("TRAILER!!!", 0, nil)
	return a.err
}

// root is a tree of unpacked packages.
type root string

// find looks for a program or library.
func (r root) find(name string, dirs ...string) (string, error) {
	for _, d := range dirs {
		p := filepath.Join(string(r), d, name)
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() {
			return p, nil
		}
	}
	return "", fmt.Errorf("%s is in none of %v below %s", name, dirs, string(r))
}

var (
	binDirs = []string{"usr/sbin", "usr/bin", "sbin", "bin"}
	libDirs = []string{"usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib64",
		"usr/lib/x86_64-linux-gnu/ceph"}
)

// libraries adds what a program needs to run.
func (a *archive) libraries(r root, file string) error {
	f, err := elf.Open(file)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	defer f.Close()
	needs, err := f.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, name := range needs {
		if a.seen["lib/"+name] {
			continue
		}
		lib, err := r.find(name, libDirs...)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(lib)
		if err != nil {
			return err
		}
		a.entry("lib/"+name, modeFile, data)
		if err := a.libraries(r, lib); err != nil {
			return err
		}
	}
	return nil
}

func (a *archive) program(r root, name string) error {
	file, err := r.find(name, binDirs...)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	a.entry("bin/"+name, modeFile, data)
	return a.libraries(r, file)
}

// Initramfs writes the guest's first file system: busybox, tools of the tree at dir/root with their
// libraries, the scripts of guest/, and extra files by their path in the guest.
func Initramfs(w io.Writer, dir string, extra map[string][]byte) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	a := &archive{w: z, seen: map[string]bool{}}
	r := root(filepath.Join(dir, "root"))
	busybox, err := r.find("busybox", binDirs...)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	a.entry("bin/busybox", modeFile, data)
	for _, name := range []string{"sh", "mount", "mkdir"} {
		a.entry("bin/"+name, modeLink, []byte("busybox"))
	}
	for _, name := range tools {
		if err := a.program(r, name); err != nil {
			return err
		}
	}
	if loader, err := r.find("ld-linux-x86-64.so.2", "usr/lib64", "lib64", libDirs[0]); err == nil {
		if data, err = os.ReadFile(loader); err != nil {
			return err
		}
		a.entry("lib64/ld-linux-x86-64.so.2", modeFile, data)
	}
	if err := a.scripts(); err != nil {
		return err
	}
	names := make([]string, 0, len(extra))
	for name := range extra {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		a.entry(strings.TrimPrefix(name, "/"), modeFile, extra[name])
	}
	if err := a.end(); err != nil {
		return err
	}
	return z.Close()
}

// scripts adds guest/: init at the root, the others below tests.
func (a *archive) scripts() error {
	for _, d := range []string{"proc", "sys", "dev", "run", "tmp", "mnt", "etc/nvme"} {
		a.entry(d, modeDir, nil)
	}
	a.entry("etc/nvme/hostnqn", modeFile,
		[]byte("nqn.2014-08.org.nvmexpress:uuid:00000000-0000-4000-8000-000000000001\n"))
	return fs.WalkDir(guest, "guest", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := guest.ReadFile(p)
		if err != nil {
			return err
		}
		name := "tests/" + path.Base(p)
		if path.Base(p) == "init" {
			name = "init"
		}
		a.entry(name, modeFile, data)
		return nil
	})
}
