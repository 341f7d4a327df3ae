package gpu

import "fmt"

// Arch is a generation of the host interface and of the SM.
type Arch uint8

// Architectures.
const (
	Ampere Arch = iota + 1
	Hopper
	Ada
	Blackwell // its SM only: no interface of it is in Interfaces
)

func (a Arch) String() string {
	switch a {
	case Ampere:
		return "Ampere"
	case Hopper:
		return "Hopper"
	case Ada:
		return "Ada"
	case Blackwell:
		return "Blackwell"
	}
	return fmt.Sprintf("architecture %d", uint8(a))
}

// Interface is what a driver must know of an architecture: class numbers, descriptor and page
// table versions, where kernel parameters lie.
//
// Sources: class numbers NVIDIA/open-gpu-kernel-modules, inc/class; NVIDIA/open-gpu-doc, classes.
type Interface struct {
	Arch    Arch
	BootID  uint32 // architecture field of NV_PMC_BOOT_42
	Channel uint32 // GPFIFO class
	Compute uint32
	Copy    uint32
	QMD     *QMDLayout
	MMU     *MMUFormat
	// ParamOffset is where kernel parameters start in constant buffer 0. Recalled, not re-read:
	// 0x160 up to sm_89, 0x210 on sm_90.
	ParamOffset int
}

// Interfaces by architecture.
var Interfaces = map[Arch]*Interface{
	Ampere: {Ampere, 0x17, 0xc56f, 0xc6c0, 0xc6b5, &QMDv3, &MMUv2, 0x160},
	Ada:    {Ada, 0x19, 0xc56f, 0xc9c0, 0xc7b5, &QMDv3, &MMUv2, 0x160},
	Hopper: {Hopper, 0x18, 0xc86f, 0xcbc0, 0xc8b5, &QMDv4, &MMUv3, 0x210},
}

// InterfaceByBoot finds the interface for the architecture field of NV_PMC_BOOT_42; nil if the
// architecture is not known.
func InterfaceByBoot(arch uint32) *Interface {
	for _, a := range []Arch{Ampere, Ada, Hopper} {
		if Interfaces[a].BootID == arch {
			return Interfaces[a]
		}
	}
	return nil
}

// Subchannels as drivers bind them (seen: 0 host, 1 compute, 4 copy).
const (
	SubHost    = 0
	SubCompute = 1
	SubCopy    = 4
)
