package nvme

import (
	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
	"tensoros/sim/pcie"
)

// cmbBAR holds the controller memory buffer, alone and from offset 0 on.
const cmbBAR = 2

// cmbAccess is what the controller takes for an access to its own memory [D].
const cmbAccess = 100 * sim.Nanosecond

// cmb is the controller memory buffer: memory of the controller that the host reaches through a
// BAR, for queues, lists and data (Base, 3.1.3.11 and 8.5).
type cmb struct {
	mem  []byte
	base uint64 // CBA
	on   bool   // CMSE: addresses from base on are its own
}

func newCMB(size uint64) *cmb { return &cmb{mem: make([]byte, size)} }

// reset leaves the contents undefined; here they stay.
func (m *cmb) reset() { m.on, m.base = false, 0 }

func (m *cmb) read(off uint64, p []byte) {
	if m != nil && off < uint64(len(m.mem)) {
		copy(p, m.mem[off:])
	}
}

func (m *cmb) write(off uint64, p []byte) {
	if m != nil && off < uint64(len(m.mem)) {
		copy(m.mem[off:], p)
	}
}

// control follows a write of CMBMSC: with CRE the location and size are to be seen, with CMSE the
// buffer answers at CBA.
func (m *cmb) control(c *Controller) {
	v := c.regs.Get(spec.CMBMSC, 8)
	loc, size := uint64(0), uint64(0)
	if spec.CMBCRE.Get(v) == 1 {
		loc = spec.CMBBIR.Put(loc, cmbBAR)
		for _, f := range []interface{ Mask() uint64 }{spec.CMBCQMM, spec.CMBCQPD, spec.CMBCDPM,
			spec.CMBCDPC} {
			loc |= f.Mask()
		}
		for _, f := range []interface{ Mask() uint64 }{spec.CMBSQS, spec.CMBCQS, spec.CMBLS,
			spec.CMBRDS, spec.CMBWDS} {
			size |= f.Mask()
		}
		size = spec.CMBSZN.Put(size, uint64(len(m.mem))>>12)
	}
	c.regs.Set(spec.CMBLOC, 4, loc)
	c.regs.Set(spec.CMBSZ, 4, size)
	m.on = spec.CMBMSE.Get(v) == 1
	m.base = v & spec.CMBCBA.Mask()
}

// at is the buffer from a bus address on, if all n bytes lie in it.
func (m *cmb) at(addr uint64, n int) []byte {
	off := addr - m.base
	if size := uint64(len(m.mem)); !m.on || off >= size || uint64(n) > size-off {
		return nil
	}
	return m.mem[off : off+uint64(n)]
}

// straddles reports a range that begins in the buffer and ends beyond it, which has a status.
func (m *cmb) straddles(addr uint64, n int) bool {
	off, size := addr-m.base, uint64(len(m.mem))
	return m.on && off < size && uint64(n) > size-off
}

// readBus fills buf from a bus address: the buffer's own, or over the link.
func (c *Controller) readBus(addr uint64, buf []byte, done pcie.Done) {
	if c.cmb != nil {
		if p := c.cmb.at(addr, len(buf)); p != nil {
			copy(buf, p)
			c.eng.At(c.eng.Now()+cmbAccess, done.To, done.Kind, done.Arg)
			return
		}
	}
	c.fn.Read(addr, buf, done)
}

// writeBus posts p to a bus address: the buffer's own, or over the link.
func (c *Controller) writeBus(addr uint64, p []byte, done pcie.Done) {
	if c.cmb != nil {
		if to := c.cmb.at(addr, len(p)); to != nil {
			copy(to, p)
			if done.To != nil {
				c.eng.At(c.eng.Now()+cmbAccess, done.To, done.Kind, done.Arg)
			}
			return
		}
	}
	c.fn.Write(addr, p, done)
}
