package ptx

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"tensoros/conformance/cuda"
)

// ptxas runs NVIDIA's assembler, the second witness; it returns what it complains about.
func ptxas(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "in.ptx")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Getenv("TENSOROS_PTXAS"), "-arch=sm_90a", "-O0", "-c",
		"-o", filepath.Join(dir, "out"), file)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return ""
	}
	return string(out)
}

func needPtxas(t *testing.T) {
	t.Helper()
	if os.Getenv("TENSOROS_PTXAS") == "" {
		t.Skip("TENSOROS_PTXAS does not name NVIDIA's ptxas (12.4 or later)")
	}
}

func TestPtxasKernels(t *testing.T) {
	needPtxas(t)
	for _, f := range kernels(t) {
		src := readKernel(t, f)
		if out := ptxas(t, string(src)); out != "" {
			t.Errorf("%s: ptxas refuses the original: %s", f, out)
		}
		m, err := Parse(f, src)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if out := ptxas(t, m.String()); out != "" {
			t.Errorf("%s: ptxas refuses the printed form: %s\n%s", f, out, m)
		}
	}
}

// TestPtxasCorpus gives ptxas what nvcc made of our kernels, as we print it.
func TestPtxasCorpus(t *testing.T) {
	needPtxas(t)
	for _, f := range cuda.Files() {
		src, err := cuda.Text(f)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(f+".ptx", src)
		if err == nil {
			err = Verify(m)
		}
		if err != nil {
			t.Error(err)
			continue
		}
		text := m.String()
		if out := ptxas(t, text); out != "" {
			t.Errorf("%s: ptxas refuses the printed form: %s", f, out)
		}
		again, err := Parse(f+".ptx", []byte(text))
		if err != nil || again.String() != text {
			t.Errorf("%s: what is printed does not read as it was: %v", f, err)
		}
	}
}

// TestPtxasForms gives ptxas the canonical spelling of every surveyed form, all in one kernel.
func TestPtxasForms(t *testing.T) {
	needPtxas(t)
	var insts []string
	for _, f := range readForms(t) {
		for sig := 0; ; sig++ {
			text, ok := synthesise(f, sig, sig%2 == 0)
			if !ok {
				break
			}
			insts = append(insts, text)
		}
	}
	askPtxas(t, insts)
}

// askPtxas parses, prints and assembles the instructions and maps complaints back to them.
func askPtxas(t *testing.T, insts []string) {
	t.Helper()
	m, err := Parse("forms.ptx", []byte(synthModule(insts)))
	if err != nil {
		t.Fatal(err)
	}
	text := m.String()
	if out := ptxas(t, text); out != "" {
		lines := strings.Split(text, "\n")
		for _, l := range strings.Split(out, "\n") {
			_, rest, _ := strings.Cut(l, ", line ")
			n := 0
			for _, c := range rest {
				if c < '0' || c > '9' {
					break
				}
				n = n*10 + int(c-'0')
			}
			if n > 0 && n <= len(lines) {
				t.Errorf("%s\n\t%s", l, lines[n-1])
			}
		}
		t.Errorf("ptxas refuses: %.300s", out)
	}
}

// TestPtxasTable gives ptxas every alternative of every row.
func TestPtxasTable(t *testing.T) {
	needPtxas(t)
	var insts []string
	for _, op := range Ops() {
		for _, form := range rowSpellings(op) {
			if ptxasDiffers(form) {
				continue
			}
			if text, ok := synthesise(form, 0, true); ok {
				insts = append(insts, text)
			}
		}
	}
	askPtxas(t, insts)
}

var faultLine = regexp.MustCompile(`line (\d+); error\s*: (.*)`)

// TestPtxasTargets compares what the table says of targets and versions with what ptxas says: for
// each row and alternative, both accept or both refuse.
func TestPtxasTargets(t *testing.T) {
	needPtxas(t)
	for _, c := range []struct{ version, target string }{
		{"8.4", "sm_70"}, {"8.4", "sm_75"}, {"8.4", "sm_80"}, {"8.4", "sm_86"}, {"8.4", "sm_89"},
		{"8.4", "sm_90"}, {"7.0", "sm_80"}, {"7.1", "sm_80"}, {"7.4", "sm_80"}, {"7.8", "sm_90"},
		{"8.0", "sm_90a"}, {"8.1", "sm_90a"}, {"8.2", "sm_90a"}, {"8.3", "sm_90a"},
	} {
		head := strings.Replace(synthHead, "8.4", c.version, 1)
		head = strings.Replace(head, "sm_90a", c.target, 1)
		head = strings.Replace(head, "\t.reg .b128 %q<8>;\n", "", 1)
		var insts []string
		for _, op := range Ops() {
			for _, form := range rowSpellings(op) {
				text, ok := synthesise(form, 0, true)
				if ok && !ptxasDiffers(form) && !strings.Contains(text, "%q") {
					insts = append(insts, text)
				}
			}
		}
		tail := "\nEND:\n\tret;\n}\n"
		refused := map[int]string{}
		out := ptxas(t, head+strings.Join(insts, "\n")+tail)
		for _, m := range faultLine.FindAllStringSubmatch(out, -1) {
			n, _ := strconv.Atoi(m[1])
			refused[n-strings.Count(head, "\n")-1] = m[2]
		}
		for i, text := range insts {
			if err := judge(head + text + tail); (err != nil) != (refused[i] != "") {
				t.Errorf("%s %s: %.80s\n\twe: %v\n\tptxas: %s", c.version, c.target, text, err,
					refused[i])
			}
		}
	}
}

// ptxasDiffers lists what the comparison leaves out, each for a reason.
func ptxasDiffers(form string) bool {
	switch {
	case form == "cvt.sat.u8.u8": // .sat between equal types: no slot expresses it
	case strings.HasPrefix(form, "cvta") && strings.HasSuffix(form, ".u32"): // 32-bit addresses
	case strings.HasPrefix(form, "cp.async.ca.shared::cta"): // ptxas takes ::cta before PTX 7.8
	case later(form): // ptxas 12.4 knows PTX 8.4
	default:
		return false
	}
	return true
}
