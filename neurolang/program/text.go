package program

import (
	"fmt"
	"strings"

	"tensoros/neurolang/tile"
)

// Disassemble returns the text of a function, one instruction a line with its source position.
func (p *Program) Disassemble(f *Func) string {
	var b strings.Builder
	fmt.Fprintf(&b, "fn %q params %d captured %d regs %d", f.Name, f.Params, f.Captured, f.Regs)
	if f.Graph {
		b.WriteString(" graph")
	}
	b.WriteByte('\n')
	for i, in := range f.Code {
		line := 0
		if i < len(f.Pos) && p.Sources != nil {
			line = p.Sources.Position(f.Pos[i]).Line
		}
		text := p.instr(f, i, in)
		if line == 0 {
			fmt.Fprintf(&b, "%5d  %s\n", i, text)
			continue
		}
		fmt.Fprintf(&b, "%5d  %-46s ; line %d\n", i, text, line)
	}
	return b.String()
}

// String returns the whole program: tables, then functions; Assemble reads it. Of kernels it has
// the names.
func (p *Program) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "program %q target %d main %d\n", p.Name, p.Target, p.Main)
	for _, t := range p.Tests {
		fmt.Fprintf(&b, "test %d\n", t)
	}
	for _, g := range p.Globals {
		fmt.Fprintf(&b, "global %q\n", g)
	}
	for _, k := range p.Kernels {
		fmt.Fprintf(&b, "kernel %q params %d outs %d\n", k.Name, len(k.Params), len(k.Outs))
	}
	for _, s := range p.Sites {
		fmt.Fprintf(&b, "site %q args %d\n", s.Name, s.Args)
	}
	for _, s := range p.Shapes {
		fmt.Fprintf(&b, "shape %q %q tag %d", s.Type, s.Variant, s.Tag)
		for _, f := range s.Fields {
			fmt.Fprintf(&b, " %q", f)
		}
		b.WriteByte('\n')
	}
	for _, f := range p.Funcs {
		b.WriteByte('\n')
		b.WriteString(p.Disassemble(f))
	}
	return b.String()
}

func (p *Program) instr(f *Func, at int, in Instr) string {
	op := in.Op()
	if op >= numOps {
		return op.String()
	}
	args := ops[op].args
	var parts []string
	if args[0] != none {
		parts = append(parts, fmt.Sprintf("r%d", in.A()))
	}
	if op.wide() {
		parts = append(parts, p.wide(f, at, in))
	} else {
		for i, v := range [...]int{in.B(), in.C()} {
			switch args[i+1] {
			case none:
			case count, field:
				parts = append(parts, fmt.Sprint(v))
			case imm:
				if i == 1 {
					v = in.SC()
				}
				parts = append(parts, fmt.Sprint(v))
			default:
				parts = append(parts, fmt.Sprintf("r%d", v))
			}
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%-8s %s", op, strings.Join(parts, ", ")))
}

// wide names what a wide operand refers to; what has no name keeps its number after a #.
func (p *Program) wide(f *Func, at int, in Instr) string {
	x := in.Bx()
	switch r := ops[in.Op()].args[1]; {
	case r == number:
		return fmt.Sprint(in.SBx())
	case r == jump:
		return fmt.Sprintf("->%d", at+1+in.SBx())
	case r == konst && x < len(f.Consts):
		return literal(f.Consts[x])
	case r == fn && x < len(p.Funcs):
		return fmt.Sprintf("#%d %s", x, p.Funcs[x].Name)
	case (r == launch || r == into) && x < len(p.Kernels):
		return fmt.Sprintf("#%d @%s", x, p.Kernels[x].Name)
	case r == site && x < len(p.Sites):
		return fmt.Sprintf("#%d %s/%d", x, p.Sites[x].Name, p.Sites[x].Args)
	case r == shape && x < len(p.Shapes):
		s := p.Shapes[x]
		return strings.TrimSuffix(fmt.Sprintf("#%d %s.%s", x, s.Type, s.Variant), ".")
	case r == global && x < len(p.Globals):
		return fmt.Sprintf("#%d %s", x, p.Globals[x])
	}
	return fmt.Sprintf("#%d", x)
}

// literal writes a constant so that the assembler reads back the same one.
func literal(c any) string {
	switch c := c.(type) {
	case int64:
		return fmt.Sprintf("int %d", c)
	case float64:
		return fmt.Sprintf("float %x", c)
	case string:
		return fmt.Sprintf("%q", c)
	case tile.Elem:
		return "elem " + c.String()
	case tile.Layout:
		return "layout " + c.String()
	}
	return fmt.Sprintf("?%T", c)
}
