package export

import (
	"encoding/binary"

	"tensoros/hw"
	"tensoros/hw/host"
	"tensoros/hw/vfiouser"
)

// idle is what a doorbell in shared memory holds while nobody has rung it: no tail or head, as
// queues have 65,536 entries at most.
const idle = 0xffffffff

// How often shared memory is looked at, ns: at once after something was found there, more and more
// seldom while nothing is.
const (
	pollSoonest = 20_000
	pollLatest  = 1_000_000
)

// shared is doorbells in memory that the peer maps.
type shared struct {
	*vfiouser.Shared
	wait hw.Time
	next hw.Time
}

// share lets peers map the doorbells at off of a BAR: what they write there is found by looking.
func (f *Function) share(bar int, off, length uint64) error {
	s, err := vfiouser.NewShared(bar, off, length)
	if err != nil {
		return err
	}
	f.shared = &shared{Shared: s, wait: pollLatest}
	f.shared.clear()
	return nil
}

func (s *shared) clear() {
	for at := s.Off; at < s.Off+s.Len; at += 4 {
		host.Store32(s.Data, int(at), idle)
	}
}

// Shared is the part of a BAR that a peer may map, nil if there is none.
func (f *Function) Shared() *vfiouser.Shared {
	if f.shared == nil {
		return nil
	}
	return f.shared.Shared
}

// poll takes what the peer has written since the last look, as writes of 4 bytes.
func (f *Function) poll(now hw.Time) {
	s := f.shared
	if now < s.next {
		return
	}
	found := false
	var p [4]byte
	for at := s.Off; at < s.Off+s.Len; at += 4 {
		if host.Load32(s.Data, int(at)) == idle {
			continue
		}
		binary.LittleEndian.PutUint32(p[:], host.Swap32(s.Data, int(at), idle))
		f.Write(s.Region, at, p[:])
		found = true
	}
	if s.wait = min(2*s.wait, pollLatest); found {
		s.wait = pollSoonest
	}
	s.next = now + s.wait
}

var _ vfiouser.Sharer = (*Function)(nil)
