package program

import (
	"encoding/binary"
	"fmt"

	"tensoros/neurolang/ir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/tile"
)

// Program is compiled source text. Sources resolves every position in it.
type Program struct {
	Name    string
	Target  int // compute capability: 80, 90
	Kernels []*Kernel
	Funcs   []*Func
	Sites   []Site
	Globals []string // names of a session's variables; empty in compiled files
	Main    int      // index of main in Funcs, -1 if there is none
	Sources *source.Set
}

// Kernel returns a kernel by name, or nil.
func (p *Program) Kernel(name string) *Kernel {
	for i := len(p.Kernels) - 1; i >= 0; i-- {
		if p.Kernels[i].Name == name {
			return p.Kernels[i]
		}
	}
	return nil
}

// Role says how a parameter is lifted over tiles.
type Role uint8

// Roles. For output tile (m, n) of the grid: DotA is read at tiles (m, k) and DotB at (k, n) for
// every k; Point at (m, n) only.
const (
	Point Role = iota
	DotA
	DotB
)

// Param is one input of a kernel: a whole matrix made of tiles.
type Param struct {
	Name string
	Tile tile.Type
	Role Role
	Pos  source.Pos // of its declaration
}

// Kernel is one compiled kernel. Its launch ABI, in order: one .u64 device address for each Param,
// one .u64 device address of the output, then .u32 M, N, K (elements of the whole problem; the
// output is M x N, K is 0 without a dot). Grid: x = N/Out.Cols tiles, y = M/Out.Rows tiles, z = 1.
// Block: Threads x 1 x 1.
type Kernel struct {
	Name   string // also the .entry name
	Params []Param
	Out    tile.Type
	IR     *ir.Kernel
	PTX    string
	Target int

	Threads      int
	SharedStatic int  // bytes in the PTX's own .shared
	SharedBytes  int  // dynamic shared memory to ask for at launch
	HasDot       bool // then K is a dimension
	PointOps     int  // elementwise operations an output element, for FLOPs
	Pos          source.Pos
}

// Geometry is a kernel lifted over whole tensors.
type Geometry struct {
	M, N, K int
	Grid    [3]int
	Block   [3]int
	FLOPs   int64 // 2*M*N*K for the dot plus PointOps*M*N
}

// Geometry applies the grid rule to a problem of M x N x K elements (K = 0 without a dot). The
// sizes must be multiples of the tiles.
func (k *Kernel) Geometry(m, n, kk int) Geometry {
	g := Geometry{M: m, N: n, K: kk, Grid: [3]int{n / k.Out.Cols, m / k.Out.Rows, 1},
		Block: [3]int{k.Threads, 1, 1}}
	g.FLOPs = int64(m) * int64(n) * (2*int64(kk) + int64(k.PointOps))
	return g
}

// ParamBytes encodes the parameter block of a launch: device addresses of the inputs, of the
// output, then M, N, K. Little endian, natural alignment, as PTX lays .param out.
func (k *Kernel) ParamBytes(in []uint64, out uint64, g Geometry) ([]byte, error) {
	if len(in) != len(k.Params) {
		return nil, fmt.Errorf("kernel %s takes %d tensors, got %d", k.Name, len(k.Params), len(in))
	}
	var b []byte
	for _, p := range in {
		b = binary.LittleEndian.AppendUint64(b, p)
	}
	b = binary.LittleEndian.AppendUint64(b, out)
	for _, v := range []int{g.M, g.N, g.K} {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return b, nil
}
