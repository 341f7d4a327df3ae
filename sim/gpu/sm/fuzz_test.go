package sm

import (
	"os"
	"strings"
	"testing"

	"tensoros/hw/ptx"
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
