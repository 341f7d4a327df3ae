package vm

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/program"
	"tensoros/neurolang/source"
	"tensoros/neurolang/tile"
)

// HostFunc is a builtin of the embedder.
type HostFunc func(args []Value) (Value, error)

// Options bound a run; zero fields mean the defaults.
type Options struct {
	Steps int                 // instructions, default 1e9
	Depth int                 // nested calls, default 1000
	Host  map[string]HostFunc // builtins of the embedder by name
}

// Machine runs functions of one program. Globals live as long as it does.
type Machine struct {
	prog    *program.Program
	rt      Runtime
	opt     Options
	globals []Value
	stack   []Value
	steps   int
	depth   int
}

// New returns a machine. The program may grow between calls (a session).
func New(p *program.Program, rt Runtime, opt Options) *Machine {
	if opt.Steps == 0 {
		opt.Steps = 1e9
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
	_, err := New(p, rt, opt).Call(p.Main)
	return err
}

// Call runs function number fn without arguments. The error is an *Error.
func (m *Machine) Call(fn int) (Value, error) {
	for len(m.globals) < len(m.prog.Globals) {
		m.globals = append(m.globals, Value{})
	}
	m.steps, m.depth, m.stack = 0, 0, m.stack[:0]
	return m.call(fn, nil)
}

// fault is an error before it knows its place.
type fault struct {
	code diag.Code
	msg  string
	help string
	err  error
}

func (f *fault) Error() string { return f.msg }

func faultf(c diag.Code, format string, a ...any) *fault {
	return &fault{code: c, msg: fmt.Sprintf(format, a...)}
}

func (f *fault) hint(format string, a ...any) *fault {
	f.help = fmt.Sprintf(format, a...)
	return f
}

// place makes an *Error of whatever an instruction returned.
func (m *Machine) place(f *program.Func, pc int, err error) error {
	var placed *Error
	if errors.As(err, &placed) {
		return err
	}
	var pos source.Pos
	if pc < len(f.Pos) {
		pos = f.Pos[pc]
	}
	e := &Error{Code: diag.DeviceFailed, Span: source.Span{Pos: pos, End: pos + 1},
		Msg: err.Error(),
		Pos: m.prog.Sources.Position(pos), Err: err}
	var ft *fault
	if errors.As(err, &ft) {
		e.Code, e.Msg, e.Help, e.Err = ft.code, ft.msg, ft.help, ft.err
	}
	return e
}

// call runs a function on a window of the stack whose first registers are args.
func (m *Machine) call(fn int, args []Value) (Value, error) {
	f := m.prog.Funcs[fn]
	base := len(m.stack)
	m.stack = slices.Grow(m.stack, f.Regs)[:base+f.Regs]
	clear(m.stack[base:])
	m.depth++
	defer func() { m.stack, m.depth = m.stack[:base], m.depth-1 }()
	copy(m.stack[base:], args)
	if m.depth > m.opt.Depth {
		return Value{}, m.place(f, 0, faultf(diag.StackOverflow,
			"%d calls are nested in each other",
			m.opt.Depth).hint("does %s call itself without end?", f.Name))
	}
	for pc := 0; pc < len(f.Code); {
		if m.steps++; m.steps > m.opt.Steps {
			return Value{}, m.place(f, pc, faultf(diag.StepLimit, "stopped after %d steps",
				m.opt.Steps))
		}
		in := f.Code[pc]
		// The stack may have moved in a call: take the window anew.
		r := m.stack[base : base+f.Regs]
		switch in.Op() {
		case program.Jmp:
			pc += in.SBx()
		case program.JT:
			if r[in.A()].n != 0 {
				pc += in.SBx()
			}
		case program.JF:
			if r[in.A()].n == 0 {
				pc += in.SBx()
			}
		case program.Ret:
			return r[in.A()], nil
		default:
			v, err := m.step(f, r, in, f.Pos[pc])
			if err != nil {
				return Value{}, m.place(f, pc, err)
			}
			if in.Op() != program.SetG && in.Op() != program.Nop {
				m.stack[base+in.A()] = v
			}
		}
		pc++
	}
	return Value{}, nil
}

// step computes the result of one instruction that is no jump.
func (m *Machine) step(f *program.Func, r []Value, in program.Instr, at source.Pos) (Value,
	error) {
	switch in.Op() {
	case program.Nop, program.LoadU:
		return Value{}, nil
	case program.LoadK:
		return constant(f.Consts[in.Bx()]), nil
	case program.LoadI:
		return IntValue(int64(in.SBx())), nil
	case program.LoadB:
		return BoolValue(in.B() != 0), nil
	case program.Move:
		return r[in.B()], nil
	case program.GetG:
		return m.getGlobal(in.Bx())
	case program.SetG:
		m.globals[in.Bx()] = r[in.A()]
		return Value{}, nil
	case program.Call:
		fn := m.prog.Funcs[in.Bx()]
		return m.call(in.Bx(), r[in.A():in.A()+fn.Params])
	case program.Builtin:
		s := m.prog.Sites[in.Bx()]
		return m.builtin(s.Name, r[in.A():in.A()+s.Args])
	case program.Launch:
		k := m.prog.Kernels[in.Bx()]
		return m.launch(k, r[in.A():in.A()+len(k.Params)], at)
	case program.MakeArray:
		return ArrayValue(append([]Value(nil), r[in.B():in.B()+in.C()]...)), nil
	case program.MakeRange:
		return Value{kind: Range, ref: rangeValue{r[in.B()].Int(), r[in.C()].Int()}}, nil
	case program.RangeLo:
		return IntValue(r[in.B()].span().lo), nil
	case program.RangeHi:
		return IntValue(r[in.B()].span().hi), nil
	case program.Index:
		return index(r[in.B()].Array(), r[in.C()].Int())
	case program.Slice:
		lo, n, err := bounds(r[in.C()], len(r[in.B()].Array()), "array")
		if err != nil {
			return Value{}, err
		}
		return ArrayValue(r[in.B()].Array()[lo : lo+n]), nil
	case program.TIndex:
		return m.tensorIndex(r[in.B()].Tensor(), r[in.B()+1:in.B()+1+in.C()])
	case program.Len:
		return IntValue(int64(len(r[in.B()].Array()))), nil
	case program.NegI:
		return arithI(program.SubI, 0, r[in.B()].Int())
	case program.NegF:
		return FloatValue(-r[in.B()].Float()), nil
	case program.Not:
		return BoolValue(!r[in.B()].Bool()), nil
	}
	return operate(in.Op(), r[in.B()], r[in.C()])
}

func (m *Machine) getGlobal(i int) (Value, error) {
	v := m.globals[i]
	if v.kind == Absent {
		return v, faultf(diag.Unset, "%s has no value: the line that was to set it failed",
			m.prog.Globals[i])
	}
	return v, nil
}

func constant(c any) Value {
	switch c := c.(type) {
	case int64:
		return IntValue(c)
	case float64:
		return FloatValue(c)
	case string:
		return StringValue(c)
	case tile.Elem:
		return Value{kind: Elem, n: uint64(c)}
	case tile.Layout:
		return Value{kind: Layout, n: uint64(c)}
	}
	panic(fmt.Sprintf("vm: constant of type %T", c))
}

func operate(op program.Op, x, y Value) (Value, error) {
	switch op {
	case program.AddF:
		return FloatValue(x.Float() + y.Float()), nil
	case program.SubF:
		return FloatValue(x.Float() - y.Float()), nil
	case program.MulF:
		return FloatValue(x.Float() * y.Float()), nil
	case program.DivF:
		return FloatValue(x.Float() / y.Float()), nil
	case program.Cat:
		return StringValue(x.Str() + y.Str()), nil
	case program.EqI:
		return BoolValue(x.Int() == y.Int()), nil
	case program.LtI:
		return BoolValue(x.Int() < y.Int()), nil
	case program.LeI:
		return BoolValue(x.Int() <= y.Int()), nil
	case program.EqF:
		return BoolValue(x.Float() == y.Float()), nil
	case program.LtF:
		return BoolValue(x.Float() < y.Float()), nil
	case program.LeF:
		return BoolValue(x.Float() <= y.Float()), nil
	case program.EqS:
		return BoolValue(x.Str() == y.Str()), nil
	case program.LtS:
		return BoolValue(x.Str() < y.Str()), nil
	case program.LeS:
		return BoolValue(x.Str() <= y.Str()), nil
	case program.EqX:
		return BoolValue(x.kind == y.kind && x.n == y.n &&
			x.Device().Index == y.Device().Index), nil
	}
	return arithI(op, x.Int(), y.Int())
}

// arithI computes on 64-bit integers; what does not fit is an error, never a silent wrap.
func arithI(op program.Op, x, y int64) (Value, error) {
	var r int64
	ok := true
	switch op {
	case program.AddI:
		r = x + y
		ok = (r > x) == (y > 0)
	case program.SubI:
		r = x - y
		ok = (r < x) == (y > 0)
	case program.MulI:
		r = x * y
		ok = x == 0 || r/x == y && !(x == -1 && y == math.MinInt64)
	case program.DivI, program.RemI:
		switch {
		case y == 0:
			return Value{}, faultf(diag.DivideByZero, "%d is divided by zero", x)
		case y == -1 && op == program.RemI:
			return IntValue(0), nil
		case op == program.RemI:
			return IntValue(x % y), nil
		}
		r = x / y
		ok = !(x == math.MinInt64 && y == -1)
	default:
		panic(fmt.Sprintf("vm: opcode %s in arithmetic", op))
	}
	if !ok {
		return Value{}, faultf(diag.ArithOverflow,
			"the result of %s on %d and %d does not fit 64 bits",
			op, x, y)
	}
	return IntValue(r), nil
}
