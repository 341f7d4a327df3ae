package nvme

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// Every opcode of the paper's tables is done, and the effects page says so.
func TestEffectsAreTheTable(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	p := g.logPage(spec.LogEffects, 4096)
	for i := range 512 {
		row := spec.FindOpcode(uint8(i), i < 256)
		v := binary.LittleEndian.Uint32(p[4*i:])
		if verbs := [...]*[256]*verb{&adminVerbs, &ioVerbs}[i/256]; (row == nil) != (v == 0) ||
			(row == nil) != (verbs[uint8(i)] == nil) {
			t.Errorf("opcode %#x: effects %#x, row %+v", i, v, row)
		}
	}
	for _, r := range spec.Logs {
		if logMakers[r.ID] == nil {
			t.Errorf("log page %#x is not made", r.ID)
		}
		if r.Len > 0 {
			g.logPage(uint32(r.ID), r.Len)
		}
	}
	if len(logMakers) != len(spec.Logs) {
		t.Error("a log page has no row")
	}
	if p := g.logPage(spec.LogSupported, 1024); p[4*spec.LogSanitize]&1 != 1 || p[4*0x7e] != 0 {
		t.Error("supported log pages")
	}
	g.quiet()
}

// Every feature answers its value, its default and what can be done with it; what is set is read
// back, what is saved survives a controller reset.
func TestFeatures(t *testing.T) {
	g := ready(t, &Samsung970Pro, NewMemory(1<<20), nil)
	for _, r := range spec.Features {
		nsid := uint32(0)
		if r.Caps&spec.CapPerNamespace != 0 {
			nsid = 1
		}
		get := spec.Command{Opcode: spec.GetFeatures, NSID: nsid, CDW10: uint32(r.ID)}
		for sel := range uint32(5) {
			get.CDW10 = uint32(r.ID) | sel<<8
			want := spec.Success
			if sel == 4 {
				want = spec.InvalidField
			}
			e, _ := g.ask(0, get, nil, want)
			if sel == spec.SelectSupported && e.Result != r.Caps {
				t.Errorf("%s: %#x", r.Name, e.Result)
			}
		}
	}
	set := func(id, v uint32, nsid uint32, want spec.Status) {
		t.Helper()
		g.ask(0, spec.Command{Opcode: spec.SetFeatures, NSID: nsid, CDW10: id, CDW11: v}, nil, want)
	}
	value := func(id, cdw11 uint32) uint32 {
		t.Helper()
		e, _ := g.ask(0, spec.Command{Opcode: spec.GetFeatures, NSID: 1, CDW10: id, CDW11: cdw11},
			nil, spec.Success)
		return e.Result
	}
	set(spec.FeatTemperature, 300, 0, spec.Success)
	set(spec.FeatTemperature, 1<<20|280, 0, spec.Success)
	set(spec.FeatTemperature, 5<<16, 0, spec.InvalidField)
	set(spec.FeatTemperature, 2<<20, 0, spec.InvalidField)
	if value(spec.FeatTemperature, 0) != 300 || value(spec.FeatTemperature, 1<<20) != 280 {
		t.Error("temperature thresholds")
	}
	set(spec.FeatPower, 2, 0, spec.Success)
	set(spec.FeatPower, 9, 0, spec.InvalidField)
	set(spec.FeatRecovery, 7, 1, spec.Success)
	set(spec.FeatRecovery, 7, 2, spec.InvalidField)
	set(spec.FeatRecovery, 7, 0, spec.InvalidNamespace)
	set(spec.FeatArbitration, 7, 5, spec.FeatureNotNamespace)
	set(spec.FeatVector, vectors, 0, spec.InvalidField)
	set(spec.FeatWriteProtect, 1, 1, spec.Success)
	g.ask(1, g.rw(spec.Write, 0, 0, 512), nil, spec.WriteProtected)
	set(spec.FeatWriteProtect, 0, 1, spec.Success)
	g.ask(1, g.rw(spec.Write, 0, 0, 512), nil, spec.Success)
	set(spec.FeatCommandSets, 1, 0, spec.CommandSetCombination)
	set(1<<31|spec.FeatWriteCache, 0, 0, spec.Success)
	g.ask(0, spec.Command{Opcode: spec.SetFeatures, CDW10: spec.FeatTimestamp},
		[]byte{0xe8, 3, 0, 0, 0, 0}, spec.Success)
	g.pass(2 * sim.Second)
	_, p := g.ask(0, spec.Command{Opcode: spec.GetFeatures, CDW10: spec.FeatTimestamp}, nil,
		spec.Success)
	if ms := binary.LittleEndian.Uint64(p) & (1<<48 - 1); ms < 3000 || ms > 3010 || p[6] != 2 {
		t.Errorf("timestamp %d, % x", ms, p[:8])
	}
	g.write(spec.CC, 0x460000)
	g.eng.Run(sim.Forever)
	g.enable()
	if value(spec.FeatWriteCache, 0) != 0 || value(spec.FeatTemperature, 0) == 300 {
		t.Error("saved and unsaved values after a reset")
	}
	g.quiet()
}

