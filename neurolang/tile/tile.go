package tile

import "fmt"

// Elem is an element type.
type Elem uint8

// Element types. Those after F32 are parsed and checked; no target generates code for them yet.
const (
	NoElem Elem = iota
	F16
	BF16
	TF32
	F32
	F64
	E4M3
	E5M2
	I8
	I32
	U8
	Bool
)

// elems: name and bytes an element takes in memory (tf32 lives in a 32-bit word, PTX ISA,
// "Alternate floating point data formats").
var elems = [...]struct {
	name string
	size int
}{
	NoElem: {"?", 0}, F16: {"f16", 2}, BF16: {"bf16", 2}, TF32: {"tf32", 4}, F32: {"f32", 4},
	F64: {"f64", 8}, E4M3: {"e4m3", 1}, E5M2: {"e5m2", 1}, I8: {"i8", 1}, I32: {"i32", 4},
	U8: {"u8", 1}, Bool: {"bool", 1},
}

// String returns the name used in source text.
func (e Elem) String() string {
	if int(e) < len(elems) {
		return elems[e].name
	}
	return fmt.Sprintf("Elem(%d)", uint8(e))
}

// Size returns bytes an element.
func (e Elem) Size() int {
	if int(e) < len(elems) {
		return elems[e].size
	}
	return 0
}

// Executable tells whether tiles of this element type can be computed with today.
func (e Elem) Executable() bool { return e >= F16 && e <= F32 }

// ParseElem looks an element type up by name.
func ParseElem(name string) (Elem, bool) {
	for i := F16; int(i) < len(elems); i++ {
		if elems[i].name == name {
			return i, true
		}
	}
	return NoElem, false
}

// ElemNames lists the names of all element types.
func ElemNames() []string {
	var out []string
	for i := F16; int(i) < len(elems); i++ {
		out = append(out, elems[i].name)
	}
	return out
}

// Space is where a tile lives.
type Space uint8

// Spaces. Registers is the default.
const (
	Registers Space = iota
	Shared
)

// Layout is the order of a matrix in memory.
type Layout uint8

// Layouts. NoLayout means "not known" for tensors; tiles always have one.
const (
	NoLayout Layout = iota
	RowMajor
	ColMajor
)

// String returns the name used in source text after "Layout::".
func (l Layout) String() string {
	return [...]string{"?", "RowMajor", "ColMajor"}[min(l, ColMajor)]
}

// ParseLayout looks a layout up by name.
func ParseLayout(name string) (Layout, bool) {
	switch name {
	case "RowMajor":
		return RowMajor, true
	case "ColMajor":
		return ColMajor, true
	}
	return NoLayout, false
}

// Type is a tile type: a matrix of Rows x Cols elements in a layout.
type Type struct {
	Rows, Cols int
	Elem       Elem
	Layout     Layout
}

// String returns the type as source text writes it; RowMajor is the default and left out.
func (t Type) String() string {
	if t.Layout == ColMajor {
		return fmt.Sprintf("Tile<%d, %d, %s, Layout::ColMajor>", t.Rows, t.Cols, t.Elem)
	}
	return fmt.Sprintf("Tile<%d, %d, %s>", t.Rows, t.Cols, t.Elem)
}

// Index returns the place in memory, in elements, of (row, col) in a rows x cols matrix.
func (l Layout) Index(row, col, rows, cols int) int {
	if l == ColMajor {
		return col*rows + row
	}
	return row*cols + col
}
