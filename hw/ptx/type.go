package ptx

// String returns the type without its dot.
func (t Type) String() string {
	if t == NoType || t >= typeEnd {
		return "none"
	}
	return types[t].name
}

// Bits returns the width in bits; packed types count both halves, a predicate is 1.
func (t Type) Bits() int { return int(types[t%typeEnd].bits) }

// Size returns the bytes one element takes in memory.
func (t Type) Size() int { return (t.Bits() + 7) / 8 }

// IsFloat reports a floating-point type, alternate and packed ones included.
func (t Type) IsFloat() bool { return t < typeEnd && types[t].kind == kindFloat }

// IsInt reports a signed or unsigned integer type.
func (t Type) IsInt() bool { return t.IsSigned() || t.IsUnsigned() }

// IsSigned reports a signed integer type.
func (t Type) IsSigned() bool { return t < typeEnd && types[t].kind == kindSigned }

// IsUnsigned reports an unsigned integer type.
func (t Type) IsUnsigned() bool { return t < typeEnd && types[t].kind == kindUnsigned }

// IsBits reports an untyped size, b8 to b128.
func (t Type) IsBits() bool { return t < typeEnd && t != NoType && types[t].kind == kindBits }

func typeNamed(s string) Type {
	m := modIndex[s]
	return m.Type()
}

// Space is a state space (PTX ISA 5.1).
type Space uint8

// The state spaces. SpaceGeneric is no space word at all.
const (
	SpaceGeneric Space = iota
	SpaceReg
	SpaceParam
	SpaceShared // .shared and .shared::cta
	SpaceSharedCluster
	SpaceGlobal
	SpaceConst
	SpaceLocal
	SpaceTex
	spaceEnd
)

var spaceNames = [spaceEnd]string{"generic", "reg", "param", "shared", "shared::cluster", "global",
	"const", "local", "tex"}

// String returns the space's word without its dot.
func (s Space) String() string {
	if s >= spaceEnd {
		return "space?"
	}
	return spaceNames[s]
}

// Space returns the state space a modifier names, or SpaceGeneric.
func (m Mod) Space() Space {
	switch m {
	case ModParam, ModParamEntry, ModParamFunc:
		return SpaceParam
	case ModShared, ModSharedCta:
		return SpaceShared
	case ModSharedCluster:
		return SpaceSharedCluster
	case ModGlobal:
		return SpaceGlobal
	case ModConst:
		return SpaceConst
	case ModLocal:
		return SpaceLocal
	}
	return SpaceGeneric
}
