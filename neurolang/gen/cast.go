package gen

import (
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// cast converts one element. Narrow floats come and go by f32; f64 and i32 reach formats that have
// no instruction for them by f32 rounded to odd, so that the second rounding is the only one.
func (g *gen) cast(from, to tile.Elem, x wir.Arg) wir.Arg {
	b := g.b
	if from == to {
		return x
	}
	switch {
	case to == tile.Bool:
		return g.compare("ne", from, []wir.Arg{x, number(from, 0, 0)})
	case from == tile.Bool:
		one := number(to, 1, 1)
		c := regClass(to)
		return b.Select(c, x, one, number(to, 0, 0))
	case tir.IsInt(from) && tir.IsInt(to):
		return g.wrap(to, x)
	case tir.IsInt(from):
		return g.fromInt(to, x)
	case tir.IsInt(to):
		return g.toInt(from, to, x)
	}
	return g.between(from, to, x)
}

func (g *gen) fromInt(to tile.Elem, x wir.Arg) wir.Arg {
	b := g.b
	if x.Kind == wir.Imm {
		return number(to, float64(x.Off), 0)
	}
	switch to {
	case tile.F32, tile.F64, tile.F16:
		return b.Op(regClass(to), "cvt.rn."+to.String()+".s32", x)
	}
	return g.between(tile.F64, to, b.Op(wir.D, "cvt.rn.f64.s32", x))
}

// toInt rounds toward zero and saturates; NaN becomes 0.
func (g *gen) toInt(from, to tile.Elem, x wir.Arg) wir.Arg {
	b := g.b
	var r wir.Arg
	if from == tile.F64 {
		x = b.Reg(wir.D, x)
		r = b.Op(wir.R, "cvt.rzi.s32.f64", x)
		r = b.Select(wir.R, b.Op(wir.P, "setp.nan.f64", x, x), wir.Int(0), r)
	} else {
		r = b.Op(wir.R, "cvt.rzi.s32.f32", b.Reg(wir.R, g.between(from, tile.F32, x)))
	}
	lo, hi := -128, 127
	switch to {
	case tile.I32:
		return r
	case tile.U8:
		lo, hi = 0, 255
	}
	return b.Op(wir.R, "max.s32", b.Op(wir.R, "min.s32", r, wir.Int(hi)), wir.Int(lo))
}

// between converts floats.
func (g *gen) between(from, to tile.Elem, x wir.Arg) wir.Arg {
	b := g.b
	if from == to {
		return x
	}
	switch from {
	case tile.F64:
		switch to {
		case tile.F32, tile.F16:
			return b.Op(regClass(to), "cvt.rn."+to.String()+".f64", b.Reg(wir.D, x))
		}
		return g.between(tile.F32, to, g.toOdd(x))
	case tile.F16, tile.BF16:
		x = g.up(from, x)
	case tile.E4M3, tile.E5M2:
		x = g.up8(from, x)
	}
	switch to {
	case tile.F64:
		return b.Op(wir.D, "cvt.f64.f32", b.Reg(wir.R, x))
	case tile.F16, tile.BF16:
		return g.down(to, x)
	case tile.TF32:
		return b.Op(wir.R, "cvt.rna.tf32.f32", b.Reg(wir.R, x))
	case tile.E4M3, tile.E5M2:
		return g.down8(to, x)
	}
	return x
}

// toOdd is an f64 as f32, toward zero, with the last bit set if something was cut off.
func (g *gen) toOdd(x wir.Arg) wir.Arg {
	b := g.b
	x = b.Reg(wir.D, x)
	r := b.Op(wir.R, "cvt.rz.f32.f64", x)
	exact := b.Op(wir.P, "setp.equ.f64", b.Op(wir.D, "cvt.f64.f32", r), x)
	return b.Select(wir.R, exact, r, b.Or(r, wir.Int(1)))
}

// fp8 is how a byte format lies in f32 (as in hw/num): its largest value's bits, those of the
// smallest normal one, 2^23 units of the subnormals, fraction bits to drop, difference of biases.
type fp8 struct {
	name          string
	max, maxOut   int
	normal, magic int
	shift, rebias int
}

var fp8s = map[tile.Elem]fp8{
	tile.E4M3: {"e4m3", 0x43e00000, 0x7e, 0x3c800000, 0x46800000, 20, 120 << 23},
	tile.E5M2: {"e5m2", 0x47600000, 0x7b, 0x38800000, 0x43000000, 21, 112 << 23},
}

// up8 is a byte as f32.
func (g *gen) up8(e tile.Elem, x wir.Arg) wir.Arg {
	b, f := g.b, fp8s[e]
	x = b.Reg(wir.R, x)
	if g.t.fp8 {
		h := b.Op(wir.R, "cvt.rn.f16x2."+f.name+"x2", b.Op(wir.H, "cvt.u16.u32", x))
		return b.Op(wir.R, "cvt.f32.f16", g.unpack(h)[0])
	}
	if e == tile.E5M2 { // f16 less eight bits of fraction
		return b.Op(wir.R, "cvt.f32.f16", b.Op(wir.H, "cvt.u16.u32", b.Shl(x, 8)))
	}
	size := b.And(x, wir.Int(0x7f))
	v := b.Op(wir.R, "mul.rn.f32", b.Shl(size, 20), number(tile.F32, 0x1p120, 0))
	nan := b.Compare("eq", "s32", size, wir.Int(0x7f))
	v = b.Select(wir.R, nan, wir.Int(0x7fffffff), v)
	return b.Or(v, b.Shl(b.And(x, wir.Int(0x80)), 24))
}

// down8 is an f32 as a byte, nearest even and saturated.
func (g *gen) down8(e tile.Elem, x wir.Arg) wir.Arg {
	b, f := g.b, fp8s[e]
	x = b.Reg(wir.R, x)
	if g.t.fp8 {
		zero := b.Reg(wir.R, number(tile.F32, 0, 0))
		h := b.Op(wir.H, "cvt.rn.satfinite."+f.name+"x2.f32", zero, x)
		return b.Op(wir.R, "cvt.u32.u16", h)
	}
	size := b.And(x, wir.Int(0x7fffffff))
	bit := b.And(b.Shr(size, f.shift), wir.Int(1))
	r := b.Add(b.Add(size, bit), wir.Int(1<<(f.shift-1)-1-f.rebias))
	r = b.Shr(r, f.shift)
	small := b.Op(wir.R, "add.rn.f32", size, wir.Arg{Kind: wir.F32, Off: int64(f.magic)})
	small = b.Sub(small, wir.Int(f.magic))
	r = b.Select(wir.R, b.Compare("lt", "u32", size, wir.Int(f.normal)), small, r)
	r = b.Select(wir.R, b.Compare("ge", "u32", size, wir.Int(f.max)), wir.Int(f.maxOut), r)
	r = b.Or(r, b.And(b.Shr(x, 24), wir.Int(0x80)))
	nan := b.Compare("gt", "u32", size, wir.Int(0x7f800000))
	return b.Select(wir.R, nan, wir.Int(0x7f), r)
}

// bitcast reads an element's bits as another type of the same size.
func (g *gen) bitcast(from, to tile.Elem, x wir.Arg) wir.Arg {
	switch {
	case from == to:
		return x
	case from == tile.Bool:
		return g.b.Select(wir.R, x, wir.Int(1), wir.Int(0))
	case to == tile.Bool:
		return g.b.Compare("ne", "s32", x, wir.Int(0))
	case x.Kind == wir.F32 || x.Kind == wir.F64:
		if tir.IsInt(to) {
			return wir.Int(int(int32(x.Off)))
		}
		return wir.Arg{Kind: x.Kind, Off: x.Off}
	case x.Kind == wir.Imm && (to == tile.F32 || to == tile.TF32):
		return wir.Arg{Kind: wir.F32, Off: int64(uint32(x.Off))}
	}
	return g.wrap(to, x)
}
