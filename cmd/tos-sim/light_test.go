package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tensoros/traces"
	"tensoros/traces/stat"
)

const seedProgram = "../../examples/matmul.nl"

// light runs the seed program with some flags and returns what it printed and its trace.
func light(t *testing.T, flags ...string) (out string, trace []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "run.tostrace")
	var stdout, stderr bytes.Buffer
	args := append([]string{"run", "--trace", file, seedProgram}, flags...)
	if code := run(args, strings.NewReader(""), &stdout, &stderr); code != 0 {
		t.Fatalf("%v: exit %d\n%s%s", flags, code, &stdout, &stderr)
	}
	trace, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return stdout.String(), trace
}

func decode(t *testing.T, trace []byte) *traces.Trace {
	t.Helper()
	tr, err := traces.Decode(trace)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestSeedProgramIsBitExactOnEveryBoard(t *testing.T) {
	for _, board := range []string{"a100", "h100", "h200"} {
		t.Run(board, func(t *testing.T) {
			out, _ := light(t, "--check", "--board", board)
			if !strings.Contains(out, "check  262144 elements of 1 launches: equal to the tile-IR "+
				"interpreter bit for bit") {
				t.Fatalf("printed\n%s", out)
			}
		})
	}
}

func TestPipeGivesResultAndTable(t *testing.T) {
	var out, errs bytes.Buffer
	code := run(nil, strings.NewReader("run(\""+seedProgram+"\")\n"), &out, &errs)
	if code != 0 {
		t.Fatalf("exit %d: %s%s", code, &out, &errs)
	}
	for _, want := range []string{"TensorOS v1.0 (Genesis)", "TOS> run(", "simulated boot",
		"NVMe -> VRAM", "launch latency", "TFLOP/s", "wall time"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestLaunchTakesLessThanAMicrosecond(t *testing.T) {
	_, trace := light(t)
	parts, incomplete := stat.Launches(decode(t, trace))
	if len(parts) != 1 || incomplete != 0 {
		t.Fatalf("%d launches, %d incomplete", len(parts), incomplete)
	}
	p := parts[0]
	if p.Total >= traces.Microsecond || p.Total != p.Call+p.Doorbell+p.FrontEnd+p.CTA {
		t.Errorf("launch %+v", p)
	}
	if p.Call <= 0 || p.Doorbell <= 0 || p.FrontEnd <= 0 {
		t.Errorf("a part takes no time: %+v", p)
	}
}

// No byte of an object goes through host memory: what the drive writes while the objects are
// loaded goes to the GPU's BAR, but for completion entries of 16 bytes.
func TestObjectsReachVRAMWithoutHostMemory(t *testing.T) {
	_, trace := light(t)
	tr := decode(t, trace)
	var from, to traces.Time = traces.Forever, 0
	for i := range tr.Records {
		if r := &tr.Records[i]; tr.Points[r.Kind].Name == traces.KernelLoad.String() {
			from, to = min(from, r.Start), max(to, r.End())
		}
	}
	const hostEnd, barBase = 1 << 40, 1 << 40 // sim/pcie places 64-bit BARs above 1 TiB
	var peer, entries, other uint64
	for i := range tr.Records {
		r := &tr.Records[i]
		if tr.Points[r.Kind].Name != traces.PCIeWrite.String() || r.Start < from || r.End() > to ||
			tr.Tracks[r.Track] != "rc/nvme0/up" {
			continue
		}
		switch addr, n := r.Args[0], r.Args[1]; {
		case addr >= barBase:
			peer += n
		case n == 16 && addr < hostEnd:
			entries++
		default:
			other += n
		}
	}
	if want := uint64(2 * 512 * 512 * 2); peer != want || other != 0 || entries == 0 {
		t.Errorf("%d bytes to the GPU, want %d; %d completion entries; "+
			"%d other bytes to host memory", peer, want, entries, other)
	}
}

func TestSameBytesEveryRunWhateverGOMAXPROCS(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	_, want := light(t)
	for procs := 1; procs <= 4; procs++ {
		runtime.GOMAXPROCS(procs)
		if _, got := light(t); !bytes.Equal(got, want) {
			t.Fatalf("GOMAXPROCS %d: another trace", procs)
		}
	}
}

func TestSeedChangesTheDataAndNothingElse(t *testing.T) {
	out1, trace1 := light(t, "--seed", "1")
	out2, trace2 := light(t, "--seed", "2")
	if printed(out1) == printed(out2) {
		t.Error("another seed, the same result")
	}
	if !bytes.Equal(trace1, trace2) {
		t.Error("another seed, another trace: time depends on data")
	}
}

// printed is the program's own line: the one with the tile.
func printed(out string) string {
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "[-") || strings.HasPrefix(line, "[0") ||
			strings.Count(line, ",") == 7 {
			return line
		}
	}
	return ""
}

func TestNothingLeansOnTies(t *testing.T) {
	out, want := light(t)
	end := func(trace []byte) (last traces.Time) {
		for _, r := range decode(t, trace).Records {
			last = max(last, r.End())
		}
		return last
	}
	for _, seed := range []string{"1", "2", "3"} {
		got, trace := light(t, "--shuffle-ties", seed)
		if printed(got) != printed(out) {
			t.Errorf("ties %s: another result", seed)
		}
		if a, b := end(trace), end(want); a != b {
			t.Errorf("ties %s: ends at %v, want %v", seed, a, b)
		}
	}
}

func TestJSONReport(t *testing.T) {
	var out bytes.Buffer
	args := []string{"run", "--json", seedProgram}
	if code := run(args, strings.NewReader(""), &out, io.Discard); code != 0 {
		t.Fatalf("exit %d: %s", code, &out)
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v in\n%s", err, &out)
	}
	if len(r.Launches) != 1 || len(r.Loads) != 2 || r.Launches[0].TFLOPs <= 0 || r.BootUS <= 0 {
		t.Errorf("report %+v", r)
	}
}

// A program gives its memory back when it is over: 20 runs of one that takes a third of VRAM.
func TestProgramsGiveTheirMemoryBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "big.nl")
	src := `fn main() {
    let gpu = device::get(0);
    let t = Tensor::alloc([131072, 65536], f32, device=gpu);
}
`
	if err := os.WriteFile(file, []byte(src), 0o666); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	script := strings.Repeat("run(\""+filepath.ToSlash(file)+"\")\n", 20)
	if code := run(nil, strings.NewReader(script), &out, &errs); code != 0 {
		t.Fatalf("exit %d\n%s%s", code, &out, &errs)
	}
}

