package neurolang

import (
	"errors"
	"fmt"
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/lower"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/types"
	"tensoros/neurolang/vm"
)

// Type is the type of a host value in a builtin's signature.
type Type = types.Type

// Types for signatures of builtins.
const (
	Unit   = types.Unit
	Bool   = types.Bool
	Int    = types.Int
	Float  = types.Float
	String = types.String
	Device = types.Device
	Any    = types.Any
)

// Tensor is the type of tensors in signatures of builtins.
var Tensor Type = &types.Tensor{}

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

func (b Builtin) declare() *types.Builtin {
	var ps []types.Param
	for _, p := range b.Params {
		ps = append(ps, types.Param{Name: p.Name, Type: p.Type, Optional: p.Optional})
	}
	return types.Host(b.Name, ps, b.Result)
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
	scope *types.Scope
	link  *lower.Linker
	vm    *vm.Machine
	host  map[string]vm.HostFunc
	decls []*types.Builtin
	lines int
}

// NewSession starts a session on a runtime.
func NewSession(rt vm.Runtime, opt Options) *Session {
	set := &source.Set{}
	s := &Session{set: set, scope: types.NewScope(nil), host: map[string]vm.HostFunc{},
		prog: &Program{Name: "session", Target: opt.target(), Main: -1, Sources: set}}
	s.link = lower.NewLinker(s.prog)
	s.vm = vm.New(s.prog, rt, vm.Options{Host: s.host})
	for _, b := range opt.Builtins {
		if err := s.Register(b); err != nil {
			panic("neurolang: " + err.Error())
		}
	}
	return s
}

// Register adds a builtin of the host.
func (s *Session) Register(b Builtin) error {
	if b.Name == "" || b.Fn == nil || b.Result == nil {
		return fmt.Errorf("builtin %q lacks its name, function or result", b.Name)
	}
	if _, taken := s.host[b.Name]; taken {
		return fmt.Errorf("builtin %s is registered twice", b.Name)
	}
	s.host[b.Name] = b.Fn
	s.decls = append(s.decls, b.declare())
	return nil
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
	u := &unit{set: s.set, link: s.link.Clone(), errs: &diag.List{}}
	tree, _ := syntax.Parse(s.set.Add(name, []byte(src)), syntax.Statements, u.errs)
	env := &types.Env{Scope: s.scope.Clone(), Builtins: s.decls, Replace: true}
	u.info = types.Check(tree, env, u.errs)
	if !u.errs.Failed() {
		u.fns()
	}
	fn := 0
	if !u.errs.Failed() {
		fn = u.link.Line(name, tree.Stmts, u.info, u.errs)
	}
	if u.errs.Failed() {
		return "", &Errors{s.set, u.errs.Sorted()}
	}
	s.scope, s.link = env.Scope, u.link
	*s.prog = *u.link.Prog
	u.link.Prog = s.prog
	v, err := s.vm.Call(fn)
	if err != nil || v.Kind() == vm.Absent {
		return "", err
	}
	return v.String(), nil
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
