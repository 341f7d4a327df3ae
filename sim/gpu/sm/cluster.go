package sm

import (
	"fmt"

	"tensoros/hw/ptx"
)

// A cluster is CTAs that run together and reach each other's shared memory (PTX ISA, "Cluster of
// Cooperative Thread Arrays"). A shared::cluster address is an offset in the shared memory of one
// CTA, with that CTA's rank plus one from bit rankShift up; 0 there means the CTA that uses it.
type cluster struct {
	ctas  []*CTA
	size  [3]uint32
	phase int // completed phases of barrier.cluster
	came  int // threads at it
	over  bool
}

const (
	rankShift  = 24
	offsetMask = 1<<rankShift - 1
	maxCluster = 16 // CTAs: 8 everywhere, 16 where a kernel opts in (CUDA Programming Guide)
)

// clusterSize is the CTAs of a cluster along each axis: of the launch, else of the kernel, else 1.
func (l *Launch) clusterSize() [3]uint32 {
	for _, s := range [2][3]uint32{l.Cluster, l.Prog.Cluster} {
		if s[0] != 0 {
			return s
		}
	}
	return [3]uint32{1, 1, 1}
}

// clusterCTAs is the number of CTAs of a cluster.
func (l *Launch) clusterCTAs() int {
	s := l.clusterSize()
	return int(s[0] * s[1] * s[2])
}

// checkCluster reports clusters that the kernel or the grid does not allow.
func (l *Launch) checkCluster() error {
	fixed, s := l.Prog.Cluster, l.clusterSize()
	switch {
	case fixed[0] != 0 && l.Cluster[0] != 0 && fixed != l.Cluster:
		return fmt.Errorf("kernel %s: clusters of %v CTAs, but it is compiled for %v",
			l.Prog.Name, l.Cluster, fixed)
	case l.Cluster[0] == 0 && l.Cluster != [3]uint32{}:
		return fmt.Errorf("kernel %s: a cluster of %v CTAs has a zero in it", l.Prog.Name, l.Cluster)
	case l.Prog.explicit && fixed[0] == 0 && l.Cluster[0] == 0:
		return fmt.Errorf("kernel %s is .explicitcluster: the launch must say how many CTAs a "+
			"cluster has", l.Prog.Name)
	}
	n := uint64(1)
	for i := range 3 {
		if s[i] == 0 || s[i] > maxCluster {
			return fmt.Errorf("kernel %s: clusters of %v CTAs: 1 to %d in all", l.Prog.Name, s,
				maxCluster)
		}
		if l.Grid[i]%s[i] != 0 {
			return fmt.Errorf("kernel %s: a grid of %v CTAs is no whole number of clusters of %v",
				l.Prog.Name, l.Grid, s)
		}
		n *= uint64(s[i])
	}
	most := uint64(maxCluster)
	if l.Prog.maxRank > 0 {
		most = min(most, uint64(l.Prog.maxRank))
	}
	if n > most {
		return fmt.Errorf("kernel %s: %d CTAs a cluster: %d at most", l.Prog.Name, n, most)
	}
	return nil
}

// newCluster makes the room for clusters of a launch; place puts one into it.
func newCluster(l *Launch, p *Program, f *fault) *cluster {
	k := &cluster{size: l.clusterSize()}
	for range l.clusterCTAs() {
		c := newCTA(l, p)
		c.fault = f
		c.cluster, c.rank = k, len(k.ctas)
		k.ctas = append(k.ctas, c)
	}
	return k
}

// place makes k the cluster of the given linear index; its CTAs go to one SM number each, counted
// from smid.
func (k *cluster) place(l *Launch, index, smid int) {
	k.phase, k.came, k.over = 0, 0, false
	for _, c := range k.ctas {
		c.place(k.member(l, index, c.rank), smid+c.rank)
	}
}

// member is the linear index in the grid of a cluster's CTA: clusters, and CTAs in them, count with
// x running fastest.
func (k *cluster) member(l *Launch, index, rank int) int {
	n, r, at := uint32(index), uint32(rank), 0
	stride := 1
	for i := range 3 {
		across := l.Grid[i] / k.size[i]
		at += int(n%across*k.size[i]+r%k.size[i]) * stride
		n, r = n/across, r/k.size[i]
		stride *= int(l.Grid[i])
	}
	return at
}

// threads is how many of the cluster's threads have not exited.
func (k *cluster) threads() (n int) {
	for _, c := range k.ctas {
		n += c.threads
	}
	return n
}

// arrive counts threads at the cluster's barrier; none when some have exited.
func (k *cluster) arrive(threads int) {
	if k.came += threads; k.came == 0 || k.came < k.threads() {
		return
	}
	k.came = 0
	k.phase++
	for _, c := range k.ctas {
		c.wakeAll()
	}
}

// leave forgets the arrivals of lanes that exit: the barrier no longer waits for them.
func (k *cluster) leave(w *Warp, lanes uint32) {
	for m := lanes; m != 0; m &= m - 1 {
		if w.arrivals[first(m)] > k.phase {
			k.came--
		}
	}
	k.arrive(0)
}

// run executes the CTAs to their end without time.
func (k *cluster) run() (err error) {
	for k.round(&err) && err == nil {
	}
	return err
}

// round gives each CTA its turn, each warp until it waits or its turn is over; it reports whether
// any still runs.
func (k *cluster) round(err *error) (running bool) {
	progress := false
	for _, c := range k.ctas {
		if c.running == 0 {
			continue
		}
		running = true
		p, e := c.turn()
		if e != nil {
			*err = e
			return true
		}
		progress = progress || p
	}
	if running && !progress && !k.expire() {
		k.stuck()
		*err = k.ctas[0].fault.err
	}
	return running
}

