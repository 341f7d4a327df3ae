package memory

import "testing"

var cfg = Config{L2Bytes: 1 << 20, L2Latency: 200, L2Rate: 3200, Latency: 500, Rate: 1600}

func TestLatencyByLevel(t *testing.T) {
	h := New(cfg)
	if got := h.Access(1000, 4096, 1, false); got != 1500 {
		t.Errorf("a miss is answered at %d, want 1500", got)
	}
	if got := h.Access(2000, 4096, 1, false); got != 2200 {
		t.Errorf("a hit is answered at %d, want 2200", got)
	}
	if got := h.Access(3000, 4096, 2, false); got != 3500 {
		t.Errorf("another sector of the line is answered at %d, want 3500", got)
	}
}

func TestStreamsReachTheRates(t *testing.T) {
	h := New(cfg)
	var done int64
	const n = 64 << 20
	for a := uint64(0); a < n; a += LineLen {
		done = h.Access(0, a, 15, false)
	}
	if rate := float64(n) / float64(done); rate < 0.97*cfg.Rate || rate > cfg.Rate {
		t.Errorf("HBM streams %.0f B a cycle, configured %v", rate, cfg.Rate)
	}
	const small = 512 << 10
	h = New(cfg)
	for a := uint64(0); a < small; a += LineLen {
		h.Access(0, a, 15, false)
	}
	start := int64(1 << 20)
	for range 64 {
		for a := uint64(0); a < small; a += LineLen {
			done = h.Access(start, a, 15, false)
		}
	}
	rate := float64(64*small) / float64(done-start)
	if rate < 0.95*cfg.L2Rate || rate > cfg.L2Rate*1.03 {
		t.Errorf("L2 streams %.0f B a cycle, configured %v", rate, cfg.L2Rate)
	}
}

func TestDepositIsAHit(t *testing.T) {
	h := New(cfg)
	h.Deposit(0, 1<<16+32, 256)
	h.Access(10, 1<<16, 0b1110, false)
	if h.Misses != 0 {
		t.Errorf("%d misses on deposited sectors", h.Misses)
	}
	h.Access(10, 1<<16, 1, false)
	if h.Misses != 1 {
		t.Error("the sector before the deposit hits")
	}
}

func TestWritebacksTakeBandwidth(t *testing.T) {
	h := New(cfg)
	for a := uint64(0); a < 4<<20; a += LineLen {
		h.Access(0, a, 15, true)
	}
	if h.Misses != 0 || h.Writebacks < 3<<20/SectorLen*9/10 {
		t.Errorf("%d misses, %d write-backs", h.Misses, h.Writebacks)
	}
}

func BenchmarkAccess(b *testing.B) {
	h := New(cfg)
	b.ReportAllocs()
	for i := range b.N {
		h.Access(int64(i), uint64(i)*LineLen&(4<<20-1), 15, false)
	}
}
