package graph

import (
	"fmt"
	"strings"
	"testing"

	"tensoros/internal/golden"
)

const docHead = `# Graphs: whole tensors in SSA

Generated from the tables of neurolang/graph by its test.

A function marked ` + "`@graph`" + `, and every derivative, is planned as a whole. It launches kernels, makes
tensors and views of them, and calls functions that do; it has no branches, and loops over constant
ranges only (NL0411). Passes rewrite it, then it becomes host code again, whose launches start with
one doorbell. ` + "`tos-sim build --emit graph`" + ` shows it after all passes, ` + "`--emit plan`" + ` the steps and
where what lies when.

    graph @f {
      param %0: f32[M, K] lent "x"
      %1: f32[M, N] at 0 = launch @product %0, ...
      return ...
    }

Values are tensors or scalars; ` + "`lent`" + ` parameters are only read, of ` + "`seen`" + ` ones the caller sees what they
become. ` + "`at n`" + ` is a place in the arena.

| operation | meaning |
|---|---|
`

// opDocs say what operations do.
var opDocs = [numOps]string{
	Launch:    "runs a kernel: its results, then what its parameters in place became",
	Transpose: "the last two dimensions change places; a view if the layout does too",
	Reshape:   "the elements in row-major order in another shape; a view",
	Slice:     "elements lo..hi along the first dimension; a view",
	Fill:      "a new tensor: open, zeros, full, randn, uniform, iota",
	Copy:      "a new tensor of the same contents",
	Scalar:    "a number",
	Free:      "ends a value's life",
}

func TestDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString(docHead)
	for op := Launch; op < numOps; op++ {
		fmt.Fprintf(&b, "| `%s` | %s |\n", op, opDocs[op])
	}
	b.WriteString("\n| pass | what |\n|---|---|\n")
	for _, p := range Passes {
		fmt.Fprintf(&b, "| %s | %s |\n", p.Name, p.Doc)
	}
	golden.Check(t, "../../docs/graph.md", []byte(b.String()))
}
