package emu

import (
	"fmt"
	"strings"
	"testing"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/check"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hostgen"
	"tensoros/neurolang/program"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tirgen"
	"tensoros/neurolang/vm"
)

// prompt is a session as a REPL has one.
type prompt struct {
	set     *source.Set
	session *check.Session
	link    *hostgen.Linker
	vm      *vm.Machine
	lines   int
}

func (p *prompt) eval(text string) (string, error) {
	p.lines++
	name := fmt.Sprintf("line %d", p.lines)
	var errs diag.List
	tree, _ := syntax.Parse(p.set.Add(name, []byte(text)), syntax.Statements, &errs)
	if errs.Failed() {
		return "", fmt.Errorf("%s", errs.Sorted()[0].Message)
	}
	h, _ := check.Program(p.set, tree, &errs, check.Options{Session: p.session})
	if errs.Failed() {
		return "", fmt.Errorf("%s", errs.Sorted()[0].Message)
	}
	l := p.link.Clone()
	l.Prog.Main = -1
	for _, k := range h.Kernels {
		if l.Compiled(k) {
			continue
		}
		t, err := tirgen.Kernel(k, p.set)
		if err != nil {
			return "", err
		}
		l.Kernel(k, &abi.Kernel{Name: t.Name, Params: t.Params, Outs: t.Outs, Axes: t.Axes,
			Source: t.String()})
	}
	l.Link(h, &errs)
	if err := l.Prog.Verify(); err != nil || errs.Failed() {
		return "", fmt.Errorf("%v %v", err, errs.Sorted())
	}
	*p.link.Prog = *l.Prog
	l.Prog = p.link.Prog
	p.link = l
	if l.Prog.Main < 0 {
		return "", nil
	}
	v, err := p.vm.Call(l.Prog.Main)
	if err != nil || v.Kind() == vm.Absent {
		return "", err
	}
	s, err := p.vm.Text(v)
	if e := p.vm.Drop(v); err == nil {
		err = e
	}
	return s, err
}

func TestSession(t *testing.T) {
	var out strings.Builder
	rt := New(func(s string) { out.WriteString(s + "\n") })
	set := &source.Set{}
	prog := &program.Program{Name: "session", Main: -1, Sources: set}
	p := &prompt{set: set, session: check.NewSession(set, check.Options{}),
		link: hostgen.NewLinker(prog), vm: vm.New(prog, rt, vm.Options{})}
	for _, c := range []struct{ line, want string }{
		{"let x = 6", ""},
		{"x * 7", "42"},
		{"fn twice(n: int) -> int { n * 2 }", ""},
		{"twice(x) + 1", "13"},
		{"var n = 1; n += twice(n); n", "3"},
		{"x = 7", "error"},
		{"let y = [1, 2, 3][9]", "error"},
		{"y", "error"},
		{"var t = Tensor::full([2, 2], f32, 1.5)", ""},
		{"str(t)", "[[1.5, 1.5], [1.5, 1.5]]"},
		{"@kernel fn half(x: &mut Tensor<[M, N], f32> by [i: 2, j: 2]) " +
			"{ x[i, j] = x[i, j] * 0.5; }", ""},
		{"half(&mut t)", ""},
		{"half(&mut t); t[0, 1]", "0.375"},
		{"t = Tensor::zeros([3], f32)", "error"},
		{"t", "[[0.375, 0.375], [0.375, 0.375]]"},
		{"t.shape()", "[2, 2]"}, // showing it did not move it
		{"struct S { x: int }", ""},
		{"impl S { fn get(&self) -> int { self.x } fn one() -> int { 1 } }", ""},
		{"S { x: 4 }.get() + S::one()", "5"},
		{"impl S { fn get(&self) -> int { self.x * 10 } fn one() -> int { 2 } }", ""},
		{"S { x: 4 }.get() + S::one()", "42"},
		{"trait Z { fn z(&self) -> int; }", ""},
		{"impl Z for int { fn z(&self) -> int { self } }", ""},
		{"impl Z for int { fn z(&self) -> int { self + 1 } }", ""},
		{"3.z()", "4"},
		{"let u = t.copy(); u.shape()", "[2, 2]"},
		{"let s = t; s[1, 1]", "0.375"},
		{"t[0, 0]", "error"},
		{"print(\"done\")", ""},
	} {
		got, err := p.eval(c.line)
		if c.want == "error" {
			if err == nil {
				t.Errorf("%s: %q, want an error", c.line, got)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.line, got, err, c.want)
		}
	}
	if out.String() != "done\n" || p.vm.Live() != 2 {
		t.Errorf("%d tensors live; printed %q", p.vm.Live(), out.String())
	}
	if n := p.vm.Close(); n != 2 || rt.Live != 0 {
		t.Errorf("%d tensors at the end, %d bytes", n, rt.Live)
	}
}
