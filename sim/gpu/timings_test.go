package gpu

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	"tensoros/hw"
)

// decodeLoop runs a matrix product and a sum that reads its result, over and over, as decoding of
// tokens does: buffers change places, arguments stay alike. It returns the cycles of each launch,
// which of them were taken over, and the memory at the end.
func decodeLoop(t *testing.T, cache bool) (cycles []int64, taken []bool, end []byte,
	a *Accelerator) {
	t.Helper()
	a, err := Open("h100", Options{Timed: true, Cache: cache})
	if err != nil {
		t.Fatal(err)
	}
	kernel := func(file string) *Kernel {
		text, err := os.ReadFile("sm/testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := a.Load(file, text)
		if err != nil {
			t.Fatal(err)
		}
		k, err := m.(*Module).Entry("")
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	const n = 128
	product, sum := kernel("matmul_f32.ptx"), kernel("vecadd.ptx")
	var at [3]hw.DevicePtr
	for i := range at {
		data := make([]byte, 4*n*n)
		for j := range n * n { // f32 between 1 and 2
			binary.LittleEndian.PutUint32(data[4*j:], 0x3f800000|uint32(j*(i+3))<<9&0x7fffff)
		}
		if at[i], err = a.Alloc(len(data)); err != nil {
			t.Fatal(err)
		}
		if err := a.Write(at[i], data); err != nil {
			t.Fatal(err)
		}
	}
	launch := func(k *Kernel, grid hw.Grid, last uint32, p ...hw.DevicePtr) {
		for _, p := range p {
			grid.Params = binary.LittleEndian.AppendUint64(grid.Params, uint64(p))
		}
		grid.Params = binary.LittleEndian.AppendUint32(grid.Params, last)
		r, err := k.Run(grid)
		if err != nil {
			t.Fatal(err)
		}
		cycles, taken = append(cycles, r.Cycles), append(taken, r.Taken)
	}
	for i := range 6 {
		x, y, z := at[i%3], at[(i+1)%3], at[(i+2)%3]
		launch(product, hw.Grid{Blocks: [3]uint32{n / 16, n / 16}, Threads: [3]uint32{16, 16}}, n,
			x, y, z)
		launch(sum, hw.Grid{Blocks: [3]uint32{n * n / 256}, Threads: [3]uint32{256}}, n*n, z, y, x)
	}
	end = make([]byte, 4*n*n)
	var all []byte
	for _, p := range at {
		if err := a.Read(end, p); err != nil {
			t.Fatal(err)
		}
		all = append(all, end...)
	}
	return cycles, taken, all, a
}

// TestTimingCache: launches that take the time of another over compute the same, and their times
// are within 2 % of what they are when all are timed.
func TestTimingCache(t *testing.T) {
	exact, none, want, _ := decodeLoop(t, false)
	got, taken, have, a := decodeLoop(t, true)
	if !bytes.Equal(want, have) {
		t.Error("the results differ")
	}
	n := 0
	for i := range got {
		if none[i] {
			t.Errorf("launch %d was not timed, and nobody asked for that", i)
		}
		if taken[i] {
			n++
		}
		if e := float64(got[i])/float64(exact[i]) - 1; e < -0.02 || e > 0.02 {
			t.Errorf("launch %d (taken over: %t) takes %d cycles, timed %d", i, taken[i], got[i],
				exact[i])
		}
	}
	c := a.Timings()
	if c.Taken != n || c.Timed != len(got)-n {
		t.Errorf("%d launches taken over, it says %+v", n, c)
	}
	if n < len(got)/2 {
		t.Errorf("only %d of %d launches taken over", n, len(got))
	}
}

// TestTimingCacheTellsApart: another grid, another scalar, another alignment and a cold buffer are
// other launches.
func TestTimingCacheTellsApart(t *testing.T) {
	a, err := Open("h100", Options{Timed: true, Cache: true})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("sm/testdata/vecadd.ptx")
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.Load("vecadd.ptx", text)
	if err != nil {
		t.Fatal(err)
	}
	k, err := m.(*Module).Entry("")
	if err != nil {
		t.Fatal(err)
	}
	buffer := func() hw.DevicePtr {
		p, err := a.Alloc(1 << 16)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	warm, cold := buffer(), buffer()
	run := func(blocks, n uint32, p hw.DevicePtr) bool {
		g := hw.Grid{Blocks: [3]uint32{blocks}, Threads: [3]uint32{256}}
		for range 3 {
			g.Params = binary.LittleEndian.AppendUint64(g.Params, uint64(p))
		}
		g.Params = binary.LittleEndian.AppendUint32(g.Params, n)
		r, err := k.Run(g)
		if err != nil {
			t.Fatal(err)
		}
		return r.Taken
	}
	for i, c := range []struct {
		blocks, n uint32
		at        hw.DevicePtr
		want      bool
	}{
		{32, 8192, warm, false}, {32, 8192, warm, false}, {32, 8192, warm, true},
		{31, 8192, warm, false}, {32, 8191, warm, false}, {32, 8192, warm + 4, false},
		{32, 8192, warm + 256, true}, {32, 8192, cold, true}, {32, 8192, cold, true},
	} {
		if got := run(c.blocks, c.n, c.at); got != c.want {
			t.Errorf("launch %d: taken over %t, want %t", i, got, c.want)
		}
	}
}
