package codegen

import (
	"fmt"
	"strings"

	"tensoros/neurolang/ir"
	"tensoros/neurolang/program"
)

// Lower generates code for a verified kernel. file names the source in .file (may be "").
// The launch ABI and grid rule are those of program.Kernel. The error is an *Error.
func Lower(k *ir.Kernel, target int, file string) (*program.Kernel, error) {
	p, err := newPlan(k, target)
	if err != nil {
		return nil, err
	}
	g := &gen{plan: p}
	g.prologue()
	if p.dot != nil {
		g.matmul()
	} else {
		g.elementwise()
	}
	g.line("ret")
	out := &program.Kernel{Name: k.Name, Out: k.Out, IR: k, Target: target, Threads: p.threads,
		HasDot: p.dot != nil, PointOps: k.PointOps(), PTX: g.module(file)}
	for i, r := range p.roles() {
		out.Params = append(out.Params, program.Param{Name: k.Params[i].Name,
			Tile: k.Params[i].Type, Role: r})
	}
	if p.dynamic() {
		out.SharedBytes = p.sharedBytes()
	} else {
		out.SharedStatic = p.sharedBytes()
	}
	return out, nil
}

// gen is the code of one kernel in the making.
type gen struct {
	*plan
	emitter
	ptr      []reg // device address of each input, then of the output
	m, n, kk reg   // elements of the problem
	tid      reg
	bx, by   reg // tile column and row of this CTA
	splats   map[reg]reg
}

func (g *gen) param(i int) string { return fmt.Sprintf("[%s_param_%d]", g.plan.k.Name, i) }

func (g *gen) prologue() {
	n := len(g.plan.k.Params) + 1
	for i := 0; i < n; i++ {
		p := g.rd("ld.param.u64", g.param(i))
		g.ptr = append(g.ptr, g.rd("cvta.to.global.u64", p))
	}
	g.m = g.r("ld.param.u32", g.param(n))
	g.n = g.r("ld.param.u32", g.param(n+1))
	g.kk = g.r("ld.param.u32", g.param(n+2))
	g.tid = g.r("mov.u32", "%tid.x")
	g.bx = g.r("mov.u32", "%ctaid.x")
	g.by = g.r("mov.u32", "%ctaid.y")
}

// module wraps the body: directives, parameters, registers, shared memory.
func (g *gen) module(file string) string {
	var b strings.Builder
	name := g.plan.k.Name
	fmt.Fprintf(&b, ".version 8.0\n.target sm_%d\n.address_size 64\n\n", g.target)
	if file == "" {
		file = name
	}
	fmt.Fprintf(&b, ".file 1 %q\n\n", file)
	if g.dot != nil && g.dynamic() {
		fmt.Fprintf(&b, ".extern .shared .align 128 .b8 %s_smem[];\n\n", name)
	}
	fmt.Fprintf(&b, ".visible .entry %s(\n", name)
	n := len(g.plan.k.Params) + 1
	for i := 0; i < n+3; i++ {
		typ, end := ".u64", ","
		if i >= n {
			typ = ".u32"
		}
		if i == n+2 {
			end = ""
		}
		fmt.Fprintf(&b, "\t.param %s %s_param_%d%s\n", typ, name, i, end)
	}
	fmt.Fprintf(&b, ")\n.maxntid %d, 1, 1\n.minnctapersm %d\n{\n", g.threads, g.resident())
	b.WriteString(g.declarations())
	if g.dot != nil && !g.dynamic() {
		fmt.Fprintf(&b, "\t.shared .align 128 .b8 %s_smem[%d];\n", name, g.sharedBytes())
	}
	b.WriteString("\n")
	b.WriteString(g.text())
	b.WriteString("}\n")
	return b.String()
}

func (g *gen) text() string { return g.buf.String() }
