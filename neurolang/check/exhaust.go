package check

import (
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/syntax"
)

// maxWork bounds the search for values that no arm matches.
const maxWork = 20000

// search looks for values that patterns do not match: Maranget's matrices.
type search struct {
	b    *body
	work int
}

// exhaustive reports values that no arm matches, and arms that nothing reaches.
func (b *body) exhaustive(e *syntax.MatchExpr, t *hir.Type, rows [][]syntax.Pattern) {
	if e.Bad {
		return
	}
	if w := b.witness(rows, t); w != "" {
		d := b.errorf(diag.NotExhaustive, e.X.Span(), "no arm matches %s", w)
		end := e.Span()
		end.Pos = end.End - 1
		end.End = end.Pos
		if d.Hint("add an arm: %s => ...", w); w != "_" {
			d.Help += ", or _ => ... for all others"
		}
	}
	var before [][]syntax.Pattern
	for _, a := range e.Arms {
		if len(before) > 0 {
			s := &search{b: b}
			if !s.useful(before, []syntax.Pattern{a.Pattern}, []*hir.Type{t}) && b.quiet == 0 &&
				!b.abstractHere() {
				b.errs.Warnf(diag.Unreachable, a.Pattern.Span(), "nothing reaches this arm").
					Hint("the arms before it match all of this")
			}
		}
		if a.Guard == nil {
			before = append(before, []syntax.Pattern{a.Pattern})
		}
	}
}

// witness is a value that no row matches, as text; "" if there is none.
func (b *body) witness(rows [][]syntax.Pattern, t *hir.Type) string {
	s := &search{b: b}
	w := s.missing(rows, []*hir.Type{t})
	if w == nil {
		return ""
	}
	return w[0]
}

// ctor is what a pattern demands at its head: kind "" for anything.
type ctor struct {
	kind string // "", "tag", "lit"
	tag  int
	args []syntax.Pattern
}

var wild syntax.Pattern = &syntax.WildPat{}

// heads are the alternatives of a pattern at its head.
func (s *search) heads(p syntax.Pattern, t *hir.Type) []ctor {
	b := s.b
	switch p := p.(type) {
	case *syntax.OrPat:
		var out []ctor
		for _, q := range p.Alts {
			out = append(out, s.heads(q, t)...)
		}
		return out
	case *syntax.NamePat:
		switch o := b.variantNamed(p.Name).(type) {
		case *variantObj:
			return []ctor{{kind: "tag", tag: o.index}}
		case *constObj:
			return []ctor{{kind: "lit"}}
		}
	case *syntax.LitPat:
		if l, ok := p.X.(*syntax.BoolLit); ok {
			tag := 0
			if l.Value {
				tag = 1
			}
			return []ctor{{kind: "tag", tag: tag}}
		}
		return []ctor{{kind: "lit"}}
	case *syntax.RangePat:
		return []ctor{{kind: "lit"}}
	case *syntax.TuplePat:
		return []ctor{{kind: "tag", args: p.Elems}}
	case *syntax.VariantPat:
		if o, ok := b.pathObjectQuiet(p.Path.Parts, b.scope).(*variantObj); ok {
			return []ctor{{kind: "tag", tag: o.index, args: p.Elems}}
		}
	case *syntax.StructPat:
		if t.Def == nil {
			return []ctor{{}}
		}
		args := make([]syntax.Pattern, len(t.Def.Fields))
		for i := range args {
			args[i] = wild
		}
		for _, f := range p.Fields {
			if i := fieldIndex(t, f.Name.Text); i >= 0 {
				args[i] = f.Pattern
			}
		}
		return []ctor{{kind: "tag", args: args}}
	}
	return []ctor{{}}
}

// parts are the types below each constructor of a type; nil: it has no end of them.
func parts(t *hir.Type) [][]*hir.Type {
	switch t.Kind {
	case hir.Bool:
		return [][]*hir.Type{nil, nil}
	case hir.Tuple:
		return [][]*hir.Type{t.Args}
	case hir.Struct:
		var fs []*hir.Type
		for _, f := range t.Def.Fields {
			fs = append(fs, f.Type)
		}
		return [][]*hir.Type{fs}
	case hir.Enum:
		var out [][]*hir.Type
		for _, v := range t.Def.Variants {
			out = append(out, v.Types)
		}
		return out
	}
	return nil
}

