package export

import (
	"errors"
	"fmt"
	"io"

	"tensoros/hw/tap"
)

// player gives a function what a tape says that the peer did, and holds what the function does
// against it.
type player struct {
	tape   *tap.TapeReader
	next   tap.TapeEvent
	events uint64
	err    error
}

// Divergence is where a function does something else than the tape says.
type Divergence struct {
	Index     uint64 // of the event on the tape
	Want, Got *tap.TapeEvent
}

func (d *Divergence) Error() string {
	if d.Got == nil {
		return fmt.Sprintf("replay: event %d: the tape has %v, the device does nothing", d.Index, d.Want)
	}
	return fmt.Sprintf("replay: event %d: the tape has %v, the device does %v", d.Index, d.Want, d.Got)
}

func (p *player) step() {
	e, err := p.tape.Next()
	if err != nil && p.err == nil {
		p.err = err
	}
	p.next = e
	p.events++
}

// check takes an event of the function: it must be the next of the tape.
func (p *player) check(e *tap.TapeEvent) {
	if p.err != nil {
		return
	}
	if !p.next.Same(e) {
		want, got := p.next, *e
		got.Data = append([]byte(nil), e.Data...)
		p.err = &Divergence{p.events - 1, &want, &got}
		return
	}
	p.step()
}

// load fills p with what the function read when the tape was recorded.
func (p *player) load(data []byte) { copy(data, p.next.Data) }

// Replay plays a tape to a function that is as new, built as the one that was recorded. It returns
// the number of events, and a *Divergence if the function did not do what is on the tape.
func (f *Function) Replay(tape *tap.TapeReader) (events uint64, err error) {
	p := &player{tape: tape}
	f.play = p
	defer func() { f.play = nil }()
	for p.step(); p.err == nil && p.next.Op != tap.TapeEnd; {
		e, before := p.next, p.events
		if e.Op.Peer() {
			f.clock = e.At
			f.do(&e)
		} else {
			f.Engine.Run(e.At)
		}
		if p.err == nil && p.events == before {
			p.err = &Divergence{p.events - 1, &e, nil}
		}
	}
	if errors.Is(p.err, io.EOF) {
		p.err = nil
	}
	return p.events, p.err
}

// do does what the peer did.
func (f *Function) do(e *tap.TapeEvent) {
	switch e.Op {
	case tap.TapeRead:
		if e.Size > 1<<20 {
			f.play.err = fmt.Errorf("replay: a read of %d bytes", e.Size)
			return
		}
		f.Read(e.Region, e.Off, make([]byte, e.Size))
	case tap.TapeWrite:
		f.Write(e.Region, e.Off, e.Data)
	case tap.TapeReset:
		f.Reset()
	case tap.TapeArm:
		if e.Off >= uint64(len(f.armed)) {
			f.play.err = fmt.Errorf("replay: vector %d of %d", e.Off, len(f.armed))
			return
		}
		f.Arm(int(e.Off), e.Size == 1)
	case tap.TapeMap:
		f.fail(f.Map(e.Off, e.Size, nil, true))
	case tap.TapeUnmap:
		f.fail(f.Unmap(e.Off, e.Size))
	case tap.TapeLeave:
		f.Disconnect()
	}
}

func (f *Function) fail(err error) {
	if err != nil && f.play.err == nil {
		f.play.err = err
	}
}
