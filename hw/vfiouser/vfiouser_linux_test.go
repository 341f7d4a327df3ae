package vfiouser_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tensoros/hw"
	"tensoros/hw/host"
	"tensoros/hw/hwtest"
	"tensoros/hw/tap"
	. "tensoros/hw/vfiouser"
	"tensoros/sim"
	"tensoros/sim/export"
	"tensoros/sim/nvme"
	"tensoros/sim/pcie"
	"tensoros/traces"
)

// drive is a simulated drive as a device.
func drive(t testing.TB, o export.Options) *export.Function {
	t.Helper()
	fn, err := export.New(nil, func(eng *sim.Engine, rec *traces.Recorder,
		f *pcie.Fabric) (*pcie.Function, error) {
		_, fn, err := nvme.Attach(eng, rec, f, f.Root(), "nvme0", &nvme.Micron9550,
			nvme.NewMemory(64<<20))
		return fn, err
	}, o)
	if err != nil {
		t.Fatal(err)
	}
	return fn
}

// serve exports a device for one client and returns the socket. What the server says at its end is
// judged when the test ends.
func serve(t testing.TB, dev Device, logged func(string, ...any)) string {
	t.Helper()
	path, _ := serveUntil(t, dev, logged)
	return path
}

// serveUntil is serve, with a function that waits for the server to notice that its client has
// left.
func serveUntil(t testing.TB, dev Device, logged func(string, ...any)) (string, func()) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	s, err := Listen(path, dev)
	if err != nil {
		t.Fatal(err)
	}
	s.Log = logged
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	wait := sync.OnceFunc(func() {
		if err := <-done; err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		wait()
	})
	return path, wait
}

// TestServedDriveIsAMachine holds client, server and exported drive together against the contract
// of package hw.
func TestServedDriveIsAMachine(t *testing.T) {
	for _, free := range []bool{false, true} {
		m, err := Dial(serve(t, drive(t, export.Options{Free: free}), t.Logf), Options{CPUs: 2})
		if err != nil {
			t.Fatal(err)
		}
		hwtest.Run(t, m, hwtest.Options{Drive: m.Run, Live: m.Live})
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestALostServerIsALostDevice: when the server goes, reads give all ones and the error is sticky.
func TestALostServerIsALostDevice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.AcceptUnix(); err == nil {
			_ = c.Close()
		}
	}()
	if _, err := Dial(path, Options{}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a server that hangs up: %v", err)
	}
}

// raw is a client that says what it likes.
type raw struct {
	t    *testing.T
	conn *net.UnixConn
	id   uint16
}

func dialRaw(t *testing.T, path string) *raw {
	t.Helper()
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &raw{t: t, conn: c}
}

func (r *raw) send(cmd Command, flags uint32, payload []byte, fds ...int) {
	r.t.Helper()
	r.id++
	le := binary.LittleEndian
	p := le.AppendUint16(nil, r.id)
	p = le.AppendUint16(p, uint16(cmd))
	p = le.AppendUint32(p, uint32(16+len(payload)))
	p = le.AppendUint32(p, flags)
	p = append(le.AppendUint32(p, 0), payload...)
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	if _, _, err := r.conn.WriteMsgUnix(p, rights, nil); err != nil {
		r.t.Fatal(err)
	}
}

// receive reads a message.
func (r *raw) receive() (cmd Command, flags, errno uint32, payload []byte) {
	r.t.Helper()
	_ = r.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	head := make([]byte, 16)
	if _, err := io.ReadFull(r.conn, head); err != nil {
		r.t.Fatal(err)
	}
	le := binary.LittleEndian
	payload = make([]byte, le.Uint32(head[4:])-16)
	if _, err := io.ReadFull(r.conn, payload); err != nil {
		r.t.Fatal(err)
	}
	return Command(le.Uint16(head[2:])), le.Uint32(head[8:]), le.Uint32(head[12:]), payload
}

// ask sends a command and returns errno and payload of the reply.
func (r *raw) ask(cmd Command, payload []byte, fds ...int) (errno uint32, reply []byte) {
	r.t.Helper()
	r.send(cmd, 0, payload, fds...)
	got, flags, errno, reply := r.receive()
	if got != cmd || flags&0xf != 1 || (flags&0x20 != 0) != (errno != 0) {
		r.t.Errorf("%v is answered with %v, flags %#x, errno %d", cmd, got, flags, errno)
	}
	return errno, reply
}

