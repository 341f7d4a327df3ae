package gen

import (
	"math"

	"tensoros/hw/num"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// value16 is the number that a half's bits mean.
func value16(e tile.Elem, h uint16) float64 {
	if e == tile.F16 {
		return float64(num.F16ToF32(h))
	}
	return float64(num.BF16ToF32(h))
}

// ops32 are operations of f32 that one instruction does, rounded as IEEE 754 says or, where the
// machine has only approximations, with these errors: ex2 2^-22 relative, lg2 2^-22 absolute near
// 1 and else relative, rsqrt 2^-22.4 relative (PTX ISA, 9.7.3).
var ops32 = map[tir.Kind]string{tir.Add: "add.rn.f32", tir.Sub: "sub.rn.f32",
	tir.Mul: "mul.rn.f32", tir.Div: "div.rn.f32", tir.Max: "max.f32", tir.Min: "min.f32",
	tir.Fma: "fma.rn.f32", tir.Neg: "neg.f32", tir.Abs: "abs.f32", tir.Sqrt: "sqrt.rn.f32",
	tir.Rcp: "rcp.rn.f32", tir.Rsqrt: "rsqrt.approx.f32", tir.Exp2: "ex2.approx.ftz.f32",
	tir.Log2: "lg2.approx.f32", tir.Floor: "cvt.rmi.f32.f32", tir.Ceil: "cvt.rpi.f32.f32",
	tir.Round: "cvt.rni.f32.f32"}

var ops64 = map[tir.Kind]string{tir.Add: "add.rn.f64", tir.Sub: "sub.rn.f64",
	tir.Mul: "mul.rn.f64", tir.Div: "div.rn.f64", tir.Max: "max.f64", tir.Min: "min.f64",
	tir.Fma: "fma.rn.f64", tir.Neg: "neg.f64", tir.Abs: "abs.f64", tir.Sqrt: "sqrt.rn.f64",
	tir.Rcp: "rcp.rn.f64", tir.Floor: "cvt.rmi.f64.f64", tir.Ceil: "cvt.rpi.f64.f64",
	tir.Round: "cvt.rni.f64.f64"}

// real computes with floats of one width.
type real struct {
	g    *gen
	e    tile.Elem
	name string
	c    wir.Class
}

func (g *gen) real32() *real { return &real{g, tile.F32, ".f32", wir.R} }
func (g *gen) real64() *real { return &real{g, tile.F64, ".f64", wir.D} }

func (m *real) n(x float64) wir.Arg { return number(m.e, x, 0) }

func (m *real) op(name string, x ...wir.Arg) wir.Arg {
	x[0] = m.g.b.Reg(m.c, x[0])
	return m.g.b.Op(m.c, name+m.name, x...)
}

func (m *real) mul(x, y wir.Arg) wir.Arg    { return m.op("mul.rn", x, y) }
func (m *real) add(x, y wir.Arg) wir.Arg    { return m.op("add.rn", x, y) }
func (m *real) fma(x, y, z wir.Arg) wir.Arg { return m.op("fma.rn", x, y, z) }

func (m *real) test(rel string, x, y wir.Arg) wir.Arg {
	return m.g.b.Op(wir.P, "setp."+rel+m.name, x, y)
}

func (m *real) pick(p, x, y wir.Arg) wir.Arg { return m.g.b.Select(m.c, p, x, y) }

// poly is Horner's rule, the highest coefficient first.
func (m *real) poly(x wir.Arg, c ...float64) wir.Arg {
	y := m.n(c[0])
	for _, k := range c[1:] {
		y = m.fma(x, m.g.b.Reg(m.c, y), m.n(k))
	}
	return y
}

func (g *gen) compute32(k tir.Kind, x []wir.Arg) wir.Arg {
	m := g.real32()
	if name, ok := ops32[k]; ok {
		args := append([]wir.Arg{g.b.Reg(wir.R, x[0])}, x[1:]...)
		return g.b.Op(wir.R, name, args...)
	}
	switch k {
	case tir.Exp:
		return m.op("ex2.approx.ftz", m.mul(x[0], m.n(math.Log2E)))
	case tir.Log:
		return m.mul(m.op("lg2.approx", x[0]), m.n(math.Ln2))
	case tir.Rem:
		return m.rem(x[0], x[1])
	case tir.Tanh:
		return m.tanh(x[0], func(y wir.Arg) wir.Arg {
			return m.op("ex2.approx.ftz", m.mul(y, m.n(math.Log2E)))
		}, m.poly(m.mul(x[0], x[0]), -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2,
			1.33314422036e-1, -3.33332819422e-1))
	case tir.Erf:
		return m.erf32(x[0])
	}
	return m.turn(k, x[0], []float64{-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1},
		[]float64{2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2})
}

// rem is x - trunc(x/y) y, exact while the quotient is below 2^24 (f64: 2^53).
func (m *real) rem(x, y wir.Arg) wir.Arg {
	q := m.op("cvt.rzi"+m.name, m.op("div.rn", x, y))
	r := m.fma(m.op("neg", q), y, x)
	// A quotient rounded up to an integer leaves a remainder of the other sign.
	zero := m.n(0)
	bad := m.test("lt", m.mul(r, x), zero)
	size := m.op("abs", y)
	back := m.pick(m.test("lt", x, zero), m.op("neg", size), size)
	return m.pick(bad, m.add(r, back), r)
}

// tanh is 1 - 2/(exp 2x + 1), near 0 a polynomial in x^2 times x^3 plus x.
func (m *real) tanh(x wir.Arg, exp func(wir.Arg) wir.Arg, small wir.Arg) wir.Arg {
	size := m.op("abs", x)
	far := m.op("rcp.rn", m.add(exp(m.add(size, size)), m.n(1)))
	far = m.fma(far, m.n(-2), m.n(1))
	far = m.pick(m.test("lt", x, m.n(0)), m.op("neg", far), far)
	near := m.fma(m.mul(small, m.mul(x, x)), x, x)
	return m.pick(m.test("lt", size, m.n(0.625)), near, far)
}

// erf32: near 0 x times a polynomial in x^2, else 1 - polynomial(t) exp(-x^2) with
// t = 1/(1 + 0.3275911 x) (Abramowitz and Stegun, 7.1.26), 1.5e-7 absolute.
func (m *real) erf32(x wir.Arg) wir.Arg {
	z := m.mul(x, x)
	near := m.mul(x, m.poly(z, 7.853861353153693e-5, -8.010193625184903e-4,
		5.188327685732524e-3, -2.685381193529856e-2, 1.128358514861418e-1,
		-3.761262582423300e-1, 1.128379165726710))
	size := m.op("abs", x)
	t := m.op("rcp.rn", m.fma(size, m.n(0.3275911), m.n(1)))
	p := m.mul(t, m.poly(t, 1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592))
	far := m.op("ex2.approx.ftz", m.mul(z, m.n(-math.Log2E)))
	far = m.fma(m.op("neg", p), far, m.n(1))
	far = m.pick(m.test("lt", x, m.n(0)), m.op("neg", far), far)
	return m.pick(m.test("lt", size, m.n(1)), near, far)
}

// turn is sin or cos: x less a multiple of pi/2, in three parts, then a polynomial by the quadrant.
// Arguments beyond 2^17 (f64: 2^30) lose accuracy.
func (m *real) turn(k tir.Kind, x wir.Arg, sin, cos []float64) wir.Arg {
	g := m.g
	q := m.op("cvt.rni"+m.name, m.mul(x, m.n(2/math.Pi)))
	parts := []float64{1.5703125, 4.837512969970703125e-4, 7.54978995489188216e-8}
	if m.e == tile.F64 {
		parts = []float64{1.57079632673412561417e+00, 6.07710050630396597660e-11,
			2.02226624879595063154e-21}
	}
	y, minus := x, m.op("neg", q)
	for _, p := range parts {
		y = m.fma(minus, m.n(p), y)
	}
	n := g.b.Op(wir.R, "cvt.rni.s32"+m.name, q)
	if k == tir.Cos {
		n = g.b.Add(n, wir.Int(1))
	}
	z := m.mul(y, y)
	s := m.fma(m.mul(m.poly(z, sin...), z), y, y)
	c := m.fma(m.mul(z, z), m.poly(z, cos...), m.fma(z, m.n(-0.5), m.n(1)))
	r := m.pick(g.b.Compare("ne", "s32", g.b.And(n, wir.Int(1)), wir.Int(0)), c, s)
	flip := g.b.Compare("ne", "s32", g.b.And(n, wir.Int(2)), wir.Int(0))
	return m.pick(flip, m.op("neg", r), r)
}

// compute64 computes in f64; what the machine lacks comes from series of double accuracy.
func (g *gen) compute64(k tir.Kind, x []wir.Arg) wir.Arg {
	m := g.real64()
	if name, ok := ops64[k]; ok {
		args := append([]wir.Arg{g.b.Reg(wir.D, x[0])}, x[1:]...)
		return g.b.Op(wir.D, name, args...)
	}
	switch k {
	case tir.Rsqrt:
		return m.op("rcp.rn", m.op("sqrt.rn", x[0]))
	case tir.Exp2:
		return m.exp64(m.mul(x[0], m.n(math.Ln2)), x[0])
	case tir.Exp:
		return m.exp64(x[0], m.mul(x[0], m.n(math.Log2E)))
	case tir.Log:
		return m.log64(x[0], 1)
	case tir.Log2:
		return m.log64(x[0], math.Log2E)
	case tir.Rem:
		return m.rem(x[0], x[1])
	case tir.Tanh:
		return m.tanh64(x[0])
	case tir.Erf:
		return m.erf64(x[0])
	}
	return m.turn(k, x[0], []float64{-7.6471637318198164759e-13, 1.6059043836821614599e-10,
		-2.5052108385441718775e-8, 2.7557319223985890653e-6, -1.9841269841269841270e-4,
		8.3333333333333333333e-3, -1.6666666666666666667e-1},
		[]float64{4.7794773323873852974e-14, -1.1470745597729724714e-11,
			2.0876756987868098979e-9, -2.7557319223985890653e-7, 2.4801587301587301587e-5,
			-1.3888888888888888889e-3, 4.1666666666666666667e-2})
}

// taylor are 1/n!, from n down to 0.
func taylor(n int) []float64 {
	c := make([]float64, n+1)
	f := 1.0
	for i := range c {
		if i > 0 {
			f *= float64(i)
		}
		c[n-i] = 1 / f
	}
	return c
}

// exp64 is exp(x) where x log2(e) = y: 2^n exp(r), r in +-ln2/2.
func (m *real) exp64(x, y wir.Arg) wir.Arg {
	b := m.g.b
	y = m.op("min", m.op("max", y, m.n(-1100)), m.n(1100))
	n := m.op("cvt.rni.f64", y)
	minus := m.op("neg", n)
	r := m.fma(minus, m.n(1.90821492927058770002e-10), m.fma(minus,
		m.n(6.93147180369123816490e-01), m.op("min", m.op("max", x, m.n(-800)), m.n(800))))
	p := m.poly(r, taylor(13)...)
	// Two factors, so that neither leaves the range before the product does.
	i := b.Op(wir.R, "cvt.rni.s32.f64", n)
	half := b.Op(wir.R, "shr.s32", i, wir.Int(1))
	pow := func(k wir.Arg) wir.Arg {
		hi := b.Shl(b.Add(k, wir.Int(1023)), 20)
		return b.Op(wir.D, "mov.b64", wir.List(b.Reg(wir.R, wir.Int(0)), hi))
	}
	e := m.mul(m.mul(p, pow(half)), pow(b.Sub(i, half)))
	return m.pick(m.test("nan", x, x), x, e)
}

// log64 is ln(x) times a factor: x = 2^n f, f in [0.7, 1.4]; ln f = 2 atanh((f-1)/(f+1)).
func (m *real) log64(x wir.Arg, by float64) wir.Arg {
	b := m.g.b
	tiny := m.test("lt", x, m.n(0x1p-1022))
	w := b.Ops(wir.R, 2, "mov.b64", m.pick(tiny, m.mul(x, m.n(0x1p54)), b.Reg(wir.D, x)))
	hi := b.Add(w[1], wir.Int(0x3ff00000-0x3fe6a09e))
	n := b.Sub(b.Shr(hi, 20), wir.Int(0x3ff))
	n = b.Sub(n, b.Select(wir.R, tiny, wir.Int(54), wir.Int(0)))
	top := b.Add(b.And(hi, wir.Int(0xfffff)), wir.Int(0x3fe6a09e))
	f := b.Op(wir.D, "mov.b64", wir.List(w[0], top))
	s := m.op("div.rn", m.add(f, m.n(-1)), m.add(f, m.n(1)))
	z := m.mul(s, s)
	var c []float64
	for i := 21; i >= 1; i -= 2 {
		c = append(c, 2/float64(i))
	}
	r := m.mul(s, m.poly(z, c...))
	k := b.Op(wir.D, "cvt.rn.f64.s32", n)
	if by == 1 {
		r = m.fma(k, m.n(6.93147180369123816490e-01), m.fma(k, m.n(1.90821492927058770002e-10),
			r))
	} else {
		r = m.fma(r, m.n(by), k)
	}
	r = m.pick(m.test("eq", x, m.n(math.Inf(1))), b.Reg(wir.D, x), r)
	r = m.pick(m.test("eq", x, m.n(0)), b.Reg(wir.D, m.n(math.Inf(-1))), r)
	return m.pick(m.test("geu", x, m.n(0)), r, b.Reg(wir.D, m.n(math.NaN())))
}

func (m *real) tanh64(x wir.Arg) wir.Arg {
	z := m.mul(x, x)
	// The series of tanh(x)/x - 1 over x^2, for the part near 0 as a quotient: sinh / cosh.
	var s, c []float64
	t := taylor(21)
	for i := 0; i < len(t); i++ {
		if n := len(t) - 1 - i; n%2 == 1 {
			s = append(s, t[i])
		} else {
			c = append(c, t[i])
		}
	}
	near := m.mul(x, m.op("div.rn", m.poly(z, s...), m.poly(z, c...)))
	size := m.op("abs", x)
	twice := m.add(size, size)
	far := m.op("rcp.rn", m.add(m.exp64(twice, m.mul(twice, m.n(math.Log2E))), m.n(1)))
	far = m.fma(far, m.n(-2), m.n(1))
	far = m.pick(m.test("lt", x, m.n(0)), m.op("neg", far), far)
	return m.pick(m.test("lt", size, m.n(0.625)), near, far)
}

// erf64: the Taylor series up to 2.5, beyond it 1 - exp(-x^2)/(x sqrt pi) by a continued fraction.
func (m *real) erf64(x wir.Arg) wir.Arg {
	z := m.mul(x, x)
	var c []float64
	f := 1.0
	for n := range 45 {
		if n > 0 {
			f *= -float64(n)
		}
		c = append([]float64{2 / math.Sqrt(math.Pi) / f / float64(2*n+1)}, c...)
	}
	near := m.mul(x, m.poly(z, c...))
	size := m.op("abs", x)
	d := size
	for k := 40; k >= 1; k-- {
		d = m.add(m.op("div.rn", m.n(float64(k)/2), d), size)
	}
	minus := m.op("neg", z)
	e := m.exp64(minus, m.mul(minus, m.n(math.Log2E)))
	far := m.op("div.rn", m.mul(e, m.n(1/math.Sqrt(math.Pi))), d)
	far = m.fma(far, m.n(-1), m.n(1))
	far = m.pick(m.test("lt", x, m.n(0)), m.op("neg", far), far)
	return m.pick(m.test("lt", size, m.n(2.5)), near, far)
}
