package nvme

import (
	"encoding/binary"

	spec "tensoros/hw/spec/nvme"
)

// errorLog keeps the latest failures, newest first when read (Base, 5.16.1.2).
type errorLog struct {
	count uint64
	kept  [errorKept][spec.LogErrorEntry]byte
}

func (l *errorLog) add(c *Controller, cmd *command) {
	le := binary.LittleEndian
	p := l.kept[l.count%errorKept][:]
	l.count++
	clear(p)
	le.PutUint64(p[0:], l.count)
	le.PutUint16(p[8:], uint16(cmd.sq.id))
	le.PutUint16(p[10:], cmd.e.CID)
	le.PutUint16(p[12:], uint16(cmd.status)<<1)
	le.PutUint16(p[14:], 0xffff) // no particular byte of the command is blamed
	if cmd.sq.id != 0 {
		le.PutUint64(p[16:], cmd.e.SLBA())
	}
	le.PutUint32(p[24:], cmd.e.NSID)
}

func (l *errorLog) encode(p []byte) {
	for i := range min(l.count, errorKept) {
		copy(p[i*spec.LogErrorEntry:], l.kept[(l.count-1-i)%errorKept][:])
	}
}

// counters are what the SMART page counts.
type counters struct {
	readBytes, wroteBytes, reads, writes uint64
}

func (s *counters) read(n int)  { s.reads++; s.readBytes += uint64(n) }
func (s *counters) wrote(n int) { s.writes++; s.wroteBytes += uint64(n) }

// dataUnit is what SMART counts data in: thousands of 512 bytes, rounded up (Base, 5.16.1.3).
const dataUnit = 512 * 1000

func (c *Controller) encodeSMART(p []byte) {
	le := binary.LittleEndian
	s := &c.smart
	le.PutUint16(p[1:], 310) // composite temperature, kelvin; no thermal model stands behind it
	p[3], p[4] = 100, 10     // available spare and its threshold, per cent
	le.PutUint64(p[32:], (s.readBytes+dataUnit-1)/dataUnit)
	le.PutUint64(p[48:], (s.wroteBytes+dataUnit-1)/dataUnit)
	le.PutUint64(p[64:], s.reads)
	le.PutUint64(p[80:], s.writes)
	le.PutUint64(p[176:], c.errors.count)
}

// encodeEffects fills the Commands Supported and Effects page (Base, 5.16.1.6): bit 0 supported,
// bit 1 logical block content may change.
func encodeEffects(p []byte) {
	le := binary.LittleEndian
	for _, r := range spec.AdminOpcodes {
		le.PutUint32(p[4*int(r.Opcode):], 1)
	}
	for _, r := range spec.NVMOpcodes {
		v := uint32(1)
		switch r.Opcode {
		case spec.Compare:
			continue // not offered
		case spec.Write, spec.WriteZeroes, spec.DSM:
			v |= 2
		}
		le.PutUint32(p[1024+4*int(r.Opcode):], v)
	}
}

// logPage builds the data of Get Log Page. What is asked for beyond a page reads zero; an offset
// beyond it is refused (Base, 5.16).
func (c *Controller) logPage(cmd *command) spec.Status {
	e := &cmd.e
	var page []byte
	switch id := spec.LogID.Get(uint64(e.CDW10)); id {
	case spec.LogError:
		page = make([]byte, errorKept*spec.LogErrorEntry)
		c.errors.encode(page)
	case spec.LogSMART:
		if e.NSID != 0 && e.NSID != spec.AllNamespaces {
			return spec.InvalidNamespace // LPA bit 0 is clear: no page of a namespace's own
		}
		page = make([]byte, spec.LogSMARTLen)
		c.encodeSMART(page)
	case spec.LogFirmware:
		page = make([]byte, spec.LogFirmwareLen)
		page[0] = 1
		copy(page[8:16], "1       ")
	case spec.LogEffects:
		page = make([]byte, spec.LogEffectsLen)
		encodeEffects(page)
	default:
		return spec.InvalidLogPage
	}
	n := (int(spec.LogNUMDL.Get(uint64(e.CDW10))) | int(e.CDW11&0xffff)<<16) + 1
	off := uint64(e.CDW13)<<32 | uint64(e.CDW12)
	if off%4 != 0 || off > uint64(len(page)) || n*4 > c.Profile.MaxTransfer() {
		return spec.InvalidField
	}
	cmd.data, cmd.bytes = make([]byte, n*4), n*4
	copy(cmd.data, page[off:])
	if e.CDW10&0xff == spec.LogError && spec.LogRAE.Get(uint64(e.CDW10)) == 0 {
		c.masked = false
		c.deliverEvents()
	}
	return spec.Success
}
