package gpu

import (
	"encoding/binary"
	"strings"
	"testing"

	spec "tensoros/hw/spec/gpu"
	hwpcie "tensoros/hw/spec/pcie"
	"tensoros/sim"
	"tensoros/sim/gpu/chip"
	"tensoros/sim/mem"
	"tensoros/sim/pcie"
)

// rig is a GPU with one channel, set up by hand in VRAM: no driver, no processor.
type rig struct {
	t    testing.TB
	eng  *sim.Engine
	gpu  *GPU
	host *mem.Host
	put  uint32
	next uint64 // where the next segment goes
}

// Places in VRAM. Virtual addresses equal physical ones; host memory lies above hostVA.
const (
	rigTables   = 0
	rigInstance = 1 << 20
	rigList     = rigInstance + 4096
	rigUserd    = rigList + 4096
	rigRing     = rigUserd + 4096
	rigPush     = 2 << 20
	rigData     = 16 << 20
	hostVA      = 4 << 30
)

func newRig(t testing.TB, c *chip.Chip) *rig {
	r := &rig{t: t, eng: sim.NewEngine(), host: mem.NewHost(hostVA, 1<<30), next: rigPush}
	f := pcie.New(r.eng, nil, r.host, pcie.DefaultTiming, func(uint64, uint32) {})
	g, fn, err := Attach(r.eng, nil, f, f.Root(), "gpu0", c)
	if err != nil {
		t.Fatal(err)
	}
	r.gpu = g
	on := []byte{hwpcie.CommandMemory | hwpcie.CommandMaster, 0}
	f.CPU(0).ConfigWrite(fn, hwpcie.Command, on, pcie.Done{})
	r.eng.Run(sim.Forever)
	r.mapPages()
	r.channel()
	return r
}

// mapPages maps the first 512 MiB of VRAM, and host memory, in pages of 512 MiB.
func (r *rig) mapPages() {
	f := r.gpu.iface.MMU
	next := uint64(rigTables + 4096)
	for _, p := range []struct {
		va uint64
		e  spec.Entry
	}{
		{0, spec.Entry{Valid: true, Page: true}},
		{hostVA, spec.Entry{Valid: true, Page: true, Aperture: spec.SystemCoherent, Addr: hostVA}},
	} {
		at := uint64(rigTables)
		for _, l := range f.Levels {
			slot := at + l.Index(p.va)
			if l.Leaf {
				r.gpu.VRAM.SetU64(slot, f.Pack(p.e))
				break
			}
			if e := f.Unpack(r.gpu.VRAM.U64(slot)); e.Valid {
				at = e.Addr
				continue
			}
			lower := spec.Entry{Valid: true, Aperture: spec.VRAM, Addr: next}
			r.gpu.VRAM.SetU64(slot, f.Pack(lower))
			at, next = next, next+4096
		}
	}
}

func (r *rig) channel() {
	v := r.gpu.VRAM
	v.SetU32(rigInstance+spec.RAMFCBaseLo, rigRing)
	v.SetU32(rigInstance+spec.RAMFCBaseHi, uint32(spec.GPBaseEntries.Put(0, 9)))
	v.SetU32(rigInstance+spec.InstancePDBLow, rigTables|spec.PDBNewFormat)
	v.SetU32(rigList, rigUserd)
	v.SetU32(rigList+8, rigInstance|1)
	r.reg(spec.ChannelRM+4, spec.ChannelEnable)
	r.reg(spec.RunlistSubmitLo, rigList)
	r.reg(spec.RunlistSubmit, 1)
}

func (r *rig) reg(at int, v uint32) {
	r.gpu.Write(spec.RegisterBAR, uint64(at), binary.LittleEndian.AppendUint32(nil, v))
}

// send puts a segment on the ring, rings, and runs until all is quiet or a millisecond has passed.
func (r *rig) send(words ...uint32) {
	for i, w := range words {
		r.gpu.VRAM.SetU32(r.next+uint64(4*i), w)
	}
	r.gpu.VRAM.SetU64(rigRing+uint64(r.put)*spec.GPEntryLen, spec.GPEntry(r.next, len(words)))
	r.next += uint64(4 * len(words))
	r.put = (r.put + 1) % 512
	r.gpu.VRAM.SetU32(rigUserd+spec.UserdGPPut, r.put)
	r.reg(spec.Doorbell, 1)
	r.eng.Run(r.eng.Now() + sim.Millisecond)
}

func (r *rig) fault() string {
	if len(r.gpu.Faults) == 0 {
		return ""
	}
	return r.gpu.Faults[len(r.gpu.Faults)-1].Detail
}

func semaphore(va uint64, payload, exec uint32) []uint32 {
	return []uint32{spec.Method(spec.SubHost, spec.HostSemAddrLo, 5), uint32(va), uint32(va >> 32),
		payload, 0, exec}
}

