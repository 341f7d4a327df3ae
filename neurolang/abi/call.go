package abi

import (
	"fmt"
	"math"
	"strings"

	"tensoros/hw/spec/gpu"
	"tensoros/neurolang/tile"
)

// Device is what a launch must know of the GPU.
type Device struct {
	SMs int
	// TensorMap is a tensor map in the encoding of the device; nil: that of hw/spec/gpu.
	TensorMap func(*gpu.TensorMap) ([gpu.TensorMapBytes]byte, error)
}

// Args are the arguments of a launch. Addrs, Shapes count Params, then Outs.
type Args struct {
	Addrs   []uint64
	Shapes  [][]int
	Scalars []uint64 // of Params: the bits in the parameter's element type
	Dim     func(sym string) int
}

// Call is a launch as a driver takes it.
type Call struct {
	Variant  *Variant
	Programs int
	Blocks   [3]uint32 // CTAs; none: there is nothing to do
	Threads  uint32
	Cluster  [3]uint32 // CTAs of a cluster; none: the launch has no clusters
	Shared   int
	Params   []byte
}

// Call picks the variant and encodes a launch. The shapes are known to fit the parameters.
func (k *Kernel) Call(a *Args, d *Device) (*Call, error) {
	if len(a.Addrs) != len(k.Params)+len(k.Outs) || len(a.Shapes) != len(a.Addrs) ||
		len(a.Scalars) != len(k.Params) {
		return nil, fmt.Errorf("kernel %s takes %d arguments and gives %d results", k.Name,
			len(k.Params), len(k.Outs))
	}
	n, err := k.programs(a.Dim)
	if err != nil || n == 0 {
		return &Call{}, err
	}
	v := k.pick(a)
	if v == nil {
		return nil, k.unfit(a)
	}
	c := &Call{Variant: v, Programs: n, Threads: uint32(v.Threads), Shared: v.Shared}
	if v.Cluster > 1 {
		c.Cluster = [3]uint32{uint32(v.Cluster), 1, 1}
	}
	c.Blocks = [3]uint32{uint32(v.ctas(n, d.SMs)), 1, 1}
	c.Params, err = k.encode(v, a, n, d)
	return c, err
}

// programs is how many programs the grid has for these dimensions.
func (k *Kernel) programs(dim func(string) int) (int, error) {
	n := 1
	for _, x := range k.Axes {
		size, block := x.Dim.size(dim), max(x.Block, 1)
		pieces := (size + block - 1) / block
		if pieces > 0 && n > math.MaxInt32/pieces {
			return 0, fmt.Errorf("kernel %s: more than %d programs", k.Name, math.MaxInt32)
		}
		n *= pieces
	}
	return n, nil
}

func (d Dim) size(dim func(string) int) int {
	if d.Sym != "" {
		return dim(d.Sym)
	}
	return d.Const
}

// pick is the first variant whose needs hold, or nil.
func (k *Kernel) pick(a *Args) *Variant {
next:
	for i := range k.Variants {
		for _, n := range k.Variants[i].Needs {
			if !n.holds(a) {
				continue next
			}
		}
		return &k.Variants[i]
	}
	return nil
}

func (n *Need) holds(a *Args) bool {
	m := uint64(max(n.Multiple, 1))
	if n.Sym != "" {
		return uint64(a.Dim(n.Sym))%m == 0
	}
	return n.Param >= 0 && n.Param < len(a.Addrs) && a.Addrs[n.Param]%m == 0
}

// unfit says what the last variant, the most patient one, misses.
func (k *Kernel) unfit(a *Args) error {
	var miss []string
	if n := len(k.Variants); n > 0 {
		for _, x := range k.Variants[n-1].Needs {
			switch {
			case x.holds(a):
			case x.Sym != "":
				miss = append(miss, fmt.Sprintf("%s = %d must be a multiple of %d", x.Sym,
					a.Dim(x.Sym), x.Multiple))
			default:
				miss = append(miss, fmt.Sprintf("tensor %d must start at a multiple of %d bytes",
					x.Param, x.Multiple))
			}
		}
	}
	return fmt.Errorf("kernel %s has no code for these tensors: %s", k.Name,
		strings.Join(miss, ", "))
}

