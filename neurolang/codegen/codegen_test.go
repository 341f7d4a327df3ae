package codegen

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tensoros/neurolang/ir"
)

// product is a kernel of one dot; its parameter and result types follow.
func product(a, b, out string) string {
	return fmt.Sprintf("kernel @k(%%A: MxKx%s, %%B: KxNx%s) -> MxNx%s {\n"+
		"%%0 = dot %%A, %%B : MxNxf32.row\nreturn %%0 }", a, b, out)
}

// kernels in tile IR that must compile; the numbers fill M, K, N.
var shapes = []struct {
	name, text string
}{
	{"f16", product("f16.row", "f16.col", "f32.row")},
	{"bf16", product("bf16.row", "bf16.col", "f32.row")},
	{"tf32", product("tf32.row", "tf32.col", "f32.row")},
	{"b row", product("f16.row", "f16.row", "f32.row")},
	{"a col", product("f16.col", "f16.col", "f32.col")},
	{"epilogue", `kernel @k(%A: MxKxf16.row, %B: KxNxf16.col,
			%C: MxNxf32.row, %D: MxNxf16.col) -> MxNxf16.row {
		%0 = dot %A, %B : MxNxf32.row
		%1 = splat 0.5 : MxNxf32.row
		%2 = mul %0, %1 : MxNxf32.row
		%3 = add %2, %C : MxNxf32.row
		%4 = relu %3 : MxNxf32.row
		%5 = cast %4 : MxNxf16.row
		%6 = mul %5, %D : MxNxf16.row
		%7 = cast %6 : MxNxbf16.row
		%8 = neg %7 : MxNxbf16.row
		%9 = cast %8 : MxNxf16.row
		return %9 }`},
	{"pointwise", `kernel @k(%A: MxNxf16.row, %B: MxNxf32.row) -> MxNxf32.row {
		%0 = cast %A : MxNxf32.row
		%1 = max %0, %B : MxNxf32.row
		%2 = splat 2 : MxNxf32.row
		%3 = min %1, %2 : MxNxf32.row
		return %3 }`},
	{"constant", `kernel @k(%A: MxNxbf16.col) -> MxNxbf16.col {
		%0 = splat 1 : MxNxbf16.row
		return %0 }`},
	{"copy", "kernel @k(%A: MxNxbf16.col) -> MxNxbf16.row { return %A }"},
}

var sizes = [][3]int{{128, 128, 128}, {16, 16, 16}, {32, 64, 32}, {64, 48, 128}, {256, 64, 128},
	{128, 32, 256}, {16, 32, 256}, {256, 16, 16}, {64, 64, 64}, {32, 16, 16}}

func instance(text string, s [3]int) string {
	for i, l := range []string{"M", "K", "N"} {
		text = strings.ReplaceAll(text, l+"x", fmt.Sprintf("%dx", s[i]))
	}
	return text
}

var registers = regexp.MustCompile(`Used (\d+) registers`)
var spills = regexp.MustCompile(`([1-9]\d*) bytes spill`)

// TestPtxasAccepts runs the real assembler over every shape; lane TENSOROS_PTXAS.
func TestPtxasAccepts(t *testing.T) {
	ptxas := os.Getenv("TENSOROS_PTXAS")
	if ptxas == "" {
		t.Skip("TENSOROS_PTXAS does not name a ptxas")
	}
	dir := t.TempDir()
	for _, target := range []int{80, 90} {
		var files []string
		for i, sh := range shapes {
			for j, s := range sizes {
				if testing.Short() && (i+j)%3 != 0 {
					continue
				}
				k, err := ir.Parse(instance(sh.text, s))
				if err != nil {
					t.Fatal(err)
				}
				out, err := Lower(k, target, "k.nl")
				if err != nil {
					t.Errorf("%s %v: %v", sh.name, s, err)
					continue
				}
				f := filepath.Join(dir, fmt.Sprintf("%d_%d_%d.ptx", target, i, j))
				if err := os.WriteFile(f, []byte(out.PTX), 0o644); err != nil {
					t.Fatal(err)
				}
				files = append(files, f)
			}
		}
		for _, f := range files {
			assemble(t, ptxas, target, f)
		}
	}
}

func assemble(t *testing.T, ptxas string, target int, file string) {
	out, err := exec.Command(ptxas, "-v", fmt.Sprintf("-arch=sm_%d", target), "-o", os.DevNull,
		file).
		CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", file, err, out)
		return
	}
	m := registers.FindSubmatch(out)
	if m == nil || spills.Match(out) {
		t.Errorf("%s: spills or no report: %s", file, out)
		return
	}
	if testing.Verbose() {
		t.Logf("%s: %s registers", filepath.Base(file), m[1])
	}
}
