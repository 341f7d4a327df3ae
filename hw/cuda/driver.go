package cuda

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"tensoros/hw"
)

// ErrNoDriver means that this machine has no CUDA driver, or none that can be used.
var ErrNoDriver = errors.New("no CUDA driver")

// driver is what is used of the CUDA driver API: CUresult, CUdevice and enumerations are 32 bits,
// handles a word, CUdeviceptr 64 bits (CUDA driver API reference, "data types").
type driver struct {
	Init               func(flags uint32) int32
	DeviceGetCount     func(n *int32) int32
	DeviceGet          func(dev *int32, ordinal int32) int32
	DeviceGetName      func(name *byte, n int32, dev int32) int32
	DeviceGetAttribute func(v *int32, attribute int32, dev int32) int32
	CtxRetain          func(ctx *uintptr, dev int32) int32
	CtxRelease         func(dev int32) int32
	CtxReset           func(dev int32) int32
	CtxSetCurrent      func(ctx uintptr) int32
	MemAlloc           func(p *uint64, n uintptr) int32
	MemFree            func(p uint64) int32
	MemcpyHtoD         func(dst uint64, src *byte, n uintptr) int32
	MemcpyDtoH         func(dst *byte, src uint64, n uintptr) int32
	ModuleLoad         func(m *uintptr, image *byte, n uint32, option *uint32, v *uintptr) int32
	ModuleUnload       func(m uintptr) int32
	ModuleGetFunction  func(f *uintptr, m uintptr, name *byte) int32
	ModuleGetGlobal    func(p *uint64, n *uintptr, m uintptr, name *byte) int32
	FuncSetAttribute   func(f uintptr, attribute int32, v int32) int32
	Launch             func(c *launchConfig, f uintptr, params uintptr, extra *uintptr) int32
	EventCreate        func(e *uintptr, flags uint32) int32
	EventRecord        func(e, stream uintptr) int32
	EventSynchronize   func(e uintptr) int32
	EventElapsed       func(ms *float32, from, to uintptr) int32
	EventDestroy       func(e uintptr) int32
	TensorMapEncode    func(m *byte, element int32, rank uint32, base uint64, dims, strides *uint64,
		box, steps *uint32, interleave, swizzle, promotion, fill int32) int32
}

// symbols are the names of the table's functions in the library. Those with a suffix are what
// cuda.h means by the plain name; libraries keep both.
func (d *driver) symbols() []symbol {
	return []symbol{
		{"cuInit", &d.Init},
		{"cuDeviceGetCount", &d.DeviceGetCount},
		{"cuDeviceGet", &d.DeviceGet},
		{"cuDeviceGetName", &d.DeviceGetName},
		{"cuDeviceGetAttribute", &d.DeviceGetAttribute},
		{"cuDevicePrimaryCtxRetain", &d.CtxRetain},
		{"cuDevicePrimaryCtxRelease_v2", &d.CtxRelease},
		{"cuDevicePrimaryCtxReset_v2", &d.CtxReset},
		{"cuCtxSetCurrent", &d.CtxSetCurrent},
		{"cuMemAlloc_v2", &d.MemAlloc},
		{"cuMemFree_v2", &d.MemFree},
		{"cuMemcpyHtoD_v2", &d.MemcpyHtoD},
		{"cuMemcpyDtoH_v2", &d.MemcpyDtoH},
		{"cuModuleLoadDataEx", &d.ModuleLoad},
		{"cuModuleUnload", &d.ModuleUnload},
		{"cuModuleGetFunction", &d.ModuleGetFunction},
		{"cuModuleGetGlobal_v2", &d.ModuleGetGlobal},
		{"cuFuncSetAttribute", &d.FuncSetAttribute},
		{"cuLaunchKernelEx", &d.Launch}, // since CUDA 11.8
		{"cuEventCreate", &d.EventCreate},
		{"cuEventRecord", &d.EventRecord},
		{"cuEventSynchronize", &d.EventSynchronize},
		{"cuEventElapsedTime", &d.EventElapsed},
		{"cuEventDestroy_v2", &d.EventDestroy},
		{"cuTensorMapEncodeTiled", &d.TensorMapEncode}, // since CUDA 12.0
	}
}

type symbol struct {
	name string
	fn   any
}

