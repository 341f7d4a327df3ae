package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tensoros/hw"
	spec "tensoros/hw/spec/gpu"
	"tensoros/neurolang/abi"
	"tensoros/neurolang/gen"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/tir/interp"
	"tensoros/neurolang/wir"
	"tensoros/sim/gpu"
	"tensoros/sim/gpu/sanitize"
)

// genChips are the chips that stand for the targets.
var genChips = map[int]string{80: "a100", 89: "rtx4090", 90: "h100"}

// genLaunch launches a variant of a kernel as abi says.
type genLaunch struct {
	k    *abi.Kernel
	v    *abi.Variant
	a    *gpu.Accelerator
	at   []hw.DevicePtr // of the tensors
	dims map[string]int
	// shapes are those of the tensors.
	shapes  [][]int
	scalars []float64
	sms     int // one: the checker follows one cluster at a time
}

func (l *genLaunch) tensor(i int) *abi.Param {
	if i < len(l.k.Params) {
		return &l.k.Params[i]
	}
	return &l.k.Outs[i-len(l.k.Params)]
}

// holds tells whether a variant's needs hold.
func (l *genLaunch) holds(v *abi.Variant) bool {
	for _, n := range v.Needs {
		x := l.dims[n.Sym]
		if n.Sym == "" {
			x = int(l.at[n.Param])
		}
		if x%n.Multiple != 0 {
			return false
		}
	}
	return true
}

func (l *genLaunch) programs() int {
	n := 1
	for _, a := range l.k.Axes {
		d := a.Dim.Const
		if a.Dim.Sym != "" {
			d = l.dims[a.Dim.Sym]
		}
		n *= (d + a.Block - 1) / a.Block
	}
	return n
}

// params lays the slots out with natural alignment.
func (l *genLaunch) params() ([]byte, error) {
	var p []byte
	put := func(align int, b []byte) {
		for len(p)%align != 0 {
			p = append(p, 0)
		}
		p = append(p, b...)
	}
	word := func(n int) { put(4, binary.LittleEndian.AppendUint32(nil, uint32(n))) }
	for _, s := range l.v.Slots {
		switch s.Kind {
		case abi.Address:
			put(8, binary.LittleEndian.AppendUint64(nil, uint64(l.at[s.Index])))
		case abi.Extent:
			word(l.dims[s.Sym])
		case abi.Programs:
			word(l.programs())
		case abi.Scalar:
			x := interp.NewTensor(l.tensor(s.Index).Elem, tile.RowMajor, 1)
			x.Set(0, l.scalars[s.Index])
			put(len(x.Data), x.Data)
		case abi.TensorMap:
			m, err := l.tensorMap(&s)
			if err != nil {
				return nil, err
			}
			put(64, m)
		}
	}
	return p, nil
}

var mapTypes = map[tile.Elem]spec.TensorType{tile.F16: spec.TensorF16, tile.BF16: spec.TensorBF16,
	tile.F32: spec.TensorF32, tile.TF32: spec.TensorF32, tile.I32: spec.TensorS32,
	tile.F64: spec.TensorF64}

func (l *genLaunch) tensorMap(s *abi.Slot) ([]byte, error) {
	p := l.tensor(s.Index)
	dims := append([]int{}, l.shapes[s.Index]...)
	if n := len(dims); p.Layout == tile.ColMajor && n >= 2 {
		dims[n-1], dims[n-2] = dims[n-2], dims[n-1]
	}
	t := spec.TensorMap{Type: mapTypes[p.Elem], Rank: len(dims), Base: uint64(l.at[s.Index])}
	switch s.Map.Swizzle {
	case 32:
		t.Swizzle = spec.Swizzle32
	case 64:
		t.Swizzle = spec.Swizzle64
	case 128:
		t.Swizzle = spec.Swizzle128
	}
	stride := p.Elem.Size()
	for i := range dims {
		n := dims[len(dims)-1-i]
		t.Dims[i] = uint64(n)
		t.Box[i], t.ElementStrides[i] = 1, 1
		if i < len(s.Map.Box) {
			t.Box[i] = uint32(s.Map.Box[i])
		}
		if i > 0 {
			t.Strides[i-1] = uint64(stride)
		}
		stride *= n
	}
	m, err := l.a.TensorMap(&t)
	return m[:], err
}

func (l *genLaunch) run() (gpu.Run, error) {
	m, err := l.a.Load(l.k.Name+".ptx", []byte(l.v.PTX))
	if err != nil {
		return gpu.Run{}, err
	}
	k, err := m.(*gpu.Module).Entry(l.v.Entry)
	if err != nil {
		return gpu.Run{}, err
	}
	params, err := l.params()
	if err != nil {
		return gpu.Run{}, err
	}
	blocks := l.programs()
	if l.v.Grid == abi.Persistent {
		blocks = min(blocks, l.sms*max(l.v.PerSM, 1))
		if c := max(l.v.Cluster, 1); blocks%c != 0 {
			blocks += c - blocks%c
		}
	}
	g := hw.Grid{Blocks: [3]uint32{uint32(blocks), 1, 1},
		Threads: [3]uint32{uint32(l.v.Threads), 1, 1}, Shared: l.v.Shared, Params: params}
	return k.Run(g)
}

// genCase is a kernel with tensors of these shapes, filled by fill.
type genCase struct {
	text    string
	dims    map[string]int
	scalars []float64
	fill    func(param, i int) float64
	tol     float64 // relative to the largest element; 0: bit for bit
	steps   int     // of the interpreter; what takes more is skipped
}

