package stat

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	gonum "gonum.org/v1/gonum/stat"

	"tensoros/traces"
)

func decode(t testing.TB, r *traces.Recorder) *traces.Trace {
	t.Helper()
	tr, err := traces.Decode(r.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func sample(t testing.TB) *traces.Trace {
	r := traces.NewRecorder()
	a, b := r.Track("rc/gpu0/up"), r.Track("rc/nvme0/up")
	for i := range 10 {
		d := traces.Time(1000 * (10 - i))
		w := &traces.Waits{traces.Link: 300, traces.Credit: traces.Time(i)}
		r.Span(traces.PCIeWrite, a, traces.Time(i*5000), traces.Time(i*5000)+d, w, 0, 64, 88)
	}
	r.Span(traces.PCIeWrite, b, 7, 57, nil, 0, 64, 88)
	r.Span(traces.CPUIdle, r.Track("cpu0"), 100, 200, nil)
	r.Mark(traces.CPUInterrupt, r.Track("cpu0"), 90, 1)
	return decode(t, r)
}

func TestSummarise(t *testing.T) {
	s := Summarise(sample(t), Filter{Kind: "pcie/", Track: "rc/gpu0"})
	want := Summary{Records: 10, First: 0, Last: 46000, Rows: []Row{{
		Kind: "pcie/mwr", Shape: "span", Count: 10, Min: 1000, P50: 5000, P99: 10000, P999: 10000,
		Max: 10000, Jitter: 9000, Sum: 55000,
		Parts: []Part{{"work", 55000 - 3000 - 45}, {"credit", 45}, {"link", 3000}},
	}}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

func TestRowsAreInTableOrderAndMarksHaveNoTimes(t *testing.T) {
	s := Summarise(sample(t), Filter{})
	var got []string
	for _, r := range s.Rows {
		got = append(got, r.Kind)
	}
	if !slices.Equal(got, []string{"cpu/idle", "cpu/interrupt", "pcie/mwr"}) || s.Rows[1].Max != 0 {
		t.Errorf("rows %v", s.Rows)
	}
	s = Summarise(sample(t), Filter{Kind: "pcie", ByTrack: true})
	if len(s.Rows) != 2 || s.Rows[0].Track != "rc/gpu0/up" || s.Rows[1].Count != 1 {
		t.Errorf("by track: %v", s.Rows)
	}
}

func TestTableIsAligned(t *testing.T) {
	s := Summarise(sample(t), Filter{})
	var b bytes.Buffer
	if err := s.Table(&b); err != nil {
		t.Fatal(err)
	}
	const head = "           kind  count       min       p50        p99      p99.9        max"
	lines := bytes.Split(b.Bytes(), []byte("\n"))
	if len(lines) != 5 || !bytes.HasPrefix(lines[0], []byte(head)) ||
		!bytes.HasSuffix(lines[3], []byte("  work 94.5%, credit 0.1%, link 5.4%")) {
		t.Errorf("got\n%s", b.String())
	}
}

func TestSummaryIsJSON(t *testing.T) {
	in := Summarise(sample(t), Filter{})
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out Summary
	if err := json.Unmarshal(data, &out); err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("%v: %s", err, data)
	}
}

// TestQuantileAgreesWithGonum holds ours against gonum's empirical quantile.
func TestQuantileAgreesWithGonum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := 1; n < 2000; n += 7 {
		var ours []traces.Time
		var theirs []float64
		for range n {
			v := rng.Int64N(1 << 40)
			ours, theirs = append(ours, traces.Time(v)), append(theirs, float64(v))
		}
		slices.Sort(ours)
		slices.Sort(theirs)
		for _, q := range []int{1, 500, 990, 999, 1000} {
			want := gonum.Quantile(float64(q)/1000, gonum.Empirical, theirs, nil)
			if got := Quantile(ours, q); float64(got) != want {
				t.Fatalf("%d values, %d per mille: %d, gonum %v", n, q, got, want)
			}
		}
	}
}

// launchTrace records two launches queued one behind the other, as the models do.
func launchTrace(t *testing.T) *traces.Trace {
	r := traces.NewRecorder()
	cpu, host := r.Track("cpu0"), r.Track("rc/gpu0/host")
	compute, sm := r.Track("rc/gpu0/compute"), r.Track("rc/gpu0/sm0")
	r.Mark(traces.CPUWrite, cpu, 90, 0x1000, 4, 1) // same token, but before the call
	r.Mark(traces.CPUWrite, cpu, 150, 0x1000, 4, 1)
	r.Mark(traces.CPUWrite, cpu, 160, 0x2000, 4, 9)
	r.Mark(traces.GPUDoorbell, host, 450, 1)
	r.Span(traces.GPUFetch, host, 450, 500, nil, 0, 4)
	r.Span(traces.GPUMethods, host, 500, 510, nil, 3)
	r.Span(traces.GPUFetch, host, 510, 600, nil, 0, 256)
	r.Mark(traces.CPUWrite, cpu, 460, 0x1000, 4, 1)
	r.Mark(traces.GPUDoorbell, host, 700, 1)
	r.Span(traces.GPUCTA, sm, 605, 900, nil, 0, 1, 1)
	r.Span(traces.GPUGrid, compute, 604, 900, nil, r.Text("k"), 1, 1)
	r.Span(traces.KernelLaunch, cpu, 100, 1000, nil, r.Text("vecadd"), 1)
	r.Span(traces.GPUFetch, host, 900, 950, nil, 0, 256)
	r.Span(traces.GPUCTA, sm, 960, 980, nil, 0, 1, 1)
	r.Span(traces.GPUGrid, compute, 955, 980, nil, r.Text("k"), 1, 1)
	r.Span(traces.KernelLaunch, cpu, 455, 1100, nil, r.Text("matmul"), 1)
	r.Span(traces.KernelLaunch, cpu, 2000, 2100, nil, r.Text("cut"), 1)
	return decode(t, r)
}

func TestLaunches(t *testing.T) {
	parts, incomplete := Launches(launchTrace(t))
	want := []LaunchParts{
		{"vecadd", 100, 50, 300, 150, 5, 505},
		{"matmul", 455, 5, 240, 250, 10, 505},
	}
	if !slices.Equal(parts, want) || incomplete != 1 {
		t.Errorf("%d incomplete, got\n%+v, want\n%+v", incomplete, parts, want)
	}
	for _, p := range parts {
		if p.Call+p.Doorbell+p.FrontEnd+p.CTA != p.Total {
			t.Errorf("the parts of %+v do not add up", p)
		}
	}
	var b bytes.Buffer
	if err := LaunchTable(&b, parts); err != nil || bytes.Count(b.Bytes(), []byte("\n")) != 3 {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func BenchmarkSummarise(b *testing.B) {
	r := traces.NewRecorder()
	track := r.Track("rc/gpu0/up")
	for i := range 100_000 {
		at := traces.Time(i) * 100
		r.Span(traces.PCIeWrite, track, at, at+traces.Time(i*7919%1000), nil, 0, 64, 88)
	}
	tr := decode(b, r)
	b.ReportAllocs()
	for b.Loop() {
		Summarise(tr, Filter{})
	}
}
