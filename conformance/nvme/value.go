package nvme

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"

	spec "tensoros/hw/spec/nvme"
)

// identityFields are fields of Identify Controller by name: offset and bytes (Base, figure 276).
var identityFields = map[string][2]int{
	"VID": {0, 2}, "SSVID": {2, 2}, "RAB": {72, 1}, "CMIC": {76, 1}, "MDTS": {77, 1},
	"CNTLID": {78, 2}, "VER": {80, 4}, "RTD3R": {84, 4}, "RTD3E": {88, 4}, "OAES": {92, 4},
	"CTRATT": {96, 4}, "CNTRLTYPE": {111, 1}, "CRDT1": {128, 2}, "CRDT2": {130, 2},
	"CRDT3": {132, 2}, "OACS": {256, 2}, "ACL": {258, 1}, "AERL": {259, 1}, "FRMW": {260, 1},
	"LPA": {261, 1}, "ELPE": {262, 1}, "NPSS": {263, 1}, "AVSCC": {264, 1}, "APSTA": {265, 1},
	"WCTEMP": {266, 2}, "CCTEMP": {268, 2}, "MTFA": {270, 2}, "HMPRE": {272, 4}, "HMMIN": {276, 4},
	"TNVMCAP": {280, 8}, "UNVMCAP": {296, 8}, "RPMBS": {312, 4}, "EDSTT": {316, 2},
	"DSTO": {318, 1}, "FWUG": {319, 1}, "KAS": {320, 2}, "HCTMA": {322, 2}, "SANICAP": {328, 4},
	"SQES": {512, 1}, "CQES": {513, 1}, "MAXCMD": {514, 2}, "NN": {516, 4}, "ONCS": {520, 2},
	"FUSES": {522, 2}, "FNA": {524, 1}, "VWC": {525, 1}, "AWUN": {526, 2}, "AWUPF": {528, 2},
	"NWPC": {531, 1}, "ACWU": {532, 2}, "OCFS": {534, 2}, "SGLS": {536, 4}, "MNAN": {540, 4},
}

// spaceFields are fields of Identify Namespace by name (NVM, figure 97).
var spaceFields = map[string][2]int{
	"NSZE": {0, 8}, "NCAP": {8, 8}, "NUSE": {16, 8}, "NSFEAT": {24, 1}, "NLBAF": {25, 1},
	"FLBAS": {26, 1}, "MC": {27, 1}, "DPC": {28, 1}, "DPS": {29, 1}, "NMIC": {30, 1},
	"RESCAP": {31, 1}, "FPI": {32, 1}, "DLFEAT": {33, 1}, "NVMCAP": {48, 8}, "MSSRL": {74, 2},
	"MCL": {76, 4}, "MSRC": {80, 1},
}

// statuses are the status codes by the names that cases use.
var statuses = map[string]spec.Status{
	"Success": spec.Success, "InvalidOpcode": spec.InvalidOpcode,
	"InvalidField": spec.InvalidField, "IDConflict": spec.IDConflict,
	"DataTransferError": spec.DataTransferError, "AbortRequested": spec.AbortRequested,
	"AbortedSQDeletion": spec.AbortedSQDeletion, "FusedFailed": spec.FusedFailed,
	"FusedMissing": spec.FusedMissing, "InvalidNamespace": spec.InvalidNamespace,
	"SequenceError": spec.SequenceError, "InvalidSGLDescriptor": spec.InvalidSGLDescriptor,
	"InvalidSGLCount": spec.InvalidSGLCount, "InvalidSGLLength": spec.InvalidSGLLength,
	"InvalidSGLType": spec.InvalidSGLType, "InvalidPRPOffset": spec.InvalidPRPOffset,
	"InvalidSGLOffset": spec.InvalidSGLOffset, "SGLGranularity": spec.SGLGranularity,
	"SanitizeInProgress": spec.SanitizeInProgress, "WriteProtected": spec.WriteProtected,
	"AtomicExceeded": spec.AtomicExceeded, "LBAOutOfRange": spec.LBAOutOfRange,
	"CapacityExceeded": spec.CapacityExceeded, "ReservationConflict": spec.ReservationConflict,
	"CQInvalid": spec.CQInvalid, "InvalidQueueID": spec.InvalidQueueID,
	"InvalidQueueSize": spec.InvalidQueueSize, "AbortLimit": spec.AbortLimit,
	"AERLimit": spec.AERLimit, "InvalidFirmwareSlot": spec.InvalidFirmwareSlot,
	"InvalidFirmwareImage": spec.InvalidFirmwareImage, "InvalidVector": spec.InvalidVector,
	"InvalidLogPage": spec.InvalidLogPage, "InvalidFormat": spec.InvalidFormat,
	"InvalidQueueDeletion": spec.InvalidQueueDeletion,
	"NotSaveable":          spec.FeatureNotSaveable, "NotChangeable": spec.FeatureNotChangeable,
	"NotNamespace": spec.FeatureNotNamespace, "OverlappingRange": spec.OverlappingRange,
	"InsufficientCapacity": spec.InsufficientCapacity, "AlreadyAttached": spec.AlreadyAttached,
	"NotAttached": spec.NotAttached, "InvalidControllerList": spec.InvalidControllerList,
	"ThinUnsupported": spec.ThinUnsupported, "SelfTestInProgress": spec.SelfTestInProgress,
	"InvalidCommandSet": spec.InvalidCommandSet, "Conflicting": spec.ConflictingAttributes,
	"InvalidProtection": spec.InvalidProtection, "SizeLimit": spec.SizeLimitExceeded,
	"UnrecoveredRead": spec.UnrecoveredRead, "CompareFailure": spec.CompareFailure,
	"AccessDenied": spec.AccessDenied, "Deallocated": spec.Deallocated,
}

