package wir

import (
	"fmt"
	"strings"
)

// String is the text form: that of PTX with results before "=", loops and branches as blocks, and
// places in source text as @line:column.
func (f *Func) String() string {
	p := &printer{f: f}
	p.names, _ = f.names()
	b := &p.b
	fmt.Fprintf(b, "warp @%s {\n  target %s %s\n  threads %d %d\n", f.Name, f.Target, f.Version,
		f.Threads, f.MinCTAs)
	if f.Cluster > 0 {
		fmt.Fprintf(b, "  cluster %d\n", f.Cluster)
	}
	fmt.Fprintf(b, "  shared %d %d\n", f.Shared, f.Align)
	if f.File != "" {
		fmt.Fprintf(b, "  file %q\n", f.File)
	}
	for _, x := range f.Params {
		fmt.Fprintf(b, "  param %s: %s\n", x.Name, x.Decl)
	}
	b.WriteString("} {\n")
	p.text(f.Body, 1)
	b.WriteString("}\n")
	return b.String()
}

func (p *printer) text(body []*Node, depth int) {
	b := &p.b
	pad := strings.Repeat("  ", depth)
	for _, n := range body {
		b.WriteString(pad)
		switch n.Kind {
		case Note:
			b.WriteString("// " + n.Op)
		case Loop:
			b.WriteString("loop {\n")
			p.text(n.Body, depth+1)
			b.WriteString(pad + "} while ")
			p.condition(n)
		case If:
			b.WriteString("if ")
			p.condition(n)
			b.WriteString(" {\n")
			p.text(n.Body, depth+1)
			if len(n.Else) > 0 {
				b.WriteString(pad + "} else {\n")
				p.text(n.Else, depth+1)
			}
			b.WriteString(pad + "}")
		default:
			p.instText(n)
		}
		if n.Line > 0 {
			fmt.Fprintf(b, " @%d:%d", n.Line, n.Col)
		}
		b.WriteByte('\n')
	}
}

func (p *printer) condition(n *Node) {
	if n.Not {
		p.b.WriteByte('!')
	}
	p.arg(&n.Guard)
}

func (p *printer) instText(n *Node) {
	if n.Guard.Kind == InReg {
		p.guard(n)
		p.b.WriteByte(' ')
	}
	if len(n.Dst) > 0 {
		p.args(n.Dst)
		p.b.WriteString(" = ")
	}
	p.b.WriteString(n.Op)
	if len(n.Src) > 0 {
		p.b.WriteByte(' ')
	}
	p.args(n.Src)
}
