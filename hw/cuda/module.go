package cuda

import (
	"bytes"
	"fmt"
	"runtime"

	"tensoros/hw"
)

// jitLog is the room that the PTX compiler has for its complaints.
const jitLog = 64 << 10

type module struct {
	on     *Accelerator
	name   string
	handle uintptr
}

// Load has the driver compile PTX. What its compiler says becomes the error, line by line.
func (a *Accelerator) Load(name string, text []byte) (hw.Module, error) {
	image := append(bytes.Clone(text), 0)
	log := make([]byte, jitLog)
	var pin runtime.Pinner
	pin.Pin(&log[0])
	defer pin.Unpin()
	options := []uint32{jitErrorLog, jitErrorLogLen}
	values := []uintptr{address(&log[0]), jitLog}
	m := &module{on: a, name: name}
	err := a.do("load "+name, func() int32 {
		return a.d.ModuleLoad(&m.handle, &image[0], uint32(len(options)), &options[0], &values[0])
	})
	if e, ok := err.(*Error); ok {
		log, _, _ = bytes.Cut(log, []byte{0})
		e.Log = readable(name, string(log))
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

func cString(s string) *byte { return &append([]byte(s), 0)[0] }

// Kernel finds an entry point.
func (m *module) Kernel(name string) (hw.Kernel, error) {
	k := &kernel{on: m.on, name: name}
	err := m.on.do(fmt.Sprintf("find kernel %s in %s", name, m.name), func() int32 {
		return m.on.d.ModuleGetFunction(&k.handle, m.handle, cString(name))
	})
	if err != nil {
		return nil, err
	}
	return k, nil
}

// Global is where a .global variable lies.
func (m *module) Global(name string) (hw.DevicePtr, int, error) {
	var p uint64
	var n uintptr
	err := m.on.do(fmt.Sprintf("find variable %s in %s", name, m.name), func() int32 {
		return m.on.d.ModuleGetGlobal(&p, &n, m.handle, cString(name))
	})
	return hw.DevicePtr(p), int(n), err
}

// Unload gives code and variables back.
func (m *module) Unload() error {
	return m.on.do("unload "+m.name, func() int32 { return m.on.d.ModuleUnload(m.handle) })
}

type kernel struct {
	on     *Accelerator
	name   string
	handle uintptr
}

// Without being asked a kernel may have this much dynamic shared memory, and a cluster so many
// CTAs (CUDA C++ programming guide, "shared memory" and "thread block clusters").
const (
	plainShared  = 48 << 10
	plainCluster = 8
)

// Launch runs a grid to its end, between two events.
func (k *kernel) Launch(g hw.Grid) (l hw.Launched, err error) {
	a := k.on
	if g.Shared < 0 || uint64(g.Shared) > 1<<32-1 {
		return l, fmt.Errorf("cuda: launch %s: %d bytes of shared memory", k.name, g.Shared)
	}
	c := &launchConfig{shared: uint32(g.Shared)}
	ctas := uint32(1)
	for i := range 3 {
		c.grid[i], c.block[i] = max(g.Blocks[i], 1), max(g.Threads[i], 1)
		ctas *= max(g.Cluster[i], 1)
	}
	if ctas > 1 {
		c.count, c.attributes = 1, &launchAttribute{id: launchCluster}
		for i := range 3 {
			c.attributes.cluster[i] = max(g.Cluster[i], 1)
		}
	}
	if err := k.allow(g.Shared, ctas); err != nil {
		return l, err
	}
	if err := a.events(); err != nil {
		return l, err
	}
	var ms float32
	err = a.do(k.what(&g), func() int32 {
		r := a.d.EventRecord(a.from, 0)
		if r == success {
			r = k.start(c, g.Params)
		}
		if r == success {
			r = a.d.EventRecord(a.to, 0)
		}
		if r == success {
			r = a.d.EventSynchronize(a.to)
		}
		if r == success {
			r = a.d.EventElapsed(&ms, a.from, a.to)
		}
		return r
	})
	l.Elapsed = float64(ms) * 1e6
	return l, err
}

func (k *kernel) what(g *hw.Grid) string {
	return fmt.Sprintf("launch %s, %v CTAs of %v threads", k.name, g.Blocks, g.Threads)
}

// start hands the launch over, with the parameters as one piece.
func (k *kernel) start(c *launchConfig, params []byte) int32 {
	if len(params) == 0 {
		return k.on.d.Launch(c, k.handle, 0, nil)
	}
	n := uintptr(len(params))
	var pin runtime.Pinner
	pin.Pin(&params[0])
	pin.Pin(&n)
	defer pin.Unpin()
	extra := []uintptr{paramBuffer, address(&params[0]), paramLen, address(&n), paramEnd}
	return k.on.d.Launch(c, k.handle, 0, &extra[0])
}

// allow asks for what a launch may not have without being asked for.
func (k *kernel) allow(shared int, ctas uint32) error {
	if shared > plainShared {
		err := k.on.do(fmt.Sprintf("give %s %d bytes of shared memory", k.name, shared),
			func() int32 { return k.on.d.FuncSetAttribute(k.handle, funcShared, int32(shared)) })
		if err != nil {
			return err
		}
	}
	if ctas <= plainCluster {
		return nil
	}
	return k.on.do(fmt.Sprintf("give %s clusters of %d CTAs", k.name, ctas),
		func() int32 { return k.on.d.FuncSetAttribute(k.handle, funcAnyCluster, 1) })
}

// events makes the two events.
func (a *Accelerator) events() error {
	for _, e := range []*uintptr{&a.from, &a.to} {
		if *e != 0 {
			continue
		}
		err := a.do("make an event", func() int32 { return a.d.EventCreate(e, 0) })
		if err != nil {
			return err
		}
	}
	return nil
}
