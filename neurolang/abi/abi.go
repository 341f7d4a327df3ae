package abi

import "tensoros/neurolang/tile"

// Dim is one dimension of a tensor: a constant or a named symbol.
type Dim struct {
	Const int    // > 0 if known when the kernel was compiled
	Sym   string // else its name; every tensor that mentions it must agree at launch
}

// Param is a parameter of a kernel as source text gives it, in order; results follow in Outs.
type Param struct {
	Name   string
	Tensor bool
	Elem   tile.Elem   // of a tensor or a scalar
	Dims   []Dim       // of a tensor
	Layout tile.Layout // of a tensor: the order of its last two dimensions
	Access Access
}

// Access is what a kernel does with a tensor.
type Access uint8

// Accesses.
const (
	Read   Access = iota
	Write         // a result: allocated by the launch
	Update        // &mut: read and written in place
	Atomic        // &atomic
)

// Axis is one axis of the grid of tiles: ceil(Dim / Block) programs.
type Axis struct {
	Name  string
	Dim   Dim
	Block int
}

// Kernel is one compiled kernel. A launch picks the first variant whose Needs hold.
type Kernel struct {
	Name     string
	Params   []Param
	Outs     []Param
	Axes     []Axis // the grid; axis 0 is the slowest
	Target   int    // compute capability
	Variants []Variant
	FLOPs    Poly   // of one launch
	Bytes    Poly   // that must at least move to and from memory
	Source   string // tile IR, for --emit and fusion
}

// Poly is a sum of products of dimensions: what a kernel costs as a function of its shapes.
type Poly []Term

// Term is Coef times the product of the named symbols.
type Term struct {
	Coef float64
	Syms []string
}

// Eval gives the sum for these dimensions.
func (p Poly) Eval(dim func(sym string) int) float64 {
	sum := 0.0
	for _, t := range p {
		x := t.Coef
		for _, s := range t.Syms {
			x *= float64(dim(s))
		}
		sum += x
	}
	return sum
}

// Need is a condition on a dimension or an address at launch.
type Need struct {
	Sym string // a dimension; "" if Param is meant
	// Param's base address; Params first, then Outs.
	Param    int
	Multiple int // it is a multiple of this
}

// Variant is one PTX text of a kernel.
type Variant struct {
	Needs   []Need
	Entry   string
	PTX     string
	Threads int
	Shared  int // bytes of dynamic shared memory
	Slots   []Slot
	Grid    GridKind
	Cluster int // CTAs of a cluster; 0 and 1: none
	// CTAs of a persistent grid: this many an SM, as many SMs as the device has.
	PerSM int
}

// GridKind is how tiles become CTAs.
type GridKind uint8

// Grids.
const (
	// Tiles: grid.x counts the programs of all axes, the last axis fastest.
	Tiles GridKind = iota
	// Persistent: min(programs, SMs * PerSM) CTAs (a multiple of Cluster) walk over the programs.
	Persistent
)

// SlotKind is what a parameter of the PTX entry holds.
type SlotKind uint8

// Slots of the parameter block, laid out in order with natural alignment.
const (
	Address   SlotKind = iota // .u64: device address of tensor Index
	Extent                    // .u32: dimension Sym
	Scalar                    // the scalar parameter Index, in its element type (bool as .u8)
	TensorMap                 // .align 64 .b8[128]: a tensor map of tensor Index
	Programs                  // .u32: how many programs there are
)

// Slot is one parameter of the PTX entry. Index counts Params first, then Outs.
type Slot struct {
	Kind  SlotKind
	Index int
	Sym   string
	Map   *Map
}

// Map describes a tensor map. The map's dimensions are those of the tensor in memory order,
// innermost first; leading dimensions may be merged so that five are left.
type Map struct {
	Box     []int // elements, innermost first; dimensions beyond len(Box) have a box of 1
	Swizzle int   // bytes: 0, 32, 64, 128
}
