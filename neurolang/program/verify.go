package program

import "fmt"

// Verify holds a program against the limits of its tables: every operand of every instruction
// names something that is there, and no function runs off its end. What a program computes with
// is checked as it runs.
func (p *Program) Verify() error {
	if p.Main < -1 || p.Main >= len(p.Funcs) {
		return fmt.Errorf("program %s: main is function %d of %d", p.Name, p.Main, len(p.Funcs))
	}
	for _, t := range p.Tests {
		if t < 0 || t >= len(p.Funcs) || p.Funcs[t].Params != 0 {
			return fmt.Errorf("program %s: test %d is no function without parameters", p.Name, t)
		}
	}
	if p.Main >= 0 && p.Funcs[p.Main].Params != 0 {
		return fmt.Errorf("program %s: main has parameters", p.Name)
	}
	for _, f := range p.Funcs {
		if err := p.verify(f); err != nil {
			return fmt.Errorf("program %s: function %s: %w", p.Name, f.Name, err)
		}
	}
	return nil
}

func (p *Program) verify(f *Func) error {
	switch n := len(f.Code); {
	case f.Captured < 0 || f.Captured > f.Params || f.Params > f.Regs || f.Regs > MaxRegs:
		return fmt.Errorf("%d captured, %d parameters and %d registers", f.Captured, f.Params,
			f.Regs)
	case n == 0:
		return fmt.Errorf("no code")
	case !f.Code[n-1].ends():
		return fmt.Errorf("the last instruction is %s: it runs off the end", f.Code[n-1].Op())
	case len(f.Pos) != n:
		return fmt.Errorf("%d positions for %d instructions", len(f.Pos), n)
	}
	for i, in := range f.Code {
		if err := p.check(f, i, in); err != nil {
			return fmt.Errorf("instruction %d, %s: %w", i, in.Op(), err)
		}
	}
	return nil
}

// ends tells that nothing after the instruction follows it.
func (i Instr) ends() bool { return i.Op() == Ret || i.Op() == Jmp || i.Op() == Trap }

func (p *Program) check(f *Func, at int, in Instr) error {
	if in.Op() >= numOps {
		return fmt.Errorf("unknown opcode")
	}
	args := ops[in.Op()].args
	most := in.A() // the highest register that A stands for
	switch args[0] {
	case none:
		most = -1
	case loop:
		most += 2
	case pair:
		most++
	case window:
		most = max(most, most+in.C()-1)
	}
	if in.Op().wide() {
		n, err := p.checkWide(f, at, in, args[1])
		if err != nil {
			return err
		}
		most = max(most, in.A()+n-1)
	} else {
		for i, v := range [...]int{in.B(), in.C()} {
			switch args[i+1] {
			case get, set, both:
				most = max(most, v)
			case first:
				most = max(most, in.B()+in.C()-1)
			}
		}
	}
	if most >= f.Regs {
		return fmt.Errorf("register r%d of %d", most, f.Regs)
	}
	return nil
}

// checkWide checks the wide operand and returns how many registers from A on it reads.
func (p *Program) checkWide(f *Func, at int, in Instr, r role) (int, error) {
	n, have, what := 0, 0, ""
	x := in.Bx()
	switch r {
	case number:
		return 0, nil
	case jump:
		if to := at + 1 + in.SBx(); to < 0 || to >= len(f.Code) {
			return 0, fmt.Errorf("jump to %d of %d", to, len(f.Code))
		}
		return 0, nil
	case konst:
		have, what = len(f.Consts), "constant"
	case global:
		have, what = len(p.Globals), "global"
	case fn:
		if have, what = len(p.Funcs), "function"; x < have {
			n = p.Funcs[x].Params
			if in.Op() == Closure {
				n = p.Funcs[x].Captured
			}
		}
	case site:
		if have, what = len(p.Sites), "site"; x < have {
			n = p.Sites[x].Args
		}
	case launch:
		if have, what = len(p.Kernels), "kernel"; x < have {
			n = len(p.Kernels[x].Params)
		}
	case into:
		if have, what = len(p.Kernels), "kernel"; x < have {
			n = len(p.Kernels[x].Params) + len(p.Kernels[x].Outs)
		}
	case shape:
		if have, what = len(p.Shapes), "shape"; x < have {
			n = len(p.Shapes[x].Fields)
		}
	}
	if x >= have {
		return 0, fmt.Errorf("%s %d of %d", what, x, have)
	}
	if n < 0 || n > MaxRegs {
		return 0, fmt.Errorf("%d operands", n)
	}
	return n, nil
}
