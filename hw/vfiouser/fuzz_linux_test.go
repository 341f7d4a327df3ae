package vfiouser

import (
	"os"
	"testing"

	"tensoros/hw"
)

// ram is a device with a BAR and configuration space that keep what is written.
type ram struct {
	bar    [256]byte
	config [4096]byte
	maps   int
}

func (r *ram) Regions() (list Regions) {
	list[0].Len, list[ConfigRegion].Len = uint64(len(r.bar)), uint64(len(r.config))
	list[2] = Region{16, true}
	return list
}

func (r *ram) region(i int) []byte {
	switch i {
	case 0:
		return r.bar[:]
	case 2:
		return make([]byte, 16)
	}
	return r.config[:]
}

func (r *ram) Vectors() int                            { return 3 }
func (r *ram) Connect(Peer)                            {}
func (r *ram) Disconnect()                             {}
func (r *ram) Read(i int, off uint64, p []byte)        { copy(p, r.region(i)[off:][:len(p)]) }
func (r *ram) Write(i int, off uint64, p []byte)       { copy(r.region(i)[off:][:len(p)], p) }
func (r *ram) Map(_, _ uint64, _ []byte, _ bool) error { r.maps++; return nil }
func (r *ram) Unmap(_, _ uint64) error                 { r.maps--; return nil }
func (r *ram) Arm(int, bool)                           {}
func (r *ram) Reset()                                  {}
func (r *ram) Advance(hw.Time) hw.Time                 { return hw.Forever }

// FuzzServer gives a server messages of any contents: it answers or refuses, and keeps its books.
func FuzzServer(f *testing.F) {
	f.Add(uint16(RegionRead), append(make([]byte, 8), 7, 0, 0, 0, 4, 0, 0, 0))
	f.Add(uint16(RegionWriteMulti), append([]byte{1, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 24)...))
	f.Add(uint16(SetIRQs), []byte{20, 0, 0, 0, 0x21, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0})
	f.Add(uint16(DMAMap), []byte{32, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0,
		0, 0, 0,
		0, 16, 0, 0, 0, 0, 0, 0})
	f.Add(uint16(Version), []byte("\x00\x00\x01\x00{\"capabilities\":{\"max_msg_fds\":8}}\x00"))
	f.Fuzz(func(t *testing.T, cmd uint16, payload []byte) {
		dev := &ram{}
		s := &Server{dev: dev, vectors: make([]*os.File, 3), Counts: map[Command]uint64{}}
		for range 2 {
			m := &message{header: header{command: Command(cmd)}, payload: payload}
			if out, _, err := s.execute(m); err == nil && Command(cmd) == Version &&
				len(out) > len(payload) {
				t.Errorf("the reply to %q is longer: %q", payload, out)
			}
		}
		if dev.maps != len(s.maps) {
			t.Errorf("the device has %d maps, the server %d", dev.maps, len(s.maps))
		}
	})
}

func FuzzHeader(f *testing.F) {
	f.Add(make([]byte, headerLen))
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) < headerLen {
			return
		}
		h, err := decodeHeader(p)
		var q [headerLen]byte
		h.encode(q[:])
		if err == nil && string(q[:]) != string(p[:headerLen]) {
			t.Error("the header does not round trip")
		}
	})
}
