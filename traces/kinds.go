package traces

// Shape is what a record says about time.
type Shape uint8

// Shapes.
const (
	Span  Shape = iota // something lasted from start to end
	Mark               // something happened
	Level              // a quantity has this value from now on
)

var shapeNames = [...]string{"span", "mark", "level"}

func (s Shape) String() string {
	if int(s) < len(shapeNames) {
		return shapeNames[s]
	}
	return "shape?"
}

// Unit is what an argument counts.
type Unit uint8

// Units.
const (
	Count Unit = iota
	Bytes
	Address
	Cycles
	ID
	Text // index of an interned string
)

var unitNames = [...]string{"count", "bytes", "address", "cycles", "id", "text"}

func (u Unit) String() string {
	if int(u) < len(unitNames) {
		return unitNames[u]
	}
	return "unit?"
}

// Arg is a typed argument of a kind.
type Arg struct {
	Name string
	Unit Unit
}

// Point describes a kind: component/point, its shape, its arguments, and a sentence.
type Point struct {
	Name  string
	Shape Shape
	Args  []Arg
	Doc   string
}

// Kind indexes the table of points.
type Kind uint16

// Kinds, in the order of the table. New ones go at the end: files carry names, not numbers, but
// two runs of one version must agree byte for byte.
const (
	CPURead Kind = iota
	CPUWrite
	CPUCopy
	CPUIdle
	CPUInterrupt
	KernelBoot
	KernelLoad
	KernelLaunch
	KernelNote
	PCIeWrite
	PCIeRead
	PCIeCompletion
	PCIeMessage
	NVMeCommand
	NVMeFetch
	NVMeFlash
	NVMeChannel
	NVMeDoorbell
	GPUDoorbell
	GPUFetch
	GPUMethods
	GPUCopy
	GPUGrid
	GPUCTA
	GPUSemaphore
	GPUTensor
	Finding
	GPUWarps
	GPUIssue
	GPUFMA
	GPUMatrix
	GPUMemory
	GPUStall
	GPUPipe
	GPUCaches
	GPUSampled
	PCIeReplay
	PCIeError

	kindCount
)

