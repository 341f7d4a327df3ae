package check

import (
	"slices"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
)

// place is a variable, or a part of what it holds or refers to.
type place struct {
	root *hir.Var
	path []step
}

// step is one step into a value.
type step struct {
	kind   stepKind
	n      int // the field
	ranges []span
}

type stepKind uint8

const (
	stepDeref stepKind = iota
	stepField
	stepIndex
)

// span is the indices lo..hi of a dimension; known: both are constants.
type span struct {
	lo, hi int
	known  bool
}

// behind tells a place that a reference refers to: it is somebody else's.
func (p place) behind() bool {
	return slices.ContainsFunc(p.path, func(s step) bool { return s.kind == stepDeref })
}

// overlap tells whether two places may share something.
func (p place) overlap(q place) bool {
	if p.root != q.root {
		return false
	}
	for i := range min(len(p.path), len(q.path)) {
		a, b := p.path[i], q.path[i]
		switch {
		case a.kind != b.kind:
			return true
		case a.kind == stepField && a.n != b.n:
			return false
		case a.kind == stepIndex && apart(a.ranges, b.ranges):
			return false
		}
	}
	return true
}

// apart tells whether two parts of a tensor are proved not to meet: in one dimension their
// constant ranges do not.
func apart(a, b []span) bool {
	for i := range min(len(a), len(b)) {
		if a[i].known && b[i].known && (a[i].hi <= b[i].lo || b[i].hi <= a[i].lo) {
			return true
		}
	}
	return false
}

// loan is a borrow that lives.
type loan struct {
	place  place
	kind   hir.RefKind
	at     source.Span
	holder *hir.Var // whose uses keep it alive; nil: of a call being made
}

func (l loan) same(m loan) bool {
	return l.holder == m.holder && l.at == m.at && l.kind == m.kind && l.place.root == m.place.root
}

// place is the place that an expression names; not ok if it names none.
func (w *flow) place(x hir.Expr) (place, bool) {
	switch x := x.(type) {
	case *hir.Local:
		return place{root: x.Var}, true
	case *hir.Deref:
		if r, ok := x.Arg.(*hir.RefOf); ok {
			return w.place(r.Place)
		}
		return w.into(x.Arg, step{kind: stepDeref})
	case *hir.FieldOf:
		return w.into(x.Arg, step{kind: stepField, n: x.Index})
	case *hir.PayloadOf:
		return w.into(x.Arg, step{kind: stepField, n: x.Tag<<16 | x.Index})
	case *hir.IndexOf:
		s := step{kind: stepIndex}
		for _, i := range x.Indices {
			s.ranges = append(s.ranges, rangeOf(i))
		}
		return w.into(x.Arg, s)
	}
	return place{}, false
}

func (w *flow) into(x hir.Expr, s step) (place, bool) {
	p, ok := w.place(x)
	p.path = append(slices.Clone(p.path), s)
	return p, ok
}

func rangeOf(x hir.Expr) span {
	switch x := x.(type) {
	case *hir.Const:
		if n, ok := x.Value.(int64); ok {
			return span{int(n), int(n) + 1, true}
		}
	case *hir.RangeOf:
		lo, ok1 := x.Lo.(*hir.Const)
		hi, ok2 := x.Hi.(*hir.Const)
		if ok1 && ok2 {
			a, _ := lo.Value.(int64)
			b, _ := hi.Value.(int64)
			return span{int(a), int(b), true}
		}
	}
	return span{}
}

// use is what is done to a place.
type use uint8

const (
	reading use = iota
	writing
	moving
	lending    // &
	lendingMut // &mut
)

var useWords = [...]string{"used", "written", "moved", "borrowed", "borrowed for writing"}

// access reports a use of a place that a living borrow forbids.
func (w *flow) access(p place, u use, at source.Span) {
	if w.learn || p.root == nil {
		return
	}
	for _, l := range append(slices.Clone(w.held), w.st.loans...) {
		if l.holder != nil && (w.last[l.holder] <= w.now || l.holder == p.root) ||
			!l.place.overlap(p) {
			continue
		}
		if l.kind == hir.Shared && (u == reading || u == lending) {
			continue
		}
		w.conflict(p, l, u, at)
		return
	}
}

