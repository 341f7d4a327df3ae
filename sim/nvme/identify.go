package nvme

import (
	"encoding/binary"

	spec "tensoros/hw/spec/nvme"
)

// controllerID is CNTLID: there is one controller in the subsystem.
const controllerID = 1

// Temperatures in kelvin: what is warned of, and what is critical, as consumer drives have [R].
const (
	warnTemperature     = 343
	criticalTemperature = 353
)

// identify builds the data of Identify (Base, 5.17).
func (c *Controller) identify(cmd *command) spec.Status {
	e := &cmd.e
	p := make([]byte, spec.IdentifyLen)
	cns := e.CDW10 & spec.CNSMask
	st := spec.Success
	switch cns {
	case spec.CNSController:
		id := c.identity()
		id.Encode(p)
	case spec.CNSControllerCSI:
		if st = cmd.commandSet(); st == spec.Success {
			l := spec.Limits{DMRL: 0, DMRSL: 0, DMSL: 0}
			l.Encode(p)
		}
	case spec.CNSNamespace, spec.CNSNamespaceCSI, spec.CNSDescriptors, spec.CNSNamespaceGeneral,
		spec.CNSAllocatedIdentify:
		st = c.identifySpace(cmd, cns, p)
	case spec.CNSActive, spec.CNSActiveCSI, spec.CNSAllocated, spec.CNSAllocatedCSI:
		st = c.listSpaces(cmd, cns, p)
	case spec.CNSAttached, spec.CNSControllers:
		st = c.listControllers(cmd, cns, p)
	case spec.CNSGranularity:
		binary.LittleEndian.PutUint64(p[32:], spaceUnit) // NSG, NCG of descriptor 0
		binary.LittleEndian.PutUint64(p[40:], spaceUnit)
	case spec.CNSUUIDs: // none
	case spec.CNSCommandSets:
		if id := e.CDW10 >> spec.CNTIDShift; id != controllerID && id != spec.AnyController {
			return cmd.bad(42, 0)
		}
		p[0] = 1 << spec.CSINVM // combination 0: the NVM command set alone
	default:
		st = cmd.bad(40, 0)
	}
	cmd.data = p
	if st != spec.Success {
		cmd.data = nil
	}
	return st
}

// commandSet checks CSI.
func (cmd *command) commandSet() spec.Status {
	if cmd.e.CDW11>>spec.CSIShift != spec.CSINVM {
		return cmd.bad(47, 0)
	}
	return spec.Success
}

// identifySpace describes a namespace. An inactive one reads zero (Base, 5.17.2).
func (c *Controller) identifySpace(cmd *command, cns uint32, p []byte) spec.Status {
	id := cmd.e.NSID
	if id == spec.AllNamespaces && cns == spec.CNSNamespace {
		n := c.common()
		n.Encode(p)
		return spec.Success
	}
	if id == 0 || id > maxSpaces {
		return cmd.blame(4, 0, spec.InvalidNamespace)
	}
	n := c.spaces.active(id)
	switch cns {
	case spec.CNSAllocatedIdentify:
		n = c.spaces.get(id)
	case spec.CNSNamespaceCSI:
		if st := cmd.commandSet(); st != spec.Success {
			return st
		}
	case spec.CNSDescriptors:
		if n == nil {
			return cmd.bad(4, 0)
		}
		c.describe(n, p)
		return spec.Success
	}
	switch {
	case n == nil:
	case cns == spec.CNSNamespaceGeneral:
		p[2] = 0xff                                                      // RESCAP
		p[3], p[8], p[14] = n.formatLeft(c.eng.Now()), n.attributes(), 1 // FPI, NSATTR, NSTAT
	case cns == spec.CNSNamespaceCSI: // LBSTM and extended formats: none
	default:
		s := c.namespace(n)
		s.Encode(p)
	}
	return spec.Success
}

func (n *namespace) attributes() uint8 {
	if n.protected() {
		return 1
	}
	return 0
}

// describe lists the identifiers of a namespace.
func (c *Controller) describe(n *namespace, p []byte) {
	guid := c.guid(n)
	p[0], p[1] = spec.NIDTypeNGUID, 16
	copy(p[4:], guid[:])
	p[20], p[21] = spec.NIDTypeCSI, 1
	p[24] = spec.CSINVM
}

// listSpaces lists the NSIDs above the command's, 1024 at most.
func (c *Controller) listSpaces(cmd *command, cns uint32, p []byte) spec.Status {
	if cmd.e.NSID >= spec.MaxNamespaces {
		return cmd.blame(4, 0, spec.InvalidNamespace)
	}
	if cns == spec.CNSActiveCSI || cns == spec.CNSAllocatedCSI {
		if st := cmd.commandSet(); st != spec.Success {
			return st
		}
	}
	at := 0
	for _, n := range c.spaces.all {
		if n == nil || n.ID <= cmd.e.NSID {
			continue
		}
		if n.Attached || cns == spec.CNSAllocated || cns == spec.CNSAllocatedCSI {
			binary.LittleEndian.PutUint32(p[at:], n.ID)
			at += 4
		}
	}
	return spec.Success
}

