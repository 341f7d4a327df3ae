package nvme

import (
	"encoding/binary"
	"errors"
	"testing"

	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"
)

// still is a machine in which nothing happens: no time passes but what Relax adds.
type still struct{ now hw.Time }

func (c *still) ID() int                                 { return 0 }
func (c *still) Now() hw.Time                            { return c.now }
func (c *still) Relax()                                  { c.now += 100 }
func (c *still) Idle(until hw.Time)                      { c.now = until }
func (c *still) Pending(d []hw.Interrupt) []hw.Interrupt { return d }
func (c *still) Kick(int)                                {}
func (c *still) Work(int)                                {}

// bytesOf is memory, and a window of which only CSTS matters.
type bytesOf struct {
	at    hw.BusAddr
	p     []byte
	freed *int
	csts  uint32
}

func (m *bytesOf) Len() int              { return len(m.p) }
func (m *bytesOf) Bus() hw.BusAddr       { return m.at }
func (m *bytesOf) Bytes() []byte         { return m.p }
func (m *bytesOf) Load32(off int) uint32 { return binary.LittleEndian.Uint32(m.p[off:]) }
func (m *bytesOf) Load64(off int) uint64 { return binary.LittleEndian.Uint64(m.p[off:]) }
func (m *bytesOf) Store32(int, uint32)   {}
func (m *bytesOf) Store64(int, uint64)   {}
func (m *bytesOf) Free()                 { *m.freed++ }
func (m *bytesOf) Read8(int) uint8       { return uint8(m.csts) }
func (m *bytesOf) Read16(int) uint16     { return uint16(m.csts) }
func (m *bytesOf) Read32(int) uint32     { return m.csts }
func (m *bytesOf) Read64(int) uint64     { return uint64(m.csts) | uint64(m.csts)<<32 }
func (m *bytesOf) Write8(int, uint8)     {}
func (m *bytesOf) Write16(int, uint16)   {}
func (m *bytesOf) Write32(int, uint32)   {}
func (m *bytesOf) Write64(int, uint64)   {}
func (m *bytesOf) Copy(int, []byte)      {}

// dummy is a function with memory and a window, and no device behind it.
type dummy struct {
	next   hw.BusAddr
	frees  int
	allocs int
	csts   uint32
	poor   int // allocation that fails; 0 for none
}

func (f *dummy) Config() hw.Window { return &bytesOf{csts: 0xffffffff} }
func (f *dummy) BAR(int) (hw.Window, error) {
	return &bytesOf{p: make([]byte, 1<<14), csts: f.csts}, nil
}
func (f *dummy) Route(int, int) error { return nil }
func (f *dummy) Reset() error         { return nil }
func (f *dummy) Err() error           { return nil }
func (f *dummy) Close() error         { return nil }
func (f *dummy) Memory(n int) (hw.Memory, error) {
	if f.allocs++; f.allocs == f.poor {
		return nil, hw.ErrNoMemory
	}
	m := &bytesOf{at: f.next, p: make([]byte, n), freed: &f.frees}
	f.next += hw.BusAddr(n+4095) &^ 4095
	return m, nil
}

func newDrive(t testing.TB, shift uint8, most int) *Drive {
	f := &dummy{next: 1 << 20, csts: 1}
	bar, _ := f.BAR(0)
	d := &Drive{fn: f, bar: bar, shift: shift, BlockSize: 1 << shift, MaxTransfer: most, ID: 1,
		Timeout: 1000, state: live}
	var err error
	if d.admin, err = d.newPair(0, adminSize, false); err != nil {
		t.Fatal(err)
	}
	p, err := d.newPair(1, entries, true)
	if err != nil {
		t.Fatal(err)
	}
	d.pairs = []*pair{p}
	return d
}

// pieces walks the PRPs of the entry at a place in the ring as Base 4.1.1 says, and gives back the
// bus address of every byte's 4-byte group.
func pieces(d *Drive, i int) (c spec.Command, addrs []hw.BusAddr) {
	p := d.pairs[0]
	c = spec.DecodeCommand(p.sq.Bytes()[i*spec.SQELen:])
	left := int(c.CDW12&0xffff+1) << d.shift
	if c.Flags != 0 {
		sgl := c.SGL1()
		if sgl.Type != spec.SGLDataBlock || int(sgl.Len) != left || c.Flags != spec.PSDTSGL<<6 {
			panic("an SGL of another length, or kind, or none")
		}
		for at := sgl.Addr; left > 0; left -= 4 {
			addrs = append(addrs, hw.BusAddr(at))
			at += 4
		}
		return c, addrs
	}
	pages := []uint64{c.PRP1}
	for n := left - (4096 - int(c.PRP1%4096)); n > 0; n -= 4096 {
		k := len(pages) - 1
		switch at := c.PRP2 - uint64(p.lists.Bus()); {
		case k == 0 && n <= 4096:
			pages = append(pages, c.PRP2)
		default:
			pages = append(pages, binary.LittleEndian.Uint64(p.lists.Bytes()[int(at)+8*k:]))
		}
	}
	for _, at := range pages {
		for n := min(left, 4096-int(at%4096)); n > 0; n -= 4 {
			addrs = append(addrs, hw.BusAddr(at))
			at, left = at+4, left-4
		}
	}
	return c, addrs
}

