package memory

// Config is what the hierarchy costs, in SM clock cycles and bytes.
type Config struct {
	L2Bytes   int
	L2Latency int64   // hit, from the SM and back
	L2Rate    float64 // bytes a cycle
	Latency   int64   // of HBM, from the SM and back
	Rate      float64 // HBM bytes a cycle, as achieved
}

const (
	lineBits = 7
	// LineLen and SectorLen are bytes; a sector is what crosses the network.
	LineLen   = 1 << lineBits
	SectorLen = 32
	ways      = 16
	unit      = 1 << 16 // lanes count in fractions of a cycle
)

type line struct {
	tag   uint64
	valid uint8 // sectors
	dirty uint8
}

// Hierarchy is L2 and HBM.
type Hierarchy struct {
	cfg   Config
	sets  uint64
	lines []line
	hand  []uint8 // round robin victim of a set
	l2    int64   // when the lanes are next free, in 1/unit cycles
	hbm   int64
	l2Per int64 // 1/unit cycles a sector
	dmPer int64

	// Counters of sectors.
	Hits, Misses, Writebacks uint64
}

// New makes an empty hierarchy.
func New(c Config) *Hierarchy {
	sets := uint64(max(1, c.L2Bytes/LineLen/ways))
	h := &Hierarchy{cfg: c, sets: sets, lines: make([]line, sets*ways), hand: make([]uint8, sets)}
	h.l2Per = int64(SectorLen * unit / c.L2Rate)
	h.dmPer = int64(SectorLen * unit / c.Rate)
	return h
}

// set spreads lines over the sets: a multiplicative hash, so that no stride collides.
func (h *Hierarchy) set(tag uint64) uint64 {
	return (tag * 0x9e3779b97f4a7c15 >> 20) % h.sets
}

func (h *Hierarchy) find(tag uint64) *line {
	s := h.set(tag) * ways
	for i := s; i < s+ways; i++ {
		if h.lines[i].tag == tag && h.lines[i].valid != 0 {
			return &h.lines[i]
		}
	}
	return nil
}

// allocate takes a line for tag, writing back what it held.
func (h *Hierarchy) allocate(tag uint64, now int64) *line {
	set := h.set(tag)
	i := set*ways + uint64(h.hand[set])
	h.hand[set] = (h.hand[set] + 1) % ways
	l := &h.lines[i]
	for d := l.dirty; d != 0; d &= d - 1 {
		h.Writebacks++
		h.hbm = max(h.hbm, now*unit) + h.dmPer
	}
	*l = line{tag: tag}
	return l
}

// Access reads or writes sectors (a mask of four) of the line at addr, at cycle now, and returns
// when the data are at the SM, or a write is accepted.
func (h *Hierarchy) Access(now int64, addr uint64, sectors uint8, write bool) int64 {
	tag := addr >> lineBits
	l := h.find(tag)
	if l == nil {
		l = h.allocate(tag, now)
	}
	missing := sectors &^ l.valid
	if write {
		missing = 0 // write-validate: no fetch
		l.dirty |= sectors
	}
	l.valid |= sectors
	n := ones(sectors)
	h.l2 = max(h.l2, now*unit) + n*h.l2Per
	done := h.l2/unit + h.cfg.L2Latency
	if m := ones(missing); m > 0 {
		h.hbm = max(h.hbm, now*unit) + m*h.dmPer
		done = max(done, h.hbm/unit+h.cfg.Latency)
		h.Misses += uint64(m)
	}
	h.Hits += uint64(n - ones(missing))
	return done
}

// Deposit marks bytes as written into L2 by a device: DMA through the BAR lands there.
func (h *Hierarchy) Deposit(now int64, addr, n uint64) {
	for at := addr &^ (LineLen - 1); at < addr+n; at += LineLen {
		l := h.find(at >> lineBits)
		if l == nil {
			l = h.allocate(at>>lineBits, now)
		}
		for s := range uint64(LineLen / SectorLen) {
			if lo := at + s*SectorLen; lo+SectorLen > addr && lo < addr+n {
				l.valid |= 1 << s
				l.dirty |= 1 << s
			}
		}
	}
}

func ones(m uint8) (n int64) {
	for ; m != 0; m &= m - 1 {
		n++
	}
	return n
}
