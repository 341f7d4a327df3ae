package pcie

import (
	"tensoros/hw/reg"
	"tensoros/hw/spec/pcie"
	"tensoros/traces"
)

// agent is what has configuration space and reports errors: a function or a port.
type agent struct {
	fabric *Fabric
	config *reg.File
	path   string
	id     uint16 // requester ID: bus, device, function
	root   *Port  // root port that its messages reach; nil for a root port
}

func (a *agent) get(off, size int) uint64    { return a.config.Get(off, size) }
func (a *agent) set(off, size int, v uint64) { a.config.Set(off, size, v) }

func (a *agent) or(off, size int, bits uint64) { a.set(off, size, a.get(off, size)|bits) }

// report logs an error in Device Status and AER, and sends its message to the root complex if
// Device Control asks for it (PCIe 5.0, 6.2.6). t, if there is one, goes to the header log.
// advisory: the completer of a non-posted request leaves it to the requester to signal
// (6.2.3.2.4.1).
func (a *agent) report(e *pcie.Error, t *tlp, advisory bool) {
	if f := a.fabric; f.rec != nil {
		f.rec.Mark(traces.PCIeError, f.rec.Track(a.path), f.eng.Now(), f.rec.Text(e.Name))
	}
	status := pcie.ExpressAt + pcie.ExpDevSta
	if e == &pcie.Unsupported {
		a.or(status, 2, pcie.DevStaUnsupported)
	}
	if e.Correctable {
		a.correctable(e)
		return
	}
	bit := uint64(1) << e.Bit
	fatal := a.get(pcie.AERAt+pcie.AERSeverity, 4)&bit != 0
	masked := a.get(pcie.AERAt+pcie.AERMask, 4)&bit != 0
	seen := a.get(pcie.AERAt+pcie.AERUncorrectable, 4)
	a.or(pcie.AERAt+pcie.AERUncorrectable, 4, bit)
	if seen == 0 && !masked {
		a.log(e, t)
	}
	switch {
	case fatal:
		a.or(status, 2, pcie.DevStaFatal)
	case advisory:
		a.correctable(&pcie.Advisory)
		return
	default:
		a.or(status, 2, pcie.DevStaNonFatal)
	}
	if masked {
		return
	}
	enable := uint64(pcie.DevStaNonFatal)
	if fatal {
		enable = pcie.DevStaFatal
	}
	if a.get(devCtlAt, 2)&enable != 0 || a.get(pcie.Command, 2)&pcie.CommandSERR != 0 {
		a.or(pcie.Status, 2, pcie.StatusSignaledError)
		a.message(e, fatal)
	}
}

func (a *agent) correctable(e *pcie.Error) {
	bit := uint64(1) << e.Bit
	a.or(pcie.ExpressAt+pcie.ExpDevSta, 2, pcie.DevStaCorrectable)
	a.or(pcie.AERAt+pcie.AERCorrectable, 4, bit)
	masked := a.get(pcie.AERAt+pcie.AERCorMask, 4)&bit != 0
	if !masked && a.get(devCtlAt, 2)&pcie.DevStaCorrectable != 0 {
		a.message(e, false)
	}
}

// log stores the first error's number and the header of its packet.
func (a *agent) log(e *pcie.Error, t *tlp) {
	a.set(pcie.AERAt+pcie.AERControl, 4, uint64(e.Bit))
	var h [4]uint32
	if t != nil {
		h = t.header()
	}
	for i, v := range h {
		a.set(pcie.AERAt+pcie.AERHeader+4*i, 4, uint64(v))
	}
}

// message is ERR_COR, ERR_NONFATAL or ERR_FATAL at the root port, which makes it a finding.
func (a *agent) message(e *pcie.Error, fatal bool) {
	root := a.root
	name, bits, shift := "ERR_NONFATAL", uint64(pcie.RootFatal|pcie.RootNonFatalMsg), 16
	switch {
	case e.Correctable:
		name, bits, shift = "ERR_COR", pcie.RootCorrectable, 0
	case fatal:
		name, bits = "ERR_FATAL", pcie.RootFatal|pcie.RootFatalMsg
	}
	if root != nil {
		const at = pcie.AERAt + pcie.AERRootSource
		if first := bits & (pcie.RootCorrectable | pcie.RootFatal); root.get(at-4, 4)&first == 0 {
			root.set(at+shift/8, 2, uint64(a.id))
		}
		root.or(at-4, 4, bits)
	}
	a.fabric.find(e.Rule, a.path, "%s: %s", name, e.Name)
}

// header is the header of the (first) packet: fmt and type, length, requester, tag, address
// (PCIe 5.0, 2.2.1).
func (t *tlp) header() (h [4]uint32) {
	const data, long = 2 << 29, 1 << 29
	id := uint32(0)
	if t.from != nil {
		id = uint32(t.from.id)
	}
	dwords := uint32(min(t.piece, t.size)+int(t.addr&3)+3) / 4 & 0x3ff
	h[0] = dwords
	if t.poison {
		h[0] |= 1 << 14
	}
	h[1] = id<<16 | t.read&0xff<<8 | 0xff
	switch t.kind {
	case memWrite, memRead:
		if t.kind == memWrite {
			h[0] |= data
		}
		if t.addr>>32 == 0 {
			h[2] = uint32(t.addr) &^ 3
			break
		}
		h[0] |= long
		h[2], h[3] = uint32(t.addr>>32), uint32(t.addr)&^3
	case cfgRead, cfgWrite:
		h[0] = 5<<24 | 1
		if t.kind == cfgWrite {
			h[0] |= data
		}
		h[2] = uint32(t.addr) & 0xffc
		if t.target != nil {
			h[2] |= uint32(t.target.id) << 16
		}
	case completion:
		h[0] |= data | 10<<24
		h[1] = uint32(t.status)<<13 | uint32(t.size)&0xfff
		h[2] = id<<16 | t.read&0xff<<8 | uint32(t.addr)&0x7f
	}
	return h
}

// refuse turns a request into a completion without data, or lets a posted one vanish. by is who
// refuses it: nil for the host.
func (f *Fabric) refuse(t *tlp, by *agent, status pcie.CompletionStatus) {
	e := &pcie.Unsupported
	if status == pcie.CompleterAbort {
		e = &pcie.Abort
	}
	if by != nil {
		by.report(e, t, t.kind != memWrite)
		if status == pcie.CompleterAbort && t.kind != memWrite {
			by.or(pcie.Status, 2, pcie.StatusSignaledAbort)
		}
	}
	t.status = status
}

// failed notes at the requester that its request was refused; it sees all ones.
func (f *Fabric) failed(t *tlp) {
	if fn := t.target; fn != nil {
		bit := uint64(pcie.StatusMasterAbort)
		if t.status == pcie.CompleterAbort {
			bit = pcie.StatusTargetAbort
		}
		fn.or(pcie.Status, 2, bit)
	}
}

// expire is a completion timeout: nothing comes back, the requester reads all ones.
func (f *Fabric) expire(t *tlp) {
	r := &f.reads[t.read]
	if t.from != nil {
		t.from.report(&pcie.CompletionTimeout, t, false)
	} else {
		f.find(pcie.CompletionTimeout.Rule, "cpu", "%d byte read of %#x is not answered", t.size,
			t.addr)
	}
	n := min(t.size, len(r.buf)-t.offset)
	t.data = ones(n)
	f.complete(t)
}
