package tensor

import (
	"fmt"

	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
)

// Dot computes one output element, d = c + sum of a[k]*b[k], by a rule of method MMADot or
// MMATwoHMMA; K = len(a) = len(b) may be any length (MMATwoHMMA: a multiple of 4). Elements are
// storage bits of the formats fa and fb, c and the result of rule.Acc. It serves checks and odd
// shapes; Unit is the fast way.
func Dot(rule gpu.MMARule, fa, fb num.Format, a, b []uint32, c uint32) (uint32, error) {
	if rule.Method != gpu.MMADot && rule.Method != gpu.MMATwoHMMA {
		return 0, fmt.Errorf("tensor: Dot serves floating dot products, not %v x %v", fa, fb)
	}
	if family(fa) != family(rule.In) || family(fb) != family(rule.In) || len(a) != len(b) {
		return 0, fmt.Errorf("tensor: operands %v[%d] x %v[%d] do not fit a rule for %v",
			fa, len(a), fb, len(b), rule.In)
	}
	if rule.F > maxF || rule.G < 1 || rule.G > maxK {
		return 0, fmt.Errorf("tensor: G = %d, F = %d: at most %d and %d",
			rule.G, rule.F, maxK, maxF)
	}
	sa, sb := preShift(rule.F)
	ca, cb := newCodec(fa, rule.ZeroExp, sa), newCodec(fb, rule.ZeroExp, sb)
	x := newArith(rule)
	if rule.Method == gpu.MMATwoHMMA {
		if len(a)%4 != 0 {
			return 0, fmt.Errorf("tensor: K = %d: the fp8 emulation wants a multiple of 4", len(a))
		}
		first := x.chain(&ca, &cb, a, b, rule.G, 0, func(k int) bool { return k%4 < 2 })
		acc := x.chain(&ca, &cb, a, b, rule.G, first, func(k int) bool { return k%4 >= 2 })
		if rule.Acc == num.F16 {
			return addF16(acc, c), nil
		}
		return addF32(acc, c), nil
	}
	return x.chain(&ca, &cb, a, b, rule.G, c, func(int) bool { return true }), nil
}

// chain runs groups of g over the elements that pick chooses.
func (x *arith) chain(ca, cb *codec, a, b []uint32, g int, c uint32, pick func(int) bool) uint32 {
	var p, q operand
	n := 0
	for k := range a {
		if pick(k) {
			p.s[n], p.e[n] = ca.decode(a[k])
			q.s[n], q.e[n] = cb.decode(b[k])
			n++
		}
		if n == g || n > 0 && k == len(a)-1 {
			c = x.dot(p.s[:n], p.e[:n], q.s[:n], q.e[:n], c)
			n = 0
		}
	}
	return c
}
