package check

import (
	"maps"
	"slices"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
)

// flow follows a host function's control flow: what is moved, what is borrowed, what must be
// dropped. It runs twice over the function: the first time it only learns where each variable is
// used last, for a borrow lives until then.
type flow struct {
	c     *checker
	learn bool
	again bool // the second turn of a loop: everything has been said and written
	now   int
	last  map[*hir.Var]int
	born  map[*hir.Var]int // depth of the scope that declares it
	depth int
	st    *flowState
	loops []*flowLoop
	held  []loan // of arguments, until their call
	open  [][]*hir.Var
	edits map[*hir.Block][]hir.Stmt
	out   *[]hir.Stmt
	fn    *hir.Fn
}

// flowState is what holds at a point.
type flowState struct {
	moved map[*hir.Var]source.Span // on some path
	sure  map[*hir.Var]bool        // on all paths
	loans []loan
	dead  bool // control does not come here
}

type flowLoop struct {
	exits []*flowState
	next  []*flowState // at continue
	scope int          // len(open) outside of it
	start int          // now, where it starts
	used  map[*hir.Var]bool
}

func (s *flowState) clone() *flowState {
	return &flowState{maps.Clone(s.moved), maps.Clone(s.sure), slices.Clone(s.loans), s.dead}
}

// join is what holds where two paths meet.
func join(a, b *flowState) *flowState {
	if a.dead {
		return b
	}
	if b.dead {
		return a
	}
	out := a.clone()
	for v, at := range b.moved {
		if _, ok := out.moved[v]; !ok {
			out.moved[v] = at
		}
	}
	for v := range a.sure {
		if !b.sure[v] {
			delete(out.sure, v)
		}
	}
	for _, l := range b.loans {
		if !slices.ContainsFunc(out.loans, l.same) {
			out.loans = append(out.loans, l)
		}
	}
	return out
}

// ownFn checks one function and writes its drops.
func (c *checker) ownFn(f *hir.Fn) {
	w := &flow{c: c, learn: true, last: map[*hir.Var]int{}, born: map[*hir.Var]int{}, fn: f}
	w.function(f)
	w.learn = false
	w.edits = map[*hir.Block][]hir.Stmt{}
	w.function(f)
	for blk, stmts := range w.edits {
		blk.Stmts = stmts
	}
}

func (w *flow) function(f *hir.Fn) {
	w.now, w.depth = 0, 0
	w.st = &flowState{moved: map[*hir.Var]source.Span{}, sure: map[*hir.Var]bool{}}
	w.open = nil
	w.open = append(w.open, nil)
	for _, p := range f.Params {
		w.declare(p)
	}
	loans := w.block(f.Body, f.Params)
	if f.Body.Value != nil && !w.st.dead && !bad(f.Result) {
		w.escape(loans, f.Body.Value)
	}
}

func (w *flow) declare(v *hir.Var) {
	w.born[v] = len(w.open)
	delete(w.st.moved, v)
	delete(w.st.sure, v)
	if owns(v.Type) && !v.Global && !w.c.captives[v] && !w.c.husks[v] {
		w.open[len(w.open)-1] = append(w.open[len(w.open)-1], v)
	}
}

// quietly tells that nothing is to be reported or written.
func (w *flow) quietly() bool { return w.learn || w.again }

// block walks a block and gives the loans of its value. params are dropped with its variables.
func (w *flow) block(b *hir.Block, params []*hir.Var) (loans []loan) {
	if b == nil {
		return nil
	}
	if params == nil {
		w.open = append(w.open, nil)
	}
	w.depth++
	savedOut := w.out
	stmts := make([]hir.Stmt, 0, len(b.Stmts)+2)
	w.out = &stmts
	for i, s := range b.Stmts {
		w.stmt(s)
		w.early(b, i)
	}
	if b.Value != nil {
		loans = w.value(b.Value)
	}
	w.finish(b, &stmts, loans)
	if !w.quietly() {
		w.edits[b] = stmts
	}
	w.out = savedOut
	w.depth--
	w.open = w.open[:len(w.open)-1]
	return loans
}

func (w *flow) emit(s hir.Stmt) {
	if w.out != nil {
		*w.out = append(*w.out, s)
	}
}

