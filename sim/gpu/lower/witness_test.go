package lower

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"

	"tensoros/hw/ptx"
)

const corpus = "../../../conformance/cuda/"

var testTarget = Target{SM: 90, Predicate: 13, Reuse: 10, Registers: 255,
	Latency: [Units]int{ALU: 4, FMA: 4, Heavy: 4, Half: 5, Double: 8, Special: 19, Tensor: 22,
		Warpgroup: 1, Memory: 29, Copy: 1, Barrier: 1, Control: 1}}

// assembled is what ptxas made of a kernel.
type assembled struct {
	file, kernel, arch string
	registers, sass    int
}

func assemblies(t *testing.T) []assembled {
	f, err := os.Open(corpus + "testdata/ptxas.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	col := map[string]int{}
	for i, name := range rows[0] {
		col[name] = i
	}
	var out []assembled
	for _, row := range rows[1:] {
		n := func(name string) int {
			v, err := strconv.Atoi(row[col[name]])
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		out = append(out, assembled{row[col["file"]], row[col["kernel"]], row[col["arch"]],
			n("registers"), n("sass")})
	}
	return out
}

func lowerKernel(t *testing.T, m *ptx.Module, name string) *Code {
	f := m.Func(name)
	if f == nil {
		for _, g := range m.Funcs {
			if g.Entry && g.Defined && strings.Contains(g.Name, name) {
				f = g
			}
		}
	}
	if f == nil {
		t.Fatalf("%s: no kernel %s", m.Name, name)
	}
	insts, labels := f.Code()
	target := testTarget
	target.SM = int(m.Arch()) / 10
	return Func(f, insts, labels, &target)
}

// TestPtxas holds registers and instruction counts beside those of ptxas over the whole corpus.
func TestBesidePtxas(t *testing.T) {
	modules := map[string]*ptx.Module{}
	var regs, counts []float64
	for _, a := range assemblies(t) {
		m := modules[a.file]
		if m == nil {
			src, err := os.ReadFile(filepath.Join(corpus, "ptx", a.file+".ptx"))
			if err != nil {
				t.Fatal(err)
			}
			if m, err = ptx.Parse(a.file, src); err == nil {
				err = ptx.Verify(m)
			}
			if err != nil {
				t.Fatal(err)
			}
			modules[a.file] = m
		}
		c := lowerKernel(t, m, a.kernel)
		t.Logf("%-12s %-24s %-7s registers %3d ptxas %3d   instructions %5d ptxas %5d",
			a.file, a.kernel, a.arch, c.Registers, a.registers, len(c.Micros), a.sass)
		regs = append(regs, float64(c.Registers)/float64(a.registers)-1)
		counts = append(counts, float64(len(c.Micros))/float64(a.sass)-1)
	}
	report(t, "registers", regs)
	report(t, "instructions", counts)
}

func report(t *testing.T, what string, errs []float64) {
	var abs, sum float64
	for _, e := range errs {
		abs += math.Abs(e)
		sum += e
	}
	sort.Float64s(errs)
	n := float64(len(errs))
	t.Logf("%s: %d kernels, mean absolute error %.1f %%, bias %+.1f %%, median %+.1f %%, from %+.0f to %+.0f %%",
		what, len(errs), 100*abs/n, 100*sum/n, 100*errs[len(errs)/2], 100*errs[0],
		100*errs[len(errs)-1])
}
