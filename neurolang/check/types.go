package check

import (
	"fmt"
	"slices"
	"strings"

	"tensoros/neurolang/hir"
	"tensoros/neurolang/tile"
)

// poison is the kind of what failed to check; nothing is reported about it again.
const poison hir.Kind = 255

// Types that need no table.
var (
	invalid = &hir.Type{Kind: poison}
	unit    = hir.UnitType
	never   = hir.NeverType
	boolean = hir.BoolType
	integer = hir.IntType
	float   = hir.FloatType
	text    = hir.StringType
	ranges  = hir.RangeType
	device  = hir.DeviceType
	elemT   = hir.ElemsType
	layoutT = hir.LayoutsType
)

var basics = []*hir.Type{unit, never, boolean, integer, float, text, ranges, device, elemT, layoutT,
	invalid}

// table interns types: equal types are the same pointer.
type table struct {
	byKey map[string]*hir.Type
	ids   map[*hir.Type]int
	defs  map[*hir.Def]int
}

func newTable() *table {
	t := &table{byKey: map[string]*hir.Type{}, ids: map[*hir.Type]int{}, defs: map[*hir.Def]int{}}
	for _, b := range basics {
		t.byKey[t.key(b)] = b
		t.ids[b] = len(t.ids)
	}
	return t
}

func (t *table) key(x *hir.Type) string {
	b := make([]byte, 0, 64)
	b = fmt.Appendf(b, "%d %d %d %d %d %d %t %s|", x.Kind, x.Elem, x.Layout, x.Space, x.Size, x.Mut,
		x.AnyDim, x.Device)
	for _, a := range x.Args {
		b = fmt.Appendf(b, "%d,", t.ids[a])
	}
	for _, d := range x.Dims {
		b = fmt.Appendf(b, ";%d%s", d.Const, d.Sym)
	}
	if x.Def != nil {
		if _, ok := t.defs[x.Def]; !ok {
			t.defs[x.Def] = len(t.defs)
		}
		b = fmt.Appendf(b, "#%d", t.defs[x.Def])
	}
	return string(b)
}

func (t *table) of(x hir.Type) *hir.Type {
	k := t.key(&x)
	if old, ok := t.byKey[k]; ok {
		return old
	}
	p := &x
	t.byKey[k] = p
	t.ids[p] = len(t.ids)
	return p
}

func (t *table) array(elem *hir.Type) *hir.Type {
	return t.of(hir.Type{Kind: hir.Array, Args: []*hir.Type{elem}})
}

func (t *table) ref(to *hir.Type, m hir.RefKind) *hir.Type {
	return t.of(hir.Type{Kind: hir.Ref, Args: []*hir.Type{to}, Mut: m})
}

func (t *table) tuple(parts ...*hir.Type) *hir.Type {
	if len(parts) == 0 {
		return unit
	}
	return t.of(hir.Type{Kind: hir.Tuple, Args: parts})
}

func (t *table) function(params []*hir.Type, result *hir.Type) *hir.Type {
	return t.of(hir.Type{Kind: hir.Func, Args: append(slices.Clone(params), result)})
}

func (t *table) scalar(e tile.Elem) *hir.Type { return t.of(hir.Type{Kind: hir.Scalar, Elem: e}) }

// tile is a tile of these dimensions, or a scalar if there are none.
func (t *table) tile(dims []int, e tile.Elem) *hir.Type {
	if len(dims) == 0 {
		return t.scalar(e)
	}
	return t.of(hir.Type{Kind: hir.Tile, Elem: e, Dims: constDims(dims), Layout: tile.RowMajor})
}

func (t *table) span(n int) *hir.Type { return t.of(hir.Type{Kind: hir.Span, Size: n}) }

func constDims(dims []int) []hir.Dim {
	out := make([]hir.Dim, len(dims))
	for i, d := range dims {
		out[i] = hir.Dim{Const: d}
	}
	return out
}

// unknown is a dimension that is known at run time only.
var unknown = hir.Dim{Const: -1}

func symbol(name string) hir.Dim { return hir.Dim{Const: -1, Sym: name} }

func isConst(d hir.Dim) bool { return d.Sym == "" && d.Const >= 0 }

func bad(t *hir.Type) bool { return t.Kind == poison }

func isRef(t *hir.Type) bool { return t.Kind == hir.Ref }

// deref is what a reference refers to, or the type itself.
func deref(t *hir.Type) *hir.Type {
	for t.Kind == hir.Ref {
		t = t.Args[0]
	}
	return t
}

// tiled tells values of kernels.
func tiled(t *hir.Type) bool { return t.Kind == hir.Tile || t.Kind == hir.Scalar }

