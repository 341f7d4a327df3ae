package lower

import (
	"maps"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/program"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/types"
)

// Linker knows where the functions, kernels and globals of a program are. A session keeps one.
type Linker struct {
	Prog    *program.Program
	Funcs   map[*types.Fn]int
	Kernels map[*types.Fn]int
	Globals map[*types.Var]int
	sites   map[program.Site]int
}

// NewLinker returns a linker for an empty program.
func NewLinker(p *program.Program) *Linker {
	return &Linker{Prog: p, Funcs: map[*types.Fn]int{}, Kernels: map[*types.Fn]int{},
		Globals: map[*types.Var]int{}, sites: map[program.Site]int{}}
}

// Clone copies the linker and its program, so that work which fails leaves no trace.
func (l *Linker) Clone() *Linker {
	p := *l.Prog
	return &Linker{Prog: &p, Funcs: maps.Clone(l.Funcs), Kernels: maps.Clone(l.Kernels),
		Globals: maps.Clone(l.Globals), sites: maps.Clone(l.sites)}
}

func (l *Linker) site(s program.Site) int {
	i, ok := l.sites[s]
	if !ok {
		i = len(l.Prog.Sites)
		l.sites[s] = i
		l.Prog.Sites = append(l.Prog.Sites, s)
	}
	return i
}

func (l *Linker) global(v *types.Var) int {
	i, ok := l.Globals[v]
	if !ok {
		i = len(l.Prog.Globals)
		l.Globals[v] = i
		l.Prog.Globals = append(l.Prog.Globals, v.Name)
	}
	return i
}

// host lowers one function.
type host struct {
	*Linker
	info   *types.Info
	errs   *diag.List
	f      *program.Func
	consts map[any]int
	vars   map[*types.Var]int
	next   int // first free register
	loops  []loop
	over   bool // a limit was reported
}

type loop struct{ breaks, continues []int }

func (l *Linker) host(name string, info *types.Info, errs *diag.List) *host {
	return &host{Linker: l, info: info, errs: errs, f: &program.Func{Name: name},
		consts: map[any]int{}, vars: map[*types.Var]int{}}
}

// Func lowers the body of a checked host function into place fn of the program.
func (l *Linker) Func(fn *types.Fn, info *types.Info, errs *diag.List) {
	h := l.host(fn.Name, info, errs)
	h.f.Params = len(fn.Params)
	for _, p := range fn.Params {
		h.vars[p] = h.reg(fn.Decl)
	}
	stmts := fn.Decl.Body.Stmts
	for i, s := range stmts {
		tail, ok := s.(*syntax.ExprStmt)
		if ok && tail.Tail && i == len(stmts)-1 && fn.Result != types.Unit {
			h.ret(tail.X, tail)
			continue
		}
		h.stmt(s)
	}
	h.ret(nil, fn.Decl)
	*l.Prog.Funcs[l.Funcs[fn]] = *h.f
}

// Line lowers top-level statements as a function that returns the value of the last one, if it is
// an expression, and appends it to the program.
func (l *Linker) Line(name string, stmts []syntax.Stmt, info *types.Info, errs *diag.List) int {
	h := l.host(name, info, errs)
	for i, s := range stmts {
		if x, ok := s.(*syntax.ExprStmt); ok && i == len(stmts)-1 {
			h.ret(x.X, s)
			continue
		}
		h.stmt(s)
	}
	if len(stmts) > 0 {
		h.ret(nil, stmts[len(stmts)-1])
	}
	l.Prog.Funcs = append(l.Prog.Funcs, h.f)
	return len(l.Prog.Funcs) - 1
}

func (h *host) emit(n syntax.Node, in program.Instr) int {
	h.f.Code = append(h.f.Code, in)
	h.f.Pos = append(h.f.Pos, n.Span().Pos)
	return len(h.f.Code) - 1
}

func (h *host) tooComplex(n syntax.Node, what string) {
	if !h.over {
		h.errs.Errorf(diag.TooComplex, n.Span(), "%s needs more %s than bytecode can name",
			h.f.Name, what).
			Hint("split the function")
	}
	h.over = true
}

// reg takes a register.
func (h *host) reg(n syntax.Node) int {
	r := h.next
	h.next++
	h.f.Regs = max(h.f.Regs, h.next)
	if r >= program.MaxRegs {
		h.tooComplex(n, "registers")
		h.next--
		return 0
	}
	return r
}

func (h *host) wide(n syntax.Node, x int) int {
	if x > program.MaxWide {
		h.tooComplex(n, "constants or functions")
	}
	return x
}

// jump emits a jump to be patched.
func (h *host) jump(n syntax.Node, op program.Op, a int) int {
	return h.emit(n, program.ABx(op, a, 0))
}

// land makes the jump at pc go to target.
func (h *host) land(n syntax.Node, pc, target int) {
	d := target - pc - 1
	if d > program.MaxJump || d < -program.MaxJump {
		h.tooComplex(n, "instructions")
	}
	in := h.f.Code[pc]
	h.f.Code[pc] = program.ABx(in.Op(), in.A(), d)
}

func (h *host) here() int { return len(h.f.Code) }

func (h *host) constant(n syntax.Node, c any) int {
	i, ok := h.consts[c]
	if !ok {
		i = len(h.f.Consts)
		h.consts[c] = i
		h.f.Consts = append(h.f.Consts, c)
	}
	return h.wide(n, i)
}

func (h *host) block(b *syntax.Block) {
	mark := h.next
	for _, s := range b.Stmts {
		h.stmt(s)
	}
	h.next = mark
}

