package nvme_test

import (
	spec "tensoros/hw/spec/nvme"
)

// onData changes the data of an admin command that succeeded, where it does not cross a page.
func onData(op uint8, cdw10mask, cdw10 uint32, f func(p []byte)) func(*liar, bool, *spec.Command,
	*spec.Completion) {
	return func(l *liar, admin bool, c *spec.Command, e *spec.Completion) {
		if p := l.at(c.PRP1); admin && c.Opcode == op && c.CDW10&cdw10mask == cdw10 &&
			e.Status.OK() && p != nil {
			f(p)
		}
	}
}

// sentTo changes commands of an opcode.
func sentTo(admin bool, op uint8, f func(c *spec.Command)) func(bool, *spec.Command) {
	return func(a bool, c *spec.Command) {
		if a == admin && c.Opcode == op {
			f(c)
		}
	}
}

// reads changes what a register reads as.
func reads(off int, f func(l *liar, v uint64) uint64) func(*liar, int, uint64) uint64 {
	return func(l *liar, at int, v uint64) uint64 {
		if at == off {
			return f(l, v)
		}
		return v
	}
}

// status changes the status of all completions.
func status(f func(s spec.Status) spec.Status) func(*liar, bool, *spec.Command, *spec.Completion) {
	return func(_ *liar, _ bool, _ *spec.Command, e *spec.Completion) { e.Status = f(e.Status) }
}