var points = [kindCount]Point{
	CPURead: {"cpu/read", Span, []Arg{{"address", Address}, {"size", Bytes}, {"value", Count}},
		"a processor read a device register and waited for the completion"},
	CPUWrite: {"cpu/write", Mark, []Arg{{"address", Address}, {"size", Bytes}, {"value", Count}},
		"a processor posted a write to a device register"},
	CPUCopy: {"cpu/copy", Span, []Arg{{"address", Address}, {"size", Bytes}},
		"a processor streamed a write-combined burst into a BAR"},
	CPUIdle:      {"cpu/idle", Span, nil, "a processor slept until an interrupt or a deadline"},
	CPUInterrupt: {"cpu/interrupt", Mark, []Arg{{"vector", ID}}, "an MSI-X message was latched"},
	KernelBoot:   {"kernel/boot", Span, []Arg{{"stage", Text}}, "a stage of TensorOS booting"},
	KernelLoad: {"kernel/load", Span, []Arg{{"object", Text}, {"size", Bytes}},
		"an object was brought from NVMe into VRAM"},
	KernelLaunch: {"kernel/launch", Span, []Arg{{"kernel", Text}, {"grid", Count}},
		"a kernel launch, from the call to its completion being seen"},
	KernelNote: {"kernel/note", Mark, []Arg{{"text", Text}}, "a line of the kernel's log"},
	PCIeWrite: {"pcie/mwr", Span, []Arg{{"address", Address}, {"size", Bytes}, {"wire", Bytes}},
		"a memory write TLP crossed a link"},
	PCIeRead: {"pcie/mrd", Span, []Arg{{"address", Address}, {"size", Bytes}, {"wire", Bytes}},
		"a memory read request TLP crossed a link"},
	PCIeCompletion: {"pcie/cpl", Span, []Arg{{"tag", ID}, {"size", Bytes}, {"wire", Bytes}},
		"a completion TLP crossed a link"},
	PCIeMessage: {"pcie/cfg", Span, []Arg{{"address", Address}, {"size", Bytes}, {"wire", Bytes}},
		"a configuration request TLP crossed a link"},
	NVMeCommand: {"nvme/command", Span,
		[]Arg{{"opcode", ID}, {"cid", ID}, {"slba", Count}, {"size", Bytes}, {"status", ID}},
		"a command, from its fetch to its completion entry being sent"},
	NVMeFetch: {"nvme/fetch", Span, []Arg{{"sq", ID}, {"entries", Count}},
		"submission entries were fetched"},
	NVMeFlash: {"nvme/flash", Span, []Arg{{"die", ID}, {"size", Bytes}},
		"a die sensed or programmed a page"},
	NVMeChannel: {"nvme/channel", Span, []Arg{{"channel", ID}, {"size", Bytes}},
		"a flash bus moved data"},
	NVMeDoorbell: {"nvme/doorbell", Mark, []Arg{{"queue", ID}, {"value", Count}},
		"a doorbell was rung"},
	GPUDoorbell: {"gpu/doorbell", Mark, []Arg{{"token", ID}}, "a work submit token arrived"},
	GPUFetch: {"gpu/fetch", Span, []Arg{{"address", Address}, {"size", Bytes}},
		"the host engine fetched GP entries, pushbuffer or a launch descriptor"},
	GPUMethods: {"gpu/methods", Span, []Arg{{"count", Count}}, "methods were decoded"},
	GPUCopy: {"gpu/copy", Span, []Arg{{"source", Address}, {"target", Address}, {"size", Bytes}},
		"the copy engine moved a line"},
	GPUGrid: {"gpu/grid", Span, []Arg{{"kernel", Text}, {"ctas", Count}, {"instructions", Count}},
		"a grid ran, from its first CTA to its last"},
	GPUCTA: {"gpu/cta", Span, []Arg{{"cta", ID}, {"warps", Count}, {"instructions", Count}},
		"a CTA was resident on an SM"},
	GPUSemaphore: {"gpu/semaphore", Mark, []Arg{{"address", Address}, {"payload", Count}},
		"a semaphore was released"},
	GPUTensor: {"gpu/tensor", Level, []Arg{{"busy", Count}},
		"tensor pipe occupancy of an SM in per mille of the grid's time"},
	Finding: {"finding", Mark, []Arg{{"rule", Text}, {"detail", Text}},
		"a guest broke a rule of a standard"},
	GPUWarps: {"gpu/warps", Level, []Arg{{"resident", Count}}, "warps resident on an SM"},
	GPUIssue: {"gpu/issue", Level, []Arg{{"used", Count}},
		"issue slots that a sub-core used, in per mille, until the next value"},
	GPUFMA: {"gpu/pipe-fma", Level, []Arg{{"busy", Count}},
		"time that the FMA pipes of an SM worked, in per mille, until the next value"},
	GPUMatrix: {"gpu/pipe-tensor", Level, []Arg{{"busy", Count}},
		"time that the tensor cores of an SM worked, in per mille, until the next value"},
	GPUMemory: {"gpu/pipe-memory", Level, []Arg{{"busy", Count}},
		"time that the memory pipe of an SM worked, in per mille, until the next value"},
	GPUStall: {"gpu/stall", Mark, []Arg{{"reason", Text}, {"cycles", Cycles}},
		"warp cycles of a grid that has ended, by what the warps did or waited for"},
	GPUPipe: {"gpu/pipe", Mark, []Arg{{"pipe", Text}, {"busy", Count}},
		"per mille of a grid's time that the pipes of one kind worked"},
	GPUCaches: {"gpu/caches", Mark, []Arg{{"l1_hits", Count}, {"l1_misses", Count},
		{"l2_hits", Count}, {"l2_misses", Count}, {"written_back", Count}},
		"sectors that a grid found in the caches, fetched from HBM and sent back"},
	GPUSampled: {"gpu/sampled", Mark, []Arg{{"untimed", Count}, {"waves", Count},
		{"error", Count}},
		"CTAs of a grid that were computed but not timed, waves that were timed, and half of " +
			"the 95 % confidence interval of a wave's mean in parts per million of it"},
	PCIeReplay: {"pcie/replay", Span, []Arg{{"packet", Count}, {"packets", Count}},
		"a packet was damaged or its Ack was lost, and packets were sent again"},
	PCIeError: {"pcie/error", Mark, []Arg{{"error", Text}},
		"a function or a port has logged an error"},
}

// Point is the kind's row of the table.
func (k Kind) Point() Point { return points[k] }

func (k Kind) String() string { return points[k].Name }

// Kinds is how many kinds there are.
const Kinds = int(kindCount)

// Reason is what a stretch of a span was spent on.
type Reason uint8

// Reasons. The parts of a span add up to its length.
const (
	Work        Reason = iota // being served
	InQueue                   // behind others
	Credit                    // for flow-control credits
	Link                      // for the wire
	Bank                      // for a bank or die
	Data                      // for data to arrive
	Dependency                // for an earlier result
	Translation               // for an address translation

	Reasons = 8
)

var reasonNames = [Reasons]string{
	"work", "queue", "credit", "link", "bank", "data", "dependency", "translation",
}

func (r Reason) String() string { return reasonNames[r] }

// Waits are the parts of a span by reason. The recorder fills in Work as the remainder.
type Waits [Reasons]Time
