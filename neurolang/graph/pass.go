package graph

import (
	"fmt"
	"slices"
	"strings"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tir"
)

// Pass is a rewriting of a graph, by name.
type Pass struct {
	Name, Doc string
	Run       func(g *Graph) int // how much it changed
}

// Passes are all of them, in the order in which Optimize runs them.
var Passes = []Pass{
	{"cse", "what is computed twice is computed once", (*Graph).CSE},
	{"dce", "what nobody uses is not computed", (*Graph).DCE},
	{"forward", "what only moves values is looked through", (*Graph).Forward},
	{"unflatten", "kernels over vectors meet those around them", (*Graph).Unflatten},
	{"clean", "views that these leave", (*Graph).clean},
	{"fuse", "launches go on with tiles of the launch before, in registers", (*Graph).Fuse},
	{"drop", "results that fused kernels keep for nobody", (*Graph).clean},
	{"reuse", "results take the memory of operands that die", (*Graph).Reuse},
	{"plan", "tensors of known size get a place in one arena, others are freed early", (*Graph).Plan},
}

// Optimize runs all passes.
func (g *Graph) Optimize() error {
	for _, p := range Passes {
		p.Run(g)
		if err := g.Verify(); err != nil {
			return fmt.Errorf("after %s: %w", p.Name, err)
		}
	}
	return nil
}

// changed are the sources of values that some launch writes in place.
func (g *Graph) changed() map[*Value]bool {
	out := map[*Value]bool{}
	for _, n := range g.Nodes {
		for _, i := range n.written() {
			out[n.Args[i].source()] = true
		}
	}
	return out
}

// CSE removes nodes that make what an earlier node made. Tensors that are written in place later,
// or that leave the graph, keep memory of their own.
func (g *Graph) CSE() int {
	changed := g.changed()
	for _, r := range g.Results {
		changed[r.source()] = true
	}
	own := func(n *Node) bool {
		return n.Op == Free || len(n.written()) > 0 ||
			slices.ContainsFunc(n.Results, func(r *Value) bool { return changed[r.source()] })
	}
	first := map[string]*Node{}
	with := map[*Value]*Value{}
	var kept []*Node
	for _, n := range g.Nodes {
		for i, a := range n.Args {
			if with[a] != nil {
				n.Args[i] = with[a]
			}
		}
		key := n.key()
		have := first[key]
		if have == nil || own(n) {
			if !own(n) {
				first[key] = n
			}
			kept = append(kept, n)
			continue
		}
		for i, r := range n.Results {
			with[r] = have.Results[i]
		}
	}
	removed := len(g.Nodes) - len(kept)
	g.Nodes = kept
	g.replace(with)
	return removed
}

// key is equal for nodes that make equal values of equal arguments.
func (n *Node) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %p %d %d %x %v", n.Op, n.Kernel, n.Lo, n.Hi, n.Num, n.Fill)
	for _, r := range n.Results {
		b.WriteString(" " + r.Type.String())
	}
	return b.String() + idList(n.Args)
}

// DCE removes nodes whose results nobody uses. What becomes of parameters that the caller sees is
// used by the caller.
func (g *Graph) DCE() int {
	live := map[*Value]bool{}
	for _, r := range g.Results {
		live[r] = true
	}
	var kept []*Node
	for _, n := range slices.Backward(g.Nodes) {
		keep := n.Op == Free && live[n.Args[0]]
		for _, i := range n.written() {
			keep = keep || n.Args[i].source().Seen
		}
		keep = keep || slices.ContainsFunc(n.Results, func(r *Value) bool { return live[r] })
		if !keep {
			continue
		}
		for _, a := range n.Args {
			live[a] = true
		}
		kept = append(kept, n)
	}
	removed := len(g.Nodes) - len(kept)
	slices.Reverse(kept)
	g.Nodes = kept
	removed += g.unused()
	g.sweep()
	return removed
}

// clean looks through views and drops those that nobody uses.
func (g *Graph) clean() int { return g.Forward() + g.DCE() }

