package cuda

var videoCases = []Case{
	{Name: "video/video", Grid: line(2, 64), Args: func() []any {
		v := words(3*128, 20)
		v[0], v[1], v[3], v[4], v[6], v[7] = 0x7fff8000, 0x7fff8000, ^uint32(0), 1, 0x80808080,
			0x7f7f7f7f
		var want []uint32
		for i := 0; i < len(v); i += 3 {
			want = append(want, videoRow(v[i], v[i+1], v[i+2])...)
		}
		return []any{out(want), in(v)}
	}},
	{Name: "video/apart", Grid: line(3, 32), Args: func() []any {
		a, b := words(300, 21), words(300, 22)
		want := make([]uint32, 96)
		for i := range a {
			x, y := a[i], b[i]
			u := video{bits: 8}
			s := video{bits: 8, signedA: true, signedB: true}
			h := video{bits: 16}
			far := u.sum(x, y, 0, func(x, y int) int { return max(x-y, y-x) })
			high := s.pack(x, y, func(x, y int) int { return max(x, y) })
			mean := u.pack(x, y, func(x, y int) int { return (x + y + 1) / 2 })
			more := h.pack(x, y, func(x, y int) int { return -truth(x > y) })
			want[i/100*32+i%100%32] += far + (high ^ mean ^ more)
		}
		return []any{out(want), in(a), in(b), int32(100)}
	}},
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// video is how a word is cut, and what of it is signed.
type video struct {
	bits             int
	signedA, signedB bool
	sat, signed      bool
}

func (v video) lane(w uint32, i int, signed bool) int {
	x := int(w >> (i * v.bits) & (1<<v.bits - 1))
	if signed && x >= 1<<(v.bits-1) {
		x -= 1 << v.bits
	}
	return x
}

// lanes are the results of f before they are put together.
func (v video) lanes(x, y uint32, f func(x, y int) int) []int {
	return table(32/v.bits, func(i int) int {
		r := f(v.lane(x, i, v.signedA), v.lane(y, i, v.signedB))
		switch {
		case v.sat && v.signed:
			return min(max(r, -1<<(v.bits-1)), 1<<(v.bits-1)-1)
		case v.sat:
			return min(max(r, 0), 1<<v.bits-1)
		}
		return r
	})
}

func (v video) pack(x, y uint32, f func(x, y int) int) (w uint32) {
	for i, r := range v.lanes(x, y, f) {
		w |= uint32(r) & (1<<v.bits - 1) << (i * v.bits)
	}
	return w
}

func (v video) sum(x, y, z uint32, f func(x, y int) int) uint32 {
	for _, r := range v.lanes(x, y, f) {
		z += uint32(r)
	}
	return z
}

func videoRow(x, y, z uint32) []uint32 {
	add := func(x, y int) int { return x + y }
	sub := func(x, y int) int { return x - y }
	far := func(x, y int) int { return max(x-y, y-x) }
	mean := func(x, y int) int { // halves go up, and below zero towards minus infinity
		if x+y >= 0 {
			return (x + y + 1) >> 1
		}
		return (x + y) >> 1
	}
	u2, u4 := video{bits: 16}, video{bits: 8}
	s2 := video{bits: 16, signedA: true, signedB: true, signed: true}
	s4 := video{bits: 8, signedA: true, signedB: true, signed: true}
	sat := func(v video) video { v.sat = true; return v }
	return []uint32{u2.pack(x, y, add), sat(s2).pack(x, y, add), sat(u4).pack(x, y, add),
		video{bits: 8, signedB: true}.sum(x, y, z, add), sat(s2).pack(x, y, sub),
		sat(u4).pack(x, y, sub), s4.pack(x, y, sub), s2.pack(x, y, mean), u4.pack(x, y, mean),
		s2.sum(x, y, z, far), u4.sum(x, y, z, far),
		s2.pack(x, y, func(x, y int) int { return min(x, y) }),
		u4.pack(x, y, func(x, y int) int { return max(x, y) }),
		sat(s4).pack(x, y, func(x, y int) int { return max(x, y) }),
		s2.pack(x, y, func(x, y int) int { return truth(x < y) }),
		u4.sum(x, y, z, func(x, y int) int { return truth(x >= y) })}
}
