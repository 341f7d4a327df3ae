package tap

import "tensoros/hw"

type window struct {
	tap   *Machine
	inner hw.Window
	addr  hw.Address
	place int
}

func (w *window) Len() int        { return w.inner.Len() }
func (w *window) Bus() hw.BusAddr { return w.inner.Bus() }

func (w *window) entry(op Op, off, size int, v uint64) *Entry {
	return &Entry{Op: op, Addr: w.addr, Place: w.place, Off: off, Size: size, Value: v,
		Bus: w.inner.Bus()}
}

func (w *window) read(off, size int, do func() uint64) uint64 {
	e := w.entry(Read, off, size, 0)
	w.tap.cross(e, func(e *Entry) { e.Value = do() })
	return e.Value
}

func (w *window) write(off, size int, v uint64, do func()) {
	w.tap.cross(w.entry(Write, off, size, v), func(*Entry) { do() })
}

func (w *window) Read8(off int) uint8 {
	return uint8(w.read(off, 1, func() uint64 { return uint64(w.inner.Read8(off)) }))
}

func (w *window) Read16(off int) uint16 {
	return uint16(w.read(off, 2, func() uint64 { return uint64(w.inner.Read16(off)) }))
}

func (w *window) Read32(off int) uint32 {
	return uint32(w.read(off, 4, func() uint64 { return uint64(w.inner.Read32(off)) }))
}

func (w *window) Read64(off int) uint64 {
	return w.read(off, 8, func() uint64 { return w.inner.Read64(off) })
}

func (w *window) Write8(off int, v uint8) {
	w.write(off, 1, uint64(v), func() { w.inner.Write8(off, v) })
}

func (w *window) Write16(off int, v uint16) {
	w.write(off, 2, uint64(v), func() { w.inner.Write16(off, v) })
}

func (w *window) Write32(off int, v uint32) {
	w.write(off, 4, uint64(v), func() { w.inner.Write32(off, v) })
}

func (w *window) Write64(off int, v uint64) {
	w.write(off, 8, v, func() { w.inner.Write64(off, v) })
}

func (w *window) Copy(off int, p []byte) {
	e := w.entry(Copy, off, len(p), 0)
	e.Data = p
	w.tap.cross(e, func(*Entry) { w.inner.Copy(off, p) })
}

type memory struct {
	tap   *Machine
	inner hw.Memory
	id    int
	seen  []byte // contents that have been reported
}

func (m *memory) Len() int        { return m.inner.Len() }
func (m *memory) Bus() hw.BusAddr { return m.inner.Bus() }
func (m *memory) Bytes() []byte   { return m.inner.Bytes() }

func (m *memory) cross(op Op, off, size int, v uint64, do func() uint64) uint64 {
	e := &Entry{Op: op, Place: m.id, Off: off, Size: size, Value: v}
	m.tap.cross(e, func(e *Entry) { e.Value = do() })
	return e.Value
}

func (m *memory) Load32(off int) uint32 {
	return uint32(m.cross(Load, off, 4, 0, func() uint64 { return uint64(m.inner.Load32(off)) }))
}

func (m *memory) Load64(off int) uint64 {
	return m.cross(Load, off, 8, 0, func() uint64 { return m.inner.Load64(off) })
}

func (m *memory) Store32(off int, v uint32) {
	m.cross(Store, off, 4, uint64(v), func() uint64 { m.inner.Store32(off, v); return uint64(v) })
}

func (m *memory) Store64(off int, v uint64) {
	m.cross(Store, off, 8, v, func() uint64 { m.inner.Store64(off, v); return v })
}

func (m *memory) Free() {
	m.tap.memories[m.id] = nil
	m.cross(Free, 0, 0, 0, func() uint64 { m.inner.Free(); return 0 })
}

// cpu is a processor; its methods are only called while it runs.
type cpu struct {
	tap   *Machine
	inner hw.CPU
}

func (c *cpu) ID() int { return c.inner.ID() }

func (c *cpu) Now() hw.Time {
	e := &Entry{Op: Now}
	c.tap.cross(e, func(e *Entry) { e.Value = uint64(c.inner.Now()) })
	return hw.Time(e.Value)
}

func (c *cpu) Relax() { c.tap.cross(&Entry{Op: Relax}, func(*Entry) { c.inner.Relax() }) }

func (c *cpu) Idle(until hw.Time) {
	c.tap.cross(&Entry{Op: Idle, Value: uint64(until)}, func(*Entry) { c.inner.Idle(until) })
}

func (c *cpu) Pending(dst []hw.Interrupt) []hw.Interrupt {
	n := len(dst)
	c.tap.cross(&Entry{Op: Pending}, func(e *Entry) {
		dst = c.inner.Pending(dst)
		e.IRQs = dst[n:]
	})
	return dst
}

func (c *cpu) Kick(id int) {
	c.tap.cross(&Entry{Op: Kick, Value: uint64(id)}, func(*Entry) { c.inner.Kick(id) })
}

func (c *cpu) Work(instructions int) {
	c.tap.cross(&Entry{Op: Work, Value: uint64(instructions)},
		func(*Entry) { c.inner.Work(instructions) })
}