// lies are the ways to be wrong.
var lies = []lie{
	{name: "all fails", done: status(func(s spec.Status) spec.Status {
		if s.OK() {
			return spec.InternalError
		}
		return s
	}), fails: "enable/again-and-again queues/wrap io/flush prp/admin-over-a-page"},
	{name: "all succeeds", done: status(func(spec.Status) spec.Status { return spec.Success }),
		fails: "queues/cq-zero queues/sq-without-cq identify/reserved-cns io/nsid-zero " +
			"features/queues-late logs/unknown io/read-beyond admin/fabrics events/request-limit " +
			"sgl/too-short namespaces/attach-twice io/compare-differs admin/commit-slot"},
	{name: "another status", done: status(func(s spec.Status) spec.Status {
		if s.OK() {
			return s
		}
		return spec.WriteFault
	}), fails: "queues/delete-cq-in-use io/illegal-opcode"},
	{name: "no DNR", done: status(func(s spec.Status) spec.Status { return s &^ spec.DNR }),
		fails: "admin/do-not-retry"},
	{name: "DNR always", done: status(func(s spec.Status) spec.Status { return s | spec.DNR }),
		fails: "admin/success-is-plain"},
	{name: "head stands", done: func(_ *liar, _ bool, _ *spec.Command, e *spec.Completion) {
		e.SQHD = 0
	}, fails: "queues/wrap queues/completion-belongs enable/first-entry admin/in-order-of-heads"},
	{name: "head ahead", done: func(_ *liar, _ bool, _ *spec.Command, e *spec.Completion) {
		e.SQHD++
	}, fails: "queues/wrap io/flush"},
	{name: "queue 0", done: func(_ *liar, _ bool, _ *spec.Command, e *spec.Completion) {
		e.SQID = 0
	}, fails: "queues/several-queues queues/shared-completion-queue"},
	{name: "another command", done: func(_ *liar, _ bool, _ *spec.Command, e *spec.Completion) {
		e.CID ^= 1
	}, fails: "queues/identifiers queues/completion-belongs"},
	{name: "old phase", done: func(_ *liar, admin bool, _ *spec.Command, e *spec.Completion) {
		e.Phase = e.Phase && admin
	}, fails: "queues/smallest"},
	{name: "twice", done: func(l *liar, admin bool, c *spec.Command, e *spec.Completion) {
		if q := l.cqs[1]; q != nil && !admin && q.next > 0 {
			twin := *e
			twin.Encode(l.at(q.at + uint64(q.next)*spec.CQELen))
		}
	}, fails: "queues/entries-once"},
	{name: "a byte too many", done: func(l *liar, admin bool, c *spec.Command,
		e *spec.Completion) {
		switch {
		case admin && c.Opcode == spec.Identify && e.Status.OK():
			if p := l.at(c.PRP1); p != nil {
				p[4096] ^= 0xff
			}
		case !admin && c.Opcode == spec.Read && e.Status.OK():
			if p := l.at(c.PRP1); p != nil {
				p[512*(c.CDW12&0xffff+1)] ^= 0xff
			}
		}
	}, fails: "prp/exactly prp/admin-exactly sgl/exactly"},
	{name: "into the guard", done: func(l *liar, _ bool, _ *spec.Command, _ *spec.Completion) {
		l.mem.Bytes()[100]++
	}, fails: "admin/keep-alive queues/smallest identify/namespace-zero"},
	{name: "wrong data", done: func(l *liar, admin bool, c *spec.Command, e *spec.Completion) {
		if p := l.at(c.PRP1); !admin && c.Opcode == spec.Read && p != nil && e.Status.OK() {
			p[511] ^= 1
		}
	}, fails: "io/round-trip prp/one-page io/depth enable/data-kept enable/shutdown-keeps-data " +
		"sgl/data-block io/force-unit-access io/queues-see-one-medium io/stamped-blocks"},
	{name: "source spoiled", done: func(l *liar, admin bool, c *spec.Command, _ *spec.Completion) {
		if p := l.at(c.PRP1); !admin && (c.Opcode == spec.Write || c.Opcode == spec.Compare) &&
			p != nil {
			p[7] ^= 1
		}
	}, fails: "prp/source-untouched io/compare-reads-nothing"},
	{name: "writes nothing", sent: sentTo(false, spec.Write, func(c *spec.Command) {
		c.Opcode = spec.Flush
	}), fails: "io/round-trip io/lengths prp/scattered-write prp/list-chained sgl/last-segment " +
		"sgl/chained-segments io/last-block"},
	{name: "another block", sent: sentTo(false, spec.Read, func(c *spec.Command) {
		c.CDW10 ^= 1
	}), fails: "io/stamped-blocks io/neighbours"},
	{name: "one block", sent: func(admin bool, c *spec.Command) {
		if !admin && (c.Opcode == spec.Read || c.Opcode == spec.Write) {
			c.CDW12 &^= 0xffff
		}
	}, fails: "io/lengths prp/two-pages prp/largest prp/over-a-page prp/list-to-its-end " +
		"io/write-beyond-writes-nothing"},
	{name: "half an address", sent: func(admin bool, c *spec.Command) {
		if !admin {
			c.CDW11 = 0
		}
	}, fails: "io/upper-half"},
	{name: "any namespace", sent: func(admin bool, c *spec.Command) {
		if !admin {
			c.NSID = 1
		}
	}, fails: "io/nsid-zero io/nsid-beyond io/nsid-inactive io/nsid-all io/flush-nsid"},
	{name: "no zeroes", sent: sentTo(false, spec.WriteZeroes, func(c *spec.Command) {
		c.Opcode = spec.Flush
	}), fails: "io/write-zeroes io/write-zeroes-deallocates io/write-zeroes-beyond"},
	{name: "no deallocation", sent: sentTo(false, spec.DSM, func(c *spec.Command) {
		c.CDW11 = 0
	}), fails: "io/deallocate"},
	{name: "too much deallocation", sent: sentTo(false, spec.DSM, func(c *spec.Command) {
		c.CDW11 |= spec.DSMDealloc
	}), fails: "io/advice-only"},
	{name: "flush for DSM and Copy", sent: func(admin bool, c *spec.Command) {
		if !admin && (c.Opcode == spec.DSM || c.Opcode == spec.Copy || c.Opcode == spec.Verify) {
			c.Opcode = spec.Flush
		}
	}, fails: "io/deallocate-beyond io/copy io/copy-beyond io/copy-to-beyond io/verify-beyond"},
	{name: "nothing is uncorrectable", sent: sentTo(false, spec.WriteUncorrectable,
		func(c *spec.Command) { c.Opcode = spec.Flush }),
		fails: "io/uncorrectable io/uncorrectable-beyond"},
	{name: "uncorrectable for good", sent: sentTo(false, spec.Write, func(c *spec.Command) {
		c.Opcode, c.PRP1, c.PRP2 = spec.WriteUncorrectable, 0, 0
	}), fails: "io/uncorrectable-heals io/deallocated-then-written"},
	{name: "fused apart", sent: func(admin bool, c *spec.Command) {
		if !admin {
			c.Flags &^= 3
		}
	}, fails: "io/compare-and-write-fails io/fused-alone admin/reserved-fuse"},
	{name: "flags ignored", sent: func(_ bool, c *spec.Command) { c.Flags = 0 },
		fails: "sgl/admin-psdt sgl/psdt-reserved admin/fused-admin sgl/bad-type"},
	{name: "one PRP", sent: func(_ bool, c *spec.Command) { c.PRP2 = 0 },
		fails: "prp/two-pages prp/list-at-an-offset prp/scattered prp/largest " +
			"prp/admin-over-a-page logs/two-pages"},
	{name: "offsets dropped", sent: func(admin bool, c *spec.Command) {
		if !admin && c.CDW12&0xffff > 0 {
			c.PRP2 &^= 0xfff
		}
	}, fails: "prp/second-off-page prp/list-at-an-offset"},
	{name: "keys of nobody", sent: func(admin bool, c *spec.Command) {
		if !admin && (c.Opcode == spec.ReserveRegister || c.Opcode == spec.ReserveAcquire) {
			c.Opcode = spec.Flush
		}
	}, fails: "io/register io/acquire io/acquire-unregistered"},
}