// launchConfig is CUlaunchConfig, launchAttribute CUlaunchAttribute with a cluster's dimensions.
type launchConfig struct {
	grid, block [3]uint32
	shared      uint32
	stream      uintptr
	attributes  *launchAttribute
	count       uint32
}

type launchAttribute struct {
	id      int32
	_       int32
	cluster [3]uint32
	_       [52]byte // of a union of 64 bytes
}

// Values of cuda.h.
const (
	success        = 0
	errNoMemory    = 2
	errNoDevice    = 100
	attrSMs        = 16 // CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT
	attrMajor      = 75 // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
	attrMinor      = 76
	funcShared     = 8  // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
	funcAnyCluster = 14 // CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED
	launchCluster  = 4  // CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION
	jitErrorLog    = 5  // CU_JIT_ERROR_LOG_BUFFER
	jitErrorLogLen = 6
	paramEnd       = 0 // CU_LAUNCH_PARAM_END
	paramBuffer    = 1
	paramLen       = 2
)

// results are the codes that a user may meet. Those that are fatal leave the context unusable
// (CUDA driver API reference, CUresult).
var results = map[int32]struct {
	text  string
	fatal bool
}{
	1:           {"invalid value", false},
	errNoMemory: {"out of memory", false},
	3:           {"the driver is not initialised", false},
	34:          {"the library is a stub, not a driver", false},
	36:          {"a call needs a newer device", false},
	46:          {"the device is busy or unavailable", false},
	errNoDevice: {"no device", false},
	101:         {"no such device", false},
	200:         {"not a kernel image", false},
	201:         {"invalid context", false},
	209:         {"no code for this device", false},
	214:         {"uncorrectable memory error (ECC)", true},
	218:         {"the PTX does not compile", false},
	220:         {"uncorrectable NVLink error", true},
	221:         {"the driver lacks its PTX compiler", false},
	222:         {"PTX of a version that this driver does not know", false},
	300:         {"invalid source", false},
	304:         {"the operating system refused", false},
	400:         {"invalid handle", false},
	500:         {"not found", false},
	600:         {"not ready", false},
	700:         {"the kernel touched memory that is not its own", true},
	701:         {"too many resources for a launch: registers, threads or shared memory", false},
	702:         {"the kernel ran longer than the watchdog lets it", true},
	709:         {"the context is destroyed", true},
	710:         {"an assertion of the kernel failed", true},
	714:         {"hardware stack error", true},
	715:         {"illegal instruction", true},
	716:         {"misaligned address", true},
	717:         {"an instruction on the wrong address space", true},
	718:         {"the program counter is invalid", true},
	719:         {"the kernel failed", true},
	720:         {"too large for a cooperative launch", false},
	801:         {"not supported", false},
	802:         {"the system is not ready", false},
	803:         {"driver and library are of different versions", false},
	912:         {"a cluster of this size is not possible", false},
	999:         {"unknown error", true},
}

// Error is a call that the driver refused, or a kernel that broke.
type Error struct {
	Op   string // what was wanted
	Code int32  // CUresult
	Log  string // of the PTX compiler
}

func (e *Error) Error() string {
	text := "unlisted"
	if r, ok := results[e.Code]; ok {
		text = r.text
	}
	s := fmt.Sprintf("cuda: %s: %s (CUDA error %d)", e.Op, text, e.Code)
	if e.Log != "" {
		s += "\n" + e.Log
	}
	return s
}

// Unwrap gives the sentinels of package hw.
func (e *Error) Unwrap() error {
	switch {
	case e.Code == errNoMemory:
		return hw.ErrNoMemory
	case results[e.Code].fatal:
		return hw.ErrLost
	case e.Code == errNoDevice:
		return ErrNoDriver
	}
	return nil
}

// ptxasLine is how the driver's compiler says where: "ptxas application ptx input, line 5; error".
var ptxasLine = regexp.MustCompile(`^ptxas \S.*, line (\d+); (\w+) *: *`)

// readable turns the compiler's log into lines of the form FILE:LINE: message.
func readable(file, log string) string {
	var out []string
	for line := range strings.Lines(strings.TrimRight(log, "\x00")) {
		line = strings.TrimSpace(line)
		if m := ptxasLine.FindStringSubmatch(line); m != nil {
			line = fmt.Sprintf("%s:%s: %s: %s", file, m[1], m[2], line[len(m[0]):])
		}
		if line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}
