package check

import (
	"os"
	"testing"
)

func TestDbg(t *testing.T) {
	src, _ := os.ReadFile(os.Getenv("NL"))
	p, _, set, ds := checkText("t.nl", string(src), "../testdata/lang/modules")
	t.Log("\n" + render(set, ds))
	for _, f := range p.Funcs {
		t.Log("fn", f.Name, String(f.Result), f.Body != nil && len(f.Body.Stmts) > 0)
	}
	for _, k := range p.Kernels {
		t.Log("kernel", k.Name, k.Source, k.Dims, len(k.Axes), k.Body != nil)
	}
}
