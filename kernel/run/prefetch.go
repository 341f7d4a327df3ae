package run

import (
	"errors"
	"fmt"

	"tensoros/kernel"
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

// planner is a runtime on which nothing happens: host code runs over it until it asks for data.
type planner struct {
	r     *Runtime
	loads []planned
}

func (p *planner) Devices() int                    { return p.r.Devices() }
func (p *planner) Device(i int) (vm.Device, error) { return p.r.Device(i) }
func (p *planner) Print(string)                    {}
func (p *planner) Save(*vm.Tensor, string) error   { return errUnknown }
func (p *planner) Read(*vm.Tensor, vm.Region) ([]float64, error) {
	return nil, errUnknown
}

func (p *planner) Load(uri string, dev vm.Device) (*vm.Tensor, error) {
	_, o, err := p.r.find(uri)
	if err != nil {
		return nil, err
	}
	s, err := objectSpec(uri, &o, dev)
	p.loads = append(p.loads, planned{uri, dev})
	return &vm.Tensor{Spec: s, Origin: uri}, err
}

func (p *planner) Alloc(s vm.Spec, _ vm.Fill) (*vm.Tensor, error) {
	return &vm.Tensor{Spec: s, Origin: "alloc"}, nil
}

func (p *planner) Launch(l *vm.Launch) (*vm.Tensor, error) {
	return &vm.Tensor{Spec: l.Out, Origin: l.Kernel.Name}, nil
}

// Prefetch finds out which objects a program is going to load, in order, and starts to bring them
// into VRAM. A load that was started ahead is handed over when the program asks for it. The plan
// reaches to the first element that the program reads: what comes then may depend on data.
func (r *Runtime) Prefetch(p *program.Program) {
	plan := &planner{r: r}
	_ = vm.Run(p, plan, vm.Options{Steps: planSteps}) // how it ends, the program itself will tell
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
func (r *Runtime) takeAhead(uri string, dev vm.Device) *vm.Tensor {
	key := planned{uri, dev}.key()
	if list := r.started[key]; len(list) > 0 {
		r.started[key] = list[1:]
		r.waiting--
		return list[0]
	}
	for i, p := range r.coming {
		if p.key() == key {
			r.coming = append(r.coming[:i], r.coming[i+1:]...)
			break
		}
	}
	return nil
}

// forget drops the plan; the tensors are freed with the others.
func (r *Runtime) forget() {
	clear(r.started)
	r.coming, r.waiting = nil, 0
}

// objectSpec is the tensor that an object becomes.
func objectSpec(uri string, o *kernel.Object, dev vm.Device) (vm.Spec, error) {
	elem, ok := tile.ParseElem(o.Elem)
	if !ok {
		return vm.Spec{}, fmt.Errorf("load %s: element type %q is unknown", uri, o.Elem)
	}
	s := vm.Spec{Shape: o.Shape, Elem: elem, Layout: tile.RowMajor, Device: dev}
	if o.ColMajor {
		s.Layout = tile.ColMajor
	}
	if uint64(s.Bytes()) != o.Len {
		return s, fmt.Errorf("load %s: %s takes %d bytes, the object has %d", uri, s, s.Bytes(),
			o.Len)
	}
	return s, nil
}

var _ vm.Runtime = (*planner)(nil)
