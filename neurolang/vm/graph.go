package vm

// recorder notes the launches of a graph function.
type recorder struct{}

// graph calls a function marked @graph.
func (m *Machine) graph(fn int, captured, args []Value) (Value, error) {
	return m.call(fn, captured, args)
}
