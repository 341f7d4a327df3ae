package vfiouser

import (
	"encoding/binary"
	"fmt"
)

// Command is what a message asks for ("Message header").
type Command uint16

// Commands.
const (
	Version          Command = 1
	DMAMap           Command = 2
	DMAUnmap         Command = 3
	DeviceGetInfo    Command = 4
	GetRegionInfo    Command = 5
	GetRegionIOFDs   Command = 6
	GetIRQInfo       Command = 7
	SetIRQs          Command = 8
	RegionRead       Command = 9
	RegionWrite      Command = 10
	DMARead          Command = 11 // server to client
	DMAWrite         Command = 12 // server to client
	DeviceReset      Command = 13
	RegionWriteMulti Command = 15
	DeviceFeature    Command = 16
	MigDataRead      Command = 17
	MigDataWrite     Command = 18
)

// row describes a command: its name and the least length of its payload, in bytes.
type row struct {
	name string
	min  int
}

var rows = map[Command]row{
	Version: {"VERSION", 4}, DMAMap: {"DMA_MAP", dmaMapLen}, DMAUnmap: {"DMA_UNMAP", dmaUnmapLen},
	DeviceGetInfo: {"DEVICE_GET_INFO", deviceInfoLen},
	GetRegionInfo: {"DEVICE_GET_REGION_INFO", regionInfoLen},
	GetIRQInfo:    {"DEVICE_GET_IRQ_INFO", irqInfoLen}, SetIRQs: {"DEVICE_SET_IRQS", setIRQsLen},
	RegionRead: {"REGION_READ", accessLen}, RegionWrite: {"REGION_WRITE", accessLen},
	DMARead: {"DMA_READ", dmaLen}, DMAWrite: {"DMA_WRITE", dmaLen},
	DeviceReset: {"DEVICE_RESET", 0}, RegionWriteMulti: {"REGION_WRITE_MULTI", 8},
	GetRegionIOFDs: {"DEVICE_GET_REGION_IO_FDS", 0}, DeviceFeature: {"DEVICE_FEATURE", 0},
	MigDataRead: {"MIG_DATA_READ", 0}, MigDataWrite: {"MIG_DATA_WRITE", 0},
}

func (c Command) String() string {
	if r, ok := rows[c]; ok {
		return r.name
	}
	return fmt.Sprintf("command %d", uint16(c))
}

// Lengths of the fixed parts, in bytes.
const (
	headerLen     = 16
	dmaMapLen     = 32 // argsz, flags, offset, iova, size
	dmaUnmapLen   = 24 // argsz, flags, iova, size
	deviceInfoLen = 16 // argsz, flags, regions, interrupts
	regionInfoLen = 32 // argsz, flags, index, cap_offset, size, offset
	irqInfoLen    = 16 // argsz, flags, index, count
	setIRQsLen    = 20 // argsz, flags, index, start, count
	accessLen     = 16 // offset, region, count
	dmaLen        = 16 // address, count
	multiLen      = 24 // offset, region, count, 8 bytes of data
)

// Flags of a header.
const (
	typeMask  = 0xf
	typeReply = 1
	noReply   = 1 << 4
	isError   = 1 << 5
)

// Limits of this implementation.
const (
	maxTransfer = 1 << 20 // max_data_xfer_size, bytes: what QEMU proposes
	maxFDs      = 16      // max_msg_fds, what QEMU proposes
	maxMessage  = headerLen + accessLen + maxTransfer
	maxMaps     = 65535
)

// Regions of a PCI function, and its interrupts (linux/vfio.h).
const (
	ConfigRegion = 7 // after BARs 0 to 5 and the ROM
	regionCount  = 9
	MSIX         = 2
	irqCount     = 5
)

// Flags of the structures (linux/vfio.h).
const (
	deviceReset, devicePCI                     = 1 << 0, 1 << 1
	regionReadable, regionWritable, regionMmap = 1 << 0, 1 << 1, 1 << 2
	regionCaps                                 = 1 << 3
	irqEventFD, irqNoResize                    = 1 << 0, 1 << 3
	setDataNone, setDataBool, setDataEventFD   = 1 << 0, 1 << 1, 1 << 2
	setMask, setUnmask, setTrigger             = 1 << 3, 1 << 4, 1 << 5
	dmaReadable, dmaWritable                   = 1 << 0, 1 << 1
	unmapAll                                   = 1 << 1
	capSparseMmap                              = 1
)