// stuck reports the first warp that waits for ever.
func (k *cluster) stuck() {
	for _, c := range k.ctas {
		for _, w := range c.warps {
			if !w.done() {
				c.fail(w, deadlock)
				return
			}
		}
	}
}

// expire ends the waiting of parked warps; false if there is none.
func (k *cluster) expire() (any bool) {
	for _, c := range k.ctas {
		any = c.expire() || any
	}
	return any
}

// peer is the CTA of a shared::cluster address and the offset in its shared memory; nil if the
// cluster has no such rank.
func (c *CTA) peer(a uint64) (*CTA, uint64) {
	if a < 1<<rankShift {
		return c, a
	}
	rank := int(a>>rankShift) - 1
	if rank >= len(c.cluster.ctas) {
		return nil, a
	}
	return c.cluster.ctas[rank], a & offsetMask
}

// owner is the CTA whose shared memory lane l's address lies in.
func (w *Warp) owner(l int) *CTA {
	c, _ := w.cta.peer(w.addr[l] &^ windowMask)
	return c
}

// clusterBarrier is barrier.cluster.arrive and .wait. A lane waits for the phase it arrived in.
func (d *decoder) clusterBarrier() {
	if d.in.Op.ID == ptx.OpBarrierClusterArrive {
		d.out.run = func(w *Warp) {
			k := w.cta.cluster
			for m := w.mask; m != 0; m &= m - 1 {
				w.arrivals[first(m)] = k.phase + 1
			}
			if w.cta.launch.Watch != nil {
				w.tell(Event{Kind: EvClusterArrive})
			}
			k.arrive(popcount(w.mask))
		}
		return
	}
	d.out.kind = parking
	d.out.try = func(w *Warp) bool {
		w.wake = far
		for m := w.mask; m != 0; m &= m - 1 {
			if w.arrivals[first(m)] > w.cta.cluster.phase {
				return false
			}
		}
		if w.cta.launch.Watch != nil {
			w.tell(Event{Kind: EvClusterResume})
		}
		return true
	}
}

// clusterAddress is mapa and getctarank.
func (d *decoder) clusterAddress() func(*Warp) {
	in := d.in
	a := d.slots(&in.Args[1], false)[0]
	if in.Op.ID == ptx.OpGetctarank {
		dst := d.dst(&in.Args[0])
		return func(w *Warp) {
			for m := w.mask; m != 0; m &= m - 1 {
				l := first(m)
				c, _ := w.cta.peer(a.get(w, l) &^ windowMask)
				if c == nil {
					c = w.cta
				}
				w.r[dst][l] = uint32(c.rank)
			}
		}
	}
	rank := d.src32(2)
	dst := d.slots(&in.Args[0], true)[0]
	return func(w *Warp) {
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			r := w.r[rank][l]
			if n := len(w.cta.cluster.ctas); int64(r) >= int64(n) {
				w.cta.fail(w, "mapa of CTA rank %d: the cluster has %d CTAs", r, n)
				return
			}
			v := a.get(w, l)
			dst.set(w, l, v&windowMask|v&offsetMask|uint64(r+1)<<rankShift)
		}
	}
}

// clusterSpecial reads the special registers of clusters; nil for others.
func clusterSpecial(s ptx.Special) func(w *Warp, l int) uint64 {
	axis := func(base ptx.Special) int { return int(s - base) }
	switch {
	case s >= ptx.SpClusteridX && s <= ptx.SpClusteridZ:
		i := axis(ptx.SpClusteridX)
		return func(w *Warp, _ int) uint64 { return uint64(w.cta.id[i] / w.cta.cluster.size[i]) }
	case s >= ptx.SpNclusteridX && s <= ptx.SpNclusteridZ:
		i := axis(ptx.SpNclusteridX)
		return func(w *Warp, _ int) uint64 {
			return uint64(w.cta.launch.Grid[i] / w.cta.cluster.size[i])
		}
	case s >= ptx.SpClusterCtaidX && s <= ptx.SpClusterCtaidZ:
		i := axis(ptx.SpClusterCtaidX)
		return func(w *Warp, _ int) uint64 { return uint64(w.cta.id[i] % w.cta.cluster.size[i]) }
	case s >= ptx.SpClusterNctaidX && s <= ptx.SpClusterNctaidZ:
		i := axis(ptx.SpClusterNctaidX)
		return func(w *Warp, _ int) uint64 { return uint64(w.cta.cluster.size[i]) }
	}
	switch s {
	case ptx.SpClusterCtarank:
		return func(w *Warp, _ int) uint64 { return uint64(w.cta.rank) }
	case ptx.SpClusterNctarank:
		return func(w *Warp, _ int) uint64 { return uint64(len(w.cta.cluster.ctas)) }
	case ptx.SpIsExplicitCluster:
		return func(w *Warp, _ int) uint64 {
			if w.cta.launch.Cluster[0] != 0 || w.cta.prog.Cluster[0] != 0 {
				return 1
			}
			return 0
		}
	}
	return nil
}

// clusterExtent reads the cluster directives of a kernel.
func (d *decoder) clusterExtent() {
	if args, ok := d.f.PerfArgs("reqnctapercluster"); ok {
		d.p.Cluster = [3]uint32{1, 1, 1}
		for i := range min(len(args), 3) {
			d.p.Cluster[i] = uint32(args[i])
		}
	}
	if args, ok := d.f.PerfArgs("maxclusterrank"); ok && len(args) > 0 {
		d.p.maxRank = args[0]
	}
	_, d.p.explicit = d.f.PerfArgs("explicitcluster")
}
