package ptx

import (
	"math"
	"strings"
)

func trimSpace(s string) string { return strings.TrimSpace(s) }

func (p *parser) guarded() *Inst {
	start := p.tok.pos
	p.advance()
	g := Guard{Pos: p.tok.pos, Index: -1}
	if p.accept("!") {
		g.Not = true
		g.Pos = p.tok.pos
	}
	g.Name = p.name("a predicate register")
	if p.bad {
		return nil
	}
	if p.tok.kind != tokName {
		p.fail(p.tok.pos, "expected an instruction, found "+p.tok.describe(), "")
		return nil
	}
	return p.inst(g, start)
}

// inst reads an instruction whose first word is the current token.
func (p *parser) inst(g Guard, pos Pos) *Inst {
	opPos := p.tok.pos
	text := p.opcode(p.tok.end - len(p.tok.text))
	s := p.cache[text]
	if s == nil {
		s = resolve(text)
		p.cache[text] = s
	}
	if s.err != "" {
		p.fail(opPos, s.err, s.hint)
		p.bad = true
		p.skipWord()
		return nil
	}
	in := p.newInst()
	in.Pos, in.Guard, in.Op, in.Mods, in.Types = pos, g, s.op, s.mods, s.types
	p.advance()
	if in.Op.ID == OpCall {
		in.Args = p.callArgs()
	} else if !p.at(";") {
		in.Args = p.operands()
	}
	if p.bad || !p.expect(";") {
		return nil
	}
	return in
}

// skipWord steps past a faulty opcode so that recovery starts at its operands.
func (p *parser) skipWord() {
	p.advance()
	p.prev = p.tok.pos
}

func (p *parser) newInst() *Inst {
	const chunk = 128
	if len(p.insts) == 0 {
		p.insts = make([]Inst, chunk)
	}
	in := &p.insts[0]
	p.insts = p.insts[1:]
	return in
}

// take moves the operands collected since mark into a list of their own.
func (p *parser) take(mark int) []Operand {
	const chunk = 512
	n := len(p.stack) - mark
	if n == 0 {
		return nil
	}
	if n > len(p.ops) {
		p.ops = make([]Operand, max(chunk, n))
	}
	list := p.ops[:n:n]
	p.ops = p.ops[n:]
	copy(list, p.stack[mark:])
	p.stack = p.stack[:mark]
	return list
}

func (p *parser) operands() []Operand {
	mark := len(p.stack)
	for {
		p.stack = append(p.stack, p.operand())
		if p.bad || !p.accept(",") {
			break
		}
	}
	return p.take(mark)
}

func (p *parser) operand() Operand {
	switch {
	case p.tok.kind == tokName:
		return p.nameOperand()
	case p.at("["):
		return p.address()
	case p.at("{"):
		return p.vector()
	case p.at("!"):
		return p.notOperand()
	}
	o, _ := p.constant()
	return o
}

// notOperand reads !p, or a constant that begins with the operator !.
func (p *parser) notOperand() Operand {
	mark, tok := p.lexer, p.tok
	p.advance()
	if p.tok.kind == tokName && p.tok.text != "WARP_SZ" {
		o := p.nameOperand()
		o.Not = true
		o.Pos = tok.pos
		return o
	}
	p.lexer, p.tok = mark, tok
	o, _ := p.constant()
	return o
}

func (p *parser) nameOperand() Operand {
	if p.tok.text == "WARP_SZ" {
		o, _ := p.constant()
		return o
	}
	o := p.simpleName()
	if p.at("|") {
		p.advance()
		if p.tok.kind != tokName {
			p.fail(p.tok.pos, "expected the second result, found "+p.tok.describe(), "")
			return o
		}
		mark := len(p.stack)
		p.stack = append(p.stack, o, p.simpleName())
		return Operand{Pos: o.Pos, Kind: KindPair, Index: -1, List: p.take(mark)}
	}
	o.Imm = p.offset()
	return o
}

func (p *parser) simpleName() Operand {
	o := Operand{Pos: p.tok.pos, Kind: KindName, Index: -1, Name: p.tok.text}
	if o.Name == "_" {
		o.Kind = KindSink
	}
	p.advance()
	return o
}

// offset reads what may follow a name: +4, +-4, -4, any number of times.
func (p *parser) offset() int64 {
	var sum int64
	for !p.bad && (p.at("+") || p.at("-")) {
		minus := p.at("-")
		p.advance()
		pos := p.tok.pos
		v, ok := p.binary(precMul)
		if !ok {
			return 0
		}
		if v.Kind != KindInt {
			p.fail(pos, "an offset must be an integer", "")
			return 0
		}
		if minus {
			v.Imm = -v.Imm
		}
		sum += v.Imm
	}
	return sum
}

func (p *parser) address() Operand {
	o := Operand{Pos: p.tok.pos, Kind: KindAddr, Index: -1}
	p.advance()
	if p.tok.kind != tokName || p.tok.text == "WARP_SZ" {
		v, ok := p.constant()
		if ok && v.Kind != KindInt {
			p.fail(v.Pos, "an address must be an integer", "")
		}
		o.Imm = v.Imm
		if !p.bad {
			p.expect("]")
		}
		return o
	}
	mark := len(p.stack)
	p.stack = append(p.stack, p.simpleName())
	o.Imm = p.offset()
	for !p.bad && p.accept(",") {
		o.Kind = KindTensor
		p.stack = append(p.stack, p.operand())
	}
	o.List = p.take(mark)
	if !p.bad {
		p.expect("]")
	}
	return o
}

