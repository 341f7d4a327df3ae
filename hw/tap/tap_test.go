package tap

import (
	"bytes"
	"testing"

	"tensoros/hw"
)

// tiny is a machine of one processor and one function whose BAR counts reads, and whose device
// changes DMA memory while the processor relaxes.
type tiny struct {
	body  func(hw.CPU)
	reads uint32
	data  []byte
}

func (m *tiny) CPUs() int                      { return 1 }
func (m *tiny) Start(_ int, body func(hw.CPU)) { m.body = body }
func (m *tiny) Functions() []hw.Address        { return []hw.Address{{Bus: 1}} }

func (m *tiny) Open(hw.Address) (hw.Function, error) { return tinyFunction{m: m}, nil }

type tinyFunction struct {
	hw.Function
	m *tiny
}

func (f tinyFunction) BAR(int) (hw.Window, error) { return tinyWindow{m: f.m}, nil }

func (f tinyFunction) Memory(n int) (hw.Memory, error) {
	f.m.data = make([]byte, n)
	return tinyMemory{m: f.m}, nil
}

type tinyWindow struct {
	hw.Window
	m *tiny
}

func (w tinyWindow) Len() int          { return 64 }
func (w tinyWindow) Bus() hw.BusAddr   { return 0x1000 }
func (w tinyWindow) Copy(int, []byte)  {}
func (w tinyWindow) Read32(int) uint32 { w.m.reads++; return w.m.reads }

type tinyMemory struct {
	hw.Memory
	m *tiny
}

func (m tinyMemory) Len() int        { return len(m.m.data) }
func (m tinyMemory) Bus() hw.BusAddr { return 0x2000 }
func (m tinyMemory) Bytes() []byte   { return m.m.data }
func (m tinyMemory) Free()           {}

type tinyCPU struct {
	hw.CPU
	m   *tiny
	now hw.Time
}

func (c *tinyCPU) ID() int      { return 0 }
func (c *tinyCPU) Now() hw.Time { c.now++; return c.now }
func (c *tinyCPU) Relax()       { copy(c.m.data[4094:], "dma") }

func guest(m hw.Machine, got *bytes.Buffer) {
	m.Start(0, func(c hw.CPU) {
		f, _ := m.Open(m.Functions()[0])
		w, _ := f.BAR(2)
		mem, _ := f.Memory(5000)
		w.Copy(8, []byte{1, 2, 3})
		got.WriteByte(byte(w.Read32(4) + w.Read32(4)))
		c.Relax()
		got.Write(mem.Bytes()[4094:4097])
		mem.Free()
	})
}

const want = `host start = 0x0
cpu0 begin
cpu0 functions [0000:01:00.0]
cpu0 open 0000:01:00.0
cpu0 bar 0000:01:00.0 2 = 0x1000
cpu0 memory40000 mem0+0x0 = 0x2000
cpu0 copy24 0000:01:00.0 bar2+0x8 010203
cpu0 read32 0000:01:00.0 bar2+0x4 = 0x1
cpu0 read32 0000:01:00.0 bar2+0x4 = 0x2
cpu0 relax
cpu0 dma16 mem0+0xffe 646d
cpu0 dma8 mem0+0x1000 61
cpu0 free0 mem0+0x0
cpu0 end
`

// TestReplayGivesTheGuestItsDMA runs a guest on a machine, then on the log of it alone.
func TestReplayGivesTheGuestItsDMA(t *testing.T) {
	m := &tiny{}
	log := &Log{}
	var first, second, text bytes.Buffer
	guest(New(m, log), &first)
	m.body(&tinyCPU{m: m})
	if err := log.WriteText(&text); err != nil || text.String() != want {
		t.Errorf("%v: the log has\n%s", err, text.String())
	}
	p := Replay(log)
	guest(p, &second)
	if err := p.Run(); err != nil {
		t.Error(err)
	}
	if first.String() != "\x03dma" || first.String() != second.String() {
		t.Errorf("the guest saw %q, on replay %q", first.String(), second.String())
	}
}
