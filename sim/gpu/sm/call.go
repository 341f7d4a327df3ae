package sm

import (
	"encoding/binary"
	"slices"

	"tensoros/hw/ptx"
)

// Functions have rows of their own in the register files and bytes of their own in local memory,
// so a call only moves arguments and remembers where to return. One that may be active twice in a
// lane (recursion) saves its frame first.

type frameEnd struct{ r, x, pred, local int }

// place is where a parameter or argument lives in a lane.
type place struct {
	slot slot
	at   int // in local memory, if size > 0
	size int
}

// callee is a function as laid out.
type callee struct {
	name      string
	entry     int32
	place     []int32
	low, high frameEnd
	params    []place
	results   []place
}

// callSite is a call instruction.
type callSite struct {
	target  int // in Program.funcs, -1 if by register
	reg     slot
	args    []place
	results []place
}

// frame is what a lane returns to.
type frame struct {
	pc    int32
	fn    int32
	site  *callSite
	saved []byte
	stack uint32 // what alloca had taken
}

// maxDepth bounds recursion: a frame here is not a byte of any real stack.
const maxDepth = 1 << 14

type branchTable struct {
	index   int
	targets []int32
}

func (k kind) jumps() bool {
	return k == jump || k == callFunc || k == retFunc || k == jumpTable
}

// reachable lists the entry and every function that it can come by: those it names, and once it
// calls by address, those that a variable holds.
func (d *decoder) reachable(entry *ptx.Func) []*ptx.Func {
	d.ids = map[*ptx.Func]int{entry: 0}
	list := []*ptx.Func{entry}
	add := func(f *ptx.Func) {
		if _, ok := d.ids[f]; !ok && f != nil && f.Defined {
			d.ids[f] = len(list)
			list = append(list, f)
		}
	}
	for i := 0; i < len(list); i++ {
		for in := range list[i].Insts() {
			for a := range in.Args {
				if in.Args[a].Kind == ptx.KindFunc {
					add(d.mod.Func(in.Args[a].Name))
				}
			}
			if in.Op.ID == ptx.OpCall && in.Args[1].Kind != ptx.KindFunc {
				for _, v := range d.mod.Vars {
					for _, f := range heldBy(d.mod, v) {
						add(f)
					}
				}
			}
		}
	}
	return list
}

// heldBy lists the functions whose addresses are in a variable's initial value.
func heldBy(m *ptx.Module, v *ptx.Var) (list []*ptx.Func) {
	if v.Init == nil {
		return nil
	}
	_, relocs, err := v.Data()
	if err != nil {
		return nil // variables says so
	}
	for _, r := range relocs {
		if f := m.Func(r.Name); f != nil {
			list = append(list, f)
		}
	}
	return list
}

// funcNumber is a function's address: its place in the module, from one, so that it is the same in
// all kernels and in the variables they share.
func funcNumber(m *ptx.Module, f *ptx.Func) uint64 {
	return uint64(slices.Index(m.Funcs, f)) + 1
}

// formals notes where a function's parameters and results live.
func (c *callee) formals(d *decoder) {
	c.name = d.f.Name
	if d.f.Entry {
		return
	}
	for i, list := range [2][]*ptx.Var{d.f.Params, d.f.Return} {
		for _, v := range list {
			var p place
			if v.Space == ptx.SpaceReg {
				r := d.f.Regs.Find(v.Name)
				p.slot = slot{row: int(d.place[r]), wide: v.Type.Bits() == 64}
			} else {
				p.at, p.size = d.offsets[v], v.Size()
			}
			if i == 0 {
				c.params = append(c.params, p)
			} else {
				c.results = append(c.results, p)
			}
		}
	}
}

// paramSpace tells a kernel's parameters from those of functions and calls.
func (d *decoder) paramSpace(s space, addr *ptx.Operand) space {
	if s != inParam {
		return s
	}
	if len(addr.List) > 0 && addr.List[0].Kind == ptx.KindLocal {
		v := d.variable(&addr.List[0])
		for _, p := range d.f.Params {
			if p == v && d.f.Entry {
				return inParam
			}
		}
		return inLocal
	}
	if d.f.Entry {
		return inParam
	}
	return inLocal
}

