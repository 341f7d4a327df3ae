package layout

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Layout says where the elements of a tile are: bit i of a register number, a lane or a warp adds
// (by exclusive or) its vector to the element's place. Places count the tile padded to powers of
// two in row-major order, so a place is all coordinates side by side. A vector of 0 means copies.
type Layout struct {
	Dims            []int // log2 of the padded dimensions
	Reg, Lane, Warp []uint32
}

// Log2 is the number of bits that n places need.
func Log2(n int) int { return bits.Len(uint(max(n, 1) - 1)) }

// Logs are the bits of each dimension.
func Logs(dims []int) []int {
	out := make([]int, len(dims))
	for i, d := range dims {
		out[i] = Log2(d)
	}
	return out
}

func sum(list []int) int {
	n := 0
	for _, v := range list {
		n += v
	}
	return n
}

// Shift is where the bits of dimension d begin in a place.
func Shift(dims []int, d int) int { return sum(dims[d+1:]) }

// Mask is the bits of dimension d in a place.
func Mask(dims []int, d int) uint32 { return (1<<dims[d] - 1) << Shift(dims, d) }

// Size is how many registers a thread has.
func (l *Layout) Size() int { return 1 << len(l.Reg) }

func combine(v []uint32, n int) uint32 {
	var at uint32
	for i := range v {
		if n>>i&1 != 0 {
			at ^= v[i]
		}
	}
	return at
}

// Register is the part of a place that the register number gives.
func (l *Layout) Register(r int) uint32 { return combine(l.Reg, r) }

// At is the place of a register of a lane of a warp.
func (l *Layout) At(reg, lane, warp int) uint32 {
	return combine(l.Reg, reg) ^ combine(l.Lane, lane) ^ combine(l.Warp, warp)
}

// Equal tells whether two layouts are the same map.
func (l *Layout) Equal(m *Layout) bool {
	return slices.Equal(l.Dims, m.Dims) && slices.Equal(l.Reg, m.Reg) && l.sameThreads(m)
}

func (l *Layout) sameThreads(m *Layout) bool {
	return slices.Equal(l.Lane, m.Lane) && slices.Equal(l.Warp, m.Warp)
}

// Text is the layout in one line: the vectors of registers, lanes and warps.
func (l *Layout) String() string {
	return fmt.Sprintf("%v r%s l%s w%s", l.Dims, vectors(l.Reg), vectors(l.Lane), vectors(l.Warp))
}

func vectors(list []uint32) string {
	s := make([]string, len(list))
	for i, v := range list {
		s[i] = fmt.Sprintf("%x", v)
	}
	return "[" + strings.Join(s, " ") + "]"
}

// Disjoint tells whether the bits that registers give and those that threads give are different
// ones, so that places add.
func (l *Layout) Disjoint() bool { return l.regBits()&l.ThreadBits() == 0 }

func (l *Layout) regBits() (m uint32) {
	for _, v := range l.Reg {
		m |= v
	}
	return m
}

// ThreadBits are the bits of a place that lanes and warps give.
func (l *Layout) ThreadBits() (m uint32) {
	for _, v := range l.Lane {
		m |= v
	}
	for _, v := range l.Warp {
		m |= v
	}
	return m
}

// each maps every vector; registers whose vector becomes 0 go if drop is set.
func (l *Layout) each(dims []int, drop bool, f func(uint32) uint32) *Layout {
	out := &Layout{Dims: dims}
	for _, v := range l.Reg {
		if w := f(v); w != 0 || !drop {
			out.Reg = append(out.Reg, w)
		}
	}
	for _, v := range l.Lane {
		out.Lane = append(out.Lane, f(v))
	}
	for _, v := range l.Warp {
		out.Warp = append(out.Warp, f(v))
	}
	return out
}

// Slice is the layout of a tile whose dimension axis has become 1: threads that differed only there
// hold copies.
func (l *Layout) Slice(axis int) *Layout {
	shift, n := Shift(l.Dims, axis), l.Dims[axis]
	dims := slices.Clone(l.Dims)
	dims[axis] = 0
	low := uint32(1)<<shift - 1
	return l.each(dims, true, func(v uint32) uint32 { return v&low | v>>(shift+n)<<shift })
}

