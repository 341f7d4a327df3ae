package hw

// Time is nanoseconds since power-on.
type Time int64

// Forever is later than every event.
const Forever Time = 1<<63 - 1

// BusAddr is an address as devices see it: of host memory, or of a BAR for peer-to-peer DMA.
type BusAddr uint64

// Interrupt is a latched MSI-X message: which function raised which of its vectors.
type Interrupt struct {
	From   Address
	Vector int
}

// Machine is a computer: processors, and PCI functions to drive.
type Machine interface {
	CPUs() int
	// Start runs body on that processor. It returns at once; body runs when the machine runs.
	Start(cpu int, body func(CPU))
	// Functions lists the PCI functions in bus order.
	Functions() []Address
	Open(Address) (Function, error)
}

// Function is one PCI function, opened for driving.
type Function interface {
	Config() Window
	// BAR opens base address register n (0-5); it fails when n is not implemented.
	BAR(n int) (Window, error)
	// Memory allocates size bytes of DMA memory, page aligned, that this function can reach.
	Memory(size int) (Memory, error)
	// Route delivers an MSI-X vector into a CPU's pending set.
	Route(vector, cpu int) error
	// Reset performs a function level reset.
	Reset() error
	// Err is sticky: [ErrLost] once the function is gone, nil while it is well.
	Err() error
	Close() error
}

// Window is a span of configuration space or of a BAR. Offsets are bytes, values little endian.
// A lost device reads all ones; writes to it vanish.
type Window interface {
	Len() int
	// Bus is the address peers use to reach this window by DMA; 0 if they cannot.
	Bus() BusAddr
	Read8(off int) uint8
	Read16(off int) uint16
	Read32(off int) uint32
	Read64(off int) uint64
	Write8(off int, v uint8)
	Write16(off int, v uint16)
	Write32(off int, v uint32)
	Write64(off int, v uint64)
	// Copy writes p as a write-combined burst; it is posted.
	Copy(off int, p []byte)
}

// Memory is host memory that a function can reach by DMA.
type Memory interface {
	Len() int
	Bus() BusAddr
	// Bytes is the plain view; it carries no ordering.
	Bytes() []byte
	// Load32 and Load64 acquire, Store32 and Store64 release: rings, phase bits, semaphores.
	Load32(off int) uint32
	Load64(off int) uint64
	Store32(off int, v uint32)
	Store64(off int, v uint64)
	Free()
}

// CPU is a processor as the code running on it sees it. Time passes here and nowhere else.
type CPU interface {
	ID() int
	Now() Time
	// Relax is one turn of a spin loop.
	Relax()
	// Idle waits until a routed vector is pending, a Kick arrives, or until.
	Idle(until Time)
	// Pending takes the latched interrupts, appending them to dst.
	Pending(dst []Interrupt) []Interrupt
	// Kick ends another processor's Idle.
	Kick(cpu int)
	// Work says that straight-line code of so many instructions ran; real machines ignore it.
	Work(instructions int)
}