// pass lets time pass.
func (g *guest) pass(d sim.Time) {
	g.eng.At(g.eng.Now()+d, g.ctl, evTested, 0)
	g.eng.Run(sim.Forever)
}

// Registers: halves and wholes, resets, and what may not be done.
func TestRegisterRules(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	var p [8]byte
	g.ctl.Read(0, spec.CAP, p[:])
	v := binary.LittleEndian.Uint64(p[:])
	if spec.CapNSSRS.Get(v) != 1 || spec.CapAMS.Get(v) != 1 || spec.CapCRWMS.Get(v) != 1 ||
		spec.CapCSS.Get(v)&spec.CSSNVM == 0 || uint32(v>>32) != g.read(spec.CAP+4) {
		t.Errorf("CAP %#x", v)
	}
	if n := len(g.ctl.Findings); n != 0 {
		t.Fatal(g.ctl.Findings)
	}
	for i, bad := range []func(){
		func() { g.ctl.Write(0, spec.CC, p[:2]) },
		func() { g.ctl.Read(0, spec.CC+1, p[:4]) },
		func() { g.write(spec.AQA, 0) },
		func() { g.write(spec.CC, 0x460001|1<<11) },
	} {
		bad()
		g.eng.Run(sim.Forever)
		if len(g.ctl.Findings) != i+1 {
			t.Errorf("%d: %v", i, g.ctl.Findings)
		}
	}
	if g.read(spec.CC) != 0x460001 {
		t.Error("AMS changed while enabled")
	}
	g.write(spec.INTMS, 5)
	g.write(spec.INTMC, 1)
	if g.read(spec.INTMS) != 4 || g.read(spec.INTMC) != 4 {
		t.Error("interrupt mask")
	}
	g.write(spec.NSSR, 0x12345678)
	if g.read(spec.CSTS) != 1 {
		t.Error("reset by a wrong word")
	}
	g.write(spec.NSSR, spec.NSSRMagic)
	if g.read(spec.CSTS) != uint32(spec.CSTSNSSRO.Mask()) || g.read(spec.CC) != 0 {
		t.Errorf("CSTS %#x after a subsystem reset", g.read(spec.CSTS))
	}
	g.write(spec.CSTS, uint32(spec.CSTSNSSRO.Mask()))
	if g.read(spec.CSTS) != 0 {
		t.Error("NSSRO is not cleared")
	}
	g.enable()
	g.queue(1, guestRing)
	g.must(spec.Command{Opcode: spec.SetFeatures, CDW10: spec.FeatKeepAlive, CDW11: 1000})
	g.must(spec.Command{Opcode: spec.KeepAlive})
	g.pass(900 * sim.Millisecond)
	if g.read(spec.CSTS) != 1 {
		t.Error("fatal too early")
	}
	g.pass(200 * sim.Millisecond)
	if spec.CSTSCFS.Get(uint64(g.read(spec.CSTS))) != 1 {
		t.Error("silence is not fatal")
	}
	g.write(spec.CC, 0x460000)
	g.eng.Run(sim.Forever)
	g.enable()
	g.quiet()
}

