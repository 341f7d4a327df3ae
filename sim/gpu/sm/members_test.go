package sm

import (
	"math/bits"
	"testing"
)

// TestLanesWaitForTheirMembers: what a warp does together sees all lanes that the mask names, also
// those that come late, and sets of lanes with masks of their own do not mix.
func TestLanesWaitForTheirMembers(t *testing.T) {
	// Odd lanes take a way that lies behind the others', and come back.
	detour := `and.b32 %r7, %r4, 1; setp.eq.u32 %p1, %r7, 1; mov.u32 %r8, %r5;
	@%p1 bra cold;
join: `
	cold := `
	st.global.u32 [%rd2], %r6; ret;
cold: add.u32 %r8, %r5, 1000; bra join;`
	halves := "and.b32 %r7, %r4, 16; mov.u32 %r9, 0xffff; shl.b32 %r9, %r9, %r7;"
	for _, c := range []struct {
		name, body string
		want       func(v []uint32, l int) uint32
	}{
		{"shuffle", detour + "shfl.sync.bfly.b32 %r6, %r8, 1, 31, 0xffffffff;" + cold,
			func(v []uint32, l int) uint32 { return v[l^1] + uint32(1-l&1)*1000 }},
		{"reduction", detour + "redux.sync.max.u32 %r6, %r8, 0xffffffff;" + cold,
			func(v []uint32, _ int) (m uint32) {
				for l, x := range v {
					m = max(m, x+uint32(l&1)*1000)
				}
				return m
			}},
		{"ballot", detour + "vote.sync.ballot.b32 %r6, 1, 0xffffffff;" + cold,
			func([]uint32, int) uint32 { return ^uint32(0) }},
		{"warp barrier", detour + "bar.warp.sync 0xffffffff; activemask.b32 %r6;" + cold,
			func([]uint32, int) uint32 { return ^uint32(0) }},
		{"halves by redux", halves + "redux.sync.add.u32 %r6, %r5, %r9; st.global.u32 [%rd2], %r6;",
			func(v []uint32, l int) (sum uint32) {
				for _, x := range v[l&16 : l&16+16] {
					sum += x
				}
				return sum
			}},
		{"halves by vote", halves + `and.b32 %r10, %r5, 1; setp.eq.u32 %p2, %r10, 1;
	vote.sync.ballot.b32 %r6, %p2, %r9; st.global.u32 [%rd2], %r6;`,
			func(v []uint32, l int) (m uint32) {
				for k, x := range v[l&16 : l&16+16] {
					m |= x & 1 << (l&16 + k)
				}
				return m
			}},
		{"halves by match", halves + `and.b32 %r10, %r5, 3;
	match.any.sync.b32 %r6, %r10, %r9; popc.b32 %r6, %r6; st.global.u32 [%rd2], %r6;`,
			func(v []uint32, l int) (n uint32) {
				for _, x := range v[l&16 : l&16+16] {
					if x&3 == v[l]&3 {
						n++
					}
				}
				return n
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := func(i int) uint32 { return bits.Reverse32(uint32(i)*2654435761) % 997 }
			var v [64]uint32
			for i := range v {
				v[i] = in(i)
			}
			for i, got := range run(t, kernel("", "ld.global.u32 %r5, [%rd1];\n"+c.body), 64, in) {
				if want := c.want(v[i&^31:][:32], i%32); got != want {
					t.Fatalf("thread %d: %#x, want %#x", i, got, want)
				}
			}
		})
	}
}
