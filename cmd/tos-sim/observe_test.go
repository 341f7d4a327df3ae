package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tensoros/traces"
	"tensoros/traces/perfetto"
	"tensoros/traces/pprof"
)

// traced runs the reference program on the board and returns the trace.
func traced(t *testing.T, threads string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "a.tostrace")
	var out, errs bytes.Buffer
	code := run([]string{"run", "--exact", "--threads", threads, "--trace", file, "matmul.nl"},
		strings.NewReader(""), &out, &errs)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	p, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestTraceShowsSMs: what SMs, sub-cores and pipes do is on their tracks, ends with zeros, comes
// out as Perfetto counters, and is the same on two threads.
func TestTraceShowsSMs(t *testing.T) {
	one := traced(t, "1")
	if two := traced(t, "2"); !bytes.Equal(one, two) {
		t.Error("two threads record another trace than one")
	}
	tr, err := traces.Decode(one)
	if err != nil {
		t.Fatal(err)
	}
	type place struct {
		kind  string
		track traces.Track
	}
	last := map[place]uint64{}
	most := map[string]uint64{}
	for i := range tr.Records {
		r := &tr.Records[i]
		p := &tr.Points[r.Kind]
		if p.Shape == traces.Level || p.Name == "gpu/stall" || p.Name == "gpu/caches" {
			last[place{p.Name, r.Track}] = r.Args[0]
			most[p.Name] = max(most[p.Name], slices.Max(r.Args))
		}
	}
	for _, k := range []string{"gpu/warps", "gpu/issue", "gpu/pipe-tensor", "gpu/pipe-memory",
		"gpu/stall", "gpu/caches", "gpu/tensor"} {
		if most[k] == 0 {
			t.Errorf("no %s in the trace", k)
		}
	}
	for p, v := range last {
		if strings.HasPrefix(p.kind, "gpu/pipe-") && most[p.kind] > 1000 {
			t.Errorf("%s of %d per mille", p.kind, most[p.kind])
		}
		if v != 0 && (p.kind == "gpu/warps" || strings.HasPrefix(p.kind, "gpu/pipe-")) {
			t.Errorf("%s of %s ends at %d", p.kind, tr.Tracks[p.track], v)
		}
	}
	var b bytes.Buffer
	if err := perfetto.Write(&b, tr, perfetto.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"pipe-tensor", "warps", "sub3", "issue"} {
		if !bytes.Contains(b.Bytes(), []byte(want)) {
			t.Errorf("no counter track %q for Perfetto", want)
		}
	}
}

// TestProfileNamesSourceLines: --pprof of the reference program, on the board and on the chip
// alone, names lines of the .nl file in which there is code, and all warp cycles.
func TestProfileNamesSourceLines(t *testing.T) {
	var issued []int64 // machine instructions, of the board and of the chip
	for _, device := range [][]string{nil, {"--device", "chip"}} {
		file := filepath.Join(t.TempDir(), "a.pb.gz")
		var out, errs bytes.Buffer
		args := append([]string{"run", "--pprof", file, "matmul.nl"}, device...)
		if code := run(args, strings.NewReader(""), &out, &errs); code != exitOK {
			t.Fatalf("exit %d: %s", code, errs.String())
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		kernels, err := pprof.Read(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if len(kernels) != 1 || kernels[0].Name != "matmul_tiled" {
			t.Fatalf("%d kernels", len(kernels))
		}
		var total, body, selected int64
		reasons := map[string]bool{}
		for _, s := range kernels[0].Samples {
			total += s.Cycles
			reasons[s.Reason] = true
			if s.Issued {
				selected += s.Cycles
			}
			if s.File == "matmul.nl" && s.Line >= 4 && s.Line <= 10 { // the kernel
				body += s.Cycles
			}
		}
		if total == 0 || body < total*95/100 || !reasons["selected"] || len(reasons) < 4 {
			t.Errorf("%v: %d of %d warp cycles on lines of the kernel; %v", device, body, total,
				reasons)
		}
		issued = append(issued, selected)
	}
	// Warps that wait for a barrier ask again and again, and how often depends on the memory.
	if d := float64(issued[0]) / float64(issued[1]); !(d > 0.99 && d < 1.01) {
		t.Errorf("machine instructions of the board and of the chip alone: %d", issued)
	}
}
