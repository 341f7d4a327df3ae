package nvme

import (
	"tensoros/sim"
	"tensoros/traces"
)

// write takes n bytes from at on into the open stripes; n bytes of the write buffer hold them. It
// reports false when no die has room: the drive is worn out.
func (f *flash) write(at uint64, n int) bool {
	end := at + uint64(n)
	for at < end {
		stop := min(end, at&^(unitBytes-1)+unitBytes)
		if !f.put(at>>unitShift, int(stop-at)) {
			f.ctl.dma.buffered -= int(end - at)
			return false
		}
		at = stop
	}
	return true
}

// put takes n bytes of a unit. One that waits in an open stripe is overwritten there; of one that
// lies on the medium, what is not written is read first.
func (f *flash) put(unit uint64, n int) bool {
	p, mapped := f.ftl.lookup(unit)
	if mapped {
		if j := f.opened[p.die]; j >= 0 && f.open[j].holds(p, f.ftl.perStripe) {
			f.ctl.dma.buffered -= n
			f.ctl.undo.stripe(f.open[j].id)
			return true
		}
		if n < unitBytes && !f.buffered(p, f.ctl.eng.Now()) {
			f.fetchRest(p)
		}
	}
	per := f.ftl.perPage
	page := f.dealt / per
	if page == len(f.open) && page < f.group && !f.begin() {
		if f.group = len(f.open); f.group == 0 {
			f.group, f.worn = f.most, true
			return false
		}
	}
	g := f.group
	s := &f.open[page%g]
	to := s.place
	to.index += page/g*per + f.dealt%per
	f.ftl.set(unit, to)
	f.ctl.undo.stripe(s.id)
	f.ftl.HostUnits++
	f.dealt++
	s.units++
	s.bytes += n
	f.filling += n
	if f.dealt%per == 0 && page/g == f.ctl.Profile.Planes-1 {
		f.programStripe(page % g)
		if page%g == g-1 {
			f.open, f.dealt, f.group = f.open[:0], 0, f.most
		}
	}
	return true
}

// fetchRest charges the read of a unit that is written in part.
func (f *flash) fetchRest(p place) {
	now := f.ctl.eng.Now()
	lane, page := f.lane(p)
	f.planes[lane].Reserve(now, f.senseTime(unitBytes, page))
	f.channels[p.die%len(f.channels)].Reserve(now, f.ctl.Profile.ChannelRate.Span(unitBytes))
}

// begin opens a stripe on the next die that has room.
func (f *flash) begin() bool {
	dies := len(f.ftl.dies)
	for range dies {
		die := f.next
		f.next = (f.next + 1) % dies
		if f.taken(die) || !f.ftl.room(die) || !f.reclaim(die) {
			continue
		}
		if p, ok := f.ftl.take(die, hostStream); ok {
			f.opened[die] = int16(len(f.open))
			f.stripes++
			f.open = append(f.open, stripe{place: p, id: f.stripes})
			return true
		}
	}
	return false
}

// taken reports whether a die has, or had, a stripe of this round.
func (f *flash) taken(die int) bool {
	for i := range f.open {
		if f.open[i].die == die {
			return true
		}
	}
	return false
}

// reclaim does the collection that is due before a die takes a stripe. It reports false when there
// is no room to be had.
func (f *flash) reclaim(die int) bool {
	t := &f.ftl
	d := &t.dies[die]
	if d.victim >= 0 {
		d.credit += t.perStripe
	}
	for t.due(die) || t.tight(die) {
		if d.victim < 0 && !t.choose(die) {
			return false
		}
		m, done := t.collect(die)
		if m.units > 0 {
			f.chargeMove(die, m)
		} else if !done {
			return false
		}
		if done {
			f.occupy(die, f.ctl.Profile.Erase)
			t.erased(die)
		}
	}
	return true
}

// chargeMove takes the time of what collection moves: senses, both ways over the channel,
// one program. Data and program are not chained: what is modelled is how long die and channel are
// taken.
func (f *flash) chargeMove(die int, m moving) {
	p := f.ctl.Profile
	senses := sim.Time((m.pages + f.perDie - 1) / f.perDie)
	if f.perDie == 1 {
		senses = sim.Time((m.pages + p.Planes - 1) / p.Planes)
	}
	d := senses * p.ReadPage
	if m.full {
		d += p.Program
	}
	f.occupy(die, d)
	if !f.ctl.aging {
		f.channels[die%p.Channels].Reserve(f.ctl.eng.Now(),
			2*p.ChannelRate.Span(uint64(m.units*unitBytes)))
	}
}

// occupy takes all planes of a die for d.
func (f *flash) occupy(die int, d sim.Time) {
	if f.ctl.aging {
		return
	}
	start := f.ctl.eng.Now()
	planes := f.planes[die*f.perDie : (die+1)*f.perDie]
	for i := range planes {
		start = max(start, planes[i].Free())
	}
	for i := range planes {
		planes[i].Reserve(start, d)
	}
}

// programStripe moves an open stripe to its die and programs it, all planes at once.
func (f *flash) programStripe(j int) {
	c, p := f.ctl, f.ctl.Profile
	s := f.open[j]
	die := s.die
	f.opened[die] = -1
	f.filling -= s.bytes
	if c.aging {
		c.undo.issued(s)
		return
	}
	now := c.eng.Now()
	n := s.units * unitBytes
	move := p.ChannelRate.Span(uint64(n))
	at := f.channels[die%p.Channels].Reserve(now, move) + move
	start := at
	planes := f.planes[die*f.perDie : (die+1)*f.perDie]
	for i := range planes {
		start = max(start, planes[i].Free())
	}
	for i := range planes {
		planes[i].Reserve(start, p.Program)
	}
	s.end = start + p.Program
	f.latest = max(f.latest, s.end)
	list := f.flying[die]
	for len(list) > 0 && list[0].end <= now {
		list = append(list[:0], list[1:]...)
	}
	f.flying[die] = append(list, s)
	c.undo.issued(s)
	if c.rec != nil {
		w := traces.Waits{traces.Bank: start - at, traces.Data: at - now}
		c.rec.Span(traces.NVMeFlash, f.dieTrk[die], now, s.end, &w, uint64(die), uint64(n))
	}
	c.eng.At(s.end, c, evDrained, uint64(s.bytes))
}

// flush programs what is left of the open stripes and returns when everything is on the medium.
func (f *flash) flush() sim.Time {
	for j := range f.open {
		if int(f.opened[f.open[j].die]) == j {
			f.programStripe(j)
		}
	}
	f.open, f.dealt, f.group = f.open[:0], 0, f.most
	return max(f.latest, f.ctl.eng.Now())
}

// retry draws how many more senses a page takes, and whether it cannot be read after all. The
// chance of a first retry grows from the profile's with wear, tenfold at the rated cycles; of each
// further one it is a quarter [D].
func (f *flash) retry(p place) (extra int, lost bool) {
	prof := f.ctl.Profile
	chance := float64(prof.RetryPPM) / 1e6
	if prof.Endurance > 0 {
		n := f.ftl.dies[p.die].blocks[p.block].erases
		chance *= 1 + 9*float64(n)/float64(prof.Endurance)
	}
	for extra < retriesMost && f.retries.Float64() < chance {
		extra++
		chance = max(chance, 0.25)
	}
	return extra, extra == retriesMost
}

// retriesMost is how often a page is read again before it is given up [D].
const retriesMost = 8
