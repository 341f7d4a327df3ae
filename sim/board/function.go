package board

import (
	"fmt"

	"tensoros/hw"
	spec "tensoros/hw/spec/pcie"
	"tensoros/sim/pcie"
)

// function is an opened PCI function.
type function struct {
	board *Board
	dev   *pcie.Function
	err   error
}

func (f *function) Config() hw.Window {
	return &window{fn: f, bar: -1, len: spec.ConfigLen}
}

func (f *function) fail(op, detail string, err error) error {
	return &hw.Error{Op: op, Addr: f.dev.Address(), Detail: detail, Err: err}
}

func (f *function) BAR(n int) (hw.Window, error) {
	base, size := f.dev.BAR(n)
	if size == 0 {
		return nil, f.fail("map", fmt.Sprintf("BAR %d", n), hw.ErrNotPresent)
	}
	return &window{fn: f, bar: n, base: base, len: int(size)}, nil
}

func (f *function) Memory(size int) (hw.Memory, error) {
	base, data, ok := f.board.Host.Alloc(size)
	if !ok {
		return nil, f.fail("allocate", fmt.Sprintf("%d bytes", size), hw.ErrNoMemory)
	}
	return &memory{f.board, base, data}, nil
}

// Route writes the vector's MSI-X table entry: an x86 message to the local APIC of cpu, with the
// vector in the data as the board's own numbering.
func (f *function) Route(vector, cpu int) error {
	e := f.dev.Spec()
	if vector < 0 || vector >= e.Vectors {
		return f.fail("route", fmt.Sprintf("vector %d of %d", vector, e.Vectors), hw.ErrNotPresent)
	}
	if cpu < 0 || cpu >= len(f.board.cpus) {
		return f.fail("route", fmt.Sprintf("to CPU %d", cpu), hw.ErrNotPresent)
	}
	bar, err := f.BAR(e.VectorBAR)
	if err != nil {
		return err
	}
	at := e.VectorTable + vector*spec.MSIXEntryLen
	bar.Write64(at, apicBase|uint64(cpu)<<12)
	bar.Write32(at+8, f.board.message(f, vector))
	bar.Write32(at+12, 0)
	f.Config().Write16(spec.MSIXAt+2, spec.MSIXEnable)
	return nil
}

func (f *function) Reset() error {
	if f.dev.Lost() {
		return f.fail("reset", "", hw.ErrLost)
	}
	cfg := f.Config()
	const control = spec.ExpressAt + spec.ExpDevCtl
	cfg.Write16(control, cfg.Read16(control)|spec.FunctionReset)
	return nil
}

func (f *function) Err() error {
	if f.err == nil && f.dev.Lost() {
		f.err = f.fail("reach", "", hw.ErrLost)
	}
	return f.err
}

func (f *function) Close() error { return f.Err() }
