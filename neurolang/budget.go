package neurolang

import (
	"tensoros/neurolang/abi"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/gen"
	"tensoros/neurolang/hir"
)

// budget holds a kernel to what its @budget allows: smem (bytes a CTA), regs (a thread), cycles
// (of a
// launch). Other arguments are dimensions: @budget(cycles=20000, M=4096).
func (u *unit) budget(k *hir.Kernel, code *abi.Kernel) {
	for _, a := range k.Attrs {
		if a.Name == "budget" {
			u.hold(k, code, &a)
		}
	}
}

func (u *unit) hold(k *hir.Kernel, code *abi.Kernel, a *hir.Attr) {
	limits, dims := map[string]int64{}, map[string]int{}
	for _, x := range a.Args {
		n, ok := x.Value.(int64)
		switch {
		case !ok || n < 0:
			u.errs.Errorf(diag.Budget, a.At, "a budget is numbers: %s is none", x.Name).
				Hint("write @budget(smem=49152, regs=128, cycles=20000, M=4096)")
			return
		case x.Name == "smem" || x.Name == "regs" || x.Name == "cycles":
			limits[x.Name] = n
		default:
			dims[x.Name] = int(n)
		}
	}
	shared := 0
	for _, v := range code.Variants {
		shared = max(shared, v.Shared)
	}
	u.within(k, a, limits, "smem", int64(shared), "bytes of shared memory")
	_, regs := limits["regs"]
	_, cycles := limits["cycles"]
	if u.opt.Measure == nil || !regs && !cycles {
		return
	}
	c, err := u.opt.Measure(code, dims)
	if err != nil {
		u.errs.Errorf(diag.Budget, a.At, "%s cannot be measured: %v", k.Source, err)
		return
	}
	u.within(k, a, limits, "regs", int64(c.Registers), "registers a thread")
	u.within(k, a, limits, "cycles", c.Cycles, "cycles")
}

// choices are what attributes say of a kernel's code: the limits that @proved sets on its accesses
// and @allow widens, and @warps.
func choices(k *hir.Kernel) gen.Options {
	var opt gen.Options
	for _, a := range k.Attrs {
		if a.Name == "proved" {
			opt = gen.Options{Wavefronts: 1, Sectors: 1.01}
		}
	}
	for _, a := range k.Attrs {
		for _, x := range a.Args {
			n, ok := x.Value.(int64)
			if !ok || n < 1 {
				continue
			}
			switch a.Name + " " + x.Name {
			case "allow conflict":
				opt.Wavefronts = int(n)
			case "allow sectors":
				opt.Sectors = float64(n)
			case "warps ":
				opt.Warps = int(n)
			}
		}
	}
	return opt
}

func (u *unit) within(k *hir.Kernel, a *hir.Attr, limits map[string]int64, name string, n int64,
	what string) {
	most, ok := limits[name]
	if !ok || n <= most {
		return
	}
	u.errs.Errorf(diag.Budget, a.At, "%s takes %d %s, its budget is %d", k.Source, n, what, most).
		With(k.At, "this kernel, for sm_%d", u.link.Prog.Target).
		Hint("tos-sim build --cost shows where they go")
}
