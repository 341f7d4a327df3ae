package qtest

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tensoros/hw"
	"tensoros/hw/hwtest"
	"tensoros/hw/pci"
)

// start runs a QEMU with the arguments, or skips.
func start(t *testing.T, args ...string) *Machine {
	t.Helper()
	qemu := os.Getenv("TENSOROS_QEMU")
	if qemu == "" {
		t.Skip("TENSOROS_QEMU names no QEMU: see conformance/peers/qemu/get.sh")
	}
	m, err := Start(Options{QEMU: qemu, Args: args})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func disk(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 16<<20); err != nil {
		t.Fatal(err)
	}
	return "file=" + file + ",if=none,id=d0,format=raw"
}

// TestQtestMachines holds QEMU with devices of several kinds against the contract of package hw.
func TestQtestMachines(t *testing.T) {
	for _, c := range []struct {
		name    string
		args    []string
		noReset bool
	}{
		{"nvme", []string{"-drive", disk(t), "-device", "nvme,serial=1,drive=d0"}, false},
		{"edu", []string{"-device", "edu"}, true},
		{"e1000e", []string{"-device", "e1000e"}, true},
		{"igb", []string{"-device", "igb"}, false},
		{"all", []string{"-drive", disk(t), "-device", "nvme,serial=1,drive=d0", "-device", "edu",
			"-device", "e1000e"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := start(t, c.args...)
			hwtest.Run(t, m, hwtest.Options{Drive: m.Run, Live: m.Live, NoReset: c.noReset})
		})
	}
}

// TestQtestEdu drives QEMU's teaching device (QEMU, docs/specs/edu.rst): registers, computation,
// DMA both ways through our memory.
func TestQtestEdu(t *testing.T) {
	m := start(t, "-device", "edu")
	m.Start(0, func(cpu hw.CPU) {
		f, err := m.Open(m.Functions()[0])
		if err != nil {
			t.Error(err)
			return
		}
		pci.Enable(f.Config())
		bar, err := f.BAR(0)
		if err != nil {
			t.Error(err)
			return
		}
		if id := bar.Read32(0); id&0xff != 0xed {
			t.Errorf("identification %#x", id)
		}
		bar.Write32(4, 0x12345678)
		if v := bar.Read32(4); v != ^uint32(0x12345678) {
			t.Errorf("the liveness check gives %#x", v)
		}
		bar.Write32(8, 10)
		for bar.Read32(0x20)&1 != 0 {
			cpu.Relax()
		}
		if v := bar.Read32(8); v != 3628800 {
			t.Errorf("10! is %d", v)
		}
		mem, err := f.Memory(8192)
		if err != nil {
			t.Error(err)
			return
		}
		defer mem.Free()
		copy(mem.Bytes(), "through the device and back")
		const buffer = 0x40000
		move := func(src, dst, command uint64) {
			bar.Write64(0x80, src)
			bar.Write64(0x88, dst)
			bar.Write64(0x90, 27)
			bar.Write64(0x98, command)
			for bar.Read64(0x98)&1 != 0 {
				cpu.Idle(cpu.Now() + 10_000_000)
			}
		}
		move(uint64(mem.Bus()), buffer, 1)
		move(buffer, uint64(mem.Bus())+4096, 3)
		if got := mem.Bytes()[4096 : 4096+27]; string(got) != "through the device and back" {
			t.Errorf("back comes %q", got)
		}
	})
	if err := m.Run(); err != nil {
		t.Error(err)
	}
}

// TestQtestE1000e sends a packet with QEMU's e1000e (Intel 82574 data sheet, 10.2 and 7.2): a ring
// in our memory, a descriptor written back, an interrupt in our word.
func TestQtestE1000e(t *testing.T) {
	file := filepath.Join(t.TempDir(), "packets")
	m := start(t, "-netdev", "user,id=n0,restrict=on", "-device", "e1000e,netdev=n0", "-object",
		"filter-dump,id=f0,netdev=n0,file="+file)
	m.Start(0, func(cpu hw.CPU) { sendPacket(t, m, cpu) })
	if err := m.Run(); err != nil {
		t.Error(err)
	}
	dump, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(dump, []byte("a packet from TensorOS")) {
		t.Errorf("QEMU's capture of %d bytes does not have the packet: %v", len(dump), err)
	}
}

