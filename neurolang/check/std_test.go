package check

import (
	"testing"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
	"tensoros/neurolang/std"
)

// TestLibrary checks all of the library, also what no program calls.
func TestLibrary(t *testing.T) {
	for _, name := range std.Names() {
		set := &source.Set{}
		c := newChecker(set, Options{})
		c.errs = &diag.List{}
		c.library()
		m := c.embedded(name)
		if m == nil {
			t.Errorf("%s: no such module", name)
			continue
		}
		c.items(m)
		c.drain()
		for i := 0; i < len(c.fns); i++ {
			if fn := c.fns[i]; fn.mod == m && !fn.used {
				c.abstract(fn)
				c.drain()
			}
		}
		c.own()
		if ds := c.errs.Sorted(); len(ds) > 0 {
			t.Errorf("%s:\n%s", name, render(set, ds))
		}
		if err := verify(c.prog); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
