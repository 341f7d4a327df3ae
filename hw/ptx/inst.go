package ptx

import "iter"

// Has reports whether the instruction carries modifier m.
func (in *Inst) Has(m Mod) bool {
	for _, x := range in.Mods {
		if x == m {
			return true
		}
	}
	return false
}

// HasWord is Has by name, for tests and tools; lowering passes use Has.
func (in *Inst) HasWord(s string) bool {
	m := ModNamed(s)
	return m != 0 && in.Has(m)
}

// Pick returns the first of the instruction's modifiers that is in set, or 0.
func (in *Inst) Pick(set []Mod) Mod {
	for _, x := range in.Mods {
		for _, s := range set {
			if x == s {
				return x
			}
		}
	}
	return 0
}

// Type returns the i-th type of the spelling, NoType if there are fewer. For cvt, 0 is the
// destination and 1 the source; for mma, the order is D, A, B, C.
func (in *Inst) Type(i int) Type {
	if i < 0 || i >= len(in.Types) {
		return NoType
	}
	return in.Types[i]
}

var (
	roundSet   = append(Set("rnd"), append(Set("irnd"), ModRna)...)
	cmpSet     = Set("cmp")
	boolSet    = Set("bool")
	scopeSet   = Set("scope")
	orderSet   = append(Set("order"), ModWeak, ModVolatile, ModSc)
	cacheSet   = Set("cop")
	atomSet    = Set("atomop")
	mulPartSet = Set("mulpart")
)

// Rounding returns rn, rz, rm, rp, rni, rzi, rmi, rpi, rna or 0.
func (in *Inst) Rounding() Mod { return in.Pick(roundSet) }

// Compare returns the comparison of set and setp, or 0.
func (in *Inst) Compare() Mod { return in.Pick(cmpSet) }

// Bool returns the boolean combination of set and setp, or 0.
func (in *Inst) Bool() Mod { return in.Pick(boolSet) }

// Scope returns cta, cluster, gpu, sys or 0.
func (in *Inst) Scope() Mod { return in.Pick(scopeSet) }

// Order returns relaxed, acquire, release, acq_rel, weak, volatile, sc or 0.
func (in *Inst) Order() Mod { return in.Pick(orderSet) }

// Cache returns the cache operator ca, cg, cs, lu, cv or 0.
func (in *Inst) Cache() Mod { return in.Pick(cacheSet) }

// AtomOp returns the operation of atom, red, redux, bar.red: add, min, cas, popc, ... or 0.
func (in *Inst) AtomOp() Mod { return in.Pick(atomSet) }

// MulPart returns lo, hi, wide or 0.
func (in *Inst) MulPart() Mod { return in.Pick(mulPartSet) }

// Space returns the state space of a load, store, atomic or conversion: the first space word.
func (in *Inst) Space() Space {
	for _, m := range in.Mods {
		if s := m.Space(); s != SpaceGeneric {
			return s
		}
	}
	return SpaceGeneric
}

// Vec returns how many elements .v2, .v4, .x1, .x2 or .x4 asks for; 1 without one.
func (in *Inst) Vec() int {
	for _, m := range in.Mods {
		switch m {
		case ModV2, ModX2:
			return 2
		case ModV4, ModX4:
			return 4
		}
	}
	return 1
}

// Dim returns the tensor or texture dimension 1..5 of .1d to .5d, or 0.
func (in *Inst) Dim() int {
	for _, m := range in.Mods {
		if m >= ModDim1D && m <= ModDim5D {
			return int(m-ModDim1D) + 1
		}
	}
	return 0
}

// Shape returns M, N and K of a matrix instruction; K is 0 for m8n8, all are 0 without a shape.
func (in *Inst) Shape() (m, n, k int) {
	for _, x := range in.Mods {
		if m, n, k, ok := x.Shape(); ok {
			return m, n, k
		}
	}
	return 0, 0, 0
}

// Shape reads a matrix shape such as m16n8k16.
func (m Mod) Shape() (rows, cols, depth int, ok bool) {
	s := m.String()
	if m < ModM8n8 || s[0] != 'm' {
		return 0, 0, 0, false
	}
	v := [3]int{}
	i := -1
	for _, c := range []byte(s) {
		if c >= '0' && c <= '9' {
			v[i] = v[i]*10 + int(c-'0')
			continue
		}
		i++
	}
	return v[0], v[1], v[2], true
}

// Opcode returns the canonical spelling, such as ld.global.nc.v4.f32.
func (in *Inst) Opcode() string {
	b := []byte(in.Op.Base)
	for _, m := range in.Mods {
		b = append(b, '.')
		b = append(b, m.String()...)
	}
	return string(b)
}

// Insts visits every instruction of the function in program order, scopes flattened.
func (f *Func) Insts() iter.Seq[*Inst] {
	return func(yield func(*Inst) bool) { visitInsts(f.Body, yield) }
}

func visitInsts(body []Stmt, yield func(*Inst) bool) bool {
	for _, s := range body {
		switch s := s.(type) {
		case *Inst:
			if !yield(s) {
				return false
			}
		case *Block:
			if !visitInsts(s.Body, yield) {
				return false
			}
		}
	}
	return true
}

// Code flattens the body: the instructions in order, and for each label (by Label.Index) the
// number of the instruction it stands before; len(insts) if it stands at the end.
func (f *Func) Code() (insts []*Inst, labels []int) {
	labels = make([]int, len(f.Labels))
	var walk func([]Stmt)
	walk = func(body []Stmt) {
		for _, s := range body {
			switch s := s.(type) {
			case *Inst:
				insts = append(insts, s)
			case *Label:
				if s.Index >= 0 && s.Index < len(labels) {
					labels[s.Index] = len(insts)
				}
			case *Block:
				walk(s.Body)
			}
		}
	}
	walk(f.Body)
	return insts, labels
}

// Func returns the function or kernel of that name, the definition if there is one, else nil.
func (m *Module) Func(name string) *Func {
	var found *Func
	for _, f := range m.Funcs {
		if f.Name == name && (found == nil || f.Defined) {
			found = f
		}
	}
	return found
}

// Var returns the module variable of that name, or nil.
func (m *Module) Var(name string) *Var {
	for _, v := range m.Vars {
		if v.Name == name {
			return v
		}
	}
	return nil
}
