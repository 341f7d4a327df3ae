package wir

import (
	"encoding/binary"
	"math/bits"
	"strings"
)

// Builder makes a Func. Operations without effects are made once in a scope; registers made by Var
// may be set again, and what was computed from them is then forgotten.
type Builder struct {
	F      *Func
	list   *[]*Node
	scopes []map[string]Arg
	vars   map[Reg]int // version of each variable
	epoch  int
	def    map[Reg]*Node
	line   int
	col    int
	key    []byte
}

// New starts a function.
func New(f *Func) *Builder {
	b := &Builder{F: f, list: &f.Body, vars: map[Reg]int{}, def: map[Reg]*Node{}}
	b.scopes = []map[string]Arg{{}}
	return b
}

// Line sets the place in source text of what follows.
func (b *Builder) Line(line, col int) { b.line, b.col = line, col }

func (b *Builder) fresh(c Class) Arg {
	b.F.Class = append(b.F.Class, c)
	return Arg{Kind: InReg, Reg: Reg(len(b.F.Class) - 1)}
}

// Class is that of a register.
func (b *Builder) Class(a Arg) Class { return b.F.Class[a.Reg] }

func (b *Builder) add(n *Node) *Node {
	n.Line, n.Col = b.line, b.col
	*b.list = append(*b.list, n)
	return n
}

// Note adds a comment.
func (b *Builder) Note(text string) { b.add(&Node{Kind: Note, Op: text}) }

// Do adds an instruction without a result.
func (b *Builder) Do(op string, src ...Arg) *Node { return b.add(&Node{Op: op, Src: src}) }

// When adds an instruction that executes under a predicate.
func (b *Builder) When(guard Arg, not bool, op string, src ...Arg) {
	if guard.Kind == Imm {
		if guard.Is(1) != not {
			b.Do(op, src...)
		}
		return
	}
	n := b.Do(op, src...)
	n.Guard, n.Not = guard, not
}

// Get adds an instruction whose result may differ each time.
func (b *Builder) Get(c Class, op string, src ...Arg) Arg {
	d := b.fresh(c)
	n := b.add(&Node{Op: op, Dst: []Arg{d}, Src: src})
	b.def[d.Reg] = n
	return d
}

// GetAll is Get with several results in braces.
func (b *Builder) GetAll(c Class, count int, op string, src ...Arg) []Arg {
	list := make([]Arg, count)
	for i := range list {
		list[i] = b.fresh(c)
	}
	n := b.add(&Node{Op: op, Dst: []Arg{List(list...)}, Src: src})
	for _, d := range list {
		b.def[d.Reg] = n
	}
	return list
}

// Op is an operation that depends on its operands only; the same one is made once.
func (b *Builder) Op(c Class, op string, src ...Arg) Arg {
	k := b.keyOf(op, src)
	for i := len(b.scopes) - 1; i >= 0; i-- {
		if a, ok := b.scopes[i][string(k)]; ok {
			return a
		}
	}
	key := string(k)
	d := b.Get(c, op, src...)
	b.scopes[len(b.scopes)-1][key] = d
	return d
}

// Ops is Op with several results in braces.
func (b *Builder) Ops(c Class, count int, op string, src ...Arg) []Arg {
	key := string(b.keyOf(op, src))
	for i := len(b.scopes) - 1; i >= 0; i-- {
		if a, ok := b.scopes[i][key]; ok {
			return a.List
		}
	}
	list := b.GetAll(c, count, op, src...)
	b.scopes[len(b.scopes)-1][key] = List(list...)
	return list
}

func (b *Builder) keyOf(op string, src []Arg) []byte {
	b.key = append(b.key[:0], op...)
	for _, a := range src {
		b.keyArg(&a)
	}
	return b.key
}

func (b *Builder) keyArg(a *Arg) {
	b.key = append(b.key, 0, byte(a.Kind))
	switch a.Kind {
	case Vec, Map:
		for i := range a.List {
			b.keyArg(&a.List[i])
		}
	case Sym:
		b.key = append(b.key, a.Text...)
		return
	}
	b.key = append(b.key, a.Text...)
	b.key = binary.AppendVarint(b.key, int64(a.Reg))
	b.key = binary.AppendVarint(b.key, a.Off)
	if v, ok := b.vars[a.Reg]; ok && (a.Kind == InReg || a.Kind == Mem) {
		b.key = binary.AppendVarint(b.key, int64(v))
		b.key = binary.AppendVarint(b.key, int64(b.epoch))
	}
}