// sides are the constant dimensions of a tile; none for a scalar.
func sides(t *hir.Type) []int {
	out := make([]int, len(t.Dims))
	for i, d := range t.Dims {
		out[i] = d.Const
	}
	return out
}

// isCopy tells values that are copied, not moved.
func isCopy(t *hir.Type) bool {
	switch t.Kind {
	case hir.Tensor, hir.Array, hir.Func:
		return false
	case hir.Ref:
		return t.Mut == hir.Shared
	case hir.Tuple:
		return !slices.ContainsFunc(t.Args, func(a *hir.Type) bool { return !isCopy(a) })
	case hir.Struct, hir.Enum:
		return t.Def.Copy
	}
	return true
}

// owns tells values whose end must be marked by a Drop.
func owns(t *hir.Type) bool { return !isCopy(t) && t.Kind != hir.Ref }

// holdsRef tells whether a reference is part of the type.
func holdsRef(t *hir.Type) bool {
	switch t.Kind {
	case hir.Ref:
		return true
	case hir.Tuple, hir.Array:
		return slices.ContainsFunc(t.Args, holdsRef)
	case hir.Enum:
		for _, v := range t.Def.Variants {
			if slices.ContainsFunc(v.Types, func(a *hir.Type) bool { return a.Kind == hir.Ref }) {
				return true
			}
		}
	}
	return false
}

// holdsFunc tells whether a function value is part of the type: it may have captured references.
func holdsFunc(t *hir.Type) bool {
	switch t.Kind {
	case hir.Func:
		return true
	case hir.Tuple, hir.Array:
		return slices.ContainsFunc(t.Args, holdsFunc)
	case hir.Struct, hir.Enum:
		for _, f := range t.Def.Fields {
			if f.Type.Kind == hir.Func {
				return true
			}
		}
		for _, v := range t.Def.Variants {
			if slices.ContainsFunc(v.Types, func(a *hir.Type) bool { return a.Kind == hir.Func }) {
				return true
			}
		}
	}
	return false
}

var basicNames = map[hir.Kind]string{
	hir.Unit: "()", hir.Never: "never", hir.Bool: "bool", hir.Int: "int", hir.Float: "float",
	hir.String: "string", hir.Range: "Range", hir.Device: "Device", hir.ElemType: "element type",
	hir.LayoutType: "layout", poison: "?",
}

// String writes a type as source text does.
func String(t *hir.Type) string {
	switch t.Kind {
	case hir.Scalar:
		return t.Elem.String()
	case hir.Tile:
		parts := append(dimStrings(t.Dims), t.Elem.String())
		if t.Layout == tile.ColMajor {
			parts = append(parts, "Layout::ColMajor")
		}
		return "Tile<" + strings.Join(parts, ", ") + ">"
	case hir.Tensor:
		return tensorString(t)
	case hir.Span:
		return fmt.Sprintf("Span<%d>", t.Size)
	case hir.Tuple:
		return "(" + typeList(t.Args) + ")"
	case hir.Array:
		return "[" + String(t.Args[0]) + "]"
	case hir.Struct, hir.Enum:
		return t.Def.Name
	case hir.Ref:
		return [...]string{"&", "&mut ", "&atomic "}[t.Mut] + String(t.Args[0])
	case hir.Func:
		n := len(t.Args) - 1
		s := "fn(" + typeList(t.Args[:n]) + ")"
		if t.Args[n] != unit {
			s += " -> " + String(t.Args[n])
		}
		return s
	}
	return basicNames[t.Kind]
}

func tensorString(t *hir.Type) string {
	var parts []string
	if !t.AnyDim {
		parts = append(parts, "["+strings.Join(dimStrings(t.Dims), ", ")+"]")
	}
	if t.Elem != tile.NoElem {
		parts = append(parts, t.Elem.String())
	}
	if t.Layout == tile.ColMajor {
		parts = append(parts, "Layout::ColMajor")
	}
	s := "Tensor"
	if len(parts) > 0 {
		s += "<" + strings.Join(parts, ", ") + ">"
	}
	if t.Device != "" {
		s += " on " + t.Device
	}
	return s
}

func dimStrings(dims []hir.Dim) []string {
	out := make([]string, len(dims))
	for i, d := range dims {
		out[i] = dimString(d)
	}
	return out
}

func dimString(d hir.Dim) string {
	switch {
	case d.Sym != "":
		return d.Sym
	case d.Const < 0:
		return "_"
	}
	return fmt.Sprint(d.Const)
}

func typeList(ts []*hir.Type) string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = String(t)
	}
	return strings.Join(out, ", ")
}
