package ptx

import (
	"fmt"
	"io"
	"strconv"
)

// Print writes the module as canonical text: one statement a line, modifiers in the table's
// order, hexadecimal floats. Parse reads it back to an equal module.
func Print(w io.Writer, m *Module) error {
	p := &printer{}
	p.module(m)
	_, err := w.Write(p.b)
	return err
}

// String returns the canonical text.
func (m *Module) String() string {
	p := &printer{}
	p.module(m)
	return string(p.b)
}

// String returns the function's canonical text.
func (f *Func) String() string {
	p := &printer{}
	p.function(f)
	return string(p.b)
}

// String returns the instruction as canonical text, without the line's end.
func (in *Inst) String() string {
	p := &printer{}
	p.inst(in)
	return string(p.b)
}

// String returns the operand as canonical text.
func (o *Operand) String() string {
	p := &printer{}
	p.operand(o)
	return string(p.b)
}

type printer struct {
	b      []byte
	indent int
}

func (p *printer) s(parts ...string) {
	for _, x := range parts {
		p.b = append(p.b, x...)
	}
}

func (p *printer) n(v int) { p.b = strconv.AppendInt(p.b, int64(v), 10) }

func (p *printer) line() {
	for range p.indent {
		p.b = append(p.b, '\t')
	}
}

func (p *printer) module(m *Module) {
	if m.Version != 0 {
		p.s(".version ", strconv.Itoa(m.Version/10), ".", strconv.Itoa(m.Version%10), "\n")
	}
	for i, t := range m.Target {
		if i == 0 {
			p.s(".target ", t)
			continue
		}
		p.s(", ", t)
	}
	if len(m.Target) > 0 {
		p.s("\n")
	}
	if m.AddressSize != 0 {
		p.s(".address_size ", strconv.Itoa(m.AddressSize), "\n")
	}
	for _, it := range m.Items {
		switch it := it.(type) {
		case *File:
			p.s(".file ", strconv.Itoa(it.Index), " \"", it.Name, "\"")
			for _, x := range it.Extra {
				p.s(", ", strconv.FormatUint(uint64(x), 10))
			}
			p.s("\n")
		case *Var:
			p.variable(it)
			p.s(";\n")
		case *Func:
			p.s("\n")
			p.function(it)
		case *Pragma:
			p.pragma(it.Text)
			p.s("\n")
		case *Alias:
			p.s(".alias ", it.Name, ", ", it.Target, ";\n")
		case *Section:
			p.s(".section ", it.Name, " {\n", it.Text, "\n}\n")
		}
	}
}

func (p *printer) pragma(text []string) {
	p.s(".pragma ")
	for i, t := range text {
		if i > 0 {
			p.s(", ")
		}
		p.s("\"", t, "\"")
	}
	p.s(";")
}

func (p *printer) variable(v *Var) {
	if v.Linkage != LinkNone {
		p.s(linkNames[v.Linkage], " ")
	}
	p.s(".", v.Space.String())
	if v.Align != 0 {
		p.s(" .align ")
		p.n(v.Align)
	}
	if v.Vec != 0 {
		p.s(" .v")
		p.n(v.Vec)
	}
	p.s(" .", v.Type.String())
	if v.Ptr {
		p.s(" .ptr")
		if v.PtrTo != SpaceGeneric {
			p.s(" .", v.PtrTo.String())
		}
		if v.PtrAlgn != 0 {
			p.s(" .align ")
			p.n(v.PtrAlgn)
		}
	}
	p.s(" ", v.Name)
	for _, d := range v.Dims {
		p.s("[")
		if d != 0 {
			p.n(d)
		}
		p.s("]")
	}
	if v.Init != nil {
		p.s(" = ")
		p.operand(v.Init)
	}
}

func (p *printer) vars(vs []*Var) {
	p.s("(")
	for i, v := range vs {
		if i > 0 {
			p.s(", ")
		}
		p.variable(v)
	}
	p.s(")")
}

func (p *printer) function(f *Func) {
	if f.Linkage != LinkNone {
		p.s(linkNames[f.Linkage], " ")
	}
	if f.Entry {
		p.s(".entry ")
	} else {
		p.s(".func ")
	}
	if len(f.Return) > 0 {
		p.vars(f.Return)
		p.s(" ")
	}
	p.s(f.Name)
	p.vars(f.Params)
	if f.NoReturn {
		p.s(" .noreturn")
	}
	for i := range f.Perf {
		p.perf(&f.Perf[i])
	}
	if !f.Defined {
		p.s(";\n")
		return
	}
	p.s("\n")
	p.block(f.Body)
}

func (p *printer) perf(d *Perf) {
	p.s("\n")
	if d.Text != nil {
		p.pragma(d.Text)
		return
	}
	p.s(".", d.Name)
	for i, a := range d.Args {
		if i > 0 {
			p.s(",")
		}
		p.s(" ")
		p.n(a)
	}
}

