package run

import (
	"encoding/binary"
	"fmt"
	"math"

	"tensoros/hw/num"
	"tensoros/kernel/drv/gpu"
	"tensoros/neurolang/program"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/vm"
	"tensoros/traces"
)

// Launch runs a kernel over whole tensors.
func (r *Runtime) Launch(l *vm.Launch) (*vm.Tensor, error) {
	out, err := r.alloc(l.Out)
	if err != nil {
		return nil, err
	}
	if err := r.launch(l, out); err != nil {
		r.discard(out)
		return nil, err
	}
	result := &vm.Tensor{Spec: l.Out, Handle: out, Origin: l.Kernel.Name}
	if r.OnLaunch != nil {
		return result, r.OnLaunch(l, result)
	}
	return result, nil
}

// launch encodes a launch into VRAM first; the call that is timed is one ring entry and one
// doorbell.
func (r *Runtime) launch(l *vm.Launch, out *tensor) error {
	in, err := addresses(l.Args, out)
	if err != nil {
		return err
	}
	params, err := l.Kernel.ParamBytes(in, uint64(out.at), l.Geometry)
	if err != nil {
		return err
	}
	p, err := r.plan(l, out.dev, params)
	if err != nil {
		return err
	}
	if err := r.await(l.Args); err != nil {
		return err
	}
	called := r.k.CPU.Now()
	if err := p.Start(); err != nil {
		return err
	}
	ended, err := p.Wait()
	if err != nil {
		return err
	}
	ctas := uint64(l.Grid[0]) * uint64(l.Grid[1]) * uint64(l.Grid[2])
	r.k.Span(traces.KernelLaunch, called, r.k.Text(l.Kernel.Name), ctas)
	r.Launches = append(r.Launches, Launch{l.Kernel.Name, l.Geometry, called, ended})
	return nil
}

// planKey is what a plan is made for: everything but the parameters.
type planKey struct {
	dev         *gpu.Device
	kernel      *program.Kernel
	grid, block [3]int
	shared      int
}

// maxPlans bounds the plans that are kept; the oldest goes first.
const maxPlans = 64

// plan finds the launch encoded in VRAM, with these parameters, or encodes it.
func (r *Runtime) plan(l *vm.Launch, d *gpu.Device, params []byte) (*gpu.Plan, error) {
	key := planKey{d, l.Kernel, l.Grid, l.Block, l.Shared}
	if p := r.plans[key]; p != nil {
		return p, p.SetParams(params)
	}
	if len(r.recent) == maxPlans {
		r.plans[r.recent[0]].Release()
		delete(r.plans, r.recent[0])
		r.recent = r.recent[1:]
	}
	p, err := d.Prepare(&gpu.Grid{Entry: l.Kernel.Name, PTX: l.Kernel.PTX,
		Grid: axes(l.Grid), Block: axes(l.Block), Shared: uint32(l.Shared), Params: params})
	if err != nil {
		return nil, err
	}
	r.plans[key] = p
	r.recent = append(r.recent, key)
	return p, nil
}

// addresses are those of the arguments, which must lie on the GPU of out.
func addresses(args []*vm.Tensor, out *tensor) ([]uint64, error) {
	var in []uint64
	for _, a := range args {
		t := a.Handle.(*tensor)
		if t.dev != out.dev {
			return nil, fmt.Errorf("%s is on gpu%d, the launch on gpu%d: load it there",
				a.Origin, t.dev.Index, out.dev.Index)
		}
		in = append(in, uint64(t.at))
	}
	return in, nil
}

// await waits for what fills the arguments. By then the launch is encoded: its kernel's code was
// checked while the objects were on their way.
func (r *Runtime) await(args []*vm.Tensor) error {
	for _, a := range args {
		if err := r.settle(a.Handle.(*tensor)); err != nil {
			return err
		}
	}
	return nil
}

func axes(v [3]int) [3]uint32 { return [3]uint32{uint32(v[0]), uint32(v[1]), uint32(v[2])} }

// Read copies a region to the host and decodes it, in row-major order.
func (r *Runtime) Read(t *vm.Tensor, g vm.Region) ([]float64, error) {
	own := t.Handle.(*tensor)
	if err := r.settle(own); err != nil {
		return nil, err
	}
	return regionOf(t, g, func(off, n int) ([]byte, error) { return r.download(own, off, n) })
}

// regionOf decodes a region of a tensor; get brings bytes of it to the host.
func regionOf(t *vm.Tensor, g vm.Region, get func(off, n int) ([]byte, error)) ([]float64, error) {
	if g.Rows <= 0 || g.Cols <= 0 {
		return nil, nil
	}
	rows, cols := t.Dims()
	size := t.Elem.Size()
	index := func(i, j int) int { return t.Layout.Index(i, j, rows, cols) }
	first, last := index(g.Row, g.Col), index(g.Row+g.Rows-1, g.Col+g.Cols-1)
	raw, err := get(first*size, (last-first+1)*size)
	if err != nil {
		return nil, err
	}
	out := make([]float64, 0, g.Rows*g.Cols)
	for i := range g.Rows {
		for j := range g.Cols {
			at := (index(g.Row+i, g.Col+j) - first) * size
			out = append(out, value(t.Elem, raw[at:at+size]))
		}
	}
	return out, nil
}

// value decodes an element as it lies in memory.
func value(e tile.Elem, p []byte) float64 {
	switch e {
	case tile.F16:
		return float64(num.F16ToF32(binary.LittleEndian.Uint16(p)))
	case tile.BF16:
		return float64(num.BF16ToF32(binary.LittleEndian.Uint16(p)))
	case tile.TF32, tile.F32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(p)))
	case tile.F64:
		return math.Float64frombits(binary.LittleEndian.Uint64(p))
	case tile.E4M3:
		return float64(num.E4M3ToF32(p[0]))
	case tile.E5M2:
		return float64(num.E5M2ToF32(p[0]))
	case tile.I8:
		return float64(int8(p[0]))
	case tile.I32:
		return float64(int32(binary.LittleEndian.Uint32(p)))
	}
	panic("run: no values of " + e.String()) // tile.ParseElem gives no other
}

// Image is a tensor's bytes as they lie in VRAM, for checks.
func (r *Runtime) Image(t *vm.Tensor) ([]byte, error) {
	own := t.Handle.(*tensor)
	if err := r.settle(own); err != nil {
		return nil, err
	}
	return r.download(own, 0, int(own.n))
}

var _ vm.Runtime = (*Runtime)(nil)
