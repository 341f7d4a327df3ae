package run

import (
	"errors"
	"fmt"

	"tensoros/kernel/tensorfs"
	"tensoros/neurolang/program"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/vm"
)

// planSteps bounds the dry run that finds a program's plan, in instructions of host code.
const planSteps = 1_000_000

// planned is an object that a program is going to load.
type planned struct {
	uri string
	dev vm.Device
}

func (p planned) key() ahead { return ahead{p.uri, p.dev.Index} }

// ahead names loads started ahead of their use.
type ahead struct {
	uri string
	gpu int
}

// errUnknown ends a dry run: what follows depends on data, or on an object that is saved.
var errUnknown = errors.New("run: the plan ends here")

// planner is a runtime on which nothing happens: host code runs over it until it asks for data, or
// would write it.
type planner struct {
	r     *Runtime
	loads []planned
}

func (p *planner) Devices() int                        { return p.r.Devices() }
func (p *planner) Device(i int) (vm.Device, error)     { return p.r.Device(i) }
func (p *planner) Print(string)                        {}
func (p *planner) Save(*vm.Tensor, string) error       { return errUnknown }
func (p *planner) Alloc(vm.Device, int) (any, error)   { return nil, nil }
func (p *planner) Free(any) error                      { return nil }
func (p *planner) Read(*vm.Tensor, int, []byte) error  { return errUnknown }
func (p *planner) Write(*vm.Tensor, int, []byte) error { return nil }
func (p *planner) Copy(_, _ *vm.Tensor) error          { return nil }
func (p *planner) Launch(*vm.Launch) error             { return nil }

func (p *planner) Load(uri string, dev vm.Device) (vm.Spec, any, error) {
	_, o, err := p.r.find(uri)
	if err != nil {
		return vm.Spec{}, nil, err
	}
	s, err := objectSpec(&o, int(o.Len), dev)
	p.loads = append(p.loads, planned{uri, dev})
	return s, nil, err
}

// Prefetch finds out which objects a program is going to load, in order, and starts to bring them
// into VRAM. A load that was started ahead is handed over when the program asks for it. The plan
// reaches to the first element that the program reads: what comes then may depend on data.
func (r *Runtime) Prefetch(p *program.Program) {
	plan := &planner{r: r}
	if p.Main >= 0 {
		// How it ends, the program itself will tell.
		_, _ = vm.New(p, plan, vm.Options{Steps: planSteps, Dry: true}).Call(p.Main)
	}
	r.coming = append(r.coming, plan.loads...)
	r.pump()
}

// Loads started and not asked for yet: at most so many, and so much of the free VRAM.
const (
	maxAhead   = 16
	aheadShare = 2
)

// pump starts planned loads while there is room for them.
func (r *Runtime) pump() {
	for len(r.coming) > 0 && r.waiting < maxAhead {
		next := r.coming[0]
		v, o, err := r.find(next.uri)
		if err == nil && o.Len > device(next.dev).Heap.Free()/aheadShare {
			return
		}
		r.coming = r.coming[1:]
		if err != nil {
			continue
		}
		t, err := r.start(next.uri, next.dev, v, o)
		if err != nil {
			continue // and again, and told, when the program asks for it
		}
		r.started[next.key()] = append(r.started[next.key()], t)
		r.waiting++
	}
}

// takeAhead hands over a load that was started ahead, or nil. One that the plan has but that was
// not started will not be needed a second time.
func (r *Runtime) takeAhead(uri string, dev vm.Device) (loaded, bool) {
	key := planned{uri, dev}.key()
	if list := r.started[key]; len(list) > 0 {
		r.started[key] = list[1:]
		r.waiting--
		return list[0], true
	}
	for i, p := range r.coming {
		if p.key() == key {
			r.coming = append(r.coming[:i], r.coming[i+1:]...)
			break
		}
	}
	return loaded{}, false
}

// forget drops the plan; the tensors are freed with the others.
func (r *Runtime) forget() {
	clear(r.started)
	r.coming, r.waiting = nil, 0
}

// objectSpec is the tensor that an object of n bytes becomes.
func objectSpec(o *tensorfs.Object, n int, dev vm.Device) (vm.Spec, error) {
	elem, ok := tile.ParseElem(o.Elem)
	if !ok {
		return vm.Spec{}, fmt.Errorf("element type %q is unknown", o.Elem)
	}
	s := vm.Spec{Shape: o.Shape, Elem: elem, Layout: tile.RowMajor, Device: dev}
	if o.ColMajor {
		s.Layout = tile.ColMajor
	}
	if s.Bytes() != n {
		return s, fmt.Errorf("%s takes %d bytes, the object has %d", &s, s.Bytes(), n)
	}
	return s, nil
}

var _ vm.Runtime = (*planner)(nil)