// FuzzRegisters: any sequence of accesses leaves a controller that a reset brings back.
func FuzzRegisters(f *testing.F) {
	f.Add([]byte{0x14, 0, 1, 0, 0x46, 0, 0x00, 0x10, 1, 0, 0, 0, 0x20, 0, 0x65, 0x4d, 0x56, 0x4e})
	f.Fuzz(func(t *testing.T, p []byte) {
		g := newGuest(t, MQSim.WithCMB(64<<10), NewMemory(1<<20), nil)
		for p = p[:min(len(p), 6*64)]; len(p) >= 6; p = p[6:] {
			off := uint64(binary.LittleEndian.Uint16(p)) & 0x1fff
			g.ctl.Write(int(p[0]&1)*cmbBAR, off, p[2:6])
			var q [8]byte
			g.ctl.Read(0, off, q[:1<<(p[1]&3)])
			g.eng.Run(g.eng.Now() + sim.Millisecond)
		}
		g.write(spec.CC, 0)
		g.eng.Run(sim.Forever)
		g.ctl.Reset()
		g.enable()
		g.must(spec.Command{Opcode: spec.KeepAlive})
	})
}

// Abort ends a read that waits for its die and one that never completes; not one that is over.
func TestAbort(t *testing.T) {
	g := ready(t, &Samsung970Pro, NewMemory(1<<20), nil)
	g.ctl.Age(1<<20, 0, 0)
	plan, err := ParseFaults("opcode=verify: timeout")
	if err != nil {
		t.Fatal(err)
	}
	g.ctl.SetFaults(plan, 1)
	at, _ := g.alloc(4096)
	for _, op := range []uint8{spec.Read, spec.Verify} {
		cid := g.put(1, g.rw(op, 0, at, 4096))
		g.bell(1)
		g.eng.Run(g.eng.Now() + 10*sim.Microsecond)
		if op == spec.Verify {
			g.eng.Run(sim.Forever)
		}
		e := g.must(spec.Command{Opcode: spec.Abort, CDW10: uint32(cid)<<16 | 1})
		if e.Result != 0 {
			t.Errorf("opcode %#x: not aborted", op)
		}
		if e, ok := g.wait(1); !ok || e.Status.Code() != spec.AbortRequested || e.CID != cid {
			t.Errorf("%+v", e)
		}
		if e = g.must(spec.Command{Opcode: spec.Abort, CDW10: uint32(cid)<<16 | 1}); e.Result != 1 {
			t.Error("aborted twice")
		}
	}
	if g.ctl.Faults[EffectTimeout] != 1 {
		t.Error(g.ctl.Faults)
	}
	for range abortsMost + 1 {
		g.put(0, spec.Command{Opcode: spec.Abort, CDW10: 7})
	}
	g.bell(0)
	limited := 0
	for range abortsMost + 1 {
		if e, ok := g.wait(0); ok && e.Status.Code() == spec.AbortLimit {
			limited++
		}
	}
	if limited != 1 {
		t.Errorf("%d beyond the limit", limited)
	}
	g.quiet()
}

// Entries of the error log name the place that is wrong.
func TestErrorLog(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	c := g.rw(spec.Read, 5000, 1<<20, 512)
	e := g.do(1, c)
	if e.Status.Code() != spec.LBAOutOfRange || e.Status&spec.More == 0 {
		t.Error(e.Status)
	}
	entry := spec.DecodeErrorEntry(g.logPage(spec.LogError, 64))
	if entry.Count != 1 || entry.SQID != 1 || entry.CID != e.CID || entry.Byte != 40 ||
		entry.NoPlace || entry.LBA != 5000 || entry.NSID != 1 ||
		entry.Status.Code() != spec.LBAOutOfRange {
		t.Errorf("%+v", entry)
	}
}