func TestSemaphoreReleaseWritesPayloadAndTime(t *testing.T) {
	for _, c := range []*chip.Chip{chip.A100, chip.H100} {
		r := newRig(t, c)
		exec := uint32(spec.Sem64.Put(spec.SemTimestamp.Put(spec.SemRelease, 1), 1))
		r.send(semaphore(rigData, 0x1234, exec)...)
		if got := r.gpu.VRAM.U64(rigData); got != 0x1234 {
			t.Errorf("%s: payload %#x, fault %q", c.Name, got, r.fault())
		}
		if at := r.gpu.VRAM.U64(rigData + 8); at == 0 || at > uint64(r.eng.Now()/sim.Nanosecond) {
			t.Errorf("%s: time %d ns", c.Name, at)
		}
	}
}

func TestAcquireWaitsForTheValue(t *testing.T) {
	r := newRig(t, chip.H100)
	words := semaphore(rigData, 5, spec.SemAcquireGEq)
	words = append(words, semaphore(rigData+64, 9, spec.SemRelease)...)
	r.send(words...)
	if r.gpu.VRAM.U32(rigData+64) != 0 {
		t.Fatal("went past a semaphore that does not hold")
	}
	r.gpu.VRAM.SetU32(rigData, 6)
	r.eng.Run(r.eng.Now() + 2*retryEvery)
	if got := r.gpu.VRAM.U32(rigData + 64); got != 9 {
		t.Fatalf("released %d, fault %q", got, r.fault())
	}
}

func copyWords(class uint32, dst, src uint64, n uint32) []uint32 {
	return []uint32{spec.Method(spec.SubCopy, spec.CopySetObject, 1), class,
		spec.Method(spec.SubCopy, spec.CopyInHi, 4), uint32(src >> 32), uint32(src),
		uint32(dst >> 32), uint32(dst),
		spec.Method(spec.SubCopy, spec.CopyLineLength, 2), n, 1,
		spec.Method(spec.SubCopy, spec.CopyLaunch, 1), 0x182}
}

func TestCopyEngineMovesBetweenHostAndVRAM(t *testing.T) {
	r := newRig(t, chip.H100)
	const n = 5<<20 + 12
	bus, data, _ := r.host.Alloc(2 * n)
	for i := range data[:n] {
		data[i] = byte(i * 31)
	}
	class := r.gpu.iface.Copy
	r.send(copyWords(class, rigData, bus, n)...)
	r.send(copyWords(class, rigData+8<<20, rigData, n)...)
	r.send(copyWords(class, bus+n, rigData+8<<20, n)...)
	if f := r.fault(); f != "" {
		t.Fatal(f)
	}
	for i := range n {
		if data[n+i] != data[i] {
			t.Fatalf("byte %d is %#x, want %#x", i, data[n+i], data[i])
		}
	}
}

func TestBadCommandsStopTheChannel(t *testing.T) {
	for name, c := range map[string]struct {
		words []uint32
		want  string
	}{
		"class":     {[]uint32{spec.Method(1, 0, 1), 0x1111}, "class 0x1111 does not exist"},
		"no object": {[]uint32{spec.Method(3, 0x300, 1), 1}, "no object is bound"},
		"truncated": {[]uint32{spec.Method(0, 0x100, 9), 1}, "wants 9 words, 1 are left"},
		"opcode":    {[]uint32{6 << 29}, "unknown opcode"},
		"unmapped":  {semaphore(0x55_0000_0000, 1, spec.SemRelease), "not mapped"},
		"descriptor": {[]uint32{spec.Method(1, 0, 1), 0xcbc0,
			spec.Method(1, spec.ComputeSendPCAS, 1), rigData >> 8,
			spec.Immediate(1, spec.ComputeSignaling, 9)}, "no QMD v4 descriptor"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, chip.H100)
			r.send(c.words...)
			if !strings.Contains(r.fault(), c.want) {
				t.Errorf("fault %q, want %q", r.fault(), c.want)
			}
			if r.gpu.register(spec.ChannelRM+4)&spec.ChannelFaulted == 0 {
				t.Error("the channel's state does not show it")
			}
		})
	}
}

func TestRegistersTableIsWellFormed(t *testing.T) {
	if err := spec.Registers.Check(); err != nil {
		t.Error(err)
	}
}

// FuzzPushbuffer sends arbitrary methods: the channel may fault, the machine must not.
func FuzzPushbuffer(f *testing.F) {
	words := func(ws []uint32) (p []byte) {
		for _, w := range ws {
			p = binary.LittleEndian.AppendUint32(p, w)
		}
		return p
	}
	f.Add(words(semaphore(rigData, 1, uint32(spec.SemRelease))))
	f.Add(words(copyWords(0xc8b5, rigData, rigPush, 4096)))
	f.Add(words([]uint32{spec.Method(1, 0, 1), 0xcbc0, spec.Method(1, spec.ComputeSendPCAS, 1),
		1 << 12, spec.Immediate(1, spec.ComputeSignaling, 9)}))
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) < 4 || len(p) > 4096 {
			return
		}
		r := newRig(t, chip.H100)
		var ws []uint32
		for i := 0; i+4 <= len(p); i += 4 {
			ws = append(ws, binary.LittleEndian.Uint32(p[i:]))
		}
		r.send(ws...)
	})
}
