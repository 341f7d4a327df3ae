package program

import (
	"tensoros/neurolang/abi"
	"tensoros/neurolang/source"
)

// Program is compiled source text. Sources resolves every position in it.
type Program struct {
	Name    string
	Target  int // compute capability: 80, 90
	Kernels []*abi.Kernel
	Funcs   []*Func
	Sites   []Site
	Shapes  []Shape
	Globals []string // names of a session's variables; empty in compiled files
	Main    int      // index of main in Funcs, -1 if there is none
	Tests   []int    // indices of the functions marked @test
	Sources *source.Set
}

// Func is a function of host code.
type Func struct {
	Name     string
	Params   int // in R[0] ..., with what a closure captured first
	Captured int // of Params
	Regs     int // registers a frame has
	Graph    bool
	Consts   []any // int64, float64, string, tile.Elem, tile.Layout
	Code     []Instr
	Pos      []source.Pos // of each instruction
}

// Site is an intrinsic as called: its name and how many registers it is given.
type Site struct {
	Name string
	Args int
}

// Shape is a struct, or one variant of an enum, as values know it.
type Shape struct {
	Type    string   // as written: Pair<int, float>
	Variant string   // "" of a struct
	Tag     int      // of a variant
	Fields  []string // names; "" of what a variant carries
}

// Kernel returns a kernel by name, or nil.
func (p *Program) Kernel(name string) *abi.Kernel {
	for i := len(p.Kernels) - 1; i >= 0; i-- {
		if p.Kernels[i].Name == name {
			return p.Kernels[i]
		}
	}
	return nil
}

// Func returns the index of a function by name, or -1.
func (p *Program) Func(name string) int {
	for i := len(p.Funcs) - 1; i >= 0; i-- {
		if p.Funcs[i].Name == name {
			return i
		}
	}
	return -1
}