func pick(p []byte, f [2]int) uint64 {
	var w [8]byte
	copy(w[:f[1]], p[f[0]:])
	return binary.LittleEndian.Uint64(w[:])
}

// block is the bytes of a block of the namespace; 512 if there is none.
func (s *suite) block() uint64 {
	if s.nsid == 0 {
		return 512
	}
	n := spec.DecodeNamespace(s.space)
	return 1 << n.BlockShift()
}

// page is the memory page that CC.MPS sets.
func (s *suite) page() uint64 {
	return spec.MinPage << spec.CCMPS.Get(uint64(s.bar.Read32(spec.CC)))
}

// most is the largest transfer in bytes, as far as the buffers allow: half of D.
func (s *suite) most() uint64 {
	mdts := pick(s.identity, identityFields["MDTS"])
	unit := uint64(spec.MinPage) << spec.CapMPSMIN.Get(s.bar.Read64(spec.CAP))
	if mdts == 0 || mdts > 20 {
		return dataLen / 2
	}
	return min(unit<<mdts, dataLen/2)
}

// Value gives names their meaning: buffers, what the device says of itself, the last completion,
// registers and their fields, status codes.
func (s *suite) Value(name string) (uint64, bool, error) {
	if v, ok := s.plain(name); ok {
		return v, true, nil
	}
	if v, ok := statuses[name]; ok {
		return uint64(v), true, nil
	}
	if name == "INACTIVE" {
		v, err := s.inactive()
		return v, true, err
	}
	head, rest, _ := strings.Cut(name, ".")
	switch head {
	case "ID":
		f, ok := identityFields[rest]
		return pick(s.identity, f), ok, nil
	case "NS":
		f, ok := spaceFields[rest]
		return pick(s.space, f), ok, nil
	}
	wantOffset := head == "OFF"
	if wantOffset {
		head, rest = rest, ""
	}
	for i := range spec.Registers {
		r := &spec.Registers[i]
		switch {
		case r.Name != head:
		case wantOffset:
			return uint64(r.Off), true, nil
		default:
			return s.register(r.Off, r.Size, rest)
		}
	}
	return 0, false, nil
}

// inactive is the first namespace identifier that is valid and not active; 0 if there is none.
func (s *suite) inactive() (uint64, error) {
	err := s.must(spec.Command{Opcode: spec.Identify, CDW10: spec.CNSActive, PRP1: s.spare})
	id := uint64(1)
	for at := s.spare; err == nil && uint64(s.load32(at)) == id && id < 1024; at += 4 {
		id++
	}
	if id > pick(s.identity, identityFields["NN"]) {
		id = 0
	}
	return id, err
}

// register reads a register, or a field of it.
func (s *suite) register(off, size int, name string) (uint64, bool, error) {
	v := uint64(s.bar.Read32(off))
	if size == 8 {
		v |= uint64(s.bar.Read32(off+4)) << 32
	}
	if name == "" {
		return v, true, nil
	}
	for i := range spec.Registers {
		for _, f := range spec.Registers[i].Fields {
			if spec.Registers[i].Off == off && f.Name == name {
				return f.Bits.Get(v), true, nil
			}
		}
	}
	return 0, false, nil
}

func (s *suite) plain(name string) (uint64, bool) {
	c := &s.last
	switch name {
	case "D":
		return s.data, true
	case "X":
		return s.spare, true
	case "L":
		return s.list, true
	case "ASQ0":
		return s.asq, true
	case "ACQ0":
		return s.acq, true
	case "NSID":
		return uint64(s.nsid), true
	case "BLOCK":
		return s.block(), true
	case "PAGE":
		return s.page(), true
	case "MOST":
		return s.most(), true
	case "VECTORS":
		return s.vectors(), true
	case "BARLEN":
		return uint64(s.bar.Len()), true
	case "REALTIME":
		return truth(s.realtime), true
	case "now":
		return uint64(s.cpu.Now()), true
	case "status":
		return uint64(c.Status.Code()), true
	case "sct":
		return uint64(c.Status.Type()), true
	case "dnr":
		return truth(c.Status&spec.DNR != 0), true
	case "more":
		return truth(c.Status&spec.More != 0), true
	case "crd":
		return uint64(c.Status >> 11 & 3), true
	case "result":
		return uint64(c.Result), true
	case "sqhd":
		return uint64(c.SQHD), true
	case "sqid":
		return uint64(c.SQID), true
	case "cid":
		return uint64(c.CID), true
	case "taken":
		return uint64(len(s.done)), true
	}
	return 0, false
}

