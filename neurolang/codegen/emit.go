package codegen

import (
	"fmt"
	"math"
	"strings"

	"tensoros/neurolang/ir"
)

// reg is a virtual register, or an immediate, as PTX text.
type reg string

// emitter writes instructions and hands out virtual registers.
type emitter struct {
	buf   strings.Builder
	count [len(classes)]int
	loc   ir.Loc
}

// classes of virtual registers: prefix and PTX type.
var classes = [...]struct{ prefix, typ string }{
	{"%p", ".pred"}, {"%r", ".b32"}, {"%rd", ".b64"}, {"%f", ".f32"}, {"%h", ".b16"},
}

const (
	classP = iota
	classR
	classD
	classF
	classH
)

func (e *emitter) fresh(class int) reg {
	e.count[class]++
	return reg(fmt.Sprintf("%s%d", classes[class].prefix, e.count[class]))
}

func (e *emitter) line(format string, args ...any) {
	e.buf.WriteByte('\t')
	fmt.Fprintf(&e.buf, format, args...)
	e.buf.WriteString(";\n")
}

func (e *emitter) label(name string) { e.buf.WriteString(name + ":\n") }

func (e *emitter) comment(text string) { e.buf.WriteString("\t// " + text + "\n") }

// at makes what follows belong to a source line.
func (e *emitter) at(l ir.Loc) {
	if l != e.loc && l.Line > 0 {
		fmt.Fprintf(&e.buf, "\t.loc\t1 %d %d\n", l.Line, l.Col)
		e.loc = l
	}
}

// op emits `op d, args...` with a fresh register of the class for d.
func (e *emitter) op(class int, op string, args ...any) reg {
	d := e.fresh(class)
	e.into(d, op, args...)
	return d
}

func (e *emitter) into(d reg, op string, args ...any) {
	s := make([]string, len(args))
	for i, a := range args {
		s[i] = fmt.Sprint(a)
	}
	if len(s) == 0 {
		e.line("%s %s", op, d)
		return
	}
	e.line("%s %s, %s", op, d, strings.Join(s, ", "))
}

// r emits a 32-bit integer instruction, rd a 64-bit one, f one on f32.
func (e *emitter) r(op string, args ...any) reg  { return e.op(classR, op, args...) }
func (e *emitter) rd(op string, args ...any) reg { return e.op(classD, op, args...) }
func (e *emitter) f(op string, args ...any) reg  { return e.op(classF, op, args...) }

// f32 writes an f32 immediate.
func f32(v float32) reg { return reg(fmt.Sprintf("0f%08X", math.Float32bits(v))) }

func addr(base reg, offset int) string {
	if offset == 0 {
		return fmt.Sprintf("[%s]", base)
	}
	return fmt.Sprintf("[%s+%d]", base, offset)
}

func join(rs []reg) string {
	s := make([]string, len(rs))
	for i, r := range rs {
		s[i] = string(r)
	}
	return "{" + strings.Join(s, ", ") + "}"
}

// declarations lists the registers used.
func (e *emitter) declarations() string {
	var b strings.Builder
	for i, n := range e.count {
		if n > 0 {
			fmt.Fprintf(&b, "\t.reg %s %s<%d>;\n", classes[i].typ, classes[i].prefix, n+1)
		}
	}
	return b.String()
}

func log2(n int) int {
	k := 0
	for n > 1 {
		n, k = n/2, k+1
	}
	return k
}
