package board

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"tensoros/hw"
	"tensoros/sim"
	"tensoros/sim/pcie"
	"tensoros/traces"
)

// window is configuration space (bar < 0) or a BAR, seen from the processor that touches it.
type window struct {
	fn   *function
	bar  int
	base uint64
	len  int
}

func (w *window) Len() int { return w.len }

func (w *window) Bus() hw.BusAddr {
	if w.bar < 0 {
		return 0
	}
	return hw.BusAddr(w.base)
}

func (w *window) check(off, n int) {
	if off < 0 || off+n > w.len || off%n != 0 {
		panic(fmt.Sprintf("board: %d byte access at %#x of a window of %#x bytes of %v",
			n, off, w.len, w.fn.dev.Address()))
	}
}

func (w *window) read(off, n int) uint64 {
	w.check(off, n)
	c := w.fn.board.current()
	c.proc.Sync()
	start := c.proc.Now()
	p := c.buf[:n]
	clear(c.buf[:])
	done := pcie.Done{To: c}
	if w.bar < 0 {
		c.port.ConfigRead(w.fn.dev, off, p, done)
	} else {
		c.port.Read(w.base+uint64(off), p, done)
	}
	c.await()
	v := binary.LittleEndian.Uint64(c.buf[:])
	c.board.rec.Span(traces.CPURead, c.track, start, c.proc.Now(), nil, w.base+uint64(off),
		uint64(n), v)
	return v
}

func (w *window) write(off, n int, v uint64) {
	w.check(off, n)
	c := w.fn.board.current()
	c.storeSlot()
	c.board.rec.Mark(traces.CPUWrite, c.track, c.proc.Now(), w.base+uint64(off), uint64(n), v)
	var p [8]byte
	binary.LittleEndian.PutUint64(p[:], v)
	if w.bar >= 0 {
		c.port.Write(w.base+uint64(off), p[:n], pcie.Done{})
		return
	}
	c.proc.Sync()
	c.port.ConfigWrite(w.fn.dev, off, p[:n], pcie.Done{To: c})
	c.await() // configuration writes are not posted
}

func (w *window) Read8(off int) uint8       { return uint8(w.read(off, 1)) }
func (w *window) Read16(off int) uint16     { return uint16(w.read(off, 2)) }
func (w *window) Read32(off int) uint32     { return uint32(w.read(off, 4)) }
func (w *window) Read64(off int) uint64     { return w.read(off, 8) }
func (w *window) Write8(off int, v uint8)   { w.write(off, 1, uint64(v)) }
func (w *window) Write16(off int, v uint16) { w.write(off, 2, uint64(v)) }
func (w *window) Write32(off int, v uint32) { w.write(off, 4, uint64(v)) }
func (w *window) Write64(off int, v uint64) { w.write(off, 8, v) }

// Copy streams p through the write-combining buffers: the processor spends the time of its
// stores, the link whatever 64-byte writes cost it.
func (w *window) Copy(off int, p []byte) {
	if off < 0 || off+len(p) > w.len {
		panic(fmt.Sprintf("board: copy of %d bytes to %#x of a window of %#x", len(p), off, w.len))
	}
	if len(p) == 0 {
		return
	}
	c := w.fn.board.current()
	start := c.proc.Now()
	c.port.Write(w.base+uint64(off), bytes.Clone(p), pcie.Done{})
	c.proc.Spend(c.timing.Combined.Span(uint64(len(p))))
	c.board.rec.Span(traces.CPUCopy, c.track, start, c.proc.Now(), nil, w.base+uint64(off),
		uint64(len(p)))
}

// memory is host memory for DMA.
type memory struct {
	board *Board
	base  uint64
	data  []byte
}

func (m *memory) Len() int        { return len(m.data) }
func (m *memory) Bus() hw.BusAddr { return hw.BusAddr(m.base) }
func (m *memory) Bytes() []byte   { return m.data }

func (m *memory) order() {
	c := m.board.current()
	c.proc.Spend(c.timing.Load)
	c.proc.Sync()
}

func (m *memory) Load32(off int) uint32 {
	m.order()
	return binary.LittleEndian.Uint32(m.data[off:])
}

func (m *memory) Load64(off int) uint64 {
	m.order()
	return binary.LittleEndian.Uint64(m.data[off:])
}

func (m *memory) Store32(off int, v uint32) {
	m.order()
	binary.LittleEndian.PutUint32(m.data[off:], v)
}

func (m *memory) Store64(off int, v uint64) {
	m.order()
	binary.LittleEndian.PutUint64(m.data[off:], v)
}

func (m *memory) Free() {
	m.board.Host.Free(m.base)
	m.data = nil
}

var _ sim.Handler = (*cpu)(nil)