func u32(v ...uint32) (p []byte) {
	for _, w := range v {
		p = binary.LittleEndian.AppendUint32(p, w)
	}
	return p
}

func u64(v ...uint64) (p []byte) {
	for _, w := range v {
		p = binary.LittleEndian.AppendUint64(p, w)
	}
	return p
}

// accessTo is the head of a region access.
func accessTo(off uint64, region, count uint32) []byte {
	return append(u64(off), u32(region, count)...)
}

const qemuVersion = `{"capabilities": {"pgsizes": 4096, "max_msg_fds": 16, "max_dma_maps": 65535, ` +
	`"max_data_xfer_size": 1048576, "migration": {"max_bitmap_size": 268435456, "pgsize": 4096}, ` +
	`"write_multiple": true}}`

// TestWhatClientsSay holds the server against what QEMU 11.1 and SPDK send, and against what they
// must not send.
func TestWhatClientsSay(t *testing.T) {
	r := dialRaw(t, serve(t, drive(t, export.Options{}), nil))
	asked := append(append([]byte{0, 0, 0, 0}, qemuVersion...), 0)
	errno, p := r.ask(Version, asked)
	if errno != 0 || len(p) > len(asked) || p[len(p)-1] != 0 || !bytes.Contains(p,
		[]byte("max_msg_fds")) {
		t.Errorf("VERSION: errno %d, %q", errno, p)
	}
	if errno, p = r.ask(Version, []byte{0, 0, 1, 0}); errno != 0 || len(p) != 4 || p[2] != 1 {
		t.Errorf("VERSION without capabilities: errno %d, %x", errno, p)
	}
	if errno, p = r.ask(DeviceGetInfo, u32(16, 0, 0, 0)); !bytes.Equal(p, u32(16, 3, 9, 5)) {
		t.Errorf("GET_INFO: errno %d, %x", errno, p)
	}
	if errno, p = r.ask(RegionRead, accessTo(0, 7, 4096)); errno != 0 || len(p) != 16+4096 ||
		p[16+0x34] != 0x40 {
		t.Errorf("the whole of configuration space: errno %d, %d bytes", errno, len(p))
	}
	multi := append(u64(2), append(accessTo(4, 7, 2), 6, 0, 0, 0, 0, 0, 0, 0)...)
	multi = append(multi, append(accessTo(0x3c, 7, 1), 11, 0, 0, 0, 0, 0, 0, 0)...)
	r.send(RegionWriteMulti, 0x10, multi)
	if _, p = r.ask(RegionRead, accessTo(4, 7, 4)); p[16] != 6 {
		t.Errorf("the command register reads %x after posted writes", p[16:])
	}
	for _, c := range []struct {
		name    string
		cmd     Command
		payload []byte
		want    unix.Errno
	}{
		{"region 9", RegionRead, accessTo(0, 9, 4), unix.EINVAL},
		{"beyond a region", RegionRead, accessTo(4094, 7, 4), unix.EINVAL},
		{"offset that wraps", RegionRead, accessTo(^uint64(0), 0, 4), unix.EINVAL},
		{"no bytes", RegionRead, accessTo(0, 0, 0), unix.EINVAL},
		{"2 MiB", RegionRead, accessTo(0, 0, 2<<20), unix.EINVAL},
		{"a write without its data", RegionWrite, accessTo(0, 0, 4), unix.EINVAL},
		{"a short message", RegionRead, u32(1), unix.EINVAL},
		{"more writes than there are", RegionWriteMulti, u64(1 << 60), unix.EINVAL},
		{"region info 9", GetRegionInfo, append(u32(32, 0, 9, 0), make([]byte, 16)...),
			unix.EINVAL},
		{"interrupt info 5", GetIRQInfo, u32(16, 0, 5, 0), unix.EINVAL},
		{"vector beyond the table", SetIRQs, u32(20, 0x24, 2, 4000, 1), unix.EINVAL},
		{"vectors that wrap", SetIRQs, u32(20, 0x24, 2, 1, 0xffffffff), unix.EINVAL},
		{"map of nothing", DMAMap, append(u32(32, 3), u64(0, 0x1000, 0)...), unix.EINVAL},
		{"map that wraps", DMAMap, append(u32(32, 3), u64(0, 1<<63, 1<<63+1)...), unix.EINVAL},
		{"map that nobody may read", DMAMap, append(u32(32, 0), u64(0, 0, 4096)...), unix.EINVAL},
		{"unmap of nothing", DMAUnmap, append(u32(24, 0), u64(0x1000, 4096)...), unix.ENOENT},
		{"device feature", DeviceFeature, u32(8, 0), unix.ENOTSUP},
		{"no such command", Command(99), nil, unix.ENOTSUP},
		{"bad JSON", Version, []byte("\x00\x00\x01\x00{\x00"), unix.EINVAL},
		{"version 1", Version, []byte{1, 0, 0, 0}, unix.EINVAL},
	} {
		if errno, _ := r.ask(c.cmd, c.payload); unix.Errno(errno) != c.want {
			t.Errorf("%s: %v, want %v", c.name, unix.Errno(errno), c.want)
		}
	}
}