// Health that crosses a threshold is told once; and again after it was well in between.
func TestHealthEvents(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	g.must(spec.Command{Opcode: spec.SetFeatures, CDW10: spec.FeatAsyncEvents, CDW11: 3})
	tell := func() uint32 {
		g.put(0, spec.Command{Opcode: spec.AsyncEvent})
		g.bell(0)
		e, ok := g.wait(0)
		if !ok {
			t.Fatal("no event")
		}
		return e.Result
	}
	g.ctl.SetHealth(360, 100)
	g.ctl.SetHealth(361, 100)
	if r := tell(); r != spec.EventSMART|spec.EventTemperature<<8|spec.LogSMART<<16 {
		t.Errorf("%#x", r)
	}
	if s := spec.DecodeSMART(g.logPage(spec.LogSMART, 512)); s.Warning != spec.WarnTemperature ||
		s.Temperature != 361 {
		t.Errorf("%+v", s)
	}
	g.ctl.SetHealth(300, 5)
	if r := tell(); r != spec.EventSMART|spec.EventSpare<<8|spec.LogSMART<<16 {
		t.Errorf("%#x", r)
	}
	g.quiet()
}

func TestFirmware(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	commit := func(slot, action uint32, want spec.Status) {
		t.Helper()
		g.ask(0, spec.Command{Opcode: spec.FirmwareCommit, CDW10: action<<3 | slot}, nil, want)
	}
	load := func(name string, at uint32, want spec.Status) {
		t.Helper()
		g.ask(0, spec.Command{Opcode: spec.FirmwareDownload, CDW10: 1023, CDW11: at / 4},
			[]byte(name), want)
	}
	revision := func() string { return spec.DecodeController(g.identify(1, 0, 0)).Firmware }
	commit(1, 1, spec.InvalidFirmwareImage)
	commit(5, 1, spec.InvalidFirmwareSlot)
	load("NEW 2.0 ", 4096, spec.Success)
	commit(2, 0, spec.InvalidFirmwareImage) // a gap at the start
	load("NEW 2.0 ", 0, spec.Success)
	load("NEW 2.0 ", 0, spec.OverlappingRange)
	commit(2, 1, spec.FirmwareNeedsControllerReset)
	if p := g.logPage(spec.LogFirmware, 512); p[0] != 0x21 ||
		!bytes.HasPrefix(p[16:], []byte("NEW")) {
		t.Errorf("% x", p[:24])
	}
	if revision() != "1" {
		t.Error(revision())
	}
	g.write(spec.CC, 0x460000)
	g.eng.Run(sim.Forever)
	g.enable()
	if revision() != "NEW 2.0" {
		t.Error(revision())
	}
	commit(1, 3, spec.Success) // back, without a reset
	if revision() != "1" {
		t.Error(revision())
	}
	load("\x00", 0, spec.Success)
	commit(3, 0, spec.InvalidFirmwareImage)
	g.quiet()
}

func TestSelfTest(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	start := func(code uint32, want spec.Status) {
		t.Helper()
		g.put(0, spec.Command{Opcode: spec.SelfTest, CDW10: code})
		g.bell(0)
		if e, ok := g.wait(0); !ok || e.Status.Code() != want {
			t.Errorf("%+v", e)
		}
	}
	start(7, spec.InvalidField)
	start(spec.SelfTestShort, spec.Success)
	start(spec.SelfTestExtended, spec.SelfTestInProgress)
	start(spec.SelfTestAbort, spec.Success)
	start(spec.SelfTestExtended, spec.Success)
	g.eng.Run(sim.Forever)
	p := g.logPage(spec.LogSelfTest, spec.LogSelfTestLen)
	if p[0] != 0 || p[4] != 2<<4 || p[4+28] != 1<<4|testAbortedByCommand || p[4+56] != 0xf {
		t.Errorf("% x", p[:64])
	}
	g.quiet()
}

