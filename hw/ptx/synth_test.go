package ptx

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// readForms reads testdata/forms.txt: 599 spellings of 75 mnemonics.
func readForms(t testing.TB) []string {
	src, err := os.ReadFile("testdata/forms.txt")
	if err != nil {
		t.Fatal(err)
	}
	var forms []string
	base := ""
	for _, line := range strings.Split(string(src), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, w := range strings.Fields(line) {
			switch {
			case w == "-":
				forms = append(forms, base)
			case w[0] == '.':
				forms = append(forms, base+w)
			default:
				base = w
			}
		}
	}
	return forms
}

const synthHead = `.version 8.4
.target sm_90a
.address_size 64
.global .texref tx;
.global .surfref sf;
.shared .align 128 .b8 smem[8192];
.const .align 8 .b8 cmem[64];
.extern .func (.param .b32 out) callee (.param .b64 in);
.visible .entry k(.param .align 64 .b8 pk[128])
.maxntid 128, 1, 1
.minnctapersm 1
{
	.reg .pred %p<32>;
	.reg .b16 %h<64>;
	.reg .b32 %r<256>;
	.reg .b64 %d<64>;
	.reg .b128 %q<8>;
	ts: .branchtargets END;
	.local .align 16 .b8 loc[64];
	.param .b64 cin;
	.param .b32 cout;
`

// synth makes up operands for the k-th signature of a spelling.
type synth struct {
	in   *Inst
	next map[string]int
}

func (s *synth) reg(t Type) string {
	name := map[int]string{1: "%p", 8: "%h", 16: "%h", 32: "%r", 64: "%d", 128: "%q"}[t.Bits()]
	s.next[name]++
	return fmt.Sprintf("%s%d", name, s.next[name])
}

func (s *synth) list(n int, t Type) string {
	regs := make([]string, n)
	for i := range regs {
		regs[i] = s.reg(t)
	}
	return "{" + strings.Join(regs, ", ") + "}"
}

func (s *synth) memory() string {
	switch s.in.Space() {
	case SpaceParam:
		if s.in.Op.ID == OpSt {
			return "[cin]"
		}
		return "[pk]"
	case SpaceConst:
		return "[cmem+8]"
	case SpaceLocal:
		return "[loc+16]"
	}
	return "[%d60]"
}

func (s *synth) constant() string {
	switch s.in.Op.ID {
	case OpCpAsync:
		return "16"
	case OpSetmaxnreg:
		return "40"
	case OpDiscard, OpApplypriority, OpFenceProxy:
		return "128"
	case OpAlloca:
		return "8"
	case OpWgmmaWaitGroup, OpMmaSp:
		return "0"
	}
	return "1"
}

// coords: textures pad 3D, arrays and cubes to four coordinates (PTX ISA 9.7.10.3).
func (s *synth) coords() string {
	few := map[Mod]int{ModDim1D: 1, ModDim2D: 2, ModA1d: 2}
	n := few[s.in.Pick([]Mod{ModDim1D, ModDim2D, ModA1d})]
	if n == 0 {
		n = 4
	}
	return s.list(n, S32)
}

func (s *synth) operand(p *param) string {
	t := p.typeOf(s.in)
	text := ""
	remote := s.in.Has(ModSharedCluster)
	if p.write && remote && strings.HasPrefix(s.in.Op.String(), "mbarrier.arrive") {
		return "_"
	}
	switch p.rule {
	case ruleType, ruleMove, ruleRelaxed:
		text = s.reg(t)
	case ruleWide:
		text = s.reg(wider(t))
	case ruleVector:
		if n := s.in.Vec(); n > 1 {
			return s.list(n, t)
		}
		text = s.reg(t)
	case ruleAddress:
		text = "%d60"
		if t.Bits() == 32 {
			text = "%r200"
		}
	case ruleMemory:
		text = s.memory()
	case ruleTensor:
		if s.in.Op.ID == OpTex || s.in.Op.ID == OpTexLevel {
			return "[tx, " + s.coords() + "]"
		}
		if s.in.Op.ID == OpSuld || s.in.Op.ID == OpSust {
			return "[sf, " + s.coords() + "]"
		}
		text = "[%d60, " + s.list(max(s.in.Dim(), 1), S32) + "]"
	case ruleConst:
		text = s.constant()
	case ruleNotPred:
		text = "%p30"
	case ruleCount32:
		text = s.list(s.in.Vec(), B32)
	case ruleFragA, ruleFragB, ruleFragC, ruleFragD:
		n, ft := s.in.fragment(p.rule)
		text = s.list(n, ft)
	case ruleShort:
		text = s.list(s.in.Dim()-2, U16)
	case ruleLabel:
		text = "END"
		if s.in.Op.ID == OpBrx {
			text = "ts"
		}
	}
	if p.second != NoType {
		text += "|" + s.reg(p.second)
	}
	return text
}