// TestMemoryWithoutAFile: the drive reaches a client's memory by messages, and answers accesses
// that come meanwhile.
func TestMemoryWithoutAFile(t *testing.T) {
	fn := drive(t, export.Options{Free: true})
	r := dialRaw(t, serve(t, fn, nil))
	r.ask(Version, append(append([]byte{0, 0, 0, 0}, qemuVersion...), 0))
	if errno, _ := r.ask(DMAMap, append(u32(32, 3), u64(0, 0x10000, 0x10000)...)); errno != 0 {
		t.Fatal(unix.Errno(errno))
	}
	if errno, _ := r.ask(DMAMap, append(u32(32, 3), u64(0, 0x1f000,
		0x1000)...)); unix.Errno(errno) !=
		unix.EEXIST {
		t.Errorf("an overlap: %v", unix.Errno(errno))
	}
	write := func(region uint32, off uint64, n uint32, v uint64) {
		r.ask(RegionWrite, append(accessTo(off, region, n), u64(v)[:n]...))
	}
	write(7, 0x10, 4, 0)
	write(7, 0x14, 4, 0x100) // BAR 0 at 1 TiB
	write(7, 4, 2, 6)
	write(0, 0x24, 4, 0x1f001f) // AQA
	write(0, 0x28, 8, 0x10000)  // ASQ
	write(0, 0x30, 8, 0x11000)  // ACQ
	write(0, 0x14, 4, 0x460001) // CC
	for {
		if _, p := r.ask(RegionRead, accessTo(0x1c, 0, 4)); p[16]&1 != 0 {
			break
		}
	}
	memory := make([]byte, 0x10000)
	memory[0] = 6                                                         // Identify
	binary.LittleEndian.PutUint64(memory[24:], 0x12000)                   // PRP1
	binary.LittleEndian.PutUint32(memory[40:], 1)                         // controller
	r.send(RegionWrite, 0x10, append(accessTo(0x1000, 0, 4), 1, 0, 0, 0)) // doorbell
	for memory[0x1000+14]&1 == 0 {                                        // phase
		cmd, flags, _, p := r.receive()
		addr, n := binary.LittleEndian.Uint64(p)-0x10000, binary.LittleEndian.Uint64(p[8:])
		switch {
		case cmd == DMARead && flags == 0:
			p = append(p[:16:16], memory[addr:addr+n]...)
		case cmd == DMAWrite && flags == 0:
			copy(memory[addr:addr+n], p[16:])
			p = p[:16]
		default:
			t.Fatalf("%v with flags %#x comes while memory is served", cmd, flags)
		}
		r.reply(cmd, p)
	}
	if model := string(memory[0x2000+24:][:10]); model != "Micron 955" {
		t.Errorf("Identify gives the model %q", model)
	}
}

// reply answers the server's last request, whose ids count from 1.
func (r *raw) reply(cmd Command, payload []byte) {
	r.t.Helper()
	le := binary.LittleEndian
	served[r]++
	p := le.AppendUint16(nil, served[r])
	p = le.AppendUint16(p, uint16(cmd))
	p = le.AppendUint32(p, uint32(16+len(payload)))
	p = le.AppendUint32(p, 1)
	p = append(le.AppendUint32(p, 0), payload...)
	if _, err := r.conn.Write(p); err != nil {
		r.t.Fatal(err)
	}
}

var served = map[*raw]uint16{}

