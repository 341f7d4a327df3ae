package board

import "tensoros/hw"

// Remove takes a function out by surprise, as a hand pulling a drive does.
func (b *Board) Remove(a hw.Address) error {
	f, ok := b.funcs[a]
	if !ok {
		return &hw.Error{Op: "remove", Addr: a, Err: hw.ErrNotPresent}
	}
	f.dev.Remove()
	return nil
}
