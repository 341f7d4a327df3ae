package nvme

import (
	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// class is a priority class of submission queues (Base, 3.4.4). Under round robin all are urgent.
type class uint8

// Classes, the first of which go first.
const (
	classAdmin class = iota
	classUrgent
	classHigh
	classMedium
	classLow
	classes
)

// fetchesMost is how many fetches are under way at once: the reads of queue entries that a few
// hundred bytes of request trackers hold [D]. Without such a limit arbitration would have nothing
// to decide.
const fetchesMost = 8

// arbiter chooses the queue whose entries are fetched next: admin and urgent queues by strict
// priority, the others by weight; round robin within a class.
type arbiter struct {
	ready    [classes]sim.Queue[*sq]
	credit   [classes]int // commands left to the weighted classes in this round
	inFlight int
}

func (c *Controller) weighted() bool {
	return spec.CCAMS.Get(c.regs.Get(spec.CC, 4)) == spec.AMSWeighted
}

// classOf is the class of a queue by its priority: urgent, high, medium, low (Base, 5.5).
func (c *Controller) classOf(id int, prio uint64) class {
	switch {
	case !c.weighted():
		return classUrgent // the admin queue has no precedence under round robin
	case id == 0:
		return classAdmin
	}
	return classUrgent + class(prio)
}

// burst is the commands that a queue may launch at once (Base, 3.4.4).
func (c *Controller) burst() int {
	ab := spec.ArbBurst.Get(uint64(c.feats.value[spec.FeatArbitration]))
	return 1 << ab // 7, no limit, is beyond what a fetch brings
}

// arbitrate launches fetches while there is room for them.
func (c *Controller) arbitrate() {
	a := &c.arb
	for a.inFlight < fetchesMost {
		k, ok := a.choose(c)
		if !ok {
			return
		}
		q := a.ready[k].Pop()
		q.queued = false
		if q.gone || q.head == q.tail {
			continue
		}
		most := c.burst()
		if k >= classHigh {
			most = min(most, a.credit[k])
		}
		a.inFlight++
		n := c.launch(q, most)
		if k >= classHigh {
			a.credit[k] -= n
		}
	}
}

// choose is the class that goes next.
func (a *arbiter) choose(c *Controller) (class, bool) {
	for k := classAdmin; k <= classUrgent; k++ {
		if a.ready[k].Len() > 0 {
			return k, true
		}
	}
	for range 2 {
		for k := classHigh; k < classes; k++ {
			if a.ready[k].Len() > 0 && a.credit[k] > 0 {
				return k, true
			}
		}
		v := uint64(c.feats.value[spec.FeatArbitration]) // a new round: weights are 0's based
		a.credit[classHigh] = int(spec.ArbHigh.Get(v)) + 1
		a.credit[classMedium] = int(spec.ArbMedium.Get(v)) + 1
		a.credit[classLow] = int(spec.ArbLow.Get(v)) + 1
	}
	return 0, false
}
