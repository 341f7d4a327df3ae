package hostgen

import (
	"fmt"
	"math"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/program"
	"tensoros/neurolang/source"
)

// gen lowers one function.
type gen struct {
	*Linker
	errs   *diag.List
	f      *program.Func
	consts map[any]int
	vars   map[*hir.Var]int // registers
	boxed  map[*hir.Var]bool
	dims   map[string]int // registers of dimensions by their name
	at     source.Span    // of what is being lowered
	next   int            // first free register
	floor  int            // below it are registers that are in use to the end of the statement
	scopes []scope
	loops  []loop
	over   bool // a limit was reported
}

// scope lists the registers that own something.
type scope struct{ owned []int }

// loop is a loop around: jumps to be patched, and the scopes outside of it.
type loop struct {
	breaks, continues []int
	scopes            int
}

// lower makes the code of a function.
func (l *Linker) lower(fn *hir.Fn, errs *diag.List) {
	g := &gen{Linker: l, errs: errs, f: l.Prog.Funcs[l.funcs[fn]], consts: map[any]int{},
		vars: map[*hir.Var]int{}, boxed: boxedVars(fn), dims: map[string]int{}, at: fn.At}
	for _, p := range fn.Params {
		g.vars[p] = g.reg()
	}
	g.bindDims(fn)
	g.open()
	for i, p := range fn.Params {
		r := g.vars[p]
		if g.boxed[p] {
			g.emit(program.ABC(program.Box, r, r, 0))
		}
		if g.holds(p.Type) && i >= g.f.Captured {
			g.own(r)
		}
	}
	result := g.reg()
	g.block(fn.Body, result, fn.Result.Kind != hir.Unit)
	g.at = source.Span{Pos: max(fn.At.Pos, fn.Body.At.End-1), End: fn.Body.At.End}
	if fn.Body.Value == nil || fn.Result.Kind == hir.Unit {
		g.emit(program.ABC(program.LoadU, result, 0, 0))
	}
	g.close()
	g.emit(program.ABC(program.Ret, result, 0, 0))
}

func (g *gen) emit(in program.Instr) int {
	g.f.Code = append(g.f.Code, in)
	g.f.Pos = append(g.f.Pos, g.at.Pos)
	return len(g.f.Code) - 1
}

// op emits an operation of registers.
func (g *gen) op(op program.Op, a, b, c int) { g.emit(program.ABC(op, a, b, c)) }

func (g *gen) tooComplex(what string) {
	if !g.over {
		g.errs.Errorf(diag.TooComplex, g.at, "%s needs more %s than bytecode can name", g.f.Name,
			what).Hint("split the function")
	}
	g.over = true
}

// regs takes registers in a row.
func (g *gen) regs(n int) int {
	r := g.next
	if r+n > program.MaxRegs {
		g.tooComplex("registers")
		return 0
	}
	g.next += n
	g.f.Regs = max(g.f.Regs, g.next)
	return r
}

func (g *gen) reg() int { return g.regs(1) }

// release gives registers back, but for those in use to the end of the statement.
func (g *gen) release(mark int) { g.next = max(mark, g.floor) }

// wide emits an operation with a wide operand.
func (g *gen) wide(op program.Op, a, x int) {
	if x > program.MaxWide {
		g.tooComplex("constants or functions")
	}
	g.emit(program.ABx(op, a, x))
}

// jump emits a jump to be patched.
func (g *gen) jump(op program.Op, a int) int { return g.emit(program.ABx(op, a, 0)) }

// land makes the jump at pc go to target.
func (g *gen) land(pc, target int) {
	d := target - pc - 1
	if d > program.MaxJump || d < -program.MaxJump {
		g.tooComplex("instructions")
	}
	in := g.f.Code[pc]
	g.f.Code[pc] = program.ABx(in.Op(), in.A(), d)
}

func (g *gen) here() int { return len(g.f.Code) }

func (g *gen) constant(c any) int {
	key := c
	if f, ok := c.(float64); ok {
		key = [1]uint64{math.Float64bits(f)} // tells zeros apart, and NaN from itself not
	}
	i, ok := g.consts[key]
	if !ok {
		i = len(g.f.Consts)
		g.consts[key] = i
		g.f.Consts = append(g.f.Consts, c)
	}
	return i
}

// load sets a register to a constant.
func (g *gen) load(c any, dst int) {
	switch c := c.(type) {
	case nil:
		g.op(program.LoadU, dst, 0, 0)
		return
	case bool:
		b := 0
		if c {
			b = 1
		}
		g.op(program.LoadB, dst, b, 0)
		return
	case int:
		g.load(int64(c), dst)
		return
	case int64:
		if c >= program.MinShort && c <= program.MaxShort {
			g.emit(program.ABx(program.LoadI, dst, int(c)))
			return
		}
	}
	g.wide(program.LoadK, dst, g.constant(c))
}

