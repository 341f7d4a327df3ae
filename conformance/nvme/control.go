package nvme

import (
	"fmt"

	"tensoros/conformance/script"
	"tensoros/hw"
	"tensoros/hw/pci"
	spec "tensoros/hw/spec/nvme"
)

// readyTime is the worst wait for CSTS.RDY, and a second for a controller that tells none.
func (h *host) readyTime() hw.Time {
	units := spec.CapTO.Get(h.bar.Read64(spec.CAP))
	return max(1000, hw.Time(units)*spec.ReadyUnit) * millisecond
}

// await waits until CSTS.RDY has a value, or CSTS.CFS is set.
func (h *host) await(ready uint64) error {
	limit := h.readyTime()
	for start := h.cpu.Now(); ; {
		v := uint64(h.bar.Read32(spec.CSTS))
		switch {
		case spec.CSTSRDY.Get(v) == ready:
			return nil
		case ready == 1 && spec.CSTSCFS.Get(v) == 1:
			return script.Failure("CSTS.CFS is set: CSTS is %#x", v)
		case h.cpu.Now()-start > limit:
			return script.Failure("CSTS.RDY is not %d within %d ms: CSTS is %#x", ready,
				limit/millisecond, v)
		}
		h.turn(start, limit)
	}
}

// disable resets the controller.
func (h *host) disable() error {
	h.bar.Write32(spec.CC, h.bar.Read32(spec.CC)&^uint32(spec.CCEN.Mask()))
	return h.await(0)
}

// setup writes the admin queue registers, and forgets all queues.
func (h *host) setup(sqSize, cqSize int) {
	h.sqs, h.cqs = map[int]*sq{}, map[int]*cq{}
	h.left, h.done = map[uint32]int{}, h.done[:0]
	h.next, h.guards = h.queues, h.guards[:h.fixed]
	h.drain()
	clear(h.irqs)
	clear(h.bytes(h.acq, cqSize*spec.CQELen))
	h.bar.Write32(spec.AQA, uint32(spec.AQASQS.Put(0, uint64(sqSize-1))|
		spec.AQACQS.Put(0, uint64(cqSize-1))))
	h.write64(spec.ASQ, h.asq)
	h.write64(spec.ACQ, h.acq)
	h.sqs[0] = &sq{at: h.asq, size: sqSize}
	h.cqs[0] = &cq{at: h.acq, size: cqSize, phase: true}
}

// write64 writes a register in two halves, as Linux does.
func (h *host) write64(off int, v uint64) {
	h.bar.Write32(off, uint32(v))
	h.bar.Write32(off+4, uint32(v>>32))
}

// defaultCC is the configuration that cases start with, without EN: the NVM command set, pages of
// 4 KiB, entries of 64 and 16 bytes.
func (h *host) defaultCC() uint32 {
	v := spec.CCIOSQES.Put(0, spec.SQELog)
	v = spec.CCIOCQES.Put(v, spec.CQELog)
	return uint32(v)
}

// enable starts the controller with admin queues of a size.
func (h *host) enable(cc uint32) error {
	h.setup(adminSize, adminSize)
	h.bar.Write32(spec.CC, cc|uint32(spec.CCEN.Mask()))
	return h.await(1)
}

// restart brings the controller into the state that each case starts from; one that does not
// answer is reset as a function.
func (h *host) restart() error {
	h.dstrd = h.stride()
	h.unmaskAll()
	err := h.disable()
	if err == nil {
		err = h.enable(h.defaultCC())
	}
	if err == nil {
		return nil
	}
	if flr := h.flr(); flr != nil {
		return fmt.Errorf("%w; and %w", err, flr)
	}
	if err := h.disable(); err != nil {
		return err
	}
	return h.enable(h.defaultCC())
}

// flr is a function level reset, after which decoding and mastering are turned on again.
func (h *host) flr() error {
	err := h.fn.Reset()
	h.pause(100 * millisecond) // PCIe 5.0, 6.6.2
	pci.Enable(h.cfg)
	return err
}

// control does the verbs that start and stop the controller.
func (s *suite) control(verb string, a *script.Args) (known bool, err error) {
	wait, err := a.Key("wait", 1)
	if err != nil {
		return true, err
	}
	switch verb {
	case "enable":
		return true, s.enableAs(a, wait == 1)
	case "disable":
		if wait == 0 {
			cc := s.bar.Read32(spec.CC)
			s.bar.Write32(spec.CC, cc&^uint32(spec.CCEN.Mask()))
			return true, nil
		}
		return true, s.disable()
	case "reset":
		if err := s.disable(); err != nil {
			return true, err
		}
		return true, s.enable(s.defaultCC())
	case "flr":
		if err := s.flr(); err != nil {
			return true, fmt.Errorf("%w: %w", script.ErrSkip, err)
		}
	case "nssr":
		if spec.CapNSSRS.Get(s.bar.Read64(spec.CAP)) == 0 {
			return true, fmt.Errorf("%w: CAP.NSSRS is zero", script.ErrSkip)
		}
		s.bar.Write32(spec.NSSR, spec.NSSRMagic)
	default:
		return false, nil
	}
	return true, nil
}

// enableAs is enable with what a case wants different: cc, the sizes of the admin queues sq and cq
// in entries, and after= that, aqa, asq and acq as they are.
func (s *suite) enableAs(a *script.Args, wait bool) error {
	vals := map[string]uint64{"cc": uint64(s.defaultCC()), "sq": adminSize, "cq": adminSize}
	for k := range vals {
		v, err := a.Key(k, vals[k])
		if err != nil {
			return err
		}
		vals[k] = v
	}
	if vals["sq"]-1 > 4095 || vals["cq"]-1 > 4095 {
		return fmt.Errorf("admin queues have from 1 to 4096 entries")
	}
	s.setup(int(vals["sq"]), int(vals["cq"]))
	for _, r := range []struct {
		key  string
		off  int
		wide bool
	}{{"aqa", spec.AQA, false}, {"asq", spec.ASQ, true}, {"acq", spec.ACQ, true}} {
		v, err := a.Key(r.key, 0)
		switch {
		case err != nil:
			return err
		case !a.Has(r.key):
		case r.wide:
			s.write64(r.off, v)
		default:
			s.bar.Write32(r.off, uint32(v))
		}
	}
	s.bar.Write32(spec.CC, uint32(vals["cc"])|uint32(spec.CCEN.Mask()))
	if !wait {
		return nil
	}
	return s.await(1)
}
