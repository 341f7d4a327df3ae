package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// arenaAlign is what tensor maps and wide loads want, and lines of caches are no longer.
const arenaAlign = 256

// buffer is memory in use from one node to another.
type buffer struct {
	v           *Value
	size        int
	first, last int
}

// bytes is the size of a tensor, if it is known.
func (t Type) bytes() (int, bool) {
	n := t.Elem.Size()
	for _, d := range t.Dims {
		if d.Sym != "" {
			return 0, false
		}
		n *= d.Const
	}
	return n, t.Tensor
}

// Plan gives the results of launches that stay inside of the graph their place in one arena, the
// largest first, as low as it fits; it ends the life of what has memory of its own after its last
// use. It returns how many tensors share the arena.
func (g *Graph) Plan() int {
	last := g.last()
	var list, placed []buffer
	for i, n := range g.Nodes {
		for _, r := range n.Results {
			size, known := r.Type.bytes()
			if n.Op == Launch && r.source() == r && known && last[r] < len(g.Nodes) {
				size = (size + arenaAlign - 1) &^ (arenaAlign - 1)
				list = append(list, buffer{r, size, i, last[r]})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b buffer) int { return cmp.Compare(b.size, a.size) })
	g.Arena = 0
	for _, b := range list {
		b.v.Offset = lowest(placed, b)
		placed = append(placed, b)
		g.Arena = max(g.Arena, b.v.Offset+b.size)
	}
	g.frees(last)
	return len(list)
}

// lowest is the lowest offset at which a buffer fits beside those that live at the same time.
func lowest(placed []buffer, b buffer) int {
	var busy []buffer
	for _, p := range placed {
		if p.first <= b.last && b.first <= p.last {
			busy = append(busy, p)
		}
	}
	slices.SortStableFunc(busy, func(x, y buffer) int {
		return cmp.Compare(x.v.Offset, y.v.Offset)
	})
	at := 0
	for _, p := range busy {
		if at+b.size <= p.v.Offset {
			break
		}
		at = max(at, p.v.Offset+p.size)
	}
	return at
}

// frees ends the life of memory outside of the arena.
func (g *Graph) frees(last map[*Value]int) {
	ends := make([][]*Value, len(g.Nodes)+1)
	end := func(v *Value) {
		if v.Type.Tensor && v.Offset < 0 && v.source() == v && !v.Lent && !v.Seen {
			ends[last[v]] = append(ends[last[v]], v)
		}
	}
	for _, p := range g.Params {
		if _, used := last[p]; used {
			end(p)
		}
	}
	for _, n := range g.Nodes {
		for _, r := range n.Results {
			end(r)
		}
	}
	var nodes []*Node
	for i, n := range g.Nodes {
		nodes = append(nodes, n)
		for _, v := range ends[i] {
			if v = g.current(v, i); v != nil {
				nodes = append(nodes, &Node{Op: Free, Args: []*Value{v}, At: n.At})
			}
		}
	}
	g.Nodes = nodes
}

// current is what a value has become by launches in place up to node number i.
func (g *Graph) current(v *Value, i int) *Value {
	for _, n := range g.Nodes[:i+1] {
		for j, w := range n.written() {
			if n.Args[w] == v {
				v = n.Results[len(n.Kernel.Outs)+j]
			}
		}
	}
	return v
}

// PlanText says where what lies when, and what each step does: a launch plan for people.
func (g *Graph) PlanText() string {
	var b strings.Builder
	sum, launches := 0, 0
	for _, n := range g.Nodes {
		if n.Op == Launch {
			launches++
		}
		for _, r := range n.Results {
			if size, ok := r.Type.bytes(); ok && r.Offset >= 0 {
				sum += size
			}
		}
	}
	fmt.Fprintf(&b, "plan %s: %d launches, arena of %d bytes for tensors of %d bytes\n", g.Name,
		launches, g.Arena, sum)
	for i, n := range g.Nodes {
		fmt.Fprintf(&b, "%4d  %s\n", i, n)
	}
	fmt.Fprintf(&b, "      return%s\n", idList(g.Results))
	return b.String()
}
