package ptx

// fragment returns how many registers of what type hold this thread's part of matrix A, B, C or
// D (PTX ISA 8.4, 9.7.13.3 wmma, 9.7.13.4 mma, 9.7.13.5 mma.sp, 9.7.14 wgmma). Count 0 means
// the shape is unknown.
func (in *Inst) fragment(r rule) (count int, t Type) {
	m, n, k := in.Shape()
	if m*n == 0 {
		return 0, NoType
	}
	switch in.Op.ID {
	case OpWmmaLoad, OpWmmaStore:
		return wmmaFragment(in.loadedMatrix(), in.Type(0), m, n, k)
	case OpWmmaMma:
		return wmmaFragment(r, in.fragType(r), m, n, k)
	case OpMma, OpMmaSp:
		if m == 8 && n == 8 && k == 4 && in.Type(1) == F16 {
			return quadFragment(r, in.fragType(r))
		}
		if in.Op.ID == OpMmaSp && r == ruleFragA {
			k /= 2 // half of A's elements are stored
		}
		return packed(r, in.fragType(r), m, n, k, 32)
	case OpWgmmaMmaAsync:
		return packed(r, in.fragType(r), m, n, k, 128)
	}
	return 0, NoType
}

// Fragment returns how many registers of what type operand 'a', 'b', 'c' or 'd' of a matrix
// instruction takes in each thread.
func (in *Inst) Fragment(which byte) (count int, t Type) {
	switch which {
	case 'a':
		return in.fragment(ruleFragA)
	case 'b':
		return in.fragment(ruleFragB)
	case 'c':
		return in.fragment(ruleFragC)
	}
	return in.fragment(ruleFragD)
}

func (in *Inst) loadedMatrix() rule {
	switch in.Pick([]Mod{ModA, ModB, ModC, ModD}) {
	case ModA:
		return ruleFragA
	case ModB:
		return ruleFragB
	case ModC:
		return ruleFragC
	}
	return ruleFragD
}

// fragType maps a matrix to its place in the spelling: D, A, B, C; D, C for wmma's f16 form;
// D, A, B for wgmma.
func (in *Inst) fragType(r rule) Type {
	if in.Op.ID == OpWmmaMma && len(in.Types) == 2 {
		switch r {
		case ruleFragD:
			return in.Type(0)
		case ruleFragC:
			return in.Type(1)
		}
		return F16
	}
	switch r {
	case ruleFragA:
		return in.Type(1)
	case ruleFragB:
		return in.Type(2)
	case ruleFragC:
		if len(in.Types) > 3 {
			return in.Type(3)
		}
	}
	return in.Type(0)
}

// packed: elements spread evenly over the threads, narrow ones packed into 32-bit registers.
func packed(r rule, t Type, m, n, k, threads int) (int, Type) {
	elems := m * n
	switch r {
	case ruleFragA:
		elems = m * k
	case ruleFragB:
		elems = n * k
	}
	elems /= threads
	switch t {
	case F32, S32, F64:
		return elems, t
	}
	return max(elems*t.Bits()/32, 1), B32
}

// quadFragment: mma.m8n8k4 with f16 works on four threads at a time (9.7.13.4.1).
func quadFragment(r rule, t Type) (int, Type) {
	if r == ruleFragA || r == ruleFragB {
		return 2, B32
	}
	if t == F32 {
		return 8, F32
	}
	return 4, B32
}

// wmmaFragment: the fragments of wmma hold 16-bit A and B twice (9.7.13.3.2).
func wmmaFragment(r rule, t Type, m, n, k int) (int, Type) {
	ab := r == ruleFragA || r == ruleFragB
	switch {
	case ab && t == F16:
		return 8, B32
	case ab && t == F64:
		return 1, F64
	case !ab && t == F16:
		return 4, B32
	}
	return packed(r, t, m, n, k, 32)
}
