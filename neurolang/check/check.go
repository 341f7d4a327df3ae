package check

import (
	"maps"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

// Options say against what a file is checked.
type Options struct {
	// Load reads a source file by its path; nil: only the library can be imported.
	Load func(path string) ([]byte, error)
	// Session keeps definitions and variables from one text to the next; nil: a program.
	Session *Session
	// Builtins are functions of the embedder.
	Builtins []*Host
	// Tuned are defaults of constant parameters in place of the written ones: "matmul.BM".
	Tuned map[string]int64
}

// Host is a function that the embedder adds to the host's: called by its name, which may be
// module::name, with positional or named arguments.
type Host struct {
	Name   string
	Params []HostParam
	Result *hir.Type
}

// HostParam is a parameter of a Host function; Type nil: any.
type HostParam struct {
	Name     string
	Type     *hir.Type
	Optional bool
}

// Session is what lives from line to line at the prompt.
type Session struct {
	c *checker
}

// NewSession starts a session on a set of files.
func NewSession(set *source.Set, opt Options) *Session {
	c := newChecker(set, opt)
	c.session = true
	return &Session{c}
}

type checker struct {
	defaults  map[*syntax.Param]bool // being evaluated
	proving   map[proof]bool         // being looked for
	set       *source.Set
	errs      *diag.List
	opt       Options
	types     *table
	info      *Info
	prog      *hir.Program
	session   bool
	mods      map[string]*module
	order     []*module
	prelude   *module
	ops       *module
	impls     []*implObj
	queue     []*instance
	instances map[string]*instance
	fns       []*fnObj
	names     map[string]int // of instances, to keep them apart
	origin    map[*hir.Def]*origin
	unbound   bool // a parameter that is not inferred yet was met
	quiet     int  // > 0: trying; errors are dropped
	lines     *module
	// in the order of their making, since the last pass of ownership
	made      []*instance
	closures  []*hir.Fn                // likewise
	captives  map[*hir.Var]bool        // what closures captured: theirs to read, not to move
	taken     map[hir.Expr]bool        // parts that patterns may move
	husks     map[*hir.Var]bool        // what patterns took apart: all parts have other owners
	auto      map[*hir.RefOf]bool      // borrows that a method call implies
	gone      map[*hir.Var]source.Span // variables of a session that were moved
	reported  map[source.Span]bool
	extents   map[*hir.Var]hir.Dim  // of spans: what they run over
	gaps      bool                  // the function has syntax errors: names may be missing
	lost      map[*source.File]bool // where syntax errors may have lost items
	openOrder map[*fnObj]source.Span
	callees   map[*fnObj][]callee
	grads     bool // a derivative was asked for
}

// proof is that a type is a trait's.
type proof struct {
	t  *hir.Type
	tr *traitObj
}

// origin is whence an instantiated struct or enum comes.
type origin struct {
	def    *defObj
	args   []any
	kernel bool // as kernels have it: its numbers are scalars
}

func newChecker(set *source.Set, opt Options) *checker {
	return &checker{set: set, errs: &diag.List{}, opt: opt, types: newTable(), info: newInfo(),
		prog: &hir.Program{}, mods: map[string]*module{}, instances: map[string]*instance{},
		names: map[string]int{}, origin: map[*hir.Def]*origin{}, captives: map[*hir.Var]bool{},
		taken: map[hir.Expr]bool{}, reported: map[source.Span]bool{},
		extents: map[*hir.Var]hir.Dim{},
		lost:    map[*source.File]bool{}, husks: map[*hir.Var]bool{},
		auto: map[*hir.RefOf]bool{}, defaults: map[*syntax.Param]bool{},
		proving: map[proof]bool{},
		gone:    map[*hir.Var]source.Span{}}
}

// Program checks a file and what it imports. Whatever it reports, what it returns can be read; the
// program makes sense only if errs has not failed.
func Program(set *source.Set, file *syntax.File, errs *diag.List, opt Options) (*hir.Program,
	*Info) {
	if s := opt.Session; s != nil {
		return s.line(file, errs)
	}
	c := newChecker(set, opt)
	c.errs = errs
	c.library()
	m := &module{name: file.Source.Name, file: file, scope: newScope(c.prelude.scope), user: true}
	c.mods[m.name] = m
	c.declare(m)
	c.checkAll()
	for _, o := range c.order {
		if o == m {
			c.entry(m)
		}
	}
	c.own()
	c.prog.Library = library{c}
	return c.prog, c.info
}

// checkAll checks all items of the user's files and what they reach.
func (c *checker) checkAll() {
	for i := 0; i < len(c.order); i++ {
		if c.order[i].user {
			c.items(c.order[i])
		}
	}
	c.drain()
	c.pullbacks()
	// Functions nobody called.
	for i := 0; i < len(c.fns); i++ {
		if fn := c.fns[i]; fn.mod.user && !fn.used {
			c.abstract(fn)
			c.drain()
		}
	}
}

// entry finds main and the tests.
func (c *checker) entry(m *module) {
	for _, f := range c.prog.Funcs {
		if f.Name == "main" {
			c.prog.Main = f
		}
		for _, a := range f.Attrs {
			if a.Name == "test" {
				c.prog.Tests = append(c.prog.Tests, f)
			}
		}
	}
}

func (c *checker) errorf(code diag.Code, at source.Span, format string, a ...any) *diag.Diagnostic {
	if c.quiet > 0 {
		c.quiet |= failed
		return &diag.Diagnostic{}
	}
	return c.errs.Errorf(code, at, format, a...)
}

// failed is the bit of quiet that tells that an error was dropped.
const failed = 1 << 20

// silent tells that errors are dropped, and notes one: words need not be looked for.
func (c *checker) silent() bool {
	if c.quiet > 0 {
		c.quiet |= failed
	}
	return c.quiet > 0
}

// try runs f without reporting and tells whether it found no error.
func (c *checker) try(f func()) bool {
	saved := c.quiet
	c.quiet = saved&^failed + 1
	f()
	ok := c.quiet&failed == 0
	c.quiet = saved
	return ok
}

// line checks one text of a session.
func (s *Session) line(file *syntax.File, errs *diag.List) (*hir.Program, *Info) {
	c := s.c
	c.errs = errs
	if c.prelude == nil {
		c.library()
		c.lines = &module{name: "session", scope: newScope(c.prelude.scope), user: true}
	}
	saved := c.save()
	c.prog = &hir.Program{}
	c.order = nil
	m := &module{name: file.Source.Name, file: file, scope: c.lines.scope, user: true}
	c.declare(m)
	c.checkAll()
	if len(file.Stmts) > 0 && !errs.Failed() {
		c.topLevel(m, file)
		c.drain()
	}
	c.own()
	if errs.Failed() {
		c.restore(saved)
	}
	c.prog.Library = library{c}
	return c.prog, c.info
}

// state is what a line that fails must not change.
type state struct {
	names     map[string]any
	impls     int
	fns       int
	instances map[string]*instance
	gone      map[*hir.Var]source.Span
}

func (c *checker) save() state {
	st := state{names: map[string]any{}, impls: len(c.impls), fns: len(c.fns),
		instances: map[string]*instance{}, gone: maps.Clone(c.gone)}
	for k, v := range c.lines.scope.names {
		st.names[k] = v
	}
	for k, v := range c.instances {
		st.instances[k] = v
	}
	return st
}

func (c *checker) restore(st state) {
	c.lines.scope.names = st.names
	c.impls = c.impls[:st.impls]
	c.fns = c.fns[:st.fns]
	c.instances = st.instances
	c.gone = st.gone
	c.queue = nil
}