// FuzzSubmit: however segments lie, the commands together name every block once and in order, and
// every byte where the segments say.
func FuzzSubmit(f *testing.F) {
	f.Add(uint64(7), uint16(0), uint16(8), uint16(512), uint16(300), false, false)
	f.Add(uint64(0), uint16(4), uint16(1), uint16(4092), uint16(1), true, true)
	f.Fuzz(func(t *testing.T, lba uint64, off1, n1, off2, n2 uint16, big, sgl bool) {
		shift, most := uint8(9), 128<<10
		if big {
			shift, most = 12, 1<<20
		}
		d := newDrive(t, shift, most)
		d.SGL = sgl
		lba &= 1<<40 - 1
		segs := []Segment{{0x10000000 + hw.BusAddr(off1&^3), int(n1%1000+1) << shift},
			{0x20000000 + hw.BusAddr(off2&^3), int(n2%1000+1) << shift}}
		blocks := uint64(segs[0].Len+segs[1].Len) >> shift
		if _, err := d.Submit(&still{}, OpRead, lba, blocks, segs); err != nil {
			t.Fatal(err)
		}
		var got []hw.BusAddr
		for i := range d.pairs[0].tail {
			c, addrs := pieces(d, i)
			if c.SLBA() != lba+uint64(len(got)*4)>>shift || len(addrs)*4 > most || c.NSID != 1 {
				t.Fatalf("command %d: %+v after %d bytes", i, c, len(got)*4)
			}
			got = append(got, addrs...)
		}
		i := 0
		for _, s := range segs {
			for k := 0; k < s.Len; k += 4 {
				if i >= len(got) || got[i] != s.Bus+hw.BusAddr(k) {
					t.Fatalf("byte %d is not at %#x", i*4, s.Bus+hw.BusAddr(k))
				}
				i++
			}
		}
		if i != len(got) {
			t.Fatalf("%d bytes too many", (len(got)-i)*4)
		}
	})
}

func TestWaitTimesOut(t *testing.T) {
	d := newDrive(t, 9, 128<<10)
	k, err := d.Submit(&still{}, OpRead, 0, 1, []Segment{{0x1000, 512}})
	if err != nil {
		t.Fatal(err)
	}
	// No register answers as it should, and configuration space is not there: lost in the end.
	if err := d.Wait(&still{}, k); !errors.Is(err, hw.ErrLost) {
		t.Fatal(err)
	}
	if _, err := d.Submit(&still{}, OpRead, 0, 1, []Segment{{0x1000, 512}}); !errors.Is(err,
		hw.ErrLost) {
		t.Fatal(err)
	}
}

// A lost device is told at once, and a failed Open frees what it took.
func TestOpenFailsCleanly(t *testing.T) {
	f := &dummy{csts: 0xffffffff}
	if _, err := Open(&still{}, f, hw.Address{}); !errors.Is(err, hw.ErrLost) {
		t.Fatal(err)
	}
	f = &dummy{poor: 2, csts: 1}
	if _, err := Open(&still{}, f, hw.Address{}); !errors.Is(err, hw.ErrNoMemory) || f.frees != 1 {
		t.Fatal(err, f.frees)
	}
}

// The submission path allocates nothing.
func BenchmarkSubmit(b *testing.B) {
	d := newDrive(b, 9, 128<<10)
	p := d.pairs[0]
	cpu := &still{}
	segs := []Segment{{0x10000000, 128 << 10}}
	e := spec.Completion{SQID: 1}
	b.ReportAllocs()
	for b.Loop() {
		k, err := d.Submit(cpu, OpRead, 0, 256, segs)
		if err != nil {
			b.Fatal(err)
		}
		e.CID = spec.DecodeCommand(p.sq.Bytes()[(p.tail+p.size-1)%p.size*spec.SQELen:]).CID
		p.settle(cpu, &e)
		if over, err := d.Done(k); !over || err != nil {
			b.Fatal(over, err)
		}
	}
}