// Call gives functions their meaning: m8 to m64(ADDRESS) memory, r8 to r64(OFFSET) registers,
// c8 to c32(OFFSET) configuration space, same(A, B, N), filled(A, N, V), matches(A, N, SEED),
// ascii(A, N), irq(V), pba(V), feature(FID), changeable(FID), st(I), cidof(I), sqof(I), headof(I)
// and res(I) of the completions taken.
func (s *suite) Call(name string, v []uint64) (uint64, bool, error) {
	switch {
	case len(v) == 1 && width(name, "m") > 0:
		p, err := s.span(v[0], uint64(width(name, "m")))
		return pick(append(p[:len(p):len(p)], make([]byte, 8)...), [2]int{0, len(p)}), true, err
	case len(v) == 1 && width(name, "r") > 0:
		return s.readBAR(v[0], width(name, "r"))
	case name == "same" && len(v) == 3:
		n, err := s.equal(v[0], v[1], v[2])
		return n, true, err
	case name == "filled" && len(v) == 3:
		n, err := s.filled(v[0], v[1], v[2])
		return n, true, err
	case name == "matches" && len(v) == 3:
		n, err := s.matches(v[0], v[1], v[2])
		return n, true, err
	case name == "ascii" && len(v) == 2:
		p, err := s.span(v[0], v[1])
		for _, b := range p {
			if b < 0x20 || b > 0x7e {
				return 0, true, err
			}
		}
		return 1, true, err
	case len(v) == 1 && width(name, "c") > 0:
		if v[0]%4 != 0 || v[0]+4 > uint64(s.cfg.Len()) {
			return 0, true, fmt.Errorf("no configuration space at %#x", v[0])
		}
		return uint64(s.cfg.Read32(int(v[0]))) & (1<<(8*width(name, "c")) - 1), true, nil
	case name == "log2" && len(v) == 1:
		return uint64(bits.Len64(v[0]) - 1), true, nil
	case name == "min" && len(v) == 2:
		return min(v[0], v[1]), true, nil
	}
	return s.asked(name, v)
}

func (s *suite) readBAR(off uint64, n int) (uint64, bool, error) {
	if err := s.inBAR(off, n); err != nil {
		return 0, true, err
	}
	switch at := int(off); n {
	case 1:
		return uint64(s.bar.Read8(at)), true, nil
	case 2:
		return uint64(s.bar.Read16(at)), true, nil
	case 4:
		return uint64(s.bar.Read32(at)), true, nil
	}
	return s.bar.Read64(int(off)), true, nil
}

// asked are the functions about commands, queues and interrupts.
func (s *suite) asked(name string, v []uint64) (uint64, bool, error) {
	switch {
	case name == "irq" && len(v) == 1:
		s.drain()
		return s.irqs[int(v[0])], true, nil
	case name == "pba" && len(v) == 1:
		n, err := s.pendingBit(int(v[0]))
		return n, true, err
	case name == "feature" && len(v) == 1:
		c := spec.Command{Opcode: spec.GetFeatures, CDW10: uint32(v[0]), PRP1: s.spare}
		if v[0] == spec.FeatRecovery || v[0] == spec.FeatWriteProtect {
			c.NSID = s.nsid
		}
		err := s.must(c)
		return truth(err == nil), true, nil
	case name == "changeable" && len(v) == 1:
		if pick(s.identity, identityFields["ONCS"])&spec.ONCSSave == 0 {
			return 1, true, nil
		}
		err := s.must(spec.Command{Opcode: spec.GetFeatures, PRP1: s.spare,
			CDW10: uint32(v[0]) | spec.SelectSupported<<8})
		return truth(err == nil && s.last.Result&spec.CapChangeable != 0), true, nil
	case len(v) != 1:
		return 0, false, nil
	}
	if v[0] >= uint64(len(s.done)) && (name == "st" || name == "cidof" || name == "res" ||
		name == "sqof" || name == "headof") {
		return 0, true, fmt.Errorf("only %d completions were taken", len(s.done))
	}
	switch name {
	case "st":
		return uint64(s.done[v[0]].Status.Code()), true, nil
	case "cidof":
		return uint64(s.done[v[0]].CID), true, nil
	case "sqof":
		return uint64(s.done[v[0]].SQID), true, nil
	case "headof":
		return uint64(s.done[v[0]].SQHD), true, nil
	case "res":
		return uint64(s.done[v[0]].Result), true, nil
	}
	return 0, false, nil
}
