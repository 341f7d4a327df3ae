package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tensoros/neurolang/tir"
)

// tidy removes from a kernel what is computed twice or for nothing: fused kernels each bring their
// own starts of pieces, and loads of the same tile.
func tidy(k *tir.Kernel) {
	stored := map[int]bool{}
	k.Body.Walk(func(op *tir.Op) {
		if op.Kind == tir.Store || op.Kind == tir.Atomic {
			stored[op.Param] = true
		}
	})
	t := &tidier{stored: stored, with: map[*tir.Value]*tir.Value{}}
	t.block(k.Body, map[string]*tir.Op{})
	used := map[*tir.Value]bool{}
	k.Body.Walk(func(op *tir.Op) {
		for _, a := range op.Args {
			used[a] = true
		}
	})
	for prune(k.Body, used) {
		clear(used)
		k.Body.Walk(func(op *tir.Op) {
			for _, a := range op.Args {
				used[a] = true
			}
		})
	}
}

type tidier struct {
	stored map[int]bool
	with   map[*tir.Value]*tir.Value
}

func (t *tidier) block(b *tir.Block, seen map[string]*tir.Op) {
	var kept []*tir.Op
	for _, op := range b.Ops {
		for i, a := range op.Args {
			if w := t.with[a]; w != nil {
				op.Args[i] = w
			}
		}
		for _, inner := range op.Blocks {
			t.block(inner, maps.Clone(seen))
		}
		if !op.Kind.Pure() || op.Kind == tir.Load && t.stored[op.Param] || len(op.Blocks) > 0 ||
			len(op.Results) != 1 {
			kept = append(kept, op)
			continue
		}
		key := opKey(op)
		if have := seen[key]; have != nil {
			t.with[op.Results[0]] = have.Results[0]
			continue
		}
		seen[key] = op
		kept = append(kept, op)
	}
	b.Ops = kept
}

func opKey(op *tir.Op) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %+v %s", op.Kind, op.Attrs, op.Results[0].Type)
	for _, a := range op.Args {
		fmt.Fprintf(&b, " %p", a)
	}
	return b.String()
}

// prune drops operations whose results nobody uses, and tells whether there were any.
func prune(b *tir.Block, used map[*tir.Value]bool) bool {
	n := len(b.Ops)
	b.Ops = slices.DeleteFunc(b.Ops, func(op *tir.Op) bool {
		dead := !slices.ContainsFunc(op.Results, func(r *tir.Value) bool { return used[r] })
		return dead && len(op.Results) > 0 && len(op.Blocks) == 0 &&
			op.Kind.Pure()
	})
	found := len(b.Ops) < n
	for _, op := range b.Ops {
		for _, inner := range op.Blocks {
			found = prune(inner, used) || found
		}
	}
	return found
}