// funcAddress is the address of a function that an operand names.
func (d *decoder) funcAddress(op *ptx.Operand) uint64 {
	f := d.mod.Func(op.Name)
	if _, ok := d.ids[f]; !ok {
		d.fault("function %s is not defined in this module", op.Name)
		return 0
	}
	return funcNumber(d.mod, f)
}

func (d *decoder) call() {
	in := d.in
	d.out.kind = callFunc
	site := &callSite{target: -1}
	d.out.calls = site
	switch callee := &in.Args[1]; {
	case callee.Kind != ptx.KindFunc:
		site.reg = d.slots(callee, false)[0]
	case runtimeCalls[callee.Name] != nil && !d.mod.Func(callee.Name).Defined:
		d.runtimeCall(site, callee.Name)
	default:
		d.funcAddress(callee)
		site.target = d.ids[d.mod.Func(callee.Name)]
	}
	for i := range in.Args[0].List {
		site.results = append(site.results, d.actual(&in.Args[0].List[i], true))
	}
	if len(in.Args) > 2 {
		for i := range in.Args[2].List {
			site.args = append(site.args, d.actual(&in.Args[2].List[i], false))
		}
	}
}

func (d *decoder) actual(op *ptx.Operand, result bool) place {
	if op.Kind == ptx.KindLocal {
		v := d.variable(op)
		if at, ok := d.offsets[v]; ok && v.Space == ptx.SpaceParam {
			return place{at: at, size: v.Size()}
		}
	}
	s := slot{wide: d.wideReg(op)}
	switch {
	case op.Kind == ptx.KindSink:
		s.empty = true
	case result:
		s.row = d.dst(op)
	case s.wide:
		s.row = d.operand64(op)
	default:
		s.row = d.operand32(op)
	}
	return place{slot: s}
}

// take reads an argument's bytes in a lane; give writes them.
func (w *Warp) take(p place, l int, out []byte) []byte {
	if p.size == 0 {
		return binary.LittleEndian.AppendUint64(out, p.slot.get(w, l))
	}
	at := l*w.prog.Local + p.at
	return append(out, w.local[at:at+p.size]...)
}

func (w *Warp) give(p place, l int, in []byte) {
	if p.size == 0 {
		var b [8]byte
		copy(b[:], in)
		p.slot.set(w, l, binary.LittleEndian.Uint64(b[:]))
		return
	}
	at := l*w.prog.Local + p.at
	copy(w.local[at:at+p.size], in)
}

// call enters a function in the executing lanes.
func (w *Warp) call(in *inst) {
	if w.mask == 0 {
		w.proceed()
		return
	}
	site := in.calls
	w.split()
	w.calling = true
	pc, mask := w.pc, w.mask
	for m := mask; m != 0; m &= m - 1 {
		if !w.enter(site, first(m), pc+1) {
			return
		}
	}
	w.move(w.active&^mask, pc+1)
	w.regroup()
}

func (w *Warp) enter(site *callSite, l int, back int32) bool {
	id := site.target
	if id < 0 {
		at := site.reg.get(w, l)
		if id = w.prog.numbered[at]; id == 0 {
			w.cta.fail(w, "call of address %#x: no function is there", at)
			return false
		}
	}
	f := &w.prog.funcs[id]
	if len(site.args) != len(f.params) || len(site.results) > len(f.results) {
		w.cta.fail(w, "call of %s with %d arguments, it takes %d", f.name, len(site.args),
			len(f.params))
		return false
	}
	if w.depth[l] >= maxDepth {
		w.cta.fail(w, "call stack overflow: %d calls of %s and others are open", maxDepth, f.name)
		return false
	}
	var args [][]byte
	for _, a := range site.args {
		args = append(args, w.take(a, l, nil))
	}
	fr := frame{pc: back, fn: int32(id), site: site}
	if w.prog.stack >= 0 {
		fr.stack = w.r[w.prog.stack][l]
	}
	for _, open := range w.stacks[l] {
		if open.fn == int32(id) {
			fr.saved = w.save(f, l)
			break
		}
	}
	w.stacks[l] = append(w.stacks[l], fr)
	w.depth[l]++
	for i, p := range f.params {
		w.give(p, l, args[i])
	}
	w.pcs[l] = f.entry
	return true
}

