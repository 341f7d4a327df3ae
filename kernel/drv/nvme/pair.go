package nvme

import (
	"encoding/binary"
	"fmt"

	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"
)

// Sizes of a queue pair. There are fewer commands than entries, so that neither ring can fill up
// and a tail never has to wait for a head.
const (
	entries  = 128
	Depth    = 1 << slotBits // commands in flight on a pair
	slotBits = 6
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

// lookEvery is how often a processor that polls looks beyond its completion queue: at CSTS, a
// register read of about a microsecond, at deadlines, and for events. Often enough to notice a
// lost device, too rare to be felt.
const lookEvery = 250 * microsecond

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
	seq    uint16

	slots  []slot   // commands that may be in flight: Depth, or what the ring holds
	free   []uint16 // slots
	reqs   []request
	spare  []uint32 // requests
	look   hw.Time  // when to look around next
	oldest hw.Time  // when the command was sent that was in flight longest, at the last look
	broken error    // a completion that cannot be
}

// slot is a command from its submission to its completion. Its command identifier is the slot's
// number below a count of the pair's commands, so that those in flight differ in both parts: a
// completion with a wrong bit in it names none of them.
type slot struct {
	state slotState
	tries uint8
	req   uint32
	at    hw.Time      // sent, aborted, or when to send it again
	cmd   spec.Command // to send it again
}

type slotState uint8

// States of a slot.
const (
	slotFree    slotState = iota
	slotFlying            // the controller has it, until a completion or its deadline
	slotAborted           // so, and an Abort was sent: the next deadline is a reset
	slotWaiting           // the controller refused it for now: sent again at a time
	slotResend            // a reset took it: sent again when the controller is up
)

// request is what a Ticket names.
type request struct {
	gen     uint32
	pending int
	open    bool // not yet all submitted
	orphan  bool // nobody waits for it any more
	op      string
	err     error
	result  uint32
}