// TestTapeOfAServedDrive: a session that is recorded runs again, to the bit; a tape that was
// changed does not.
func TestTapeOfAServedDrive(t *testing.T) {
	var tape bytes.Buffer
	rec := tap.NewTape(&tape, "test")
	fn := drive(t, export.Options{Tape: rec})
	path, wait := serveUntil(t, fn, nil)
	m, err := Dial(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	m.Start(0, func(c hw.CPU) {
		f, err := m.Open(m.Functions()[0])
		if err != nil {
			t.Error(err)
			return
		}
		f.Config().Write16(4, 6)
		bar, err := f.BAR(0)
		if err != nil {
			t.Error(err)
			return
		}
		for range 50 {
			bar.Read64(0)
			c.Idle(c.Now() + 10_000)
		}
		if err := f.Reset(); err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(m.Run(), m.Close()); err != nil {
		t.Fatal(err)
	}
	wait()
	if err := rec.Close(fn.Engine.Now()); err != nil {
		t.Fatal(err)
	}
	r, err := tap.OpenTape(bytes.NewReader(tape.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := drive(t, export.Options{}).Replay(r); err != nil || n < 100 {
		t.Errorf("replay of %d events: %v", n, err)
	}
}

// TestMappedDoorbells does what SPDK's initiator does: no capabilities in VERSION, room for any
// capability of a region, doorbells in mapped memory, completion queues polled.
func TestMappedDoorbells(t *testing.T) {
	fn := drive(t, export.Options{Doorbells: true})
	defer fn.Close()
	path, wait := serveUntil(t, fn, t.Logf)
	r := dialRaw(t, path)
	r.ask(Version, []byte{0, 0, 1, 0})
	if _, p := r.ask(GetRegionInfo, append(u32(32, 0, 0, 0), make([]byte, 16)...)); len(p) != 32 ||
		p[0] != 64 || p[4]&0xc != 0xc {
		t.Fatalf("region information without room: %x", p)
	}
	r.send(GetRegionInfo, 0, append(u32(4064, 0, 0, 0), make([]byte, 16)...))
	info, fd := r.receiveFD()
	if len(info) != 64 || binary.LittleEndian.Uint64(info[48:]) != 0x1000 ||
		binary.LittleEndian.Uint64(info[56:]) != 0x1000 {
		t.Fatalf("region information: %x", info)
	}
	page, err := unix.Mmap(fd, 0x1000, 0x1000, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	ram, err := NewShared(0, 0, 0x10000)
	if err != nil {
		t.Fatal(err)
	}
	if errno, _ := r.ask(DMAMap, append(u32(32, 3), u64(0, 0, 0x10000)...), ram.FD); errno != 0 {
		t.Fatal(unix.Errno(errno))
	}
	write := func(region uint32, off uint64, n uint32, v uint64) {
		r.ask(RegionWrite, append(accessTo(off, region, n), u64(v)[:n]...))
	}
	write(7, 0x14, 4, 0x100)
	write(7, 4, 2, 6)
	write(0, 0x24, 4, 0x1f001f)
	write(0, 0x28, 8, 0)      // ASQ
	write(0, 0x30, 8, 0x1000) // ACQ
	write(0, 0x14, 4, 0x460001)
	for {
		if _, p := r.ask(RegionRead, accessTo(0x1c, 0, 4)); p[16]&1 != 0 {
			break
		}
	}
	for i := range 3 {
		sqe := ram.Data[64*i:]
		sqe[0] = 6
		binary.LittleEndian.PutUint64(sqe[24:], 0x2000)
		binary.LittleEndian.PutUint32(sqe[40:], 1)
		host.Store32(page, 0, uint32(i+1))
		deadline := time.Now().Add(5 * time.Second)
		for host.Load32(ram.Data, 0x1000+16*i+12)>>16&1 == 0 {
			if time.Now().After(deadline) {
				t.Fatalf("command %d is not done", i)
			}
		}
		host.Store32(page, 4, uint32(i+1))
	}
	if model := string(ram.Data[0x2000+24:][:10]); model != "Micron 955" {
		t.Errorf("Identify gives the model %q", model)
	}
	if err := errors.Join(r.conn.Close(), unix.Munmap(page), unix.Close(fd)); err != nil {
		t.Error(err)
	}
	wait()
	if err := ram.Close(); err != nil {
		t.Error(err)
	}
}

// receiveFD reads a message that a file descriptor comes with.
func (r *raw) receiveFD() (payload []byte, fd int) {
	r.t.Helper()
	_ = r.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	p, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := r.conn.ReadMsgUnix(p, oob)
	if err != nil {
		r.t.Fatal(err)
	}
	list, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(list) != 1 {
		r.t.Fatalf("%d control messages, %v", len(list), err)
	}
	fds, err := unix.ParseUnixRights(&list[0])
	if err != nil || len(fds) != 1 {
		r.t.Fatalf("%d files, %v", len(fds), err)
	}
	return p[16:n], fds[0]
}
