package gpu

import (
	"encoding/binary"
	"fmt"

	"tensoros/hw"
	spec "tensoros/hw/spec/gpu"
	"tensoros/kernel/mem"
)

// Fence tells when work is over: a semaphore in host memory.
type Fence struct {
	dev  *Device
	slot int
	at   hw.Time // when it was asked for
}

// fence takes a semaphore and clears it.
func (d *Device) fence() (Fence, error) {
	if len(d.free) == 0 {
		return Fence{}, d.fail("submit", "",
			fmt.Errorf("%d submissions are not waited for: wait for one first", semSlots))
	}
	slot := d.free[len(d.free)-1]
	d.free = d.free[:len(d.free)-1]
	d.sems.Store64(slot*semLen, 0)
	return Fence{d, slot, d.cpu.Now()}, nil
}

func (f Fence) addr() uint64 { return uint64(f.dev.sems.Bus()) + uint64(f.slot*semLen) }

// Poll reports whether the work is over.
func (f Fence) Poll() bool { return f.dev.sems.Load64(f.slot*semLen) != 0 }

const (
	lookEvery = 100_000        // ns between looks at the channel's state
	giveUp    = 20_000_000_000 // ns
)

// Wait polls until the work is over and gives the GPU's time of its end. A channel that faulted, a
// device that is gone and a wait of 20 s are errors.
func (f Fence) Wait() (hw.Time, error) {
	d := f.dev
	look := d.cpu.Now() + lookEvery
	for !f.Poll() {
		d.cpu.Relax()
		if now := d.cpu.Now(); now >= look {
			look = now + lookEvery
			if err := d.state(); err != nil {
				return 0, err
			}
			if now-f.at > giveUp {
				return 0, d.fail("wait for", "work", hw.ErrTimeout)
			}
		}
	}
	at := binary.LittleEndian.Uint64(d.sems.Bytes()[f.slot*semLen+8:])
	d.free = append(d.free, f.slot)
	d.done++
	return hw.Time(at), nil
}

// ErrFault means that the channel was stopped by a bad command, address or kernel.
var ErrFault = fmt.Errorf("the GPU stopped the channel")

// state looks at the channel.
func (d *Device) state() error {
	v := d.regs.Read32(spec.ChannelRM + 4*channelID)
	switch {
	case v == 0xffffffff:
		return d.fail("wait for", "work", hw.ErrLost)
	case v&spec.ChannelFaulted != 0:
		return d.fail("run", fmt.Sprintf("channel %d", channelID), ErrFault)
	}
	return nil
}

// segment is n dwords of methods in the driver's own stretch of VRAM.
type segment struct {
	at mem.Addr
	n  int
}

// kick appends segments to the ring: the entries and the new index go through the write-combining
// buffers, the doorbell drains them.
func (d *Device) kick(segments ...segment) error {
	if d.sent-d.done+uint64(len(segments)) >= ringLen {
		return d.fail("submit", "",
			fmt.Errorf("the ring of %d entries is full: wait for a submission first", ringLen))
	}
	d.cpu.Work(workRing)
	var e [8]byte
	for _, s := range segments {
		binary.LittleEndian.PutUint64(e[:], spec.GPEntry(d.low(s.at), s.n))
		d.vram.Copy(ringAt+int(d.put)*spec.GPEntryLen, e[:])
		d.put = (d.put + 1) % ringLen
		d.sent++
	}
	binary.LittleEndian.PutUint32(e[:], d.put)
	d.vram.Copy(userdAt+spec.UserdGPPut, e[:4])
	d.regs.Write32(spec.Doorbell, uint32(spec.TokenChannel.Put(0, channelID)))
	return nil
}

// low is the 40-bit name of an address in the first 512 MiB of VRAM.
func (d *Device) low(a mem.Addr) uint64 { return lowWindow + uint64(a-d.base) }

// stage places dwords in the push area, which is reused in turn.
func (d *Device) stage(words []uint32) mem.Addr {
	n := uint32(4 * len(words))
	if d.push+n > pushLen {
		d.push = 0
	}
	at := pushAt + d.push
	d.push += n
	p := make([]byte, 0, n)
	for _, w := range words {
		p = binary.LittleEndian.AppendUint32(p, w)
	}
	d.vram.Copy(int(at), p)
	return d.base + mem.Addr(at)
}

// releaseWords order a release when all before it is over.
func (f Fence) releaseWords() []uint32 {
	exec := spec.SemOperation.Put(0, spec.SemRelease)
	exec = spec.SemWFI.Put(exec, 1)
	exec = spec.Sem64.Put(exec, 1)
	exec = spec.SemTimestamp.Put(exec, 1)
	return []uint32{spec.Method(spec.SubHost, spec.HostSemAddrLo, 5), uint32(f.addr()),
		uint32(f.addr() >> 32), 1, 0, uint32(exec)}
}

// submit sends methods and gives a fence for their end.
func (d *Device) submit(words []uint32) (Fence, error) {
	f, err := d.fence()
	if err != nil {
		return f, err
	}
	d.cpu.Work(workSubmit)
	words = append(words, f.releaseWords()...)
	if err := d.kick(segment{d.stage(words), len(words)}); err != nil {
		d.free = append(d.free, f.slot)
		return f, err
	}
	return f, nil
}

// run sends methods and waits.
func (d *Device) run(words []uint32) error {
	f, err := d.submit(words)
	if err != nil {
		return err
	}
	_, err = f.Wait()
	return err
}

// Copy orders n bytes to be moved by the copy engine between flat addresses, RAM or VRAM.
func (d *Device) Copy(dst, src mem.Addr, n uint64) (Fence, error) {
	var words []uint32
	const line = 1 << 30
	for done := uint64(0); done < n; done += line {
		s, t := uint64(src)+done, uint64(dst)+done
		launch := spec.CopyTransfer.Put(0, 2)
		launch = spec.CopySrcPitch.Put(launch, 1)
		launch = spec.CopyDstPitch.Put(launch, 1)
		words = append(words,
			spec.Method(spec.SubCopy, spec.CopyInHi, 4), uint32(s>>32), uint32(s),
			uint32(t>>32), uint32(t),
			spec.Method(spec.SubCopy, spec.CopyLineLength, 2), uint32(min(line, n-done)), 1,
			spec.Method(spec.SubCopy, spec.CopyLaunch, 1), uint32(launch))
	}
	return d.submit(words)
}

// HostMemory is memory that both the CPU and the copy engine reach.
func (d *Device) HostMemory(n int) (hw.Memory, error) { return d.fn.Memory(n) }
