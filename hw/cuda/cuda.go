package cuda

import (
	"fmt"
	"runtime"
	"strings"

	"tensoros/hw"
)

// Accelerator is one GPU: its primary context, which a process shares.
type Accelerator struct {
	d    *driver
	dev  int32
	ctx  uintptr
	name string
	arch int
	sms  int
	// Events around a launch; 0 until the first.
	from, to uintptr
	lost     error // what broke the context
}

var _ hw.Accelerator = (*Accelerator)(nil)

// Open is GPU number ordinal of this machine. The error wraps ErrNoDriver where there is none.
func Open(ordinal int) (*Accelerator, error) {
	d, err := load()
	if err != nil {
		return nil, err
	}
	return openOn(d, ordinal)
}

func openOn(d *driver, ordinal int) (*Accelerator, error) {
	a := &Accelerator{d: d}
	var n, major, minor, sms int32
	name := make([]byte, 256)
	for _, step := range []struct {
		op   string
		call func() int32
	}{
		{"initialise the driver", func() int32 { return d.Init(0) }},
		{"count devices", func() int32 { return d.DeviceGetCount(&n) }},
		{fmt.Sprintf("open device %d", ordinal), func() int32 {
			if n == 0 {
				return errNoDevice
			}
			return d.DeviceGet(&a.dev, int32(ordinal))
		}},
		{"name the device", func() int32 { return d.DeviceGetName(&name[0], 256, a.dev) }},
		{"read its compute capability",
			func() int32 { return d.DeviceGetAttribute(&major, attrMajor, a.dev) }},
		{"read its compute capability",
			func() int32 { return d.DeviceGetAttribute(&minor, attrMinor, a.dev) }},
		{"count its multiprocessors",
			func() int32 { return d.DeviceGetAttribute(&sms, attrSMs, a.dev) }},
		{"open a context", func() int32 { return d.CtxRetain(&a.ctx, a.dev) }},
	} {
		if r := step.call(); r != success {
			return nil, &Error{Op: step.op, Code: r}
		}
	}
	text, _, _ := strings.Cut(string(name), "\x00")
	a.name, a.arch = "NVIDIA "+strings.TrimPrefix(text, "NVIDIA "), int(10*major+minor)
	a.sms = int(sms)
	return a, nil
}

// Name is the product's name.
func (a *Accelerator) Name() string { return a.name }

// Arch is the compute capability times ten.
func (a *Accelerator) Arch() int { return a.arch }

// SMs is how many multiprocessors the GPU has.
func (a *Accelerator) SMs() int { return a.sms }

// do calls the driver with the context current: it is a property of the thread. After a fatal
// error every call is refused, and says why.
func (a *Accelerator) do(op string, call func() int32) error {
	if a.lost != nil {
		return fmt.Errorf("cuda: %s: the context is lost since: %w", op, a.lost)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := a.d.CtxSetCurrent(a.ctx)
	if r == success {
		r = call()
	}
	if r == success {
		return nil
	}
	err := &Error{Op: op, Code: r}
	if results[r].fatal {
		a.lost = err
	}
	return err
}

// Alloc takes device memory.
func (a *Accelerator) Alloc(n int) (hw.DevicePtr, error) {
	if n <= 0 {
		return 0, fmt.Errorf("cuda: allocate %d bytes: at least 1", n)
	}
	var p uint64
	err := a.do(fmt.Sprintf("allocate %d bytes", n),
		func() int32 { return a.d.MemAlloc(&p, uintptr(n)) })
	return hw.DevicePtr(p), err
}

// Free gives device memory back.
func (a *Accelerator) Free(p hw.DevicePtr) error {
	return a.do(fmt.Sprintf("free %#x", uint64(p)), func() int32 { return a.d.MemFree(uint64(p)) })
}

// Write copies p to the device.
func (a *Accelerator) Write(dst hw.DevicePtr, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	return a.do(fmt.Sprintf("write %d bytes at %#x", len(p), uint64(dst)),
		func() int32 { return a.d.MemcpyHtoD(uint64(dst), &p[0], uintptr(len(p))) })
}

// Read fills p from the device.
func (a *Accelerator) Read(p []byte, src hw.DevicePtr) error {
	if len(p) == 0 {
		return nil
	}
	return a.do(fmt.Sprintf("read %d bytes at %#x", len(p), uint64(src)),
		func() int32 { return a.d.MemcpyDtoH(&p[0], uint64(src), uintptr(len(p))) })
}

// Close gives the context back. One that is lost is torn down first, so that another can be opened.
func (a *Accelerator) Close() error {
	if a.lost != nil {
		a.lost = nil
		if r := a.d.CtxReset(a.dev); r != success {
			return &Error{Op: "reset the context", Code: r}
		}
	} else {
		for _, e := range []uintptr{a.from, a.to} {
			if e == 0 {
				continue
			}
			err := a.do("free an event", func() int32 { return a.d.EventDestroy(e) })
			if err != nil {
				return err
			}
		}
	}
	a.from, a.to = 0, 0
	if r := a.d.CtxRelease(a.dev); r != success {
		return &Error{Op: "close the context", Code: r}
	}
	return nil
}
