package vm

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/program"
	"tensoros/neurolang/tile"
)

// step executes one instruction that the interpreter's loop has no case for, or failed at: then it
// finds the error.
func (m *Machine) step(f *program.Func, r *regs, in program.Instr, pc int) error {
	if m.fuel <= 0 {
		return faultf(diag.StepLimit, "stopped after %d steps", m.opt.Steps)
	}
	var v Value
	var err error
	d := &r[in.A()]
	switch op := in.Op(); op {
	case program.Nop, program.Jmp, program.JT, program.JF, program.Prep, program.Loop:
		return nil
	case program.LoadI:
		v = IntValue(int64(in.SBx()))
	case program.LoadB:
		v = BoolValue(in.B() != 0)
	case program.LoadU:
	case program.Trap:
		return faultf(diag.Panicked, "%s", constant(f.Consts[in.Bx()]).Str())
	case program.Same:
		return m.same(d, &r[in.A()+1], constant(f.Consts[in.Bx()]).Str())
	case program.Call:
		m.fuel -= 2
		fn := m.prog.Funcs[in.Bx()]
		v, err = m.enter(in.Bx(), nil, r[in.A():in.A()+fn.Params])
	case program.CallV:
		m.fuel -= 2
		v, err = m.callValue(r[in.B()], r[in.A():in.A()+in.C()])
	case program.Closure:
		v = m.closure(in.Bx(), r[in.A():in.A()+m.prog.Funcs[in.Bx()].Captured])
	case program.Builtin:
		s := m.prog.Sites[in.Bx()]
		v, err = m.sites[in.Bx()](m, r[in.A():in.A()+s.Args])
	case program.Launch:
		k := m.prog.Kernels[in.Bx()]
		v, err = m.launch(k, r[in.A():in.A()+len(k.Params)], f.Pos[pc])
	case program.LaunchTo:
		k := m.prog.Kernels[in.Bx()]
		v, err = m.launch(k, r[in.A():in.A()+len(k.Params)+len(k.Outs)], f.Pos[pc])
	case program.NegI:
		v, err = arithI(program.SubI, 0, r[in.B()].Int())
	case program.NegF:
		v = FloatValue(-r[in.B()].Float())
	case program.AddN:
		v, err = arithI(op, int64(r[in.B()].n), int64(in.SC()))
	case program.IntF:
		v, err = floatToInt(r[in.B()].Float())
	case program.FltI:
		v = FloatValue(float64(int64(r[in.B()].n)))
	case program.Not:
		if v = r[in.B()]; v.kind == Int {
			v.n = ^v.n
		} else {
			v = BoolValue(v.n == 0)
		}
	default:
		return m.stepValue(r, in)
	}
	if err == nil {
		*d = v
	}
	return err
}

// enter calls a function, or the plan that was made of it.
func (m *Machine) enter(fn int, captured, args []Value) (Value, error) {
	if m.prog.Funcs[fn].Graph {
		return m.graph(fn, captured, args)
	}
	return m.call(fn, captured, args)
}

func (m *Machine) callValue(f Value, args []Value) (Value, error) {
	if f.kind != Func || f.n >= uint64(len(m.prog.Funcs)) {
		return Value{}, badCode(program.CallV, f.String())
	}
	captured := f.Parts()
	if want := m.prog.Funcs[f.n].Params; len(captured)+len(args) != want {
		return Value{}, faultf(diag.BadCode, "the bytecode is damaged: %d arguments for %d",
			len(captured)+len(args), want)
	}
	return m.enter(int(f.n), captured, args)
}

func (m *Machine) closure(fn int, captured []Value) Value {
	v := Value{kind: Func, n: uint64(fn)}
	if len(captured) > 0 {
		v.ref = &Object{Parts: append([]Value(nil), captured...)}
	}
	return v
}

// same is the check that dimensions which share a name agree.
func (m *Machine) same(x, y *Value, what string) error {
	if x.n == y.n {
		return nil
	}
	return faultf(diag.LaunchInner, "%s: %s and %s", what, x.String(), y.String()).
		hint("the dimensions they share must be equal")
}

func constant(c any) Value {
	switch c := c.(type) {
	case int64:
		return IntValue(c)
	case float64:
		return FloatValue(c)
	case string:
		return StringValue(c)
	case bool:
		return BoolValue(c)
	case tile.Elem:
		return ElemValue(c)
	case tile.Layout:
		return LayoutValue(c)
	}
	return Value{}
}
