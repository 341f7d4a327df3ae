package layout

import "math/bits"

// Shared says where a tile's elements lie in shared memory: bit i of a place adds (by exclusive or)
// Vec[i] bytes.
type Shared struct {
	Dims []int
	Size int // log2 of an element's bytes
	Span int // of Boxes: bytes of a row of a box; else 0
	Vec  []uint32
}

// Swizzle is the permutation that tensor maps and wgmma descriptors know by its span in bytes, 0,
// 32, 64 or 128 (Swizzle<B,4,3>): 16-byte pieces change places by the row of 128 bytes.
func Swizzle(span int, at uint32) uint32 {
	mask := uint32(span/16-1) << 4
	if span == 0 {
		mask = 0
	}
	return at ^ at>>3&mask
}

// Linear is the row-major tile, swizzled.
func Linear(dims []int, size, span int) *Shared {
	s := &Shared{Dims: dims, Size: size}
	for i := range sum(dims) {
		s.Vec = append(s.Vec, Swizzle(span, 1<<(i+size)))
	}
	return s
}

// Boxes is the tile as boxes of a tensor map leave it: along the dimension inner, which is
// contiguous in memory, pieces of span bytes; all rows of a piece, then the next piece. The other
// dimensions keep their order. The span is at most the inner dimension's bytes.
func Boxes(dims []int, inner, size, span int) *Shared {
	s := &Shared{Dims: dims, Size: size, Span: span, Vec: make([]uint32, sum(dims))}
	in := min(dims[inner], Log2(span)-size)
	at := uint32(1) << size
	put := func(place int) {
		s.Vec[place] = Swizzle(span, at)
		at <<= 1
	}
	shift := Shift(dims, inner)
	for b := range in {
		put(shift + b)
	}
	for d := len(dims) - 1; d >= 0; d-- {
		for b := range dims[d] {
			if d != inner {
				put(Shift(dims, d) + b)
			}
		}
	}
	for b := in; b < dims[inner]; b++ {
		put(shift + b)
	}
	return s
}

// Transpose is the same memory seen as the transposed tile.
func (s *Shared) Transpose(perm []int) *Shared {
	out := &Shared{Size: s.Size, Span: s.Span, Vec: make([]uint32, len(s.Vec))}
	for _, p := range perm {
		out.Dims = append(out.Dims, s.Dims[p])
	}
	for i, p := range perm {
		from, to := Shift(s.Dims, p), Shift(out.Dims, i)
		copy(out.Vec[to:to+s.Dims[p]], s.Vec[from:from+s.Dims[p]])
	}
	return out
}

// Bytes is what the tile takes.
func (s *Shared) Bytes() int { return 1 << (len(s.Vec) + s.Size) }

// Offset is where a place lies.
func (s *Shared) Offset(place uint32) uint32 {
	var at uint32
	for v := place; v != 0; v &= v - 1 {
		at ^= s.Vec[bits.TrailingZeros32(v)]
	}
	return at
}

// Offsets maps vectors of a layout to vectors of offsets.
func (s *Shared) Offsets(v []uint32) []uint32 {
	out := make([]uint32, len(v))
	for i, x := range v {
		out[i] = s.Offset(x)
	}
	return out
}

// Width is log2 of the bytes that a thread can move at once: of the registers' first vectors, those
// that are neighbours in memory, at most 16 bytes.
func (s *Shared) Width(l *Layout) int {
	w := s.Size
	for _, v := range l.Reg {
		if w == 4 || s.Offset(v) != 1<<w {
			break
		}
		w++
	}
	return w
}

// Conflicts is how many wavefronts a phase of an access takes, of 2^width bytes a lane, given the
// offsets that lanes add: addresses that differ in the same bank, by rank over F2.
func Conflicts(lanes []uint32, width int) int {
	n := min(len(lanes), 7-max(width, 2))
	var all, banks []uint32
	for _, v := range lanes[:n] {
		v = v >> 2 << 2
		all, banks = append(all, v), append(banks, v&0x7c)
	}
	return 1 << (Rank(all) - Rank(banks))
}

// Sectors is how many 32-byte sectors a warp's access touches for each that it needs, of 2^width
// bytes a lane, where bit i of a place adds strides[i] bytes; a stride of 0 stands for one longer
// than a sector.
func Sectors(l *Layout, strides []int, width int) float64 {
	used, touched := 1<<width, 1
	for _, v := range l.Lane {
		if v == 0 {
			continue
		}
		used <<= 1
		if s := strides[bits.TrailingZeros32(v)]; s == 0 || s >= 32 {
			touched <<= 1
		}
	}
	return max(1, float64(touched*32)/float64(used))
}
