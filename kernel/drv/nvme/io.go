package nvme

import (
	"encoding/binary"

	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"
)

// Segment is a run of bus addresses, of host memory or of a BAR: whole blocks, at an address that
// 4 divides.
type Segment struct {
	Bus hw.BusAddr
	Len int // bytes
}

// Op is what a request does.
type Op uint8

// Ops.
const (
	OpRead Op = iota
	OpWrite
	OpFlush
)

var ops = [...]struct {
	name   string
	opcode uint8
}{OpRead: {"read", spec.Read}, OpWrite: {"write", spec.Write}, OpFlush: {"flush", spec.Flush}}

func (o Op) String() string { return ops[o].name }

// Ticket names a request under way, on the processor that submitted it.
type Ticket struct {
	p   *pair
	req uint32
	gen uint32
}

// pair is the calling processor's.
func (d *Drive) pair(cpu hw.CPU) (*pair, error) {
	if d.closed || cpu.ID() >= len(d.pairs) || d.pairs[cpu.ID()] == nil {
		return nil, d.fail("submit", "", ErrNoQueue)
	}
	return d.pairs[cpu.ID()], nil
}

// Submit starts a request of n blocks from lba and returns once every command of it is with the
// controller; while the queue is full it polls. Every Ticket must be given to Wait, or to Done
// until that reports true.
func (d *Drive) Submit(cpu hw.CPU, op Op, lba, n uint64, segs []Segment) (Ticket, error) {
	p, err := d.pair(cpu)
	if err != nil {
		return Ticket{}, err
	}
	if err := d.check(op, n, segs); err != nil {
		return Ticket{}, d.fail(op.String(), "", err)
	}
	if len(p.spare) == 0 {
		return Ticket{}, d.fail(op.String(), "too many requests not waited for", hw.ErrNoMemory)
	}
	req := p.begin(op.String())
	t := Ticket{p, req, p.reqs[req].gen}
	b := builder{cpu: cpu, p: p, req: req, op: op, lba: lba}
	err = b.run(segs)
	p.ring()
	p.reqs[req].open = false
	if err == nil {
		return t, nil
	}
	// What is with the controller already must end before the caller gets its memory back.
	if p.await(cpu, op.String(), func(p *pair) bool { return p.reqs[req].pending == 0 }) == nil {
		p.forget(req)
	}
	return Ticket{}, err
}

func (d *Drive) check(op Op, n uint64, segs []Segment) error {
	if op == OpFlush {
		return nil
	}
	mask := d.BlockSize - 1
	total := 0
	for _, s := range segs {
		if s.Len <= 0 || s.Len&mask != 0 || s.Bus%spec.PRPAlign != 0 {
			return ErrAlign
		}
		total += s.Len
	}
	if total == 0 || uint64(total) != n<<d.shift {
		return ErrLength
	}
	return nil
}

// builder cuts a request into commands: at MaxTransfer, and where segments do not meet at page
// boundaries, which PRPs cannot express.
type builder struct {
	cpu   hw.CPU
	p     *pair
	req   uint32
	op    Op
	lba   uint64
	cmd   spec.Command
	list  []byte
	at    hw.BusAddr // of the list
	pages int
	bytes int
	end   hw.BusAddr
}

func (b *builder) run(segs []Segment) error {
	if b.op == OpFlush {
		return b.flushCommand()
	}
	for _, s := range segs {
		for s.Len > 0 {
			n, err := b.add(s)
			if err != nil {
				return err
			}
			s.Bus += hw.BusAddr(n)
			s.Len -= n
		}
	}
	return b.emit()
}

// add appends the next bytes of a segment that lie in one page, and returns how many.
func (b *builder) add(s Segment) (int, error) {
	n := min(s.Len, spec.MinPage-int(s.Bus%spec.MinPage))
	meets := b.end%spec.MinPage == 0 && s.Bus%spec.MinPage == 0
	if b.bytes > 0 && (!meets || b.bytes+n > b.p.d.MaxTransfer || b.pages == maxPages) {
		if b.bytes&(b.p.d.BlockSize-1) == 0 {
			if err := b.emit(); err != nil {
				return 0, err
			}
		} else if n = b.roundDown(n, meets); n == 0 {
			return 0, b.p.d.fail(b.op.String(), "", ErrAlign)
		}
	}
	if b.bytes == 0 {
		if err := b.open(); err != nil {
			return 0, err
		}
	}
	if b.pages == 0 {
		b.cmd.PRP1 = uint64(s.Bus)
	} else {
		putPRP(b.list, b.pages-1, s.Bus)
	}
	b.pages++
	b.bytes += n
	b.end = s.Bus + hw.BusAddr(n)
	b.cpu.Work(workPage)
	return n, nil
}

