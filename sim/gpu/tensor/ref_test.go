package tensor

import (
	"math/big"

	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
)

// The reference: the rule's sentences on big integers, nothing shared with the code under test but
// the tables. A term is sig * 2^exp with sig an integer; lead is the exponent the rule calls e.
type refTerm struct {
	sig      *big.Int
	exp      int
	lead     int
	nan, inf bool
}

func refDecode(f num.Format, bits uint32, zeroExp int) refTerm {
	if f.Bits < 32 {
		bits &= 1<<f.Bits - 1
	}
	neg := bits>>(f.Bits-1) == 1
	bits = bits & (1<<(f.Bits-1) - 1) >> f.Pad
	man := int64(bits & (1<<f.ManBits - 1))
	field := int(bits >> f.ManBits)
	t := refTerm{lead: field - f.Bias}
	switch {
	case bits == 0:
		t.lead = zeroExp
	case f.Special == num.NaNOnly && bits == 1<<(f.ExpBits+f.ManBits)-1:
		t.nan = true
	case f.Special == num.IEEE && field == 1<<f.ExpBits-1:
		t.nan, t.inf, man = man != 0, man == 0, 1
	case field == 0:
		t.lead = 1 - f.Bias
	default:
		man |= 1 << f.ManBits
	}
	if neg {
		man = -man
	}
	t.sig, t.exp = big.NewInt(man), t.lead-f.ManBits
	return t
}

func refProduct(a, b refTerm) refTerm {
	p := refTerm{sig: new(big.Int).Mul(a.sig, b.sig), exp: a.exp + b.exp, lead: a.lead + b.lead}
	p.nan = a.nan || b.nan || (a.inf || b.inf) && p.sig.Sign() == 0
	p.inf = a.inf || b.inf
	return p
}

// refScale is trunc(v * 2^n).
func refScale(v *big.Int, n int) *big.Int {
	if n >= 0 {
		return new(big.Int).Lsh(v, uint(n))
	}
	return new(big.Int).Quo(v, new(big.Int).Lsh(big.NewInt(1), uint(-n)))
}

// refPack rounds sig * 2^exp to man fraction bits in a format with f's exponents.
func refPack(f num.Format, man int, nearest bool, sig *big.Int, exp int) uint32 {
	sign := uint32(0)
	if sig.Sign() < 0 {
		sign = 1 << (f.Bits - 1)
	}
	mag := new(big.Int).Abs(sig)
	q := max(mag.BitLen()+exp-1, 1-f.Bias) - man
	if nearest && q > exp {
		half := new(big.Int).Lsh(big.NewInt(1), uint(q-exp))
		m, rest := new(big.Int).QuoRem(mag, half, new(big.Int))
		if c := rest.Lsh(rest, 1).Cmp(half); c > 0 || c == 0 && m.Bit(0) == 1 {
			m.Add(m, big.NewInt(1))
		}
		mag = m
	} else {
		mag = refScale(mag, exp-q)
	}
	if mag.BitLen() > man+1 {
		mag.Rsh(mag, 1)
		q++
	}
	if q+man > f.Bias {
		return sign | (1<<f.ExpBits-1)<<f.ManBits
	}
	m := uint32(mag.Uint64()) << (f.ManBits - man)
	if m>>f.ManBits == 0 {
		return sign | m
	}
	return sign | uint32(q+man+f.Bias)<<f.ManBits | m&(1<<f.ManBits-1)
}

func refGroup(r gpu.MMARule, terms []refTerm) uint32 {
	canon, inf := uint32(0x7fffffff), uint32(0x7f800000)
	if r.Acc == num.F16 {
		canon, inf = 0x7fff, 0x7c00
	}
	e, pos, neg := r.EminAlign, false, false
	for _, t := range terms {
		if t.nan {
			return canon
		}
		pos = pos || t.inf && t.sig.Sign() > 0
		neg = neg || t.inf && t.sig.Sign() < 0
		e = max(e, t.lead)
	}
	switch {
	case pos && neg:
		return canon
	case pos:
		return inf
	case neg:
		return inf | (canon + 1)
	}
	sum := new(big.Int)
	for _, t := range terms {
		sum.Add(sum, refScale(t.sig, t.exp+r.F-e))
	}
	if sum.Sign() == 0 {
		return 0
	}
	man := map[gpu.MMAOut]int{gpu.MMAOutF32: 23, gpu.MMAOutE8M13: 13, gpu.MMAOutF16: 10}[r.Out]
	return refPack(r.Acc, man, r.Out == gpu.MMAOutF16, sum, e-r.F)
}

func refDot(r gpu.MMARule, fa, fb num.Format, a, b []uint32, c uint32) uint32 {
	if r.Method == gpu.MMATwoHMMA {
		var a2, b2 [2][]uint32
		for k := range a {
			h := k % 4 / 2
			a2[h], b2[h] = append(a2[h], a[k]), append(b2[h], b[k])
		}
		r.Method = gpu.MMADot
		acc := refDot(r, fa, fb, a2[0], b2[0], 0)
		acc = refDot(r, fa, fb, a2[1], b2[1], acc)
		return refAdd(r, acc, c)
	}
	for k := 0; k < len(a); k += r.G {
		terms := []refTerm{refDecode(r.Acc, c, r.ZeroExp)}
		for i := k; i < min(k+r.G, len(a)); i++ {
			terms = append(terms, refProduct(
				refDecode(fa, a[i], r.ZeroExp), refDecode(fb, b[i], r.ZeroExp)))
		}
		c = refGroup(r, terms)
	}
	return c
}

// refAdd is IEEE addition, nearest even.
func refAdd(r gpu.MMARule, a, b uint32) uint32 {
	x, y := refDecode(r.Acc, a, r.ZeroExp), refDecode(r.Acc, b, r.ZeroExp)
	if x.nan || y.nan || x.inf || y.inf {
		return refGroup(r, []refTerm{x, y})
	}
	low := min(x.exp, y.exp)
	sum := refScale(x.sig, x.exp-low)
	sum.Add(sum, refScale(y.sig, y.exp-low))
	if sum.Sign() == 0 {
		return a & b & (1 << (r.Acc.Bits - 1)) // -0 only from -0 + -0
	}
	return refPack(r.Acc, r.Acc.ManBits, true, sum, low)
}
