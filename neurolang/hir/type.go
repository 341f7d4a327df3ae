package hir

import "tensoros/neurolang/tile"

// Type is a concrete type. Types are interned by check: equal types are the same pointer.
type Type struct {
	Kind Kind
	// Elem: the element type of Scalar, Tile, Tensor.
	Elem tile.Elem
	// Args: of Tuple its parts, of Array and Ref the one inside, of Func its parameters and then
	// its result.
	Args []*Type
	// Dims: of Tile and Tensor. A tile's are constants.
	Dims   []Dim
	AnyDim bool        // a tensor of unknown rank
	Layout tile.Layout // of Tile and Tensor; NoLayout: not known
	Space  tile.Space  // of Tile
	Size   int         // of Span: its length
	Mut    RefKind     // of Ref
	Def    *Def        // of Struct and Enum
	Device string      // of Tensor: the name of its device capability, "" if not known
}

// Kind is the kind of a type.
type Kind uint8

// Kinds. Scalar is a number inside of a kernel (and a kernel's parameter); Int and Float are the
// host's.
const (
	Unit Kind = iota
	Never
	Bool
	Int
	Float
	String
	Range
	Device
	ElemType   // the type of element types as values: f16
	LayoutType // of Layout::RowMajor
	Scalar
	Tile
	Tensor
	Span // a tile's worth of indices: Size of them from a start known at run time
	Tuple
	Array
	Struct
	Enum
	Ref
	Func
)

// RefKind is what a reference allows.
type RefKind uint8

// References.
const (
	Shared RefKind = iota
	Exclusive
	AtomicRef // of kernels' tensors
)

// Dim is a dimension: Const >= 0, or a symbol of the function, or Unknown (Const -1, no Sym).
type Dim struct {
	Const int
	Sym   string
}

// Def is an instantiated struct or enum.
type Def struct {
	Name     string // as written, with its arguments: Pair<int, float>
	Fields   []Field
	Variants []Variant
	Copy     bool // its values are copied, not moved
}

// Field is a field of a struct.
type Field struct {
	Name string
	Type *Type
}

// Variant is one variant of an enum, with what it carries.
type Variant struct {
	Name  string
	Types []*Type
}

// WithElem returns the type with another element type.
func (t *Type) WithElem(e tile.Elem) *Type {
	u := *t
	u.Elem = e
	return &u
}

// The types without parts; every such type is one of these pointers.
var (
	UnitType    = &Type{Kind: Unit}
	NeverType   = &Type{Kind: Never}
	BoolType    = &Type{Kind: Bool}
	IntType     = &Type{Kind: Int}
	FloatType   = &Type{Kind: Float}
	StringType  = &Type{Kind: String}
	RangeType   = &Type{Kind: Range}
	DeviceType  = &Type{Kind: Device}
	ElemsType   = &Type{Kind: ElemType}
	LayoutsType = &Type{Kind: LayoutType}
)