func (c *genCase) shape(p *abi.Param) []int {
	var out []int
	for _, d := range p.Dims {
		n := d.Const
		if d.Sym != "" {
			n = c.dims[d.Sym]
		}
		out = append(out, n)
	}
	return out
}

func defaultFill(param, i int) float64 {
	h := uint32(i*2654435761) ^ uint32(param*40503+12345)
	h ^= h >> 15
	h *= 2246822519
	h ^= h >> 13
	return float64(int(h%2001)-1000) / 250
}

// genRun runs a kernel on the simulator and in the interpreter and compares all that was written.
func genRun(t *testing.T, c *genCase, cc int) {
	t.Helper()
	k, err := tir.Parse(c.text)
	if err != nil {
		t.Fatal(err)
	}
	ak, err := gen.Compile(k, cc, gen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := gen.Dump(k, cc, gen.Options{}, "warp")
	if err != nil {
		t.Fatal(err)
	}
	if f, err := wir.Parse(text); err != nil {
		t.Fatal(err)
	} else if f.String() != text {
		t.Error("the text of the warp IR changes")
	}
	genPtxas(t, ak)
	fill := c.fill
	if fill == nil {
		fill = defaultFill
	}
	for v := range ak.Variants {
		var want, got []*interp.Tensor
		l := &genLaunch{k: ak, v: &ak.Variants[v], dims: c.dims, scalars: c.scalars, sms: 1}
		check := sanitize.New()
		a, err := gpu.Open(genChips[cc], gpu.Options{Check: check})
		if err != nil {
			t.Fatal(err)
		}
		l.a = a
		for i := range len(k.Params) + len(k.Outs) {
			p := k.Tensor(i)
			if !p.Tensor {
				want, got = append(want, nil), append(got, nil)
				l.at, l.shapes = append(l.at, 0), append(l.shapes, nil)
				continue
			}
			x := interp.NewTensor(p.Elem, p.Layout, c.shape(p)...)
			if p.Access != abi.Write {
				for j := range x.Len() {
					x.Set(j, fill(i, j))
				}
			}
			y := *x
			y.Data = append([]byte{}, x.Data...)
			want, got = append(want, x), append(got, &y)
			at, err := a.Alloc(len(x.Data))
			if err == nil {
				err = a.Write(at, x.Data)
			}
			if err != nil {
				t.Fatal(err)
			}
			l.at, l.shapes = append(l.at, at), append(l.shapes, x.Dims)
		}
		if !l.holds(l.v) {
			continue
		}
		err = interp.Run(k, want, c.scalars, interp.Options{Target: cc, WGMMA: cc == 90,
			Steps: c.steps})
		if errors.Is(err, interp.ErrSteps) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.run(); err != nil {
			t.Fatalf("variant %d: %v\n%s", v, err, genText(l.v.PTX))
		}
		for i, f := range check.Findings {
			if i < 5 {
				t.Errorf("variant %d: %v", v, &f)
			}
		}
		for i := range got {
			if got[i] == nil {
				continue
			}
			if err := a.Read(got[i].Data, l.at[i]); err != nil {
				t.Fatal(err)
			}
			compareTensors(t, fmt.Sprintf("variant %d %v, %s", v, l.v.Needs, k.Tensor(i).Name),
				got[i], want[i], c.tol)
		}
		a.Close()
	}
}

func genText(s string) string {
	if len(s) > 60000 {
		return s[:60000]
	}
	return s
}

func compareTensors(t *testing.T, what string, got, want *interp.Tensor, tol float64) {
	t.Helper()
	top := 0.0
	for i := range want.Len() {
		if v := math.Abs(want.At(i)); v > top && !math.IsInf(v, 0) {
			top = v
		}
	}
	bad := 0
	for i := range want.Len() {
		x, y := got.At(i), want.At(i)
		same := x == y && math.Signbit(x) == math.Signbit(y) || x != x && y != y
		if !same && tol > 0 {
			same = math.Abs(x-y) <= tol*max(top, 1e-30) || x == y
		}
		if !same {
			if bad++; bad <= 5 {
				t.Errorf("%s: element %d is %v, not %v", what, i, x, y)
			}
		}
	}
	if bad > 5 {
		t.Errorf("%s: %d of %d elements are wrong", what, bad, want.Len())
	}
}

// genPtxas gives all variants to NVIDIA's ptxas, if TENSOROS_PTXAS names it.
func genPtxas(t *testing.T, k *abi.Kernel) {
	t.Helper()
	tool := os.Getenv("TENSOROS_PTXAS")
	if tool == "" || k.Target > 90 {
		return
	}
	arch := fmt.Sprintf("-arch=sm_%d", k.Target)
	if k.Target == 90 {
		arch += "a"
	}
	dir := t.TempDir()
	for i, v := range k.Variants {
		file := filepath.Join(dir, fmt.Sprintf("%d.ptx", i))
		if err := os.WriteFile(file, []byte(v.PTX), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(tool, arch, "-v", "-o", filepath.Join(dir, "out"),
			file).CombinedOutput()
		if err != nil {
			t.Errorf("variant %d: %s", i, out)
		}
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "warning") || strings.Contains(line, "spill stores") &&
				!strings.Contains(line, " 0 bytes spill stores") {
				t.Logf("variant %d: %s", i, line)
			}
		}
	}
}
