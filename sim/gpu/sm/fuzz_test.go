package sm

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"tensoros/hw/ptx"
	"tensoros/hw/spec/gpu"
	"tensoros/sim/gpu/memory"
)

// FuzzKernel runs whatever the parser and the verifier let through: a kernel may fault or be
// refused, but never bring the simulator down. The seeds are every spelling of the ISA.
func FuzzKernel(f *testing.F) {
	text, err := os.ReadFile("testdata/instructions.txt")
	if err != nil {
		f.Fatal(err)
	}
	const input = "mov.u32 %r1, %tid.x; mov.b64 %d1, 0x100000000000;\n"
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			f.Add(input + line)
		}
	}
	f.Add("L: add.u32 %r1, %r1, 1; setp.lt.u32 %p1, %r1, 40; @%p1 bra L;")
	f.Fuzz(func(t *testing.T, body string) {
		m, err := ptx.Parse("fuzz.ptx", []byte(coverageHead+body+"\nEND:\n\tret;\n}\n"))
		if err != nil || ptx.Verify(m) != nil {
			return
		}
		p, err := LoadAt(m, "k", testConfig.Target(), ModuleWindow)
		if err != nil {
			return
		}
		mem := newFlat(1 << 16)
		l := &Launch{Prog: p, Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{128, 1, 1},
			Params: make([]byte, p.Params), Mem: mem}
		g, err := NewGrid(testConfig, 1, memory.New(testMemory), l, 32, 0)
		if err != nil {
			return
		}
		_, _, _ = g.Run(20_000)
	})
}

// FuzzTensorCopy gives a load, a store and a reduction any map that decodes and any coordinates:
// they may fault, but not panic.
func FuzzTensorCopy(f *testing.F) {
	for i := range uint64(8) {
		r := rand.New(rand.NewPCG(i, 3))
		c := drawTMA(r, i%2 == 1)
		c.m.Base = 1 << 44
		b, _ := c.m.Encode()
		f.Add(b[:], int32(c.at[0]), int32(c.at[1]), int32(-1), uint16(c.offsets[0]))
	}
	programs := map[string]*Program{}
	for rank := 1; rank <= 5; rank++ {
		for _, move := range []string{tmaLoad, tmaStore, tmaReduce, tmaIm2col, tmaIm2colStore} {
			if rank < 3 && strings.Contains(move, "im2col") {
				continue
			}
			var coords, offsets []string
			for k := range rank {
				coords = append(coords, "%r"+string(rune('0'+k)))
				if k+2 < rank {
					offsets = append(offsets, "%h"+string(rune('0'+k)))
				}
			}
			src := strings.NewReplacer("RANK", string(rune('0'+rank)), "COORDS",
				strings.Join(coords, ","),
				"OFFSETS", strings.Join(offsets, ","), "OP", "min").Replace(move)
			src = strings.Replace(src, "@!%p2 bra w;", "", 1)
			whole := strings.Replace(tmaKernel, "MOVE", src, 1)
			programs[src] = load(f, strings.ReplaceAll(whole, "%r12, 65536", "%r12, 64"), "")
		}
	}
	f.Fuzz(func(t *testing.T, image []byte, x, y, z int32, offset uint16) {
		if _, err := gpu.DecodeTensorMap(image); err != nil {
			return
		}
		for _, p := range programs {
			mem := newFlat(1 << 17)
			args := append(append([]byte(nil), image[:gpu.TensorMapBytes]...), params(mem.base)...)
			args = append(args, params(uint32(x), uint32(y), uint32(z), uint32(x), uint32(y))...)
			args = append(args, byte(offset), byte(offset>>8), 1, 0, 2, 0, 0, 0)
			l := &Launch{Prog: p, Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 1, 1}, Mem: mem,
				Params: append(args, 0, 0, 0, 0)}
			_, _ = l.Run()
		}
	})
}
