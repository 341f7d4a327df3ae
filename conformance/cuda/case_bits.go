package cuda

import (
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"math/bits"

	"tensoros/hw"
)

var bitCases = []Case{
	{Name: "bits/bits", Grid: line(4, 64), Args: func() []any {
		a, b := words(256, 1), words(256, 2)
		a[0], a[1], a[2], b[3], b[4] = 0, ^uint32(0), 1, 0, ^uint32(0)
		var want []uint32
		for i := range a {
			want = append(want, bitRow(a[i], b[i])...)
		}
		return []any{out(want), in(a), in(b)}
	}},
	{Name: "bits/bits64", Grid: line(3, 64), Args: func() []any {
		v := longs(384, 3)
		v[0], v[5], v[9] = 0, 1, ^uint64(0)
		for i := 1; i < len(v); i += 6 { // divisors of fewer bits
			v[i] = v[i]>>33 | 1
		}
		var want []uint64
		for i := 0; i < len(v); i += 2 {
			want = append(want, longRow(v[i], v[i+1])...)
		}
		return []any{out(want), in(v)}
	}},
	{Name: "bits/wide", Grid: line(2, 64), Args: func() []any {
		v := words(128*8, 4)
		for i := range v[:64] {
			v[i] = uint32(-(i & 1)) // carries that run all the way
		}
		var want []uint32
		for i := range 128 {
			want = append(want, wideRow([8]uint32(v[i*8:]))...)
		}
		return []any{out(want), in(v)}
	}},
	{Name: "bits/divide", Grid: line(2, 128), Args: func() []any {
		a := convert(words(256, 5), func(w uint32) int32 { return int32(w) })
		b := convert(words(256, 6), func(w uint32) int32 { return int32(w)>>(w%29) | 1 })
		var want []int32
		for i := range a {
			x, y := a[i], b[i]
			ux, uy := uint32(x), uint32(y)
			want = append(want, x/y, x%y, int32(ux/uy), int32(ux%uy), int32(int16(x)/int16(y|1)),
				int32(uint8(x)%uint8(y|1)), int32(int64(x)*int64(y)>>32),
				x/7+x%10+int32(ux/641))
		}
		return []any{out(want), in(a), in(b)}
	}},
	{Name: "hash/sha256", Grid: line(2, 32), Args: shaCase},
	{Name: "hash/crc32", Grid: line(1, 256), Args: crcCase},
	{Name: "hash/table_insert", Grid: line(4, 64), Args: func() []any {
		keys := convert(below(256, 7, 150), func(x uint32) uint32 { return x*7919 + 1 })
		seen := map[uint32]bool{}
		for _, k := range keys {
			seen[k] = true
		}
		slots := out(make([]uint32, 512))
		slots.Same = func(got, _ []byte) error { return sameSet(unpack[uint32](got), seen) }
		return []any{slots, out([]uint32{uint32(len(seen))}), in(keys), uint32(511)}
	}},
	{Name: "fft/walsh", Grid: line(3, 32), Args: func() []any {
		v := ints(768, 8, 1000)
		return []any{change(v, walsh(v))}
	}},
	{Name: "fft/modpow", Grid: line(2, 64), Args: func() []any {
		v := longs(128, 9)
		return []any{out(convert(v, func(b uint64) uint64 { return modpow(b, 123456789) })), in(v),
			uint32(123456789)}
	}},
	{Name: "fft/fft32", Grid: line(2, 96), Args: func() []any {
		v := floats(2*96*2, 10)
		return []any{change(v, fft32(v))}
	}},
	{Name: "fractal/life", Grid: hw.Grid{Blocks: [3]uint32{1, 20}, Threads: [3]uint32{32}},
		Args: func() []any {
			v := words(5*20, 11)
			return []any{out(life(v, 5, 20)), in(v), int32(5), int32(20)}
		}},
}