// listControllers lists the controllers from CNTID on: all, or those a namespace is attached to.
func (c *Controller) listControllers(cmd *command, cns uint32, p []byte) spec.Status {
	there := true
	if cns == spec.CNSAttached {
		id := cmd.e.NSID
		n := c.spaces.get(id)
		switch {
		case id == 0 || id > maxSpaces:
			return cmd.blame(4, 0, spec.InvalidNamespace)
		case n == nil:
			return cmd.bad(4, 0)
		}
		there = n.Attached
	}
	if there && cmd.e.CDW10>>spec.CNTIDShift <= controllerID {
		binary.LittleEndian.PutUint16(p[0:], 1)
		binary.LittleEndian.PutUint16(p[2:], controllerID)
	}
	return spec.Success
}

// identity is what the controller says of itself: what is modelled, with the profile's numbers.
// Linux 6.1 to 7.3, SPDK, SeaBIOS and nvme-cli took the minimum of it (measured).
func (c *Controller) identity() spec.Controller {
	p := c.Profile
	id := spec.Controller{VID: p.Vendor, SSVID: p.Vendor,
		Serial: "TENSOROS" + c.fn.Address().String()[5:7], Model: p.Model,
		Firmware: c.firm.running(), RAB: 4, MDTS: p.MDTS, CNTLID: controllerID,
		Version: spec.Version20, RTD3R: 1_000_000, RTD3E: 1_000_000,
		OAES:      spec.AsyncNamespace | spec.AsyncFirmware,
		CNTRLTYPE: 1, NVMSR: 1,
		OACS: spec.OACSFormat | spec.OACSFirmware | spec.OACSNamespaces | spec.OACSSelfTest |
			spec.OACSDoorbellBuffer,
		ACL: abortsMost - 1, AERL: maxAERs - 1, FRMW: firmwareSlots<<1 | spec.FRMWNoReset,
		LPA:  spec.LPAEffects | spec.LPAExtended | spec.LPATelemetry | spec.LPASupported,
		ELPE: errorKept - 1, NPSS: uint8(c.power.count(c) - 1), WCTEMP: warnTemperature,
		CCTEMP: criticalTemperature, MTFA: 10, TNVMCAP: c.Store.Size(),
		UNVMCAP: c.spaces.unallocated(c), EDSTT: 2, DSTO: spec.DSTOOne, FWUG: 1, KAS: 10,
		SANICAP: spec.SanitizeCapBlock | spec.SanitizeCapCrypto | spec.SanitizeCapOverwrite |
			spec.SanitizeCapNDI | spec.SanitizeCapNoModify,
		SQES: 0x66, CQES: 0x44, NN: maxSpaces, MNAN: maxSpaces,
		ONCS: spec.ONCSCompare | spec.ONCSUncorrectable | spec.ONCSDSM | spec.ONCSWriteZeroes |
			spec.ONCSSave | spec.ONCSTimestamp | spec.ONCSVerify | spec.ONCSCopy |
			spec.ONCSReservations,
		CTRATT: spec.CTRATTHostID,
		FUSES:  spec.FuseCompareWrite, AWUN: uint16(p.ChannelChunk/4096 - 1), ACWU: fusedMost - 1,
		FNA: spec.FNACrypto, VWC: spec.VWCFlushAll, NWPC: 1, OCFS: 1,
		SGLS:   spec.SGLSAligned | spec.SGLSBitBucket | spec.SGLSLonger,
		SUBNQN: "nqn.2026-01.tensoros:sim:" + p.Name + ":" + c.fn.Address().String()[5:7]}
	if p.VolatileCache {
		id.VWC |= spec.VWCPresent
	}
	if c.power.autonomous(c) {
		id.APSTA = 1
	}
	id.Power[0].MaxPower = 2500 // 25 W, what a slot of a server gives a drive [R]
	copy(id.Power[:], p.Power)
	return id
}

// common is what is the same for all namespaces, also those to be made.
func (c *Controller) common() spec.Namespace {
	n := spec.Namespace{NSFEAT: spec.NSFEATUniqueID | spec.NSFEATPerf, FPI: 0x80,
		DLFEAT: spec.DLFEATZero | spec.DLFEATWZDeac, NPWG: 7, NPWA: 7, NPDG: 7, NPDA: 7,
		RESCAP: 0xff, MSSRL: copyRange, MCL: copyAll, MSRC: copyRanges - 1}
	for i, f := range formats {
		n.LBADS[i], n.RP[i] = f.shift, f.performance
	}
	return n
}

func (c *Controller) namespace(ns *namespace) spec.Namespace {
	n := c.common()
	n.Size, n.Capacity, n.Used, n.FLBAS = ns.Blocks, ns.Blocks, ns.Blocks, ns.Format
	n.NVMCAP, n.FPI, n.NSATTR = ns.Bytes, ns.formatLeft(c.eng.Now()), ns.attributes()
	if ns.shift == 12 {
		n.NPWG, n.NPWA, n.NPDG, n.NPDA = 0, 0, 0, 0
	}
	n.NGUID = c.guid(ns)
	return n
}

// guid is NGUID: a vendor's name, then what tells drives and namespaces apart: the bus and a
// count of the namespaces ever made.
func (c *Controller) guid(n *namespace) (g [16]byte) {
	copy(g[:], "TOS-SIM")
	binary.BigEndian.PutUint32(g[8:], uint32(n.Serial)-1)
	g[15] = c.fn.Address().Bus
	return g
}