// Var is a register that may be set again.
func (b *Builder) Var(c Class) Arg {
	a := b.fresh(c)
	b.vars[a.Reg] = 1
	return a
}

// IsVar tells whether an operand is such a register.
func (b *Builder) IsVar(a Arg) bool { return a.IsReg() && b.vars[a.Reg] > 0 }

// Touch says that an instruction changed a variable.
func (b *Builder) Touch(v Arg) { b.vars[v.Reg]++ }

var moves = [...]string{P: "mov.pred", H: "mov.b16", R: "mov.b32", D: "mov.b64"}

// Set gives a variable a value.
func (b *Builder) Set(v, to Arg) {
	if v.Kind == to.Kind && v.Reg == to.Reg {
		return
	}
	b.Touch(v)
	b.move(v, to)
}

// Become is Set for a value that nobody else uses: the instruction that has just made it writes to
// the variable itself.
func (b *Builder) Become(v, to Arg) {
	if v.Kind == to.Kind && v.Reg == to.Reg {
		return
	}
	b.Touch(v)
	if n := b.last(); n != nil && to.IsReg() && !b.IsVar(to) && n.Kind == Inst &&
		len(n.Dst) == 1 && n.Dst[0].Kind == InReg && n.Dst[0].Reg == to.Reg && b.forget(to) {
		n.Dst[0] = v
		return
	}
	b.move(v, to)
}

func (b *Builder) move(v, to Arg) {
	c := b.Class(v)
	to = plainBits(to)
	n := &Node{Op: moves[c], Dst: []Arg{v}, Src: []Arg{to}}
	if c == P && to.Kind == Imm {
		n.Op, n.Src = "setp.eq.s32", []Arg{Int(0), Int(1 - int(to.Off))}
	}
	b.add(n)
}

func (b *Builder) last() *Node {
	if l := *b.list; len(l) > 0 {
		return l[len(l)-1]
	}
	return nil
}

// forget removes a value from the innermost scope; false if it is not the last thing made there.
func (b *Builder) forget(a Arg) bool {
	scope := b.scopes[len(b.scopes)-1]
	n := b.def[a.Reg]
	if n == nil {
		return false
	}
	key := string(b.keyOf(n.Op, n.Src))
	if got, ok := scope[key]; ok && got.Reg == a.Reg {
		delete(scope, key)
	}
	delete(b.def, a.Reg)
	return true
}

// Reg is the operand in a register.
func (b *Builder) Reg(c Class, a Arg) Arg {
	if a.IsReg() {
		return a
	}
	a = plainBits(a)
	if c == P {
		return b.Op(P, "setp.eq.s32", Int(0), Int(1-int(a.Off)))
	}
	return b.Op(c, moves[c], a)
}

// plainBits is a constant as an integer of the same bits.
func plainBits(a Arg) Arg {
	switch a.Kind {
	case F32:
		return low32(a.Off)
	case F64:
		a.Kind = Imm
	}
	return a
}

// scope runs f with a list of its own.
func (b *Builder) scope(list *[]*Node, f func()) {
	old := b.list
	b.list = list
	b.scopes = append(b.scopes, map[string]Arg{})
	b.epoch++
	f()
	b.epoch++
	b.scopes = b.scopes[:len(b.scopes)-1]
	b.list = old
}

// Loop runs body, and again while what it returns holds (or, if not is set, does not).
func (b *Builder) Loop(body func() (again Arg, not bool)) {
	n := b.add(&Node{Kind: Loop})
	b.scope(&n.Body, func() {
		n.Guard, n.Not = body()
		n.Guard = b.Reg(P, n.Guard)
	})
}

// If runs then under a condition, else the other, which may be nil.
func (b *Builder) If(cond Arg, then, other func()) {
	if cond.Kind == Imm {
		if cond.Is(1) {
			then()
		} else if other != nil {
			other()
		}
		return
	}
	n := b.add(&Node{Kind: If, Guard: cond})
	b.scope(&n.Body, then)
	if other != nil {
		b.scope(&n.Else, other)
	}
}

