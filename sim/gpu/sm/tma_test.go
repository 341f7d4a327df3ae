package sm

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tensoros/hw/spec/gpu"
)

// tmaKernel fills shared memory with the low bytes of the addresses, moves one box, and shows all
// of shared memory. The map comes as a kernel parameter.
const tmaKernel = `.version 8.4
.target sm_90a
.address_size 64
.visible .entry k(.param .align 64 .b8 map[128], .param .u64 out,
	.param .u32 c0, .param .u32 c1, .param .u32 c2, .param .u32 c3, .param .u32 c4,
	.param .u16 o0, .param .u16 o1, .param .u16 o2, .param .u32 bytes)
{
	.shared .align 1024 .b8 buf[65536]; .shared .align 8 .b8 bar[8];
	.reg .b32 %r<32>; .reg .b64 %rd<16>; .reg .pred %p<4>; .reg .b16 %h<4>;
	ld.param.u64 %rd2, [out]; ld.param.u32 %r20, [bytes];
	ld.param.u32 %r0, [c0]; ld.param.u32 %r1, [c1]; ld.param.u32 %r2, [c2];
	ld.param.u32 %r3, [c3]; ld.param.u32 %r4, [c4];
	ld.param.u16 %h0, [o0]; ld.param.u16 %h1, [o1]; ld.param.u16 %h2, [o2];
	mov.u32 %r10, bar; mov.u32 %r11, buf; mov.u32 %r12, 0;
	mov.b64 %rd1, map; cvta.param.u64 %rd1, %rd1;
f:	add.u32 %r13, %r11, %r12; mul.lo.u32 %r14, %r12, 2654435761; shr.u32 %r14, %r14, 24;
	st.shared.u8 [%r13], %r14;
	add.u32 %r12, %r12, 1; setp.lt.u32 %p1, %r12, 65536; @%p1 bra f;
	mbarrier.init.shared.b64 [%r10], 1; fence.proxy.async.shared::cta;
	MOVE
	mov.u32 %r12, 0;
s:	add.u32 %r13, %r11, %r12; ld.shared.v4.u32 {%r14,%r15,%r16,%r17}, [%r13];
	cvt.u64.u32 %rd3, %r12; add.s64 %rd3, %rd3, %rd2; st.global.v4.u32 [%rd3], {%r14,%r15,%r16,%r17};
	add.u32 %r12, %r12, 16; setp.lt.u32 %p1, %r12, 65536; @%p1 bra s;
	ret;
}`

const (
	tmaLoad = `mbarrier.arrive.expect_tx.shared.b64 %rd4, [%r10], %r20;
	cp.async.bulk.tensor.RANKd.shared::cluster.global.tile.mbarrier::complete_tx::bytes
		[%r11], [%rd1, {COORDS}], [%r10];
w:	mbarrier.try_wait.parity.shared.b64 %p2, [%r10], 0; @!%p2 bra w;`
	tmaIm2col = `mbarrier.arrive.expect_tx.shared.b64 %rd4, [%r10], %r20;
	cp.async.bulk.prefetch.tensor.RANKd.L2.global.im2col [%rd1, {COORDS}], {OFFSETS};
	cp.async.bulk.tensor.RANKd.shared::cluster.global.im2col.mbarrier::complete_tx::bytes
		[%r11], [%rd1, {COORDS}], [%r10], {OFFSETS};
w:	mbarrier.try_wait.parity.shared.b64 %p2, [%r10], 0; @!%p2 bra w;`
	tmaStore = `cp.async.bulk.prefetch.tensor.RANKd.L2.global.tile [%rd1, {COORDS}];
	cp.async.bulk.tensor.RANKd.global.shared::cta.tile.bulk_group [%rd1, {COORDS}], [%r11];
	cp.async.bulk.commit_group; cp.async.bulk.wait_group 0;`
	tmaIm2colStore = `cp.async.bulk.tensor.RANKd.global.shared::cta.im2col_no_offs.bulk_group
		[%rd1, {COORDS}], [%r11];
	cp.async.bulk.commit_group; cp.async.bulk.wait_group.read 0;`
	tmaReduce = `cp.reduce.async.bulk.tensor.RANKd.global.shared::cta.OP.tile.bulk_group
		[%rd1, {COORDS}], [%r11];
	cp.async.bulk.commit_group; cp.async.bulk.wait_group 0;`
)

const tmaSpace = 1 << 17 // bytes of global memory that tensors of the tests live in

// tmaCase is a copy and everything that the reference needs to know of it.
type tmaCase struct {
	m       gpu.TensorMap
	at      [5]int
	offsets [3]int
}

