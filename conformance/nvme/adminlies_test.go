package nvme_test

import (
	spec "tensoros/hw/spec/nvme"
)

// adminLies are the ways to be wrong about admin commands.
var adminLies = []lie{
	{name: "other vendor", early: true, done: onData(spec.Identify, 0xff, spec.CNSController,
		func(p []byte) { p[0] ^= 1 }), fails: "identify/vendor"},
	{name: "bad identity", early: true, done: onData(spec.Identify, 0xff, spec.CNSController,
		func(p []byte) {
			p[4], p[80], p[111], p[512], p[513], p[258], p[259] = 0, 9, 7, 0x55, 0x33, 0, 0
			p[260], p[516], p[517], p[540], p[266], p[257] = 0, 0, 0, 1, 0, 0xf0|p[257]
			p[296+7], p[768], p[2048], p[2049], p[267] = 1, 'x', 0, 0, 0
		}), fails: "identify/strings registers/version-identity identify/entry-sizes " +
		"identify/controller-type identify/namespaces identify/firmware-slots " +
		"identify/temperatures identify/capacity identify/qualified-name " +
		"identify/reserved-oacs identify/power-states events/aer-limits " +
		"events/abort-limit-told"},
	{name: "never the same", done: onData(spec.Identify, 0xff, spec.CNSController,
		func(p []byte) { count++; p[200] = count }), fails: "identify/same-twice"},
	{name: "bad namespace", early: true, done: onData(spec.Identify, 0xff, spec.CNSNamespace,
		func(p []byte) { p[15], p[128+4*15], p[29], p[26] = 0xff, 1, 1, 1 }),
		fails: "identify/namespace identify/formats identify/protection " +
			"identify/namespace-inactive"},
	{name: "other structures", done: func(l *liar, admin bool, c *spec.Command,
		e *spec.Completion) {
		p := l.at(c.PRP1)
		if !admin || c.Opcode != spec.Identify || !e.Status.OK() || p == nil {
			return
		}
		switch c.CDW10 & 0xff {
		case spec.CNSControllerCSI:
			p[100] = 1
		case spec.CNSNamespaceGeneral:
			p[14] = 0
		case spec.CNSAllocated, spec.CNSControllers, spec.CNSAttached:
			p[0], p[2] = 0, p[2]^1
		case spec.CNSAllocatedIdentify:
			p[0] ^= 1
		case spec.CNSCommandSets:
			p[0] = 0
		case spec.CNSDescriptors:
			p[1] = 7
		}
	}, fails: "identify/limits identify/namespace-general identify/allocated " +
		"identify/controllers identify/attached-controllers identify/allocated-identify " +
		"enable/command-sets identify/descriptors"},
	{name: "no descriptors", done: onData(spec.Identify, 0xff, spec.CNSDescriptors,
		func(p []byte) { p[0] = 9 }), fails: "identify/descriptors-one"},
	{name: "no identifiers", done: func(l *liar, admin bool, c *spec.Command,
		e *spec.Completion) {
		if p := l.at(c.PRP1); admin && c.Opcode == spec.Identify && p != nil {
			if c.CDW10&0xff == spec.CNSNamespace {
				clear(p[104:128])
			}
		}
	}, fails: "identify/unique-identifier"},
	{name: "lists from the start", sent: sentTo(true, spec.Identify, func(c *spec.Command) {
		if c.CDW10&0xff == spec.CNSActive || c.CDW10&0xff == spec.CNSControllers {
			c.NSID, c.CDW10 = 0, c.CDW10&0xff
		}
	}), fails: "identify/active-list-above identify/active-list-bounds identify/controllers-above"},
	{name: "lists unsorted", done: onData(spec.Identify, 0xff, spec.CNSActive,
		func(p []byte) { le.PutUint32(p[8:], 1) }), fails: "identify/active-list"},
	{name: "common is nothing", done: onData(spec.Identify, 0xff, spec.CNSNamespace,
		func(p []byte) { p[25] = 15 }), fails: "identify/namespace-common"},
	{name: "fails but writes", done: func(l *liar, admin bool, c *spec.Command,
		e *spec.Completion) {
		if p := l.at(c.PRP1); admin && !e.Status.OK() && p != nil {
			p[0] = 0
		}
	}, fails: "identify/failed-writes-nothing"},
	{name: "sets nothing", sent: sentTo(true, spec.SetFeatures, func(c *spec.Command) {
		c.Opcode, c.CDW10 = spec.GetFeatures, c.CDW10&0xff
	}), fails: "features/arbitration features/temperature features/coalescing features/vector " +
		"features/atomicity features/event-configuration features/power-states " +
		"features/timestamp features/keep-alive features/host-identifier features/saved " +
		"features/write-cache features/power-transitions features/host-behavior " +
		"features/write-protect features/error-recovery features/queues-late " +
		"features/not-saveable features/temperature-under enable/features-default " +
		"features/queues-65535"},
	{name: "no select", sent: sentTo(true, spec.GetFeatures, func(c *spec.Command) {
		c.CDW10 &= 0xff
	}), fails: "features/default features/reserved-select features/capabilities"},
	{name: "saves nothing", sent: sentTo(true, spec.SetFeatures, func(c *spec.Command) {
		c.CDW10 &= 0x7fffffff
	}), fails: "features/saved features/not-saveable"},
	{name: "features of all", sent: func(admin bool, c *spec.Command) {
		if admin && (c.Opcode == spec.SetFeatures || c.Opcode == spec.GetFeatures) {
			c.NSID = 1
			if c.CDW10&0xff != spec.FeatRecovery {
				c.NSID = 0
			}
		}
	}, fails: "features/not-of-a-namespace features/namespace-missing features/namespace-invalid"},
	{name: "wrong values", done: func(_ *liar, admin bool, c *spec.Command, e *spec.Completion) {
		if admin && c.Opcode == spec.GetFeatures && e.Status.OK() {
			e.Result ^= 0x1f
		}
	}, fails: "features/queues features/temperature-default"},
	{name: "namespace capability", done: func(_ *liar, admin bool, c *spec.Command,
		e *spec.Completion) {
		if admin && c.Opcode == spec.GetFeatures && c.CDW10>>8&7 == 3 {
			e.Result |= 2
		}
	}, fails: "features/namespace-capability"},
	{name: "clock stands", done: onData(spec.GetFeatures, 0xff, spec.FeatTimestamp,
		func(p []byte) { le.PutUint64(p, 1000000|1<<49) }),
		fails: "features/timestamp features/timestamp-runs"},
	{name: "queues granted and not", done: func(_ *liar, admin bool, c *spec.Command,
		e *spec.Completion) {
		if admin && c.Opcode == spec.SetFeatures && c.CDW10&0xff == spec.FeatQueues {
			e.Result = 0x00010001
		}
	}, fails: "features/queues-most features/queues"},
	{name: "page from the start", sent: sentTo(true, spec.GetLogPage, func(c *spec.Command) {
		c.CDW12, c.CDW13 = 0, 0
	}), fails: "logs/offset logs/offset-odd logs/offset-beyond"},
	{name: "page too long", sent: sentTo(true, spec.GetLogPage, func(c *spec.Command) {
		c.CDW10 += 1 << 16
	}), fails: "logs/dwords"},
	{name: "page without an upper half", sent: sentTo(true, spec.GetLogPage,
		func(c *spec.Command) { c.CDW11 = 0 }), drive: "micron9550", fails: "logs/upper-half"},
	{name: "page always clears", sent: sentTo(true, spec.GetLogPage, func(c *spec.Command) {
		c.CDW10 &^= 1 << 15
	}), fails: "events/masked"},
	{name: "page never clears", sent: sentTo(true, spec.GetLogPage, func(c *spec.Command) {
		c.CDW10 |= 1 << 15
	}), fails: "events/unmasked"},
	{name: "SMART stands", done: onData(spec.GetLogPage, 0xff, spec.LogSMART, func(p []byte) {
		if len(p) > 200 {
			clear(p[32:192])
			p[1], p[2] = 0, 0
		}
	}), fails: "logs/smart-plausible logs/smart-counts-reads logs/smart-counts-writes " +
		"logs/smart-counts-units"},
	{name: "SMART counts too much", done: onData(spec.GetLogPage, 0xff, spec.LogSMART,
		func(p []byte) { count++; p[64], p[80], p[176] = count, count, count }),
		fails: "logs/smart-counts-reads logs/smart-counts-writes"},
	{name: "errors of others", done: onData(spec.GetLogPage, 0xff, spec.LogError,
		func(p []byte) { p[0]++; p[10]++ }),
		fails: "logs/error-entry logs/error-entry-of-io logs/error-order"},
	{name: "no firmware runs", done: onData(spec.GetLogPage, 0xff, spec.LogFirmware,
		func(p []byte) { p[0] = 0x88 }), fails: "logs/firmware-slots"},
	{name: "no effects", done: onData(spec.GetLogPage, 0xff, spec.LogEffects,
		func(p []byte) { clear(p[:4096]) }),
		fails: "logs/effects-mandatory logs/effects-admin-true logs/effects-io-true " +
			"logs/effects-optional"},
	{name: "pages unlisted", done: onData(spec.GetLogPage, 0xff, spec.LogSupported,
		func(p []byte) { clear(p[:64]); p[4*0x70] = 1 }),
		fails: "logs/supported-pages logs/supported-pages-rest"},
	{name: "pages of nonsense", done: func(l *liar, admin bool, c *spec.Command,
		e *spec.Completion) {
		p := l.at(c.PRP1)
		if !admin || c.Opcode != spec.GetLogPage || !e.Status.OK() || p == nil {
			return
		}
		switch c.CDW10 & 0xff {
		case spec.LogNamespaces:
			le.PutUint32(p, 9)
		case spec.LogSelfTest:
			p[0], p[4] = p[0]^1, 0
		case spec.LogTelemetry:
			p[8], p[10] = 9, 1
		case spec.LogSanitize:
			le.PutUint32(p, 0x00020001)
		}
	}, fails: "logs/changed-namespaces logs/self-test-idle logs/telemetry logs/sanitize-status " +
		"admin/self-test-runs admin/self-test-aborted admin/self-test-reset " +
		"admin/self-test-completes namespaces/change-is-told"},
	{name: "events of nothing", done: func(_ *liar, admin bool, c *spec.Command,
		e *spec.Completion) {
		if admin && c.Opcode == spec.AsyncEvent {
			e.Result = 0x7f0703
		}
	}, fails: "events/bad-tail events/bad-head events/no-such-queue " +
		"events/no-such-completion-queue events/unmasked events/event-before-request " +
		"features/temperature-event namespaces/change-is-told namespaces/sanitize-event"},
	{name: "aborts everything", done: func(_ *liar, admin bool, c *spec.Command,
		e *spec.Completion) {
		if admin && c.Opcode == spec.Abort {
			e.Result = 0
		}
	}, fails: "events/abort-unknown events/abort-of-done events/abort-no-queue"},
	{name: "aborts wrongly", done: func(_ *liar, admin bool, c *spec.Command,
		e *spec.Completion) {
		if admin && c.Opcode == spec.AsyncEvent && e.Status.Code() == spec.AbortRequested {
			e.Status = spec.Success
		}
	}, fails: "events/abort-of-event-request"},
	{name: "any queue", sent: func(admin bool, c *spec.Command) {
		if admin && (c.Opcode == spec.CreateCQ || c.Opcode == spec.CreateSQ) {
			if c.CDW10>>16 == 0 || c.CDW10>>16 == 0x400 {
				c.CDW10 = c.CDW10&0xffff | 15<<16
			}
			if c.CDW10&0xffff == 0 || c.CDW10&0xffff == 0xffff {
				c.CDW10 = c.CDW10&^0xffff | 7
			}
			c.CDW11, c.PRP1 = c.CDW11|1, c.PRP1&^0xfff
			if c.CDW11>>16 >= 32 && c.Opcode == spec.CreateCQ {
				c.CDW11 &= 0xffff
			}
		}
	}, fails: "queues/cq-zero queues/cq-of-one queues/cq-beyond queues/cq-scattered " +
		"queues/cq-off-page queues/sq-zero queues/sq-of-one queues/sq-beyond " +
		"queues/sq-scattered queues/sq-off-page"},
	{name: "deletes nothing", sent: func(admin bool, c *spec.Command) {
		if admin && (c.Opcode == spec.DeleteCQ || c.Opcode == spec.DeleteSQ) {
			c.Opcode = spec.KeepAlive
		}
	}, fails: "queues/delete-cq-in-use queues/delete-and-create queues/delete-of-shared " +
		"queues/delete-cq-zero queues/delete-cq-missing queues/delete-sq-zero " +
		"queues/delete-sq-missing enable/queues-gone"},
	{name: "manages nothing", sent: func(admin bool, c *spec.Command) {
		if admin && (c.Opcode == spec.NamespaceManage || c.Opcode == spec.NamespaceAttach ||
			c.Opcode == spec.FormatNVM || c.Opcode == spec.Sanitize || c.Opcode == spec.SelfTest ||
			c.Opcode == spec.FirmwareCommit || c.Opcode == spec.FirmwareDownload ||
			c.Opcode == spec.DoorbellBuffer) {
			c.Opcode = spec.KeepAlive
		}
	}, fails: "namespaces/delete-and-create namespaces/too-large namespaces/bad-format " +
		"namespaces/reserved-select namespaces/delete-missing namespaces/attach-twice " +
		"namespaces/detach namespaces/attach-list namespaces/attach-nsid " +
		"namespaces/format-clears namespaces/format-other namespaces/format-invalid " +
		"namespaces/format-protection namespaces/format-erase-reserved namespaces/format-nsid " +
		"namespaces/sanitize-reserved namespaces/sanitize-erases namespaces/sanitize-event " +
		"admin/self-test-reserved admin/self-test-twice admin/self-test-namespace " +
		"admin/commit-slot admin/commit-without-image admin/commit-reserved " +
		"admin/download-granularity admin/doorbell-buffer-off-page"},
	{name: "creates at once", done: func(_ *liar, admin bool, c *spec.Command,
		e *spec.Completion) {
		if admin && c.Opcode == spec.NamespaceManage && c.CDW10&0xf == 0 {
			e.Result = 0
		}
	}, fails: "namespaces/delete-and-create"},
	{name: "a cache that is not", drive: "micron9550", sent: sentTo(true, spec.SetFeatures,
		func(c *spec.Command) {
			if c.CDW10&0xff == spec.FeatWriteCache {
				c.Opcode = spec.KeepAlive
			}
		}), fails: "features/no-write-cache"},
	{name: "keep alive unheard", sent: sentTo(true, spec.KeepAlive, func(c *spec.Command) {
		c.Opcode = 0x7e
	}), fails: "admin/keep-alive admin/keep-alive-kept"},
}

// count makes data that is never the same.
var count byte
