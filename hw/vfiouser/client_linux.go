package vfiouser

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tensoros/hw"
	"tensoros/hw/host"
)

// Machine is a hw.Machine of the one function that a vfio-user server exports: somebody's device
// model, or a real device behind one. Time is real.
type Machine struct {
	cpus *host.Processors
	pool *host.Pool
	fn   *function
	wire *client
	ram  []byte
	fd   int // of ram
}

// dmaBase is where devices see the memory: above what a PC keeps for firmware.
const dmaBase = 1 << 32

// Dial connects to the server at path and gives its function a place for its BARs, as firmware
// would.
func Dial(path string, o Options) (*Machine, error) {
	if o.CPUs == 0 {
		o.CPUs = 1
	}
	if o.Memory == 0 {
		o.Memory = 64 << 20
	}
	if (o.Address == hw.Address{}) {
		o.Address.Bus = 1
	}
	sock, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	m := &Machine{cpus: host.NewProcessors(o.CPUs), wire: newClient(sock), fd: -1}
	if err := m.open(o); err != nil {
		return nil, errors.Join(fmt.Errorf("vfio-user %s: %w", path, err), m.Close())
	}
	return m, nil
}

func (m *Machine) open(o Options) error {
	if err := m.wire.negotiate(); err != nil {
		return err
	}
	if err := m.memory(o.Memory); err != nil {
		return err
	}
	m.fn = &function{m: m, addr: o.Address}
	return m.fn.open()
}

// memory makes DMA memory in a file that the server maps too.
func (m *Machine) memory(size int) (err error) {
	if m.fd, err = unix.MemfdCreate("dma", unix.MFD_CLOEXEC); err != nil {
		return err
	}
	if err = unix.Ftruncate(m.fd, int64(size)); err != nil {
		return err
	}
	m.ram, err = unix.Mmap(m.fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	m.wire.serve(m.ram, dmaBase)
	m.pool = host.NewPool(m.ram, dmaBase)
	p := make([]byte, dmaMapLen)
	dmaMap{dmaReadable | dmaWritable, 0, dmaBase, uint64(size)}.encode(p)
	_, err = m.wire.call(DMAMap, p, m.fd)
	return err
}

// Close ends the connection.
func (m *Machine) Close() error {
	errs := []error{m.wire.close()}
	if m.fn != nil && m.fn.vectors != nil {
		m.fn.vectors.Close()
	}
	if m.ram != nil {
		errs = append(errs, unix.Munmap(m.ram))
		m.ram = nil
	}
	if m.fd >= 0 {
		errs = append(errs, unix.Close(m.fd))
	}
	return errors.Join(errs...)
}

// Run waits until the bodies of all processors have returned.
func (m *Machine) Run() error { return m.cpus.Wait() }

// Live is how many regions of DMA memory are handed out.
func (m *Machine) Live() int { return m.pool.Live() }

// CPUs is the number of processors.
func (m *Machine) CPUs() int { return m.cpus.Len() }

// Start runs body on a processor, at once.
func (m *Machine) Start(cpu int, body func(hw.CPU)) { m.cpus.Start(cpu, body) }

// Functions lists the one function.
func (m *Machine) Functions() []hw.Address { return []hw.Address{m.fn.addr} }

// Open opens it.
func (m *Machine) Open(a hw.Address) (hw.Function, error) {
	if a != m.fn.addr {
		return nil, &hw.Error{Op: "open", Addr: a, Err: hw.ErrNotPresent}
	}
	return m.fn, nil
}

// client is the client's end of a connection: calls wait for their replies, and the server's
// requests for memory are answered meanwhile.
type client struct {
	conn *conn
	caps capabilities

	mu    sync.Mutex // of what follows, and of writing
	next  uint16
	calls map[uint16]chan message
	err   error // sticky
	ram   []byte
	base  uint64
}

func newClient(sock *net.UnixConn) *client {
	c := &client{conn: newConn(sock), calls: map[uint16]chan message{}}
	go c.receive()
	return c
}

func (c *client) close() error { return c.conn.sock.Close() }

func (c *client) serve(ram []byte, base uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ram, c.base = ram, base
}

func (c *client) receive() {
	for {
		m, err := c.conn.read(time.Time{})
		if err != nil {
			c.fail(err)
			return
		}
		closeAll(m.fds)
		if !m.reply() {
			c.answer(&m)
			continue
		}
		c.mu.Lock()
		waiting := c.calls[m.id]
		delete(c.calls, m.id)
		c.mu.Unlock()
		if waiting != nil {
			waiting <- m
		}
	}
}

// fail ends all calls.
func (c *client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	for id, w := range c.calls {
		close(w)
		delete(c.calls, id)
	}
}

func (c *client) broken() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// answer serves the server's DMA_READ and DMA_WRITE.
func (c *client) answer(m *message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := header{id: m.id, command: m.command, flags: typeReply}
	payload, err := c.dma(m)
	if err != nil {
		h.flags, h.errno, payload = typeReply|isError, errno(err), nil
	}
	if err := c.conn.write(h, payload); err != nil && c.err == nil {
		c.err = err
	}
}

func (c *client) dma(m *message) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, unix.EINVAL
	}
	if m.command != DMARead && m.command != DMAWrite {
		return nil, unix.ENOTSUP
	}
	addr, n := binary.LittleEndian.Uint64(m.payload), binary.LittleEndian.Uint64(m.payload[8:])
	size := uint64(len(c.ram))
	if addr < c.base || addr-c.base > size || n > size-(addr-c.base) || n > maxTransfer {
		return nil, unix.EFAULT
	}
	at := c.ram[addr-c.base:][:n]
	if m.command == DMARead {
		return append(m.payload[:dmaLen:dmaLen], at...), nil
	}
	if uint64(len(m.payload)) != dmaLen+n {
		return nil, unix.EINVAL
	}
	copy(at, m.payload[dmaLen:])
	return m.payload[:dmaLen], nil
}

