package kernel

import (
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
	defer mem.Free()
	if op == nvme.OpWrite {
		copy(mem.Bytes(), p)
	}
	step, err := k.transfer(v, op, off, mem.Bus(), uint64(len(p)))
	if err != nil {
		return err
	}
	if err := k.Loop.Wait(k.Loop.Go(op.String(), step)); err != nil {
		return err
	}
	if op == nvme.OpRead {
		copy(p, mem.Bytes())
	}
	return nil
}

// ReadToBus starts to bring n bytes of a drive to a bus address: host memory, or a BAR by
// peer-to-peer DMA. The step that it returns is to be run until it is over.
func (k *Kernel) ReadToBus(v *Volume, off uint64, bus hw.BusAddr, n uint64) (task.Step, error) {
	return k.transfer(v, nvme.OpRead, off, bus, n)
}

// transfer moves n bytes between a drive and a bus address, chunk by chunk. The last block may
// reach beyond n: extents end on pages.
func (k *Kernel) transfer(v *Volume, op nvme.Op, off uint64, bus hw.BusAddr,
	n uint64) (task.Step, error) {
	d := v.Drive
	block := uint64(d.BlockSize)
	n = (n + block - 1) / block * block
	if off%block != 0 || off/block+n/block > d.Blocks {
		return nil, fmt.Errorf("nvme%d: %d bytes at %#x are outside the drive", v.Index, n, off)
	}
	var flight []nvme.Ticket
	done := uint64(0)
	start := k.CPU.Now()
	return func() (bool, error) {
		for done < n && len(flight) < depth {
			m := min(chunk, n-done)
			t, err := d.Submit(k.CPU, op, (off+done)/block, m/block,
				[]nvme.Segment{{Bus: bus + hw.BusAddr(done), Len: int(m)}})
			if err != nil {
				return false, err
			}
			flight = append(flight, t)
			done += m
		}
		d.Poll(k.CPU)
		for len(flight) > 0 {
			over, err := d.Done(flight[0])
			if err != nil {
				return false, err
			}
			if !over {
				return false, k.overdue(v, start)
			}
			flight = flight[1:]
		}
		return done == n, nil
	}, nil
}

// overdue is an error once a transfer has taken longer than its drive may.
func (k *Kernel) overdue(v *Volume, start hw.Time) error {
	if err := v.fn.Err(); err != nil {
		return err
	}
	if k.CPU.Now()-start > v.Drive.Timeout {
		return fmt.Errorf("nvme%d: transfer: %w", v.Index, hw.ErrTimeout)
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
