package nvme

import (
	"bytes"
	"encoding/binary"
	"testing"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// ask runs a command with a page of data and checks its status.
func (g *guest) ask(q int, c spec.Command, data []byte, want spec.Status) (spec.Completion,
	[]byte) {
	g.Helper()
	at, p := g.alloc(8192)
	copy(p, data)
	c.PRP1, c.PRP2 = at, at+4096
	e := g.do(q, c)
	if e.Status.Code() != want {
		g.Errorf("%s %+v: %v, want %v", spec.OpcodeName(c.Opcode, q == 0), c, e.Status, want)
	}
	return e, p
}

// logPage reads n bytes of a log page.
func (g *guest) logPage(id uint32, n int) []byte {
	g.Helper()
	_, p := g.ask(0, spec.Command{Opcode: spec.GetLogPage, NSID: spec.AllNamespaces,
		CDW10: uint32(n/4-1)<<16 | id}, nil, spec.Success)
	return p[:n]
}

func (g *guest) create(blocks uint64, format uint8, want spec.Status) uint32 {
	g.Helper()
	n := spec.Namespace{Size: blocks, Capacity: blocks, FLBAS: format}
	p := make([]byte, spec.IdentifyLen)
	n.Encode(p)
	e, _ := g.ask(0, spec.Command{Opcode: spec.NamespaceManage}, p, want)
	return e.Result
}

func (g *guest) attach(id uint32, sel uint32, want spec.Status) {
	g.Helper()
	g.ask(0, spec.Command{Opcode: spec.NamespaceAttach, NSID: id, CDW10: sel},
		[]byte{1, 0, controllerID, 0}, want)
}

func (g *guest) identify(cns, nsid uint32, want spec.Status) []byte {
	g.Helper()
	_, p := g.ask(0, spec.Command{Opcode: spec.Identify, NSID: nsid, CDW10: cns}, nil, want)
	return p
}

func list(p []byte) (ids []uint32) {
	for ; binary.LittleEndian.Uint32(p) != 0; p = p[4:] {
		ids = append(ids, binary.LittleEndian.Uint32(p))
	}
	return ids
}

// The life of namespaces: delete the first, make two of different formats, attach, write, detach,
// and find each change in the list.
func TestNamespaces(t *testing.T) {
	const mib = 1 << 20
	g := ready(t, &MQSim, NewMemory(64*mib), nil)
	g.create(1, 0, spec.InsufficientCapacity)
	del := spec.Command{Opcode: spec.NamespaceManage, NSID: 1, CDW10: 1}
	g.ask(0, del, nil, spec.Success)
	g.ask(0, del, nil, spec.InvalidField) // inactive now
	if id := spec.DecodeController(g.identify(spec.CNSController, 0, 0)); id.UNVMCAP != 64*mib ||
		id.TNVMCAP != 64*mib {
		t.Errorf("capacity %d of %d", id.UNVMCAP, id.TNVMCAP)
	}
	a := g.create(16*mib/512, 0, spec.Success)
	b := g.create(32*mib/4096, 1, spec.Success)
	if a != 1 || b != 2 {
		t.Fatalf("namespaces %d and %d", a, b)
	}
	g.create(32*mib/512, 0, spec.InsufficientCapacity)
	g.create(mib, 7, spec.InvalidFormat)
	if got := list(g.identify(spec.CNSAllocated, 0, 0)); len(got) != 2 {
		t.Errorf("allocated: %v", got)
	}
	if got := list(g.identify(spec.CNSActive, 0, 0)); len(got) != 0 {
		t.Errorf("active: %v", got)
	}
	rd := g.rw(spec.Read, 0, 0, 4096)
	rd.NSID = b
	g.ask(1, rd, nil, spec.InvalidField)
	g.attach(b, 1, spec.NotAttached)
	g.attach(b, 0, spec.Success)
	g.attach(b, 0, spec.AlreadyAttached)
	g.attach(a, 0, spec.Success)
	g.ask(0, spec.Command{Opcode: spec.NamespaceAttach, NSID: a, CDW10: 1},
		[]byte{1, 0, 9, 0}, spec.InvalidControllerList)
	if got := list(g.identify(spec.CNSActive, 1, 0)); len(got) != 1 || got[0] != b {
		t.Errorf("active above 1: %v", got)
	}
	n := spec.DecodeNamespace(g.identify(spec.CNSNamespace, b, 0))
	if n.Size != 32*mib/4096 || n.BlockShift() != 12 || n.NVMCAP != 32*mib {
		t.Errorf("%+v", n)
	}
	if m := spec.DecodeNamespace(g.identify(spec.CNSNamespace, a, 0)); m.NGUID == n.NGUID {
		t.Error("two namespaces of one NGUID")
	}
	// What is written in one is not in the other.
	wr := spec.Command{Opcode: spec.Write, NSID: b, CDW12: 0}
	g.ask(1, wr, bytes.Repeat([]byte{7}, 4096), spec.Success)
	_, p := g.ask(1, spec.Command{Opcode: spec.Read, NSID: a, CDW12: 7}, nil, spec.Success)
	if !bytes.Equal(p[:4096], make([]byte, 4096)) {
		t.Error("namespaces overlap")
	}
	_, p = g.ask(1, spec.Command{Opcode: spec.Read, NSID: b}, nil, spec.Success)
	if p[0] != 7 || p[4095] != 7 {
		t.Error("lost")
	}
	wr.CDW10 = 32 * mib / 4096
	g.ask(1, wr, nil, spec.LBAOutOfRange)
	if got := list(g.logPage(spec.LogNamespaces, 4096)); len(got) != 2 {
		t.Errorf("changed: %v", got)
	}
	if got := list(g.logPage(spec.LogNamespaces, 4096)); len(got) != 0 {
		t.Errorf("changed since it was read: %v", got)
	}
	g.ask(0, spec.Command{Opcode: spec.NamespaceManage, NSID: spec.AllNamespaces, CDW10: 1}, nil,
		spec.Success)
	if got := list(g.identify(spec.CNSAllocated, 0, 0)); len(got) != 0 {
		t.Errorf("after all were deleted: %v", got)
	}
	g.quiet()
}

// A change of a namespace is told once, until its list is read.
func TestNamespaceChangeIsTold(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	g.must(spec.Command{Opcode: spec.SetFeatures, CDW10: spec.FeatAsyncEvents,
		CDW11: spec.AsyncNamespace})
	cid := g.put(0, spec.Command{Opcode: spec.AsyncEvent})
	g.put(0, spec.Command{Opcode: spec.AsyncEvent})
	g.bell(0)
	at, p := g.alloc(4096)
	copy(p, []byte{1, 0, 1, 0})
	g.put(0, spec.Command{Opcode: spec.NamespaceAttach, NSID: 1, CDW10: 1, PRP1: at})
	g.bell(0)
	want := uint32(spec.EventNotice | spec.EventNamespace<<8 | spec.LogNamespaces<<16)
	told := false
	for range 2 {
		e, ok := g.wait(0)
		told = told || ok && e.CID == cid && e.Result == want
	}
	if !told {
		t.Fatal("no event")
	}
	g.attach(1, 0, spec.Success) // masked: a second event waits
	if e, ok := g.wait(0); ok {
		t.Fatalf("%+v", e)
	}
	g.put(0, spec.Command{Opcode: spec.GetLogPage, PRP1: at, CDW10: 1023<<16 | spec.LogNamespaces})
	g.bell(0)
	for range 2 {
		if _, ok := g.wait(0); !ok {
			t.Fatal("no second event after the list was read")
		}
	}
	g.quiet()
}

// Each row is an Identify, and how it ends.
func TestIdentifyRules(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	for _, c := range []struct {
		name      string
		cns, nsid uint32
		cdw11     uint32
		want      spec.Status
		first     []byte
	}{
		{"inactive namespace is zero", spec.CNSNamespace, 5, 0, spec.Success, make([]byte, 4096)},
		{"what namespaces share", spec.CNSNamespace, spec.AllNamespaces, 0, spec.Success,
			make([]byte, 8)},
		{"command set's namespace", spec.CNSNamespaceCSI, 1, 0, spec.Success, nil},
		{"command set that is not", spec.CNSNamespaceCSI, 1, 2 << 24, spec.InvalidField, nil},
		{"command set's controller", spec.CNSControllerCSI, 0, 0, spec.Success, nil},
		{"active of a command set", spec.CNSActiveCSI, 0, 0, spec.Success, []byte{1, 0, 0, 0, 0}},
		{"general", spec.CNSNamespaceGeneral, 1, 0, spec.Success, []byte{0, 0, 0xff, 0x80}},
		{"descriptors of an inactive", spec.CNSDescriptors, 5, 0, spec.InvalidField, nil},
		{"descriptors", spec.CNSDescriptors, 1, 0, spec.Success, []byte{spec.NIDTypeNGUID, 16}},
		{"active list above all", spec.CNSActive, spec.MaxNamespaces, 0, spec.InvalidNamespace,
			nil},
		{"allocated identify", spec.CNSAllocatedIdentify, 1, 0, spec.Success, []byte{0, 8}},
		{"attached controllers", spec.CNSAttached, 1, 0, spec.Success, []byte{1, 0, 1, 0}},
		{"controllers", spec.CNSControllers, 0, 0, spec.Success, []byte{1, 0, 1, 0}},
		{"primary controller", spec.CNSPrimary, 0, 0, spec.InvalidField, nil},
		{"command sets", spec.CNSCommandSets | spec.AnyController<<16, 0, 0, spec.Success,
			[]byte{1}},
		{"command sets of another", spec.CNSCommandSets | 7<<16, 0, 0, spec.InvalidField, nil},
	} {
		_, p := g.ask(0, spec.Command{Opcode: spec.Identify, NSID: c.nsid, CDW10: c.cns,
			CDW11: c.cdw11}, nil, c.want)
		if !bytes.HasPrefix(p, c.first) {
			t.Errorf("%s: % x", c.name, p[:16])
		}
	}
	g.quiet()
}

// Format changes the block size, takes its time, and leaves nothing; meanwhile I/O is refused.
func TestFormat(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	g.ask(1, g.rw(spec.Write, 0, 0, 4096), []byte("secret"), spec.Success)
	f := func(cdw10 uint32) spec.Command {
		return spec.Command{Opcode: spec.FormatNVM, NSID: 1, CDW10: cdw10}
	}
	g.ask(0, f(5), nil, spec.InvalidFormat)
	g.ask(0, f(1<<5), nil, spec.InvalidFormat)
	g.ask(0, f(7<<9), nil, spec.InvalidField)
	g.put(0, f(1|1<<9))
	g.bell(0)
	start := g.eng.Now()
	g.eng.Run(start + formatLeast/2)
	g.put(1, g.rw(spec.Read, 0, 1<<20, 512))
	g.bell(1)
	if e, ok := g.wait(1); !ok || e.Status.Code() != spec.FormatInProgress {
		t.Fatalf("%+v", e)
	}
	if e, ok := g.wait(0); !ok || !e.Status.OK() || g.eng.Now()-start < formatLeast {
		t.Fatalf("%+v after %v", e, g.eng.Now()-start)
	}
	n := spec.DecodeNamespace(g.identify(spec.CNSNamespace, 1, 0))
	if n.BlockShift() != 12 || n.Size != 256 {
		t.Fatalf("%+v", n)
	}
	_, p := g.ask(1, spec.Command{Opcode: spec.Read, NSID: 1}, nil, spec.Success)
	if p[0] != 0 {
		t.Fatal("the data is still there")
	}
	g.quiet()
}

// A Format goes on when its controller is reset under it.
func TestFormatOutlivesReset(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	g.put(0, spec.Command{Opcode: spec.FormatNVM, NSID: 1, CDW10: 1})
	g.bell(0)
	g.eng.Run(g.eng.Now() + sim.Millisecond)
	g.write(spec.CC, 0x460000)
	g.eng.Run(g.eng.Now() + sim.Millisecond)
	g.eng.Run(sim.Forever)
	g.enable()
	g.queue(1, guestRing)
	if n := spec.DecodeNamespace(g.identify(spec.CNSNamespace, 1, 0)); n.BlockShift() != 12 ||
		n.FPI != 0x80 {
		t.Errorf("%+v", n)
	}
	g.ask(1, spec.Command{Opcode: spec.Read, NSID: 1}, nil, spec.Success)
	g.quiet()
}

// What is not volatile survives: namespaces, saved features, firmware, counters.
func TestStateSurvives(t *testing.T) {
	path := t.TempDir() + "/disk"
	s, err := OpenFile(path, 8<<20)
	if err != nil {
		t.Fatal(err)
	}
	g := ready(t, &MQSim, s, nil)
	g.ask(0, spec.Command{Opcode: spec.NamespaceManage, NSID: 1, CDW10: 1}, nil, spec.Success)
	g.create(16, 0, spec.Success)
	g.create(8, 1, spec.Success)
	g.attach(2, 0, spec.Success)
	g.ask(1, spec.Command{Opcode: spec.WriteUncorrectable, NSID: 2, CDW10: 3}, nil, spec.Success)
	g.must(spec.Command{Opcode: spec.SetFeatures, CDW10: 1<<31 | spec.FeatArbitration, CDW11: 3})
	g.ask(0, spec.Command{Opcode: 0x7d}, nil, spec.InvalidOpcode)
	g.write(spec.CC, 0x464001)
	g.eng.Run(sim.Forever)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = OpenFile(path, 0); err != nil {
		t.Fatal(err)
	}
	g = ready(t, &MQSim, s, nil)
	if got := list(g.identify(spec.CNSActive, 0, 0)); len(got) != 1 || got[0] != 2 {
		t.Fatalf("active: %v", got)
	}
	g.ask(1, spec.Command{Opcode: spec.Read, NSID: 2, CDW10: 3}, nil, spec.UnrecoveredRead)
	get := spec.Command{Opcode: spec.GetFeatures, CDW10: spec.FeatArbitration}
	if e := g.must(get); e.Result != 3 {
		t.Errorf("arbitration %#x", e.Result)
	}
	page := spec.DecodeSMART(g.logPage(spec.LogSMART, 512))
	if page.PowerCycles != 2 || page.UnsafeShutdowns != 0 || page.ErrorEntries != 2 ||
		page.MediaErrors != 1 {
		t.Errorf("%+v", page)
	}
	g.quiet()
	if err := s.Close(); err != nil { // without a shutdown
		t.Fatal(err)
	}
	if s, err = OpenFile(path, 0); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	g = ready(t, &MQSim, s, nil)
	if page := spec.DecodeSMART(g.logPage(spec.LogSMART, 512)); page.UnsafeShutdowns != 1 {
		t.Errorf("%+v", page)
	}
}

// A state that was damaged is refused and says what to do.
func TestDamagedState(t *testing.T) {
	for _, bad := range []string{"", "{}", `{"Format":"tensoros nvme state 1","Sum":1,"State":{}}`} {
		s := NewMemory(1 << 20)
		s.state = []byte(bad)
		c := &Controller{Profile: &MQSim, Store: s}
		if err := c.restore(); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// FuzzState: whatever stands in the side file, the drive refuses it or works with it.
func FuzzState(f *testing.F) {
	s := NewMemory(1 << 20)
	g := ready(f, &MQSim, s, nil)
	g.ctl.save()
	good, err := s.Load()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"Size":1048576,"Spaces":[{"ID":1}]}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		decodeState(p)
		var st state
		if json := p; len(json) > 0 {
			if err := unmarshalState(json, &st); err == nil && st.check() == nil {
				for _, n := range st.Spaces {
					if n.Base+n.Bytes > st.Size {
						t.Fatal("a namespace outside of the store was taken")
					}
				}
			}
		}
	})
}