// A launch is encoded once: calling the kernel again costs the parameters and a doorbell.
func TestACallAgainReusesThePlan(t *testing.T) {
	file := filepath.Join(t.TempDir(), "twice.nl")
	src, err := os.ReadFile(seedProgram)
	if err != nil {
		t.Fatal(err)
	}
	call := "let res = matmul_tiled(a.view(), b.view());"
	twice := strings.Replace(string(src), call, "matmul_tiled(a.view(), b.view());\n    "+call, 1)
	if err := os.WriteFile(file, []byte(twice), 0o666); err != nil {
		t.Fatal(err)
	}
	trace := filepath.Join(t.TempDir(), "twice.tostrace")
	var out, errs bytes.Buffer
	if code := run([]string{"run", "--trace", trace, file}, nil, &out, &errs); code != 0 {
		t.Fatalf("exit %d\n%s%s", code, &out, &errs)
	}
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var launches []traces.Record
	tr := decode(t, data)
	for _, r := range tr.Records {
		if tr.Points[r.Kind].Name == traces.KernelLaunch.String() {
			launches = append(launches, r)
		}
	}
	if len(launches) != 2 {
		t.Fatalf("%d launches\n%s", len(launches), &out)
	}
	if gap := launches[1].Start - launches[0].End(); gap > traces.Microsecond {
		t.Errorf("%v between the end of a call and the start of the next", gap)
	}
}
