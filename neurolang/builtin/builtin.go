package builtin

import (
	"slices"
	"strings"
)

// Where says where a function may be called.
type Where uint8

// Places. Sugar: written in source, never in hir: check turns it into other nodes.
const (
	Host Where = 1 << iota
	Kernel
	Sugar
	Both = Host | Kernel
)

// Mode is what a call does with an argument that has an owner.
type Mode uint8

// Modes.
const (
	Move Mode = iota
	Borrow
	Mutate
)

// Param is one parameter.
type Param struct {
	Name     string
	Type     string // as documents write it
	Optional bool
	Const    bool // known to the compiler
	Mode     Mode
	Rest     bool // any number of arguments
}

// Func is one function or method. Name is what hir.Intrinsic carries: a free function as written,
// `Type::name` for those of a type, `type.name` for methods and for the forms of a name that have
// arguments of their own. The receiver of a method is its first parameter.
type Func struct {
	Name   string
	Where  Where
	Params []Param
	Result string // "" for unit
	Doc    string
	sig    string
}

type row struct {
	where    Where
	sig, doc string
}

// Table lists all functions in the order of the documents.
var Table = parse(rows)

var byName = index(Table)

// Find returns the function of a name, or nil.
func Find(name string) *Func { return byName[name] }

// In tells whether the function may be called in all of these places.
func (f *Func) In(w Where) bool { return f.Where&w == w }

// Method tells the type and the name of a method.
func (f *Func) Method() (recv, name string, ok bool) {
	if strings.Contains(f.Name, "::") {
		return "", "", false
	}
	return strings.Cut(f.Name, ".")
}

// Signature returns the function as documents write it.
func (f *Func) Signature() string { return f.sig }

// Methods returns the names of a type's methods.
func Methods(recv string) (names []string) {
	for _, f := range Table {
		if r, n, ok := f.Method(); ok && r == recv && f.Name != "Tensor.expect" {
			names = append(names, n)
		}
	}
	return names
}

// Members returns the names after `module::`.
func Members(module string) (names []string) {
	for _, f := range Table {
		if rest, ok := strings.CutPrefix(f.Name, module+"::"); ok {
			names = append(names, rest)
		}
	}
	return names
}

// Free returns the names of functions that are called by their bare name.
func Free(w Where) (names []string) {
	for _, f := range Table {
		if !strings.ContainsAny(f.Name, ".:") && f.Where&w != 0 && !slices.Contains(hidden,
			f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}

// hidden are made by the compiler only.
var hidden = []string{"format", "concat", "reduce_max", "reduce_min"}

func index(fs []*Func) map[string]*Func {
	m := make(map[string]*Func, len(fs))
	for _, f := range fs {
		m[f.Name] = f
	}
	return m
}

func parse(rows []row) (out []*Func) {
	for _, r := range rows {
		sig, result, _ := strings.Cut(r.sig, " -> ")
		name, params, ok := strings.Cut(strings.TrimSuffix(sig, ")"), "(")
		if !ok {
			panic("builtin: " + r.sig)
		}
		f := &Func{Name: name, Where: r.where, Result: result, Doc: r.doc, sig: r.sig}
		for p := range strings.SplitSeq(params, ", ") {
			if p != "" {
				f.Params = append(f.Params, param(p))
			}
		}
		out = append(out, f)
	}
	return out
}

func param(s string) (p Param) {
	s, p.Const = strings.CutPrefix(s, "const ")
	s, p.Rest = strings.CutPrefix(s, "...")
	if rest, ok := strings.CutPrefix(s, "&mut "); ok {
		s, p.Mode = rest, Mutate
	} else if rest, ok := strings.CutPrefix(s, "&"); ok {
		s, p.Mode = rest, Borrow
	}
	p.Name, p.Type, _ = strings.Cut(s, ": ")
	p.Name, p.Optional = strings.CutSuffix(p.Name, "?")
	return p
}