// cell is the place of the box's element i in the tensor (its coordinates), and in shared memory.
// Written from the figures of the PTX ISA, element by element.
func (c *tmaCase) cell(i int) (at [5]int, shared int) {
	m, rest := &c.m, i
	size := m.Type.Size()
	if m.Im2col {
		ch := int(m.Channels)
		at[0] = c.at[0] + rest%ch
		pixel := rest / ch
		// Positions a row of the bounding box has, from the base pixel on.
		for k := 1; k < m.Rank-1; k++ {
			lo, hi, step := int(m.Lower[k-1]), int(m.Dims[k])+int(m.Upper[k-1]),
				int(m.ElementStrides[k])
			left := max((hi-c.at[k]+step-1)/step, 1) // in the first row
			full := (hi - lo + step - 1) / step
			if pixel < left {
				at[k], pixel = c.at[k]+pixel*step, 0
			} else {
				pixel -= left
				at[k] = lo + pixel%full*step
				pixel = pixel/full + 1
			}
			at[k] += c.offsets[k-1]
		}
		at[m.Rank-1] = c.at[m.Rank-1] + pixel
	} else {
		at[0], rest = c.at[0]+rest%int(m.Box[0]), rest/int(m.Box[0])
		for k := 1; k < m.Rank; k++ {
			step := int(m.ElementStrides[k])
			n := (int(m.Box[k]) + step - 1) / step
			at[k], rest = c.at[k]+rest%n*step, rest/n
		}
	}
	shared = i * size
	chunk, row := shared/16%8, shared/128
	switch m.Swizzle { // rows of 128 bytes, 16-byte chunks
	case gpu.Swizzle128:
		chunk ^= row % 8
	case gpu.Swizzle64:
		chunk = chunk&4 | (chunk^row)&3
	case gpu.Swizzle32:
		chunk = chunk&6 | (chunk^row)&1
	}
	return at, row*128 + chunk*16 + shared%16
}

func (c *tmaCase) elements() int {
	if c.m.Im2col {
		return int(c.m.Channels * c.m.Pixels)
	}
	n := int(c.m.Box[0])
	for k := 1; k < c.m.Rank; k++ {
		n *= (int(c.m.Box[k]) + int(c.m.ElementStrides[k]) - 1) / int(c.m.ElementStrides[k])
	}
	return n
}

// global is the offset of an element in the tensor, -1 out of bounds.
func (c *tmaCase) global(at [5]int) int {
	off := at[0] * c.m.Type.Size()
	for k := range c.m.Rank {
		if at[k] < 0 || at[k] >= int(c.m.Dims[k]) {
			return -1
		}
		if k > 0 {
			off += at[k] * int(c.m.Strides[k-1])
		}
	}
	return off
}

// drawTMA makes a tensor of random shape that fits tmaSpace, and a box on and beyond its edge.
func drawTMA(r *rand.Rand, im2col bool) *tmaCase {
	for {
		c := &tmaCase{}
		m := &c.m
		m.Type, m.Rank = gpu.TensorType(r.IntN(13)), 1+r.IntN(5)
		if im2col {
			m.Rank, m.Im2col = 3+r.IntN(3), true
		}
		m.Swizzle = gpu.TensorSwizzle(r.IntN(4))
		if m.Type.NaN() != 0 {
			m.Fill = gpu.TensorFill(r.IntN(2))
		}
		size := m.Type.Size()
		width := 16 * (1 + r.IntN(4))
		if m.Swizzle != gpu.SwizzleNone {
			width = m.Swizzle.Span()
		}
		stride := uint64(size)
		for k := range m.Rank {
			m.Dims[k] = uint64(1 + r.IntN(12))
			if k == 0 {
				m.Dims[0] = uint64(1 + r.IntN(3*width/size))
			} else {
				m.Strides[k-1] = (stride + 15) &^ 15
				stride = m.Strides[k-1]
			}
			stride *= m.Dims[k]
			m.ElementStrides[k] = uint32(1 + r.IntN(2)*r.IntN(4))
			c.at[k] = r.IntN(int(m.Dims[k])+8) - 4
			m.Box[k] = uint32(1 + r.IntN(6))
		}
		m.Box[0] = uint32(width / size)
		if im2col {
			m.Box = [5]uint32{}
			m.Channels, m.Pixels = uint32(width/size), uint32(1+r.IntN(100))
			for k := 1; k < m.Rank-1; k++ {
				m.Lower[k-1], m.Upper[k-1] = int16(r.IntN(4)-2), int16(r.IntN(4)-2)
				lo, hi := int(m.Lower[k-1]), int(m.Dims[k])+int(m.Upper[k-1])
				if hi <= lo {
					m.Upper[k-1] = int16(lo + 1 - int(m.Dims[k]))
					hi = lo + 1
				}
				c.at[k] = lo + r.IntN(hi-lo)
				c.offsets[k-1] = r.IntN(4)
			}
		}
		if stride <= tmaSpace && m.Channels <= 256 && c.elements()*size <= 60000 {
			return c
		}
	}
}

