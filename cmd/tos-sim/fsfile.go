package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tensoros/kernel/tensorfs"
	"tensoros/kernel/tensorfs/checkpoint"
)

// putFlags is what put was asked for.
type putFlags struct {
	dtype, shape          string
	attrs                 []string
	replace, open, append bool
}

func fsPut(f *fsEnv) *cobra.Command {
	var p putFlags
	c := &cobra.Command{
		Use:   "put [flags] NAME FILE",
		Short: "Store a .npy file, or raw bytes, as an object",
		Long: "Store a .npy file, or the raw bytes of any other, as an object. Raw bytes are u8 in one\n" +
			"dimension unless --dtype and --shape say more.",
		Example: "    tos-sim fs put --image a.img w0 w0.npy\n" +
			"    tos-sim fs put --image a.img w1 w1.bin --dtype bf16 --shape 4096x4096",
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error { return f.put(args[0], args[1], &p) },
	}
	c.Flags().StringVar(&p.dtype, "dtype", "", "element `TYPE` of raw bytes: f16, bf16, q8_0, ...")
	c.Flags().StringVar(&p.shape, "shape", "", "shape of raw bytes, as in `4096x64`")
	c.Flags().StringArrayVar(&p.attrs, "attr", nil, "note on the object, `KEY=VALUE`; may be repeated")
	c.Flags().BoolVar(&p.replace, "replace", false, "replace an object of that name")
	c.Flags().BoolVar(&p.open, "open", false, "leave the object open for --append; default: immutable")
	c.Flags().BoolVar(&p.append, "append", false, "append the bytes to an open object")
	return c
}

func (f *fsEnv) put(name, path string, p *putFlags) error {
	x, size, err := openInput(path)
	if err != nil {
		return err
	}
	defer x.Close()
	o := tensorfs.Object{Name: name, Open: p.open}
	off, err := p.describe(&o, x, path, size)
	if err != nil {
		return err
	}
	return f.volume(true, func(v *tensorfs.Volume) error {
		if p.append {
			b, err := io.ReadAll(io.NewSectionReader(x, int64(off), int64(o.Len)))
			if err != nil {
				return input("", "cannot read %s: %w", path, reason(err))
			}
			return v.Append(name, b)
		}
		if _, ok := v.Lookup(name); ok && !p.replace {
			return failed("--replace stores another version", "object %q exists", name)
		}
		bar := f.progress("put " + name)
		defer bar.Done()
		return store(v, o, io.NewSectionReader(x, int64(off), int64(o.Len)), bar, 0, o.Len)
	})
}

// describe fills an object's description from the file and the flags, and says where its bytes
// start.
func (p *putFlags) describe(o *tensorfs.Object, x io.ReaderAt, path string,
	size int64) (off uint64, err error) {
	for _, a := range p.attrs {
		key, value, ok := strings.Cut(a, "=")
		if !ok || key == "" {
			return 0, usage("as in --attr source=hub", "--attr %s: write KEY=VALUE", a)
		}
		o.Attrs = append(o.Attrs, tensorfs.Attr{Key: key, Value: value})
	}
	raw := p.dtype != "" || p.shape != ""
	if strings.HasSuffix(path, ".npy") && !raw {
		a, err := checkpoint.ReadNPY(x, size)
		if err != nil {
			return 0, malformed(path, err)
		}
		o.Elem, o.Shape, o.ColMajor, o.Len = a.Elem, a.Shape, a.ColMajor, a.Len
		return a.Off, nil
	}
	o.Elem, o.Len = "u8", uint64(size)
	if p.dtype != "" {
		o.Elem = p.dtype
	}
	d, ok := tensorfs.LookupDType(o.Elem)
	if !ok {
		return 0, usage("there are "+dtypeNames(), "--dtype: no element type %q", o.Elem)
	}
	if p.shape == "" {
		o.Shape = []int{int(size) / d.Bytes * d.Elements}
	}
	for dim := range strings.SplitSeq(p.shape, "x") {
		n, err := strconv.Atoi(dim)
		if err != nil && p.shape != "" || n < 0 {
			return 0, usage("as in --shape 4096x64", "--shape %s: write whole numbers", p.shape)
		}
		if p.shape != "" {
			o.Shape = append(o.Shape, n)
		}
	}
	n, err := d.Size(o.Shape)
	if err != nil {
		return 0, usage("", "--shape: %w", err)
	}
	if n != uint64(size) && !p.append {
		return 0, usage("", "%v %s takes %d bytes, %s has %d", o.Shape, o.Elem, n, path, size)
	}
	return 0, nil
}

