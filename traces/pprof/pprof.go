package pprof

import (
	"fmt"
	"io"

	"github.com/google/pprof/profile"
)

// Kernel is where the warps of a kernel spent their cycles.
type Kernel struct {
	Name    string
	Source  string // name of the PTX
	Samples []Sample
}

// Sample is warp cycles before an instruction, for one reason.
type Sample struct {
	File   string // of the source, if the PTX names it; else Line is of the PTX
	Line   int
	Col    int
	PTX    int // line of the PTX
	Reason string
	Issued bool  // the cycles are those in which warps issued, and not stalls
	Cycles int64 // of warps
}

const (
	kernelLabel = "kernel"
	reasonLabel = "reason"
	lineLabel   = "ptx_line"
)

// Profile's sample types, by place in a sample's values.
const (
	all = iota
	stalled
	issued
)

var sampleTypes = []*profile.ValueType{all: {Type: "warp_cycles", Unit: "cycles"},
	stalled: {Type: "stall_cycles", Unit: "cycles"}, issued: {Type: "issued", Unit: "instructions"}}

// builder numbers functions and locations in the order of first use, from 1.
type builder struct {
	p         *profile.Profile
	functions map[[2]string]*profile.Function
	locations map[place]*profile.Location
}

type place struct {
	f         *profile.Function
	line, ptx int
}

// Write writes a profile. Functions are kernels, or what of them stems from one source file;
// samples carry kernel, reason and line of the PTX as labels. The same kernels give the same bytes.
func Write(w io.Writer, kernels []Kernel) error {
	b := &builder{p: &profile.Profile{SampleType: sampleTypes, DefaultSampleType: "warp_cycles"},
		functions: map[[2]string]*profile.Function{}, locations: map[place]*profile.Location{}}
	for i := range kernels {
		b.kernel(&kernels[i])
	}
	if err := b.p.CheckValid(); err != nil {
		return fmt.Errorf("pprof: %w", err)
	}
	return b.p.Write(w)
}

func (b *builder) kernel(k *Kernel) {
	m := &profile.Mapping{ID: uint64(len(b.p.Mapping) + 1), File: k.Source, HasFunctions: true,
		HasFilenames: true, HasLineNumbers: true}
	b.p.Mapping = append(b.p.Mapping, m)
	for i := range k.Samples {
		s := &k.Samples[i]
		v := make([]int64, len(sampleTypes))
		v[all], v[stalled] = s.Cycles, s.Cycles
		if s.Issued {
			v[stalled], v[issued] = 0, s.Cycles
		}
		b.p.Sample = append(b.p.Sample, &profile.Sample{Value: v,
			Location: []*profile.Location{b.location(k, m, s)},
			Label:    map[string][]string{reasonLabel: {s.Reason}, kernelLabel: {k.Name}},
			NumLabel: map[string][]int64{lineLabel: {int64(s.PTX)}},
		})
	}
}

func (b *builder) location(k *Kernel, m *profile.Mapping, s *Sample) *profile.Location {
	file := s.File
	if file == "" {
		file = k.Source
	}
	name := [2]string{k.Name, file}
	f := b.functions[name]
	if f == nil {
		f = &profile.Function{ID: uint64(len(b.p.Function) + 1), Name: k.Name, SystemName: k.Name,
			Filename: file}
		b.functions[name] = f
		b.p.Function = append(b.p.Function, f)
	}
	at := place{f, s.Line, s.PTX}
	l := b.locations[at]
	if l == nil {
		l = &profile.Location{ID: uint64(len(b.p.Location) + 1), Mapping: m,
			Address: uint64(s.PTX),
			Line:    []profile.Line{{Function: f, Line: int64(s.Line), Column: int64(s.Col)}}}
		b.locations[at] = l
		b.p.Location = append(b.p.Location, l)
	}
	return l
}

// Read reads what Write has written.
func Read(r io.Reader) ([]Kernel, error) {
	p, err := profile.Parse(r)
	if err != nil {
		return nil, fmt.Errorf("pprof: %w", err)
	}
	if len(p.SampleType) != len(sampleTypes) || p.SampleType[all].Type != sampleTypes[all].Type {
		return nil, fmt.Errorf("pprof: not a profile of kernels")
	}
	var out []Kernel
	for i, s := range p.Sample {
		if len(s.Location) != 1 || len(s.Location[0].Line) != 1 || s.Location[0].Mapping == nil ||
			len(s.Label[kernelLabel]) != 1 || len(s.Label[reasonLabel]) != 1 ||
			len(s.NumLabel[lineLabel]) != 1 {
			return nil, fmt.Errorf("pprof: sample %d is not of a kernel", i)
		}
		l := s.Location[0]
		name, source := s.Label[kernelLabel][0], l.Mapping.File
		if n := len(out); n == 0 || out[n-1].Name != name || out[n-1].Source != source {
			out = append(out, Kernel{Name: name, Source: source})
		}
		k := &out[len(out)-1]
		x := Sample{File: l.Line[0].Function.Filename, Line: int(l.Line[0].Line),
			Col: int(l.Line[0].Column), PTX: int(s.NumLabel[lineLabel][0]),
			Reason: s.Label[reasonLabel][0], Issued: s.Value[issued] > 0, Cycles: s.Value[all]}
		if x.File == source {
			x.File = ""
		}
		k.Samples = append(k.Samples, x)
	}
	return out, nil
}
