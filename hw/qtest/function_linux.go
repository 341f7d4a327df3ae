package qtest

import (
	"fmt"

	"tensoros/hw"
	"tensoros/hw/pci"
	spec "tensoros/hw/spec/pcie"
)

// function is a PCI function of QEMU.
type function struct {
	m    *Machine
	addr hw.Address
	bars map[int]pci.BAR
}

// PCIEXBAR of q35's host bridge turns on memory-mapped configuration space (Intel 82G35, 5.1.15):
// bit 0 enables, bits 2:1 are the length, 0 for 256 buses.
const pciexbar = 0x60

// chipset says which functions of bus 0 are q35's own: the host bridge and the ICH9 at 31.
func chipset(device int) bool { return device == 0 || device == 31 }

// enumerate finds the functions of bus 0 and gives their BARs places, which firmware would do.
func (m *Machine) enumerate() error {
	m.link.ask("outl 0xcf8 %#x", 0x8000_0000|pciexbar+4)
	m.link.ask("outl 0xcfc 0")
	m.link.ask("outl 0xcf8 %#x", 0x8000_0000|pciexbar)
	m.link.ask("outl 0xcfc %#x", ecam|1)
	for dev := range 32 {
		for fn := range 8 {
			a := hw.Address{Device: uint8(dev), Func: uint8(fn)}
			if chipset(dev) {
				continue
			}
			f := &function{m: m, addr: a, bars: map[int]pci.BAR{}}
			if f.Config().Read16(spec.VendorID) == 0xffff {
				if fn == 0 {
					break
				}
				continue
			}
			if err := f.place(); err != nil {
				return err
			}
			m.funcs[a] = f
			m.order = append(m.order, a)
			if fn == 0 && f.Config().Read8(spec.HeaderType)&0x80 == 0 {
				break
			}
		}
	}
	if len(m.order) == 0 && m.link.err == nil {
		return fmt.Errorf("qtest: QEMU has no function beside the chipset: add a -device")
	}
	return m.link.err
}

// place gives each memory BAR an address.
func (f *function) place() error {
	cfg := f.Config()
	for _, b := range pci.BARs(cfg) {
		next, limit := &f.m.next, uint64(mmioEnd)
		if b.Is64 {
			next, limit = &f.m.next6, 1<<40
		}
		at := (*next + b.Size - 1) &^ (b.Size - 1)
		if at+b.Size > limit {
			return fmt.Errorf("qtest: no room for BAR %d of %v, %#x bytes", b.Index, f.addr, b.Size)
		}
		*next = at + b.Size
		b.Base = at
		f.bars[b.Index] = b
	}
	f.restore()
	return nil
}

// restore writes the BARs.
func (f *function) restore() {
	cfg := f.Config()
	for i := range 6 {
		b, ok := f.bars[i]
		if !ok {
			continue
		}
		cfg.Write32(spec.BAR0+4*i, uint32(b.Base))
		if b.Is64 {
			cfg.Write32(spec.BAR0+4*i+4, uint32(b.Base>>32))
		}
	}
}

func (f *function) fail(op, detail string, err error) error {
	return &hw.Error{Op: op, Addr: f.addr, Detail: detail, Err: err}
}

func (f *function) Config() hw.Window {
	base := uint64(ecam) | uint64(f.addr.Bus)<<20 | uint64(f.addr.Device)<<15 | uint64(
		f.addr.Func)<<12
	return &window{m: f.m, base: base, size: spec.ConfigLen, config: true}
}

func (f *function) BAR(n int) (hw.Window, error) {
	b, ok := f.bars[n]
	if !ok {
		return nil, f.fail("map", fmt.Sprintf("BAR %d", n), hw.ErrNotPresent)
	}
	return &window{m: f.m, base: b.Base, size: int(b.Size)}, nil
}

func (f *function) Memory(size int) (hw.Memory, error) { return f.m.pool.Alloc(f.addr, size) }