func dtypeNames() string {
	var names []string
	for _, d := range tensorfs.DTypes() {
		names = append(names, d.Name)
	}
	return strings.Join(names, ", ")
}

func openInput(path string) (*os.File, int64, error) {
	x, err := os.Open(path)
	if err != nil {
		return nil, 0, input(elsewhere(path), "cannot read %s: %w", path, reason(err))
	}
	st, err := x.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New("no regular file")
	}
	if err != nil {
		x.Close()
		return nil, 0, input("", "cannot read %s: %w", path, reason(err))
	}
	return x, st.Size(), nil
}

// malformed names the file before an error of its contents.
func malformed(path string, err error) error {
	var at *checkpoint.Error
	if errors.As(err, &at) {
		return input(at.Hint, "%s: %w", path, err)
	}
	return input("", "cannot read %s: %w", path, reason(err))
}

// store copies an object's bytes; before and total are for the bar.
func store(v *tensorfs.Volume, o tensorfs.Object, r io.Reader, p *progress,
	before, total uint64) error {
	w, err := v.Create(o)
	if err != nil {
		return err
	}
	buf := make([]byte, 1<<20)
	for n := uint64(0); ; {
		m, err := r.Read(buf)
		n += uint64(m)
		if _, e := w.Write(buf[:m]); e != nil {
			w.Abort()
			return e
		}
		p.Update("%s", bar(before+n, total))
		if err == io.EOF {
			return w.Close()
		}
		if err != nil {
			w.Abort()
			return input("", "cannot read %s: %w", o.Name, reason(err))
		}
	}
}

func fsGet(f *fsEnv) *cobra.Command {
	var snap string
	c := &cobra.Command{
		Use:   "get [flags] NAME FILE",
		Short: "Write an object into a file: .npy by its name, else raw bytes",
		Long: "Write an object into a file, \"-\" being the standard output. A name that ends in .npy\n" +
			"gives that format, any other the raw bytes. Every byte is held against its checksum.",
		Example: "    tos-sim fs get --image a.img w0 w0.npy\n" +
			"    tos-sim fs get --image a.img --snapshot monday w0 w0.bin",
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error { return f.get(args[0], args[1], snap) },
	}
	c.Flags().StringVar(&snap, "snapshot", "", "take it from the snapshot `NAME`")
	return c
}

func (f *fsEnv) get(name, path, snap string) error {
	return f.volume(false, func(v *tensorfs.Volume) error {
		o, err := find(v, snap, name)
		if err != nil {
			return err
		}
		var head []byte
		if strings.HasSuffix(path, ".npy") {
			if head, err = checkpoint.NPYHeader(o.Elem, o.Shape, o.ColMajor); err != nil {
				return failed("give a name without .npy for raw bytes", "object %q: %w", name, err)
			}
		}
		p := f.progress("get " + name)
		defer p.Done()
		partial := false
		err = f.writeTo(path, func(w io.Writer) error {
			partial = true
			return fetch(v, o, head, w, p)
		})
		if err != nil && partial && path != "-" {
			os.Remove(path) // half an object is none
		}
		return err
	})
}

// fetch copies an object out.
func fetch(v *tensorfs.Volume, o tensorfs.Object, head []byte, w io.Writer, p *progress) error {
	r, err := v.Open(o)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return input("", "cannot write: %w", reason(err))
	}
	buf := make([]byte, 1<<20)
	for n := uint64(0); ; {
		m, err := r.Read(buf)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		n += uint64(m)
		if _, err := w.Write(buf[:m]); err != nil {
			return input("", "cannot write: %w", reason(err))
		}
		p.Update("%s", bar(n, o.Len))
	}
}

