package gpu

import (
	"strings"
	"testing"

	spec "tensoros/hw/spec/gpu"
	"tensoros/sim"
	"tensoros/sim/gpu/chip"
)

// sendNow rings without running the engine.
func (r *rig) sendNow(words ...uint32) {
	eng := r.eng
	r.eng = sim.NewEngine()
	r.send(words...)
	r.eng = eng
}

// A reset in the middle of things voids what is under way, on every clock edge of a copy's life.
func TestResetVoidsWhatIsUnderWay(t *testing.T) {
	const n = 1 << 20
	for after := sim.Time(0); after < 60*sim.Microsecond; after += 1500 * sim.Nanosecond {
		r := newRig(t, chip.H100)
		bus, _, _ := r.host.Alloc(n)
		words := copyWords(r.gpu.iface.Copy, rigData, bus, n)
		words = append(words, copyWords(r.gpu.iface.Copy, rigData+n, rigData, n)...)
		words = append(words, copyWords(r.gpu.iface.Copy, bus, rigData, n)...)
		words = append(words, semaphore(rigData, 5, spec.SemAcquire)...)
		r.sendNow(words...)
		r.eng.Run(r.eng.Now() + after)
		r.gpu.Reset()
		r.eng.Run(r.eng.Now() + sim.Millisecond)
		if r.eng.NextAt() != sim.Forever {
			t.Fatalf("reset after %v: events go on", after)
		}
		r.put = 0
		r.channel()
		r.send(semaphore(rigPush-64, 7, spec.SemRelease)...)
		if got := r.gpu.VRAM.U32(rigPush - 64); got != 7 {
			t.Fatalf("reset after %v: the new channel released %d, fault %q", after, got, r.fault())
		}
	}
}

// Two page directories that map one address differently, at a distance at which a key of
// va ^ directory would confuse them.
func TestTranslationsAreNotShared(t *testing.T) {
	r := newRig(t, chip.H100)
	const other = rigTables + 64<<10
	f := r.gpu.iface.MMU
	for va := uint64(0); va < 4<<30; va += 512 << 20 {
		at, next := uint64(other), uint64(other+4096)
		for _, l := range f.Levels {
			slot := at + l.Index(va)
			e := spec.Entry{Valid: true, Aperture: spec.VRAM, Addr: next}
			if l.Leaf {
				e = spec.Entry{Valid: true, Page: true, Aperture: spec.VRAM, Addr: 1 << 30}
			}
			r.gpu.VRAM.SetU64(slot, f.Pack(e))
			at, next = next, next+4096
		}
	}
	for va := uint64(0); va < 512<<20; va += 2 << 20 {
		if got, err := r.gpu.translate(rigTables, va); err != nil || got.pa != 0 {
			t.Fatalf("first directory, %#x: %+v, %v", va, got, err)
		}
	}
	for va := uint64(0); va < 512<<20; va += 2 << 20 {
		if got, err := r.gpu.translate(other, va); err != nil || got.pa != 1<<30 {
			t.Fatalf("second directory, %#x: %+v, %v", va, got, err)
		}
	}
}

// A timed semaphore of a word is four: payload, a word that is not used (zero here), and the time.
func TestTimedSemaphoreOfAWord(t *testing.T) {
	r := newRig(t, chip.H100)
	r.gpu.VRAM.SetU64(rigData, ^uint64(0))
	r.send(semaphore(rigData, 0x1234, uint32(spec.SemTimestamp.Put(spec.SemRelease, 1)))...)
	if got := r.gpu.VRAM.U64(rigData); got != 0x1234 {
		t.Errorf("payload %#x, fault %q", got, r.fault())
	}
	if r.gpu.VRAM.U64(rigData+8) == 0 {
		t.Error("no time")
	}
	r.gpu.VRAM.SetU64(rigData, ^uint64(0))
	r.send(semaphore(rigData, 5, spec.SemRelease)...)
	if got := r.gpu.VRAM.U64(rigData); got != 0xffffffff_00000005 {
		t.Errorf("a word without time wrote %#x", got)
	}
}

func TestReadOnlyPagesAreNotWritten(t *testing.T) {
	readOnly := spec.Entry{Valid: true, Page: true, ReadOnly: true, Aperture: spec.VRAM}
	for name, c := range map[string]struct {
		words []uint32
		want  string
	}{
		"semaphore": {semaphore(rigData, 1, spec.SemRelease), "semaphore: virtual address"},
		"copy":      {copyWords(0xc8b5, rigData, rigPush, 4096), "copy target: virtual address"},
	} {
		r := newRig(t, chip.H100)
		f := r.gpu.iface.MMU
		at := uint64(rigTables)
		for _, l := range f.Levels {
			if slot := at + l.Index(0); l.Leaf {
				r.gpu.VRAM.SetU64(slot, f.Pack(readOnly))
			} else {
				at = f.Unpack(r.gpu.VRAM.U64(slot)).Addr
			}
		}
		r.send(c.words...)
		if got := r.fault(); !strings.Contains(got, c.want) || !strings.Contains(got, "read only") {
			t.Errorf("%s: fault %q", name, got)
		}
		if got := r.gpu.VRAM.U32(rigData); got != 0 {
			t.Errorf("%s: wrote %#x", name, got)
		}
	}
}

// A copy that ends while its channel polls a semaphore starts no second round of polls.
func TestOnePollOfASemaphoreAtATime(t *testing.T) {
	r := newRig(t, chip.H100)
	words := copyWords(r.gpu.iface.Copy, rigData+4096, rigPush, 4096)
	r.send(append(words, semaphore(rigData, 5, spec.SemAcquire)...)...)
	if r.gpu.channels[1].pending != 0 {
		t.Fatal("the copy has not ended")
	}
	polls := 0
	for end := r.eng.Now() + 10*retryEvery; r.eng.NextAt() < end; polls++ {
		r.eng.Step()
	}
	if polls < 9 || polls > 10 {
		t.Errorf("%d polls in ten intervals", polls)
	}
}
