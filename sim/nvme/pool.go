package nvme

// pool hands out objects by index, so that an event can name one, and takes them back.
type pool[T any] struct {
	all  []*T
	free []uint32
}

func (p *pool[T]) get() (*T, uint32) {
	if n := len(p.free); n > 0 {
		i := p.free[n-1]
		p.free = p.free[:n-1]
		return p.all[i], i
	}
	i := uint32(len(p.all))
	p.all = append(p.all, new(T))
	return p.all[i], i
}

func (p *pool[T]) at(i uint64) *T { return p.all[i] }

func (p *pool[T]) give(i uint32) { p.free = append(p.free, i) }

func (p *pool[T]) live() int { return len(p.all) - len(p.free) }
