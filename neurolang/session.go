package neurolang

import (
	"errors"
	"fmt"
	"strings"

	"tensoros/neurolang/check"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/hostgen"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/vm"
)

// Type is the type of a host value in a builtin's signature; nil means any.
type Type = *hir.Type

// Types for signatures of builtins.
var (
	Unit   = hir.UnitType
	Bool   = hir.BoolType
	Int    = hir.IntType
	Float  = hir.FloatType
	String = hir.StringType
	Tensor = &hir.Type{Kind: hir.Tensor, AnyDim: true}
)

// Builtin is a function that the embedder adds to the language.
type Builtin struct {
	Name   string // may be module::name
	Params []BuiltinParam
	Result Type
	Fn     vm.HostFunc // gets one value for each parameter, Absent for optional ones not given
}

// BuiltinParam is a parameter of a builtin.
type BuiltinParam struct {
	Name     string
	Type     Type
	Optional bool
}

// declared tells the checker of builtins.
func declared(bs []Builtin) []*check.Host {
	var out []*check.Host
	for _, b := range bs {
		h := &check.Host{Name: b.Name, Result: b.Result}
		for _, p := range b.Params {
			h.Params = append(h.Params, check.HostParam{Name: p.Name, Type: p.Type,
				Optional: p.Optional})
		}
		out = append(out, h)
	}
	return out
}

// Errors is what a Session's Eval returns for text that does not compile.
type Errors struct {
	Set  *source.Set
	List []diag.Diagnostic
}

// Error renders the diagnostics without colour.
func (e *Errors) Error() string { return e.Render(diag.Style{}) }

// Render renders the diagnostics.
func (e *Errors) Render(style diag.Style) string {
	var b strings.Builder
	if err := diag.Render(&b, e.Set, e.List, style); err != nil {
		return err.Error()
	}
	return b.String()
}

// Session is the state of a REPL: definitions and variables live from line to line.
type Session struct {
	prog  *Program
	set   *source.Set
	opt   Options
	check *check.Session
	link  *hostgen.Linker
	vm    *vm.Machine
	lines int
}

// NewSession starts a session on a runtime. It panics if a builtin lacks its name, function or
// result, or is given twice.
func NewSession(rt vm.Runtime, opt Options) *Session {
	set := &source.Set{}
	s := &Session{set: set, opt: opt,
		prog: &Program{Name: "session", Target: opt.target(), Main: -1, Sources: set}}
	host := map[string]vm.HostFunc{}
	for _, b := range opt.Builtins {
		if b.Name == "" || b.Fn == nil || b.Result == nil || host[b.Name] != nil {
			panic(fmt.Sprintf("neurolang: builtin %q is not whole, or there twice", b.Name))
		}
		host[b.Name] = b.Fn
	}
	s.check = check.NewSession(set, check.Options{Load: opt.Load,
		Builtins: declared(opt.Builtins)})
	s.link = hostgen.NewLinker(s.prog)
	s.vm = vm.New(s.prog, rt, vm.Options{Host: host})
	return s
}

// Program returns what the session has compiled so far.
func (s *Session) Program() *Program { return s.prog }

// Incomplete tells that src is the start of something longer: the REPL asks for another line.
func (s *Session) Incomplete(src string) bool {
	var set source.Set
	_, incomplete := syntax.Parse(set.Add("", []byte(src)), syntax.Statements, &diag.List{})
	return incomplete
}

// Eval compiles and runs a line, or several. value is what the last expression gave, as print
// writes it; "" if it gave nothing. The error is an *Errors or a *vm.Error; after an *Errors
// nothing has changed, after a *vm.Error what ran before it has.
func (s *Session) Eval(src string) (value string, err error) {
	s.lines++
	name := fmt.Sprintf("line %d", s.lines)
	u := newUnit(name, []byte(src), syntax.Statements, s.set, s.opt, s.check)
	u.link = s.link.Clone()
	u.link.Prog.Main = -1
	u.generate()
	if u.errs.Failed() {
		return "", &Errors{s.set, u.errs.Sorted()}
	}
	s.link = u.link
	*s.prog = *u.link.Prog
	u.link.Prog = s.prog
	if s.prog.Main < 0 {
		return "", nil
	}
	v, err := s.vm.Call(s.prog.Main)
	if err != nil || v.Kind() == vm.Absent {
		return "", err
	}
	value, err = s.vm.Text(v)
	if e := s.vm.Drop(v); err == nil {
		err = e
	}
	return value, err
}

// Render renders an error of Eval, Compile or vm.Run with its source.
func Render(set *source.Set, err error, style diag.Style) string {
	var es *Errors
	if errors.As(err, &es) {
		return es.Render(style)
	}
	var re *vm.Error
	if errors.As(err, &re) && re.Span.IsValid() {
		return (&Errors{set, []diag.Diagnostic{re.Diagnostic()}}).Render(style)
	}
	return err.Error()
}