// header starts every message.
type header struct {
	id      uint16
	command Command
	size    uint32 // with the header
	flags   uint32
	errno   uint32
}

func (h *header) reply() bool { return h.flags&typeMask == typeReply }

func (h *header) encode(p []byte) {
	le := binary.LittleEndian
	le.PutUint16(p[0:], h.id)
	le.PutUint16(p[2:], uint16(h.command))
	le.PutUint32(p[4:], h.size)
	le.PutUint32(p[8:], h.flags)
	le.PutUint32(p[12:], h.errno)
}

// decodeHeader reads the 16 bytes of a header and checks the size it tells.
func decodeHeader(p []byte) (header, error) {
	le := binary.LittleEndian
	h := header{le.Uint16(p), Command(le.Uint16(p[2:])), le.Uint32(p[4:]), le.Uint32(p[8:]),
		le.Uint32(p[12:])}
	if h.size < headerLen || h.size > maxMessage {
		return h, fmt.Errorf("vfio-user: %v message of %d bytes: from %d to %d are allowed",
			h.command, h.size, headerLen, maxMessage)
	}
	return h, nil
}

// message is a header with its payload and the file descriptors that came with it.
type message struct {
	header
	payload []byte
	fds     []int
}

// check refuses a payload that is too short for its command.
func (m *message) check() error {
	if r := rows[m.command]; !m.reply() && len(m.payload) < r.min {
		return fmt.Errorf("vfio-user: %v of %d bytes: %d at least", m.command, len(m.payload),
			r.min)
	}
	return nil
}

// access is the head of REGION_READ and REGION_WRITE, and of their replies.
type access struct {
	off    uint64
	region uint32
	count  uint32
}

func decodeAccess(p []byte) access {
	le := binary.LittleEndian
	return access{le.Uint64(p), le.Uint32(p[8:]), le.Uint32(p[12:])}
}

func (a access) encode(p []byte) {
	le := binary.LittleEndian
	le.PutUint64(p, a.off)
	le.PutUint32(p[8:], a.region)
	le.PutUint32(p[12:], a.count)
}

// irqSet is the head of DEVICE_SET_IRQS.
type irqSet struct {
	flags, index, start, count uint32
}

func decodeIRQSet(p []byte) irqSet {
	le := binary.LittleEndian
	return irqSet{le.Uint32(p[4:]), le.Uint32(p[8:]), le.Uint32(p[12:]), le.Uint32(p[16:])}
}

func (s irqSet) encode(p []byte) {
	le := binary.LittleEndian
	for i, v := range [...]uint32{setIRQsLen, s.flags, s.index, s.start, s.count} {
		le.PutUint32(p[4*i:], v)
	}
}

// dmaMap is DMA_MAP, and with offset left out DMA_UNMAP.
type dmaMap struct {
	flags              uint32
	offset, iova, size uint64
}

func decodeMap(p []byte) dmaMap {
	le := binary.LittleEndian
	return dmaMap{le.Uint32(p[4:]), le.Uint64(p[8:]), le.Uint64(p[16:]), le.Uint64(p[24:])}
}

func decodeUnmap(p []byte) dmaMap {
	le := binary.LittleEndian
	return dmaMap{flags: le.Uint32(p[4:]), iova: le.Uint64(p[8:]), size: le.Uint64(p[16:])}
}

func (d dmaMap) encode(p []byte) {
	le := binary.LittleEndian
	le.PutUint32(p, dmaMapLen)
	le.PutUint32(p[4:], d.flags)
	for i, v := range [...]uint64{d.offset, d.iova, d.size} {
		le.PutUint64(p[8+8*i:], v)
	}
}

// ends reports that iova+size stays within 64 bits and is not empty.
func (d dmaMap) ends() bool { return d.size > 0 && d.iova+d.size-1 >= d.iova }
