package cuda

import (
	"slices"
	"strings"
)

// fastCases are those of other files again, as -use_fast_math compiles their kernels: within 0.001
// where approximate functions take part; else to the bit still, for nothing in them is subnormal.
// accurate has arguments of its own, within what sin.approx and cos.approx promise.
var fastCases = append(fastOf(learnCases, floatCases, imageCases, arrayCases),
	Case{Name: "fast/accurate", Grid: line(2, 64), Args: func() []any {
		v := convert(floats(128, 22), func(x float32) float32 { return 0.003 * x })
		return []any{near(rows(v, v, functions), rough), in(v)}
	}})

func fastOf(lists ...[]Case) (list []Case) {
	files := []string{"activation", "blackscholes", "norm", "softmax", "nbody", "stencil"}
	for _, c := range slices.Concat(lists...) {
		if !slices.Contains(files, c.File()) || c.Kernel() == "accurate" {
			continue
		}
		args := c.Args
		c.Name = "fast" + strings.TrimPrefix(c.Name, c.File())
		c.Args = func() []any { return loosen(args()) }
		list = append(list, c)
	}
	return list
}

// loosen widens the tolerance of what has one.
func loosen(args []any) []any {
	for _, x := range args {
		if b, ok := x.(*Buffer); ok && b.within != nil {
			b.Same = b.within(rough)
		}
	}
	return args
}
