package cuda

import (
	"errors"
	"strings"
	"unsafe"

	"tensoros/hw"
	spec "tensoros/hw/spec/gpu"
	"tensoros/sim/gpu"
)

// fake is a driver whose device is a simulated chip: everything between the table and the caller is
// the real thing.
type fake struct {
	chip    *gpu.Accelerator
	modules []hw.Module
	kernels []hw.Kernel
	events  int
	shared  map[uintptr]int32
	pending int32            // a kernel's failure, seen when somebody waits
	fail    map[string]int32 // calls that fail
	calls   map[string]int
	retains int
	config  launchConfig
	cluster launchAttribute
}

func bytesAt(p *byte, n int) []byte { return unsafe.Slice(p, n) }

func text(p *byte) string {
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(bytesAt(p, n))
}

// word reads memory that the caller has pinned.
func word(p *uintptr, i int) uintptr {
	return *(*uintptr)(unsafe.Add(unsafe.Pointer(p), i*int(unsafe.Sizeof(*p))))
}

func pointer[T any](p *uintptr, i int) *T {
	return *(**T)(unsafe.Add(unsafe.Pointer(p), i*int(unsafe.Sizeof(*p))))
}

func (f *fake) result(call string, err error) int32 {
	f.calls[call]++
	if r, ok := f.fail[call]; ok {
		return r
	}
	switch {
	case err == nil:
		return success
	case errors.Is(err, hw.ErrNoMemory):
		return errNoMemory
	}
	return 1
}

func newFake() *fake {
	chip, err := gpu.Open("h100", gpu.Options{Timed: true})
	if err != nil {
		panic(err)
	}
	return &fake{chip: chip, fail: map[string]int32{}, calls: map[string]int{},
		shared: map[uintptr]int32{}}
}

func (f *fake) driver() *driver {
	d := &driver{}
	f.context(d)
	f.memory(d)
	f.code(d)
	f.time(d)
	d.TensorMapEncode = f.tensorMap
	return d
}

func (f *fake) tensorMap(m *byte, element int32, rank uint32, base uint64, dims, strides *uint64,
	box, steps *uint32, interleave, swizzle, _, fill int32) int32 {
	if uintptr(unsafe.Pointer(m))%spec.TensorMapAlign != 0 {
		return 1
	}
	t := spec.TensorMap{Type: spec.TensorType(element), Rank: int(rank), Base: base,
		Interleave: spec.TensorInterleave(interleave), Swizzle: spec.TensorSwizzle(swizzle),
		Fill: spec.TensorFill(fill)}
	n := int(rank)
	copy(t.Dims[:n], unsafe.Slice(dims, n))
	copy(t.Strides[:n-1], unsafe.Slice(strides, n-1))
	copy(t.Box[:n], unsafe.Slice(box, n))
	copy(t.ElementStrides[:n], unsafe.Slice(steps, n))
	b, err := t.Encode()
	copy(bytesAt(m, len(b)), b[:])
	return f.result("TensorMapEncode", err)
}

func (f *fake) context(d *driver) {
	d.Init = func(uint32) int32 { return f.result("Init", nil) }
	d.DeviceGetCount = func(n *int32) int32 { *n = 1; return f.result("DeviceGetCount", nil) }
	d.DeviceGet = func(dev *int32, i int32) int32 {
		if i != 0 {
			return 101
		}
		*dev = 0
		return f.result("DeviceGet", nil)
	}
	d.DeviceGetName = func(name *byte, n, _ int32) int32 {
		copy(bytesAt(name, int(n)), f.chip.Name()+"\x00")
		return f.result("DeviceGetName", nil)
	}
	d.DeviceGetAttribute = func(v *int32, attribute, _ int32) int32 {
		*v = int32(f.chip.Arch() / 10)
		if attribute == attrMinor {
			*v = int32(f.chip.Arch() % 10)
		} else if attribute == attrSMs {
			*v = int32(f.chip.SMs())
		}
		return f.result("DeviceGetAttribute", nil)
	}
	d.CtxRetain = func(ctx *uintptr, _ int32) int32 {
		*ctx = 99
		f.retains++
		return f.result("CtxRetain", nil)
	}
	d.CtxRelease = func(int32) int32 { f.retains--; return f.result("CtxRelease", nil) }
	d.CtxReset = func(int32) int32 { f.pending = 0; return f.result("CtxReset", nil) }
	d.CtxSetCurrent = func(ctx uintptr) int32 {
		if ctx != 99 {
			return 201
		}
		return f.result("CtxSetCurrent", nil)
	}
}

