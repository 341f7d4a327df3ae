package nvme

import (
	"encoding/binary"
	"strings"
)

// Controller is what is used of the Identify Controller structure (Base, 5.17.2.1, figure 276).
type Controller struct {
	VID, SSVID uint16
	Serial     string // 20 ASCII characters
	Model      string // 40
	Firmware   string // 8
	MDTS       uint8  // largest transfer, 2^MDTS smallest pages; 0: no limit
	CNTLID     uint16
	Version    uint32
	OAES       uint32
	CNTRLTYPE  uint8
	OACS       uint16
	ACL, AERL  uint8 // 0's based
	FRMW, LPA  uint8
	ELPE       uint8 // 0's based
	WCTEMP     uint16
	CCTEMP     uint16
	SQES, CQES uint8 // smallest 3:0, largest 7:4, log2
	NN         uint32
	ONCS       uint16
	VWC        uint8
	SGLS       uint32
	SUBNQN     string
}

// Bits of ONCS and VWC.
const (
	ONCSCompare     = 1 << 0
	ONCSDSM         = 1 << 2
	ONCSWriteZeroes = 1 << 3
	VWCPresent      = 1 << 0
)

// Encode writes the structure into p, 4096 bytes.
func (c *Controller) Encode(p []byte) {
	le := binary.LittleEndian
	clear(p[:IdentifyLen])
	le.PutUint16(p[0:], c.VID)
	le.PutUint16(p[2:], c.SSVID)
	pad(p[4:24], c.Serial)
	pad(p[24:64], c.Model)
	pad(p[64:72], c.Firmware)
	p[77] = c.MDTS
	le.PutUint16(p[78:], c.CNTLID)
	le.PutUint32(p[80:], c.Version)
	le.PutUint32(p[92:], c.OAES)
	p[111] = c.CNTRLTYPE
	le.PutUint16(p[256:], c.OACS)
	p[258], p[259], p[260], p[261], p[262] = c.ACL, c.AERL, c.FRMW, c.LPA, c.ELPE
	le.PutUint16(p[266:], c.WCTEMP)
	le.PutUint16(p[268:], c.CCTEMP)
	p[512], p[513] = c.SQES, c.CQES
	le.PutUint32(p[516:], c.NN)
	le.PutUint16(p[520:], c.ONCS)
	p[525] = c.VWC
	le.PutUint32(p[536:], c.SGLS)
	copy(p[768:1023], c.SUBNQN)
}

// DecodeController reads the structure from 4096 bytes.
func DecodeController(p []byte) (c Controller) {
	le := binary.LittleEndian
	_ = p[IdentifyLen-1]
	c.VID, c.SSVID = le.Uint16(p[0:]), le.Uint16(p[2:])
	c.Serial, c.Model, c.Firmware = text(p[4:24]), text(p[24:64]), text(p[64:72])
	c.MDTS, c.CNTLID, c.Version = p[77], le.Uint16(p[78:]), le.Uint32(p[80:])
	c.OAES, c.CNTRLTYPE, c.OACS = le.Uint32(p[92:]), p[111], le.Uint16(p[256:])
	c.ACL, c.AERL, c.FRMW, c.LPA, c.ELPE = p[258], p[259], p[260], p[261], p[262]
	c.WCTEMP, c.CCTEMP = le.Uint16(p[266:]), le.Uint16(p[268:])
	c.SQES, c.CQES, c.NN, c.ONCS = p[512], p[513], le.Uint32(p[516:]), le.Uint16(p[520:])
	c.VWC, c.SGLS = p[525], le.Uint32(p[536:])
	c.SUBNQN = text(p[768:1024])
	return c
}

// pad stores ASCII filled up with spaces, as the structure's strings are.
func pad(p []byte, s string) {
	for i := copy(p, s); i < len(p); i++ {
		p[i] = ' '
	}
}

func text(p []byte) string { return strings.TrimRight(string(p), " \x00") }

// Namespace is what is used of the Identify Namespace structure (NVM, 4.1.5.1, figure 97).
type Namespace struct {
	Size, Capacity, Used uint64 // NSZE, NCAP, NUSE in blocks
	FLBAS                uint8
	LBADS                [16]uint8 // log2 of the block size by format; 0: no such format
	NGUID                [16]byte
	EUI64                [8]byte
}

// BlockShift is log2 of the block size in use.
func (n *Namespace) BlockShift() uint8 { return n.LBADS[n.FLBAS&0xf] }

// Encode writes the structure into p, 4096 bytes.
func (n *Namespace) Encode(p []byte) {
	le := binary.LittleEndian
	clear(p[:IdentifyLen])
	le.PutUint64(p[0:], n.Size)
	le.PutUint64(p[8:], n.Capacity)
	le.PutUint64(p[16:], n.Used)
	formats := 0
	for i, ds := range n.LBADS {
		if ds != 0 {
			formats = i
		}
		le.PutUint32(p[128+4*i:], uint32(ds)<<16)
	}
	p[25], p[26] = uint8(formats), n.FLBAS
	copy(p[104:120], n.NGUID[:])
	copy(p[120:128], n.EUI64[:])
}

// DecodeNamespace reads the structure from 4096 bytes.
func DecodeNamespace(p []byte) (n Namespace) {
	le := binary.LittleEndian
	_ = p[IdentifyLen-1]
	n.Size, n.Capacity, n.Used = le.Uint64(p[0:]), le.Uint64(p[8:]), le.Uint64(p[16:])
	n.FLBAS = p[26]
	for i := range n.LBADS {
		n.LBADS[i] = p[128+4*i+2]
	}
	copy(n.NGUID[:], p[104:120])
	copy(n.EUI64[:], p[120:128])
	return n
}
