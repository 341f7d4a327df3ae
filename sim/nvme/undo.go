package nvme

import "tensoros/sim"

// The Store always holds the newest data. What a volatile write buffer would lose with power is
// kept beside it: the contents that each write replaced, until they are on the medium.

// replaced is what up to a unit held before a write.
type replaced struct {
	at     uint64
	n      int
	shift  uint8  // of the namespace: its blocks are written as a whole (AWUPF)
	stripe uint64 // that the new contents go with
	old    [unitBytes]byte
}

// undoLog holds them in the order of the writes.
type undoLog struct {
	on    bool
	list  sim.Queue[*replaced]
	free  []*replaced
	fresh int        // of the newest, how many have no stripe yet
	ends  []sim.Time // by stripe, from base on: when its program ends; Forever: not begun
	base  uint64
}

// keep notes what n bytes from at on hold.
func (u *undoLog) keep(c *Controller, at uint64, n int, shift uint8) {
	if !u.on {
		return
	}
	u.prune(c.eng.Now())
	for n > 0 {
		k := min(n, int(unitBytes-at&(unitBytes-1)))
		var r *replaced
		if m := len(u.free); m > 0 {
			r, u.free = u.free[m-1], u.free[:m-1]
		} else {
			r = new(replaced)
		}
		r.at, r.n, r.shift, r.stripe = at, k, shift, 0
		if c.Store.ReadAt(at, r.old[:k]) != nil {
			clear(r.old[:k])
		}
		u.list.Push(r)
		u.fresh++
		at, n = at+uint64(k), n-k
	}
}

// stripe says which stripe the next unit that was written goes with.
func (u *undoLog) stripe(id uint64) {
	if u.fresh > 0 {
		(*u.list.At(u.list.Len() - u.fresh)).stripe = id
		u.fresh--
	}
}

// failed forgets what keep has noted of a write that found no room: the contents are the old ones.
func (u *undoLog) failed() {
	for u.fresh > 0 {
		u.stripe(0)
	}
}

// issued notes that a stripe's program has begun.
func (u *undoLog) issued(s stripe) {
	if !u.on {
		return
	}
	if u.base == 0 && len(u.ends) == 0 {
		u.ends = append(u.ends, 0) // stripes begin at 1: 0 is that of writes that failed
	}
	for u.base+uint64(len(u.ends)) <= s.id {
		u.ends = append(u.ends, sim.Forever)
	}
	if s.id >= u.base {
		u.ends[s.id-u.base] = s.end
	}
}

func (u *undoLog) durable(r *replaced, now sim.Time) bool {
	i := r.stripe - u.base
	return r.stripe < u.base || i < uint64(len(u.ends)) && u.ends[i] <= now
}

// prune forgets what is on the medium, from the oldest on.
func (u *undoLog) prune(now sim.Time) {
	for u.list.Len() > u.fresh {
		r := *u.list.Peek()
		if !u.durable(r, now) {
			break
		}
		u.list.Pop()
		u.free = append(u.free, r)
	}
	done := 0
	for done < len(u.ends) && u.ends[done] <= now {
		done++
	}
	if done > 1024 {
		u.ends = u.ends[:copy(u.ends, u.ends[done:])]
		u.base += uint64(done)
	}
}

// zeroed: n bytes from at on were deallocated; older contents do not come back.
func (u *undoLog) zeroed(at, n uint64) {
	for i := range u.list.Len() {
		r := *u.list.At(i)
		from, to := max(at, r.at), min(at+n, r.at+uint64(r.n))
		if from < to {
			clear(r.old[from-r.at : to-r.at])
		}
	}
}

// cut loses what power takes: of each block that was written and is not on the medium, chance says
// whether the old or the new contents are found.
func (u *undoLog) cut(c *Controller, chance *sim.Rand) error {
	settled := map[uint64]bool{}
	for i := u.list.Len() - 1; i >= 0; i-- {
		r := *u.list.At(i)
		stays := u.durable(r, c.eng.Now())
		for off := 0; off < r.n; off += 1 << r.shift {
			block := (r.at + uint64(off)) >> 9
			if settled[block] {
				continue
			}
			if stays || chance.Uint64()&1 == 0 {
				settled[block] = true
				continue
			}
			if err := c.Store.WriteAt(r.at+uint64(off), r.old[off:off+1<<r.shift]); err != nil {
				return err
			}
		}
	}
	u.list, u.fresh = sim.Queue[*replaced]{}, 0
	return nil
}

// PowerCut takes power away at this moment: nothing is answered and nothing moves any more. With
// power-loss protection every write that was answered is kept. Without it, of what was written and
// not flushed each logical block holds its old or its new contents, as the seed says (Base,
// 5.27.1.4; NVM, 2.1.4.2: AWUPF is one block). Writes that were not answered may be done in part.
// The state of the drive is what was saved last: the next controller of the Store counts an unsafe
// shutdown.
func (c *Controller) PowerCut(seed uint64) error {
	if c.off {
		return nil
	}
	c.off, c.stopped = true, true
	c.fn.Remove()
	return c.undo.cut(c, sim.NewRand(seed, c.fn.Path()+"/cut"))
}
