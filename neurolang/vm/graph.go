package vm

// graph calls a function marked @graph: its launches start together, if the runtime can do that.
func (m *Machine) graph(fn int, captured, args []Value) (Value, error) {
	b, ok := m.rt.(Batcher)
	if !ok {
		return m.call(fn, captured, args)
	}
	b.Begin()
	v, err := m.call(fn, captured, args)
	if e := b.End(); err == nil && e != nil {
		err = failed(e, "run %s", m.prog.Funcs[fn].Name)
	}
	return v, err
}
