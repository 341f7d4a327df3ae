package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"tensoros/sim/gpu"
	"tensoros/sim/gpu/memory"
	"tensoros/sim/gpu/sm"
)

// kernelReport is where the time of a launch went.
type kernelReport struct {
	Registers int           `json:"registers"`
	Spilled   int           `json:"spilled_registers"`
	Machine   int           `json:"machine_instructions"` // of the code
	Issued    int64         `json:"machine_instructions_issued"`
	Warps     float64       `json:"warps_per_sm"` // on average
	MaxWarps  int           `json:"warps_per_sm_max"`
	Issue     float64       `json:"issue_percent"`
	Pipes     []pipeReport  `json:"pipes"`
	Resident  int64         `json:"warp_cycles"`
	Stalls    []stallReport `json:"stalls"`
	Lines     []lineReport  `json:"lines"`
	Caches    cacheReport   `json:"caches"`
	// Sampling is none if all CTAs were timed; else all that is said here is of those that were.
	Sampling *sampleReport `json:"sampling,omitempty"`
}

type pipeReport struct {
	Pipe    string  `json:"pipe"`
	Percent float64 `json:"busy_percent"`
}

type stallReport struct {
	Reason  string  `json:"reason"`
	Cycles  uint64  `json:"warp_cycles"`
	Percent float64 `json:"percent"`
}

// lineReport is a source line, or one of the PTX where no source is known.
type lineReport struct {
	File    string        `json:"file"`
	Line    int           `json:"line"`
	Cycles  uint64        `json:"warp_cycles"`
	Percent float64       `json:"percent"`
	Issued  uint64        `json:"issued"`
	Reasons []stallReport `json:"reasons"`

	sum [sm.Reasons]uint64
}

type cacheReport struct {
	L1Hits   uint64 `json:"l1_sector_hits"`
	L1Misses uint64 `json:"l1_sector_misses"`
	L2Hits   uint64 `json:"l2_sector_hits"`
	L2Far    uint64 `json:"l2_far_sector_hits"`
	L2Misses uint64 `json:"l2_sector_misses"`
	Read     uint64 `json:"hbm_read_bytes"`
	Written  uint64 `json:"hbm_written_bytes"`
}

type sampleReport struct {
	Untimed int     `json:"untimed_ctas"`
	Waves   int     `json:"timed_waves"`
	Cycles  float64 `json:"cycles_per_wave"`
	Percent float64 `json:"error_percent"`
}

func newKernelReport(r *gpu.Run, most int) *kernelReport {
	s, c := &r.Report, &r.Counters
	k := &kernelReport{Registers: r.Registers, Spilled: r.Spilled, Machine: r.Machine,
		Issued: s.Issued, Warps: s.Warps, MaxWarps: most, Issue: 100 * s.Issue,
		Resident: s.Resident,
		Caches: cacheReport{s.L1Hits, s.L1Misses, c.Hits, c.FarHits, c.Misses,
			c.Misses * memory.SectorLen, c.Writebacks * memory.SectorLen}}
	for p, part := range s.Busy {
		k.Pipes = append(k.Pipes, pipeReport{sm.Pipe(p).String(), 100 * part})
	}
	k.Stalls = reasons(&s.Stalls, s.Resident)
	if r.Profile != nil {
		k.Lines = lines(r.Profile, s.Resident)
	}
	if x := s.Sampled; x.Skipped > 0 {
		k.Sampling = &sampleReport{x.Skipped, x.Waves, x.Cycles, 100 * x.Error}
	}
	return k
}

// reasons are those that occur, the greatest first.
func reasons(sum *[sm.Reasons]uint64, resident int64) []stallReport {
	var out []stallReport
	for r, n := range sum {
		if n > 0 {
			out = append(out, stallReport{sm.Reason(r).String(), n,
				100 * float64(n) / float64(resident)})
		}
	}
	slices.SortStableFunc(out, func(a, b stallReport) int {
		return cmp.Compare(b.Cycles, a.Cycles)
	})
	return out
}

// lines sums a profile up by source line, the one with most cycles first.
func lines(p *sm.Profile, resident int64) []lineReport {
	type place struct {
		file string
		line int
	}
	at := map[place]int{}
	var out []lineReport
	for i := range p.Cycles {
		k := place{p.Locs[i].File, p.Locs[i].Line}
		if k.line == 0 {
			k = place{"", int(p.Lines[i])}
		}
		n, ok := at[k]
		if !ok {
			n = len(out)
			at[k] = n
			out = append(out, lineReport{File: k.file, Line: k.line})
		}
		x := &out[n]
		x.Issued += p.Issued[i]
		for r, cycles := range p.Cycles[i] {
			x.sum[r] += cycles
			x.Cycles += cycles
		}
	}
	out = slices.DeleteFunc(out, func(x lineReport) bool { return x.Cycles == 0 })
	slices.SortStableFunc(out, func(a, b lineReport) int { return cmp.Compare(b.Cycles, a.Cycles) })
	for i := range out {
		out[i].Percent = 100 * float64(out[i].Cycles) / float64(resident)
		out[i].Reasons = reasons(&out[i].sum, resident)
	}
	return out
}

// How much of the tables is shown if nobody asks for all.
const (
	topStalls = 4
	topLines  = 5
)

// write prints the report: the heads of its tables, or all.
func (k *kernelReport) write(out io.Writer, full bool) error {
	stalls, rows := min(topStalls, len(k.Stalls)), min(topLines, len(k.Lines))
	if full {
		stalls, rows = len(k.Stalls), len(k.Lines)
	}
	fmt.Fprintf(out, "  code    %d machine instructions, %d registers, %d spilled\n", k.Machine,
		k.Registers, k.Spilled)
	fmt.Fprintf(out, "  warps   %.1f of %d resident a SM, %.1f %% of issue slots used\n", k.Warps,
		k.MaxWarps, k.Issue)
	var busy []string
	for _, p := range k.Pipes {
		if full || p.Percent >= 1 {
			busy = append(busy, fmt.Sprintf("%s %.1f %%", p.Pipe, p.Percent))
		}
	}
	fmt.Fprintf(out, "  pipes   %s\n", strings.Join(busy, ", "))
	c := &k.Caches
	fmt.Fprintf(out, "  caches  L1 %d hits %d misses, L2 %d hits (%d far) %d misses, HBM %d bytes "+
		"read %d written\n", c.L1Hits, c.L1Misses, c.L2Hits, c.L2Far, c.L2Misses, c.Read, c.Written)
	fmt.Fprintf(out, "  stalls  %s of %d warp cycles\n", parts(k.Stalls[:stalls]), k.Resident)
	for _, l := range k.Lines[:rows] {
		where := fmt.Sprintf("%s:%d", l.File, l.Line)
		if l.File == "" {
			where = fmt.Sprintf("PTX line %d", l.Line)
		}
		shown := l.Reasons
		if !full {
			shown = shown[:min(2, len(shown))]
		}
		fmt.Fprintf(out, "  %5.1f %%  %s: %s\n", l.Percent, where, parts(shown))
	}
	if s := k.Sampling; s != nil {
		fmt.Fprintf(out, "  sample  %d CTAs computed, not timed, after %d waves of %.0f cycles, "+
			"known to %.2f %% (95 %% confidence); what else is said here is of the CTAs timed; "+
			"--exact times all\n", s.Untimed, s.Waves, s.Cycles, s.Percent)
	}
	return nil
}

func parts(list []stallReport) string {
	var out []string
	for _, s := range list {
		out = append(out, fmt.Sprintf("%s %.1f %%", s.Reason, s.Percent))
	}
	return strings.Join(out, ", ")
}