// synthesise writes the spelling with made-up operands; full also gives the optional ones.
func synthesise(form string, sig int, full bool) (string, bool) {
	sp := resolve(form)
	if sp.op == nil || sig >= len(sp.op.sigs) {
		return "", false
	}
	if sp.op.ID == OpCall {
		return form + " (cout), callee, (cin);", true
	}
	s := &synth{&Inst{Op: sp.op, Mods: sp.mods, Types: sp.types}, map[string]int{}}
	var args []string
	for i := range sp.op.sigs[sig] {
		p := &sp.op.sigs[sig][i]
		if p.present(s.in) && (full || !p.optional) {
			args = append(args, s.operand(p))
		}
	}
	return strings.TrimSpace(form+" "+strings.Join(args, ", ")) + ";", true
}

func synthModule(insts []string) string {
	var b strings.Builder
	b.WriteString(synthHead)
	for _, in := range insts {
		b.WriteString("\t" + in + "\n")
	}
	b.WriteString("END:\n\tret;\n}\n")
	return b.String()
}

// TestForms: every surveyed spelling resolves, and with operands parses, verifies and survives a
// round trip.
func TestForms(t *testing.T) {
	forms := readForms(t)
	bases := map[string]bool{}
	for _, f := range forms {
		base, _, _ := strings.Cut(f, ".")
		bases[base] = true
	}
	if len(forms) != 599 || len(bases) != 75 {
		t.Fatalf("testdata/forms.txt holds %d forms of %d mnemonics, want 599 of 75", len(forms),
			len(bases))
	}
	for _, f := range forms {
		if s := resolve(f); s.err != "" {
			t.Errorf("%s: %s (%s)", f, s.err, s.hint)
			continue
		}
		for sig := 0; ; sig++ {
			text, ok := synthesise(f, sig, sig%2 == 0)
			if !ok {
				break
			}
			roundTrip(t, f, synthModule([]string{text}))
		}
	}
}

func roundTrip(t *testing.T, name, src string) *Module {
	t.Helper()
	m, err := Parse(name, []byte(src))
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return m
	}
	if err := Verify(m); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	text := m.String()
	again, err := Parse(name, []byte(text))
	if err != nil {
		t.Errorf("%s: printed text does not parse: %v\n%s", name, err, text)
		return m
	}
	if got := again.String(); got != text {
		t.Errorf("%s: printing is not stable:\n%s\n---\n%s", name, text, got)
	}
	if !sameModule(m, again) {
		t.Errorf("%s: Parse(Print(m)) differs from m:\n%s", name, text)
	}
	return m
}

// rowSpellings writes each row of the table in several spellings: least and fullest slots, and
// every alternative of every slot once. Fullest and least share the other slots' first words.
func rowSpellings(op *Op) []string {
	var out []string
	seen := map[string]bool{}
	add := func(pick func(i int) Mod) {
		s := op.Base
		for i := range op.slots {
			if m := pick(i); m != 0 {
				s += "." + m.String()
			}
		}
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	least := func(i int) Mod {
		if op.slots[i].optional {
			return 0
		}
		return op.slots[i].mods[0]
	}
	add(least)
	for k := range op.slots {
		for _, m := range op.slots[k].mods {
			add(func(i int) Mod {
				if i == k {
					return m
				}
				return least(i)
			})
		}
	}
	return out
}

// TestTable: every alternative of every row resolves to a row of the same operation, prints as
// written, and with operands verifies.
func TestTable(t *testing.T) {
	for _, op := range Ops() {
		for _, form := range rowSpellings(op) {
			s := resolve(form)
			if s.err != "" || s.op.ID != op.ID {
				t.Errorf("%s resolves to %v %s, want %v", form, s.op, s.err, op)
				continue
			}
			if got := (&Inst{Op: s.op, Mods: s.mods}).Opcode(); got != form {
				t.Errorf("%s prints as %s", form, got)
			}
			text, ok := synthesise(form, 0, true)
			if !ok {
				t.Errorf("%s: no operands", form)
				continue
			}
			src := synthModule([]string{text})
			if later(form) {
				src = strings.Replace(src, ".version 8.4", ".version 8.5", 1)
			}
			roundTrip(t, form, src)
		}
	}
}

// later reports forms that came after PTX 8.4.
func later(form string) bool { return strings.Contains(form, "::ordered_metadata") }
