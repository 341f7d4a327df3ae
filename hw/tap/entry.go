package tap

import (
	"bytes"
	"fmt"
	"io"

	"tensoros/hw"
)

// Op is what crossed the door.
type Op uint8

// Ops. Those up to Free are the host's side of the machine, those up to Copy a window's, those up
// to Store DMA memory's, the rest a processor's.
const (
	Functions Op = iota
	Open
	Config
	BAR
	Memory
	Route
	Reset
	Err
	Close
	Free
	Read
	Write
	Copy
	Load
	Store
	Begin // a processor's body starts
	End   // and returns
	Now
	Relax
	Idle
	Pending
	Kick
	Work
	Start
	DMA // the contents of DMA memory changed since the crossing before
)

var opNames = [...]string{"functions", "open", "config", "bar", "memory", "route", "reset", "err",
	"close", "free", "read", "write", "copy", "load", "store", "begin", "end", "now", "relax",
	"idle", "pending", "kick", "work", "start", "dma"}

func (o Op) String() string { return opNames[o] }

// configSpace is the Place of configuration space; BARs are 0 to 5, memories count up from 0.
const configSpace = -1

// Entry is a crossing: what the guest asked and what it was answered.
type Entry struct {
	Op    Op
	CPU   int // -1 outside of any processor
	Addr  hw.Address
	Place int    // of Read, Write and Copy: a BAR, or -1; of Memory, Load, Store, Free, DMA: which
	Off   int    // bytes; of Route: the CPU
	Size  int    // bytes of an access; of BAR, Config and Memory: the length
	Value uint64 // read or written; of BAR, Config and Memory: the bus address
	Bus   hw.BusAddr
	Data  []byte         // of Copy and DMA
	Funcs []hw.Address   // of Functions
	IRQs  []hw.Interrupt // of Pending
	Err   error
	// From and To are the processor's clock around the crossing. They are not compared.
	From, To hw.Time
}

// answers says for each op whether Value is the machine's answer, not the guest's question.
var answers = [...]bool{BAR: true, Config: true, Memory: true, Read: true, Load: true, Now: true,
	DMA: true}

func (o Op) answered() bool { return int(o) < len(answers) && answers[o] }

// same reports whether two entries ask the same.
func (e *Entry) same(g *Entry) bool {
	if e.Op != g.Op || e.CPU != g.CPU || e.Addr != g.Addr || e.Place != g.Place || e.Off != g.Off {
		return false
	}
	if e.Op != BAR && e.Op != Config && e.Size != g.Size {
		return false
	}
	return e.Op.answered() || e.Value == g.Value && (e.Op != Copy || bytes.Equal(e.Data, g.Data))
}

// String gives the crossing as one line.
func (e *Entry) String() string {
	who := fmt.Sprintf("cpu%d ", e.CPU)
	if e.CPU < 0 {
		who = "host "
	}
	s := who + e.Op.String()
	switch e.Op {
	case Open, Config, Reset, Err, Close:
		s += " " + e.Addr.String()
	case BAR, Route:
		s += fmt.Sprintf(" %v %d", e.Addr, e.Place)
	case Read, Write, Copy:
		s += fmt.Sprintf("%d %v %s+%#x", 8*e.Size, e.Addr, place(e.Place), e.Off)
	case Memory, Load, Store, Free, DMA:
		s += fmt.Sprintf("%d mem%d+%#x", 8*e.Size, e.Place, e.Off)
	}
	switch e.Op {
	case Copy, DMA:
		s += fmt.Sprintf(" %.32x", e.Data)
	case Pending:
		s += fmt.Sprint(" ", e.IRQs)
	case Functions:
		s += fmt.Sprint(" ", e.Funcs)
	case Begin, End, Reset, Err, Close, Free, Open, Relax:
	default:
		s += fmt.Sprintf(" = %#x", e.Value)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func place(n int) string {
	if n == configSpace {
		return "config"
	}
	return fmt.Sprintf("bar%d", n)
}

// Log holds crossings in memory, in the order in which they ended. It is a sink.
type Log struct {
	CPUs    int
	Entries []Entry
}

// Crossing appends a copy of e.
func (l *Log) Crossing(e *Entry) {
	c := *e
	c.Data = bytes.Clone(e.Data)
	c.Funcs = append([]hw.Address(nil), e.Funcs...)
	c.IRQs = append([]hw.Interrupt(nil), e.IRQs...)
	l.Entries = append(l.Entries, c)
}

// WriteText writes the crossings, a line each.
func (l *Log) WriteText(w io.Writer) error {
	for i := range l.Entries {
		if _, err := fmt.Fprintln(w, l.Entries[i].String()); err != nil {
			return err
		}
	}
	return nil
}
