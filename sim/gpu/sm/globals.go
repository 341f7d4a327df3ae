package sm

import (
	"fmt"

	"tensoros/hw/ptx"
)

// Globals are a module's .global variables as they lie in memory.
type Globals struct {
	Image []byte // initial values
	Vars  map[string]Extent
}

// Extent is where a variable lies in an image.
type Extent struct{ Off, Len int }

// LoadGlobals lays out the .global variables of a module for an image at base. Programs that LoadAt
// decodes for the same base use them there.
func LoadGlobals(m *ptx.Module, base uint64) (*Globals, error) {
	d := &decoder{mod: m, p: &Program{source: m.Name}, base: base, offsets: map[*ptx.Var]int{},
		f: &ptx.Func{}}
	d.variables()
	if len(d.faults) > 0 {
		return nil, fmt.Errorf("%s: %s", m.Name, d.faults[0])
	}
	g := &Globals{Image: d.p.globals, Vars: map[string]Extent{}}
	for _, v := range m.Vars {
		if at, ok := d.offsets[v]; ok && v.Space == ptx.SpaceGlobal {
			g.Vars[v.Name] = Extent{at - int(base), v.Size()}
		}
	}
	return g, nil
}