// find looks up now or in a snapshot; the error names what is near.
func find(v *tensorfs.Volume, snap, name string) (tensorfs.Object, error) {
	if snap != "" {
		return v.LookupIn(snap, name)
	}
	o, ok := v.Lookup(name)
	if ok {
		return o, nil
	}
	hint := "tos-sim fs ls shows what there is"
	if s := nearest(name, v.Names()); s != "" {
		hint = "did you mean " + s + "?"
	}
	return o, failed(hint, "no object %q", name)
}

func fsImport(f *fsEnv) *cobra.Command {
	var prefix string
	var replace bool
	c := &cobra.Command{
		Use:   "import [flags] FILE...",
		Short: "Store the tensors of safetensors and GGUF checkpoints as objects",
		Long: "Store the tensors of safetensors and GGUF checkpoints as objects, all in one commit. The\n" +
			"metadata of each file becomes an object FILE.json beside them; GGUF's quantised types " +
			"stay\nas they are.",
		Example: "    tos-sim fs import --image a.img model.gguf --prefix llama/\n" +
			"    tos-sim fs import --image a.img model-0000*.safetensors",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return f.importAll(args, prefix, replace)
		},
	}
	c.Flags().StringVar(&prefix, "prefix", "", "put `TEXT` before every name")
	c.Flags().BoolVar(&replace, "replace", false, "replace objects of those names")
	return c
}

// imported is the report of import.
type imported struct {
	File    string `json:"file"`
	Format  string `json:"format"`
	Tensors int    `json:"tensors"`
	Bytes   uint64 `json:"bytes"`
}

func (f *fsEnv) importAll(paths []string, prefix string, replace bool) error {
	var done []imported
	err := f.volume(true, func(v *tensorfs.Volume) error {
		for _, path := range paths {
			r, err := f.importFile(v, path, prefix, replace)
			if err != nil {
				return err
			}
			done = append(done, r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if f.json {
		return f.encode(done)
	}
	for _, r := range done {
		fmt.Fprintf(f.out, "%s: %s, %s, %s\n", r.File, r.Format, count(r.Tensors, "tensor"),
			bytesText(r.Bytes))
	}
	return nil
}

func (f *fsEnv) importFile(v *tensorfs.Volume, path, prefix string,
	replace bool) (r imported, err error) {
	x, size, err := openInput(path)
	if err != nil {
		return r, err
	}
	defer x.Close()
	c, err := checkpoint.Read(x, size)
	if err != nil {
		return r, malformed(path, err)
	}
	r = imported{File: path, Format: c.Format, Tensors: len(c.Tensors)}
	for _, t := range c.Tensors {
		r.Bytes += t.Len
	}
	p := f.progress("import " + filepath.Base(path))
	defer p.Done()
	source := []tensorfs.Attr{{Key: "checkpoint", Value: filepath.Base(path)}}
	var at uint64
	add := func(o tensorfs.Object, from io.Reader) error {
		if _, ok := v.Lookup(o.Name); ok && !replace {
			return failed("--prefix keeps checkpoints apart, --replace stores other versions",
				"%s: object %q exists", path, o.Name)
		}
		if err := store(v, o, from, p, at, r.Bytes); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		at += o.Len
		return nil
	}
	for _, t := range c.Tensors {
		err := add(tensorfs.Object{Name: prefix + t.Name, Elem: t.Elem, Shape: t.Shape, Len: t.Len,
			Attrs: source}, io.NewSectionReader(x, int64(t.Off), int64(t.Len)))
		if err != nil {
			return r, err
		}
	}
	meta, err := c.JSON()
	if err != nil {
		return r, err
	}
	at = 0 // the bar is full already
	source = append(source, tensorfs.Attr{Key: "format", Value: c.Format})
	return r, add(tensorfs.Object{Name: prefix + filepath.Base(path) + ".json", Elem: "json",
		Len: uint64(len(meta)), Attrs: source},
		strings.NewReader(string(meta)))
}
