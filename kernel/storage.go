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

// chunk is what one request to a drive moves: long enough to hide its cost, short enough that
// several are under way.
const chunk = 1 << 20

// depth is how many requests one transfer keeps under way.
const depth = 32

// readHost reads bytes of a drive into host memory that the CPU sees: directories, never tensors.
func (k *Kernel) readHost(v *Volume, off uint64, p []byte) error {
	return k.viaHost(v, nvme.OpRead, off, p)
}

func (k *Kernel) viaHost(v *Volume, op nvme.Op, off uint64, p []byte) error {
	mem, err := v.fn.Memory(len(p))
	if err != nil {
		return err
	}
	if op == nvme.OpWrite {
		copy(mem.Bytes(), p)
	}
	step, err := k.transfer(v, op, off, mem.Bus(), uint64(len(p)))
	if err == nil {
		err = k.Loop.Wait(k.Loop.Go(op.String(), step))
	}
	if errors.Is(err, hw.ErrTimeout) {
		return err // the drive may still write: the memory is not given back
	}
	if err == nil && op == nvme.OpRead {
		copy(p, mem.Bytes())
	}
	mem.Free()
	return err
}

// ReadToBus starts to bring n bytes of a drive to a bus address: host memory, or a BAR by
// peer-to-peer DMA. The step that it returns is to be run until it is over.
func (k *Kernel) ReadToBus(v *Volume, off uint64, bus hw.BusAddr, n uint64) (task.Step, error) {
	return k.transfer(v, nvme.OpRead, off, bus, n)
}

// transfer is bytes on their way between a drive and a bus address, chunk by chunk.
type transfer struct {
	k       *Kernel
	v       *Volume
	op      nvme.Op
	off, n  uint64
	bus     hw.BusAddr
	sent    uint64
	start   hw.Time
	flight  []nvme.Ticket
	failure error // what went wrong first; the rest is waited for
}

// transfer prepares one. The last block may reach beyond n: extents end on pages.
func (k *Kernel) transfer(v *Volume, op nvme.Op, off uint64, bus hw.BusAddr,
	n uint64) (task.Step, error) {
	block := uint64(v.Drive.BlockSize)
	n = (n + block - 1) / block * block
	if off%block != 0 || off/block+n/block > v.Drive.Blocks {
		return nil, fmt.Errorf("nvme%d: %d bytes at %#x are outside the drive of %d", v.Index, n,
			off, v.Drive.Blocks*block)
	}
	t := &transfer{k: k, v: v, op: op, off: off, n: n, bus: bus, start: k.CPU.Now()}
	return t.step, nil
}

// step sends what fits and takes what is done. It ends when nothing is under way any more, so that
// nobody writes to memory that is given back; only a drive that does not answer in time is left.
func (t *transfer) step() (bool, error) {
	t.submit()
	t.v.Drive.Poll(t.k.CPU)
	for len(t.flight) > 0 {
		over, err := t.v.Drive.Done(t.flight[0])
		if err != nil && t.failure == nil {
			t.failure = err
		}
		if !over {
			return false, t.overdue()
		}
		t.flight = t.flight[1:]
	}
	return t.sent == t.n && t.failure == nil, t.failure
}

func (t *transfer) submit() {
	block := uint64(t.v.Drive.BlockSize)
	for t.failure == nil && t.sent < t.n && len(t.flight) < depth {
		m := min(chunk, t.n-t.sent)
		ticket, err := t.v.Drive.Submit(t.k.CPU, t.op, (t.off+t.sent)/block, m/block,
			[]nvme.Segment{{Bus: t.bus + hw.BusAddr(t.sent), Len: int(m)}})
		if err != nil {
			t.failure = err
			return
		}
		t.flight = append(t.flight, ticket)
		t.sent += m
	}
}

// overdue is an error once a transfer has taken longer than its drive may.
func (t *transfer) overdue() error {
	if err := t.v.fn.Err(); err != nil {
		return err
	}
	if t.k.CPU.Now()-t.start > t.v.Drive.Timeout {
		return fmt.Errorf("nvme%d: %s: %w", t.v.Index, t.op, hw.ErrTimeout)
	}
	return nil
}

// WriteObject stores o.Len bytes from a bus address as an object: the data, then the directory.
func (k *Kernel) WriteObject(v *Volume, o Object, bus hw.BusAddr) error {
	o, err := v.FS.Place(o)
	if err != nil {
		return err
	}
	step, err := k.transfer(v, nvme.OpWrite, o.Off, bus, o.Len)
	if err != nil {
		return err
	}
	if err := k.Loop.Wait(k.Loop.Go("save "+o.Name, step)); err != nil {
		return err
	}
	if err := v.Drive.Flush(k.CPU); err != nil {
		return err
	}
	off, page := v.FS.Enter(o)
	if err := k.viaHost(v, nvme.OpWrite, off, page); err != nil {
		return err
	}
	return v.Drive.Flush(k.CPU)
}
