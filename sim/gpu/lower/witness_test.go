package lower

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
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
	file, kernel    string
	registers, sass int
	calls           bool // out of line, or through slow paths
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
		out = append(out, assembled{row[col["file"]], row[col["kernel"]], n("registers"), n("sass"),
			strings.Contains(row[col["mnemonics"]], "CALL")})
	}
	return out
}

var modules = map[string]*ptx.Module{}

// kernel lowers an entry of the corpus.
func kernel(t *testing.T, file, name string) (*ptx.Func, *Code) {
	m := modules[file]
	if m == nil {
		src, err := os.ReadFile(filepath.Join(corpus, "ptx", file+".ptx"))
		if err != nil {
			t.Fatal(err)
		}
		if m, err = ptx.Parse(file, src); err == nil {
			err = ptx.Verify(m)
		}
		if err != nil {
			t.Fatal(err)
		}
		modules[file] = m
	}
	f := m.Func(name)
	if f == nil {
		t.Fatalf("%s: no kernel %s", file, name)
	}
	insts, labels := f.Code()
	target := testTarget
	target.SM = int(m.Arch()) / 10
	return f, Func(m, f, insts, labels, &target)
}

// straight reports whether no branch goes back: ptxas unrolls loops, and then counts differ.
func straight(f *ptx.Func) bool {
	insts, labels := f.Code()
	for i, in := range insts {
		if in.Op.ID == ptx.OpBra && labels[in.Args[0].Index] <= i {
			return false
		}
	}
	return true
}

// TestBesidePtxas holds registers, and the instructions of kernels without loops and calls, beside
// those of ptxas over the whole corpus. The bounds are what is reached, and a little.
func TestBesidePtxas(t *testing.T) {
	var regs, counts mean
	for _, a := range assemblies(t) {
		f, c := kernel(t, a.file, a.kernel)
		t.Logf("%-12s %-24s registers %3d ptxas %3d   instructions %5d ptxas %5d", a.file, a.kernel,
			c.Registers, a.registers, len(c.Micros), a.sass)
		if a.registers >= 32 { // below, occupancy is the same
			regs.add(c.Registers, a.registers)
		}
		if !a.calls && straight(f) {
			counts.add(len(c.Micros), a.sass)
		}
	}
	regs.check(t, "registers", 0.26)
	counts.check(t, "instructions", 0.19)
}

type mean struct {
	n        int
	abs, sum float64
}

func (m *mean) add(got, want int) {
	e := float64(got)/float64(want) - 1
	m.n++
	m.abs += math.Abs(e)
	m.sum += e
}

func (m *mean) check(t *testing.T, what string, bound float64) {
	n := float64(m.n)
	t.Logf("%s: %d kernels, mean absolute error %.1f %%, bias %+.1f %%", what, m.n, 100*m.abs/n,
		100*m.sum/n)
	if m.n < 20 || m.abs/n > bound {
		t.Errorf("%s: mean absolute error %.3f over %d kernels, at most %.3f", what, m.abs/n, m.n,
			bound)
	}
}

// TestOrderChangesNoValue compares, over the whole corpus, which instruction of its block each
// operand comes from, as written and as ordered; and the order of what touches memory in the
// same space, of barriers and of control.
func TestOrderChangesNoValue(t *testing.T) {
	moved := 0
	for _, a := range assemblies(t) {
		f, c := kernel(t, a.file, a.kernel)
		insts, labels := f.Code()
		l := &lowering{t: &testTarget, f: f, insts: insts, labels: labels}
		l.operands()
		l.expand()
		l.split()
		for b := range l.blocks {
			blk := &l.blocks[b]
			order := c.Order[blk.first:blk.last]
			want := makers(l, written(blk.first, blk.last))
			got := makers(l, order)
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("%s %s line %d: operands come from %v, in order from %v", a.file, a.kernel,
						insts[i].Pos.Line, want[i], got[i])
				}
			}
			moved += ordering(t, l, a, order)
		}
	}
	if moved < 1000 {
		t.Errorf("%d instructions moved in the whole corpus: no order was made", moved)
	}
}