// While a sanitize runs only what the standard lets through is done; then everything is gone and
// the host is told.
func TestSanitize(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	g.ask(1, g.rw(spec.Write, 0, 0, 512), []byte("secret"), spec.Success)
	at, p := g.alloc(4096)
	g.put(0, spec.Command{Opcode: spec.AsyncEvent})
	g.put(0, spec.Command{Opcode: spec.Sanitize, CDW10: spec.SanitizeBlockErase})
	g.bell(0)
	if e, ok := g.wait(0); !ok || !e.Status.OK() {
		t.Fatalf("%+v", e)
	}
	g.put(1, g.rw(spec.Read, 0, at, 512))
	g.bell(1)
	if e, ok := g.wait(1); !ok || e.Status.Code() != spec.SanitizeInProgress || p[0] != 0 {
		t.Errorf("%+v", e)
	}
	for _, c := range []struct {
		cmd  spec.Command
		want spec.Status
	}{
		{spec.Command{Opcode: spec.FormatNVM, NSID: 1}, spec.SanitizeInProgress},
		{spec.Command{Opcode: spec.Identify, CDW10: 1, PRP1: at}, spec.Success},
		{spec.Command{Opcode: spec.GetLogPage, CDW10: 127<<16 | spec.LogSanitize, PRP1: at},
			spec.Success},
		{spec.Command{Opcode: spec.Sanitize, CDW10: spec.SanitizeCrypto}, spec.SanitizeInProgress},
	} {
		g.put(0, c.cmd)
		g.bell(0)
		if e, ok := g.wait(0); !ok || e.Status.Code() != c.want {
			t.Errorf("%+v: %+v", c.cmd, e)
		}
	}
	if p[2] != sanitizeRunning {
		t.Errorf("status %#x", p[2])
	}
	e, ok := g.wait(0)
	if want := uint32(spec.EventIOSpecific | 1<<8 | spec.LogSanitize<<16); !ok || e.Result != want {
		t.Errorf("%+v", e)
	}
	if q := g.logPage(spec.LogSanitize, 512); q[2] != sanitizeDone {
		t.Errorf("status %#x", q[2])
	}
	if _, q := g.ask(1, g.rw(spec.Read, 0, 0, 512), []byte("x"), spec.Success); q[0] != 0 {
		t.Error("the data is still there")
	}
	g.quiet()
}

// Interrupts are held back until enough entries are there, or the time is over.
func TestCoalescing(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	var entry [16]byte
	binary.LittleEndian.PutUint64(entry[:], 0xfee00000)
	for i := 0; i < 16; i += 4 {
		g.write(vectorTable+16+i, binary.LittleEndian.Uint32(entry[i:]))
	}
	g.config(0x52, 2, 0x8000)
	g.must(spec.Command{Opcode: spec.SetFeatures, CDW10: spec.FeatCoalescing, CDW11: 5<<8 | 3})
	at, _ := g.alloc(4096)
	read := func(n int) sim.Time {
		g.messages = nil
		for range n {
			g.put(1, g.rw(spec.Read, 0, at, 512))
		}
		g.bell(1)
		start := g.eng.Now()
		for range n {
			g.wait(1)
		}
		g.eng.Run(sim.Forever)
		return g.eng.Now() - start
	}
	if read(8); len(g.messages) != 2 {
		t.Errorf("%d messages for 8 entries, 4 each", len(g.messages))
	}
	if d := read(1); len(g.messages) != 1 || d < 500*sim.Microsecond {
		t.Errorf("%d messages, %v", len(g.messages), d)
	}
	g.must(spec.Command{Opcode: spec.SetFeatures, CDW10: spec.FeatVector, CDW11: 1<<16 | 1})
	if read(8); len(g.messages) != 8 {
		t.Errorf("%d messages of a vector without coalescing", len(g.messages))
	}
}

