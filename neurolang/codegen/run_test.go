package codegen

import (
	"bytes"
	"math"
	"testing"

	"tensoros/hw/ptx"
	"tensoros/neurolang/ir"
	"tensoros/neurolang/program"
	"tensoros/neurolang/tile"
)

func lowered(t *testing.T, text string, s [3]int, target int) *program.Kernel {
	t.Helper()
	k, err := ir.Parse(instance(text, s))
	if err != nil {
		t.Fatal(err)
	}
	out, err := Lower(k, target, "k.nl")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// random fills a matrix from a fixed linear congruential sequence, over many exponents.
func random(rows, cols int, e tile.Elem, l tile.Layout, seed uint32) ir.Matrix {
	m := ir.NewMatrix(rows, cols, e, l)
	for i := 0; i < rows; i++ {
		for j := 0; j < cols; j++ {
			seed = seed*1664525 + 1013904223
			m.Set(i, j, (float64(seed>>8)/(1<<23)-1)*math.Ldexp(1, int(seed>>4&7)-4))
		}
	}
	return m
}

// TestRunsAsTheInterpreter executes the PTX of every shape on a problem of 2 x 2 tiles (or less)
// and several k tiles, and compares every byte with the reference interpreter.
func TestRunsAsTheInterpreter(t *testing.T) {
	for i, sh := range shapes {
		for j, s := range sizes {
			k := lowered(t, sh.text, s, []int{80, 90}[(i+j)%2])
			if s[0]*s[2] >= 128*128 && k.HasDot && (testing.Short() || i > 1) {
				continue // large tiles add time, not addresses: two are enough
			}
			gm, gn, kk := 2*s[0], s[2], 0
			if j%2 == 0 {
				gm, gn = s[0], 2*s[2]
			}
			if k.HasDot {
				kk = s[1] * (1 + 96/s[1])
			}
			if s[0]*s[2] >= 128*128 {
				gm, gn, kk = s[0], s[2], s[1]
			}
			in := inputs(k, gm, gn, kk)
			want, err := ir.Interpret(k.IR, k.Target, in)
			if err != nil {
				t.Fatal(err)
			}
			got, err := execute(k, in, gm, gn, kk, (i+j)%3 != 0)
			if err != nil {
				t.Errorf("%s %v: %v", sh.name, s, err)
				continue
			}
			if !bytes.Equal(got.Data, want.Data) {
				t.Errorf("%s %v on %dx%dx%d: results differ", sh.name, s, gm, gn, kk)
			}
		}
	}
}

func inputs(k *program.Kernel, m, n, kk int) []ir.Matrix {
	var in []ir.Matrix
	for i, p := range k.Params {
		rows, cols := m, n
		switch p.Role {
		case program.DotA:
			cols = kk
		case program.DotB:
			rows = kk
		}
		in = append(in, random(rows, cols, p.Tile.Elem, p.Tile.Layout, uint32(i+1)))
	}
	return in
}

func TestParsesAndVerifies(t *testing.T) {
	for _, sh := range shapes {
		for _, s := range sizes {
			k := lowered(t, sh.text, s, 90)
			m, err := ptx.Parse(k.Name, []byte(k.PTX))
			if err == nil {
				err = ptx.Verify(m)
			}
			if err != nil {
				t.Errorf("%s %v: %v", sh.name, s, err)
			}
		}
	}
}

func TestResources(t *testing.T) {
	for _, c := range []struct {
		size                     [3]int
		threads, static, dynamic int
	}{
		{[3]int{128, 128, 128}, 128, 48 << 10, 0},
		{[3]int{16, 16, 16}, 32, 4 << 10, 0},
		{[3]int{256, 32, 128}, 256, 0, 72 << 10},
		{[3]int{64, 64, 64}, 128, 32 << 10, 0},
	} {
		k := lowered(t, shapes[0].text, c.size, 90)
		if k.Threads != c.threads || k.SharedStatic != c.static || k.SharedBytes != c.dynamic {
			t.Errorf("%v: %d threads, %d + %d bytes", c.size, k.Threads, k.SharedStatic,
				k.SharedBytes)
		}
	}
}