// call sends a command and waits for its reply.
func (c *client) call(cmd Command, payload []byte, fds ...int) ([]byte, error) {
	wait := make(chan message, 1)
	c.mu.Lock()
	err := c.err
	if err == nil {
		c.next++
		c.calls[c.next] = wait
		err = c.conn.write(header{id: c.next, command: cmd}, payload, fds...)
	}
	c.mu.Unlock()
	if err != nil {
		c.fail(err)
		return nil, err
	}
	m, ok := <-wait
	switch {
	case !ok:
		return nil, c.broken()
	case m.flags&isError != 0:
		return nil, fmt.Errorf("%v: %w", cmd, unix.Errno(m.errno))
	}
	return m.payload, nil
}

// post sends a command that nobody answers.
func (c *client) post(cmd Command, payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.next++
		c.err = c.conn.write(header{id: c.next, command: cmd, flags: noReply}, payload)
	}
}

func (c *client) negotiate() error {
	mine := peerVersion{0, 1, capabilities{MaxFDs: maxFDs, MaxTransfer: maxTransfer,
		MaxMaps: maxMaps, PageSizes: 4096, WriteMulti: true}, false}
	p, err := c.call(Version, mine.encode(4096))
	if err != nil {
		return err
	}
	if len(p) < 4 {
		return fmt.Errorf("VERSION was answered with %d bytes", len(p))
	}
	v, err := decodeVersion(p)
	if err == nil && v.major != 0 {
		err = fmt.Errorf("the server speaks version %d.%d; this is 0.1", v.major, v.minor)
	}
	c.caps = v.caps
	return err
}

// reply checks the length of a reply.
func reply(p []byte, err error, n int) ([]byte, error) {
	if err == nil && len(p) < n {
		err = fmt.Errorf("a reply of %d bytes: %d at least", len(p), n)
	}
	return p, err
}

var _ hw.Machine = (*Machine)(nil)
