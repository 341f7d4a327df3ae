package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tensoros/hw"
	"tensoros/neurolang"
	"tensoros/neurolang/abi"
	"tensoros/neurolang/gen"
	"tensoros/sim/gpu"
)

// costReport is what a kernel costs on a chip, for dimensions.
type costReport struct {
	Kernel    string         `json:"kernel"`
	Chip      string         `json:"chip"`
	Dims      map[string]int `json:"dims"`
	Entry     string         `json:"entry"`
	Variants  int            `json:"variants"`
	CTAs      int            `json:"ctas"`
	Threads   int            `json:"threads_per_cta"`
	Shared    int            `json:"shared_bytes"`
	CTAsPerSM int            `json:"ctas_per_sm"`
	LimitedBy string         `json:"limited_by"`
	US        float64        `json:"us"`
	Cycles    int64          `json:"cycles"`
	TFLOPs    float64        `json:"tflop_per_s"`
	GBs       float64        `json:"gb_per_s"`
	Report    *kernelReport  `json:"report"`
	// Proofs are what the compiler knows of accesses without running the kernel.
	Proofs []string `json:"proofs"`
}

// dimsFlag is --dims M=4096,N=4096.
type dimsFlag map[string]int

func (d dimsFlag) Type() string   { return "DIMS" }
func (d dimsFlag) String() string { return "" }

func (d dimsFlag) Set(s string) error {
	for part := range strings.SplitSeq(s, ",") {
		name, text, ok := strings.Cut(part, "=")
		n, err := strconv.Atoi(text)
		if !ok || err != nil || n < 1 || n > 1<<24 {
			return fmt.Errorf("%q is not NAME=NUMBER", part)
		}
		d[name] = n
	}
	return nil
}

// costDim is what a dimension is that nobody chose.
const costDim = 1024

// measure times a kernel on a chip, without data, for dimensions.
func measure(a *gpu.Accelerator, k *abi.Kernel, dims map[string]int) (*costReport, error) {
	args := &abi.Args{Scalars: make([]uint64, len(k.Params)), Dim: func(s string) int {
		if n, ok := dims[s]; ok {
			return n
		}
		return costDim
	}}
	for _, p := range append(slices.Clone(k.Params), k.Outs...) {
		if !p.Tensor {
			args.Addrs, args.Shapes = append(args.Addrs, 0), append(args.Shapes, nil)
			continue
		}
		n := p.Elem.Size()
		var shape []int
		for _, d := range p.Dims {
			size := d.Const
			if d.Sym != "" {
				size = args.Dim(d.Sym)
			}
			shape = append(shape, size)
			n *= size
		}
		at, err := a.Alloc(n)
		if err != nil {
			return nil, err
		}
		defer a.Free(at)
		args.Addrs, args.Shapes = append(args.Addrs, uint64(at)), append(args.Shapes, shape)
	}
	call, err := k.Call(args, &abi.Device{SMs: a.SMs(), TensorMap: a.TensorMap})
	if err != nil {
		return nil, err
	}
	m, err := a.Load(k.Name+".ptx", []byte(call.Variant.PTX))
	if err != nil {
		return nil, err
	}
	entry, err := m.(*gpu.Module).Entry(call.Variant.Entry)
	if err != nil {
		return nil, err
	}
	run, err := entry.Run(hw.Grid{Blocks: call.Blocks, Threads: [3]uint32{call.Threads, 1, 1},
		Cluster: call.Cluster, Shared: call.Shared, Params: call.Params})
	if err != nil {
		return nil, err
	}
	r := &costReport{Kernel: k.Name, Entry: call.Variant.Entry, Variants: len(k.Variants),
		Dims: map[string]int{}, CTAs: int(call.Blocks[0]), Threads: int(call.Threads),
		Shared: call.Shared, CTAsPerSM: run.CTAsPerSM, LimitedBy: run.LimitedBy,
		US: run.Elapsed / 1e3, Cycles: run.Cycles,
		TFLOPs: k.FLOPs.Eval(args.Dim) / run.Elapsed / 1e3,
		GBs:    k.Bytes.Eval(args.Dim) / run.Elapsed,
		Report: newKernelReport(&run, entry.MostWarps())}
	for _, s := range symbols(k) {
		r.Dims[s] = args.Dim(s)
	}
	return r, nil
}

// symbols are the named dimensions of a kernel, in order.
func symbols(k *abi.Kernel) []string {
	var out []string
	for _, p := range append(slices.Clone(k.Params), k.Outs...) {
		for _, d := range p.Dims {
			if d.Sym != "" && !slices.Contains(out, d.Sym) {
				out = append(out, d.Sym)
			}
		}
	}
	return out
}

// costs prints what the kernels cost on the chip of --board.
func (e *env) costs(w io.Writer, b *built, dims map[string]int) error {
	d, err := e.openChip(gpu.Options{Timed: true, Dry: true, Profile: true})
	if err != nil {
		return err
	}
	defer d.Close()
	a := d.Accelerator.(*gpu.Accelerator)
	var list []*costReport
	for _, k := range b.kernels {
		r, err := measure(a, k, dims)
		if err != nil {
			return failed("", "%s: %w", k.Name, err)
		}
		r.Chip = d.chip
		proofs, err := gen.Proofs(b.tiles[k.Name], k.Target, gen.Options{})
		if err != nil {
			return failed("", "%s: %w", k.Name, err)
		}
		for _, p := range proofs {
			r.Proofs = append(r.Proofs, p.String())
		}
		list = append(list, r)
	}
	if e.json {
		return e.encode(list)
	}
	for _, r := range list {
		if err := r.write(w); err != nil {
			return err
		}
	}
	return nil
}

func (r *costReport) write(w io.Writer) error {
	var at []string
	for _, s := range slices.Sorted(maps.Keys(r.Dims)) {
		at = append(at, fmt.Sprintf("%s=%d", s, r.Dims[s]))
	}
	fmt.Fprintf(w, "%s on %s, %s\n", r.Kernel, r.Chip, strings.Join(at, " "))
	fmt.Fprintf(w, "  time    %.3f us, %d cycles, %.2f TFLOP/s, %.1f GB/s\n", r.US, r.Cycles,
		r.TFLOPs, r.GBs)
	fmt.Fprintf(w, "  grid    %d CTAs of %d threads, %d bytes of shared memory, %d an SM (limit: %s), "+
		"%s of %d\n", r.CTAs, r.Threads, r.Shared, r.CTAsPerSM, r.LimitedBy, r.Entry, r.Variants)
	for _, p := range r.Proofs {
		fmt.Fprintf(w, "  proved  %s\n", p)
	}
	return r.Report.write(w, false)
}

// budget measures a kernel for @budget, on the chip of --board.
func (e *env) budget(k *abi.Kernel, dims map[string]int) (neurolang.Cost, error) {
	d, err := e.openChip(gpu.Options{Timed: true, Dry: true})
	if err != nil {
		return neurolang.Cost{}, err
	}
	defer d.Close()
	r, err := measure(d.Accelerator.(*gpu.Accelerator), k, dims)
	if err != nil {
		return neurolang.Cost{}, err
	}
	return neurolang.Cost{Registers: r.Report.Registers, Cycles: r.Cycles}, nil
}