// run executes the copy and gives global memory before and after, and shared memory after.
func (c *tmaCase) run(t *testing.T, move string, timed bool) (before, after, shared []byte) {
	t.Helper()
	mem := newFlat(tmaSpace + 65536)
	for i := range tmaSpace {
		mem.data[i] = byte(i*7 + i>>8*13 + i>>16)
	}
	c.m.Base = mem.base
	image, err := c.m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	before = append([]byte(nil), mem.data[:tmaSpace]...)
	var coords, offsets []string
	for k := range c.m.Rank {
		coords = append(coords, fmt.Sprintf("%%r%d", k))
		if k+2 < c.m.Rank {
			offsets = append(offsets, fmt.Sprintf("%%h%d", k))
		}
	}
	src := strings.NewReplacer("MOVE", strings.NewReplacer("RANK", fmt.Sprint(c.m.Rank), "COORDS",
		strings.Join(coords, ","), "OFFSETS", strings.Join(offsets,
			",")).Replace(move)).Replace(tmaKernel)
	p := append(image[:], params(mem.base+tmaSpace)...)
	for k := range 5 {
		p = append(p, params(uint32(c.at[k]))...)
	}
	for k := range 3 {
		p = append(p, byte(c.offsets[k]), byte(c.offsets[k]>>8))
	}
	p = append(p, 0, 0)
	p = append(p, params(uint32(c.elements()*c.m.Type.Size()))...)
	l := &Launch{Prog: load(t, src, ""), Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 1, 1},
		Mem: mem, Params: p}
	if err := outcome(l, timed); err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	return before, mem.data[:tmaSpace], mem.data[tmaSpace:]
}

func fillByte(i int) byte { return byte(uint32(i) * 2654435761 >> 24) }

func TestTensorLoad(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	outside := 0
	for i := range 120 {
		c := drawTMA(r, i%2 == 1)
		move := tmaLoad
		if c.m.Im2col {
			move = tmaIm2col
		}
		before, _, shared := c.run(t, move, i%8 == 0)
		want := make([]byte, 65536)
		for b := range want {
			want[b] = fillByte(b)
		}
		size := c.m.Type.Size()
		for e := range c.elements() {
			at, place := c.cell(e)
			g := c.global(at)
			for b := range size {
				switch {
				case g >= 0:
					want[place+b] = before[g+b]
				case c.m.Fill == gpu.FillNaN:
					want[place+b] = 0xff
					if b == size-1 {
						want[place+b] = 0x7f
					}
				default:
					want[place+b] = 0
				}
			}
			if g < 0 {
				outside++
			}
		}
		for b := range want {
			if shared[b] != want[b] {
				t.Fatalf("case %d %+v: byte %d of shared memory is %#x, want %#x", i, c, b, shared[b],
					want[b])
			}
		}
	}
	if outside == 0 {
		t.Error("no element was out of bounds")
	}
}

func TestTensorStore(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 9))
	for i := range 80 {
		c := drawTMA(r, i%2 == 1)
		c.offsets = [3]int{}
		move := tmaStore
		if c.m.Im2col {
			move = tmaIm2colStore
		}
		want, after, _ := c.run(t, move, i%8 == 0)
		for e := range c.elements() {
			at, place := c.cell(e)
			for b := range c.m.Type.Size() {
				if g := c.global(at); g >= 0 {
					want[g+b] = fillByte(place + b)
				}
			}
		}
		for b := range want {
			if after[b] != want[b] {
				t.Fatalf("case %d %+v: byte %d of the tensor is %#x, want %#x", i, c, b, after[b],
					want[b])
			}
		}
	}
}

// TestTensorReduce: integers by their width, in the order that does not matter.
func TestTensorReduce(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	for i := range 60 {
		c := drawTMA(r, false)
		c.m.Type, c.m.Fill, c.m.Swizzle = gpu.TensorU32, 0, gpu.Swizzle32
		c.m.Rank, c.m.Dims, c.m.Strides = 2, [5]uint64{13, 9}, [4]uint64{64}
		c.m.Box, c.m.ElementStrides = [5]uint32{8, 5}, [5]uint32{1, 1}
		c.at = [5]int{r.IntN(16) - 4, r.IntN(12) - 3}
		ops := []struct {
			name string
			f    func(old, a uint32) uint32
		}{
			{"add", func(old, a uint32) uint32 { return old + a }},
			{"min", func(old, a uint32) uint32 { return min(old, a) }},
			{"max", func(old, a uint32) uint32 { return max(old, a) }},
			{"and", func(old, a uint32) uint32 { return old & a }},
			{"or", func(old, a uint32) uint32 { return old | a }},
			{"xor", func(old, a uint32) uint32 { return old ^ a }},
			{"inc", func(old, a uint32) uint32 {
				if old >= a {
					return 0
				}
				return old + 1
			}},
			{"dec", func(old, a uint32) uint32 {
				if old == 0 || old > a {
					return a
				}
				return old - 1
			}},
		}
		op := ops[i%len(ops)]
		want, after, _ := c.run(t, strings.ReplaceAll(tmaReduce, "OP", op.name), i%8 == 0)
		word := element{size: 4}
		for e := range c.elements() {
			at, place := c.cell(e)
			g := c.global(at)
			if g < 0 {
				continue
			}
			a := uint32(0)
			for b := range 4 {
				a |= uint32(fillByte(place+b)) << (8 * b)
			}
			word.put(want[g:], uint64(op.f(uint32(word.get(want[g:])), a)))
		}
		for b := range want {
			if after[b] != want[b] {
				t.Fatalf("%s %+v: byte %d of the tensor is %#x, want %#x", op.name, c, b, after[b],
					want[b])
			}
		}
	}
}
