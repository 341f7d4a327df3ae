package vm

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/program"
	"tensoros/neurolang/source"
)

// HostFunc is an intrinsic of the embedder. Its arguments are borrowed.
type HostFunc func(args []Value) (Value, error)

// Options bound a run; zero fields mean the defaults.
type Options struct {
	Steps int                 // instructions, counted where code turns back; default 1e10
	Depth int                 // nested calls, default 1000
	Size  int                 // elements of an array, bytes of a string; default 1 << 26
	Host  map[string]HostFunc // intrinsics of the embedder by name
	Dry   bool                // nothing is in the tensors: contents are not made
}

// Machine runs functions of one program. Globals live as long as it does.
type Machine struct {
	prog    *program.Program
	rt      Runtime
	opt     Options
	globals Object
	sites   []intrinsic // of prog.Sites
	consts  [][]Value   // of prog.Funcs
	stack   []Value     // the part of the stack in use and what is free of it
	fuel    int
	depth   int
	live    *Store // all of the machine's memory on devices
	marks   int
	cached  cached
}

// regs is the window of a frame; as the encoding names 256 registers, no access needs a check. A
// verified function uses the first Regs only.
type regs = [256]Value

// chunk is how many values a piece of the stack has.
const chunk = 4096

// New returns a machine. The program may grow between calls (a session).
func New(p *program.Program, rt Runtime, opt Options) *Machine {
	if opt.Steps == 0 {
		opt.Steps = 1e10
	}
	if opt.Size == 0 {
		opt.Size = 1 << 26
	}
	if opt.Depth == 0 {
		opt.Depth = 1000
	}
	return &Machine{prog: p, rt: rt, opt: opt}
}

// Run runs a program's main. The error is an *Error.
func Run(p *program.Program, rt Runtime, opt Options) error {
	if p.Main < 0 {
		return &Error{Code: diag.MainShape, Pos: source.Position{File: p.Name},
			Msg: "there is no main to run", Help: "write fn main() { ... }"}
	}
	m := New(p, rt, opt)
	_, err := m.Call(p.Main)
	m.Close()
	return err
}

// RunTest runs function number fn of a program, a test, on a machine of its own. The error is an
// *Error.
func RunTest(p *program.Program, fn int, rt Runtime, opt Options) error {
	m := New(p, rt, opt)
	_, err := m.Call(fn)
	if n := m.Close(); err == nil && n > 0 {
		err = &Error{Code: diag.Leak, Pos: source.Position{File: p.Name}, Msg: "memory is left: " +
			"a tensor was neither moved nor dropped", Stack: []Frame{{Func: p.Funcs[fn].Name}}}
	}
	return err
}

// Call runs function number fn without arguments. The error is an *Error. Memory that neither the
// globals nor the result hold is free afterwards.
func (m *Machine) Call(fn int) (Value, error) {
	for len(m.globals.Parts) < len(m.prog.Globals) {
		m.globals.Parts = append(m.globals.Parts, Value{})
	}
	m.link()
	m.fuel, m.depth = m.opt.Steps, 0
	m.stack = make([]Value, chunk)
	v, err := m.call(fn, nil, nil)
	m.stack = nil
	if err != nil {
		m.sweep(Value{})
	}
	return v, err
}

// call runs a function on a window of the stack that begins with what it captured and args.
func (m *Machine) call(fn int, captured, args []Value) (Value, error) {
	f := m.prog.Funcs[fn]
	if m.depth >= m.opt.Depth {
		return Value{}, m.place(f, 0, m.tooDeep(f))
	}
	old := m.stack
	if len(old) < f.Regs+len(regs{}) {
		m.stack = make([]Value, chunk)
	}
	r := (*regs)(m.stack)
	clear(r[copy(r[copy(r[:], captured):], args)+len(captured) : f.Regs])
	m.stack = m.stack[f.Regs:]
	m.depth++
	v, err := m.exec(f, r, m.consts[fn])
	m.depth--
	m.stack = old
	return v, err
}