// Reshape keeps places and names the dimensions anew; their bits must add up to the same.
func (l *Layout) Reshape(dims []int) *Layout {
	return l.each(slices.Clone(dims), false, func(v uint32) uint32 { return v })
}

// Transpose makes dimension i of the result dimension perm[i] of the tile.
func (l *Layout) Transpose(perm []int) *Layout {
	dims := make([]int, len(perm))
	for i, p := range perm {
		dims[i] = l.Dims[p]
	}
	return l.each(dims, false, func(v uint32) uint32 {
		var w uint32
		for i, p := range perm {
			c := v & Mask(l.Dims, p) >> Shift(l.Dims, p)
			w |= c << Shift(dims, i)
		}
		return w
	})
}

// Inverse is the permutation that undoes perm.
func Inverse(perm []int) []int {
	out := make([]int, len(perm))
	for i, p := range perm {
		out[p] = i
	}
	return out
}

// Find is the register of the same thread that holds at; -1 if none does. The thread's own part of
// the place is left out of at.
func (l *Layout) Find(at uint32) int {
	basis, combo := reduced(l.Reg)
	r := 0
	for i, v := range basis {
		if v != 0 && at&(v&-v) != 0 {
			at ^= v
			r ^= combo[i]
		}
	}
	if at != 0 {
		return -1
	}
	return r
}

// reduced is a basis in which the lowest bit of each vector is in no other, and what it is made of.
func reduced(v []uint32) (basis []uint32, combo []int) {
	for i, x := range v {
		c := 1 << i
		for j, b := range basis {
			if b != 0 && x&(b&-b) != 0 {
				x ^= b
				c ^= combo[j]
			}
		}
		if x != 0 {
			for j, b := range basis {
				if b&(x&-x) != 0 {
					basis[j] ^= x
					combo[j] ^= c
				}
			}
		}
		basis, combo = append(basis, x), append(combo, c)
	}
	return basis, combo
}

// Rank is the dimension of the space that the vectors span.
func Rank(v []uint32) int {
	basis, _ := reduced(v)
	n := 0
	for _, b := range basis {
		if b != 0 {
			n++
		}
	}
	return n
}

// Route is how a tile comes from one layout to another.
type Route uint8

// Routes, from cheap to dear.
const (
	Same    Route = iota
	Rename        // other registers of the same threads
	Shuffle       // other lanes of the same warps
	Memory        // shared memory
)

// Convert finds the route from one layout to another of the same tile.
func Convert(from, to *Layout) Route {
	if from.Equal(to) {
		return Same
	}
	if from.sameThreads(to) {
		for _, v := range to.Reg {
			if from.Find(v) < 0 {
				return Memory
			}
		}
		return Rename
	}
	if !slices.Equal(from.Warp, to.Warp) {
		return Memory
	}
	if _, ok := Lanes(from, to); ok {
		return Shuffle
	}
	return Memory
}

// Exchange says where a shuffle finds the elements of a layout: register r of lane l comes from
// register Regs[r] of lane Flip[r] ^ (the combination of Lane by l).
type Exchange struct {
	Regs []int
	Flip []int
	Lane [5]int
}

// Lanes solves the exchange inside of warps, if the register does not depend on the lane.
func Lanes(from, to *Layout) (*Exchange, bool) {
	all := append(slices.Clone(from.Reg), from.Lane...)
	whole := &Layout{Reg: all}
	x := &Exchange{}
	n := len(from.Reg)
	for i, v := range to.Lane {
		f := whole.Find(v)
		if f < 0 || f&(1<<n-1) != 0 {
			return nil, false
		}
		x.Lane[i] = f >> n
	}
	for r := range to.Size() {
		f := whole.Find(to.Register(r))
		if f < 0 {
			return nil, false
		}
		x.Regs = append(x.Regs, f&(1<<n-1))
		x.Flip = append(x.Flip, f>>n)
	}
	return x, true
}