// ctas is how many CTAs run n programs: whole clusters.
func (v *Variant) ctas(n, sms int) int {
	c := max(v.Cluster, 1)
	n = (n + c - 1) / c * c
	if v.Grid == Persistent {
		n = min(n, max(sms*max(v.PerSM, 1)/c*c, c))
	}
	return n
}

// encode lays the parameter block out.
func (k *Kernel) encode(v *Variant, a *Args, programs int, d *Device) ([]byte, error) {
	var b []byte
	put := func(n int, bits uint64) {
		for len(b)%n != 0 {
			b = append(b, 0)
		}
		for i := range n {
			b = append(b, byte(bits>>(8*i)))
		}
	}
	for _, s := range v.Slots {
		if s.Kind != Extent && s.Kind != Programs && (s.Index < 0 || s.Index >= len(a.Addrs)) ||
			s.Kind == Scalar && s.Index >= len(k.Params) {
			return nil, fmt.Errorf("kernel %s: no argument %d", k.Name, s.Index)
		}
		switch s.Kind {
		case Address:
			put(8, a.Addrs[s.Index])
		case Extent:
			put(4, uint64(a.Dim(s.Sym)))
		case Programs:
			put(4, uint64(programs))
		case Scalar:
			put(k.Params[s.Index].Elem.Size(), a.Scalars[s.Index])
		case TensorMap:
			m, err := k.tensorMap(&s, a, d)
			if err != nil {
				return nil, fmt.Errorf("kernel %s: argument %d: %w", k.Name, s.Index, err)
			}
			for len(b)%gpu.TensorMapAlign != 0 {
				b = append(b, 0)
			}
			b = append(b, m[:]...)
		default:
			return nil, fmt.Errorf("kernel %s: unknown slot %d", k.Name, s.Kind)
		}
	}
	return b, nil
}

// mapTypes are the element types of tensor maps; a tf32 is moved as the f32 that it is stored as.
var mapTypes = map[tile.Elem]gpu.TensorType{tile.F16: gpu.TensorF16, tile.BF16: gpu.TensorBF16,
	tile.TF32: gpu.TensorF32, tile.F32: gpu.TensorF32, tile.F64: gpu.TensorF64,
	tile.I32: gpu.TensorS32, tile.E4M3: gpu.TensorU8, tile.E5M2: gpu.TensorU8,
	tile.I8: gpu.TensorU8, tile.U8: gpu.TensorU8, tile.Bool: gpu.TensorU8}

// swizzles by the bytes of a row.
var swizzles = map[int]gpu.TensorSwizzle{0: gpu.SwizzleNone, 32: gpu.Swizzle32,
	64: gpu.Swizzle64, 128: gpu.Swizzle128}

const mapRank = 5

func (k *Kernel) param(i int) *Param {
	if i < len(k.Params) {
		return &k.Params[i]
	}
	return &k.Outs[i-len(k.Params)]
}

// tensorMap describes a tensor in memory order: the innermost dimension first, the outermost ones
// merged so that five are left.
func (k *Kernel) tensorMap(s *Slot, a *Args, d *Device) (b [gpu.TensorMapBytes]byte, err error) {
	p, shape := k.param(s.Index), a.Shapes[s.Index]
	swizzle, ok := swizzles[s.Map.Swizzle]
	if !ok || !p.Tensor {
		return b, fmt.Errorf("no tensor map with a swizzle of %d bytes", s.Map.Swizzle)
	}
	m := gpu.TensorMap{Type: mapTypes[p.Elem], Base: a.Addrs[s.Index], Swizzle: swizzle}
	var dims []int
	for i := len(shape) - 1; i >= 0; i-- {
		dims = append(dims, shape[i])
	}
	if p.Layout == tile.ColMajor && len(dims) >= 2 {
		dims[0], dims[1] = dims[1], dims[0]
	}
	for len(dims) > mapRank {
		n := len(dims) - 1
		dims[n-1] *= dims[n]
		dims = dims[:n]
	}
	m.Rank = len(dims)
	stride := uint64(p.Elem.Size())
	for i, n := range dims {
		m.Dims[i], m.Box[i], m.ElementStrides[i] = uint64(n), 1, 1
		if i < len(s.Map.Box) {
			m.Box[i] = uint32(s.Map.Box[i])
		}
		if stride *= uint64(n); i+1 < len(dims) {
			m.Strides[i] = stride
		}
	}
	if d.TensorMap != nil {
		return d.TensorMap(&m)
	}
	return m.Encode()
}
