package check

import (
	"sort"
	"strings"

	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

// Objects that a name can stand for.
type (
	// local is a variable; val is its value if the compiler knows it.
	local struct {
		v    *hir.Var
		val  any
		tool *Object
		home *body // the function it belongs to
		part int   // of a kernel: 1 + axis for the variable of an axis
	}
	// typeParam is a type parameter, or Self; typ nil: not inferred yet.
	typeParam struct {
		name   string
		typ    *hir.Type
		from   source.Span // what said so
		bounds []*syntax.PathType
		at     source.Span
	}
	// constParam is a constant parameter or an implied constant of a tile's shape.
	constParam struct {
		name    string
		val     any
		from    source.Span
		typ     *hir.Type // nil: not declared
		at      source.Span
		implied bool
	}
	// dimParam is a dimension symbol; bound: what it is at a call.
	dimParam struct {
		name  string
		bound bool
		dim   hir.Dim
		from  source.Span
		at    source.Span
	}
	// constObj is a const item.
	constObj struct {
		decl *syntax.ConstDecl
		in   *scope
		val  hir.Expr
		busy bool
		tool *Object
	}
	aliasObj struct {
		decl   *syntax.AliasDecl
		in     *scope
		busy   bool
		broken bool
		tool   *Object
	}
	// defObj is a struct or an enum.
	defObj struct {
		name     *syntax.Name
		generics []*syntax.Generic
		strct    *syntax.StructDecl
		enum     *syntax.EnumDecl
		in       *scope
		made     map[string]*hir.Type
		tool     *Object
		mod      *module
	}
	variantObj struct {
		def   *defObj
		index int
		tool  *Object
	}
	traitObj struct {
		decl *syntax.TraitDecl
		in   *scope
		fns  map[string]*fnObj
		tool *Object
	}
	// fnObj is a function or kernel of the source text.
	fnObj struct {
		decl   *syntax.FnDecl
		in     *scope
		mod    *module
		kernel bool
		id     int
		impl   *implObj  // of a method
		trait  *traitObj // of a trait's own body
		next   *fnObj    // overload, in std only
		used   bool
		count  int // of its instances
		tool   *Object
	}
	implObj struct {
		decl  *syntax.ImplDecl
		in    *scope
		mod   *module
		trait *traitObj
		fns   map[string]*fnObj
		def   *defObj // whose methods these are
		// asked, traced: def and trait have been looked up.
		asked, traced bool
	}
	moduleObj struct {
		mod  *module
		tool *Object
	}
)

// scope maps names to objects.
type scope struct {
	parent *scope
	names  map[string]any
}

func newScope(parent *scope) *scope { return &scope{parent, map[string]any{}} }

func (s *scope) lookup(name string) any {
	for ; s != nil; s = s.parent {
		if o, ok := s.names[name]; ok {
			return o
		}
	}
	return nil
}

func (s *scope) put(name string, o any) { s.names[name] = o }

func (s *scope) all() []string {
	var out []string
	for ; s != nil; s = s.parent {
		for k := range s.names {
			out = append(out, k)
		}
	}
	sort.Strings(out)
	return out
}

// nearest returns the candidate closest to name, or "" if none is close.
func nearest(name string, candidates []string) string {
	best, dist := "", max(1, len(name)/3)+1
	for _, c := range candidates {
		if len(c)-len(name) >= dist || len(name)-len(c) >= dist {
			continue
		}
		d := distance(strings.ToLower(name), strings.ToLower(c))
		if d < dist {
			best, dist = c, d
		}
	}
	return best
}

// distance is Damerau's restricted edit distance.
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	older, old, row := rows[0], rows[1], rows[2]
	for j := range old {
		old[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(old[j]+1, row[j-1]+1, old[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		older, old, row = old, row, older
	}
	return old[len(b)]
}