// Unless runs then if a condition does not hold.
func (b *Builder) Unless(cond Arg, then func()) { b.If(b.Not(cond), then, nil) }

// Not is the other predicate.
func (b *Builder) Not(p Arg) Arg {
	if p.Kind == Imm {
		return Int(1 - int(p.Off))
	}
	return b.Op(P, "not.pred", p)
}

// Both is the conjunction of predicates.
func (b *Builder) Both(p, q Arg) Arg {
	switch {
	case p.Is(1) || q.Is(0):
		return q
	case q.Is(1) || p.Is(0):
		return p
	}
	return b.Op(P, "and.pred", p, q)
}

// Select is x if p holds, else y.
func (b *Builder) Select(c Class, p, x, y Arg) Arg {
	if p.Kind == Imm {
		if p.Is(1) {
			return x
		}
		return y
	}
	x, y = plainBits(x), plainBits(y)
	if c == P {
		return b.Op(P, "or.pred", b.Reg(P, b.Both(p, x)), b.Reg(P, b.Both(b.Not(p), y)))
	}
	return b.Op(c, [...]string{H: "selp.b16", R: "selp.b32", D: "selp.b64"}[c], x, y, p)
}

func low32(n int64) Arg { return Int(int(int32(n))) }

// Add is the sum of 32-bit integers.
func (b *Builder) Add(x, y Arg) Arg {
	if x.Kind == Imm {
		x, y = y, x
	}
	switch {
	case x.Kind == Imm && y.Kind == Imm:
		return low32(x.Off + y.Off)
	case y.Is(0):
		return x
	case y.Kind == Imm:
		if n := b.def[x.Reg]; n != nil && n.Op == "add.s32" && n.Src[1].Kind == Imm &&
			!b.IsVar(n.Src[0]) {
			return b.Add(n.Src[0], low32(n.Src[1].Off+y.Off))
		}
	}
	return b.Op(R, "add.s32", x, y)
}

// Sub is the difference of 32-bit integers.
func (b *Builder) Sub(x, y Arg) Arg {
	if y.Kind == Imm {
		return b.Add(x, low32(-y.Off))
	}
	return b.Op(R, "sub.s32", x, y)
}

// Mul is the product of 32-bit integers.
func (b *Builder) Mul(x, y Arg) Arg {
	if x.Kind == Imm {
		x, y = y, x
	}
	switch {
	case x.Kind == Imm && y.Kind == Imm:
		return low32(x.Off * y.Off)
	case y.Is(0) || y.Is(1):
		if y.Is(0) {
			return y
		}
		return x
	case y.Kind == Imm && y.Off > 0 && y.Off&(y.Off-1) == 0:
		return b.Shl(x, bits.TrailingZeros64(uint64(y.Off)))
	}
	return b.Op(R, "mul.lo.s32", x, y)
}

// Shl shifts to the left.
func (b *Builder) Shl(x Arg, n int) Arg {
	switch {
	case n == 0:
		return x
	case x.Kind == Imm:
		return low32(x.Off << n)
	}
	return b.Op(R, "shl.b32", x, Int(n))
}

// Shr shifts to the right, zeros from the left.
func (b *Builder) Shr(x Arg, n int) Arg {
	switch {
	case n == 0:
		return x
	case x.Kind == Imm:
		return low32(int64(uint32(x.Off) >> n))
	}
	return b.Op(R, "shr.u32", x, Int(n))
}

// And is bit by bit.
func (b *Builder) And(x, y Arg) Arg {
	switch {
	case x.Kind == Imm && y.Kind == Imm:
		return low32(x.Off & y.Off)
	case x.Is(0) || y.Is(0):
		return Int(0)
	}
	return b.Op(R, "and.b32", x, y)
}

// Or is bit by bit.
func (b *Builder) Or(x, y Arg) Arg {
	switch {
	case x.Kind == Imm && y.Kind == Imm:
		return low32(x.Off | y.Off)
	case x.Is(0):
		return y
	case y.Is(0):
		return x
	}
	return b.Op(R, "or.b32", x, y)
}

// Xor is bit by bit.
func (b *Builder) Xor(x, y Arg) Arg {
	switch {
	case x.Kind == Imm && y.Kind == Imm:
		return low32(x.Off ^ y.Off)
	case x.Is(0):
		return y
	case y.Is(0):
		return x
	}
	return b.Op(R, "xor.b32", x, y)
}

