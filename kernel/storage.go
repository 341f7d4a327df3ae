package kernel

import (
	"errors"
	"fmt"

	"tensoros/hw"
	"tensoros/kernel/drv/nvme"
	"tensoros/kernel/task"
	"tensoros/kernel/tensorfs"
)

// Object is a named tensor on a volume.
type Object = tensorfs.Object

// chunk is what one request to a drive moves at most: long enough to hide its cost, short enough
// that several are under way.
const chunk = 1 << 20

// Requests under way: those of one transfer on a drive, and those of all transfers. The rest of the
// queue is for the host's own.
const (
	depth    = 32
	maxDepth = nvme.Depth - 8
)

// Size is the drive's capacity.
func (d *Drive) Size() uint64 { return d.NVMe.Blocks * uint64(d.NVMe.BlockSize) }

// ReadAt reads into host memory that the CPU sees: metadata, never tensors.
func (d *Drive) ReadAt(off uint64, p []byte) error { return d.viaHost(nvme.OpRead, off, p) }

// WriteAt writes from the host.
func (d *Drive) WriteAt(off uint64, p []byte) error { return d.viaHost(nvme.OpWrite, off, p) }

// Flush makes what was written durable.
func (d *Drive) Flush() error { return d.named(d.NVMe.Flush(d.k.CPU)) }

// named puts the drive before an error.
func (d *Drive) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("nvme%d: %w", d.Index, err)
}

func (d *Drive) viaHost(op nvme.Op, off uint64, p []byte) error {
	mem, err := d.fn.Memory(len(p))
	if err != nil {
		return err
	}
	if op == nvme.OpWrite {
		copy(mem.Bytes(), p)
	}
	t := d.k.transfer(op, 1)
	err = t.add(0, d, off, mem.Bus(), uint64(len(p)))
	if err == nil {
		err = d.k.Loop.Wait(d.k.Loop.Go(op.String(), t.step))
	}
	if err == nil && op == nvme.OpRead {
		copy(p, mem.Bytes())
	}
	if !errors.Is(err, nvme.ErrWild) { // then the memory is lost, but not overwritten
		mem.Free()
	}
	return err
}

// lane is the part of a transfer that one drive has.
type lane struct {
	d      *Drive
	pieces []piece
	sent   uint64 // of the first piece
	flight []nvme.Ticket
}

// piece is a run of a drive and its place on the bus.
type piece struct {
	off, n uint64
	bus    hw.BusAddr
}

// transfer is bytes on their way between drives and bus addresses, all drives at once.
type transfer struct {
	k       *Kernel
	op      nvme.Op
	lanes   []lane // by member
	failure error  // what went wrong first; the rest is waited for
}

func (k *Kernel) transfer(op nvme.Op, members int) *transfer {
	return &transfer{k: k, op: op, lanes: make([]lane, members)}
}

// add gives a drive a piece to move. The last block may reach beyond n: extents end on pages.
func (t *transfer) add(i int, d *Drive, off uint64, bus hw.BusAddr, n uint64) error {
	block := uint64(d.NVMe.BlockSize)
	n = (n + block - 1) / block * block
	if off%block != 0 || off > d.Size() || n > d.Size()-off {
		return fmt.Errorf("nvme%d: %d bytes at %#x are outside the drive of %d", d.Index, n, off,
			d.Size())
	}
	l := &t.lanes[i]
	l.d = d
	if n > 0 {
		l.pieces = append(l.pieces, piece{off, n, bus})
	}
	return nil
}

// runs gives the drives of a volume their pieces of a range that is contiguous on the bus.
func (t *transfer) runs(v *Volume, runs []tensorfs.Run, bus hw.BusAddr) error {
	for _, r := range runs {
		if err := t.add(r.Drive, v.Drives[r.Drive], r.Off, bus, r.Len); err != nil {
			return err
		}
		bus += hw.BusAddr(r.Len)
	}
	return nil
}

// step sends what fits and takes what is done. It ends when nothing is under way any more on any
// drive, so that nobody writes to memory that is given back: the driver ends every request.
func (t *transfer) step() (bool, error) {
	over := true
	for i := range t.lanes {
		l := &t.lanes[i]
		if l.d == nil {
			continue
		}
		t.submit(l)
		l.d.NVMe.Poll(t.k.CPU)
		t.take(l)
		over = over && len(l.flight) == 0 && (len(l.pieces) == 0 || t.failure != nil)
	}
	return over && t.failure == nil, t.failed(over)
}

// failed is the failure, once nothing is under way.
func (t *transfer) failed(over bool) error {
	if over {
		return t.failure
	}
	return nil
}

func (t *transfer) take(l *lane) {
	for len(l.flight) > 0 {
		over, err := l.d.NVMe.Done(l.flight[0])
		if !over {
			return
		}
		t.fail(l, err)
		l.flight = l.flight[1:]
		l.d.flight--
	}
}

// fail keeps what went wrong first, unless memory is in danger later.
func (t *transfer) fail(l *lane, err error) {
	if err != nil && (t.failure == nil || errors.Is(err, nvme.ErrWild)) {
		t.failure = l.d.named(err)
	}
}

func (t *transfer) submit(l *lane) {
	d := l.d
	block := uint64(d.NVMe.BlockSize)
	for t.failure == nil && len(l.pieces) > 0 && len(l.flight) < depth && d.flight < maxDepth {
		p := &l.pieces[0]
		m := min(chunk, uint64(d.NVMe.MaxTransfer), p.n-l.sent)
		ticket, err := d.NVMe.Submit(t.k.CPU, t.op, (p.off+l.sent)/block, m/block,
			[]nvme.Segment{{Bus: p.bus + hw.BusAddr(l.sent), Len: int(m)}})
		if err != nil {
			t.fail(l, err)
			return
		}
		l.flight = append(l.flight, ticket)
		d.flight++
		if l.sent += m; l.sent == p.n {
			l.pieces, l.sent = l.pieces[1:], 0
		}
	}
}

// ReadObject starts to bring an object to a bus address, by peer-to-peer DMA if that lies in a BAR.
// The step that it returns is to be run until it is over; the memory must have whole blocks. The
// object's pages are not used for anything else before, even if it is removed meanwhile.
func (k *Kernel) ReadObject(v *Volume, o Object, bus hw.BusAddr) (task.Step, error) {
	runs, err := v.FS.Runs(o, 0, o.Len)
	if err != nil {
		return nil, err
	}
	t := k.transfer(nvme.OpRead, len(v.Drives))
	if err := t.runs(v, runs, bus); err != nil {
		return nil, err
	}
	unpin := v.FS.Pin(o)
	return func() (bool, error) {
		over, err := t.step()
		if over || err != nil {
			unpin()
		}
		if err != nil {
			err = fmt.Errorf("object %q: %w", o.Name, err)
		}
		return over, err
	}, nil
}

// WriteObject stores o.Len bytes from a bus address as an object: the data, then a commit. No
// processor sees the bytes, so the object is Unsummed until a scrub.
func (k *Kernel) WriteObject(v *Volume, o Object, bus hw.BusAddr) error {
	p, err := v.FS.Place(o)
	if err != nil {
		return err
	}
	t := k.transfer(nvme.OpWrite, len(v.Drives))
	err = t.runs(v, p.Runs(), bus)
	if err == nil {
		err = k.Loop.Wait(k.Loop.Go("save "+o.Name, t.step))
	}
	if errors.Is(err, nvme.ErrWild) {
		return err // the drive may still write: the pages are not given back before the next mount
	}
	if err != nil {
		p.Abandon()
		return err
	}
	p.Enter()
	return v.FS.Commit()
}