func (p *printer) block(body []Stmt) {
	p.line()
	p.s("{\n")
	p.indent++
	for _, s := range body {
		p.statement(s)
	}
	p.indent--
	p.line()
	p.s("}\n")
}

func (p *printer) statement(s Stmt) {
	switch s := s.(type) {
	case *Block:
		p.block(s.Body)
		return
	case *Label:
		p.s(s.Name, ":\n")
		return
	}
	p.line()
	switch s := s.(type) {
	case *Inst:
		p.inst(s)
		p.s(";")
	case *RegDecl:
		p.regDecl(s)
	case *Var:
		p.variable(s)
		p.s(";")
	case *Loc:
		p.s(fmt.Sprintf(".loc %d %d %d", s.File, s.Line, s.Col))
		if s.Inlined != "" {
			p.s(", ", s.Inlined)
		}
	case *Pragma:
		p.pragma(s.Text)
	case *Targets:
		p.targets(s)
	case *Prototype:
		p.prototype(s)
	}
	p.s("\n")
}

func (p *printer) regDecl(d *RegDecl) {
	p.s(".reg ")
	if d.Vec != 0 {
		p.s(".v")
		p.n(d.Vec)
		p.s(" ")
	}
	p.s(".", d.Type.String())
	for i := range d.Names {
		if i > 0 {
			p.s(",")
		}
		p.s(" ", d.Names[i].Name)
		if c := d.Names[i].Count; c != 0 {
			p.s("<")
			p.n(c)
			p.s(">")
		}
	}
	p.s(";")
}

func (p *printer) targets(t *Targets) {
	if t.Call {
		p.s(t.Label, ": .calltargets ")
	} else {
		p.s(t.Label, ": .branchtargets ")
	}
	p.list(t.Names)
	p.s(";")
}

func (p *printer) prototype(t *Prototype) {
	p.s(t.Label, ": .callprototype ")
	if len(t.Return) > 0 {
		p.vars(t.Return)
		p.s(" ")
	}
	p.s("_ ")
	p.vars(t.Params)
	if t.NoReturn {
		p.s(" .noreturn")
	}
	p.s(";")
}

func (p *printer) inst(in *Inst) {
	if in.Guard.Name != "" {
		p.s("@")
		if in.Guard.Not {
			p.s("!")
		}
		p.s(in.Guard.Name, " ")
	}
	p.s(in.Op.Base)
	for _, m := range in.Mods {
		p.s(".", m.String())
	}
	if in.Op.ID == OpCall {
		p.call(in.Args)
		return
	}
	if len(in.Args) > 0 {
		p.s(" ")
		p.list(in.Args)
	}
}

func (p *printer) call(args []Operand) {
	p.s(" ")
	for i := range args {
		if args[i].Kind == KindList && len(args[i].List) == 0 && (i != 2 || len(args) == 3) {
			continue
		}
		if i > 0 && p.b[len(p.b)-1] != ' ' {
			p.s(", ")
		}
		p.operand(&args[i])
	}
}

func (p *printer) list(os []Operand) {
	for i := range os {
		if i > 0 {
			p.s(", ")
		}
		p.operand(&os[i])
	}
}

func (p *printer) operand(o *Operand) {
	if o.Not {
		p.s("!")
	}
	switch o.Kind {
	case KindInt:
		p.b = strconv.AppendInt(p.b, o.Imm, 10)
	case KindF32:
		p.s(fmt.Sprintf("0f%08X", uint32(o.Imm)))
	case KindF64:
		p.s(fmt.Sprintf("0d%016X", uint64(o.Imm)))
	case KindSink:
		p.s("_")
	case KindAddr, KindTensor:
		p.address(o)
	case KindVector:
		p.s("{")
		p.list(o.List)
		p.s("}")
	case KindPair:
		if len(o.List) == 2 {
			p.operand(&o.List[0])
			p.s("|")
			p.operand(&o.List[1])
		}
	case KindList:
		p.s("(")
		p.list(o.List)
		p.s(")")
	default:
		if o.Generic {
			p.s("generic(", o.Name, ")")
		} else {
			p.s(o.Name)
		}
		p.offset(o.Imm)
	}
}

func (p *printer) offset(v int64) {
	if v != 0 {
		p.s("+")
		p.b = strconv.AppendInt(p.b, v, 10)
	}
}

func (p *printer) address(o *Operand) {
	p.s("[")
	if len(o.List) == 0 {
		p.b = strconv.AppendInt(p.b, o.Imm, 10)
		p.s("]")
		return
	}
	p.operand(&o.List[0])
	p.offset(o.Imm)
	for i := range o.List[1:] {
		p.s(", ")
		p.operand(&o.List[i+1])
	}
	p.s("]")
}
