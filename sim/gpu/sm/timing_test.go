package sm

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The rules that the expected values follow: 32 banks of 4 bytes, accesses of 8 and 16 bytes in
// half and quarter warps (CUDA C++ Programming Guide, shared memory of compute capability 5.x and
// later), ldmatrix eight rows of 16 bytes at a time (PTX ISA, ldmatrix).
func TestWavefronts(t *testing.T) {
	// swizzled is the place of a row's 16-byte chunk in rows of 128 bytes, XORed by the row.
	swizzled := func(row, chunk int) int { return 128*row + 16*(chunk^row%8) }
	matrix := func(at func(row, chunk int) int) func(l int) int {
		return func(l int) int { return at(l%8, l/8) }
	}
	for _, c := range []struct {
		name   string
		size   uint32
		phases int32
		touch  uint32
		at     func(lane int) int
		want   int64
	}{
		{"words in a row", 4, 0, allLanes, func(l int) int { return 4 * l }, 1},
		{"one word", 4, 0, allLanes, func(int) int { return 64 }, 1},
		{"stride 2", 4, 0, allLanes, func(l int) int { return 8 * l }, 2},
		{"stride 4", 4, 0, allLanes, func(l int) int { return 16 * l }, 4},
		{"stride 8", 4, 0, allLanes, func(l int) int { return 32 * l }, 8},
		{"a column of 32 words", 4, 0, allLanes, func(l int) int { return 128 * l }, 32},
		{"a padded column", 4, 0, allLanes, func(l int) int { return 132 * l }, 1},
		{"16 words of a bank twice", 4, 0, allLanes, func(l int) int { return 128 * (l % 16) }, 16},
		{"half of a column", 4, 0, 0xffff, func(l int) int { return 128 * l }, 16},
		{"nobody", 4, 0, 0, func(int) int { return 0 }, 1},
		{"bytes in a row", 1, 0, allLanes, func(l int) int { return l }, 1},
		{"misaligned", 4, 0, allLanes, func(l int) int { return 8*l + 2 }, 2},
		{"halves in a row", 2, 0, allLanes, func(l int) int { return 2 * l }, 1},

		{"64 bits in a row", 8, 0, allLanes, func(l int) int { return 8 * l }, 2},
		{"64 bits, one place", 8, 0, allLanes, func(int) int { return 0 }, 2},
		{"64 bits, stride 2", 8, 0, allLanes, func(l int) int { return 16 * l }, 4},
		{"64 bits, a column", 8, 0, allLanes, func(l int) int { return 128 * l }, 32},
		{"128 bits in a row", 16, 0, allLanes, func(l int) int { return 16 * l }, 4},
		{"128 bits, stride 2", 16, 0, allLanes, func(l int) int { return 32 * l }, 8},
		{"128 bits, a column", 16, 0, allLanes, func(l int) int { return 128 * l }, 32},
		{"128 bits, swizzled", 16, 0, allLanes, matrix(swizzled), 4},

		{"ldmatrix.x1, rows of 128 bytes", 16, 1, allLanes, func(l int) int { return 128 * l }, 8},
		{"ldmatrix.x2, rows of 128 bytes", 16, 2, allLanes, func(l int) int { return 128 * l }, 16},
		{"ldmatrix.x4, rows of 128 bytes", 16, 4, allLanes, func(l int) int { return 128 * l }, 32},
		{"ldmatrix.x1, rows of 144 bytes", 16, 1, allLanes, func(l int) int { return 144 * l }, 1},
		{"ldmatrix.x1, rows of 64 bytes", 16, 1, allLanes, func(l int) int { return 64 * l }, 4},
		{"ldmatrix.x1, swizzled", 16, 1, allLanes, matrix(swizzled), 1},
		{"ldmatrix.x2, swizzled", 16, 2, allLanes, matrix(swizzled), 2},
		{"ldmatrix.x4, swizzled", 16, 4, allLanes, matrix(swizzled), 4},

		{"a shuffle", 4, 1, allLanes, func(int) int { return 0 }, 1},
	} {
		w := &Warp{touch: c.touch, size: c.size, phases: c.phases}
		for l := range w.addr {
			w.addr[l] = uint64(c.at(l))
		}
		if got := w.wavefronts(); got != c.want {
			t.Errorf("%s: %d wavefronts, want %d", c.name, got, c.want)
		}
	}
}

// Many lanes asking different words of one bank is the longest search.
func BenchmarkWavefronts(b *testing.B) {
	for name, stride := range map[string]uint64{"row": 4, "column": 128} {
		b.Run(name, func(b *testing.B) {
			w := &Warp{touch: allLanes, size: 4}
			for l := range w.addr {
				w.addr[l] = uint64(l) * stride
			}
			b.ReportAllocs()
			for b.Loop() {
				w.wavefronts()
			}
		})
	}
}

// TestConflictsAreCounted: the count of conflicts is that of a plain one, by bank and word.
func TestConflictsAreCounted(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for range 2000 {
		w := &Warp{touch: allLanes, size: []uint32{1, 2, 4, 8, 16}[rnd.IntN(5)]}
		if rnd.IntN(4) == 0 {
			w.touch = rnd.Uint32() | 1
		}
		span, start := uint64(1)<<rnd.IntN(12), rnd.Uint64N(1<<10)
		for l := range w.addr {
			w.addr[l] = (start + rnd.Uint64N(span)) * uint64(w.size)
		}
		lanes := Lanes / max(int(w.size)/4, 1)
		lo := rnd.IntN(Lanes/lanes) * lanes
		words := map[uint64]bool{}
		var banks [32]int64
		for l := lo; l < lo+lanes; l++ {
			for b := range uint64(w.size) {
				if at := (w.addr[l] + b) / 4; w.touch>>l&1 != 0 && !words[at] {
					words[at] = true
					banks[at%32]++
				}
			}
		}
		if got, want := w.conflicts(lo, lo+lanes), slices.Max(banks[:]); got != want {
			t.Fatalf("%d bytes, lanes %#x from %d, %v: %d, want %d", w.size, w.touch, lo, w.addr,
				got, want)
		}
	}
}