func (w *flow) conflict(p place, l loan, u use, at source.Span) {
	code := diag.Borrowed
	if u == moving {
		code = diag.MoveBorrowed
	}
	how := "borrowed"
	if l.kind != hir.Shared {
		how = "borrowed for writing"
	}
	d := w.c.errorf(code, at, "%s cannot be %s here: it is %s", called(p.root), useWords[u], how)
	d.With(l.at, "%s here", how)
	if l.holder != nil && l.holder.Name != "" {
		d.Note("the borrow lives until the last use of %s", l.holder.Name)
		d.Hint("use %s before, or make the borrow later", l.holder.Name)
	} else {
		d.Hint("borrow once for the whole call")
	}
}

// read walks a place that is looked at, not taken. inner: only what stands in its indices.
func (w *flow) read(x hir.Expr, inner bool) {
	switch e := x.(type) {
	case *hir.Local:
		w.touch(e.Var)
		w.alive(e.Var, e.At)
	case *hir.Deref:
		w.read(e.Arg, true)
	case *hir.FieldOf:
		w.read(e.Arg, true)
	case *hir.PayloadOf:
		w.read(e.Arg, true)
	case *hir.IndexOf:
		w.read(e.Arg, true)
		for _, i := range e.Indices {
			if i != nil {
				w.value(i)
			}
		}
	default:
		w.value(x)
	}
	if inner {
		return
	}
	if p, ok := w.place(x); ok {
		w.access(p, reading, x.Span())
	}
}

// touch notes a use of a variable.
func (w *flow) touch(v *hir.Var) {
	w.now++
	if w.learn {
		w.last[v] = max(w.last[v], w.now)
	}
	for _, l := range w.loops {
		l.used[v] = true
	}
}

// alive reports a use of what was moved.
func (w *flow) alive(v *hir.Var, at source.Span) {
	moved, ok := w.st.moved[v]
	if !ok {
		moved, ok = w.c.gone[v]
	}
	if !ok || w.learn {
		return
	}
	name := called(v)
	if moved == at {
		d := w.c.errorf(diag.Moved, at, "%s is moved in each turn of the loop", name)
		d.Label("the turn before has moved it").With(v.At, "bound outside of the loop")
		w.moveHint(d, v)
		return
	}
	d := w.c.errorf(diag.Moved, at, "%s was moved", name)
	d.Label("used after that").With(moved, "moved here")
	w.moveHint(d, v)
	// Once is enough.
	delete(w.st.moved, v)
	delete(w.st.sure, v)
}

func (w *flow) moveHint(d *diag.Diagnostic, v *hir.Var) {
	d.Note("%s has one owner", String(v.Type))
	if v.Type.Kind == hir.Tensor {
		d.Hint("lend it: &%s, or move a copy: %s.copy()", v.Name, v.Name)
	} else {
		d.Hint("lend it: &%s", v.Name)
	}
}

// move takes the value of a variable.
func (w *flow) move(l *hir.Local) {
	v := l.Var
	w.touch(v)
	w.alive(v, l.At)
	w.access(place{root: v}, moving, l.At)
	if w.learn {
		w.st.moved[v], w.st.sure[v] = l.At, true
		return
	}
	if w.c.captives[v] {
		w.c.errorf(diag.MoveOut, l.At, "%s was captured: the closure may be called again", v.Name).
			With(v.At, "captured from here").Hint("lend it: &%s", v.Name)
		return
	}
	l.Move = true
	w.st.moved[v], w.st.sure[v] = l.At, true
	if v.Global && !w.again {
		w.c.gone[v] = l.At
	}
}

