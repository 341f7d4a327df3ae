package main

import (
	"fmt"
	"strings"
	"testing"

	"tensoros/hw/ptx"
	"tensoros/internal/golden"
	"tensoros/sim/gpu/lower"
)

const ptxDocHead = `# PTX: what is read, and what it becomes

Generated from the tables of ` + "`hw/ptx` and `sim/gpu/lower`" + ` (` + "`go test ./cmd/tos-sim -run TestPTXDocument -update`" + `).
A form is a row of the one table that drives lexer, parser, printer and verifier: words in any order,
` + "`a|b` one of several, `$x` one of a named set, `?`" + ` optional (package comment of hw/ptx). Target and
version are the least that have it. The last column is the machine code that timing knows, by types and
modifiers: A alu, F f32, H integer multiply, P packed half, D f64, X special, T tensor, W wgmma, M memory,
C bulk copy, B barrier, K control; + waits for the one before. Nothing there: one A for each 32 bits, or
nothing at all where it folds (moves, address arithmetic, constants).

Not executed: what sim/gpu/sm/testdata/refused.txt lists (textures, surfaces, 32-bit addresses).
`

// TestPTXDocument keeps docs/ptx.md in step with the tables.
func TestPTXDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString(ptxDocHead)
	family := ""
	for _, op := range ptx.Ops() {
		if op.Family != family {
			family = op.Family
			fmt.Fprintf(&b, "\n## %s\n\n| form | sm | PTX | machine code |\n|---|---|---|---|\n", family)
		}
		sm, version := "", ""
		if op.SM != 0 {
			sm = strings.TrimPrefix(op.SM.String(), "sm_")
		}
		if op.PTX != 0 {
			version = fmt.Sprintf("%d.%d", op.PTX/10, op.PTX%10)
		}
		cell := func(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", cell(op.Form), sm, version,
			cell(strings.Join(lower.Describe(op.ID), "; ")))
	}
	golden.Check(t, "../../docs/ptx.md", []byte(b.String()))
}
