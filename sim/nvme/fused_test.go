package nvme

import (
	"testing"

	spec "tensoros/hw/spec/nvme"
)

// Each row is two commands in a queue and how both end.
func TestFused(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	at, p := g.alloc(8192)
	cmp := func(flags uint8, lba uint64) spec.Command {
		c := g.rw(spec.Compare, lba, at, 4096)
		c.Flags = flags
		return c
	}
	wr := func(flags uint8, lba uint64) spec.Command {
		c := g.rw(spec.Write, lba, at+4096, 4096)
		c.Flags = flags
		return c
	}
	for _, c := range []struct {
		name   string
		data   byte // what is compared with zeroes
		cmds   []spec.Command
		want   [2]spec.Status
		writes bool
	}{
		{"differ", 1, []spec.Command{cmp(1, 0), wr(2, 0)},
			[2]spec.Status{spec.CompareFailure, spec.FusedFailed}, false},
		{"alike", 0, []spec.Command{cmp(1, 0), wr(2, 0)}, [2]spec.Status{}, true},
		{"other blocks", 0, []spec.Command{cmp(1, 8), wr(2, 16)},
			[2]spec.Status{spec.FusedFailed, spec.InvalidField}, false},
		{"no second", 0, []spec.Command{cmp(1, 8), wr(0, 64)},
			[2]spec.Status{spec.FusedMissing, spec.Success}, false},
		{"no first", 0, []spec.Command{wr(0, 64), wr(2, 8)},
			[2]spec.Status{spec.Success, spec.FusedMissing}, false},
		{"beyond the namespace", 0, []spec.Command{cmp(1, 5000), wr(2, 5000)},
			[2]spec.Status{spec.LBAOutOfRange, spec.FusedFailed}, false},
		{"alone", 0, []spec.Command{wr(0, 64), cmp(1, 8)},
			[2]spec.Status{spec.Success, spec.FusedMissing}, false},
		{"first is no compare", 0, []spec.Command{wr(1, 8), wr(2, 8)},
			[2]spec.Status{spec.InvalidField, spec.FusedMissing}, false},
	} {
		p[0], p[4096] = c.data, 9
		ids := map[uint16]int{}
		for i, cmd := range c.cmds {
			ids[g.put(1, cmd)] = i
		}
		g.bell(1)
		for range c.cmds {
			e, ok := g.wait(1)
			if i := ids[e.CID]; !ok || e.Status.Code() != c.want[i] {
				t.Errorf("%s: command %d: %v, want %v", c.name, i, e.Status, c.want[i])
			}
		}
		_, q := g.ask(1, g.rw(spec.Read, 0, 0, 4096), nil, spec.Success)
		if (q[0] == 9) != c.writes {
			t.Errorf("%s: wrote %v", c.name, q[0])
		}
		g.ask(1, g.rw(spec.WriteZeroes, 0, 0, 64<<10), nil, spec.Success)
		g.quiet()
	}
}