// finish drops what a block declared and still owns.
func (w *flow) finish(b *hir.Block, stmts *[]hir.Stmt, loans []loan) {
	vars := w.open[len(w.open)-1]
	if w.st.dead {
		return
	}
	var drops []hir.Stmt
	for i := len(vars) - 1; i >= 0; i-- {
		v := vars[i]
		for _, l := range loans {
			if l.place.root == v && !l.place.behind() {
				w.outlives(l, b.Value.Span())
			}
		}
		if !w.st.sure[v] {
			drops = append(drops, &hir.Drop{Var: v})
		}
	}
	if len(drops) == 0 || w.quietly() {
		return
	}
	if x := b.Value; x != nil && !simple(x) {
		r := &hir.Var{Type: x.Type(), At: x.Span()}
		*stmts = append(*stmts, &hir.Let{Var: r, Value: x})
		b.Value = &hir.Local{X: hir.X{T: r.Type, At: x.Span()}, Var: r, Move: !isCopy(r.Type)}
	}
	*stmts = append(*stmts, drops...)
}

// simple tells values that can be read when other variables are gone.
func simple(x hir.Expr) bool {
	switch x.(type) {
	case *hir.Const, *hir.Local, *hir.DimOf:
		return true
	}
	return false
}

// early drops variables without a name behind the statement that uses them last.
func (w *flow) early(b *hir.Block, i int) {
	vars := w.open[len(w.open)-1]
	if w.st.dead || len(vars) == 0 {
		return
	}
	if l, ok := b.Stmts[i].(*hir.Let); ok && holdsRef(l.Var.Type) {
		return
	}
	keep := vars[:0:0]
	for _, v := range vars {
		if v.Name != "" || w.last[v] > w.now || w.c.captives[v] || w.borrowedLater(v) {
			keep = append(keep, v)
			continue
		}
		if !w.st.sure[v] {
			if !w.quietly() {
				w.emit(&hir.Drop{Var: v})
			}
			w.st.sure[v] = true
		}
	}
	w.open[len(w.open)-1] = keep
}

// borrowedLater tells whether a loan of v is still in use.
func (w *flow) borrowedLater(v *hir.Var) bool {
	return slices.ContainsFunc(w.st.loans, func(l loan) bool {
		return l.place.root == v && w.last[l.holder] > w.now
	})
}

func (w *flow) stmt(s hir.Stmt) {
	switch s := s.(type) {
	case *hir.Let:
		var loans []loan
		if s.Value != nil {
			loans = w.value(s.Value)
		}
		w.declare(s.Var)
		for _, l := range loans {
			l.holder = s.Var
			w.st.loans = append(w.st.loans, l)
		}
		w.emit(s)
	case *hir.Assign:
		w.assign(s)
	case *hir.Do:
		w.do(s)
	case *hir.While:
		w.while(s)
	case *hir.For:
		w.forLoop(s)
	case *hir.Break, *hir.Continue:
		w.jump(s)
	case *hir.Return:
		w.ret(s)
	default:
		w.emit(s)
	}
}

// do drops the value of a statement that nobody takes.
func (w *flow) do(s *hir.Do) {
	w.value(s.X)
	if t := s.X.Type(); owns(t) && !bad(t) {
		v := &hir.Var{Type: t, At: s.X.Span()}
		w.emit(&hir.Let{Var: v, Value: s.X})
		w.emit(&hir.Drop{Var: v})
	} else {
		w.emit(s)
	}
	if s.X.Type() == never {
		w.st.dead = true
	}
}

func (w *flow) assign(s *hir.Assign) {
	w.value(s.Value)
	l, local := s.Place.(*hir.Local)
	p, _ := w.place(s.Place)
	if !local {
		w.read(s.Place, true) // its indices, and that it is still there
	}
	w.access(p, writing, s.Place.Span())
	if !local || !owns(l.T) {
		w.emit(s)
		return
	}
	if w.st.sure[l.Var] {
		w.emit(s)
	} else {
		x := s.Value
		if !simple(x) {
			v := &hir.Var{Type: x.Type(), At: x.Span()}
			w.emit(&hir.Let{Var: v, Value: x})
			x = &hir.Local{X: hir.X{T: v.Type, At: x.Span()}, Var: v, Move: true}
		}
		w.emit(&hir.Drop{Var: l.Var})
		w.emit(&hir.Assign{Place: s.Place, Value: x, At: s.At})
	}
	delete(w.st.moved, l.Var)
	delete(w.st.sure, l.Var)
	delete(w.c.gone, l.Var)
}

