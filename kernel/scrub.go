package kernel

import (
	"errors"

	"tensoros/hw"
	"tensoros/kernel/drv/nvme"
	"tensoros/kernel/task"
	"tensoros/kernel/tensorfs"
)

// Scrub is a volume being read in the background and held against its checksums. The bytes come
// through one page of host memory.
type Scrub struct {
	Problems []tensorfs.Problem
	Counts   tensorfs.Counts

	k     *Kernel
	v     *Volume
	of    *tensorfs.Scrub
	mem   hw.Memory
	pace  uint64 // bytes a second; 0: no limit
	ready hw.Time
	unit  tensorfs.Unit
	under *transfer // nil between units
}

// Scrub starts to check what is committed on a volume, at pace bytes a second at most; 0 sets no
// limit. Other tasks go on; the task is to be waited for before the kernel closes.
func (k *Kernel) Scrub(v *Volume, pace uint64) (*Scrub, *task.Task, error) {
	mem, err := v.Drives[0].fn.Memory(v.FS.Page)
	if err != nil {
		return nil, nil, err
	}
	s := &Scrub{k: k, v: v, of: v.FS.Scrub(), mem: mem, pace: pace, ready: k.CPU.Now()}
	return s, k.Loop.Go("scrub", s.step), nil
}

func (s *Scrub) step() (bool, error) {
	if s.under == nil {
		if s.k.CPU.Now() < s.ready {
			return false, nil
		}
		var ok bool
		if s.unit, ok = s.of.Next(); !ok {
			return true, s.end(nil)
		}
		s.under = s.k.transfer(nvme.OpRead, len(s.v.Drives))
		if err := s.under.runs(s.v, s.unit.Runs, s.mem.Bus()); err != nil {
			return false, s.end(err)
		}
		if s.pace > 0 {
			s.ready += hw.Time(s.unit.Len * 1e9 / s.pace)
		}
	}
	over, err := s.under.step()
	var media *nvme.StatusError
	if errors.As(err, &media) { // the rest may be readable
		s.under = nil
		s.Problems = append(s.Problems, *s.of.Unread(s.unit, err))
		return false, nil
	}
	if err != nil {
		return false, s.end(err)
	}
	if !over {
		return false, nil
	}
	s.under = nil
	s.k.CPU.Work(int(s.unit.Len) / crcBytes)
	if bad := s.of.Check(s.unit, s.mem.Bytes()[:s.unit.Len]); bad != nil {
		s.Problems = append(s.Problems, *bad)
	}
	return false, nil
}

// crcBytes is how many bytes of a checksum one instruction covers: crc32 takes 8 at a time (Intel
// SDM, volume 2A, CRC32) [S].
const crcBytes = 8

// end gives back what the scrub holds. The error is its own.
func (s *Scrub) end(err error) error {
	s.Counts = s.of.Counts
	s.of.Close()
	if !errors.Is(err, nvme.ErrWild) {
		s.mem.Free()
	}
	return err
}