// Registers of the 82574 (data sheet, 10.2).
const (
	regCTRL, regSTATUS               = 0x0, 0x8
	regIMS, regEIAC, regIVAR         = 0xd0, 0xdc, 0xe4
	regTCTL, regTDBAL, regTDBAH      = 0x400, 0x3800, 0x3804
	regTDLEN, regTDH, regTDT, txdctl = 0x3808, 0x3810, 0x3818, 0x3828
)

func sendPacket(t *testing.T, m *Machine, cpu hw.CPU) {
	f, err := m.Open(m.Functions()[0])
	if err != nil {
		t.Error(err)
		return
	}
	pci.Enable(f.Config())
	bar, err := f.BAR(0)
	if err != nil {
		t.Error(err)
		return
	}
	mem, err := f.Memory(8192)
	if err != nil {
		t.Error(err)
		return
	}
	defer mem.Free()
	bar.Write32(regCTRL, bar.Read32(regCTRL)|1<<6) // set link up
	if bar.Read32(regSTATUS)&2 == 0 {
		t.Error("no link")
	}
	frame := make([]byte, 64)
	copy(frame, "\xff\xff\xff\xff\xff\xff\x52\x54\x00\x12\x34\x56\x88\xb5a packet from TensorOS")
	copy(mem.Bytes()[4096:], frame)
	desc := mem.Bytes()[:16] // legacy transmit descriptor (7.2.10.1)
	binary.LittleEndian.PutUint64(desc, uint64(mem.Bus())+4096)
	// length; end of packet, FCS, report status
	binary.LittleEndian.PutUint32(desc[8:], 64|0x0b<<24)
	bar.Write32(regTDBAL, uint32(mem.Bus()))
	bar.Write32(regTDBAH, 0)
	bar.Write32(regTDLEN, 4096)
	bar.Write32(regTDH, 0)
	bar.Write32(regTCTL, 1<<1|1<<3) // enable, pad
	if err := f.Route(0, 0); err != nil {
		t.Error(err)
		return
	}
	bar.Write32(regIVAR, 8<<8|1<<31) // transmit queue 0 to vector 0, on every write back
	bar.Write32(regIMS, 1<<22)
	bar.Write32(regTDT, 1)
	cpu.Idle(cpu.Now() + 1_000_000_000)
	if got := cpu.Pending(nil); len(got) != 1 || got[0].Vector != 0 {
		t.Errorf("interrupts %v; want one of vector 0", got)
	}
	if mem.Load32(12)&1 == 0 {
		t.Error("the descriptor is not done")
	}
}

// canned is a QEMU that says what it was told to say.
type canned struct {
	io.Reader
	io.Writer
}

func TestAnswersThatAreNoneBreakTheLink(t *testing.T) {
	for _, c := range []struct{ answer, want string }{
		{"IRQ raise 3\nOK 0x12\n", ""},
		{"OK\n", "0 words"},
		{"OK x\n", "no number"},
		{"FAIL unknown command\n", "FAIL unknown"},
		{"", "EOF"},
		{"OK 1", "EOF"},
	} {
		l := newLink(canned{strings.NewReader(c.answer), io.Discard})
		v := l.read(0x10, 4)
		switch {
		case c.want == "" && (l.err != nil || v != 0x12):
			t.Errorf("%q gives %#x, %v", c.answer, v, l.err)
		case c.want != "" && (l.err == nil || !strings.Contains(l.err.Error(), c.want)):
			t.Errorf("%q: error %v; want %q", c.answer, l.err, c.want)
		case c.want != "" && (v != 0xffffffff || l.read(0, 8) != ^uint64(0)):
			t.Errorf("%q: a broken link does not read all ones", c.answer)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("IRQ raise 1\nOK 0x1\nOK"))
	f.Fuzz(func(_ *testing.T, p []byte) {
		l := newLink(canned{bytes.NewReader(p), io.Discard})
		for l.err == nil {
			l.read(8, 8)
		}
	})
}