func (d *Drive) newPair(id, size int, lists bool) (*pair, error) {
	p := &pair{d: d, id: id, size: size, phase: spec.CQEPhase, oldest: hw.Forever}
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
	p.slots = make([]slot, min(Depth, size-1))
	for i := range p.slots {
		p.free = append(p.free, uint16(len(p.slots)-1-i))
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

// inFlight is the number of commands that are not over.
func (p *pair) inFlight() int { return len(p.slots) - len(p.free) }

// begin opens a request; the caller must have made sure that one is spare.
func (p *pair) begin(op string) uint32 {
	i := p.spare[len(p.spare)-1]
	p.spare = p.spare[:len(p.spare)-1]
	r := &p.reqs[i]
	*r = request{gen: r.gen + 1, open: true, op: op}
	return i
}

// forget makes a request spare.
func (p *pair) forget(req uint32) {
	p.reqs[req].gen++
	p.spare = append(p.spare, req)
}

// place puts a command for a request into the ring. Precondition: a slot is free.
func (p *pair) place(cpu hw.CPU, c *spec.Command, req uint32, now hw.Time) {
	i := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	s := &p.slots[i]
	s.cmd, s.req, s.tries = *c, req, 0
	p.reqs[req].pending++
	p.send(cpu, i, now)
}

// send puts the command of a slot into the ring.
func (p *pair) send(cpu hw.CPU, i uint16, now hw.Time) {
	s := &p.slots[i]
	p.seq++
	s.cmd.CID = i | p.seq<<slotBits
	if s.cmd.CID == noCID {
		p.seq++
		s.cmd.CID = i | p.seq<<slotBits
	}
	s.state, s.at = slotFlying, now
	s.tries++
	s.cmd.Encode(p.sq.Bytes()[p.tail*spec.SQELen:])
	if p.tail++; p.tail == p.size {
		p.tail = 0
	}
	cpu.Work(workSubmit)
}

// noCID means no command in the error log (Base, 5.16.1.2).
const noCID = 0xffff

// ring tells the controller of new entries, one doorbell for all.
func (p *pair) ring() {
	if p.rung != p.tail {
		p.rung = p.tail
		p.d.bar.Write32(spec.Doorbell(p.id, false, p.d.stride), uint32(p.tail))
	}
}

// reap takes the completions that are there and returns how many. While an ordered load waits
// another processor may recover the drive; then there is nothing to take any more.
func (p *pair) reap(cpu hw.CPU) int {
	if p.broken != nil {
		return 0
	}
	n, epoch := 0, p.d.epoch
	for p.next(cpu, epoch) {
		n++
	}
	if n > 0 && p.d.epoch == epoch {
		p.d.bar.Write32(spec.Doorbell(p.id, true, p.d.stride), uint32(p.head))
	}
	return n
}

// next takes a completion, if one is there.
func (p *pair) next(cpu hw.CPU, epoch uint32) bool {
	cpu.Work(workPoll)
	at := p.head * spec.CQELen
	if p.cq.Load32(at+spec.CQEStatusAt)&spec.CQEPhase != p.phase || p.d.epoch != epoch {
		return false
	}
	e := spec.DecodeCompletion(p.cq.Bytes()[at:])
	if p.head++; p.head == p.size {
		p.head, p.phase = 0, p.phase^spec.CQEPhase
	}
	cpu.Work(workReap)
	return p.settle(cpu, &e)
}

// settle gives a completion to its request. One that no command in flight can have caused breaks
// the pair until a reset: what it was for is not known.
func (p *pair) settle(cpu hw.CPU, e *spec.Completion) bool {
	i := e.CID & (Depth - 1)
	if int(i) >= len(p.slots) || p.slots[i].cmd.CID != e.CID || !p.slots[i].flies() ||
		int(e.SQID) != p.id || int(e.SQHD) >= p.size || e.Status.OK() && e.Status != spec.Success {
		p.broken = p.d.fail("completion", fmt.Sprintf("%+v in queue %d", *e, p.id), ErrProtocol)
		return false
	}
	s := &p.slots[i]
	if p.lists == nil && s.cmd.Opcode == spec.AsyncEvent {
		p.d.events.take(e)
	}
	p.reqs[s.req].result = e.Result
	if e.Status == spec.Success {
		if p.lists != nil {
			p.d.barren = 0
		}
		p.finish(i, nil)
		return true
	}
	if p.lists != nil { // admin commands are sent again by command
		if wait, again := p.d.policy(e.Status, s.tries); again {
			p.d.Stats.Retries++
			s.state, s.at = slotWaiting, cpu.Now()+wait
			p.look = min(p.look, s.at)
			return true
		}
	}
	p.finish(i, p.refusal(s, e.Status))
	return true
}

func (s *slot) flies() bool { return s.state == slotFlying || s.state == slotAborted }

// refusal is the error of a command that the controller ended with a status.
func (p *pair) refusal(s *slot, st spec.Status) error {
	e := &StatusError{Op: p.reqs[s.req].op, Status: st, Tries: int(s.tries)}
	if p.lists != nil && s.cmd.Opcode != spec.Flush {
		e.LBA, e.Blocks = s.cmd.SLBA(), spec.RWNLB.Get(uint64(s.cmd.CDW12))+1
		if s.cmd.Opcode == spec.DSM {
			e.LBA, e.Blocks = 0, 0
		}
	}
	return p.d.fail(e.Op, "", e)
}

// finish ends the command of a slot.
func (p *pair) finish(i uint16, err error) {
	s := &p.slots[i]
	s.state = slotFree
	p.free = append(p.free, i)
	r := &p.reqs[s.req]
	r.pending--
	if r.err == nil {
		r.err = err
	}
	if r.orphan && r.pending == 0 {
		if s.cmd.Opcode != spec.AsyncEvent {
			p.d.orphans--
		}
		p.forget(s.req)
	}
}

// list is the PRP list page of the slot that the next command will take.
func (p *pair) list() ([]byte, hw.BusAddr) {
	slot := int(p.free[len(p.free)-1])
	return p.lists.Bytes()[slot*listPage : (slot+1)*listPage],
		p.lists.Bus() + hw.BusAddr(slot*listPage)
}

// poll takes what has completed and, now and then, looks whether all is well.
func (p *pair) poll(cpu hw.CPU) int {
	if p.d.state != live {
		return 0
	}
	n := p.reap(cpu)
	now := cpu.Now()
	if p.broken != nil || now >= p.look {
		p.watch(cpu, now, n == 0)
	}
	if n == 0 && now-p.oldest > late {
		cpu.Idle(now + min((now-p.oldest)/64, millisecond))
	}
	return n
}

// late is when a command is not expected any more: a processor that polls for it takes naps, a
// sixty-fourth of the wait.
const late = 20 * millisecond

// await polls until done. It ends, because every command does.
func (p *pair) await(cpu hw.CPU, done func(*pair) bool) {
	start := cpu.Now()
	for !done(p) {
		if p.poll(cpu) == 0 && !done(p) {
			rest(cpu, start)
		}
	}
}

// putPRP stores an entry of a PRP list.
func putPRP(list []byte, i int, addr hw.BusAddr) {
	binary.LittleEndian.PutUint64(list[i*spec.PRPEntryLen:], uint64(addr))
}
