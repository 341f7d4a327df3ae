package ptx

import (
	"fmt"
	"strings"
)

// Arch is a target: ten times the compute capability, plus one for the architecture-specific
// flavour. 800 is sm_80, 900 sm_90, 901 sm_90a.
type Arch int16

// String writes the target as .target does, sm_90a.
func (a Arch) String() string {
	if a%10 == 1 {
		return fmt.Sprintf("sm_%da", a/10)
	}
	return fmt.Sprintf("sm_%d", a/10)
}

// Has reports whether code that needs target n runs on a. An architecture-specific feature
// (sm_90a) runs on that architecture alone (PTX ISA 11.1.2, .target).
func (a Arch) Has(n Arch) bool {
	if n%10 == 1 {
		return a == n
	}
	return a/10 >= n/10
}

// Op is a row of the opcode table. Rows are shared and never change.
type Op struct {
	ID     OpID
	Family string // arithmetic, logic, move, memory, sync, control or matrix
	Base   string // the mnemonic before the first dot
	Form   string // the row's notation, see the package comment
	Args   string // its operand signatures
	SM     Arch   // least target, 0 any
	PTX    int    // least PTX version times ten, 0 any

	slots []slot
	sigs  [][]param
}

// String returns the dotted name of what the row does, such as cp.async.bulk.tensor.
func (op *Op) String() string { return op.ID.String() }

// String returns the dotted name, such as mbarrier.try_wait.
func (id OpID) String() string {
	if id >= opEnd {
		return "op?"
	}
	return opNames[id]
}

// Ops returns every row of the table, in table order.
func Ops() []*Op { return table }

type row struct {
	id   OpID
	form string
	args string
	sm   Arch
	ptx  int
}

type slot struct {
	mods     []Mod
	optional bool
}

func (s *slot) has(m Mod) bool {
	for _, x := range s.mods {
		if x == m {
			return true
		}
	}
	return false
}

var (
	modNames, modIndex = nameMods()
	table, opIndex     = buildTable()
)

// wgmmaShapes lists m64nNkK for N = 8..256 in steps of 8 (PTX ISA 9.7.14.2).
func wgmmaShapes(k string) string {
	var b strings.Builder
	for n := 8; n <= 256; n += 8 {
		if n > 8 {
			b.WriteByte('|')
		}
		fmt.Fprintf(&b, "m64n%d%s", n, k)
	}
	return b.String()
}

// wgmmaIntShapes: integer types take N = 8, 16, 24, 32, then steps of 16.
func wgmmaIntShapes(k string) string {
	var list []string
	for n := 8; n <= 256; n += 8 {
		if n <= 32 || n%16 == 0 {
			list = append(list, fmt.Sprintf("m64n%d%s", n, k))
		}
	}
	return strings.Join(list, "|")
}

func nameMods() ([]string, map[string]Mod) {
	names := make([]string, modEnd, modEnd+128)
	for t := Type(1); t < typeEnd; t++ {
		names[t] = types[t].name
	}
	for m := Mod(typeEnd); m < modEnd; m++ {
		names[m] = wordNames[m]
	}
	for _, k := range []string{"wg8", "wg16", "wg32", "wgint256"} {
		names = append(names, strings.Split(setWords[k], "|")...)
	}
	index := make(map[string]Mod, len(names))
	for m, s := range names {
		if m > 0 {
			index[s] = Mod(m)
		}
	}
	return names, index
}

func buildTable() ([]*Op, map[string][]*Op) {
	var all []*Op
	index := map[string][]*Op{}
	for _, group := range []struct {
		family string
		rows   []row
	}{
		{"arithmetic", opsArith}, {"logic", opsLogic}, {"move", opsMove}, {"memory", opsMem},
		{"sync", opsSync}, {"control", opsControl}, {"matrix", opsMma},
	} {
		for i := range group.rows {
			op := group.rows[i].compile()
			op.Family = group.family
			index[op.Base] = append(index[op.Base], op)
			all = append(all, op)
		}
	}
	return all, index
}

func (r *row) compile() *Op {
	words := strings.Fields(r.form)
	op := &Op{ID: r.id, Base: words[0], Form: r.form, Args: r.args, SM: r.sm, PTX: r.ptx}
	for _, w := range words[1:] {
		alt, optional := strings.CutSuffix(w, "?")
		op.slots = append(op.slots, slot{mustSet(alt), optional})
	}
	for _, sig := range strings.Split(r.args, ";") {
		op.sigs = append(op.sigs, compileSig(sig))
	}
	return op
}

// Set returns the modifiers of a named set of the notation, without its $: "rnd", "cmp",
// "scope", "space", "order", ... It is nil for a name that does not exist.
func Set(name string) []Mod {
	words, ok := setWords[name]
	if !ok {
		return nil
	}
	return mustSet(words)
}

func mustSet(alt string) []Mod {
	if s, ok := strings.CutPrefix(alt, "$"); ok {
		alt = setWords[s]
	}
	var mods []Mod
	for _, w := range strings.Split(alt, "|") {
		m, ok := modIndex[w]
		if !ok {
			panic("ptx: opcode table names an unknown modifier " + w)
		}
		mods = append(mods, m)
	}
	return mods
}

