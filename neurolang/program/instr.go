package program

// Instr is one operation of host code: opcode in bits 0..7, A in 8..15, B in 16..23, C in 24..31;
// Bx is B and C together, unsigned, or signed as SBx.
type Instr uint32

// Op returns the opcode.
func (i Instr) Op() Op { return Op(i) }

// A returns the first operand, mostly the destination register.
func (i Instr) A() int { return int(i >> 8 & 0xff) }

// B returns the second operand.
func (i Instr) B() int { return int(i >> 16 & 0xff) }

// C returns the third operand.
func (i Instr) C() int { return int(i >> 24) }

// SC returns the third operand, signed.
func (i Instr) SC() int { return int(int32(i) >> 24) }

// Bx returns the wide operand.
func (i Instr) Bx() int { return int(i >> 16) }

// SBx returns the wide operand, signed.
func (i Instr) SBx() int { return int(int32(i) >> 16) }

// ABC makes an instruction of three operands.
func ABC(op Op, a, b, c int) Instr {
	return Instr(op) | Instr(uint8(a))<<8 | Instr(uint8(b))<<16 | Instr(uint8(c))<<24
}

// ABx makes an instruction of a register and a wide operand, signed or not.
func ABx(op Op, a, bx int) Instr { return Instr(op) | Instr(uint8(a))<<8 | Instr(uint16(bx))<<16 }

// Limits of the encoding.
const (
	MaxRegs   = 250
	MaxFields = 1<<8 - 1
	MaxWide   = 1<<16 - 1
	MaxJump   = 1<<15 - 1
	MinShort  = -1 << 15
	MaxShort  = 1<<15 - 1
	MinByte   = -1 << 7
	MaxByte   = 1<<7 - 1
)