// Route makes a vector's message land in a word of memory that the processor looks at.
func (f *function) Route(vector, cpu int) error {
	if cpu != 0 {
		return f.fail("route", fmt.Sprintf("to CPU %d", cpu), hw.ErrNotPresent)
	}
	cfg := f.Config()
	at := pci.Capability(cfg, spec.CapMSIX)
	if at == 0 {
		return f.fail("route", "the function has no MSI-X", hw.ErrNotPresent)
	}
	control := cfg.Read16(at + 2)
	if n := int(spec.MSIXSize.Get(uint64(control))) + 1; vector < 0 || vector >= n {
		return f.fail("route", fmt.Sprintf("vector %d of %d", vector, n), hw.ErrNotPresent)
	}
	word, err := f.m.word(hw.Interrupt{From: f.addr, Vector: vector})
	if err != nil {
		return err
	}
	table := cfg.Read32(at + 4)
	bar, err := f.BAR(int(spec.MSIXBIR.Get(uint64(table))))
	if err != nil {
		return err
	}
	entry := int(table&^7) + vector*spec.MSIXEntryLen
	bar.Write32(entry, irqPage+4*uint32(word))
	bar.Write32(entry+4, 0)
	bar.Write32(entry+8, 1) // anything but zero
	bar.Write32(entry+12, 0)
	cfg.Write16(at+2, control|spec.MSIXEnable)
	return nil
}

// word is the place of an interrupt.
func (m *Machine) word(i hw.Interrupt) (int, error) {
	for n, have := range m.irqs {
		if have == i {
			return n, nil
		}
	}
	if len(m.irqs) == maxVector {
		return 0, &hw.Error{Op: "route", Addr: i.From, Detail: "too many vectors",
			Err: hw.ErrNoMemory}
	}
	m.irqs = append(m.irqs, i)
	return len(m.irqs) - 1, nil
}

// Reset is a function level reset, with the BARs and the command register put back, as Linux does.
func (f *function) Reset() error {
	cfg := f.Config()
	at := pci.Capability(cfg, spec.CapPCIe)
	if at == 0 || cfg.Read32(at+spec.ExpDevCap)&spec.DevCapFLR == 0 {
		return f.fail("reset", "the function has no function level reset", hw.ErrNotPresent)
	}
	command := cfg.Read16(spec.Command)
	cfg.Write16(at+spec.ExpDevCtl, cfg.Read16(at+spec.ExpDevCtl)|spec.FunctionReset)
	f.m.cpu.step(100_000_000) // PCIe 5.0, 6.6.2: software waits 100 ms
	f.restore()
	cfg.Write16(spec.Command, command)
	return f.Err()
}

func (f *function) Err() error {
	if f.m.link.err != nil {
		return f.fail("reach", f.m.link.err.Error(), hw.ErrLost)
	}
	return nil
}

func (f *function) Close() error { return f.Err() }

// window is configuration space or a BAR.
type window struct {
	m      *Machine
	base   uint64
	size   int
	config bool
}

func (w *window) Len() int { return w.size }

func (w *window) Bus() hw.BusAddr {
	if w.config {
		return 0
	}
	return hw.BusAddr(w.base)
}

func (w *window) at(off, n int) uint64 {
	if off < 0 || off+n > w.size || off%n != 0 {
		panic(fmt.Sprintf("qtest: %d byte access at %#x of a window of %#x bytes", n, off, w.size))
	}
	return w.base + uint64(off)
}

func (w *window) Read8(off int) uint8       { return uint8(w.m.link.read(w.at(off, 1), 1)) }
func (w *window) Read16(off int) uint16     { return uint16(w.m.link.read(w.at(off, 2), 2)) }
func (w *window) Read32(off int) uint32     { return uint32(w.m.link.read(w.at(off, 4), 4)) }
func (w *window) Read64(off int) uint64     { return w.m.link.read(w.at(off, 8), 8) }
func (w *window) Write8(off int, v uint8)   { w.m.link.write(w.at(off, 1), 1, uint64(v)) }
func (w *window) Write16(off int, v uint16) { w.m.link.write(w.at(off, 2), 2, uint64(v)) }
func (w *window) Write32(off int, v uint32) { w.m.link.write(w.at(off, 4), 4, uint64(v)) }
func (w *window) Write64(off int, v uint64) { w.m.link.write(w.at(off, 8), 8, v) }

// Copy writes p as QEMU's own bulk write.
func (w *window) Copy(off int, p []byte) {
	if off < 0 || off+len(p) > w.size {
		panic(fmt.Sprintf("qtest: copy of %d bytes to %#x of %#x", len(p), off, w.size))
	}
	w.m.link.copy(w.base+uint64(off), p)
}