func written(first, last int) (order []int32) {
	for i := first; i < last; i++ {
		order = append(order, int32(i))
	}
	return order
}

// makers is, for each instruction, where its operands were written, as text.
func makers(l *lowering, order []int32) map[int32]string {
	last := map[int32]int32{}
	out := map[int32]string{}
	for _, i := range order {
		o := &l.ops[i]
		var s strings.Builder
		for _, r := range append(append([]int32(nil), o.read...), o.guard) {
			w, ok := last[r]
			if !ok {
				w = -1
			}
			s.WriteString(strconv.Itoa(int(r)) + ":" + strconv.Itoa(int(w)) + " ")
		}
		out[i] = s.String()
		for _, r := range o.write {
			last[r] = i
		}
	}
	return out
}

// ordering checks that accesses which may clash keep their order; it counts what has moved.
func ordering(t *testing.T, l *lowering, a assembled, order []int32) (moved int) {
	for x := range order {
		if x > 0 && order[x] < order[x-1] {
			moved++
		}
		for y := x + 1; y < len(order) && y < x+200; y++ {
			p, q := &l.ops[order[x]], &l.ops[order[y]]
			if order[x] > order[y] && (p.mem.mayClash(&q.mem) && p.mem.space > constant &&
				q.mem.space > constant || p.fence || q.fence) {
				t.Fatalf("%s %s: lines %d and %d have changed places", a.file, a.kernel,
					l.insts[order[x]].Pos.Line, l.insts[order[y]].Pos.Line)
			}
		}
	}
	return moved
}

// TestGapsHoldLatencies walks each block of the corpus: a result of a fixed latency is there when
// it is used, and one of an unknown latency is waited for.
func TestGapsHoldLatencies(t *testing.T) {
	for _, a := range assemblies(t) {
		f, c := kernel(t, a.file, a.kernel)
		insts, labels := f.Code()
		l := &lowering{t: &testTarget, f: f, insts: insts, labels: labels}
		l.operands()
		l.foldAll()
		l.expand()
		l.split()
		for b := range l.blocks {
			blk := &l.blocks[b]
			ready, token := map[int32]int{}, map[int32]uint8{}
			now := 0
			for at := blk.first; at < blk.last; at++ {
				o := &l.ops[c.Order[at]]
				for k := c.First[at]; k < c.First[at+1]; k++ {
					m := &c.Micros[k]
					now += int(m.Gap)
					for r, k := range token {
						if m.Wait>>k&1 != 0 {
							delete(token, r)
						}
					}
					if k > c.First[at] {
						continue
					}
					for _, r := range o.read {
						if _, open := token[r]; open || ready[r] > now {
							t.Fatalf("%s %s line %d: an operand is not there", a.file, a.kernel,
								insts[c.Order[at]].Pos.Line)
						}
					}
				}
				if c.First[at] == c.First[at+1] {
					continue
				}
				m := &c.Micros[c.First[at+1]-1]
				for _, r := range o.write {
					delete(token, r)
					ready[r] = 0
					switch {
					case m.Set < NoToken:
						token[r] = m.Set
					case m.Unit != Warpgroup && m.Unit != Tensor:
						ready[r] = now + testTarget.Latency[m.Unit]
					}
				}
			}
		}
	}
}

func BenchmarkFunc(b *testing.B) {
	src, err := os.ReadFile(corpus + "ptx/gemm.ptx")
	if err != nil {
		b.Fatal(err)
	}
	m, err := ptx.Parse("gemm", src)
	if err != nil {
		b.Fatal(err)
	}
	f := m.Funcs[0]
	insts, labels := f.Code()
	for b.Loop() {
		Func(m, f, insts, labels, &testTarget)
	}
	b.ReportMetric(float64(len(insts))*float64(b.N)/b.Elapsed().Seconds(), "instr/s")
}
