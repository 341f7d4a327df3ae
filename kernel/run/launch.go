package run

import (
	"fmt"

	"tensoros/hw"
	"tensoros/kernel/drv/gpu"
	"tensoros/neurolang/abi"
	"tensoros/neurolang/vm"
	"tensoros/traces"
)

// Launch runs a kernel over whole tensors. Between Begin and End launches gather, and start with
// one doorbell when the batch ends or somebody needs what they make.
func (r *Runtime) Launch(l *vm.Launch) error {
	d := device(l.Device)
	for _, t := range l.Tensors {
		if t != nil && handle(t).dev != d {
			return fmt.Errorf("%s is on gpu%d, the launch on gpu%d: load it there", t.Origin,
				handle(t).dev.Index, d.Index)
		}
	}
	c, err := l.Call(func(t *vm.Tensor) uint64 { return uint64(handle(t).at) },
		&abi.Device{SMs: d.SMs()})
	if err != nil || c.Programs == 0 {
		return err
	}
	if len(r.batch) > 0 && (r.batch[0].plan.Device() != d || len(r.batch) == maxBatch) {
		if err := r.flush(); err != nil {
			return err
		}
	}
	p, err := r.plan(d, c)
	if err != nil {
		return err
	}
	if err := r.await(l.Tensors); err != nil {
		return err
	}
	if r.BeforeLaunch != nil {
		if err := r.BeforeLaunch(l); err != nil {
			return err
		}
	}
	r.batch = append(r.batch, started{p, ran(l, c)})
	if r.open > 0 && r.OnLaunch == nil {
		return nil
	}
	if err := r.flush(); err != nil {
		return err
	}
	if r.OnLaunch != nil {
		return r.OnLaunch(l)
	}
	return nil
}

// started is a launch that waits for its doorbell.
type started struct {
	plan *gpu.Plan
	Ran
}

// maxBatch bounds the launches of one doorbell; maxPlans the plans that are kept, of which the
// oldest goes first.
const (
	maxBatch = 64
	maxPlans = 128
)

// Begin opens a batch.
func (r *Runtime) Begin() { r.open++ }

// End closes it, and starts what it gathered.
func (r *Runtime) End() error {
	if r.open--; r.open > 0 {
		return nil
	}
	return r.flush()
}

// flush starts the launches that were gathered and waits for them. What is timed is ring entries
// and one doorbell: all else lies in VRAM.
func (r *Runtime) flush() error {
	if len(r.batch) == 0 {
		return nil
	}
	batch := r.batch
	r.batch = nil
	plans := make([]*gpu.Plan, len(batch))
	for i, b := range batch {
		plans[i] = b.plan
	}
	called := r.k.CPU.Now()
	if err := plans[0].Device().StartAll(plans); err != nil {
		return err
	}
	var first error
	for i, b := range batch {
		ended, err := b.plan.Wait()
		if err != nil {
			if first == nil {
				first = fmt.Errorf("%s: %w", b.Kernel, err)
			}
			continue
		}
		if i == 0 {
			ctas := uint64(b.Grid[0]) * uint64(b.Grid[1]) * uint64(b.Grid[2])
			r.k.Span(traces.KernelLaunch, called, r.k.Text(b.Kernel), ctas)
		}
		r.Launches = append(r.Launches, Launch{b.Ran, called, ended})
	}
	return first
}

// Launch is a kernel that ran: when it was called, and the GPU's time of its end.
type Launch struct {
	Ran
	Called, Ended hw.Time
}

// planKey is what a plan is made for: everything but the parameters.
type planKey struct {
	dev    *gpu.Device
	code   *abi.Variant
	blocks [3]uint32
}

// plan finds the launch encoded in VRAM, with these parameters, or encodes it. A plan that is
// gathered already is not to be changed.
func (r *Runtime) plan(d *gpu.Device, c *abi.Call) (*gpu.Plan, error) {
	key := planKey{d, c.Variant, c.Blocks}
	for _, p := range r.plans[key] {
		if !r.gathered(p) {
			return p, p.SetParams(c.Params)
		}
	}
	if len(r.recent) >= maxPlans {
		if err := r.forgetPlan(); err != nil {
			return nil, err
		}
	}
	g := &gpu.Grid{Entry: c.Variant.Entry, PTX: c.Variant.PTX, Grid: c.Blocks,
		Block: [3]uint32{c.Threads, 1, 1}, Shared: uint32(c.Shared), Params: c.Params}
	if !d.Loaded(g) {
		// New code may go where a tensor was that gathered launches still use.
		if err := r.flush(); err != nil {
			return nil, err
		}
	}
	p, err := d.Prepare(g)
	if err != nil {
		return nil, err
	}
	r.plans[key] = append(r.plans[key], p)
	r.recent = append(r.recent, key)
	return p, nil
}

func (r *Runtime) gathered(p *gpu.Plan) bool {
	for _, b := range r.batch {
		if b.plan == p {
			return true
		}
	}
	return false
}

// forgetPlan gives the oldest plan's memory back.
func (r *Runtime) forgetPlan() error {
	if err := r.flush(); err != nil {
		return err
	}
	key := r.recent[0]
	r.recent = r.recent[1:]
	list := r.plans[key]
	list[0].Release()
	if list = list[1:]; len(list) == 0 {
		delete(r.plans, key)
	} else {
		r.plans[key] = list
	}
	return nil
}

// await waits for what fills the arguments. By then the launch is encoded: its kernel's code was
// checked while the objects were on their way.
func (r *Runtime) await(args []*vm.Tensor) error {
	for _, a := range args {
		if a == nil {
			continue
		}
		if err := r.settle(handle(a)); err != nil {
			return err
		}
	}
	return nil
}

// Image is a tensor's bytes as they lie in VRAM, for checks.
func (r *Runtime) Image(t *vm.Tensor) ([]byte, error) {
	p := make([]byte, t.Bytes())
	return p, r.Read(t, 0, p)
}

var (
	_ vm.Runtime = (*Runtime)(nil)
	_ vm.Batcher = (*Runtime)(nil)
)
