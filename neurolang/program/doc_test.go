package program

import (
	"fmt"
	"strings"
	"testing"

	"tensoros/internal/golden"
)

const docHead = `# Host bytecode

Generated from the table in neurolang/program (op.go) by its test.

Host functions are bytecode for a machine of registers: operations of 32 bits, the opcode in bits
0..7, operands A, B, C of 8 bits each, or A and one of 16 bits, Bx (unsigned) or SBx (signed). R are
the registers of the frame, K the constants of the function, G the globals of a session. Values know
their kind; integers have 64 bits and overflow is an error. A register that holds a tensor may own
it: what moves leaves ` + "`absent`" + ` behind, what is dropped is freed at once, what is lent frees nothing.
An exclusive reference is an object (a tuple, array, struct, variant or box) and the number of a part.

` + "`tos-sim build --emit bytecode`" + ` shows it; Assemble reads the same text back.

| operation | operands | meaning |
|---|---|---|
`

// operands are an opcode's as the text form writes them.
func operands(o Op) string {
	var out []string
	for i, r := range ops[o].args {
		name := string("ABC"[i])
		switch r {
		case none:
			continue
		case number:
			name = "SBx"
		case jump:
			name = "->SBx"
		case konst, global, fn, site, launch, into, shape:
			name = "Bx"
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

func TestDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString(docHead)
	for op := Op(0); op < numOps; op++ {
		what := strings.ReplaceAll(op.Describe(), "|", "\\|")
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", op, operands(op), what)
	}
	golden.Check(t, "../../docs/bytecode.md", []byte(b.String()))
}