func (f *fake) memory(d *driver) {
	d.MemAlloc = func(p *uint64, n uintptr) int32 {
		at, err := f.chip.Alloc(int(n))
		*p = uint64(at)
		return f.result("MemAlloc", err)
	}
	d.MemFree = func(p uint64) int32 { return f.result("MemFree", f.chip.Free(hw.DevicePtr(p))) }
	d.MemcpyHtoD = func(dst uint64, src *byte, n uintptr) int32 {
		return f.result("MemcpyHtoD", f.chip.Write(hw.DevicePtr(dst), bytesAt(src, int(n))))
	}
	d.MemcpyDtoH = func(dst *byte, src uint64, n uintptr) int32 {
		return f.result("MemcpyDtoH", f.chip.Read(bytesAt(dst, int(n)), hw.DevicePtr(src)))
	}
}

func (f *fake) code(d *driver) {
	d.ModuleLoad = func(m *uintptr, image *byte, n uint32, options *uint32, values *uintptr) int32 {
		mod, err := f.chip.Load("image", []byte(text(image)))
		if err != nil {
			if n == 2 && *options == jitErrorLog {
				log := bytesAt(pointer[byte](values, 0), int(word(values, 1)))
				copy(log, "ptxas application ptx input, line 7; error   : Unknown symbol 'x'\n"+
					"ptxas fatal   : Ptx assembly aborted due to errors\x00")
			}
			f.result("ModuleLoad", nil)
			return 218
		}
		f.modules = append(f.modules, mod)
		*m = uintptr(len(f.modules))
		return f.result("ModuleLoad", nil)
	}
	d.ModuleUnload = func(m uintptr) int32 {
		return f.result("ModuleUnload", f.modules[m-1].Unload())
	}
	d.ModuleGetFunction = func(h *uintptr, m uintptr, name *byte) int32 {
		k, err := f.modules[m-1].Kernel(text(name))
		if err != nil {
			return 500
		}
		f.kernels = append(f.kernels, k)
		*h = uintptr(len(f.kernels))
		return f.result("ModuleGetFunction", nil)
	}
	d.ModuleGetGlobal = func(p *uint64, n *uintptr, m uintptr, name *byte) int32 {
		at, size, err := f.modules[m-1].Global(text(name))
		if err != nil {
			return 500
		}
		*p, *n = uint64(at), uintptr(size)
		return f.result("ModuleGetGlobal", nil)
	}
	d.FuncSetAttribute = func(k uintptr, attribute, v int32) int32 {
		if attribute == funcShared && v > 227<<10 {
			return 1
		}
		f.shared[k] = v
		return f.result("FuncSetAttribute", nil)
	}
	d.Launch = func(c *launchConfig, k uintptr, _ uintptr, extra *uintptr) int32 {
		f.config = *c
		if c.attributes != nil {
			f.cluster = *c.attributes
		}
		g := hw.Grid{Blocks: c.grid, Threads: c.block, Shared: int(c.shared)}
		if c.count > 0 {
			g.Cluster = c.attributes.cluster
		}
		if extra != nil {
			if word(extra, 0) != paramBuffer || word(extra, 2) != paramLen || word(extra, 4) != 0 {
				return 1
			}
			g.Params = bytesAt(pointer[byte](extra, 1), int(*pointer[uintptr](extra, 3)))
		}
		if _, err := f.kernels[k-1].Launch(g); err != nil {
			if !strings.Contains(err.Error(), "PTX line") {
				return 1
			}
			f.pending = 719 // asynchronous
		}
		return f.result("Launch", nil)
	}
}

func (f *fake) time(d *driver) {
	d.EventCreate = func(e *uintptr, _ uint32) int32 {
		f.events++
		*e = uintptr(f.events)
		return f.result("EventCreate", nil)
	}
	d.EventRecord = func(uintptr, uintptr) int32 { return f.result("EventRecord", nil) }
	d.EventSynchronize = func(uintptr) int32 {
		if f.pending != 0 {
			return f.pending
		}
		return f.result("EventSynchronize", nil)
	}
	d.EventElapsed = func(ms *float32, _, _ uintptr) int32 {
		*ms = 0.25
		return f.result("EventElapsed", nil)
	}
	d.EventDestroy = func(uintptr) int32 { f.events--; return f.result("EventDestroy", nil) }
}

// Sizes and places that cuda.h gives on 64-bit machines.
func layout() [5]uintptr {
	return [5]uintptr{unsafe.Sizeof(launchConfig{}), unsafe.Offsetof(launchConfig{}.stream),
		unsafe.Offsetof(launchConfig{}.count), unsafe.Sizeof(launchAttribute{}),
		unsafe.Offsetof(launchAttribute{}.cluster)}
}
