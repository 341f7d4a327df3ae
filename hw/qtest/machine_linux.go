package qtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tensoros/hw"
	"tensoros/hw/host"
)

// Options describe the machine.
type Options struct {
	// QEMU is the program.
	QEMU string
	// Args add devices and what they need: "-device", "nvme,serial=1,drive=d0".
	Args []string
	// Memory is the size of the guest's memory in bytes; 0 is 64 MiB.
	Memory int
}

// Machine is a QEMU without a guest.
type Machine struct {
	cmd   *exec.Cmd
	sock  net.Conn
	link  *link
	dir   string
	ram   []byte
	pool  *host.Pool
	said  *strings.Builder
	funcs map[hw.Address]*function
	order []hw.Address
	cpu   *cpu
	next  uint64 // address for a BAR
	next6 uint64 // and for a 64-bit one
	irqs  []hw.Interrupt
	body  func(hw.CPU)
}

// Layout of guest memory and of the address space: the first pages are left to what expects low
// memory, one page takes interrupt messages, the rest is for DMA.
const (
	irqPage   = 0x10_0000
	poolBase  = irqPage + 4096
	ecam      = 0xb000_0000 // where q35 firmware puts it
	mmioBase  = 0xc000_0000
	mmioEnd   = 0xfec0_0000
	mmio64    = 1 << 36
	maxRAM    = 1 << 30 // below 2 GiB bus address and offset are one
	maxVector = 4096 / 4
)

// Start runs QEMU and finds the functions.
func Start(o Options) (m *Machine, err error) {
	if o.Memory == 0 {
		o.Memory = 64 << 20
	}
	if o.Memory < 4<<20 || o.Memory > maxRAM {
		return nil, fmt.Errorf("qtest: memory of %d bytes: from 4 MiB to 1 GiB", o.Memory)
	}
	m = &Machine{funcs: map[hw.Address]*function{}, next: mmioBase, next6: mmio64,
		said: &strings.Builder{}}
	m.cpu = &cpu{m: m}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Close())
			m = nil
		}
	}()
	if err = m.memory(o.Memory); err != nil {
		return m, err
	}
	if err = m.launch(o); err != nil {
		return m, err
	}
	return m, m.enumerate()
}

// memory makes the file that both sides map.
func (m *Machine) memory(size int) (err error) {
	if m.dir, err = os.MkdirTemp("", "qtest"); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(m.dir, "ram"))
	if err != nil {
		return err
	}
	if err = f.Truncate(int64(size)); err == nil {
		m.ram, err = unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE,
			unix.MAP_SHARED)
	}
	m.pool = host.NewPool(m.ram[min(poolBase, len(m.ram)):], poolBase)
	return errors.Join(err, f.Close())
}

func (m *Machine) launch(o Options) error {
	sock := filepath.Join(m.dir, "qtest.sock")
	size := fmt.Sprintf("%d", len(m.ram))
	args := []string{"-machine", "q35,memory-backend=ram", "-m", fmt.Sprintf("%dk", len(m.ram)>>10),
		"-object", "memory-backend-file,id=ram,share=on,size=" + size + ",mem-path=" +
			filepath.Join(m.dir, "ram"),
		"-display", "none", "-nodefaults", "-accel", "qtest", "-qtest-log", "none",
		"-qtest", "unix:" + sock + ",server=on,wait=off"}
	m.cmd = exec.Command(o.QEMU, append(args, o.Args...)...)
	m.cmd.Stderr = m.said
	m.cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := m.cmd.Start(); err != nil {
		m.cmd = nil
		return err
	}
	gone := make(chan error, 1)
	go func() { gone <- m.cmd.Wait() }()
	for deadline := time.Now().Add(20 * time.Second); ; {
		c, err := net.Dial("unix", sock)
		if err == nil {
			m.sock, m.link = c, newLink(c)
			return nil
		}
		select {
		case err := <-gone:
			m.cmd = nil
			return fmt.Errorf("qtest: QEMU ended (%v): %s", err, strings.TrimSpace(m.said.String()))
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("qtest: QEMU does not listen: %w", err)
		}
	}
}

// Close ends QEMU and removes what it needed.
func (m *Machine) Close() error {
	var errs []error
	if m.sock != nil {
		errs = append(errs, m.sock.Close())
	}
	if m.cmd != nil {
		_ = m.cmd.Process.Kill() // it may have gone by itself
	}
	if m.ram != nil {
		errs = append(errs, unix.Munmap(m.ram))
		m.ram = nil
	}
	if m.dir != "" {
		errs = append(errs, os.RemoveAll(m.dir))
	}
	return errors.Join(errs...)
}

// Run runs the body of the processor to its end, and reports a broken link.
func (m *Machine) Run() error {
	if body := m.body; body != nil {
		m.body = nil
		body(m.cpu)
	}
	return m.link.err
}

// Live is how many regions of DMA memory are handed out.
func (m *Machine) Live() int { return m.pool.Live() }

// CPUs is 1.
func (m *Machine) CPUs() int { return 1 }

// Start gives the processor its body; Run runs it.
func (m *Machine) Start(id int, body func(hw.CPU)) {
	if id != 0 {
		panic(fmt.Sprintf("qtest: CPU %d of 1", id))
	}
	m.body = body
}

// Functions lists the functions that were added, in bus order.
func (m *Machine) Functions() []hw.Address { return slices.Clone(m.order) }

// Open opens a function.
func (m *Machine) Open(a hw.Address) (hw.Function, error) {
	f, ok := m.funcs[a]
	if !ok {
		return nil, &hw.Error{Op: "open", Addr: a, Err: hw.ErrNotPresent}
	}
	return f, nil
}

// cpu is the processor: its time is QEMU's virtual clock.
type cpu struct {
	m      *Machine
	now    int64
	kicked bool
}

// A turn of a spin loop steps the clock by a microsecond: a request takes tens of them to make, so
// a finer step would only make waiting longer.
const turn = 1000

// idleShare is how late Idle may end, as a share of what it has waited: its steps grow with it.
const idleShare = 16

func (c *cpu) ID() int      { return 0 }
func (c *cpu) Now() hw.Time { return hw.Time(c.now) }
func (c *cpu) Relax()       { c.step(turn) }

func (c *cpu) step(ns int64) {
	if now := c.m.link.step(ns); c.m.link.err == nil {
		c.now = now
	} else {
		c.now += ns // a broken link must not stop the clock: timeouts have to come
	}
}

// Work steps the clock by the time of that many instructions at 1 GHz; less than a turn is left
// out.
func (c *cpu) Work(instructions int) {
	if instructions >= turn {
		c.step(int64(instructions))
	}
}

func (c *cpu) Idle(until hw.Time) {
	for start := c.Now(); !c.kicked && !c.m.pending() && c.Now() < until; {
		c.step(int64(min(until-c.Now(), max(turn, (c.Now()-start)/idleShare))))
	}
	c.kicked = false
}

func (c *cpu) Kick(int) { c.kicked = true }

func (c *cpu) Pending(dst []hw.Interrupt) []hw.Interrupt {
	for i := range c.m.irqs {
		if host.Load32(c.m.ram, irqPage+4*i) != 0 {
			host.Store32(c.m.ram, irqPage+4*i, 0)
			dst = append(dst, c.m.irqs[i])
		}
	}
	return dst
}

func (m *Machine) pending() bool {
	for i := range m.irqs {
		if host.Load32(m.ram, irqPage+4*i) != 0 {
			return true
		}
	}
	return false
}

var _ hw.Machine = (*Machine)(nil)