func (h *host) stmt(s syntax.Stmt) {
	mark := h.next
	switch s := s.(type) {
	case *syntax.LetStmt:
		h.let(s)
		return
	case *syntax.Block:
		h.block(s)
	case *syntax.AssignStmt:
		h.assign(s)
	case *syntax.ExprStmt:
		h.to(s.X, h.reg(s))
	case *syntax.ReturnStmt:
		h.ret(s.Value, s)
	case *syntax.IfStmt:
		h.ifStmt(s)
	case *syntax.WhileStmt:
		h.while(s)
	case *syntax.ForStmt:
		h.forStmt(s)
	case *syntax.BranchStmt:
		if len(h.loops) == 0 {
			break
		}
		l := &h.loops[len(h.loops)-1]
		pc := h.jump(s, program.Jmp, 0)
		if s.Kind == syntax.KwBreak {
			l.breaks = append(l.breaks, pc)
		} else {
			l.continues = append(l.continues, pc)
		}
	}
	h.next = mark
}

func (h *host) let(s *syntax.LetStmt) {
	v := h.info.Defs[s.Name]
	if v.Global {
		mark := h.next
		r := h.value(s.Value)
		h.emit(s, program.ABx(program.SetG, r, h.wide(s, h.global(v))))
		h.next = mark
		return
	}
	r := h.reg(s)
	h.to(s.Value, r)
	h.vars[v] = r
}

var assignOps = map[syntax.Kind]syntax.Kind{syntax.AddAssign: syntax.Add,
	syntax.SubAssign: syntax.Sub, syntax.MulAssign: syntax.Mul, syntax.DivAssign: syntax.Div}

func (h *host) assign(s *syntax.AssignStmt) {
	id, ok := s.Target.(*syntax.IdentExpr)
	if !ok {
		return
	}
	v, _ := h.info.Uses[id].(*types.Var)
	dst, local := h.vars[v]
	if !local {
		dst = h.reg(s)
	}
	if s.Op == syntax.Assign {
		// Through a fresh register: the value may read the variable in a call's arguments.
		r := h.value(s.Value)
		if local {
			h.emit(s, program.ABC(program.Move, dst, r, 0))
		} else {
			dst = r
		}
	} else {
		x, y := h.value(id), h.value(s.Value)
		h.emit(s, program.ABC(arithOp(assignOps[s.Op], h.info.TypeOf(id)), dst, x, y))
	}
	if !local {
		h.emit(s, program.ABx(program.SetG, dst, h.wide(s, h.global(v))))
	}
}

func (h *host) ret(e syntax.Expr, n syntax.Node) {
	mark := h.next
	r := h.reg(n)
	if e == nil {
		h.emit(n, program.ABC(program.LoadU, r, 0, 0))
	} else {
		h.to(e, r)
	}
	h.emit(n, program.ABC(program.Ret, r, 0, 0))
	h.next = mark
}

func (h *host) ifStmt(s *syntax.IfStmt) {
	mark := h.next
	skip := h.jump(s.Cond, program.JF, h.value(s.Cond))
	h.next = mark
	h.block(s.Then)
	if s.Else == nil {
		h.land(s, skip, h.here())
		return
	}
	end := h.jump(s, program.Jmp, 0)
	h.land(s, skip, h.here())
	h.stmt(s.Else)
	h.land(s, end, h.here())
}

func (h *host) while(s *syntax.WhileStmt) {
	top := h.here()
	mark := h.next
	exit := h.jump(s.Cond, program.JF, h.value(s.Cond))
	h.next = mark
	l := h.body(s.Body)
	h.land(s, h.jump(s, program.Jmp, 0), top)
	h.close(s, l, h.here(), top)
	h.land(s, exit, h.here())
}

// body lowers a loop's body and returns the jumps out of it.
func (h *host) body(b *syntax.Block) loop {
	h.loops = append(h.loops, loop{})
	h.block(b)
	l := h.loops[len(h.loops)-1]
	h.loops = h.loops[:len(h.loops)-1]
	return l
}

func (h *host) close(n syntax.Node, l loop, end, next int) {
	for _, pc := range l.breaks {
		h.land(n, pc, end)
	}
	for _, pc := range l.continues {
		h.land(n, pc, next)
	}
}

// forStmt counts a hidden register; the loop variable is a copy of it, or the array's element.
func (h *host) forStmt(s *syntax.ForStmt) {
	seq := h.value(s.Range)
	i, end, one, cond, item := h.reg(s), h.reg(s), h.reg(s), h.reg(s), h.reg(s)
	h.emit(s, program.ABx(program.LoadI, one, 1))
	_, array := h.info.TypeOf(s.Range).(*types.Array)
	if array {
		h.emit(s, program.ABx(program.LoadI, i, 0))
		h.emit(s, program.ABC(program.Len, end, seq, 0))
	} else {
		h.emit(s, program.ABC(program.RangeLo, i, seq, 0))
		h.emit(s, program.ABC(program.RangeHi, end, seq, 0))
	}
	top := h.emit(s, program.ABC(program.LtI, cond, i, end))
	exit := h.jump(s, program.JF, cond)
	if array {
		h.emit(s, program.ABC(program.Index, item, seq, i))
	} else {
		h.emit(s, program.ABC(program.Move, item, i, 0))
	}
	h.vars[h.info.Defs[s.Var]] = item
	l := h.body(s.Body)
	next := h.emit(s, program.ABC(program.AddI, i, i, one))
	h.land(s, h.jump(s, program.Jmp, 0), top)
	h.close(s, l, h.here(), next)
	h.land(s, exit, h.here())
}

// Placeholder reserves places for functions, so that they can call each other.
func (l *Linker) Placeholder(fn *types.Fn) {
	l.Funcs[fn] = len(l.Prog.Funcs)
	l.Prog.Funcs = append(l.Prog.Funcs, &program.Func{Name: fn.Name})
}
