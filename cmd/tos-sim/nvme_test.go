package main

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"
	"tensoros/kernel/drv/nvme"
	"tensoros/sim"
	simnvme "tensoros/sim/nvme"
	"tensoros/traces"
)

const nvmeStoreSize = 256 << 20

// nvmeFilled is a store with a pattern in its first n bytes.
func nvmeFilled(n int) (*simnvme.Memory, []byte) {
	s := simnvme.NewMemory(nvmeStoreSize)
	p := nvmePattern(1, n)
	_ = s.WriteAt(0, p) // memory takes everything
	return s, p
}

func nvmePattern(seed uint64, n int) []byte {
	p := make([]byte, n)
	r := sim.NewRand(seed, "pattern")
	for i := 0; i+8 <= n; i += 8 {
		v := r.Uint64()
		for j := range 8 {
			p[i+j] = byte(v >> (8 * j))
		}
	}
	return p
}

// nvmeOn opens the drive of a rig, runs body, closes it, and checks that nothing is left.
func nvmeOn(t testing.TB, r *nvmeRig, body func(cpu hw.CPU, d *nvme.Drive)) {
	t.Helper()
	r.run(t, func(cpu hw.CPU) {
		d, err := nvme.Open(cpu, r.drive, r.drive.dev.Address())
		if err != nil {
			t.Error(err)
			return
		}
		body(cpu, d)
		if err := d.Close(cpu); err != nil {
			t.Error(err)
		}
	})
	r.clean(t)
}

func TestNVMeBringUp(t *testing.T) {
	for _, shift := range []uint8{9, 12} {
		for _, prof := range simnvme.Profiles {
			r := nvmeNewRig(t, prof.WithBlocks(shift), simnvme.NewMemory(nvmeStoreSize), nil, 0)
			nvmeOn(t, r, func(_ hw.CPU, d *nvme.Drive) {
				if d.Model != prof.Model || d.BlockSize != 1<<shift || d.Queues != 64 ||
					d.Blocks != nvmeStoreSize>>shift || d.MaxTransfer != prof.MaxTransfer() {
					t.Errorf("%+v", d)
				}
			})
		}
	}
}

func TestNVMeReadsIntoHostAndPeer(t *testing.T) {
	const n = 8 << 20
	store, want := nvmeFilled(n)
	r := nvmeNewRig(t, &simnvme.Micron9550, store, nil, 0)
	nvmeOn(t, r, func(cpu hw.CPU, d *nvme.Drive) {
		m, err := r.drive.Memory(n)
		if err != nil {
			t.Error(err)
			return
		}
		defer m.Free()
		start := cpu.Now()
		if err := d.Read(cpu, 0, n/512, []nvme.Segment{{Bus: m.Bus(), Len: n}}); err != nil {
			t.Error(err)
		}
		t.Logf("8 MiB to the host: %.2f GB/s", n/float64(cpu.Now()-start))
		if !bytes.Equal(m.Bytes(), want) {
			t.Error("host memory differs")
		}
		bar, _ := r.peerFn.BAR(0)
		start = cpu.Now()
		seg := []nvme.Segment{{Bus: hw.BusAddr(bar + 1<<20), Len: n}}
		if err := d.Read(cpu, 0, n/512, seg); err != nil {
			t.Error(err)
		}
		t.Logf("8 MiB to a peer: %.2f GB/s", n/float64(cpu.Now()-start))
	})
	got := make([]byte, n)
	r.peer.mem.Read(1<<20, got)
	if !bytes.Equal(got, want) {
		t.Error("the peer's memory differs")
	}
}

