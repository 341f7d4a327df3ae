package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tensoros/kernel/tensorfs"
	"tensoros/sim/board"
)

// fsEnv is what the subcommands of fs share.
type fsEnv struct {
	*env
	images []string
}

func fsCommand(e *env) *cobra.Command {
	f := &fsEnv{env: e}
	c := &cobra.Command{
		Use:   "fs",
		Short: "Work on TensorFS volumes in image files",
		Long: "Work on TensorFS volumes in image files. A volume over several drives takes several " +
			"--image,\nin any order. The images are those that --drive boots from. docs/tensorfs.md " +
			"describes\nthe format.",
		Example: "    tos-sim fs mkfs --image a.img --image b.img --size \"16 GiB\"\n" +
			"    tos-sim fs import --image a.img --image b.img model.safetensors\n" +
			"    tos-sim fs ls --image a.img --image b.img\n" +
			"    tos-sim --board dgx-h100 --drive a.img --drive b.img",
	}
	c.PersistentFlags().StringArrayVar(&f.images, "image", nil, "image `FILE` of a drive; "+
		"repeated for a volume over several drives")
	for _, sub := range []func(*fsEnv) *cobra.Command{fsMkfs, fsPut, fsGet, fsLs, fsStat, fsRm,
		fsSeal, fsImport, fsSnapshot, fsFsck, fsScrub} {
		c.AddCommand(sub(f))
	}
	return c
}

// image is a drive in a file. It implements tensorfs.Device.
type image struct {
	f    *os.File
	size uint64
}

func openImage(path string, write bool) (*image, error) {
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR
	}
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, input(elsewhere(path), "cannot open %s: %w", path, reason(err))
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New("no regular file")
	}
	if err != nil {
		f.Close()
		return nil, input("", "cannot open %s: %w", path, reason(err))
	}
	return &image{f, uint64(st.Size())}, nil
}

func (i *image) Size() uint64 { return i.size }

func (i *image) ReadAt(off uint64, p []byte) error {
	_, err := i.f.ReadAt(p, int64(off))
	return err
}

func (i *image) WriteAt(off uint64, p []byte) error {
	_, err := i.f.WriteAt(p, int64(off))
	return err
}

func (i *image) Flush() error { return i.f.Sync() }

// devices opens the images. The function that it returns closes them.
func (f *fsEnv) devices(write bool) (devs []tensorfs.Device, done func(), err error) {
	var open []*image
	done = func() {
		for _, i := range open {
			i.f.Close() // what must last was synced by the commit
		}
	}
	if len(f.images) == 0 {
		return nil, done, usage("as in --image a.img", "which volume? --image is missing")
	}
	for _, path := range f.images {
		i, err := openImage(path, write)
		if err != nil {
			done()
			return nil, func() {}, err
		}
		open, devs = append(open, i), append(devs, i)
	}
	return devs, done, nil
}

// volume mounts, calls do, and commits what that changed.
func (f *fsEnv) volume(write bool, do func(v *tensorfs.Volume) error) error {
	devs, done, err := f.devices(write)
	if err != nil {
		return err
	}
	defer done()
	mount := tensorfs.MountReadOnly
	if write {
		mount = tensorfs.Mount
	}
	v, err := mount(devs...)
	if err != nil {
		return input("tos-sim fs fsck tells more of a volume, tos-sim fs mkfs makes one", "%s: %w",
			strings.Join(f.images, ", "), err)
	}
	for _, n := range v.Notes {
		fmt.Fprintf(f.err, "tos-sim: note: %s\n", n)
	}
	if err := do(v); err != nil {
		return fsError(err)
	}
	return fsError(v.Commit())
}

// fsError gives an error of the volume its exit code and hint.
func fsError(err error) error {
	var x *exitError
	switch {
	case err == nil || errors.As(err, &x):
		return err
	case errors.Is(err, tensorfs.ErrNotFound):
		return failed("tos-sim fs ls and fs snapshot ls show what there is", "%w", err)
	case errors.Is(err, tensorfs.ErrNoSpace):
		return failed("remove objects, or snapshots that keep them", "%w", err)
	case errors.Is(err, tensorfs.ErrCorrupt):
		return input("tos-sim fs fsck shows all that is damaged", "%w", err)
	}
	return failed("", "%w", err)
}

