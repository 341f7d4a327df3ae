package tensor

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"

	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
)

// vecFile is one GPU and input format of the hardware vectors; see testdata/README.md.
type vecFile struct {
	name   string
	format num.Format
	k      int
	recs   []vecRec
	has16  bool
}

type vecRec struct {
	a, b   []uint32
	c, d32 uint32
	d16    uint32
}

var vecFormats = []num.Format{{}, num.F16, num.BF16, num.TF32, num.E4M3, num.E5M2}

// parseVec reads one file and gives what follows it.
func parseVec(t *testing.T, name string, p []byte) (vecFile, []byte) {
	t.Helper()
	if string(p[:4]) != "TCV1" {
		t.Fatalf("%s: no TCV1 header", name)
	}
	le := binary.LittleEndian
	w, k, size := int(p[5]), int(le.Uint16(p[6:])), int(le.Uint16(p[12:]))
	f := vecFile{name: name, format: vecFormats[p[4]], k: k, has16: p[14]&1 != 0}
	count := int(le.Uint32(p[8:]))
	p = p[16:]
	for range count {
		r := vecRec{a: make([]uint32, k), b: make([]uint32, k)}
		for i := range k {
			r.a[i], r.b[i] = vecElem(p[i*w:], w), vecElem(p[(k+i)*w:], w)
		}
		tail := p[2*k*w:]
		r.c, r.d32 = le.Uint32(tail), le.Uint32(tail[4:])
		if f.has16 {
			r.d16 = uint32(le.Uint16(tail[8:]))
		}
		f.recs = append(f.recs, r)
		p = p[size:]
	}
	return f, p
}

func vecElem(p []byte, w int) (v uint32) {
	for i := range w {
		v |= uint32(p[i]) << (8 * i)
	}
	return v
}

func committedVectors(t *testing.T) (files []vecFile) {
	t.Helper()
	p, err := os.ReadFile("testdata/vectors.bin")
	if err != nil {
		t.Fatal(err)
	}
	for len(p) > 0 {
		n := int(p[0])
		var f vecFile
		f, p = parseVec(t, string(p[1:1+n]), p[1+n:])
		files = append(files, f)
	}
	return files
}

// fullVectors reads the folder that TENSOROS_VECTORS names, or gives nil.
func fullVectors(t *testing.T) (files []vecFile) {
	t.Helper()
	dir := os.Getenv("TENSOROS_VECTORS")
	if dir == "" {
		return nil
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.bin"))
	if err != nil || len(names) == 0 {
		t.Fatalf("TENSOROS_VECTORS: no *.bin in %s (%v)", dir, err)
	}
	sort.Strings(names)
	for _, n := range names {
		p, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		f, _ := parseVec(t, filepath.Base(n), p)
		files = append(files, f)
	}
	return files
}

var vecSM = map[string]int{"v100": 70, "a100": 80, "a2": 86, "ada": 89, "l40s": 89, "h100": 90,
	"h200": 90, "b200": 100}

// combo is one column of results: a file and an accumulator format, with its rule from the table.
type combo struct {
	file  *vecFile
	acc   num.Format
	rule  gpu.MMARule
	zeroC bool // made with C = 0
}

func combos(t *testing.T, files []vecFile) (out []combo) {
	t.Helper()
	for i := range files {
		f := &files[i]
		sm := vecSM[strings.Split(f.name, "_")[0]]
		for _, acc := range []num.Format{num.F32, num.F16} {
			if acc == num.F16 && !f.has16 {
				continue
			}
			op := gpu.MMASync
			if sm == 70 {
				op = gpu.MMASyncQuad
			}
			wgmma := sm == 90 && f.format.Bits == 8 && acc == num.F32
			if wgmma {
				op = gpu.WGMMA
			}
			rule, err := gpu.LookupMMA(sm, op, f.format, acc)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, combo{f, acc, rule, wgmma})
		}
	}
	return out
}

func (c *combo) want(r *vecRec) (cBits, d uint32) {
	switch {
	case c.acc == num.F16:
		return num.F16.Round(num.F32.Decode(r.c), num.RNE), r.d16
	case c.zeroC:
		return 0, r.d32
	}
	return r.c, r.d32
}

// mismatches counts the results that the rule gets wrong.
func (c *combo) mismatches(t *testing.T, rule gpu.MMARule) (wrong int) {
	t.Helper()
	for i := range c.file.recs {
		r := &c.file.recs[i]
		cBits, want := c.want(r)
		got, err := Dot(rule, c.file.format, c.file.format, r.a, r.b, cBits)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			wrong++
		}
	}
	return wrong
}

