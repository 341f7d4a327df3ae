package sm

import (
	"flag"
	"os"
	"strings"
	"testing"

	"tensoros/hw/ptx"
)

var update = flag.Bool("update", false, "write the golden list of what Load refuses")

const coverageHead = `.version 8.4
.target sm_90a
.address_size 64
.global .texref tx;
.global .surfref sf;
.shared .align 128 .b8 smem[8192];
.const .align 8 .b8 cmem[64];
.func (.param .b32 out) callee (.param .b64 in) { ret; }
.visible .entry k(.param .align 64 .b8 pk[128])
{
	.reg .pred %p<32>; .reg .b16 %h<64>; .reg .b32 %r<256>; .reg .b64 %d<64>;
	ts: .branchtargets END;
	.local .align 16 .b8 loc[64];
	.param .b64 cin; .param .b32 cout;
`

// TestCoverage keeps the list of spellings that Load refuses in sight. After a change that lowers
// it: go test -run TestCoverage -update.
func TestCoverage(t *testing.T) {
	text, err := os.ReadFile("testdata/instructions.txt")
	if err != nil {
		t.Fatal(err)
	}
	var refused []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		decl := ""
		if strings.Contains(line, "%q") {
			decl = ".reg .b128 %q<8>;\n"
		}
		m, err := ptx.Parse("k", []byte(coverageHead+decl+"\t"+line+"\nEND:\n\tret;\n}\n"))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if _, err := Load(m, "k", 90); err != nil {
			if !strings.Contains(err.Error(), "line ") {
				t.Errorf("%s: refused without a line: %v", line, err)
			}
			name, _, _ := strings.Cut(strings.TrimSuffix(line, ";"), " ")
			refused = append(refused, name)
		}
	}
	got := strings.Join(refused, "\n") + "\n"
	if *update {
		if err := os.WriteFile("testdata/refused.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/refused.txt")
	if err != nil || got != string(want) {
		t.Errorf("%v: Load refuses\n%s", err, got)
	}
}