// roundDown cuts the last piece of a command that has reached MaxTransfer in the middle of a
// block: the transfer then ends in whole blocks. Zero means that it cannot.
func (b *builder) roundDown(n int, meets bool) int {
	if !meets || b.pages == maxPages {
		return 0
	}
	return min(n, b.p.d.MaxTransfer-b.bytes)
}

// open waits for a slot and starts a command in it.
func (b *builder) open() error {
	if len(b.p.free) == 0 {
		b.p.ring()
		err := b.p.await(b.cpu, b.op.String(), func(p *pair) bool { return len(p.free) > 0 })
		if err != nil {
			return err
		}
	}
	b.cmd = spec.Command{Opcode: ops[b.op].opcode, NSID: b.p.d.nsid}
	b.list, b.at = b.p.list()
	b.pages, b.bytes = 0, 0
	return nil
}

// emit places the command built so far.
func (b *builder) emit() error {
	switch {
	case b.pages == 2:
		b.cmd.PRP2 = binary.LittleEndian.Uint64(b.list)
	case b.pages > 2:
		b.cmd.PRP2 = uint64(b.at)
	}
	blocks := uint64(b.bytes) >> b.p.d.shift
	b.cmd.SetSLBA(b.lba)
	b.cmd.CDW12 = uint32(blocks - 1)
	b.lba += blocks
	b.p.place(b.cpu, &b.cmd, b.req)
	b.bytes, b.pages = 0, 0
	return nil
}

func (b *builder) flushCommand() error {
	if err := b.open(); err != nil {
		return err
	}
	b.p.place(b.cpu, &b.cmd, b.req)
	return nil
}

// Poll takes what has completed on the calling processor's queue and returns how many commands.
func (d *Drive) Poll(cpu hw.CPU) int {
	p, err := d.pair(cpu)
	if err != nil {
		return 0
	}
	return p.reap(cpu)
}

// Done reports whether a request is over, and how it ended. A request that is over is forgotten:
// its ticket must not be used again.
func (d *Drive) Done(t Ticket) (bool, error) {
	r := &t.p.reqs[t.req]
	if r.gen != t.gen {
		panic("nvme: a ticket is used after its end")
	}
	if r.pending > 0 || r.open {
		return false, nil
	}
	t.p.forget(t.req)
	return true, r.err
}

// forget makes a request spare.
func (p *pair) forget(req uint32) {
	p.reqs[req].gen++
	p.spare = append(p.spare, req)
}

// Wait polls until a request is over.
func (d *Drive) Wait(cpu hw.CPU, t Ticket) error {
	r := &t.p.reqs[t.req]
	err := t.p.await(cpu, r.op, func(p *pair) bool { return p.reqs[t.req].pending == 0 })
	if err != nil {
		return err
	}
	_, err = d.Done(t)
	return err
}

// Read fills segs with n blocks from lba.
func (d *Drive) Read(cpu hw.CPU, lba, n uint64, segs []Segment) error {
	return d.do(cpu, OpRead, lba, n, segs)
}

// Write stores segs in n blocks from lba.
func (d *Drive) Write(cpu hw.CPU, lba, n uint64, segs []Segment) error {
	return d.do(cpu, OpWrite, lba, n, segs)
}

// Flush makes what was written durable.
func (d *Drive) Flush(cpu hw.CPU) error { return d.do(cpu, OpFlush, 0, 0, nil) }

func (d *Drive) do(cpu hw.CPU, op Op, lba, n uint64, segs []Segment) error {
	t, err := d.Submit(cpu, op, lba, n, segs)
	if err != nil {
		return err
	}
	return d.Wait(cpu, t)
}
