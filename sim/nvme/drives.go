package nvme

import (
	"tensoros/hw/spec/pcie"
	"tensoros/sim"
)

// Drives whose published figures are few. Their insides are derived [D] and fitted to the figures
// that each comment names; what is not named is a prediction. Where nothing is published - writes
// of P3700 and 9100 MAX, depth 1 of PM1743 and PM1753 - numbers are recalled [R] and no row is held
// to them. PCI device ids that are not known to us are 0.

// flashErase is tERASE of modern TLC, 3 to 10 ms [R].
const flashErase = 5 * sim.Millisecond

// OptaneP4800X is fitted to AnandTech 11209 [S]: 8.9 us at depth 1 (FirmwareRead), and the vendor's
// 2.4 and 2.0 GB/s (the one channel stands for all of them and Program for a write of 4 KiB).
// The figures at depth 16 are predictions. 3D XPoint is written in place: so much spare that
// collection moves nothing stands for that [D]. Media reads take a few microseconds [R].
var OptaneP4800X = Profile{
	Name: "p4800x", Source: "derived; fitted to AnandTech 11209",
	Vendor: 0x8086, Device: 0x2701, Model: "Intel Optane P4800X (fitted)",
	Channels: 1, Dies: 8, Planes: 1, Page: 4 << 10,
	ChannelRate: 2_400_000_000, ChannelChunk: 4 << 10,
	Read4K: 2500 * sim.Nanosecond, ReadPage: 2500 * sim.Nanosecond,
	Program:    16384 * sim.Nanosecond, // 8 * 4096 B / 2.0 GB/s
	BlockPages: 16384, Spare: 9000,     // nothing is erased: few large blocks cost the least
	FirmwareRead4K: 2570 * sim.Nanosecond, FirmwareRead: 2570 * sim.Nanosecond,
	FirmwareWrite: 6500 * sim.Nanosecond, WriteBuffer: 256 << 10,
	Link: pcie.Link{Gen: 3, Lanes: 4, MPS: 256, MRRS: 512}, MDTS: 5, BlockShift: 9,
}

// IntelP3700 is fitted to AnandTech 11209 [S]: 77.9 us at depth 1 (Read4K and FirmwareRead) and
// 93.9 us at depth 16 (the number of dies that serve at once).
var IntelP3700 = Profile{
	Name: "p3700", Source: "derived; fitted to AnandTech 11209",
	Vendor: 0x8086, Device: 0x0953, Model: "Intel P3700 800 GB (fitted)",
	Channels: 8, Dies: 3, Planes: 2, Page: 16 << 10,
	ChannelRate: 400 * sim.Megahertz, ChannelChunk: 16 << 10,
	Read4K: 60 * sim.Microsecond, ReadPage: 60 * sim.Microsecond,
	Program: 400 * sim.Microsecond, Erase: flashErase, Spare: 280,
	FirmwareRead4K: 5540 * sim.Nanosecond, FirmwareRead: 5540 * sim.Nanosecond,
	FirmwareWrite: 15 * sim.Microsecond, WriteBuffer: 8 << 20,
	Link: pcie.Link{Gen: 3, Lanes: 4, MPS: 256, MRRS: 512}, MDTS: 5, BlockShift: 9,
}

// Micron9100MAX is fitted to AnandTech 11209 [S]: 107.7 us at depth 1 and 116 us at depth 16, as
// the drive above.
var Micron9100MAX = Profile{
	Name: "9100max", Source: "derived; fitted to AnandTech 11209",
	Vendor: 0x1344, Model: "Micron 9100 MAX (fitted)",
	Channels: 8, Dies: 8, Planes: 2, Page: 16 << 10,
	ChannelRate: 400 * sim.Megahertz, ChannelChunk: 16 << 10,
	Read4K: 85 * sim.Microsecond, ReadPage: 85 * sim.Microsecond,
	Program: 1100 * sim.Microsecond, Erase: flashErase, Spare: 280,
	FirmwareRead4K: 10340 * sim.Nanosecond, FirmwareRead: 10340 * sim.Nanosecond,
	FirmwareWrite: 15 * sim.Microsecond, WriteBuffer: 16 << 20,
	Link: pcie.Link{Gen: 3, Lanes: 4, MPS: 256, MRRS: 512}, MDTS: 5, BlockShift: 9,
}

// SamsungPM1743 is fitted to two of ComputerBase's figures [S]: 6.6 GB/s of sequential writes
// (Program) and 2.5 M/s random reads (CommandInterval). Sequential reads follow from the link and
// random writes from collection; the spare of 7 % is that of MQSim's and NVMeVirt's drives.
var SamsungPM1743 = Profile{
	Name: "pm1743", Source: "derived; fitted to ComputerBase's table",
	Vendor: 0x144d, Model: "Samsung PM1743 (fitted)",
	Channels: 16, Dies: 8, Planes: 4, Page: 16 << 10, PlaneReads: true,
	ChannelRate: 2000 * sim.Megahertz, ChannelChunk: 16 << 10,
	Read4K: 50 * sim.Microsecond, ReadPage: 50 * sim.Microsecond,
	Program: 1271 * sim.Microsecond, Erase: flashErase, // 128 * 65536 B / 6.6 GB/s
	CommandInterval: 400 * sim.Nanosecond,
	FirmwareRead4K:  7 * sim.Microsecond, FirmwareRead: 7 * sim.Microsecond,
	FirmwareWrite: 13 * sim.Microsecond, WriteBuffer: 16 * 8 * 64 << 10 * 2,
	Link: pcie.Link{Gen: 5, Lanes: 4, MPS: 256, MRRS: 512}, MDTS: 8, BlockShift: 9,
}

// SamsungPM1753 is fitted to one figure: 3.86 M/s reads of 512 B, measured on empty drives
// (xnvme/aisio cpu_initiated.md [S]), which is the firmware's rate (CommandInterval). Reads of
// 4 KiB and sequential ones follow from the link.
var SamsungPM1753 = Profile{
	Name: "pm1753", Source: "derived; fitted to xnvme/aisio",
	Vendor: 0x144d, Model: "Samsung PM1753 (fitted)",
	Channels: 16, Dies: 8, Planes: 4, Page: 16 << 10, PlaneReads: true,
	ChannelRate: 2400 * sim.Megahertz, ChannelChunk: 16 << 10,
	Read4K: 45 * sim.Microsecond, ReadPage: 45 * sim.Microsecond,
	Program: 838900 * sim.Nanosecond, Erase: flashErase,
	CommandInterval: 259 * sim.Nanosecond,
	FirmwareRead4K:  7 * sim.Microsecond, FirmwareRead: 7 * sim.Microsecond,
	FirmwareWrite: 13 * sim.Microsecond, WriteBuffer: 16 * 8 * 64 << 10 * 2,
	Link: pcie.Link{Gen: 5, Lanes: 4, MPS: 256, MRRS: 512}, MDTS: 8, BlockShift: 9,
}

// Profiles lists the drives.
var Profiles = []*Profile{&Samsung970Pro, &MQSim, &Micron9550, &OptaneP4800X, &IntelP3700,
	&Micron9100MAX, &SamsungPM1743, &SamsungPM1753}
