package nvme

import (
	"encoding/binary"
	"testing"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// cutter drives a load of writes, flushes, FUA writes and deallocations whose every version of a
// block is a number, and knows which numbers a block may show after a power cut.
type cutter struct {
	*guest
	r       *sim.Rand
	at      uint64
	buf     []byte
	version uint64
	blocks  [cutBlocks]cutBlock
	flying  map[uint16]*cutCommand
	left    int
}

const cutBlocks = 96

// cutBlock is a block's versions: durable from on what it shows at least, and all that came later.
type cutBlock struct {
	versions []uint64 // submitted, in order; 0: zeroes
	durable  int      // index of the oldest that may be seen
}

type cutCommand struct {
	op    uint8
	fua   bool
	first int
	n     int
	index []int // of this version in each block
	safe  [cutBlocks]int
}

const cutSlot = 16 << 10 // of the data buffer, for a command

// submit makes a command. Blocks that a command under way writes are left alone, so that the
// order of versions is known.
func (c *cutter) submit() {
	k := &cutCommand{op: spec.Write, first: c.r.Intn(cutBlocks), n: 1 + c.r.Intn(20)}
	k.n = min(k.n, cutBlocks-k.first)
	switch c.r.Intn(10) {
	case 0, 1:
		k.op = spec.Flush
		for i := range c.blocks {
			k.safe[i] = c.answered(i)
		}
	case 2:
		k.op = spec.WriteZeroes
	case 3, 4:
		k.fua = true
	}
	if k.op != spec.Flush && c.busy(k) {
		return
	}
	slot := uint64(c.r.Intn(len(c.buf) / cutSlot))
	for _, f := range c.flying {
		if f.op == spec.Write && uint64(f.index[len(f.index)-1]) == slot {
			return
		}
	}
	e := c.rw(k.op, uint64(k.first), c.at+slot*cutSlot, k.n<<9)
	if k.op == spec.Flush {
		e = spec.Command{Opcode: spec.Flush, NSID: 1}
	} else {
		c.version++
		for i := range k.n {
			b := &c.blocks[k.first+i]
			v := c.version
			if k.op == spec.WriteZeroes {
				v = 0
			}
			b.versions = append(b.versions, v)
			k.index = append(k.index, len(b.versions)-1)
			fillBlock(c.buf[slot*cutSlot+uint64(i)<<9:][:512], v)
		}
		if k.op == spec.Write {
			k.index = append(k.index, int(slot))
		}
	}
	if k.fua {
		e.CDW12 |= 1 << 30
	}
	c.flying[c.put(1, e)] = k
	c.bell(1)
}

func fillBlock(p []byte, v uint64) {
	for i := 0; i < len(p); i += 8 {
		binary.LittleEndian.PutUint64(p[i:], v)
	}
}

func (c *cutter) busy(k *cutCommand) bool {
	for _, f := range c.flying {
		if f.op != spec.Flush && f.first < k.first+k.n && k.first < f.first+f.n {
			return true
		}
	}
	return false
}

// answered is the newest version of a block whose command is answered.
func (c *cutter) answered(block int) int {
	last := len(c.blocks[block].versions) - 1
	for _, f := range c.flying {
		if f.op != spec.Flush && block >= f.first && block < f.first+f.n {
			return last - 1
		}
	}
	return last
}

// answer takes a completion: what is durable now can no longer be lost. plp: everything answered.
func (c *cutter) answer(e spec.Completion, plp bool) {
	if !e.Status.OK() {
		c.Fatal(e)
	}
	k := c.flying[e.CID]
	delete(c.flying, e.CID)
	if k.op == spec.Flush {
		for i := range c.blocks {
			c.blocks[i].durable = max(c.blocks[i].durable, k.safe[i])
		}
		return
	}
	for i := range k.n {
		if b := &c.blocks[k.first+i]; k.fua || plp {
			b.durable = max(b.durable, k.index[i])
		}
	}
}

// cutRun runs the load of a seed until event cut, takes power away, opens the store anew and checks
// each block. It returns how many events there were.
func cutRun(t *testing.T, prof *Profile, seed uint64, commands int, cut uint64) uint64 {
	store := NewMemory(64 << 10)
	g := ready(t, prof, store, nil)
	c := &cutter{guest: g, r: sim.NewRand(seed, "load"), left: commands,
		flying: map[uint16]*cutCommand{}}
	c.at, c.buf = g.alloc(8 * cutSlot)
	for i := range c.blocks {
		c.blocks[i].versions = []uint64{0}
	}
	start := g.eng.Fired
	for g.eng.Fired-start < cut {
		for len(c.flying) < 6 && c.left > 0 {
			c.submit()
			c.left--
		}
		if !g.eng.Step() {
			break
		}
		for e, ok := g.poll(1); ok; e, ok = g.poll(1) {
			c.answer(e, !prof.VolatileCache)
		}
	}
	events := g.eng.Fired - start
	if err := g.ctl.PowerCut(seed ^ cut); err != nil {
		t.Fatal(err)
	}
	g.eng.Run(sim.Forever) // what is under way must not reach the store
	h := ready(t, prof, store, nil)
	if h.ctl.smart.UnsafeShutdowns != 1 {
		t.Fatalf("%d unsafe shutdowns", h.ctl.smart.UnsafeShutdowns)
	}
	at, p := h.alloc(cutBlocks << 9)
	if e := h.do(1, h.rw(spec.Read, 0, at, cutBlocks<<9)); !e.Status.OK() {
		t.Fatal(e)
	}
	for i := range c.blocks {
		b := &c.blocks[i]
		v := binary.LittleEndian.Uint64(p[i<<9:])
		for off := 8; off < 512; off += 8 {
			if w := binary.LittleEndian.Uint64(p[i<<9+off:]); w != v {
				t.Fatalf("seed %d cut %d: block %d is torn: %d and %d", seed, cut, i, v, w)
			}
		}
		found := false
		for _, w := range b.versions[b.durable:] {
			found = found || w == v
		}
		if !found {
			t.Fatalf("seed %d cut %d: block %d shows version %d; %v may be seen of %v", seed, cut, i, v,
				b.versions[b.durable:], b.versions)
		}
	}
	return events
}

// Power cut at every event of a small load, and at random events of large ones.
func TestPowerCut(t *testing.T) {
	for n, prof := range map[int]*Profile{1000: small(true), 150: small(false),
		100: &Samsung970Pro} {
		all := cutRun(t, prof, 1, 60, ^uint64(0))
		for cut := range all + 1 {
			cutRun(t, prof, 1, 60, cut)
		}
		r := sim.NewRand(9, prof.Name)
		if testing.Short() {
			n = 50
		}
		for range n {
			seed := r.Uint64() % 8
			cutRun(t, prof, 2+seed, 400, r.Uint64()%4000)
		}
		t.Logf("%s, volatile %v: each of %d events, and %d of larger loads", prof.Name,
			prof.VolatileCache, all, n)
	}
}

// A volatile drive does lose data, or the test above would prove nothing: some cut must show a
// block older than its last answered version.
func TestVolatileDriveLosesData(t *testing.T) {
	lost := func(prof *Profile) (n int) {
		for seed := range uint64(8) {
			store := NewMemory(64 << 10)
			g := ready(t, prof, store, nil)
			at, p := g.alloc(512)
			fillBlock(p, 7)
			g.do(1, g.rw(spec.Write, 3, at, 512))
			if err := g.ctl.PowerCut(seed); err != nil {
				t.Fatal(err)
			}
			var q [512]byte
			_ = store.ReadAt(3<<9, q[:])
			if binary.LittleEndian.Uint64(q[:]) == 0 {
				n++
			}
		}
		return n
	}
	if n := lost(small(true)); n == 0 || n == 8 {
		t.Errorf("a volatile drive lost an unflushed block %d times of 8", n)
	}
	if n := lost(small(false)); n != 0 {
		t.Errorf("a protected drive lost an answered block %d times of 8", n)
	}
}
