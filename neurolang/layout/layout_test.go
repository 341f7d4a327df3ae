package layout

import (
	"slices"
	"testing"
)

// TestSumIsTheTableOfTheISA: the registers of a m16n8 accumulator and of wgmma's.
func TestSumIsTheTableOfTheISA(t *testing.T) {
	l := Sum([]int{6, 4}, 2, 0)
	for warp := range 4 {
		for lane := range 32 {
			for r := range l.Size() {
				row := 16*warp + lane/4 + 8*(r>>1&1)
				col := 8*(r>>2) + 2*(lane%4) + r&1
				if got := l.At(r, lane, warp); got != uint32(row<<4|col) {
					t.Fatalf("warp %d lane %d register %d: %x", warp, lane, r, got)
				}
			}
		}
	}
}

// TestOperandsAreTheTablesOfTheISA: facts/codegen.md, section 1.
func TestOperandsAreTheTablesOfTheISA(t *testing.T) {
	for size, k := range []int{32, 16, 8} {
		per := 4 >> size
		a := Left([]int{4, Log2(k)}, size, 0, 0)
		b := Right([]int{Log2(k), 3}, size, 0, 0)
		if a.Size() != 4*per || b.Size() != 2*per {
			t.Fatalf("size %d: %d and %d registers", size, a.Size(), b.Size())
		}
		for lane := range 32 {
			g, i := lane/4, lane%4
			for r := range a.Size() {
				row, col := g+8*(r/per%2), per*i+r%per+k/2*(r/per/2)
				if got := a.At(r, lane, 0); got != uint32(row*k+col) {
					t.Fatalf("A size %d lane %d register %d: %d", size, lane, r, got)
				}
			}
			for r := range b.Size() {
				row := per*i + r%per + k/2*(r/per)
				if got := b.At(r, lane, 0); got != uint32(row*8+g) {
					t.Fatalf("B size %d lane %d register %d: %d", size, lane, r, got)
				}
			}
		}
	}
}

// TestConflictsAreThoseOfTheTable: facts/codegen.md, section 2: eight rows of 16 bytes.
func TestConflictsAreThoseOfTheTable(t *testing.T) {
	table := []struct {
		row  int
		want [4]int // spans 0, 32, 64, 128
	}{
		{32, [4]int{2, 1, 1, 1}}, {64, [4]int{4, 2, 1, 1}}, {128, [4]int{8, 4, 2, 1}},
		{256, [4]int{8, 8, 4, 2}}, {512, [4]int{8, 8, 8, 4}},
	}
	for _, row := range table {
		for i, span := range []int{0, 32, 64, 128} {
			s := Linear([]int{3, Log2(row.row / 2)}, 1, span)
			at := Shift(s.Dims, 0)
			if got := Conflicts(s.Vec[at:at+3], 4); got != row.want[i] {
				t.Errorf("rows of %d, span %d: %d wavefronts, want %d", row.row, span, got,
					row.want[i])
			}
		}
	}
}

func TestBlockedCoversTheTileOnce(t *testing.T) {
	for _, dims := range [][]int{{0}, {3}, {10}, {5, 6}, {2, 3, 4}, {}} {
		order := make([]int, len(dims))
		for i := range order {
			order[i] = len(dims) - 1 - i
		}
		l := Blocked(dims, order, 2, 2)
		seen := map[uint32]bool{}
		for w := range 4 {
			for lane := range 32 {
				for r := range l.Size() {
					seen[l.At(r, lane, w)] = true
				}
			}
		}
		if len(seen) != 1<<sum(dims) || !l.Disjoint() {
			t.Errorf("%v: %d places: %s", dims, len(seen), l)
		}
	}
}

func TestConvert(t *testing.T) {
	dims := []int{6, 6}
	a := Blocked(dims, []int{1, 0}, 2, 2)
	b := Blocked(dims, []int{0, 1}, 2, 2)
	r := *a
	r.Reg = slices.Clone(a.Reg)
	slices.Reverse(r.Reg)
	s := *a
	s.Lane = slices.Clone(a.Lane)
	slices.Reverse(s.Lane)
	for _, c := range []struct {
		from, to *Layout
		want     Route
	}{{a, a, Same}, {a, &r, Rename}, {a, &s, Shuffle}, {a, b, Memory}} {
		if got := Convert(c.from, c.to); got != c.want {
			t.Errorf("%s -> %s: %d, want %d", c.from, c.to, got, c.want)
		}
	}
	x, _ := Lanes(a, &s)
	for lane := range 32 {
		for reg := range s.Size() {
			from := x.Flip[reg] ^ combineInt(x.Lane[:], lane)
			if a.At(x.Regs[reg], from, 0) != s.At(reg, lane, 0) {
				t.Fatalf("lane %d register %d", lane, reg)
			}
		}
	}
}

func combineInt(v []int, n int) int {
	at := 0
	for i := range v {
		if n>>i&1 != 0 {
			at ^= v[i]
		}
	}
	return at
}

func TestTransposeAndSlice(t *testing.T) {
	l := Sum([]int{5, 4}, 1, 0)
	perm := []int{1, 0}
	if back := l.Transpose(perm).Transpose(Inverse(perm)); !back.Equal(l) {
		t.Errorf("%s became %s", l, back)
	}
	rows := l.Slice(1)
	if rows.Size() != 2 || rows.Lane[0] != 0 || rows.Lane[2] != 1 {
		t.Errorf("slice: %s", rows)
	}
	s := Boxes([]int{3, 7}, 1, 1, 128)
	if s.Transpose(perm).Offset(5<<3|1) != s.Offset(1<<7|5) {
		t.Error("a transposed view lies elsewhere")
	}
	if s.Vec[6] != 8*128 || s.Vec[7] != 128|16 {
		t.Errorf("boxes: %x", s.Vec)
	}
}
