package types

import (
	"sort"
	"strings"

	"tensoros/neurolang/tile"
)

// Scope maps names to objects.
type Scope struct {
	parent *Scope
	names  map[string]Object
}

// NewScope returns an empty scope inside parent, which may be nil.
func NewScope(parent *Scope) *Scope { return &Scope{parent, map[string]Object{}} }

// Clone copies this level of the scope.
func (s *Scope) Clone() *Scope {
	c := NewScope(s.parent)
	for k, v := range s.names {
		c.names[k] = v
	}
	return c
}

// Lookup finds a name here or further out; nil if there is none.
func (s *Scope) Lookup(name string) Object {
	for ; s != nil; s = s.parent {
		if o, ok := s.names[name]; ok {
			return o
		}
	}
	return nil
}

// Put defines a name in this scope.
func (s *Scope) Put(name string, o Object) { s.names[name] = o }

func (s *Scope) all() []string {
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

// typeNames lists what may stand as a type, apart from element types inside Tile.
var typeNames = []string{"Tile", "Tensor", "View", "Array", "Device", "Range", "int", "i64",
	"float",
	"f64", "bool", "string"}

var basicNames = map[string]Basic{
	"int": Int, "i64": Int, "float": Float, "f64": Float, "bool": Bool, "string": String,
	"Range": Range, "Device": Device,
}

// memberNames lists the names after `module::`.
func (c *checker) memberNames(module string) []string {
	if module == "Layout" {
		return []string{"RowMajor", "ColMajor"}
	}
	var out []string
	for _, b := range c.functions() {
		if rest, ok := strings.CutPrefix(b.Name, module+"::"); ok {
			out = append(out, rest)
		}
	}
	return out
}

func (c *checker) valueNames() []string {
	out := c.scope.all()
	for _, b := range c.functions() {
		name, _, _ := strings.Cut(b.Name, "::")
		out = append(out, name)
	}
	return append(append(out, tile.ElemNames()...), "Layout")
}

func isModule(name string) bool { return name == "device" || name == "Tensor" || name == "Layout" }