// value walks an expression whose value is taken and gives the loans in it.
func (w *flow) value(x hir.Expr) []loan {
	switch e := x.(type) {
	case nil:
		return nil
	case *hir.Local:
		return w.local(e)
	case *hir.Deref, *hir.FieldOf, *hir.PayloadOf, *hir.IndexOf:
		return w.part(x)
	case *hir.RefOf:
		return w.refOf(e)
	case *hir.Unary:
		w.value(e.Arg)
	case *hir.Binary:
		w.binary(e)
	case *hir.TagOf:
		w.read(e.Arg, false)
	case *hir.CastTo:
		w.value(e.Arg)
	case *hir.RangeOf:
		w.value(e.Lo)
		w.value(e.Hi)
	case *hir.If:
		return w.ifExpr(e)
	case *hir.BlockExpr:
		return w.block(e.Block, nil)
	case *hir.Call:
		return w.call(e.T, e.Args)
	case *hir.Intrinsic:
		out := w.call(e.T, e.Args)
		w.pushed(e)
		return out
	case *hir.Launch:
		return w.call(e.T, e.Args)
	case *hir.CallValue:
		w.read(e.Fn, false)
		return w.call(e.T, e.Args)
	case *hir.FuncValue:
		return w.all(e.Captured)
	case *hir.TupleOf:
		return w.all(e.Elems)
	case *hir.ArrayOf:
		out := w.all(e.Elems)
		if e.Count != nil {
			w.value(e.Count)
		}
		return out
	case *hir.StructOf:
		return w.all(e.Fields)
	case *hir.EnumOf:
		return w.all(e.Args)
	}
	return nil
}

func (w *flow) all(xs []hir.Expr) (out []loan) {
	n := len(w.held)
	for _, x := range xs {
		ls := w.value(x)
		out = append(out, ls...)
		w.held = append(w.held, ls...)
	}
	w.held = w.held[:n]
	return out
}

// call walks arguments; their borrows live until the call is done, and on in a result that is a
// reference.
func (w *flow) call(t *hir.Type, args []hir.Expr) []loan {
	n := len(w.held)
	var out []loan
	var late []hir.Expr
	for i, a := range args {
		if a == nil {
			continue
		}
		if r, ok := a.(*hir.RefOf); ok && w.c.auto[r] && r.T.Mut == hir.Exclusive {
			late = append(late, r) // x.push(x.len()): the receiver is borrowed last
			continue
		}
		if l, ok := a.(*hir.Local); ok && i == 0 && l.T.Kind == hir.Ref &&
			l.T.Mut == hir.Exclusive {
			late = append(late, l)
			continue
		}
		ls := w.value(a)
		w.held = append(w.held, ls...)
		out = append(out, ls...)
	}
	for _, r := range late {
		out = append(out, w.value(r)...)
	}
	w.held = w.held[:n]
	if !holdsRef(t) && !holdsFunc(t) {
		return nil
	}
	return out
}

// pushed ties what a function value captured to the array that it is pushed to.
func (w *flow) pushed(e *hir.Intrinsic) {
	if e.Name != "Array.push" || !holdsFunc(e.Args[1].Type()) {
		return
	}
	p, ok := w.place(&hir.Deref{Arg: e.Args[0]})
	f, isFunc := e.Args[1].(*hir.FuncValue)
	if !ok || !isFunc {
		return
	}
	for _, x := range f.Captured {
		if l, ok := x.(*hir.Local); ok && l.T.Kind == hir.Ref {
			for _, held := range w.heldBy(l.Var) {
				held.holder = p.root
				w.st.loans = append(w.st.loans, held)
			}
		}
	}
}

func (w *flow) local(e *hir.Local) []loan {
	t := e.T
	if t.Kind == hir.Ref || holdsRef(t) {
		w.touch(e.Var)
		w.alive(e.Var, e.At)
		return w.passOn(e)
	}
	if owns(t) {
		out := w.heldBy(e.Var)
		w.move(e)
		return out
	}
	w.touch(e.Var)
	w.alive(e.Var, e.At)
	w.access(place{root: e.Var}, reading, e.At)
	return nil
}