// nvmeRandom does 1000 random reads and writes of random segments against a model of the contents.
func nvmeRandom(t testing.TB, seed uint64, rec *traces.Recorder, ties uint64) sim.Time {
	const area, most = 4 << 20, 300 << 10
	store, want := nvmeFilled(area)
	r := nvmeNewRig(t, &simnvme.Samsung970Pro, store, rec, ties)
	nvmeOn(t, r, func(cpu hw.CPU, d *nvme.Drive) {
		m, err := r.drive.Memory(most)
		if err != nil {
			t.Error(err)
			return
		}
		defer m.Free()
		chance := sim.NewRand(seed, "io")
		for i := range 1000 {
			size := 1 << chance.Intn(20)
			n := 1 + chance.Intn(min(size, most-4096))/512
			lba := chance.Intn((area - n*512) / 512)
			off := chance.Intn(1024) * 4
			n = min(n, (most-off)/512)
			segs := nvmeCut(chance, m.Bus()+hw.BusAddr(off), n)
			disk, host := want[lba*512:(lba+n)*512], m.Bytes()[off:off+n*512]
			if chance.Intn(2) == 0 {
				copy(host, nvmePattern(uint64(i), n*512))
				copy(disk, host)
				err = d.Write(cpu, uint64(lba), uint64(n), segs)
			} else if err = d.Read(cpu, uint64(lba), uint64(n), segs); !bytes.Equal(disk, host) {
				t.Errorf("I/O %d: %d blocks at %d differ", i, n, lba)
			}
			if err != nil {
				t.Errorf("I/O %d: %v", i, err)
				return
			}
		}
		if err := d.Flush(cpu); err != nil {
			t.Error(err)
		}
	})
	got := make([]byte, area)
	if err := store.ReadAt(0, got); err != nil || !bytes.Equal(got, want) {
		t.Error("the store differs at the end", err)
	}
	return r.eng.Now()
}

// nvmeCut makes up to four segments of n blocks at addr.
func nvmeCut(chance *sim.Rand, addr hw.BusAddr, n int) []nvme.Segment {
	var segs []nvme.Segment
	for n > 0 {
		k := n
		if len(segs) < 3 {
			k = 1 + chance.Intn(n)
		}
		segs = append(segs, nvme.Segment{Bus: addr, Len: k * 512})
		addr += hw.BusAddr(k * 512)
		n -= k
	}
	return segs
}

func TestNVMeRandomIOs(t *testing.T) {
	for ties := range uint64(3) {
		t.Logf("1000 I/Os took %v", nvmeRandom(t, 7, nil, ties))
	}
}

func TestNVMeSameBytesWhateverGOMAXPROCS(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var first []byte
	for procs := 1; procs <= 4; procs++ {
		runtime.GOMAXPROCS(procs)
		rec := traces.NewRecorder()
		nvmeRandom(t, 3, rec, 0)
		if first == nil {
			first = rec.Bytes()
		} else if !bytes.Equal(first, rec.Bytes()) {
			t.Fatalf("the trace differs with GOMAXPROCS %d", procs)
		}
	}
}

func TestNVMeQueueDepth(t *testing.T) {
	const chunk, count = 128 << 10, 512
	r := nvmeNewRig(t, &simnvme.Micron9550, simnvme.NewMemory(nvmeStoreSize), nil, 0)
	nvmeOn(t, r, func(cpu hw.CPU, d *nvme.Drive) {
		m, err := r.drive.Memory(chunk)
		if err != nil {
			t.Error(err)
			return
		}
		defer m.Free()
		segs := []nvme.Segment{{Bus: m.Bus(), Len: chunk}}
		var window [48]nvme.Ticket
		start := cpu.Now()
		for i := range count {
			if i >= len(window) {
				if err := d.Wait(cpu, window[i%len(window)]); err != nil {
					t.Error(err)
				}
			}
			lba := uint64(i * chunk / 512)
			if window[i%len(window)], err = d.Submit(cpu, nvme.OpRead, lba, chunk/512,
				segs); err != nil {
				t.Error(err)
				return
			}
		}
		for _, w := range window {
			if err := d.Wait(cpu, w); err != nil {
				t.Error(err)
			}
		}
		rate := chunk * count / float64(cpu.Now()-start)
		t.Logf("128 KiB reads, depth %d, 64 MiB: %.2f GB/s", len(window), rate)
		if rate < 0.9*14.0 {
			t.Errorf("%.2f GB/s", rate)
		}
	})
}

func TestNVMeErrors(t *testing.T) {
	r := nvmeNewRig(t, &simnvme.Micron9550, simnvme.NewMemory(1<<20), nil, 0)
	nvmeOn(t, r, func(cpu hw.CPU, d *nvme.Drive) {
		m, _ := r.drive.Memory(4096)
		defer m.Free()
		seg := func(off, n int) []nvme.Segment {
			return []nvme.Segment{{Bus: m.Bus() + hw.BusAddr(off), Len: n}}
		}
		var status *nvme.StatusError
		var where *hw.Error
		err := d.Read(cpu, 1<<40, 1, seg(0, 512))
		if !errors.As(err, &status) || status.Status.Code() != spec.LBAOutOfRange ||
			!errors.As(err, &where) {
			t.Errorf("beyond the end: %v", err)
		}
		for want, segs := range map[error][]nvme.Segment{nvme.ErrAlign: seg(2, 512),
			nvme.ErrLength: seg(0, 1024)} {
			if err := d.Read(cpu, 0, 1, segs); !errors.Is(err, want) {
				t.Errorf("%v: %v", want, err)
			}
		}
		if err := d.Read(cpu, 0, 1, seg(0, 512)); err != nil {
			t.Errorf("after the errors: %v", err)
		}
	})
}