// A sleeping drive takes its exit latency to wake up, and only once.
func TestPowerStates(t *testing.T) {
	g := ready(t, &Samsung970Pro, NewMemory(1<<20), nil)
	base := latency(g, spec.Read)
	g.must(spec.Command{Opcode: spec.SetFeatures, CDW10: spec.FeatPower, CDW11: 4})
	if d := latency(g, spec.Read) - base; d < 8*sim.Millisecond || d > 9*sim.Millisecond {
		t.Errorf("%v more from state 4", d)
	}
	if d := latency(g, spec.Read) - base; d > 20*sim.Microsecond {
		t.Errorf("%v more once awake", d)
	}
	table := make([]byte, 256)
	binary.LittleEndian.PutUint64(table, 3<<3|100<<8) // from state 0 to 3 after 100 ms
	g.ask(0, spec.Command{Opcode: spec.SetFeatures, CDW10: spec.FeatAPST, CDW11: 1}, table,
		spec.Success)
	latency(g, spec.Read)
	g.pass(200 * sim.Millisecond)
	if d := latency(g, spec.Read) - base; d < 1200*sim.Microsecond || d > 1300*sim.Microsecond {
		t.Errorf("%v more from autonomous state 3", d)
	}
	g.quiet()
}

func TestFaultPlanErrors(t *testing.T) {
	for plan, want := range map[string]string{
		"nth=3 abort":            "1:1: there is no colon",
		"\n nth=x: abort":        `2:2: "x" is no nth; a whole number`,
		"foo=1: abort":           `1:1: "foo=1" says nothing; opcode=`,
		"opcode=rea: abort":      "1:1: \"rea\" is no opcode; as in",
		"lba=7-3: abort":         "blocks are FIRST",
		"p=2: abort":             "a probability",
		"at=5: fatal":            "a time is",
		"nth=1:":                 "1:7: the effect is missing",
		"nth=1: explode":         `1:8: "explode" is no effect; effects are media-error`,
		"nth=1: status Nonsense": "name a status",
		"nth=1: status 000":      "name a status",
		"nth=1: delay":           "a time is",
		"nth=1: abort now":       `1:14: "now" is too much`,
	} {
		if _, err := ParseFaults(plan); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", plan, err, want)
		}
	}
}

// Each effect is seen by the host, and counted.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		plan   string
		effect Effect
		check  func(g *guest, e spec.Completion, p []byte) bool
	}{
		{"opcode=read lba=0-7: media-error", EffectMediaError,
			func(_ *guest, e spec.Completion, _ []byte) bool {
				return e.Status.Code() == spec.UnrecoveredRead
			}},
		{`nth=1 queue=1: status "Internal Error"`, EffectStatus,
			func(_ *guest, e spec.Completion, _ []byte) bool {
				return e.Status.Code() == spec.InternalError
			}},
		{"queue=1 p=1 times=1: abort", EffectAbort,
			func(_ *guest, e spec.Completion, _ []byte) bool {
				return e.Status.Code() == spec.AbortRequested
			}},
		{"opcode=read: corrupt-dma", EffectCorruptDMA,
			func(_ *guest, e spec.Completion, p []byte) bool {
				return e.Status.OK() && !bytes.Equal(p[:512], make([]byte, 512))
			}},
		{"opcode=read: corrupt-dma detected", EffectCorruptDMA,
			func(_ *guest, e spec.Completion, _ []byte) bool {
				return e.Status.Code() == spec.DataTransferError
			}},
		{"nsid=1 every=1: delay 5ms", EffectDelay,
			func(g *guest, e spec.Completion, _ []byte) bool {
				return e.Status.OK() && g.eng.Now() > 5*sim.Millisecond
			}},
		{"queue=1: corrupt-cqe", EffectCorruptCQE,
			func(g *guest, e spec.Completion, _ []byte) bool {
				want := spec.Completion{CID: g.cid, SQID: 1, SQHD: 1, Phase: true}
				return e != want
			}},
	} {
		plan, err := ParseFaults(c.plan + " # why")
		if err != nil {
			t.Fatal(err)
		}
		g := ready(t, &MQSim, NewMemory(1<<20), nil)
		g.ctl.SetFaults(plan, 7)
		at, p := g.alloc(4096)
		g.put(1, g.rw(spec.Read, 0, at, 512))
		g.bell(1)
		e, ok := g.wait(1)
		g.eng.Run(sim.Forever)
		if !ok || !c.check(g, e, p) || g.ctl.Faults[c.effect] != 1 {
			t.Errorf("%s: %+v, counted %v", c.plan, e, g.ctl.Faults)
		}
		g.quiet()
	}
}

