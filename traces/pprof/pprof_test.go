package pprof

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/google/pprof/profile"
)

var kernels = []Kernel{
	{Name: "gemm", Source: "gemm.ptx", Samples: []Sample{
		{File: "gemm.cu", Line: 12, Col: 3, PTX: 40, Reason: "selected", Issued: true, Cycles: 96},
		{File: "gemm.cu", Line: 12, Col: 3, PTX: 40, Reason: "long scoreboard", Cycles: 1 << 40},
		{File: "tile.h", Line: 7, PTX: 41, Reason: "wait", Cycles: 5},
		{Line: 44, PTX: 44, Reason: "selected", Issued: true, Cycles: 1},
	}},
	{Name: "scale", Source: "scale.ptx", Samples: []Sample{
		{Line: 9, PTX: 9, Reason: "barrier", Cycles: 8}}},
}

func TestRoundTrip(t *testing.T) {
	var b, again bytes.Buffer
	if err := Write(&b, kernels); err != nil {
		t.Fatal(err)
	}
	if err := Write(&again, kernels); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("the same kernels give other bytes")
	}
	got, err := Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, kernels) {
		t.Errorf("read %+v", got)
	}
}

// TestAsPprofSeesIt looks at the file with the library that go tool pprof is made of.
func TestAsPprofSeesIt(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, kernels); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.CheckValid(); err != nil {
		t.Error(err)
	}
	sums := map[string]int64{}
	for _, s := range p.Sample {
		f := s.Location[0].Line[0].Function
		sums[f.Name+" "+f.Filename] += s.Value[all]
		sums["stalled"] += s.Value[stalled]
		sums["issued"] += s.Value[issued]
	}
	want := map[string]int64{"gemm gemm.cu": 1<<40 + 96, "gemm tile.h": 5, "gemm gemm.ptx": 1,
		"scale scale.ptx": 8, "stalled": 1<<40 + 13, "issued": 97}
	if !reflect.DeepEqual(sums, want) {
		t.Errorf("%v, want %v", sums, want)
	}
}

func TestReadRefuses(t *testing.T) {
	if _, err := Read(bytes.NewReader([]byte("nonsense"))); err == nil {
		t.Error("nonsense is a profile")
	}
	other := &profile.Profile{SampleType: []*profile.ValueType{{Type: "cpu", Unit: "nanoseconds"}}}
	var b bytes.Buffer
	if err := other.Write(&b); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(&b); err == nil {
		t.Error("a profile of something else is taken")
	}
	other = &profile.Profile{SampleType: sampleTypes,
		Sample: []*profile.Sample{{Value: make([]int64, len(sampleTypes))}}}
	if err := other.Write(&b); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(&b); err == nil {
		t.Error("a sample without a kernel is taken")
	}
}
