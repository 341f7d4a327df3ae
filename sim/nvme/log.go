package nvme

import (
	"encoding/binary"

	spec "tensoros/hw/spec/nvme"
)

// errorLog keeps the latest failures, newest first when read (Base, 5.16.1.2). The count survives
// restarts, the entries do not.
type errorLog struct {
	count    uint64
	specific uint64 // command specific information of the entry to come
	kept     [errorKept]spec.ErrorEntry
}

func (l *errorLog) add(cmd *command) {
	e := spec.ErrorEntry{SQID: uint16(cmd.sq.id), CID: cmd.e.CID, Status: cmd.status,
		Phase: cmd.sq.cq.phase, NSID: cmd.e.NSID, Specific: l.specific}
	e.Byte, e.Bit = uint8(cmd.place), uint8(cmd.place>>8)
	// Byte 0 bit 0 is the opcode; a command of which no byte is known to be wrong says so.
	e.NoPlace = cmd.place == 0 && cmd.status.Code() != spec.InvalidOpcode
	if cmd.sq.id != 0 {
		e.LBA = cmd.e.SLBA()
	}
	l.specific = 0
	l.record(e)
	cmd.status |= spec.More
}

func (l *errorLog) record(e spec.ErrorEntry) {
	l.count++
	e.Count = l.count
	l.kept[(l.count-1)%errorKept] = e
}

func (l *errorLog) encode(p []byte) {
	for i := range min(l.count, errorKept) {
		e := &l.kept[(l.count-1-i)%errorKept]
		e.Encode(p[i*spec.LogErrorEntry:])
	}
}

// logMaker builds a log page; what it says is blamed on the command if it fails.
type logMaker func(c *Controller, cmd *command) ([]byte, spec.Status)

// logMakers by LID; the rows of the paper's table and these must agree (TestLogTable).
var logMakers map[uint8]logMaker

func init() {
	plain := func(n int, f func(c *Controller, p []byte)) logMaker {
		return func(c *Controller, _ *command) ([]byte, spec.Status) {
			p := make([]byte, n)
			f(c, p)
			return p, spec.Success
		}
	}
	logMakers = map[uint8]logMaker{
		spec.LogSupported: plain(1024, func(_ *Controller, p []byte) {
			for _, r := range spec.Logs {
				binary.LittleEndian.PutUint32(p[4*int(r.ID):], 1) // LSUPP
			}
		}),
		spec.LogError: plain(errorKept*spec.LogErrorEntry, func(c *Controller, p []byte) {
			c.errors.encode(p)
		}),
		spec.LogSMART: func(c *Controller, cmd *command) ([]byte, spec.Status) {
			if cmd.e.NSID != 0 && cmd.e.NSID != spec.AllNamespaces {
				// LPA bit 0 is clear: no page of a namespace's own.
				return nil, cmd.blame(4, 0, spec.InvalidNamespace)
			}
			p := make([]byte, spec.LogSMARTLen)
			c.encodeSMART(p)
			return p, spec.Success
		},
		spec.LogFirmware: plain(spec.LogFirmwareLen, func(c *Controller, p []byte) {
			c.firm.encode(p)
		}),
		spec.LogNamespaces: plain(spec.LogListLen, (*Controller).encodeChanged),
		spec.LogEffects: plain(spec.LogEffectsLen, func(_ *Controller, p []byte) {
			encodeEffects(p)
		}),
		spec.LogSelfTest: plain(spec.LogSelfTestLen, func(c *Controller, p []byte) {
			c.test.encode(c, p)
		}),
		spec.LogTelemetry:  (*Controller).telemetry,
		spec.LogTelemetryC: (*Controller).telemetry,
		spec.LogSanitize: plain(spec.LogSanitizeLen, func(c *Controller, p []byte) {
			c.sanitize.encode(c, p)
		}),
	}
}

// encodeEffects fills the Commands Supported and Effects page (Base, 5.16.1.6) from the tables.
func encodeEffects(p []byte) {
	for _, r := range spec.AdminOpcodes {
		binary.LittleEndian.PutUint32(p[4*int(r.Opcode):], r.Effects)
	}
	for _, r := range spec.NVMOpcodes {
		binary.LittleEndian.PutUint32(p[1024+4*int(r.Opcode):], r.Effects)
	}
}

// encodeChanged lists the namespaces that have changed since the page was read last.
func (c *Controller) encodeChanged(p []byte) {
	s := &c.spaces
	if s.many {
		binary.LittleEndian.PutUint32(p, spec.AllNamespaces)
	} else {
		for i, id := range s.changed {
			binary.LittleEndian.PutUint32(p[4*i:], id)
		}
	}
	s.changed, s.many = s.changed[:0], false
}

// telemetryBlock is the unit of the telemetry pages.
const telemetryBlock = 512

// telemetry is a minimal host-initiated page: a header, and one block of data that holds the SMART
// page. LSP bit 0 captures it anew.
func (c *Controller) telemetry(cmd *command) ([]byte, spec.Status) {
	p := make([]byte, 2*telemetryBlock)
	p[0] = uint8(spec.LogID.Get(uint64(cmd.e.CDW10)))
	if p[0] == spec.LogTelemetryC {
		return p[:telemetryBlock], spec.Success // nothing was captured by the controller
	}
	if spec.LogLSP.Get(uint64(cmd.e.CDW10))&1 == 1 {
		c.smart.captured = make([]byte, telemetryBlock)
		c.encodeSMART(c.smart.captured)
		c.smart.captures++
	}
	if c.smart.captured != nil {
		for _, off := range []int{8, 10, 12} { // the last blocks of data areas 1 to 3
			binary.LittleEndian.PutUint16(p[off:], 1)
		}
		copy(p[telemetryBlock:], c.smart.captured)
	}
	p[381] = c.smart.captures
	return p, spec.Success
}

// logLength is the bytes that Get Log Page asks for.
func logLength(e *spec.Command) uint64 {
	n := spec.LogNUMDL.Get(uint64(e.CDW10)) | spec.LogNUMDU.Get(uint64(e.CDW11))<<16
	return (n + 1) * 4
}

func (c *Controller) logSize(cmd *command) (int, spec.Status) {
	n := logLength(&cmd.e)
	switch id := spec.LogID.Get(uint64(cmd.e.CDW10)); {
	case logMakers[uint8(id)] == nil:
		return 0, cmd.blame(40, 0, spec.InvalidLogPage)
	case n > uint64(c.Profile.MaxTransfer()):
		return 0, cmd.bad(42, 0)
	case cmd.e.CDW12%4 != 0:
		return 0, cmd.bad(48, 0)
	case spec.LogOT.Get(uint64(cmd.e.CDW14)) == 1:
		return 0, cmd.bad(58, 7) // offsets are in bytes
	}
	return int(n), spec.Success
}

// logPage builds the data of Get Log Page. What is asked for beyond a page reads zero; an offset
// beyond it is refused (Base, 5.16).
func (c *Controller) logPage(cmd *command) spec.Status {
	e := &cmd.e
	id := uint8(spec.LogID.Get(uint64(e.CDW10)))
	page, st := logMakers[id](c, cmd)
	if st != spec.Success {
		return st
	}
	off := uint64(e.CDW13)<<32 | uint64(e.CDW12)
	if off > uint64(len(page)) {
		return cmd.bad(48, 0)
	}
	cmd.data = make([]byte, cmd.bytes)
	copy(cmd.data, page[off:])
	if spec.LogRAE.Get(uint64(e.CDW10)) == 0 {
		c.pageRead(uint32(id))
	}
	return spec.Success
}