// turn walks a loop's body twice, so that what one turn does to the next is seen.
func (w *flow) turn(cond hir.Expr, body *hir.Block) {
	l := &flowLoop{scope: len(w.open), start: w.now, used: map[*hir.Var]bool{}}
	w.loops = append(w.loops, l)
	if cond != nil {
		w.value(cond)
	}
	after := w.st.clone()
	w.block(body, nil)
	w.now++
	end := w.now
	for v := range l.used {
		if w.born[v] <= l.scope {
			w.last[v] = max(w.last[v], end)
		}
	}
	if len(w.loops) > 1 {
		outer := w.loops[len(w.loops)-2]
		for v := range l.used {
			outer.used[v] = true
		}
	}
	for _, x := range l.next {
		w.st = join(w.st, x)
	}
	if !w.learn && !w.st.dead {
		saved := w.again
		w.now, w.again = l.start, true
		exits := len(l.exits)
		if cond != nil {
			w.value(cond)
		}
		after = join(after, w.st)
		w.block(body, nil)
		l.exits = l.exits[:exits]
		w.again = saved
	}
	w.now = end
	w.loops = w.loops[:len(w.loops)-1]
	endless := false
	if c, ok := cond.(*hir.Const); ok {
		endless, _ = c.Value.(bool)
	}
	w.st = join(after, w.st)
	if endless {
		w.st = after.clone()
		w.st.dead = true
	}
	for _, x := range l.exits {
		w.st = join(w.st, x)
	}
}

func (w *flow) while(s *hir.While) {
	w.turn(s.Cond, s.Body)
	w.emit(s)
}

func (w *flow) forLoop(s *hir.For) {
	loans := w.value(s.Over)
	w.open = append(w.open, nil)
	holder := &hir.Var{}
	for _, l := range loans {
		l.holder = holder
		w.st.loans = append(w.st.loans, l)
		if holdsRef(s.Var.Type) {
			l.holder = s.Var
			w.st.loans = append(w.st.loans, l)
		}
	}
	w.born[holder], w.born[s.Var] = len(w.open), len(w.open)+1
	w.last[holder] = 1 << 60
	w.turn(nil, s.Body)
	w.last[holder] = 0
	w.open = w.open[:len(w.open)-1]
	w.emit(s)
}

// leave drops what scopes own that a jump leaves.
func (w *flow) leave(scope int) {
	if w.quietly() {
		return
	}
	for i := len(w.open) - 1; i >= scope; i-- {
		for j := len(w.open[i]) - 1; j >= 0; j-- {
			if v := w.open[i][j]; !w.st.sure[v] {
				w.emit(&hir.Drop{Var: v})
			}
		}
	}
}

func (w *flow) jump(s hir.Stmt) {
	if len(w.loops) > 0 && !w.st.dead {
		l := w.loops[len(w.loops)-1]
		w.leave(l.scope)
		if _, brk := s.(*hir.Break); brk {
			l.exits = append(l.exits, w.st.clone())
		} else {
			l.next = append(l.next, w.st.clone())
		}
	}
	w.emit(s)
	w.st.dead = true
}

func (w *flow) ret(s *hir.Return) {
	if s.Value != nil {
		w.escape(w.value(s.Value), s.Value)
		owned := 0
		for _, vs := range w.open {
			owned += len(vs)
		}
		if !simple(s.Value) && owned > 0 && !w.quietly() && !bad(s.Value.Type()) {
			v := &hir.Var{Type: s.Value.Type(), At: s.Value.Span()}
			w.emit(&hir.Let{Var: v, Value: s.Value})
			s = &hir.Return{At: s.At, Value: &hir.Local{X: hir.X{T: v.Type, At: s.Value.Span()},
				Var:  v,
				Move: !isCopy(v.Type)}}
		}
	}
	if !w.st.dead {
		w.leave(0)
	}
	w.emit(s)
	w.st.dead = true
}

// escape checks references in what a function returns: only into its reference parameters, and
// none that a function value has captured.
func (w *flow) escape(loans []loan, x hir.Expr) {
	at, ref := x.Span(), holdsRef(x.Type())
	for _, l := range loans {
		if l.place.root.Global {
			continue
		}
		if !ref || !l.place.behind() || !slices.Contains(w.fn.Params, l.place.root) ||
			w.c.captives[l.place.root] {
			w.outlives(l, at)
		}
	}
}

func (w *flow) outlives(l loan, at source.Span) {
	if w.quietly() {
		return
	}
	v := l.place.root
	d := w.c.errorf(diag.Outlives, l.at, "a reference to %s leaves the block that owns it",
		called(v))
	if v.Name != "" {
		d.With(v.At, "%s lives until the end of its block", v.Name)
	}
	if at != l.at {
		d.With(at, "it leaves here")
	}
	d.Hint("return the value itself, or take it as a reference parameter")
}

func called(v *hir.Var) string {
	if v.Name == "" {
		return "a value without a name"
	}
	return v.Name
}
