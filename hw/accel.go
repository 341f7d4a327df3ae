package hw

// DevicePtr is an address in the memory of an accelerator, as its kernels see it; 0 is nothing.
type DevicePtr uint64

// Accelerator is the compute-level door: memory, modules of PTX, launches. Calls are ordered as one
// stream orders them, and return when their effects are there. Nothing of it may be used after
// Close.
type Accelerator interface {
	// Name is the product's name, such as "NVIDIA H100-SXM5-80GB".
	Name() string
	// Arch is the compute capability times ten: 80, 90.
	Arch() int
	// Alloc takes n bytes of device memory, 256 byte aligned; their contents are undefined.
	// It fails with [ErrNoMemory].
	Alloc(n int) (DevicePtr, error)
	Free(DevicePtr) error
	// Write copies p to the device, Read from it.
	Write(dst DevicePtr, p []byte) error
	Read(p []byte, src DevicePtr) error
	// Load takes PTX text (not terminated) and prepares it to run. name is for messages.
	Load(name string, text []byte) (Module, error)
	Close() error
}

// Module is loaded PTX: its kernels, and the .global variables that live as long as it does.
type Module interface {
	Kernel(name string) (Kernel, error)
	// Global is where a .global variable lies, and its bytes.
	Global(name string) (DevicePtr, int, error)
	Unload() error
}

// Kernel is an entry point.
type Kernel interface {
	// Launch runs a grid to its end. It fails if the grid does not fit the device, or breaks.
	Launch(Grid) (Launched, error)
}

// Grid is what to launch.
type Grid struct {
	Blocks  [3]uint32 // CTAs; 0 counts as 1
	Threads [3]uint32 // of a CTA; 0 counts as 1
	Cluster [3]uint32 // CTAs of a cluster; 0 leaves it to the kernel's own directives
	Shared  int       // bytes of dynamic shared memory
	Params  []byte    // laid out as the kernel declares its .param variables
}

// Launched says how a launch went.
type Launched struct {
	// Elapsed is nanoseconds from the start of the grid on the device to its end, as events around
	// it measure them; 0 where the backend runs without time.
	Elapsed float64
	// Cycles is the same in SM clocks, where the backend knows it exactly; else 0.
	Cycles int64
}
