package nvme

import (
	"encoding/binary"

	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"
)

// Sizes of a queue pair. There are fewer commands than entries, so that neither ring can fill up
// and a tail never has to wait for a head.
const (
	entries  = 128
	Depth    = 64 // commands in flight on a pair
	listPage = 4096
	// maxPages is what PRP1 and a list of one page can name.
	maxPages = 1 + listPage/spec.PRPEntryLen
)

// Instructions of straight-line code a path runs, for hw.CPU.Work. Estimates from the source, to
// be replaced by counts of the compiled code.
const (
	workSubmit = 80 // build and place an entry, take a slot
	workPage   = 6  // add a page to a list
	workReap   = 40 // decode a completion, settle its request
	workPoll   = 8  // look at a phase bit
)

// pair is a submission and a completion queue, and what is in flight on them.
type pair struct {
	d      *Drive
	id     int
	size   int
	sq, cq hw.Memory
	lists  hw.Memory // a page for each slot's PRP list; nil for the admin queue
	tail   int
	head   int
	phase  uint32
	rung   int // tail that the controller has been told

	slots int           // commands that may be in flight: Depth, or what the ring holds
	owner [Depth]uint32 // request of each slot
	free  []uint16      // slots
	reqs  []request
	spare []uint32 // requests
	last  spec.Completion
}

// request is what a Ticket names.
type request struct {
	gen     uint32
	pending int
	open    bool // not yet all submitted
	op      string
	err     error
}

func (d *Drive) newPair(id, size int, lists bool) (*pair, error) {
	p := &pair{d: d, id: id, size: size, phase: spec.CQEPhase}
	var err error
	if p.sq, err = d.fn.Memory(size * spec.SQELen); err != nil {
		return nil, err
	}
	if p.cq, err = d.fn.Memory(size * spec.CQELen); err == nil && lists {
		p.lists, err = d.fn.Memory(Depth * listPage)
	}
	if err != nil {
		p.release()
		return nil, err
	}
	clear(p.cq.Bytes())
	p.slots = min(Depth, size-1)
	for i := range p.slots {
		p.free = append(p.free, uint16(p.slots-1-i))
	}
	p.reqs = make([]request, Depth)
	for i := range p.reqs {
		p.spare = append(p.spare, uint32(Depth-1-i))
	}
	return p, nil
}

// release frees the pair's memory. The controller must have let go of it.
func (p *pair) release() {
	for _, m := range [...]hw.Memory{p.sq, p.cq, p.lists} {
		if m != nil {
			m.Free()
		}
	}
	p.sq, p.cq, p.lists = nil, nil, nil
}

// inFlight is the number of commands that the controller has.
func (p *pair) inFlight() int { return p.slots - len(p.free) }

// begin opens a request; the caller must have made sure that one is spare.
func (p *pair) begin(op string) uint32 {
	i := p.spare[len(p.spare)-1]
	p.spare = p.spare[:len(p.spare)-1]
	r := &p.reqs[i]
	r.gen++
	r.pending, r.open, r.op, r.err = 0, true, op, nil
	return i
}

// place puts a command for a request into the ring. Precondition: a slot is free.
func (p *pair) place(cpu hw.CPU, c *spec.Command, req uint32) {
	slot := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	p.owner[slot] = req
	p.reqs[req].pending++
	c.CID = slot
	c.Encode(p.sq.Bytes()[p.tail*spec.SQELen:])
	if p.tail++; p.tail == p.size {
		p.tail = 0
	}
	cpu.Work(workSubmit)
}

// ring tells the controller of new entries, one doorbell for all.
func (p *pair) ring() {
	if p.rung != p.tail {
		p.rung = p.tail
		p.d.bar.Write32(spec.Doorbell(p.id, false, p.d.stride), uint32(p.tail))
	}
}

// reap takes the completions that are there and returns how many.
func (p *pair) reap(cpu hw.CPU) int {
	n := 0
	for {
		cpu.Work(workPoll)
		at := p.head * spec.CQELen
		if p.cq.Load32(at+spec.CQEStatusAt)&spec.CQEPhase != p.phase {
			break
		}
		p.last = spec.DecodeCompletion(p.cq.Bytes()[at:])
		if p.head++; p.head == p.size {
			p.head, p.phase = 0, p.phase^spec.CQEPhase
		}
		p.settle(&p.last)
		cpu.Work(workReap)
		n++
	}
	if n > 0 {
		p.d.bar.Write32(spec.Doorbell(p.id, true, p.d.stride), uint32(p.head))
	}
	return n
}

// settle gives a completion to its request. One that names no command in flight is the
// controller's fault, and is left alone.
func (p *pair) settle(e *spec.Completion) {
	if int(e.CID) >= p.slots || p.isFree(e.CID) {
		return
	}
	r := &p.reqs[p.owner[e.CID]]
	p.free = append(p.free, e.CID)
	r.pending--
	if !e.Status.OK() && r.err == nil {
		r.err = p.d.fail(r.op, "", &StatusError{r.op, e.Status})
	}
}

func (p *pair) isFree(slot uint16) bool {
	for _, f := range p.free {
		if f == slot {
			return true
		}
	}
	return false
}

// list is the PRP list page of the slot that the next command will take.
func (p *pair) list() ([]byte, hw.BusAddr) {
	slot := int(p.free[len(p.free)-1])
	return p.lists.Bytes()[slot*listPage : (slot+1)*listPage],
		p.lists.Bus() + hw.BusAddr(slot*listPage)
}

// sickEvery is how many fruitless polls go by between looks at CSTS, a register read of about a
// microsecond: often enough to notice a lost device, too rare to be felt.
const sickEvery = 4096

// await polls until done, or something is wrong.
func (p *pair) await(cpu hw.CPU, op string, done func(*pair) bool) error {
	deadline := cpu.Now() + p.d.Timeout
	for spins := 1; !done(p); spins++ {
		if p.reap(cpu) > 0 {
			continue
		}
		if spins%sickEvery == 0 {
			if err := p.d.sick(op); err != nil {
				return err
			}
		}
		if cpu.Now() > deadline {
			return p.d.trouble(op)
		}
		cpu.Relax()
	}
	return nil
}

// putPRP stores an entry of a PRP list.
func putPRP(list []byte, i int, addr hw.BusAddr) {
	binary.LittleEndian.PutUint64(list[i*spec.PRPEntryLen:], uint64(addr))
}