// The three ways to lose a controller: it is pulled out, which is the end; it is reset under the
// driver or hangs, which the driver mends.
func TestNVMeTrouble(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(r *nvmeRig)
		want error
	}{
		{"removed", func(r *nvmeRig) { r.drive.dev.Remove() }, hw.ErrLost},
		{"reset", func(r *nvmeRig) { r.drive.dev.FunctionReset() }, nil},
		{"hung", func(r *nvmeRig) { r.drive.Config().Write16(4, 2) }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			store, want := nvmeFilled(64 << 10)
			r := nvmeNewRig(t, &simnvme.Micron9550, store, nil, 0)
			r.run(t, func(cpu hw.CPU) {
				d, err := nvme.Open(cpu, r.drive, r.drive.dev.Address())
				if err != nil {
					t.Error(err)
					return
				}
				d.Timeout = 2_000_000
				m, _ := r.drive.Memory(64 << 10)
				segs := []nvme.Segment{{Bus: m.Bus(), Len: 64 << 10}}
				ticket, err := d.Submit(cpu, nvme.OpRead, 0, 128, segs)
				if err != nil {
					t.Error(err)
				}
				c.do(r)
				if err := d.Wait(cpu, ticket); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				} else if err == nil && (!bytes.Equal(m.Bytes(), want) || d.Stats.Resets != 1) {
					t.Errorf("wrong data, or no reset: %+v", d.Stats)
				}
				if err := d.Close(cpu); !errors.Is(err, c.want) {
					t.Errorf("close: %v", err)
				}
				m.Free()
			})
			if n, b := r.host.Live(); n != 0 {
				t.Errorf("%d regions leak, %d bytes", n, b)
			}
		})
	}
}

// A drive is opened, closed, reset and opened again, and still has its contents.
func TestNVMeReopen(t *testing.T) {
	store, want := nvmeFilled(4096)
	r := nvmeNewRig(t, &simnvme.Samsung970Pro, store, nil, 0)
	for round := range 3 {
		nvmeOn(t, r, func(cpu hw.CPU, d *nvme.Drive) {
			m, _ := r.drive.Memory(4096)
			defer m.Free()
			err := d.Read(cpu, 0, 8, []nvme.Segment{{Bus: m.Bus(), Len: 4096}})
			if err != nil || !bytes.Equal(m.Bytes(), want) {
				t.Error(fmt.Errorf("round %d: %w", round, err))
			}
		})
		if round == 1 {
			r.run(t, func(hw.CPU) { _ = r.drive.Reset() })
		}
	}
}

// TestNVMeSGLsAreCheaper: one descriptor instead of a list that is written, and fetched.
func TestNVMeSGLsAreCheaper(t *testing.T) {
	for _, size := range []int{16 << 10, 128 << 10, 1 << 20} {
		var took, cpuTime [2]hw.Time
		for i := range 2 {
			r := nvmeNewRig(t, &simnvme.Micron9550, simnvme.NewMemory(nvmeStoreSize), nil, 0)
			nvmeOn(t, r, func(cpu hw.CPU, d *nvme.Drive) {
				if !d.SGL {
					t.Error("no SGLs")
				}
				d.SGL = i == 1
				m, _ := r.drive.Memory(size)
				defer m.Free()
				segs := []nvme.Segment{{Bus: m.Bus(), Len: size}}
				start := cpu.Now()
				ticket, err := d.Submit(cpu, nvme.OpRead, 0, uint64(size/512), segs)
				cpuTime[i] = cpu.Now() - start
				if err == nil {
					err = d.Wait(cpu, ticket)
				}
				took[i] = cpu.Now() - start
				if err != nil {
					t.Error(err)
				}
			})
		}
		t.Logf("%d KiB: PRPs %d ns, of them %d to submit; SGL %d ns, %d", size>>10, took[0],
			cpuTime[0], took[1], cpuTime[1])
		if took[1] > took[0] || cpuTime[1] >= cpuTime[0] {
			t.Errorf("%d KiB: SGLs are dearer", size>>10)
		}
	}
}
