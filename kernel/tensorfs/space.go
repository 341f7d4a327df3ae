package tensorfs

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// ErrNoSpace is what an error wraps when the volume is full.
var ErrNoSpace = errors.New("no space left on the volume")

// extent is a run of pages with one owner count. It is never split: who lets go of a part of it
// has written the rest elsewhere.
type extent struct {
	page uint64 // first
	n    uint64 // pages
	refs int
}

// Pages that different users leave free, so that a full volume can still be emptied: removing an
// object rewrites a path of the tree, removing a snapshot a path of the catalog.
const (
	dataFloor = 16
	metaFloor = 6
)

// space is the free pages: holes by page, neither overlapping nor touching.
type space struct {
	holes []hole
	free  uint64
}

type hole struct{ at, n uint64 }

func (h hole) end() uint64 { return h.at + h.n }

// alloc takes n pages in at most most runs, of which it leaves floor free. A run of Huge pages or
// more starts at a multiple of Huge if there is such a hole.
func (s *space) alloc(n uint64, most int, floor uint64) ([]*extent, error) {
	if n+floor > s.free {
		return nil, fmt.Errorf("tensorfs: %d pages wanted, %d free, %d of them kept for removals: %w",
			n, s.free, min(floor, s.free), ErrNoSpace)
	}
	if n >= Huge {
		if e := s.first(n, Huge); e != nil {
			return []*extent{e}, nil
		}
	}
	if e := s.first(n, 1); e != nil {
		return []*extent{e}, nil
	}
	return s.gather(n, most)
}

// first takes n pages from the first hole that has them at a multiple of align.
func (s *space) first(n, align uint64) *extent {
	for i, h := range s.holes {
		at := (h.at + align - 1) / align * align
		if at+n <= h.end() {
			s.take(i, at, n)
			return &extent{page: at, n: n}
		}
	}
	return nil
}

// gather takes n pages from the largest holes.
func (s *space) gather(n uint64, most int) ([]*extent, error) {
	order := slices.Clone(s.holes)
	slices.SortStableFunc(order, func(a, b hole) int { return cmp.Compare(b.n, a.n) })
	var got uint64
	k := 0
	for ; k < len(order) && k < most && got < n; k++ {
		got += order[k].n
	}
	if got < n {
		return nil, fmt.Errorf("tensorfs: %d pages wanted, %d free in %d pieces, %d pieces at "+
			"most: %w", n, s.free, len(order), most, ErrNoSpace)
	}
	var out []*extent
	for _, h := range order[:k] {
		m := min(h.n, n)
		i, _ := slices.BinarySearchFunc(s.holes, h.at, func(a hole, at uint64) int {
			return cmp.Compare(a.at, at)
		})
		s.take(i, h.at, m)
		out = append(out, &extent{page: h.at, n: m})
		n -= m
	}
	return out, nil
}

// take cuts n pages at at out of hole i.
func (s *space) take(i int, at, n uint64) {
	h := s.holes[i]
	s.free -= n
	before, after := hole{h.at, at - h.at}, hole{at + n, h.end() - at - n}
	switch {
	case before.n > 0 && after.n > 0:
		s.holes[i] = before
		s.holes = slices.Insert(s.holes, i+1, after)
	case before.n > 0:
		s.holes[i] = before
	case after.n > 0:
		s.holes[i] = after
	default:
		s.holes = slices.Delete(s.holes, i, i+1)
	}
}

// release gives pages back.
func (s *space) release(at, n uint64) {
	i, _ := slices.BinarySearchFunc(s.holes, at, func(h hole, at uint64) int {
		return cmp.Compare(h.at, at)
	})
	if i > 0 && s.holes[i-1].end() > at || i < len(s.holes) && s.holes[i].at < at+n {
		panic(fmt.Sprintf("tensorfs: pages %d to %d are released twice", at, at+n-1))
	}
	s.free += n
	left := i > 0 && s.holes[i-1].end() == at
	right := i < len(s.holes) && s.holes[i].at == at+n
	switch {
	case left && right:
		s.holes[i-1].n += n + s.holes[i].n
		s.holes = slices.Delete(s.holes, i, i+1)
	case left:
		s.holes[i-1].n += n
	case right:
		s.holes[i].at, s.holes[i].n = at, s.holes[i].n+n
	default:
		s.holes = slices.Insert(s.holes, i, hole{at, n})
	}
}
