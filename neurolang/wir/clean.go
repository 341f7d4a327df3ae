package wir

import "strings"

// effects are the first words of instructions that do more than set their results.
var effects = map[string]bool{"st": true, "red": true, "atom": true, "bar": true, "barrier": true,
	"cp": true, "mbarrier": true, "fence": true, "wgmma": true, "setmaxnreg": true,
	"stmatrix": true, "prefetch": true, "membar": true, "trap": true, "exit": true, "ret": true,
	"griddepcontrol": true, "nanosleep": true}

func pure(n *Node) bool {
	word, _, _ := strings.Cut(n.Op, ".")
	return n.Kind == Inst && !effects[word] && len(n.Dst) > 0
}

// Clean removes instructions whose results nobody uses, and numbers registers without gaps.
func Clean(f *Func) {
	c := &cleaner{uses: make([]int32, len(f.Class)), makes: make([][]*Node, len(f.Class)),
		dead: map[*Node]bool{}}
	c.count(f.Body)
	for r := range c.uses {
		if c.uses[r] == 0 {
			for _, n := range c.makes[r] {
				c.try(n)
			}
		}
	}
	f.Body = c.keep(f.Body)
	renumber(f)
}

type cleaner struct {
	uses  []int32
	makes [][]*Node
	dead  map[*Node]bool
}

func each(a *Arg, f func(*Reg)) {
	switch a.Kind {
	case InReg:
		f(&a.Reg)
	case Mem:
		if a.Text == "" {
			f(&a.Reg)
		}
	case Map:
		f(&a.Reg)
	}
	for i := range a.List {
		each(&a.List[i], f)
	}
}

func sources(n *Node, f func(*Reg)) {
	for i := range n.Src {
		each(&n.Src[i], f)
	}
	each(&n.Guard, f)
}

func results(n *Node, f func(*Reg)) {
	for i := range n.Dst {
		each(&n.Dst[i], f)
	}
}

func (c *cleaner) count(body []*Node) {
	for _, n := range body {
		sources(n, func(r *Reg) { c.uses[*r]++ })
		results(n, func(r *Reg) { c.makes[*r] = append(c.makes[*r], n) })
		c.count(n.Body)
		c.count(n.Else)
	}
}

// try removes an instruction if it is idle, and then what only it used.
func (c *cleaner) try(n *Node) {
	if c.dead[n] || !pure(n) {
		return
	}
	idle := true
	results(n, func(r *Reg) { idle = idle && c.uses[*r] == 0 })
	if !idle {
		return
	}
	c.dead[n] = true
	sources(n, func(r *Reg) {
		if c.uses[*r]--; c.uses[*r] == 0 {
			for _, m := range c.makes[*r] {
				c.try(m)
			}
		}
	})
}

func (c *cleaner) keep(body []*Node) []*Node {
	out := body[:0]
	for _, n := range body {
		if c.dead[n] {
			continue
		}
		n.Body, n.Else = c.keep(n.Body), c.keep(n.Else)
		if n.Kind == If && len(n.Body)+len(n.Else) == 0 {
			continue
		}
		out = append(out, n)
	}
	return out
}

// renumber leaves out registers that are gone.
func renumber(f *Func) {
	to := make([]Reg, len(f.Class))
	for i := range to {
		to[i] = -1
	}
	var class []Class
	visit := func(r *Reg) {
		if to[*r] < 0 {
			to[*r] = Reg(len(class))
			class = append(class, f.Class[*r])
		}
		*r = to[*r]
	}
	var walk func(body []*Node)
	walk = func(body []*Node) {
		for _, n := range body {
			n.Src, n.Dst = copyArgs(n.Src), copyArgs(n.Dst)
			if n.Kind != Loop {
				sources(n, visit)
			}
			results(n, visit)
			walk(n.Body)
			walk(n.Else)
			if n.Kind == Loop {
				sources(n, visit)
			}
		}
	}
	walk(f.Body)
	f.Class = class
}

// copyArgs unshares operands, which nodes may have in common.
func copyArgs(l []Arg) []Arg {
	out := make([]Arg, len(l))
	for i, a := range l {
		if len(a.List) > 0 {
			a.List = copyArgs(a.List)
		}
		out[i] = a
	}
	return out
}
