package gen

import (
	"slices"

	"tensoros/neurolang/layout"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// planPair finds an axis whose neighbours want the same tiles, so that two CTAs in a cluster halve
// what they load: the one with the most bytes in common along which loops run alike. It is for
// shapes with an even number of programs there.
func (g *gen) planPair() {
	h := g.hop
	h.common = map[*tir.Op]bool{}
	if g.mode > whole {
		return
	}
	best, most := -1, 0
	for a := range g.k.Axes {
		bytes := 0
		for _, r := range h.rings {
			for _, l := range r.loads {
				if r.loop != nil && g.halves(l, a, r.store[l]) {
					bytes += r.store[l].Bytes()
				}
			}
		}
		if bytes > most && g.alike(g.k.Body, a) {
			best, most = a, bytes
		}
	}
	if best < 0 || !g.multiple(g.k.Axes[best].Dim, 2*g.k.Axes[best].Block, whole) {
		return
	}
	h.pair, h.axis = true, best
	for _, r := range h.rings {
		for _, l := range slices.Concat(append(r.others, r.loads)...) {
			if r.loop != nil && g.halves(l, best, r.store[l]) {
				h.common[l] = true
			}
		}
	}
}

// halves tells whether a load is the same along an axis and comes in two halves.
func (g *gen) halves(l *tir.Op, axis int, s *layout.Shared) bool {
	for _, i := range indices(l) {
		if g.varies(i, axis) {
			return false
		}
	}
	return g.chunks(l, s)%2 == 0 || rowsOf(l, g) >= 16
}

// chunks is how many boxes lie side by side along a load's inner dimension.
func (g *gen) chunks(l *tir.Op, s *layout.Shared) int {
	return l.Sizes[inner(g.k.Tensor(l.Param))] << s.Size / s.Span
}

// boxRows is the rows of a load's boxes: half of them if a pair shares what has no two chunks.
func (g *gen) boxRows(l *tir.Op, s *layout.Shared) int {
	rows := rowsOf(l, g)
	if g.hop.common[l] && g.chunks(l, s)%2 != 0 {
		return rows / 2
	}
	return rows
}

// varies tells whether a scalar depends on the program's index on an axis.
func (g *gen) varies(v *tir.Value, axis int) bool {
	if v.Op == nil {
		l := g.loopOf(v)
		return l != nil && (g.varies(l.Args[0], axis) || g.varies(l.Args[2], axis))
	}
	if v.Op.Kind == tir.Program {
		return v.Op.Axis == axis
	}
	return slices.ContainsFunc(v.Op.Args, func(a *tir.Value) bool { return g.varies(a, axis) })
}

// alike tells whether loops with loads of rings run equally often along an axis.
func (g *gen) alike(b *tir.Block, axis int) bool {
	for _, op := range b.Ops {
		if len(op.Blocks) == 0 || !g.loads(op) {
			continue
		}
		n := len(op.Args)
		if op.Kind == tir.For {
			n = 3
		}
		for _, a := range op.Args[:n] {
			if g.varies(a, axis) {
				return false
			}
		}
		for _, inner := range op.Blocks {
			if !g.alike(inner, axis) {
				return false
			}
		}
	}
	return true
}

// common tells whether both CTAs of a pair write to a ring.
func (r *ring) common(h *hopper) bool {
	return slices.ContainsFunc(r.loads, func(l *tir.Op) bool { return h.common[l] })
}

// meet is a barrier of all threads, of both CTAs of a pair.
func (g *gen) meet() {
	if !g.hop.pair {
		g.b.Do("bar.sync", wir.Int(0))
		return
	}
	g.f.Cluster = 2
	g.hop.rank = g.b.Op(wir.R, "mov.u32", wir.Symbol("%cluster_ctarank"))
	g.b.Do("barrier.cluster.arrive.release")
	g.b.Do("barrier.cluster.wait.acquire")
}

// count is how many programs an axis has, or how many pairs.
func (g *gen) count(axis int) wir.Arg {
	n := g.pieces(g.k.Axes[axis])
	if g.hop != nil && g.hop.pair && g.hop.axis == axis {
		return g.b.Shr(n, 1)
	}
	return n
}

// inPair finds the program's index on the axis of pairs.
func (g *gen) inPair() {
	if h := g.hop; h != nil && h.pair {
		g.programs[h.axis] = g.b.Add(g.b.Shl(g.programs[h.axis], 1), h.rank)
	}
}
