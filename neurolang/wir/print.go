package wir

import (
	"fmt"
	"strconv"
	"strings"
)

// printer writes code as PTX or, with structure kept, as the text form.
type printer struct {
	b      strings.Builder
	f      *Func
	names  []string
	labels int
	line   int
	col    int
}

var prefixes = [...]string{P: "%p", H: "%h", R: "%r", D: "%d"}

// names numbers registers by class.
func (f *Func) names() ([]string, [4]int) {
	var count [4]int
	out := make([]string, len(f.Class))
	for i, c := range f.Class {
		out[i] = prefixes[c] + strconv.Itoa(count[c])
		count[c]++
	}
	return out, count
}

func (p *printer) arg(a *Arg) {
	b := &p.b
	switch a.Kind {
	case InReg:
		b.WriteString(p.names[a.Reg])
	case Imm:
		b.WriteString(strconv.FormatInt(a.Off, 10))
	case F32:
		fmt.Fprintf(b, "0f%08X", uint32(a.Off))
	case F64:
		fmt.Fprintf(b, "0d%016X", uint64(a.Off))
	case Sym:
		b.WriteString(a.Text)
	case Mem:
		b.WriteByte('[')
		if a.Text != "" {
			b.WriteString(a.Text)
		} else {
			b.WriteString(p.names[a.Reg])
		}
		if a.Off != 0 {
			b.WriteByte('+')
			b.WriteString(strconv.FormatInt(a.Off, 10))
		}
		b.WriteByte(']')
	case Vec:
		p.list(a.List)
	case Map:
		b.WriteByte('[')
		b.WriteString(p.names[a.Reg])
		b.WriteString(", ")
		p.list(a.List)
		b.WriteByte(']')
	}
}

func (p *printer) list(l []Arg) {
	p.b.WriteByte('{')
	p.args(l)
	p.b.WriteByte('}')
}

func (p *printer) args(l []Arg) {
	for i := range l {
		if i > 0 {
			p.b.WriteString(", ")
		}
		p.arg(&l[i])
	}
}

func (p *printer) guard(n *Node) {
	p.b.WriteByte('@')
	if n.Not {
		p.b.WriteByte('!')
	}
	p.b.WriteString(p.names[n.Guard.Reg])
}

// PTX is the function as a module of PTX.
func (f *Func) PTX() string {
	p := &printer{f: f}
	var count [4]int
	p.names, count = f.names()
	b := &p.b
	b.Grow(64 * len(f.Class))
	fmt.Fprintf(b, ".version %s\n.target %s\n.address_size 64\n\n", f.Version, f.Target)
	if f.File != "" {
		fmt.Fprintf(b, ".file 1 %q\n\n", f.File)
	}
	if f.Shared > 0 {
		fmt.Fprintf(b, ".extern .shared .align %d .b8 smem[];\n\n", f.Align)
	}
	fmt.Fprintf(b, ".visible .entry %s(", f.Name)
	for i, x := range f.Params {
		if i > 0 {
			b.WriteByte(',')
		}
		decl, dims, _ := strings.Cut(x.Decl, "[")
		if dims != "" {
			dims = "[" + dims
		}
		fmt.Fprintf(b, "\n\t.param %s %s%s", decl, x.Name, dims)
	}
	fmt.Fprintf(b, "\n)\n.maxntid %d, 1, 1\n", f.Threads)
	if f.MinCTAs > 0 {
		fmt.Fprintf(b, ".minnctapersm %d\n", f.MinCTAs)
	}
	if f.Cluster > 1 {
		fmt.Fprintf(b, ".explicitcluster\n.reqnctapercluster %d, 1, 1\n", f.Cluster)
	}
	b.WriteString("{\n")
	for c, t := range [...]string{P: "pred", H: "b16", R: "b32", D: "b64"} {
		if count[c] > 0 {
			fmt.Fprintf(b, "\t.reg .%s %s<%d>;\n", t, prefixes[c], count[c])
		}
	}
	b.WriteByte('\n')
	p.ptx(f.Body)
	b.WriteString("\tret;\n}\n")
	return b.String()
}

func (p *printer) label() string {
	p.labels++
	return "L" + strconv.Itoa(p.labels)
}

func (p *printer) ptx(body []*Node) {
	b := &p.b
	for _, n := range body {
		if p.f.File != "" && n.Line > 0 && (n.Line != p.line || n.Col != p.col) {
			fmt.Fprintf(b, "\t.loc 1 %d %d\n", n.Line, n.Col)
			p.line, p.col = n.Line, n.Col
		}
		switch n.Kind {
		case Note:
			fmt.Fprintf(b, "\t// %s\n", n.Op)
		case Loop:
			top := p.label()
			fmt.Fprintf(b, "%s:\n", top)
			p.ptx(n.Body)
			b.WriteByte('\t')
			p.guard(n)
			fmt.Fprintf(b, " bra %s;\n", top)
		case If:
			p.branch(n)
		default:
			p.inst(n)
		}
	}
}

func (p *printer) branch(n *Node) {
	b := &p.b
	end := p.label()
	not := *n
	not.Not = !n.Not
	b.WriteByte('\t')
	p.guard(&not)
	fmt.Fprintf(b, " bra %s;\n", end)
	p.ptx(n.Body)
	if len(n.Else) > 0 {
		after := p.label()
		fmt.Fprintf(b, "\tbra %s;\n%s:\n", after, end)
		p.ptx(n.Else)
		end = after
	}
	fmt.Fprintf(b, "%s:\n", end)
}

func (p *printer) inst(n *Node) {
	b := &p.b
	b.WriteByte('\t')
	if n.Guard.Kind == InReg {
		p.guard(n)
		b.WriteByte(' ')
	}
	b.WriteString(n.Op)
	if len(n.Dst)+len(n.Src) > 0 {
		b.WriteByte(' ')
	}
	p.args(n.Dst)
	if len(n.Dst) > 0 && len(n.Src) > 0 {
		b.WriteString(", ")
	}
	p.args(n.Src)
	b.WriteString(";\n")
}