var compares = map[string]func(x, y int64) bool{
	"eq": func(x, y int64) bool { return x == y }, "ne": func(x, y int64) bool { return x != y },
	"lt": func(x, y int64) bool { return x < y }, "le": func(x, y int64) bool { return x <= y },
	"gt": func(x, y int64) bool { return x > y }, "ge": func(x, y int64) bool { return x >= y },
}

// Compare is a predicate of 32-bit integers; typ is s32 or u32.
func (b *Builder) Compare(rel, typ string, x, y Arg) Arg {
	if x.Kind == Imm && y.Kind == Imm {
		p, q := x.Off, y.Off
		if typ == "u32" {
			p, q = int64(uint32(p)), int64(uint32(q))
		}
		if compares[rel](p, q) {
			return True
		}
		return False
	}
	return b.Op(P, strings.Join([]string{"setp", rel, typ}, "."), x, y)
}

// Wide is a 32-bit integer as 64 bits, with its sign.
func (b *Builder) Wide(x Arg) Arg {
	if x.Kind == Imm {
		return x
	}
	return b.Op(D, "cvt.s64.s32", x)
}

// Add64 is the sum of 64-bit integers; constants stay apart for addresses to take up.
func (b *Builder) Add64(x, y Arg) Arg {
	switch {
	case x.Kind == Imm && y.Kind == Imm:
		return Arg{Kind: Imm, Off: x.Off + y.Off}
	case y.Is(0):
		return x
	case x.Is(0):
		return y
	}
	return b.Op(D, "add.s64", x, y)
}

// MulWide is the 64-bit product of two 32-bit integers.
func (b *Builder) MulWide(x, y Arg) Arg {
	if x.Kind == Imm {
		x, y = y, x
	}
	switch {
	case x.Kind == Imm && y.Kind == Imm:
		return Arg{Kind: Imm, Off: x.Off * y.Off}
	case y.Is(0):
		return y
	case y.Is(1):
		return b.Wide(x)
	}
	return b.Op(D, "mul.wide.s32", x, y)
}

// Whole is the register that two halves came out of, if they are its low and high one.
func (b *Builder) Whole(lo, hi Arg) (Arg, bool) {
	if !lo.IsReg() || !hi.IsReg() {
		return Arg{}, false
	}
	n := b.def[lo.Reg]
	if n == nil || n.Op != "mov.b32" || n.Dst[0].Kind != Vec || n.Dst[0].List[1].Reg != hi.Reg ||
		n.Dst[0].List[0].Reg != lo.Reg {
		return Arg{}, false
	}
	key := b.keyOf(n.Op, n.Src)
	for i := len(b.scopes) - 1; i >= 0; i-- {
		if a, ok := b.scopes[i][string(key)]; ok {
			return n.Src[0], a.List[0].Reg == lo.Reg
		}
	}
	return Arg{}, false
}

// Def is the instruction that made a register, if there is only one.
func (b *Builder) Def(a Arg) *Node {
	if !a.IsReg() || b.vars[a.Reg] > 0 {
		return nil
	}
	return b.def[a.Reg]
}

// Seal says that a variable keeps its value from here on.
func (b *Builder) Seal(v Arg) { delete(b.vars, v.Reg) }

// Own makes a variable of a register that has been set once: what was computed from it so far is
// forgotten.
func (b *Builder) Own(a Arg) {
	if b.IsVar(a) {
		b.Touch(a)
		return
	}
	if n := b.def[a.Reg]; n != nil {
		key := string(b.keyOf(n.Op, n.Src))
		for _, scope := range b.scopes {
			if got, ok := scope[key]; ok && got.Reg == a.Reg {
				delete(scope, key)
			}
		}
		delete(b.def, a.Reg)
	}
	b.vars[a.Reg] = 1
}

// Unset gives a variable a value unless a predicate holds.
func (b *Builder) Unset(p, v, to Arg) {
	b.Touch(v)
	if p.Kind == Imm {
		if p.Is(0) {
			b.move(v, to)
		}
		return
	}
	b.move(v, to)
	n := b.last()
	n.Guard, n.Not = p, true
}