func fsMkfs(f *fsEnv) *cobra.Command {
	var size, uuid string
	stripe, page := "256 KiB", "64 KiB"
	c := &cobra.Command{
		Use:   "mkfs [flags] --image FILE...",
		Short: "Make an empty volume in new image files",
		Example: "    tos-sim fs mkfs --image a.img --size \"16 GiB\"\n" +
			"    tos-sim fs mkfs --image a.img --image b.img --size \"16 GiB\" --stripe \"1 MiB\"",
		RunE: func(*cobra.Command, []string) error { return f.mkfs(size, page, stripe, uuid) },
	}
	c.Flags().StringVar(&size, "size", "1 GiB", "capacity of each drive, a `SIZE` such as \"16 GiB\"; "+
		"the files are sparse")
	c.Flags().StringVar(&stripe, "stripe", stripe, "`SIZE` of what goes to one drive before the next")
	c.Flags().StringVar(&page, "page", page, "`SIZE` of the unit of allocation and checksums")
	c.Flags().StringVar(&uuid, "uuid", "", "name the volume by 32 hexadecimal `DIGITS`; default: by "+
		"chance")
	return c
}

func (f *fsEnv) mkfs(size, page, stripe, uuid string) error {
	g := tensorfs.Geometry{}
	var n uint64
	for _, x := range []struct {
		flag, text string
		to         func(v uint64)
	}{{"size", size, func(v uint64) { n = v }}, {"page", page, func(v uint64) { g.Page = int(v) }},
		{"stripe", stripe, func(v uint64) { g.Stripe = int(v) }}} {
		v := board.Size(x.text).Bytes()
		if v == 0 || v > 1<<50 {
			return usage(fmt.Sprintf("as in --%s \"1 MiB\"", x.flag),
				"--%s %q: write a whole number and a unit", x.flag, x.text)
		}
		x.to(v)
	}
	if err := f.uuid(uuid, &g.UUID); err != nil {
		return err
	}
	if len(f.images) == 0 {
		return usage("as in --image a.img", "which volume? --image is missing")
	}
	for i, path := range f.images {
		if err := makeImage(path, n); err != nil {
			removeAll(f.images[:i])
			return err
		}
	}
	devs, done, err := f.devices(true)
	if err != nil {
		return err
	}
	defer done()
	v, err := tensorfs.Format(g, devs...)
	if err != nil {
		removeAll(f.images)
		return usage("", "%w", err)
	}
	return f.showVolume(v)
}

// removeAll takes back files that were just made.
func removeAll(paths []string) {
	for _, p := range paths {
		os.Remove(p)
	}
}

func (f *fsEnv) uuid(text string, u *tensorfs.UUID) error {
	if text == "" {
		if _, err := rand.Read(u[:]); err != nil {
			return err
		}
		u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80 // version 4 (RFC 9562, 5.4)
		return nil
	}
	b, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(b) != len(u) {
		return usage("", "--uuid %q: 32 hexadecimal digits", text)
	}
	copy(u[:], b)
	return nil
}

// makeImage makes a new sparse file. It never replaces one.
func makeImage(path string, size uint64) error {
	x, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return input("give the name of a new file", "%s exists", path)
	}
	if err == nil {
		err = x.Truncate(int64(size))
		if e := x.Close(); err == nil {
			err = e
		}
	}
	if err != nil {
		return input("", "cannot make %s: %w", path, reason(err))
	}
	return nil
}

// bar draws how far something is.
func bar(done, total uint64) string {
	const width = 30
	if total == 0 {
		total, done = 1, 1
	}
	n := int(float64(done) / float64(total) * width)
	return fmt.Sprintf("[%-*s] %3.0f %% of %s", width, strings.Repeat("#", n),
		float64(done)/float64(total)*100, bytesText(total))
}

// bytesText is a number of bytes in the largest unit that keeps it whole enough to read.
func bytesText(n uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.4g %s", v, units[i])
}