// open begins a scope.
func (g *gen) open() { g.scopes = append(g.scopes, scope{}) }

// own notes that a register of the innermost scope owns something.
func (g *gen) own(r int) {
	s := &g.scopes[len(g.scopes)-1]
	s.owned = append(s.owned, r)
}

// close ends a scope: what its registers own and did not move is dropped, the youngest first.
func (g *gen) close() {
	g.dropFrom(len(g.scopes) - 1)
	g.scopes = g.scopes[:len(g.scopes)-1]
}

// dropFrom drops what the scopes from number n on own.
func (g *gen) dropFrom(n int) {
	for i := len(g.scopes) - 1; i >= n; i-- {
		owned := g.scopes[i].owned
		for j := len(owned) - 1; j >= 0; j-- {
			g.op(program.Drop, owned[j], 0, 0)
		}
	}
}

// statement runs fn, then drops what values without a name it left, and gives its registers back.
func (g *gen) statement(fn func()) {
	mark, floor := g.next, g.floor
	g.floor = g.next
	g.open()
	fn()
	g.close()
	g.floor, g.next = floor, mark
}

// temp keeps a value without a name, which its register owns, to the end of the statement.
func (g *gen) temp(r int) {
	g.own(r)
	g.floor = max(g.floor, r+1)
}

// bindDims reads the dimensions that parameters name, and checks those named or known twice.
func (g *gen) bindDims(fn *hir.Fn) {
	from := map[string]string{}
	for i, p := range fn.Params {
		t := under(p.Type)
		if t.Kind != hir.Tensor || t.AnyDim {
			continue
		}
		mark := g.next
		r := i
		if exclusive(p.Type) {
			r = g.reg()
			g.op(program.Deref, r, i, 0)
		}
		for d, x := range t.Dims {
			g.bindDim(p, r, d, x, from)
		}
		if len(g.dims) == 0 {
			g.next = mark
		}
	}
	g.bindFields(fn)
}

func (g *gen) bindDim(p *hir.Var, r, d int, x hir.Dim, from map[string]string) {
	known, ok := g.dims[x.Sym]
	switch {
	case x.Sym == "" && x.Const < 0:
		return
	case x.Sym != "" && !ok:
		known = g.reg()
		g.dims[x.Sym], from[x.Sym] = known, p.Name
		g.op(program.Dim, known, r, d)
		return
	}
	at := g.regs(2)
	what := fmt.Sprintf("dimension %d of %s", d, p.Name)
	if x.Sym == "" {
		g.load(x.Const, at)
		what += " is another than its type says"
	} else {
		g.op(program.Move, at, known, 0)
		what = fmt.Sprintf("%s differs between %s and %s", x.Sym, from[x.Sym], p.Name)
	}
	g.op(program.Dim, at+1, r, d)
	g.wide(program.Same, at, g.constant(what))
	g.next = at
}

// bindFields reads dimensions that only the fields of parameters name.
func (g *gen) bindFields(fn *hir.Fn) {
	for sym := range symbols(fn) {
		if _, ok := g.dims[sym]; ok {
			continue
		}
		for i, p := range fn.Params {
			if steps := find(under(p.Type), sym, 0); steps != nil {
				r := g.reg()
				g.op(program.Move, r, i, 0)
				if exclusive(p.Type) {
					g.op(program.Deref, r, r, 0)
				}
				last := len(steps) - 1
				for _, s := range steps[:last] {
					g.op(program.Field, r, r, s)
				}
				g.op(program.Dim, r, r, steps[last])
				g.dims[sym] = r
				break
			}
		}
	}
}

// dim is the register of a dimension.
func (g *gen) dim(sym string) int {
	r, ok := g.dims[sym]
	if !ok {
		r = g.reg()
		g.wide(program.Trap, 0, g.constant("the dimension "+sym+" is not known in "+g.f.Name))
	}
	return r
}

// nestedDims is how deep dimensions are looked for in the fields of parameters.
const nestedDims = 8

// find is the way from a value to a dimension of that name: fields, then the axis.
func find(t *hir.Type, sym string, depth int) []int {
	if t.Kind == hir.Tensor {
		for d, x := range t.Dims {
			if x.Sym == sym {
				return []int{d}
			}
		}
		return nil
	}
	if depth == nestedDims || t.Kind != hir.Struct && t.Kind != hir.Tuple {
		return nil
	}
	for i, p := range parts(t) {
		if way := find(p, sym, depth+1); way != nil {
			return append([]int{i}, way...)
		}
	}
	return nil
}
