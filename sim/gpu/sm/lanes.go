package sm

import "math/bits"

const allLanes = ^uint32(0)

func first(m uint32) int { return bits.TrailingZeros32(m) & (Lanes - 1) }

type word interface{ ~uint32 | ~uint64 }

// map1, map2 and map3 apply f to the executing lanes.
func map1[D, A word](m uint32, d *[Lanes]D, a *[Lanes]A, f func(A) D) {
	if m == allLanes {
		for l := range d {
			d[l] = f(a[l])
		}
		return
	}
	for ; m != 0; m &= m - 1 {
		l := first(m)
		d[l] = f(a[l])
	}
}

func map2[D, A, B word](m uint32, d *[Lanes]D, a *[Lanes]A, b *[Lanes]B, f func(A, B) D) {
	if m == allLanes {
		for l := range d {
			d[l] = f(a[l], b[l])
		}
		return
	}
	for ; m != 0; m &= m - 1 {
		l := first(m)
		d[l] = f(a[l], b[l])
	}
}

func map3[D, A, B, C word](m uint32, d *[Lanes]D, a *[Lanes]A, b *[Lanes]B, c *[Lanes]C,
	f func(A, B, C) D) {
	if m == allLanes {
		for l := range d {
			d[l] = f(a[l], b[l], c[l])
		}
		return
	}
	for ; m != 0; m &= m - 1 {
		l := first(m)
		d[l] = f(a[l], b[l], c[l])
	}
}

// test applies a relation to the executing lanes; the others keep their bit.
func test[A word](m, old uint32, a, b *[Lanes]A, f func(A, A) bool) uint32 {
	out := old &^ m
	for ; m != 0; m &= m - 1 {
		l := first(m)
		if f(a[l], b[l]) {
			out |= 1 << l
		}
	}
	return out
}