// String returns the modifier without its dot.
func (m Mod) String() string {
	if int(m) >= len(modNames) {
		return "mod?"
	}
	return modNames[m]
}

// ModNamed returns the modifier spelt s (no leading dot), or 0.
func ModNamed(s string) Mod {
	return modIndex[s]
}

// Type returns the type a modifier names, or NoType.
func (m Mod) Type() Type {
	if m < Mod(typeEnd) {
		return Type(m)
	}
	return NoType
}

// spelling is one opcode word, resolved: shared by every instruction written that way.
type spelling struct {
	op    *Op
	mods  []Mod
	types []Type
	err   string
	hint  string
}

// resolve finds the row for a base mnemonic and its modifiers in any order.
func resolve(text string) *spelling {
	parts := splitOpcode(text)
	rows := opIndex[parts[0]]
	if rows == nil {
		return &spelling{err: "unknown instruction " + quote(parts[0]),
			hint: suggest(parts[0], opcodeNames())}
	}
	mods := make([]Mod, len(parts)-1)
	for i, p := range parts[1:] {
		m := ModNamed(p)
		if m == 0 {
			return &spelling{err: "unknown modifier ." + p + " of " + parts[0],
				hint: suggest(p, rowWords(rows))}
		}
		mods[i] = m
	}
	var best match
	for i, op := range rows {
		got := op.match(mods)
		if got.ok() {
			return got.spelling(op)
		}
		if i == 0 || got.score > best.score {
			best = got
			best.op = op
		}
	}
	return best.explain(parts[0])
}

func splitOpcode(text string) []string {
	var parts []string
	for _, p := range strings.Split(text, ".") {
		parts = append(parts, strings.TrimSpace(p))
	}
	return parts
}

// match is the outcome of laying modifiers into a row's slots.
type match struct {
	op      *Op
	filled  []Mod // by slot
	bad     Mod   // first modifier that found no slot
	missing int   // first required slot left empty, or -1
	score   int
}

func (m *match) ok() bool { return m.bad == 0 && m.missing < 0 }

// match lays each modifier into the first free slot that takes it. Words of one role occur in one
// slot only, and where a set repeats (two types, two layouts) the written order is the meaning.
func (op *Op) match(mods []Mod) match {
	got := match{filled: make([]Mod, len(op.slots)), missing: -1}
	for _, m := range mods {
		i := op.freeSlot(got.filled, m)
		if i >= 0 {
			got.filled[i] = m
			got.score += 4
			continue
		}
		got.score -= 2
		if got.bad == 0 {
			got.bad = m
		}
	}
	for i := range op.slots {
		if got.filled[i] == 0 && !op.slots[i].optional {
			got.score -= 3
			if got.missing < 0 {
				got.missing = i
			}
		}
	}
	return got
}

// freeSlot finds the slot for m. Types fill theirs strictly from the left: cvt.f16.bf16 is not
// cvt.bf16.f16.
func (op *Op) freeSlot(filled []Mod, m Mod) int {
	for i := range op.slots {
		if filled[i] != 0 {
			continue
		}
		if op.slots[i].has(m) {
			return i
		}
		if m.Type() != NoType && op.slots[i].mods[0].Type() != NoType {
			return -1
		}
	}
	return -1
}

func (m *match) spelling(op *Op) *spelling {
	s := &spelling{op: op}
	for _, f := range m.filled {
		if f == 0 {
			continue
		}
		s.mods = append(s.mods, f)
		if t := f.Type(); t != NoType {
			s.types = append(s.types, t)
		}
	}
	return s
}

func (m *match) explain(base string) *spelling {
	hint := "one legal form is " + formHint(m.op)
	if m.bad != 0 {
		msg := fmt.Sprintf("modifier .%v does not fit %s here", m.bad, base)
		return &spelling{err: msg, hint: hint}
	}
	s := &m.op.slots[m.missing]
	what := "modifier " + slotHint(s)
	if s.mods[0].Type() != NoType {
		what = "type " + slotHint(s)
	}
	return &spelling{err: fmt.Sprintf("%s lacks %s", base, what), hint: hint}
}

func slotHint(s *slot) string {
	const most = 8
	var words []string
	for i, m := range s.mods {
		if i == most {
			words = append(words, "...")
			break
		}
		words = append(words, "."+m.String())
	}
	return strings.Join(words, "|")
}

func formHint(op *Op) string {
	var b strings.Builder
	b.WriteString(op.Base)
	for i := range op.slots {
		s := &op.slots[i]
		if s.optional {
			b.WriteString("{" + slotHint(s) + "}")
			continue
		}
		b.WriteString(slotHint(s))
	}
	return b.String()
}

func rowWords(rows []*Op) []string {
	seen := map[Mod]bool{}
	var words []string
	for _, op := range rows {
		for i := range op.slots {
			for _, m := range op.slots[i].mods {
				if !seen[m] {
					seen[m] = true
					words = append(words, m.String())
				}
			}
		}
	}
	return words
}

func opcodeNames() []string {
	var names []string
	for _, op := range table {
		if len(names) == 0 || names[len(names)-1] != op.Base {
			names = append(names, op.Base)
		}
	}
	return names
}
