package main

import (
	"io"

	"tensoros/sim/gpu"
	"tensoros/sim/gpu/sm"
	"tensoros/traces/pprof"
)

const pprofUsage = "write where warps spent their cycles into `FILE`, for go tool pprof: by " +
	"kernel, source line and reason"

// writeProfile writes the profiles of kernels; no file means not.
func (e *env) writeProfile(file string, list []gpu.KernelProfile) error {
	if file == "" {
		return nil
	}
	var kernels []pprof.Kernel
	for i := range list {
		kernels = append(kernels, pprof.Kernel{Name: list[i].Kernel, Source: list[i].Source,
			Samples: samples(list[i].Profile)})
	}
	return e.writeTo(file, func(w io.Writer) error { return pprof.Write(w, kernels) })
}

// samples are a profile's counts, by instruction and reason.
func samples(p *sm.Profile) []pprof.Sample {
	var out []pprof.Sample
	for i := range p.Cycles {
		for r, n := range p.Cycles[i] {
			if n == 0 {
				continue
			}
			s := pprof.Sample{File: p.Locs[i].File, Line: p.Locs[i].Line, Col: p.Locs[i].Col,
				PTX: int(p.Lines[i]), Reason: sm.Reason(r).String(),
				Issued: sm.Reason(r) == sm.Selected, Cycles: int64(n)}
			if s.Line == 0 {
				s.File, s.Line = "", s.PTX
			}
			out = append(out, s)
		}
	}
	return out
}
