package check

import (
	"slices"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/tile"
)

// deterministic notes an atomic whose outcome depends on the order of programs: sums of floats.
func (b *body) deterministic(c *intrinsic, e tile.Elem) {
	if c.f.Name != "atomic_add" || !isFloat(e) {
		return
	}
	if b.openOrder == nil {
		b.checker.openOrder = map[*fnObj]source.Span{}
	}
	fn := b.in.fn
	if _, seen := b.openOrder[fn]; !seen {
		b.openOrder[fn] = c.sp
	}
}

// keepsDeterminism notes that a function launches a kernel or calls a function.
func (b *body) keepsDeterminism(in *instance, sp source.Span) { b.calls(in.fn, sp) }

func (b *body) calls(to *fnObj, sp source.Span) {
	if b.in == nil || b.in.fn == nil {
		return
	}
	if b.callees == nil {
		b.checker.callees = map[*fnObj][]callee{}
	}
	from := b.in.fn
	list := b.callees[from]
	if !slices.ContainsFunc(list, func(c callee) bool { return c.fn == to }) {
		b.callees[from] = append(list, callee{to, sp})
	}
}

// callee is a function that another one calls, and where.
type callee struct {
	fn *fnObj
	at source.Span
}

// effects holds @deterministic functions against all they call.
func (c *checker) effects() {
	for _, fn := range c.fns {
		for _, a := range fn.decl.Attrs {
			if a.Name.Text == "deterministic" {
				c.deterministicFn(fn, a.Span())
			}
		}
	}
}

func (c *checker) deterministicFn(fn *fnObj, attr source.Span) {
	type step struct {
		fn   *fnObj
		path []callee
	}
	seen := map[*fnObj]bool{fn: true}
	queue := []step{{fn, nil}}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		if at, bad := c.openOrder[s.fn]; bad {
			d := c.errorf(diag.NotDeterministic, at,
				"atomic_add of floats adds in the order in which programs happen to run")
			d.With(attr, "%s is declared deterministic", fn.decl.Name.Text)
			for _, p := range s.path {
				d.With(p.at, "it calls %s", p.fn.decl.Name.Text)
			}
			d.Hint("let each program write its own part, and sum the parts in a second kernel")
		}
		for _, k := range c.callees[s.fn] {
			if !seen[k.fn] {
				seen[k.fn] = true
				queue = append(queue, step{k.fn, append(slices.Clone(s.path), k)})
			}
		}
	}
}

// own is the last pass: effects, then moves, borrows and drops.
func (c *checker) own() {
	c.effects()
	done := map[*hir.Fn]bool{}
	for _, in := range c.made {
		if in.hfn != nil && in.hfn.Body != nil && !in.kernel && !done[in.hfn] {
			done[in.hfn] = true
			c.ownFn(in.hfn)
		}
	}
	for _, f := range c.closures {
		if !done[f] {
			done[f] = true
			c.ownFn(f)
		}
	}
	c.closures, c.made = nil, nil
}
