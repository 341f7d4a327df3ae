package nvme

import (
	"encoding/binary"
	"errors"

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

// Ops. Those after OpWriteThrough have no data.
const (
	OpRead Op = iota
	OpWrite
	OpCompare      // fails with Compare Failure where the segments differ from the blocks
	OpWriteThrough // forced unit access: durable once it is over
	OpFlush
	OpZero       // the blocks read zero afterwards
	OpDeallocate // the blocks' contents are of no use any more
)

var ops = [...]struct {
	name   string
	opcode uint8
	cdw12  uint32
	onCS   uint16 // bit of ONCS without which there is no such command
}{
	OpRead:         {"read", spec.Read, 0, 0},
	OpWrite:        {"write", spec.Write, 0, 0},
	OpCompare:      {"compare", spec.Compare, 0, spec.ONCSCompare},
	OpWriteThrough: {"write", spec.Write, fua, 0},
	OpFlush:        {"flush", spec.Flush, 0, 0},
	OpZero:         {"write zeroes", spec.WriteZeroes, 0, spec.ONCSWriteZeroes},
	OpDeallocate:   {"deallocate", spec.DSM, 0, spec.ONCSDSM},
}

const fua = 1 << 30 // RWFUA

func (o Op) String() string { return ops[o].name }

func (o Op) data() bool { return o < OpFlush }

// Ticket names a request under way, on the processor that submitted it.
type Ticket struct {
	p   *pair
	req uint32
	gen uint32
}

// pair is the calling processor's.
func (d *Drive) pair(cpu hw.CPU) (*pair, error) {
	if d.state == closed || cpu.ID() >= len(d.pairs) || d.pairs[cpu.ID()] == nil {
		return nil, d.fail("submit", "", ErrNoQueue)
	}
	return d.pairs[cpu.ID()], nil
}

// Submit starts a request of n blocks from lba and returns once every command of it is with the
// controller; while the queue is full it polls. Every Ticket must be given to Wait, or to Done
// until that reports true: then the controller has let go of the segments, unless the error is
// ErrWild. OpFlush names no blocks; it, OpZero and OpDeallocate take no segments.
func (d *Drive) Submit(cpu hw.CPU, op Op, lba, n uint64, segs []Segment) (Ticket, error) {
	p, err := d.pair(cpu)
	if err != nil {
		return Ticket{}, err
	}
	if d.state != live {
		if err := d.settled(cpu); err != nil {
			return Ticket{}, err
		}
	}
	if err := d.check(op, lba, n, segs); err != nil {
		return Ticket{}, d.fail(op.String(), "", err)
	}
	if op == OpZero && d.zero == 0 {
		if err := d.limits(cpu); err != nil {
			return Ticket{}, err
		}
	}
	if len(p.spare) == 0 {
		return Ticket{}, d.fail(op.String(), "too many requests not waited for", hw.ErrNoMemory)
	}
	req := p.begin(op.String())
	t := Ticket{p, req, p.reqs[req].gen}
	b := builder{cpu: cpu, p: p, req: req, op: op, lba: lba, now: cpu.Now()}
	if op.data() {
		err = b.run(segs)
	} else {
		err = b.bare(n)
	}
	if d.state == live {
		p.ring()
	}
	p.reqs[req].open = false
	if err == nil {
		return t, nil
	}
	// What is with the controller already must end before the caller gets its memory back.
	p.await(cpu, func(p *pair) bool { return p.reqs[req].pending == 0 })
	p.forget(req)
	return Ticket{}, err
}

func (d *Drive) check(op Op, lba, n uint64, segs []Segment) error {
	if bit := ops[op].onCS; bit != 0 && d.id.ONCS&bit == 0 {
		return ErrRefused
	}
	if op == OpFlush {
		return nil
	}
	if n == 0 || n > 1<<(63-d.shift) || lba+n < lba {
		return ErrLength
	}
	if !op.data() {
		if len(segs) != 0 {
			return ErrLength
		}
		return nil
	}
	mask := d.BlockSize - 1
	total := uint64(0)
	for _, s := range segs {
		if s.Len <= 0 || s.Len&mask != 0 || s.Bus%spec.PRPAlign != 0 {
			return ErrAlign
		}
		total += uint64(s.Len)
	}
	if total != n<<d.shift {
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
	now   hw.Time
}

func (b *builder) run(segs []Segment) error {
	for _, s := range segs {
		for s.Len > 0 {
			step := b.add
			if b.p.d.SGL && s.Len > sglLeast {
				step = b.whole
			}
			n, err := step(s)
			if err != nil {
				return err
			}
			s.Bus += hw.BusAddr(n)
			s.Len -= n
		}
	}
	if b.bytes == 0 {
		return nil
	}
	return b.emit()
}

// sglLeast is up to which length PRPs do without a list: then an SGL saves nothing.
const sglLeast = 2 * spec.MinPage

// whole makes a command of a segment's next bytes, as many as one may move, named by one SGL
// descriptor: no list is written, none has to be fetched. It returns how many.
func (b *builder) whole(s Segment) (int, error) {
	if b.bytes > 0 {
		if err := b.emit(); err != nil {
			return 0, err
		}
	}
	if err := b.open(); err != nil {
		return 0, err
	}
	n := min(s.Len, b.p.d.MaxTransfer)
	b.cmd.SetSGL1(spec.SGL{Addr: uint64(s.Bus), Len: uint32(n)})
	b.aim(uint64(n) >> b.p.d.shift)
	return n, nil
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
	d := b.p.d
	if len(b.p.free) == 0 {
		b.p.ring()
		b.p.await(b.cpu, func(p *pair) bool { return len(p.free) > 0 && d.state != recovering })
		b.now = b.cpu.Now()
	}
	if d.state == dead {
		return d.cause
	}
	b.cmd = spec.Command{Opcode: ops[b.op].opcode, NSID: d.ID}
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
	b.aim(uint64(b.bytes) >> b.p.d.shift)
	b.bytes, b.pages = 0, 0
	return nil
}

// aim places the command for the next n blocks.
func (b *builder) aim(n uint64) {
	b.cmd.SetSLBA(b.lba)
	b.cmd.CDW12 = uint32(n-1) | ops[b.op].cdw12
	b.lba += n
	b.p.place(b.cpu, &b.cmd, b.req, b.now)
}

// bare places the commands of an op without data.
func (b *builder) bare(n uint64) error {
	if b.op == OpFlush {
		n = 1
	}
	for n > 0 {
		if err := b.open(); err != nil {
			return err
		}
		k := n
		switch b.op {
		case OpFlush:
			b.p.place(b.cpu, &b.cmd, b.req, b.now)
		case OpZero:
			k = min(n, b.p.d.zero)
			b.aim(k)
		case OpDeallocate:
			k = min(n, 1<<31)
			b.deallocate(k)
		}
		n -= k
	}
	return nil
}

// deallocate places a Dataset Management with one range, in the slot's list page (NVM, 3.2.3).
func (b *builder) deallocate(n uint64) {
	const attributeDeallocate = 1 << 2
	clear(b.list[:16])
	binary.LittleEndian.PutUint32(b.list[4:], uint32(n))
	binary.LittleEndian.PutUint64(b.list[8:], b.lba)
	b.cmd.PRP1, b.cmd.CDW11 = uint64(b.at), attributeDeallocate
	b.lba += n
	b.p.place(b.cpu, &b.cmd, b.req, b.now)
}

// limits asks how many blocks a Write Zeroes may name. Without an answer it is what a transfer may
// have (NVM, 4.1.5.4: WZSL).
func (d *Drive) limits(cpu hw.CPU) error {
	most := uint64(d.MaxTransfer) >> d.shift
	err := d.persist(cpu, func() error {
		return d.page(func(buf hw.Memory) error {
			err := d.ask(cpu, buf, spec.CNSControllerCSI, 0)
			if err == nil {
				if l := spec.DecodeLimits(buf.Bytes()); l.WZSL > 0 && l.WZSL < 32 {
					most = spec.MinPage << l.WZSL >> d.shift
				}
			}
			return err
		})
	})
	var refused *StatusError
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	d.zero = max(1, min(most, 1<<16))
	return nil
}

// Poll takes what has completed on the calling processor's queue and returns how many commands.
// It may find that the controller is in trouble, and then takes as long as it takes to recover it.
func (d *Drive) Poll(cpu hw.CPU) int {
	p, err := d.pair(cpu)
	if err != nil {
		return 0
	}
	return p.poll(cpu)
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

// Wait polls until a request is over. That takes no longer than its commands may: each is sent six
// times at most, and each time ends after Timeout, an Abort and a reset.
func (d *Drive) Wait(cpu hw.CPU, t Ticket) error {
	t.p.await(cpu, func(p *pair) bool { return p.reqs[t.req].pending == 0 })
	_, err := d.Done(t)
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
