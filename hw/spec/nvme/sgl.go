package nvme

import "encoding/binary"

// SGLLen is the length of an SGL descriptor (Base, 4.1.2).
const SGLLen = 16

// SGL descriptor types, and the one subtype that a PCIe controller knows (Base, figures 104, 105).
const (
	SGLDataBlock   = 0
	SGLBitBucket   = 1
	SGLSegment     = 2
	SGLLastSegment = 3
	SGLKeyed       = 4
	SGLTransport   = 5
	SGLAddress     = 0 // subtype: the address is a memory address
)

// Values of Command PSDT (Base, figure 91).
const (
	PSDTPRP       = 0
	PSDTSGL       = 1 // MPTR is the address of a contiguous buffer
	PSDTSGLInMPTR = 2 // MPTR is the address of an SGL segment
)

// SGL is an SGL descriptor.
type SGL struct {
	Addr          uint64
	Len           uint32
	Type, Subtype uint8
}

// Encode writes the 16 bytes of d into p.
func (d *SGL) Encode(p []byte) {
	_ = p[SGLLen-1]
	binary.LittleEndian.PutUint64(p, d.Addr)
	binary.LittleEndian.PutUint32(p[8:], d.Len)
	p[12], p[13], p[14], p[15] = 0, 0, 0, d.Type<<4|d.Subtype&0xf
}

// DecodeSGL reads a descriptor of 16 bytes.
func DecodeSGL(p []byte) SGL {
	_ = p[SGLLen-1]
	return SGL{binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint32(p[8:]), p[15] >> 4,
		p[15] & 0xf}
}

// SGL1 is the descriptor in the data pointer of a command.
func (c *Command) SGL1() SGL {
	return SGL{c.PRP1, uint32(c.PRP2), uint8(c.PRP2 >> 60), uint8(c.PRP2 >> 56 & 0xf)}
}

// SetSGL1 makes d the command's data pointer, and says so in PSDT.
func (c *Command) SetSGL1(d SGL) {
	c.Flags |= PSDTSGL << 6
	c.PRP1, c.PRP2 = d.Addr, uint64(d.Len)|uint64(d.Type<<4|d.Subtype&0xf)<<56
}
