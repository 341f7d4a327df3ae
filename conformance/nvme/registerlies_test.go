package nvme_test

import (
	spec "tensoros/hw/spec/nvme"
)

// enabled reports whether the controller is.
func enabled(l *liar) bool { return l.bar.Read32(spec.CC)&1 == 1 }

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// drops leaves out writes of a register.
func drops(off int) func(*liar, int, uint64) (uint64, bool) {
	return func(_ *liar, at int, v uint64) (uint64, bool) { return v, at != off }
}

// registerLies are the ways to be wrong about registers, resets, doorbells and interrupts.
var registerLies = []lie{
	{name: "CAP of nonsense", read: reads(spec.CAP, func(_ *liar, v uint64) uint64 {
		return v&^0xffff | 1<<20
	}), fails: "registers/cap-mqes registers/cap-reserved"},
	{name: "no command set", read: func(_ *liar, off int, v uint64) uint64 {
		if off == spec.CAP+4 {
			return v&^(0xff<<5) | 0xf<<16
		}
		return v
	}, fails: "registers/cap-css registers/cap-pages"},
	{name: "version 9", read: reads(spec.VS, func(_ *liar, v uint64) uint64 { return 0x90000 }),
		fails: "registers/version-known registers/version-identity"},
	{name: "CAP written", read: func(l *liar, off int, v uint64) uint64 {
		if off == spec.CAP+4 && !enabled(l) && l.bar.Read32(spec.AQA) != 0 {
			count++
			return v ^ uint64(count&1)<<29
		}
		return v
	}, fails: "registers/cap-read-only"},
	{name: "VS counts", read: reads(spec.VS, func(_ *liar, v uint64) uint64 {
		count++
		return v + uint64(count&1)
	}), fails: "registers/version-read-only"},
	{name: "reserved bits", read: func(_ *liar, off int, v uint64) uint64 {
		switch off {
		case spec.CC:
			return v | 2
		case spec.AQA:
			return v | 0x1000
		case spec.ASQ, spec.ACQ:
			return v | 1
		case spec.CSTS:
			return v | 0x80
		case 0x18, spec.NSSR, spec.CMBSZ:
			return 1
		}
		return v
	}, fails: "registers/cc-reserved registers/aqa-reserved registers/asq-low registers/acq-low " +
		"registers/csts-reserved registers/reserved-register registers/nssr-reads-zero " +
		"registers/no-memory-buffer registers/aqa-kept registers/asq-kept registers/acq-kept"},
	{name: "CC forgets", read: reads(spec.CC, func(_ *liar, v uint64) uint64 {
		return v &^ (0xf << 16)
	}), fails: "registers/cc-kept"},
	{name: "CSTS counts", read: reads(spec.CSTS, func(_ *liar, v uint64) uint64 {
		count++
		return v ^ uint64(count&1)<<5
	}), fails: "registers/csts-read-only"},
	{name: "no CRTO", read: reads(spec.CRTO, func(*liar, uint64) uint64 { return 0 }),
		fails: "registers/ready-with-media"},
	{name: "ready again", read: reads(spec.CSTS, func(l *liar, v uint64) uint64 {
		if v&1 == 0 && !enabled(l) {
			l.told++
			return v | truth(l.told > 1)
		}
		return v
	}), fails: "enable/not-ready"},
	{name: "ready whatever", read: reads(spec.CSTS, func(l *liar, v uint64) uint64 {
		return v | v>>1&1
	}), fails: "enable/bad-page-size enable/admin-queue-of-one"},
	{name: "never shut down", read: reads(spec.CSTS, func(_ *liar, v uint64) uint64 {
		return v &^ 0xc
	}), fails: "enable/shutdown enable/abrupt-shutdown enable/shutdown-keeps-data"},
	{name: "shut down for good", read: reads(spec.CSTS, func(_ *liar, v uint64) uint64 {
		return v | 0x8
	}), fails: "enable/shutdown enable/abrupt-shutdown"},
	{name: "fatal", read: reads(spec.CSTS, func(l *liar, v uint64) uint64 {
		if v&1 == 1 && enabled(l) {
			l.told++
			return v | truth(l.told > 1)<<1
		}
		return v
	}), fails: "enable/ready admin/keep-alive-kept"},
	{name: "another class", config: func(off int, v uint32) uint32 {
		switch off {
		case 8:
			return v ^ 1<<8
		case 0x10:
			return v | 1
		}
		return v
	}, fails: "registers/class registers/bar"},
	{name: "requests that do not wait", sent: sentTo(true, spec.AsyncEvent,
		func(c *spec.Command) { c.Opcode = spec.KeepAlive }),
		fails: "events/requests-after-reset events/no-timeout"},
	{name: "never fatal", read: reads(spec.CSTS, func(_ *liar, v uint64) uint64 {
		return v &^ 2
	}), fails: "admin/keep-alive-expires"},
	{name: "admin registers reset", read: func(l *liar, off int, v uint64) uint64 {
		if (off == spec.AQA || off == spec.ASQ || off == spec.ACQ) && !enabled(l) {
			return 0
		}
		return v
	}, fails: "enable/admin-registers-kept registers/aqa-kept registers/wide-writes"},
	{name: "AQA survives", read: reads(spec.AQA, func(_ *liar, v uint64) uint64 {
		return v | 0x10001
	}), fails: "enable/function-level"},
	{name: "no subsystem reset", write: drops(spec.NSSR), fails: "enable/subsystem"},
	{name: "no command sets told", write: func(_ *liar, off int, v uint64) (uint64, bool) {
		if off == spec.CC && v>>4&7 == 7 {
			return v&^0x70 | 0x500001, true
		}
		if off == spec.CC && v>>11&7 == 1 {
			return v &^ (7 << 11), true
		}
		return v, true
	}, fails: "enable/weighted"},
	{name: "pages of 4 KiB", write: func(_ *liar, off int, v uint64) (uint64, bool) {
		if off == spec.CC {
			v &^= 0xf << 7
		}
		return v, true
	}, fails: "enable/pages enable/bad-page-size"},
	{name: "doorbells of 8 bits", write: func(_ *liar, off int, v uint64) (uint64, bool) {
		return v, off < spec.Doorbells || off >= 0x2000 || v < 8
	}, fails: "events/bad-tail events/bad-head events/masked events/unmasked"},
	{name: "doorbells of nobody ignored", write: func(l *liar, off int, v uint64) (uint64, bool) {
		return v, off < spec.Doorbells+24 || off >= spec.Doorbells+32
	}, fails: "events/no-such-queue events/no-such-completion-queue"},
	{name: "bad doorbells clamped", write: func(l *liar, off int, v uint64) (uint64, bool) {
		if off == spec.Doorbells+8 && (v == 9 || v == 8) {
			return 0, true
		}
		return v, true
	}, fails: "events/bad-tail-does-nothing"},
	{name: "heads beside", write: func(l *liar, off int, v uint64) (uint64, bool) {
		return v, off < spec.Doorbells || off >= 0x2000 || (off-spec.Doorbells)%8 == 0
	}, fails: "queues/completion-queue-full queues/wrap queues/smallest"},
	{name: "no interrupts", irq: func(int) int { return -1 },
		fails: "interrupts/own-vector interrupts/admin-vector interrupts/shared-vector " +
			"interrupts/many-vectors interrupts/masked interrupts/last-vector " +
			"interrupts/coalesced interrupts/not-coalesced interrupts/vector-apart"},
	{name: "one vector", irq: func(int) int { return 1 },
		fails: "interrupts/admin-vector interrupts/vector-apart interrupts/many-vectors"},
	{name: "interrupts anyway", sent: sentTo(true, spec.CreateCQ, func(c *spec.Command) {
		c.CDW11 |= 2
	}), fails: "interrupts/disabled"},
	{name: "vectors beyond", sent: sentTo(true, spec.CreateCQ, func(c *spec.Command) {
		c.CDW11 &^= 0xffe0 << 16
	}), fails: "queues/cq-vector"},
	{name: "foreign identifiers", done: func(_ *liar, _ bool, _ *spec.Command,
		e *spec.Completion) {
		e.CID += 0x100
	}, fails: "queues/same-identifier-in-two-queues queues/identifier-in-use"},
}