func bitRow(x, y uint32) []uint32 {
	find := func(v uint32) uint32 { return uint32(bits.Len32(v) - 1) }
	signed := x
	if int32(x) < 0 {
		signed = ^x
	}
	shift := find(signed)
	if shift != ^uint32(0) {
		shift = 31 - shift
	}
	joined := uint64(y)<<32 | uint64(x)
	ffs := uint32(bits.TrailingZeros32(x) + 1)
	if x == 0 {
		ffs = 0
	}
	m := x >> 7
	return []uint32{uint32(bits.OnesCount32(x)), uint32(bits.LeadingZeros32(x)), ffs,
		bits.Reverse32(x), permute(x, y, y>>16),
		uint32(joined << (y & 31) >> 32), uint32(joined >> (y & 31)),
		uint32(joined << min(y&63, 32) >> 32), uint32(joined >> min(y&63, 32)),
		extract(x, y&255, y>>8&255, false), extract(x, y&31, y>>8&31, true),
		insert(x, y, x&31, y&31), find(x), shift, x ^ y ^ m, x&y | x&m | y&m,
		dot4(x, y, 7, true), dot4(x, y, 7, false), dot2(x, y, ^uint32(2), 0, true),
		dot2(x, y, 5, 2, false), difference(x, y) + 9, third(x), extend(x, y&31), mask(x&31, y&31)}
}

// permute is prmt without a mode: four nibbles pick bytes, their top bits spread the sign.
func permute(a, b, sel uint32) (r uint32) {
	v := uint64(b)<<32 | uint64(a)
	for i := range 4 {
		n := sel >> (4 * i) & 15
		x := uint32(v>>(8*(n&7))) & 255
		if n&8 != 0 {
			x = uint32(int8(x)>>7) & 255
		}
		r |= x << (8 * i)
	}
	return r
}

// extract is bfe: bits beyond the top are the sign, or zero (PTX ISA, bfe).
func extract(x, pos, length uint32, signed bool) (r uint32) {
	if length == 0 {
		return 0
	}
	top := x >> min(min(pos+length-1, 31), 31) & 1
	for i := range uint32(32) {
		bit := uint32(0)
		switch {
		case i < length && pos+i <= 31:
			bit = x >> (pos + i) & 1
		case signed:
			bit = top
		}
		r |= bit << i
	}
	return r
}

// insert is bfi: the low bits of a into b.
func insert(a, b, pos, length uint32) uint32 {
	for i := uint32(0); i < length && pos+i <= 31; i++ {
		b = b&^(1<<(pos+i)) | a>>i&1<<(pos+i)
	}
	return b
}

func dot4(a, b, c uint32, signed bool) uint32 {
	for i := range 4 {
		x, y := a>>(8*i)&255, b>>(8*i)&255
		if signed {
			x, y = uint32(int8(x)), uint32(int8(y))
		}
		c += x * y
	}
	return c
}

// dot2 takes halves of a and two bytes of b from first on.
func dot2(a, b, c uint32, first int, signed bool) uint32 {
	for i := range 2 {
		x, y := a>>(16*i)&0xffff, b>>(8*(first+i))&255
		if signed {
			x, y = uint32(int16(x)), uint32(int8(y))
		}
		c += x * y
	}
	return c
}

func difference(x, y uint32) uint32 {
	if int32(x) < int32(y) {
		x, y = y, x
	}
	return x - y
}

// third is the place of the third set bit.
func third(x uint32) uint32 {
	for range 2 {
		x &= x - 1
	}
	if x == 0 {
		return ^uint32(0)
	}
	return uint32(bits.TrailingZeros32(x))
}

// extend takes n bits and spreads the sign; none are 0 (PTX ISA, szext).
func extend(x, n uint32) uint32 {
	if n == 0 {
		return 0
	}
	return uint32(int32(x<<(32-n)) >> (32 - n))
}

func mask(pos, n uint32) uint32 { return uint32((uint64(1)<<n - 1) << pos) }

func longRow(x, y uint64) []uint64 {
	hi, lo := bits.Mul64(x, y)
	signedHi := hi
	if int64(x) < 0 {
		signedHi -= y
	}
	if int64(y) < 0 {
		signedHi -= x
	}
	ffs := uint64(bits.TrailingZeros64(x) + 1)
	if x == 0 {
		ffs = 0
	}
	return []uint64{lo, hi, signedHi, x / y, x % y, uint64(int64(x) / int64(y)),
		uint64(int64(x) % int64(y)), uint64(bits.OnesCount64(x)), uint64(bits.LeadingZeros64(x)),
		bits.Reverse64(x), ffs, bits.RotateLeft64(x, int(y&63)), uint64(int64(x) >> (y & 63)),
		uint64(min(int64(x), int64(y))) ^ max(x, y)}
}