func (p *parser) vector() Operand {
	o := Operand{Pos: p.tok.pos, Kind: KindVector, Index: -1}
	if !p.enter() {
		p.leave()
		return o
	}
	defer p.leave()
	p.open++
	p.advance()
	mark := len(p.stack)
	for !p.bad {
		p.stack = append(p.stack, p.operand())
		if !p.accept(",") {
			break
		}
	}
	o.List = p.take(mark)
	if !p.bad && p.expect("}") {
		p.open--
	}
	return o
}

// callArgs reads a call into four operands: results, callee, arguments, and the table or
// prototype of an indirect call when there is one. Empty lists are kept, so places are fixed.
func (p *parser) callArgs() []Operand {
	mark := len(p.stack)
	ret := Operand{Pos: p.tok.pos, Kind: KindList, Index: -1}
	if p.at("(") {
		ret = p.callList()
		if p.bad || !p.expect(",") {
			p.stack = p.stack[:mark]
			return nil
		}
	}
	callee := Operand{Pos: p.tok.pos, Kind: KindName, Index: -1, Name: p.tok.text}
	p.name("a function")
	args := Operand{Pos: p.tok.pos, Kind: KindList, Index: -1}
	p.stack = append(p.stack, ret, callee)
	more := !p.bad && p.accept(",")
	if more && p.at("(") {
		args = p.callList()
		more = !p.bad && p.accept(",")
	}
	p.stack = append(p.stack, args)
	if more {
		table := Operand{Pos: p.tok.pos, Kind: KindName, Index: -1, Name: p.tok.text}
		p.name("the label of a prototype or of .calltargets")
		p.stack = append(p.stack, table)
	}
	return p.take(mark)
}

func (p *parser) callList() Operand {
	o := Operand{Pos: p.tok.pos, Kind: KindList, Index: -1}
	p.advance()
	if p.accept(")") {
		return o
	}
	o.List = p.operands()
	if !p.bad {
		p.expect(")")
	}
	return o
}

// Constant expressions (PTX ISA 4.5.4): C operators on 64-bit integers.
const (
	precOr  = 1
	precMul = 10
)

var precedence = map[string]int{"||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6,
	"<": 7, ">": 7, "<=": 7, ">=": 7, "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10}

func (p *parser) constant() (Operand, bool) { return p.binary(precOr) }

func (p *parser) binary(least int) (Operand, bool) {
	left, ok := p.unary()
	for ok && p.tok.kind == tokPunct {
		prec := precedence[p.tok.text]
		if prec < least {
			break
		}
		op, pos := p.tok.text, p.tok.pos
		p.advance()
		right, rok := p.binary(prec + 1)
		if !rok {
			return left, false
		}
		if left.Kind != KindInt || right.Kind != KindInt {
			p.fail(pos, "constant "+op+" works on integers only", "")
			return left, false
		}
		left.Imm, ok = fold(op, left.Imm, right.Imm)
		if !ok {
			p.fail(pos, "division by zero", "")
		}
	}
	return left, ok
}

func (p *parser) unary() (Operand, bool) {
	if !p.enter() {
		p.leave()
		return Operand{}, false
	}
	defer p.leave()
	t := p.tok
	o := Operand{Pos: t.pos, Kind: KindInt, Index: -1, Imm: int64(t.val)}
	switch {
	case t.kind == tokInt:
	case t.kind == tokF32:
		o.Kind = KindF32
	case t.kind == tokF64:
		o.Kind = KindF64
	case t.kind == tokName && t.text == "WARP_SZ":
		o.Imm = 32 // PTX ISA 10, WARP_SZ
	case t.kind == tokPunct && strings.Contains("-+~!", t.text):
		return p.prefix(t)
	case p.at("("):
		p.advance()
		in, ok := p.binary(precOr)
		return in, ok && p.expect(")")
	default:
		p.fail(t.pos, "expected an operand, found "+t.describe(), "")
		return o, false
	}
	p.advance()
	return o, !p.bad
}

func (p *parser) prefix(t token) (Operand, bool) {
	p.advance()
	o, ok := p.unary()
	o.Pos = t.pos
	if !ok {
		return o, false
	}
	switch {
	case t.text == "+":
	case t.text == "-" && o.Kind == KindF32:
		o.Imm ^= 1 << 31
	case t.text == "-" && o.Kind == KindF64:
		o.Imm ^= math.MinInt64
	case o.Kind != KindInt:
		p.fail(t.pos, "constant "+t.text+" works on integers only", "")
		return o, false
	case t.text == "-":
		o.Imm = -o.Imm
	case t.text == "~":
		o.Imm = ^o.Imm
	default:
		o.Imm = truth(o.Imm == 0)
	}
	return o, true
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func fold(op string, a, b int64) (int64, bool) {
	switch op {
	case "+":
		return a + b, true
	case "-":
		return a - b, true
	case "*":
		return a * b, true
	case "/", "%":
		if b == 0 {
			return 0, false
		}
		if op == "/" {
			return a / b, true
		}
		return a % b, true
	case "<<":
		return a << (uint64(b) & 63), true
	case ">>":
		return a >> (uint64(b) & 63), true
	}
	return foldLogic(op, a, b), true
}

func foldLogic(op string, a, b int64) int64 {
	switch op {
	case "&":
		return a & b
	case "|":
		return a | b
	case "^":
		return a ^ b
	case "&&":
		return truth(a != 0 && b != 0)
	case "||":
		return truth(a != 0 || b != 0)
	case "==":
		return truth(a == b)
	case "!=":
		return truth(a != b)
	case "<":
		return truth(a < b)
	case ">":
		return truth(a > b)
	case "<=":
		return truth(a <= b)
	}
	return truth(a >= b)
}