func TestVectors(t *testing.T) {
	for _, set := range [][]vecFile{committedVectors(t), fullVectors(t)} {
		all, results := combos(t, set), 0
		if set != nil && len(all) != 48 {
			t.Fatalf("%d combinations, want 48", len(all))
		}
		for _, c := range all {
			if n := c.mismatches(t, c.rule); n != 0 {
				t.Errorf("%s -> %v: %d of %d wrong", c.file.name, c.acc, n, len(c.file.recs))
			}
			results += len(c.file.recs)
		}
		if results > 0 {
			t.Logf("%d combinations, %d results", len(all), results)
		}
	}
}

// wrongRules are the constants turned wrong on purpose, in the order of the columns of index.csv.
func wrongRules(r gpu.MMARule) [3]gpu.MMARule {
	w := [3]gpu.MMARule{r, r, r}
	w[0].F--
	w[1].F++
	w[2].G /= 2
	return w
}

// TestWrongConstants shows that the vectors can fail: on the committed subset, every constant that
// the full data pin well (see the list) must spoil some results.
func TestWrongConstants(t *testing.T) {
	pinned := 0
	for _, c := range combos(t, committedVectors(t)) {
		for i, w := range wrongRules(c.rule) {
			// f16 results hardly see F, the fp8 emulation sees neither constant, and a half
			// group of tf32 on Hopper and Blackwell is still as long as K.
			if c.rule.Method == gpu.MMATwoHMMA || i < 2 && c.acc == num.F16 ||
				i == 2 && w.G >= c.file.k {
				continue
			}
			if c.mismatches(t, w) == 0 {
				t.Errorf("%s -> %v: wrong constant %d (G %d F %d) goes unseen",
					c.file.name, c.acc, i, w.G, w.F)
			}
			pinned++
		}
	}
	t.Logf("%d wrong constants, all seen", pinned)
}

// TestWrongConstantsCounted repeats it on the full files and compares the counts with those that
// index.csv publishes, exactly: two implementations, wrong in the same way.
func TestWrongConstantsCounted(t *testing.T) {
	files := fullVectors(t)
	if files == nil {
		t.Skip("TENSOROS_VECTORS is not set")
	}
	p, err := os.ReadFile(filepath.Join(os.Getenv("TENSOROS_VECTORS"), "index.csv"))
	if err != nil {
		t.Skip(err)
	}
	want := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(p)), "\n")[1:] {
		f := strings.Split(line, ",")
		want[f[0]+" f32"], want[f[0]+" f16"] = f[10:13], f[13:16]
	}
	checked := 0
	for _, c := range combos(t, files) {
		for i, w := range wrongRules(c.rule) {
			published := want[c.file.name+" "+c.acc.Name][i]
			if published == "" {
				continue
			}
			if got := strconv.Itoa(c.mismatches(t, w)); got != published {
				t.Errorf("%s -> %v, wrong constant %d: %s results differ, index.csv has %s",
					c.file.name, c.acc, i, got, published)
			}
			checked++
		}
	}
	t.Logf("%d counts agree", checked)
}

// TestUnitOnVectors runs the vectors through whole-warp Units too, assembly and pure Go: element
// [m][n] of a fragment problem gets its own dot product where row and column serve one record.
func TestUnitOnVectors(t *testing.T) {
	for _, c := range combos(t, committedVectors(t)) {
		if c.rule.Op == gpu.MMASyncQuad {
			continue // its fragment layout is not served
		}
		k := max(c.file.k, 128/c.file.format.Bits)
		fast := mustUnit(t, c.rule, k, c.file.format, c.file.format)
		slow := mustUnit(t, c.rule, k, c.file.format, c.file.format, Portable)
		for i := 0; i+cols <= len(c.file.recs); i += cols {
			p := &problem{}
			for m := range rows {
				r := &c.file.recs[i+m%cols]
				p.a[m] = append(append(p.a[m], r.a...), make([]uint32, k-c.file.k)...)
			}
			for n := range cols {
				r := &c.file.recs[i+n]
				p.b[n] = append(append(p.b[n], r.b...), make([]uint32, k-c.file.k)...)
				p.c[n][n], _ = c.want(r)
				p.c[n+8][n] = p.c[n][n]
			}
			a, b, cr := p.fragments(c.file.format, c.acc, k)
			d1, d2 := regs(len(cr)), regs(len(cr))
			fast.MMA(d1, a, b, cr)
			slow.MMA(d2, a, b, cr)
			for m := range rows {
				n := m % cols
				_, want := c.want(&c.file.recs[i+n])
				x, y := readC(d1, c.acc, m, n), readC(d2, c.acc, m, n)
				if x != want || y != want {
					t.Fatalf("%s -> %v record %d: assembly %#x, Go %#x, hardware %#x",
						c.file.name, c.acc, i+n, x, y, want)
				}
			}
		}
	}
}