// Faults of the controller as a whole.
func TestControllerFaults(t *testing.T) {
	start := func(text string) *guest {
		plan, err := ParseFaults(text)
		if err != nil {
			t.Fatal(err)
		}
		g := ready(t, &MQSim, NewMemory(1<<20), nil)
		g.ctl.SetFaults(plan, 1)
		g.eng.Run(sim.Forever)
		return g
	}
	g := start("at=1ms: fatal")
	if spec.CSTSCFS.Get(uint64(g.read(spec.CSTS))) != 1 {
		t.Error("not fatal")
	}
	g.ctl.SetFaults(nil, 0)
	g.write(spec.CC, 0x460000)
	g.eng.Run(sim.Forever)
	g.enable()
	g = start("opcode=read nth=1: fatal")
	g.put(1, g.rw(spec.Read, 0, 1<<20, 512))
	g.bell(1)
	if _, ok := g.wait(1); ok || spec.CSTSCFS.Get(uint64(g.read(spec.CSTS))) != 1 {
		t.Error("not fatal at a command")
	}
	if g.ctl.InFlight() != 0 {
		t.Error("in flight")
	}
	g = start("at=1ms: reset-stuck")
	g.write(spec.CC, 0x460000)
	g.eng.Run(sim.Forever)
	g.write(spec.CC, 0x460001)
	g.eng.Run(sim.Forever)
	if g.read(spec.CSTS) != 0 {
		t.Error("ready all the same")
	}
	g = start("at=1ms: removal")
	if g.read(spec.CSTS) != 0xffffffff || !g.fn.Lost() {
		t.Error("still there")
	}
	g = start("queue=1: lost-interrupt")
	at, _ := g.alloc(4096)
	if e := g.do(1, g.rw(spec.Read, 0, at, 512)); !e.Status.OK() || len(g.messages) != 0 ||
		g.ctl.Faults[EffectLostInterrupt] != 1 {
		t.Error(e, g.messages)
	}
}

// FuzzFaultPlan: a plan is taken or refused with a place in it.
func FuzzFaultPlan(f *testing.F) {
	f.Add("opcode=read lba=1-2 nth=1: status \"Write Fault\"\nat=5ms: fatal # x")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseFaults(text)
		var pe *PlanError
		if err == nil && p == nil {
			t.Fatal("neither a plan nor an error")
		}
		if err != nil {
			var ok bool
			if pe, ok = err.(*PlanError); !ok || pe.Line < 1 || pe.Column < 1 || pe.Hint == "" {
				t.Fatalf("%#v", err)
			}
		}
	})
}

// TestFatalStatusGoesWithEnable: CSTS.RDY is zero after a failed start, so that a host may set
// CC.EN again as soon as it has cleared it, without waiting for anything.
func TestFatalStatusGoesWithEnable(t *testing.T) {
	g := newGuest(t, &Micron9550, NewMemory(1<<20), nil)
	g.write(spec.AQA, 0)
	g.write(spec.CC, 0x460001)
	if v := uint64(g.read(spec.CSTS)); spec.CSTSCFS.Get(v) != 1 {
		t.Fatalf("CSTS %#x after a start with an admin queue of one entry", v)
	}
	g.write(spec.CC, 0x460000)
	g.enable()
}

// TestProtectionInformationIsIgnored: without protection, its fields do not count (NVM, 3.2.4).
func TestProtectionInformationIsIgnored(t *testing.T) {
	g := ready(t, &Micron9550, NewMemory(1<<20), nil)
	at, _ := g.alloc(4096)
	c := g.rw(spec.Read, 0, at, 4096)
	c.CDW12 |= 7 << 26
	if e := g.do(1, c); !e.Status.OK() {
		t.Error(e.Status)
	}
}