// specialize keeps the rows that constructor tag of the first column can match.
func (s *search) specialize(rows [][]syntax.Pattern, t *hir.Type, tag,
	n int) (out [][]syntax.Pattern) {
	for _, r := range rows {
		for _, c := range s.heads(r[0], t) {
			if c.kind != "" && (c.kind != "tag" || c.tag != tag) {
				continue
			}
			row := make([]syntax.Pattern, 0, n+len(r)-1)
			for i := range n {
				if i < len(c.args) {
					row = append(row, c.args[i])
				} else {
					row = append(row, wild)
				}
			}
			out = append(out, append(row, r[1:]...))
		}
	}
	return out
}

// others keeps the rows that match whatever the first column is.
func (s *search) others(rows [][]syntax.Pattern, t *hir.Type) (out [][]syntax.Pattern) {
	for _, r := range rows {
		for _, c := range s.heads(r[0], t) {
			if c.kind == "" {
				out = append(out, r[1:])
			}
		}
	}
	return out
}

func (s *search) missing(rows [][]syntax.Pattern, types []*hir.Type) []string {
	if s.work++; s.work > maxWork {
		return nil
	}
	if len(types) == 0 {
		if len(rows) > 0 {
			return nil
		}
		return []string{}
	}
	t := deref(types[0])
	all := parts(t)
	explicit := false
	for _, r := range rows {
		for _, c := range s.heads(r[0], t) {
			explicit = explicit || c.kind == "tag"
		}
	}
	if all == nil || !explicit {
		w := s.missing(s.others(rows, t), types[1:])
		if w == nil {
			return nil
		}
		return append([]string{"_"}, w...)
	}
	for tag, args := range all {
		w := s.missing(s.specialize(rows, t, tag, len(args)), append(append([]*hir.Type{}, args...),
			types[1:]...))
		if w != nil {
			head := shape(t, tag, w[:len(args)])
			return append([]string{head}, w[len(args):]...)
		}
	}
	return nil
}

// shape writes a constructor with its parts.
func shape(t *hir.Type, tag int, args []string) string {
	in := strings.Join(args, ", ")
	switch t.Kind {
	case hir.Bool:
		return [...]string{"false", "true"}[tag]
	case hir.Tuple:
		return "(" + in + ")"
	case hir.Struct:
		fields := make([]string, len(args))
		for i, a := range args {
			fields[i] = t.Def.Fields[i].Name + ": " + a
		}
		return baseName(t.Def.Name) + " { " + strings.Join(fields, ", ") + " }"
	}
	v := t.Def.Variants[tag].Name
	if n := baseName(t.Def.Name); n != "Option" && n != "Result" {
		v = n + "::" + v
	}
	if len(args) == 0 {
		return v
	}
	return v + "(" + in + ")"
}

// useful tells whether a row matches something that the rows before do not.
func (s *search) useful(rows [][]syntax.Pattern, q []syntax.Pattern, types []*hir.Type) bool {
	if s.work++; s.work > maxWork {
		return true
	}
	if len(types) == 0 {
		return len(rows) == 0
	}
	t := deref(types[0])
	all := parts(t)
	for _, c := range s.heads(q[0], t) {
		switch {
		case c.kind == "tag" && c.tag < len(all):
			n := len(all[c.tag])
			sub := s.specialize([][]syntax.Pattern{q}, t, c.tag, n)
			if len(sub) > 0 && s.useful(s.specialize(rows, t, c.tag, n), sub[0],
				append(append([]*hir.Type{}, all[c.tag]...), types[1:]...)) {
				return true
			}
		case c.kind == "lit":
			if s.useful(s.others(rows, t), q[1:], types[1:]) {
				return true
			}
		case all == nil:
			if s.useful(s.others(rows, t), q[1:], types[1:]) {
				return true
			}
		default:
			for tag, args := range all {
				sub := s.specialize([][]syntax.Pattern{{wild}}, t, tag, len(args))
				if s.useful(s.specialize(rows, t, tag, len(args)), append(sub[0], q[1:]...),
					append(append([]*hir.Type{}, args...), types[1:]...)) {
					return true
				}
			}
		}
	}
	return false
}