// last gives for each memory the number of the last node that uses it; the graph's length if it
// leaves the graph.
func (g *Graph) last() map[*Value]int {
	last := map[*Value]int{}
	for i, n := range g.Nodes {
		for _, v := range append(slices.Clone(n.Args), n.Results...) {
			last[v.source()] = i
		}
	}
	for _, r := range g.Results {
		last[r.source()] = len(g.Nodes)
	}
	for _, p := range g.Params {
		if p.Lent || p.Seen {
			last[p] = len(g.Nodes)
		}
	}
	return last
}

// Reuse lets results take the memory of an operand that nobody uses afterwards, and that is read at
// the program's own pieces only: the launch changes it in place.
func (g *Graph) Reuse() int {
	reused := 0
	for i, n := range g.Nodes {
		if n.Op != Launch {
			continue
		}
		for {
			last := g.last()
			out, arg := g.reusable(n, i, last)
			if arg < 0 {
				break
			}
			if !g.inPlace(n, out, arg) {
				break
			}
			reused++
		}
	}
	g.sweep()
	return reused
}

// reusable finds a result of a launch and an argument that may become it; arg -1 if there is none.
func (g *Graph) reusable(n *Node, at int, last map[*Value]int) (out, arg int) {
	k := n.Kernel
	for o := range k.Outs {
		w, ok := onlyPiece(k, len(k.Params)+o, tir.Store)
		if !ok || len(touches(k, len(k.Params)+o)) != 1 {
			continue
		}
		for i, a := range n.Args {
			if k.Params[i].Access != abi.Read || !a.Type.Tensor || !a.made() ||
				a.source().Lent || last[a.source()] != at || !a.Type.equal(n.Results[o].Type) {
				continue
			}
			r, ok := onlyPiece(k, i, tir.Load)
			if ok && r.equal(w) && len(g.aliases(n, a)) == 1 && before(k, i, len(k.Params)+o) {
				return o, i
			}
		}
	}
	return 0, -1
}

// before tells that a kernel is done with reading one tensor when it writes another.
func before(k *tir.Kernel, read, written int) bool {
	first, last := len(k.Body.Ops), -1
	for i, op := range k.Body.Ops {
		(&tir.Block{Ops: []*tir.Op{op}}).Walk(func(op *tir.Op) {
			switch {
			case op.Kind == tir.Load && op.Param == read:
				last = i
			case op.Kind == tir.Store && op.Param == written:
				first = min(first, i)
			}
		})
	}
	return last < first
}

// made tells that a value is all of its memory: no view.
func (v *Value) made() bool { return v.Node == nil || !v.Node.view(v.Type) }

// aliases are the arguments of a node that share a value's memory.
func (g *Graph) aliases(n *Node, v *Value) (out []int) {
	for i, a := range n.Args {
		if a.source() == v.source() {
			out = append(out, i)
		}
	}
	return out
}

// inPlace makes a result of a launch what an argument becomes, if that can be compiled.
func (g *Graph) inPlace(n *Node, out, arg int) bool {
	old := n.Kernel
	k := &tir.Kernel{Name: old.Name + "_in", Axes: old.Axes, Loc: old.Loc,
		Deterministic: old.Deterministic}
	k.Params = slices.Clone(old.Params)
	k.Params[arg].Access = abi.Update
	k.Outs = slices.Delete(slices.Clone(old.Outs), out, out+1)
	copyBody(k, old, func(i int) int {
		switch o := i - len(old.Params); {
		case o == out:
			return arg
		case o > out:
			return i - 1
		}
		return i
	}, nil)
	if g.Accept != nil && !g.Accept(k) {
		return false
	}
	r := n.Results[out]
	n.Results = slices.Delete(n.Results, out, out+1)
	n.Kernel = g.intern(k)
	at := len(k.Outs) + slices.Index(n.written(), arg)
	n.Results = slices.Insert(n.Results, at, r)
	return true
}
