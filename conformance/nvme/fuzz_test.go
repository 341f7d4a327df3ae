package nvme_test

import (
	"testing"

	"tensoros/conformance/nvme"
	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"
)

// noise is a machine whose only device answers at random. It is only held to the shape of hw.
type noise struct {
	data   []byte
	at     int
	memory []byte
	now    hw.Time
	cc     uint32
	asq    uint64
	tail   uint32 // of the admin queue,
	owed   bool   // whose last command is not answered,
	done   int    // and how many were
}

func (n *noise) next() byte {
	if len(n.data) == 0 {
		return 0
	}
	n.at++
	return n.data[n.at%len(n.data)] + byte(n.at/len(n.data))
}

func (n *noise) word() (v uint64) {
	for range 8 {
		v = v<<8 | uint64(n.next())
	}
	return v
}

func (n *noise) CPUs() int                            { return 1 }
func (n *noise) Start(int, func(hw.CPU))              {}
func (n *noise) Functions() []hw.Address              { return []hw.Address{{}} }
func (n *noise) Open(hw.Address) (hw.Function, error) { return n, nil }
func (n *noise) Config() hw.Window                    { return &noiseWindow{n, 4096, true} }
func (n *noise) BAR(int) (hw.Window, error)           { return &noiseWindow{n, 0x2000, false}, nil }
func (n *noise) Route(int, int) error                 { return nil }
func (n *noise) Reset() error                         { return nil }
func (n *noise) Err() error                           { return nil }
func (n *noise) Close() error                         { return nil }
func (n *noise) ID() int                              { return 0 }
func (n *noise) Now() hw.Time                         { return n.now }
func (n *noise) Relax()                               { n.now++ }
func (n *noise) Idle(until hw.Time)                   { n.now = max(n.now+1, until) }
func (n *noise) Kick(int)                             {}
func (n *noise) Work(int)                             {}

func (n *noise) Pending(dst []hw.Interrupt) []hw.Interrupt {
	return append(dst, hw.Interrupt{Vector: int(n.next())})
}

func (n *noise) Memory(size int) (hw.Memory, error) {
	n.memory = make([]byte, size)
	return &noiseMemory{n}, nil
}

type noiseMemory struct{ n *noise }

func (m *noiseMemory) Len() int              { return len(m.n.memory) }
func (m *noiseMemory) Bus() hw.BusAddr       { return 0x10000 }
func (m *noiseMemory) Bytes() []byte         { return m.n.memory }
func (m *noiseMemory) Load64(off int) uint64 { return le.Uint64(m.n.memory[off:]) }
func (m *noiseMemory) Store32(off int, v uint32) {
	le.PutUint32(m.n.memory[off:], v)
}
func (m *noiseMemory) Store64(off int, v uint64) { le.PutUint64(m.n.memory[off:], v) }
func (m *noiseMemory) Free()                     {}

// Load32 may find a completion: mostly of the command that the admin queue waits for, else of some
// queue, for some command, with some data.
func (m *noiseMemory) Load32(off int) uint32 {
	n := m.n
	kind := n.next()
	switch p := n.memory[max(off-12, 0):]; {
	case off%16 != spec.CQEStatusAt:
	case n.owed && kind < 240:
		n.owed = false
		if kind < 200 {
			n.word()
		}
		e := spec.Completion{Result: uint32(n.word()), SQHD: uint16(n.tail),
			Phase: n.done/32%2 == 0}
		e.CID = le.Uint16(n.memory[n.asq-0x10000+uint64(n.tail+31)%32*64+2:])
		if kind < 60 {
			e.Status = spec.Status(n.word())
		}
		e.Encode(p)
		n.done++
		n.scatter(int(kind))
	case n.owed:
		le.PutUint64(p, n.word())
		le.PutUint64(p[8:], n.word())
	}
	return le.Uint32(n.memory[off:])
}

// scatter puts something into the data buffer.
func (n *noise) scatter(seed int) {
	const data = adminAreas
	for i := range 16 {
		le.PutUint64(n.memory[data+i*64+seed%8*8:], n.word())
	}
}

// adminAreas is an offset of the arena that lies in the buffer for data.
const adminAreas = 2 << 20

type noiseWindow struct {
	n      *noise
	len    int
	config bool
}

func (w *noiseWindow) read(off, size int) uint64 {
	switch {
	case off < 0 || off+size > w.len || off%size != 0:
		panic("an access out of a window")
	case w.config && off == 8:
		return nvme.Class << 8
	case w.config && off < 4:
		return 0x12345678
	case !w.config && off == spec.CC:
		return uint64(w.n.cc)
	case !w.config && off == spec.CAP && size == 8 && w.n.next() < 240:
		return w.n.word() &^ (0xf << 32) // doorbells without a stride
	case !w.config && off == spec.CSTS && w.n.next() < 250:
		return uint64(w.n.cc & 1)
	}
	return w.n.word()
}

func (w *noiseWindow) Len() int                  { return w.len }
func (w *noiseWindow) Bus() hw.BusAddr           { return 0 }
func (w *noiseWindow) Read8(off int) uint8       { return uint8(w.read(off, 1)) }
func (w *noiseWindow) Read16(off int) uint16     { return uint16(w.read(off, 2)) }
func (w *noiseWindow) Read32(off int) uint32     { return uint32(w.read(off, 4)) }
func (w *noiseWindow) Read64(off int) uint64     { return w.read(off, 8) }
func (w *noiseWindow) Write8(off int, _ uint8)   { w.read(off, 1) }
func (w *noiseWindow) Write16(off int, _ uint16) { w.read(off, 2) }
func (w *noiseWindow) Write64(off int, _ uint64) { w.read(off, 8) }
func (w *noiseWindow) Copy(int, []byte)          {}
func (w *noiseWindow) Write32(off int, v uint32) {
	w.read(off, 4)
	switch n := w.n; {
	case w.config:
	case off == spec.CC:
		n.cc, n.done, n.owed = v, 0, false
	case off == spec.ASQ:
		n.asq = uint64(v)
	case off == spec.Doorbells:
		n.tail, n.owed = v%32, true
	}
}

// FuzzDevice: whatever a device answers, the suite comes to an end and does not panic.
func FuzzDevice(f *testing.F) {
	for seed := range uint64(16) {
		p := make([]byte, 64)
		for i := range p {
			seed = seed*6364136223846793005 + 1442695040888963407
			p[i] = byte(seed >> 56)
		}
		f.Add(p)
	}
	f.Add([]byte{1, 5, 0, 3, 200, 31, 9, 8, 7})
	f.Fuzz(func(t *testing.T, data []byte) {
		n := &noise{data: data}
		part, i := int(n.next())%16, 0
		r, err := nvme.RunCases(n, n, hw.Address{}, "noise", func(string) bool {
			i++
			return i%16 == part
		})
		if err == nil && r == nil {
			t.Error("neither a report nor an error")
		}
	})
}