func wideRow(v [8]uint32) (r []uint32) {
	var c uint32
	var s [4]uint32
	for i := range s {
		s[i], c = bits.Add32(v[i], v[i+4], c)
	}
	r, c = append(r, s[:]...), 0
	for i := range s {
		s[i], c = bits.Sub32(v[i], v[i+4], c)
	}
	hi, lo := bits.Mul64(uint64(v[1])<<32|uint64(v[0]), uint64(v[5])<<32|uint64(v[4]))
	r = append(r, s[:]...)
	return append(r, uint32(lo), uint32(lo>>32), uint32(hi), uint32(hi>>32))
}

func walsh(v []int32) []int32 {
	w := append([]int32(nil), v...)
	for half := 1; half < 256; half *= 2 {
		for i := range w {
			if i&half == 0 {
				w[i], w[i+half] = w[i]+w[i+half], w[i]-w[i+half]
			}
		}
	}
	return w
}

func modpow(b uint64, e uint32) uint64 {
	const p = 1<<61 - 1
	mul := func(x, y uint64) uint64 {
		hi, lo := bits.Mul64(x, y)
		_, rest := bits.Div64(hi, lo, p)
		return rest
	}
	r := uint64(1)
	for b %= p; e > 0; e >>= 1 {
		if e&1 == 1 {
			r = mul(r, b)
		}
		b = mul(b, b)
	}
	return r
}

func life(v []uint32, words, rows int) []uint32 {
	width := words * 32
	alive := func(x, y int) int {
		x, y = (x+width)%width, (y+rows)%rows
		return int(v[y*words+x/32] >> (x % 32) & 1)
	}
	next := make([]uint32, len(v))
	for i := range width * rows {
		x, y, n := i%width, i/width, 0
		for d := range 9 {
			if d != 4 {
				n += alive(x+d%3-1, y+d/3-1)
			}
		}
		if n == 3 || n == 2 && alive(x, y) == 1 {
			next[y*words+x/32] |= 1 << (x % 32)
		}
	}
	return next
}

// shaCase: messages of 64 bytes.
func shaCase() []any {
	v := words(64*16, 12)
	var want []uint32
	for i := range 64 {
		sum := sha256.Sum256(pack(v[i*16 : (i+1)*16]))
		want = append(want, unpack[uint32](sum[:])...)
	}
	return []any{out(want), in(v)}
}

func crcCase() []any {
	v := octets(256*45, 13)
	want := table(256, func(i int) uint32 { return crc32.ChecksumIEEE(v[i*45 : (i+1)*45]) })
	return []any{out(want), in(v), int32(45)}
}

// sameSet compares the filled slots of a hash table with what was put in.
func sameSet(slots []uint32, want map[uint32]bool) error {
	n := 0
	for i, k := range slots {
		if k != 0 && !want[k] {
			return fmt.Errorf("slot %d has %d, which nobody put there", i, k)
		}
		if k != 0 {
			n++
		}
	}
	if n != len(want) {
		return fmt.Errorf("%d slots are filled, want %d", n, len(want))
	}
	return nil
}

// fft32 transforms every 32 complex numbers, with the kernel's roots and order of operations.
func fft32(v []float32) []float32 {
	cos := []float32{1, 0.980785251, 0.923879504, 0.831469595, 0.707106769, 0.555570245,
		0.382683426, 0.195090324, 0, -0.195090324, -0.382683426, -0.555570245, -0.707106769,
		-0.831469595, -0.923879504, -0.980785251}
	sin := func(i int) float32 { return -cos[max(8-i, i-8)] } // of minus the angle
	w := append([]float32(nil), v...)
	for row := 0; row < len(v); row += 64 {
		for l := range 32 {
			from := int(bits.Reverse32(uint32(l)) >> 27)
			w[row+2*l], w[row+2*l+1] = v[row+2*from], v[row+2*from+1]
		}
		for half := 1; half < 32; half *= 2 {
			for l := range 32 {
				if l&half != 0 {
					continue
				}
				k := l & (half - 1) * (16 / half)
				a, b := w[row+2*l:row+2*l+2], w[row+2*(l+half):row+2*(l+half)+2]
				x := fma32(b[0], cos[k], -mul32(b[1], sin(k)))
				y := fma32(b[0], sin(k), mul32(b[1], cos[k]))
				a[0], b[0] = add32(a[0], x), add32(a[0], -x)
				a[1], b[1] = add32(a[1], y), add32(a[1], -y)
			}
		}
	}
	return w
}