// exec interprets a function. What has no case here, and what failed here, goes to step.
func (m *Machine) exec(f *program.Func, r *regs, k []Value) (Value, error) {
	ok := true
	for pc := 0; ; pc++ {
		in := f.Code[pc]
		switch in.Op() {
		case program.Move:
			r[uint8(in>>8)] = r[uint8(in>>16)]
		case program.LoadK:
			r[uint8(in>>8)] = k[in.Bx()]
		case program.LoadI:
			setInt(&r[uint8(in>>8)], int64(in.SBx()))
		case program.AddI:
			ok = addI(&r[uint8(in>>8)], &r[uint8(in>>16)], &r[uint8(in>>24)])
		case program.SubI:
			ok = subI(&r[uint8(in>>8)], &r[uint8(in>>16)], &r[uint8(in>>24)])
		case program.MulI:
			ok = mulI(&r[uint8(in>>8)], &r[uint8(in>>16)], &r[uint8(in>>24)])
		case program.RemI:
			ok = remI(&r[uint8(in>>8)], &r[uint8(in>>16)], &r[uint8(in>>24)])
		case program.AddN:
			ok = addN(&r[uint8(in>>8)], &r[uint8(in>>16)], int64(in.SC()))
		case program.AddF:
			setFloat(&r[uint8(in>>8)], float(&r[uint8(in>>16)])+float(&r[uint8(in>>24)]))
		case program.SubF:
			setFloat(&r[uint8(in>>8)], float(&r[uint8(in>>16)])-float(&r[uint8(in>>24)]))
		case program.MulF:
			setFloat(&r[uint8(in>>8)], float(&r[uint8(in>>16)])*float(&r[uint8(in>>24)]))
		case program.EqI:
			setBool(&r[uint8(in>>8)], r[uint8(in>>16)].n == r[uint8(in>>24)].n)
		case program.NeI:
			setBool(&r[uint8(in>>8)], r[uint8(in>>16)].n != r[uint8(in>>24)].n)
		case program.LtI:
			setBool(&r[uint8(in>>8)], int64(r[uint8(in>>16)].n) < int64(r[uint8(in>>24)].n))
		case program.LeI:
			setBool(&r[uint8(in>>8)], int64(r[uint8(in>>16)].n) <= int64(r[uint8(in>>24)].n))
		case program.LtF:
			setBool(&r[uint8(in>>8)], float(&r[uint8(in>>16)]) < float(&r[uint8(in>>24)]))
		case program.Jmp:
			pc, ok = m.jump(pc, in.SBx())
		case program.JT, program.JF:
			if (r[uint8(in>>8)].n != 0) == (in.Op() == program.JT) {
				pc, ok = m.jump(pc, in.SBx())
			}
		case program.Prep:
			if a := uint8(in >> 8); !begins(&r[a], &r[a+1], &r[a+2]) {
				pc += in.SBx()
			}
		case program.Loop:
			if a := uint8(in >> 8); next(&r[a], &r[a+1], &r[a+2]) {
				pc, ok = m.jump(pc, in.SBx())
			}
		case program.Index:
			ok = load(&r[uint8(in>>8)], &r[uint8(in>>16)], &r[uint8(in>>24)])
		case program.SetI:
			ok = store(&r[uint8(in>>8)], &r[uint8(in>>16)], &r[uint8(in>>24)])
		case program.Ret:
			return r[uint8(in>>8)], nil
		default:
			ok = false
		}
		if !ok {
			if err := m.step(f, r, in, pc); err != nil {
				return Value{}, m.place(f, pc, err)
			}
			ok = true
		}
	}
}

// jump skips n instructions; going back costs as many steps.
func (m *Machine) jump(pc, n int) (int, bool) {
	if n < 0 {
		m.fuel += n
	}
	return pc + n, m.fuel > 0
}

func (m *Machine) tooDeep(f *program.Func) error {
	return faultf(diag.StackOverflow, "%d calls are nested in each other", m.opt.Depth).
		hint("does %s call itself without end?", f.Name)
}
