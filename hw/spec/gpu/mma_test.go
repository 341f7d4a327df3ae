package gpu

import (
	"fmt"
	"testing"

	"tensoros/hw/num"
)

// TestMMARulesUnique: one rule an instruction, and LookupMMA finds each.
func TestMMARulesUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range MMARules {
		key := fmt.Sprint(r.SM, r.Op, r.In, r.Acc)
		if seen[key] {
			t.Errorf("%s twice", key)
		}
		seen[key] = true
		got, err := LookupMMA(r.SM, r.Op, r.In, r.Acc)
		if err != nil || got != r {
			t.Errorf("LookupMMA(%s) = %+v, %v", key, got, err)
		}
	}
}

// TestMMARulesSound: what a row must have by its method.
func TestMMARulesSound(t *testing.T) {
	outs := map[num.Format][]MMAOut{num.F32: {MMAOutF32, MMAOutE8M13}, num.F16: {MMAOutF16},
		num.S32: {MMAOutS32}, num.F64: {MMAOutF64}}
	for _, r := range MMARules {
		ok := false
		for _, o := range outs[r.Acc] {
			ok = ok || o == r.Out
		}
		if !ok {
			t.Errorf("sm_%d %v %v->%v: output rule %d", r.SM, r.Op, r.In, r.Acc, r.Out)
		}
		if r.Evidence == "" || r.Source == "" {
			t.Errorf("sm_%d %v %v->%v: no source", r.SM, r.Op, r.In, r.Acc)
		}
		dot := r.Method == MMADot || r.Method == MMATwoHMMA
		if dot && (r.G < 4 || r.G > 32 || r.G&(r.G-1) != 0 || r.F < 13 || r.F > 25) {
			t.Errorf("sm_%d %v %v->%v: G %d F %d", r.SM, r.Op, r.In, r.Acc, r.G, r.F)
		}
	}
}

// TestMMAConstants pins the published constants (MMA-Sim; Khattak & Mikaitis).
func TestMMAConstants(t *testing.T) {
	for _, x := range []struct {
		sm      int
		op      MMAOp
		in, acc num.Format
		want    string // method G F out
	}{
		{70, MMASyncQuad, num.F16, num.F32, "1 4 23 1"},
		{75, MMASyncQuad, num.F16, num.F16, "1 4 24 3"},
		{75, MMASync, num.F16, num.F32, "1 8 24 1"},
		{80, MMASync, num.BF16, num.F32, "1 8 24 1"},
		{86, MMASync, num.TF32, num.F32, "1 4 24 1"},
		{89, MMASync, num.E5M2, num.F32, "1 16 13 2"},
		{89, MMASync, num.E4M3, num.F16, "1 16 13 3"},
		{90, MMASync, num.F16, num.F32, "1 16 25 1"},
		{90, MMASync, num.TF32, num.F32, "1 8 25 1"},
		{90, MMASync, num.E4M3, num.F16, "2 16 25 3"},
		{90, WGMMA, num.E4M3, num.F32, "1 32 13 2"},
		{90, WGMMA, num.BF16, num.F32, "1 16 25 1"},
		{100, MMASync, num.E5M2, num.F32, "2 16 25 1"},
		{100, TCGen05, num.E5M2, num.F32, "1 32 25 1"},
		{120, MMASync, num.E4M3, num.F32, "1 32 25 1"},
		{80, MMASync, num.S8, num.S32, "3 0 0 4"},
		{90, MMASync, num.F64, num.F64, "4 1 0 5"},
	} {
		r, err := LookupMMA(x.sm, x.op, x.in, x.acc)
		if got := fmt.Sprint(r.Method, r.G, r.F, r.Out); err != nil || got != x.want {
			t.Errorf("sm_%d %v %v->%v: %s (%v), want %s", x.sm, x.op, x.in, x.acc, got, err, x.want)
		}
	}
}

func TestLookupMMAErrors(t *testing.T) {
	for _, x := range []struct {
		sm int
		op MMAOp
		in num.Format
	}{{61, MMASync, num.F16}, {70, MMASync, num.BF16}, {80, WGMMA, num.F16},
		{80, MMASync, num.E4M3}} {
		if _, err := LookupMMA(x.sm, x.op, x.in, num.F32); err == nil {
			t.Errorf("sm_%d %v %v: no error", x.sm, x.op, x.in)
		}
	}
}

func ExampleLookupMMA() {
	r, _ := LookupMMA(90, MMASync, num.F16, num.F32)
	fmt.Println(r.G, r.F)
	_, err := LookupMMA(61, MMASync, num.F16, num.F32)
	fmt.Println(err)
	// Output:
	// 16 25
	// gpu: no Tensor Core rule for mma.sync f16->f32 on sm_61: known: 70 75 80 86 89 90 100 120
}