// save copies a lane's part of a function's frame.
func (w *Warp) save(f *callee, l int) []byte {
	var b []byte
	for i := f.low.r; i < f.high.r; i++ {
		b = binary.LittleEndian.AppendUint32(b, w.r[i][l])
	}
	for i := f.low.x; i < f.high.x; i++ {
		b = binary.LittleEndian.AppendUint64(b, w.x[i][l])
	}
	for i := f.low.pred; i < f.high.pred; i++ {
		b = append(b, byte(w.pred[i]>>l&1))
	}
	base := l * w.prog.Local
	return append(b, w.local[base+f.low.local:base+f.high.local]...)
}

func (w *Warp) restore(f *callee, l int, b []byte) {
	for i := f.low.r; i < f.high.r; i, b = i+1, b[4:] {
		w.r[i][l] = binary.LittleEndian.Uint32(b)
	}
	for i := f.low.x; i < f.high.x; i, b = i+1, b[8:] {
		w.x[i][l] = binary.LittleEndian.Uint64(b)
	}
	for i := f.low.pred; i < f.high.pred; i, b = i+1, b[1:] {
		w.pred[i] = w.pred[i]&^(1<<l) | uint32(b[0])<<l
	}
	copy(w.local[l*w.prog.Local+f.low.local:], b)
}

// ret leaves a function in the executing lanes.
func (w *Warp) ret() {
	if w.mask == 0 {
		w.proceed()
		return
	}
	w.split()
	w.move(w.active&^w.mask, w.pc+1)
	for m := w.mask; m != 0; m &= m - 1 {
		l := first(m)
		n := len(w.stacks[l]) - 1
		fr := w.stacks[l][n]
		w.stacks[l] = w.stacks[l][:n]
		w.depth[l]--
		f := &w.prog.funcs[fr.fn]
		var results [][]byte
		for i := range fr.site.results {
			results = append(results, w.take(f.results[i], l, nil))
		}
		if fr.saved != nil {
			w.restore(f, l, fr.saved)
		}
		for i, p := range fr.site.results {
			w.give(p, l, results[i])
		}
		if w.prog.stack >= 0 {
			w.r[w.prog.stack][l] = fr.stack
		}
		w.pcs[l] = fr.pc
	}
	w.regroup()
}

// deepest keeps the lanes with most open calls: they run first, so that a warp meets again where
// its function returns.
func (w *Warp) deepest(ready uint32) (out uint32) {
	most := int32(-1)
	for m := ready; m != 0; m &= m - 1 {
		switch d := w.depth[first(m)]; {
		case d > most:
			most, out = d, m&-m
		case d == most:
			out |= m & -m
		}
	}
	w.calling = most > 0 || w.waiting != 0
	return out
}

// branchTable is brx.idx.
func (d *decoder) branchTable(labels []int) {
	in := d.in
	d.out.kind = jumpTable
	t := &branchTable{index: d.src32(0)}
	d.out.table = t
	targets := findTargets(d.f.Body, in.Args[1].Name)
	if targets == nil {
		d.fault("brx.idx names %s, which is no .branchtargets", in.Args[1].Name)
		return
	}
	for i := range targets.Names {
		t.targets = append(t.targets, int32(labels[targets.Names[i].Index]))
	}
}

func findTargets(body []ptx.Stmt, label string) *ptx.Targets {
	for _, s := range body {
		switch s := s.(type) {
		case *ptx.Targets:
			if s.Label == label && !s.Call {
				return s
			}
		case *ptx.Block:
			if t := findTargets(s.Body, label); t != nil {
				return t
			}
		}
	}
	return nil
}

func (w *Warp) jumpTable(t *branchTable) {
	if w.mask == 0 {
		w.proceed()
		return
	}
	w.split()
	w.move(w.active&^w.mask, w.pc+1)
	for m := w.mask; m != 0; m &= m - 1 {
		l := first(m)
		i := w.r[t.index][l]
		if int(i) >= len(t.targets) {
			w.cta.fail(w, "brx.idx %d: the table has %d targets", i, len(t.targets))
			return
		}
		w.pcs[l] = t.targets[i]
	}
	w.regroup()
}
