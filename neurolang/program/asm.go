package program

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/source"
	"tensoros/neurolang/tile"
)

// Assemble reads what String writes, and verifies it. Kernels have a name and as many parameters as
// they had, no code; there are no positions.
func Assemble(text string) (*Program, error) {
	p := &Program{Main: -1, Sources: &source.Set{}}
	for i, line := range strings.Split(text, "\n") {
		a := &asm{p: p, rest: line}
		a.line()
		if a.err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, a.err)
		}
	}
	if err := p.Verify(); err != nil {
		return nil, err
	}
	return p, nil
}

// asm reads one line.
type asm struct {
	p    *Program
	rest string
	err  error
}

func (a *asm) fail(format string, args ...any) {
	if a.err == nil {
		a.err = fmt.Errorf(format, args...)
	}
	a.rest = ""
}

// peek tells whether anything is left before a comment.
func (a *asm) peek() bool {
	a.rest = strings.TrimLeft(a.rest, " ,\t\r")
	return a.rest != "" && a.rest[0] != ';'
}

// word takes what stands up to the next space or comma.
func (a *asm) word() string {
	if !a.peek() {
		a.fail("something is missing at the end")
		return ""
	}
	n := strings.IndexAny(a.rest, " ,\t\r")
	if n < 0 {
		n = len(a.rest)
	}
	w := a.rest[:n]
	a.rest = a.rest[n:]
	return w
}

func (a *asm) quoted() string {
	a.peek()
	q, err := strconv.QuotedPrefix(a.rest)
	if err != nil {
		a.fail("a string in quotes is missing before %q", a.rest)
		return ""
	}
	a.rest = a.rest[len(q):]
	s, _ := strconv.Unquote(q) // QuotedPrefix has checked it
	return s
}

// int takes a number after a prefix.
func (a *asm) int(prefix string) int {
	w := a.word()
	n, err := strconv.ParseInt(strings.TrimPrefix(w, prefix), 10, 32)
	if err != nil || !strings.HasPrefix(w, prefix) {
		a.fail("%q is no number with %q before it", w, prefix)
	}
	return int(n)
}

func (a *asm) keyword(w string) {
	if got := a.word(); got != w {
		a.fail("%q, want %q", got, w)
	}
}

func (a *asm) line() {
	if !a.peek() {
		return
	}
	p := a.p
	switch w := a.word(); w {
	case "program":
		p.Name = a.quoted()
		a.keyword("target")
		p.Target = a.int("")
		a.keyword("main")
		p.Main = a.int("")
	case "test":
		p.Tests = append(p.Tests, a.int(""))
	case "global":
		p.Globals = append(p.Globals, a.quoted())
	case "kernel":
		k := &abi.Kernel{Name: a.quoted()}
		a.keyword("params")
		k.Params = a.params()
		a.keyword("outs")
		k.Outs = a.params()
		p.Kernels = append(p.Kernels, k)
	case "site":
		s := Site{Name: a.quoted()}
		a.keyword("args")
		s.Args = a.int("")
		p.Sites = append(p.Sites, s)
	case "shape":
		s := Shape{Type: a.quoted(), Variant: a.quoted()}
		a.keyword("tag")
		s.Tag = a.int("")
		for a.peek() {
			s.Fields = append(s.Fields, a.quoted())
		}
		p.Shapes = append(p.Shapes, s)
	case "fn":
		a.fn()
	default:
		a.instr(w)
	}
	if a.peek() {
		a.fail("%q is too much", a.rest)
	}
}

// params are as many parameters, of which nothing is known.
func (a *asm) params() []abi.Param {
	n := a.int("")
	if n < 0 || n > MaxRegs {
		a.fail("%d parameters", n)
		return nil
	}
	return make([]abi.Param, n)
}

func (a *asm) fn() {
	f := &Func{Name: a.quoted()}
	a.keyword("params")
	f.Params = a.int("")
	a.keyword("captured")
	f.Captured = a.int("")
	a.keyword("regs")
	f.Regs = a.int("")
	if f.Graph = a.peek(); f.Graph {
		a.keyword("graph")
	}
	a.p.Funcs = append(a.p.Funcs, f)
}

// byName are the opcodes by their mnemonics.
var byName = func() map[string]Op {
	m := map[string]Op{}
	for op := Op(0); op < numOps; op++ {
		m[ops[op].name] = op
	}
	return m
}()

// instr reads the instruction after its number.
func (a *asm) instr(number string) {
	n := len(a.p.Funcs)
	if n == 0 {
		a.fail("%q is outside of a function", number)
		return
	}
	f := a.p.Funcs[n-1]
	if number != strconv.Itoa(len(f.Code)) {
		a.fail("instruction %q, want %d", number, len(f.Code))
	}
	name := a.word()
	op, ok := byName[name]
	if !ok {
		a.fail("no operation %q", name)
		return
	}
	args := ops[op].args
	r := 0
	if args[0] != none {
		r = a.register()
	}
	if op.wide() {
		f.Code = append(f.Code, ABx(op, r, a.wide(f, args[1])))
	} else {
		f.Code = append(f.Code, ABC(op, r, a.small(args[1]), a.small(args[2])))
	}
	f.Pos = append(f.Pos, 0)
}

func (a *asm) register() int {
	n := a.int("r")
	if n < 0 || n > MaxFields {
		a.fail("no register r%d", n)
	}
	return n
}

func (a *asm) small(r role) int {
	switch r {
	case none:
		return 0
	case count, field, imm:
		n := a.int("")
		if n < MinByte || n > MaxFields {
			a.fail("%d does not fit", n)
		}
		return n
	}
	return a.register()
}

func (a *asm) wide(f *Func, r role) int {
	n := 0
	switch r {
	case number:
		n = a.int("")
	case jump:
		if n = a.int("->") - len(f.Code) - 1; n < MinShort || n > MaxJump {
			a.fail("a jump over %d instructions", n)
		}
	case konst:
		n = a.literal(f)
	default:
		n = a.int("#")
		a.rest = "" // the name is for people
	}
	if n < MinShort || n > MaxWide {
		a.fail("%d does not fit", n)
	}
	return n
}

// literal reads a constant and gives its number.
func (a *asm) literal(f *Func) int {
	var c any
	var err error
	a.peek()
	if strings.HasPrefix(a.rest, `"`) {
		c = a.quoted()
	} else {
		kind, text, ok := a.word(), a.word(), true
		switch kind {
		case "int":
			c, err = strconv.ParseInt(text, 10, 64)
		case "float":
			c, err = strconv.ParseFloat(text, 64)
		case "elem":
			c, ok = tile.ParseElem(text)
		case "layout":
			c, ok = tile.ParseLayout(text)
		default:
			ok = false
		}
		if err != nil || !ok {
			a.fail("%s %q is no constant", kind, text)
		}
	}
	i := slices.IndexFunc(f.Consts, func(x any) bool { return literal(x) == literal(c) })
	if i < 0 {
		i = len(f.Consts)
		f.Consts = append(f.Consts, c)
	}
	return i
}