// heldBy are the loans that a variable keeps alive.
func (w *flow) heldBy(v *hir.Var) (out []loan) {
	for _, l := range w.st.loans {
		if l.holder == v {
			out = append(out, l)
		}
	}
	return out
}

// passOn passes a reference on: what it refers to stays borrowed, and it itself is.
func (w *flow) passOn(e *hir.Local) []loan {
	out := w.heldBy(e.Var)
	if e.T.Kind != hir.Ref {
		return out
	}
	p := place{root: e.Var, path: []step{{kind: stepDeref}}}
	u := lending
	if e.T.Mut == hir.Exclusive {
		u = lendingMut
	}
	w.access(p, u, e.At)
	return append(out, loan{place: p, kind: e.T.Mut, at: e.At})
}

// part takes the value of a part: copied, or moved out, which patterns only may.
func (w *flow) part(x hir.Expr) []loan {
	t := x.Type()
	if isCopy(t) || bad(t) || t.Kind == hir.Ref {
		w.read(x, false)
		return nil
	}
	if i, ok := x.(*hir.IndexOf); ok && (deref(i.Arg.Type()).Kind == hir.Tensor ||
		i.T == i.Arg.Type()) {
		w.read(x, false) // a new tensor or array
		return nil
	}
	p, isPlace := w.place(x)
	if isPlace && w.c.taken[x] && !p.behind() {
		w.touch(p.root)
		return nil
	}
	w.read(x, false)
	if !isPlace && w.onlyOwned(x) {
		return nil
	}
	if w.quietly() {
		return nil
	}
	what := "a part of a value"
	if isPlace {
		what = "a part of " + called(p.root)
	}
	if _, idx := x.(*hir.IndexOf); idx {
		what = "an element"
	}
	if p.behind() {
		what = "what is borrowed"
	}
	d := w.c.errorf(diag.MoveOut, x.Span(), "%s cannot be moved out", what).
		Label("%s has one owner", String(t))
	start := source.Span{Pos: x.Span().Pos, End: x.Span().Pos}
	switch {
	case t.Kind == hir.Tensor:
		d.Hint("lend it with &, or move a copy: .copy()")
	default:
		d.Hint("lend it with &, or take the whole apart: let (a, b) = ...")
	}
	if isPlace {
		d.Replace(start, "&", "lend it")
	}
	return nil
}

// onlyOwned tells a part of a value without a name whose other parts own nothing.
func (w *flow) onlyOwned(x hir.Expr) bool {
	f, ok := x.(*hir.FieldOf)
	if !ok {
		return false
	}
	t := f.Arg.Type()
	n := 0
	for _, a := range t.Args {
		if owns(a) {
			n++
		}
	}
	if t.Def != nil {
		for _, fd := range t.Def.Fields {
			if owns(fd.Type) {
				n++
			}
		}
	}
	_, place := w.place(f.Arg)
	return n == 1 && !place
}

func (w *flow) refOf(e *hir.RefOf) []loan {
	w.read(e.Place, true)
	p, ok := w.place(e.Place)
	if !ok {
		return nil
	}
	u := lending
	if e.T.Mut != hir.Shared {
		u = lendingMut
	}
	w.access(p, u, e.At)
	out := []loan{{place: p, kind: e.T.Mut, at: e.At}}
	if p.behind() {
		out = append(out, w.heldBy(p.root)...)
	}
	return out
}

func (w *flow) binary(e *hir.Binary) {
	w.value(e.L)
	if e.Op != hir.AndAnd && e.Op != hir.OrOr {
		w.value(e.R)
		return
	}
	before := w.st.clone()
	w.value(e.R)
	w.st = join(before, w.st)
}

func (w *flow) ifExpr(e *hir.If) []loan {
	w.value(e.Cond)
	before := w.st.clone()
	a := w.block(e.Then, nil)
	then := w.st
	w.st = before
	b := w.block(e.Else, nil)
	w.st = join(then, w.st)
	return append(a, b...)
}
