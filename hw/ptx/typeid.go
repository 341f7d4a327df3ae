package ptx

// Type is a fundamental PTX type (PTX ISA 5.2), an alternate float or a packed one.
type Type uint8

// The types; a register is declared with one of the sizes ptxas knows, never with a packed or
// alternate float.
const (
	NoType Type = iota
	U2
	U4
	U8
	U16
	U32
	U64
	S2
	S4
	S8
	S16
	S32
	S64
	B1
	B8
	B16
	B32
	B64
	B128
	F16
	F16x2
	F32
	F64
	Bf16
	Bf16x2
	Tf32
	E4m3
	E5m2
	E4m3x2
	E5m2x2
	U16x2
	S16x2
	Pred
	Texref
	Samplerref
	Surfref
	typeEnd
)

type typeKind uint8

const (
	kindBits typeKind = iota
	kindUnsigned
	kindSigned
	kindFloat
	kindPred
	kindOpaque
)

// types: name, width in bits, kind. A packed or alternate type is held in a register of that
// many bits.
var types = [typeEnd]struct {
	name string
	bits uint8
	kind typeKind
}{
	U2:         {"u2", 2, kindUnsigned},
	U4:         {"u4", 4, kindUnsigned},
	U8:         {"u8", 8, kindUnsigned},
	U16:        {"u16", 16, kindUnsigned},
	U32:        {"u32", 32, kindUnsigned},
	U64:        {"u64", 64, kindUnsigned},
	S2:         {"s2", 2, kindSigned},
	S4:         {"s4", 4, kindSigned},
	S8:         {"s8", 8, kindSigned},
	S16:        {"s16", 16, kindSigned},
	S32:        {"s32", 32, kindSigned},
	S64:        {"s64", 64, kindSigned},
	B1:         {"b1", 1, kindBits},
	B8:         {"b8", 8, kindBits},
	B16:        {"b16", 16, kindBits},
	B32:        {"b32", 32, kindBits},
	B64:        {"b64", 64, kindBits},
	B128:       {"b128", 128, kindBits},
	F16:        {"f16", 16, kindFloat},
	F16x2:      {"f16x2", 32, kindFloat},
	F32:        {"f32", 32, kindFloat},
	F64:        {"f64", 64, kindFloat},
	Bf16:       {"bf16", 16, kindFloat},
	Bf16x2:     {"bf16x2", 32, kindFloat},
	Tf32:       {"tf32", 32, kindFloat},
	E4m3:       {"e4m3", 8, kindFloat},
	E5m2:       {"e5m2", 8, kindFloat},
	E4m3x2:     {"e4m3x2", 16, kindFloat},
	E5m2x2:     {"e5m2x2", 16, kindFloat},
	U16x2:      {"u16x2", 32, kindUnsigned},
	S16x2:      {"s16x2", 32, kindSigned},
	Pred:       {"pred", 1, kindPred},
	Texref:     {"texref", 64, kindOpaque},
	Samplerref: {"samplerref", 64, kindOpaque},
	Surfref:    {"surfref", 64, kindOpaque},
}
