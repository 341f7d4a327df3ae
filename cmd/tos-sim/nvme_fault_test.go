package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tensoros/hw"
	"tensoros/kernel/drv/nvme"
	"tensoros/sim"
	simnvme "tensoros/sim/nvme"
	"tensoros/traces"
)

// nvmeFaulty is a drive that suffers a plan while requests run against a model of its contents.
type nvmeFaulty struct {
	*nvmeRig
	t      testing.TB
	plan   string
	chance *sim.Rand
	d      *nvme.Drive
	mem    hw.Memory
	lanes  [faultLanes]faultLane
	silent bool // data may be wrong
	ended  int  // requests
	errs   []error
	worst  hw.Time // that a request took
}

const (
	faultAny     = 1<<32 - 1 // a version of any content
	faultLanes   = 6
	faultBlocks  = 32 // of a lane, on the drive and in memory
	faultTimeout = hw.Time(400_000)
)

// faultLane is a part of the drive that one request at a time works on. Each block holds versions
// that it may have: the last that was acknowledged, and those whose writing failed after it.
type faultLane struct {
	busy     bool
	ticket   nvme.Ticket
	op       nvme.Op
	lba, n   int // from the lane's start
	version  uint32
	start    hw.Time
	versions [faultBlocks][]uint32
}

func newNVMeFaulty(t testing.TB, plan string, seed, ties uint64, rec *traces.Recorder) *nvmeFaulty {
	t.Helper()
	p, err := simnvme.ParseFaults(plan)
	if err != nil {
		t.Fatal(err)
	}
	f := &nvmeFaulty{t: t, plan: plan, chance: sim.NewRand(seed, "faults"),
		nvmeRig: nvmeNewRig(t, &simnvme.Samsung970Pro, simnvme.NewMemory(1<<20), rec, ties)}
	f.silent = strings.Contains(strings.ReplaceAll(plan, "corrupt-dma detected", ""), "corrupt-dma")
	for i := range f.lanes {
		for b := range f.lanes[i].versions {
			f.lanes[i].versions[b] = []uint32{0}
		}
	}
	f.ctl.SetFaults(p, seed)
	return f
}

func faultFill(p []byte, lba int, version uint32) {
	clear(p)
	if version == 0 {
		return
	}
	for i := 0; i < len(p); i += 8 {
		binary.LittleEndian.PutUint64(p[i:], uint64(version)<<32|uint64(lba)<<12|uint64(i))
	}
}

func (f *nvmeFaulty) buf(i int) []byte {
	const n = faultBlocks * 512
	return f.mem.Bytes()[i*n : (i+1)*n]
}

// begin starts a random request of a lane.
func (f *nvmeFaulty) begin(cpu hw.CPU, i, k int) {
	l := &f.lanes[i]
	l.op = []nvme.Op{nvme.OpRead, nvme.OpRead, nvme.OpWrite, nvme.OpWrite, nvme.OpWriteThrough,
		nvme.OpFlush, nvme.OpZero}[f.chance.Intn(7)]
	l.n = 1 + f.chance.Intn(faultBlocks)
	l.lba = f.chance.Intn(faultBlocks - l.n + 1)
	l.version, l.start = uint32(k+1), cpu.Now()
	segs := []nvme.Segment{{Bus: f.mem.Bus() + hw.BusAddr(i*faultBlocks*512), Len: l.n * 512}}
	switch l.op {
	case nvme.OpWrite, nvme.OpWriteThrough:
		for b := range l.n {
			faultFill(f.buf(i)[b*512:][:512], i*faultBlocks+l.lba+b, l.version)
		}
	case nvme.OpZero:
		segs, l.version = nil, 0
	case nvme.OpFlush:
		segs = nil
	}
	var err error
	l.ticket, err = f.d.Submit(cpu, l.op, uint64(i*faultBlocks+l.lba), uint64(l.n), segs)
	l.busy = err == nil
	if err != nil {
		f.end(cpu, i, err)
	}
}

// end holds the end of a request against the model.
func (f *nvmeFaulty) end(cpu hw.CPU, i int, err error) {
	l := &f.lanes[i]
	l.busy = false
	f.ended++
	f.worst = max(f.worst, cpu.Now()-l.start)
	if err != nil {
		f.errs = append(f.errs, err)
		var where *hw.Error
		if !errors.As(err, &where) {
			f.t.Errorf("%q: an error without its drive: %v", f.plan, err)
		}
	}
	for b := l.lba; b < l.lba+l.n; b++ {
		switch {
		case l.op == nvme.OpFlush:
		case l.op == nvme.OpRead && err == nil:
			f.holds(i, b, f.buf(i)[(b-l.lba)*512:][:512])
		case l.op == nvme.OpRead:
		case err == nil:
			l.versions[b] = append(l.versions[b][:0], l.version)
		case strings.Contains(f.plan, "corrupt-dma"):
			l.versions[b] = append(l.versions[b], faultAny) // what did not end well may be anything
		default:
			l.versions[b] = append(l.versions[b], l.version)
		}
	}
}

// holds checks a block's data.
func (f *nvmeFaulty) holds(i, b int, got []byte) {
	var want [512]byte
	for _, v := range f.lanes[i].versions[b] {
		if faultFill(want[:], i*faultBlocks+b, v); v == faultAny || bytes.Equal(got, want[:]) {
			return
		}
	}
	if !f.silent {
		f.t.Errorf("%q: lane %d block %d holds %x, may be %v", f.plan, i, b, got[:8],
			f.lanes[i].versions[b])
	}
}

// work runs n requests, opens the drive before and closes it after.
func (f *nvmeFaulty) work(cpu hw.CPU, n int) {
	var err error
	if f.mem, err = f.drive.Memory(faultLanes * faultBlocks * 512); err != nil {
		f.t.Error(err)
		return
	}
	defer f.mem.Free()
	f.d, err = nvme.Open(cpu, f.drive, f.drive.dev.Address())
	if err != nil {
		f.errs = append(f.errs, err)
		return
	}
	f.d.Timeout = faultTimeout
	for k := 0; k < n; {
		f.d.Poll(cpu)
		for i := range f.lanes {
			if l := &f.lanes[i]; l.busy {
				if over, err := f.d.Done(l.ticket); over {
					f.end(cpu, i, err)
				}
			} else if k < n {
				f.begin(cpu, i, k)
				k++
			}
		}
		cpu.Relax()
	}
	for i := range f.lanes {
		if f.lanes[i].busy {
			f.end(cpu, i, f.d.Wait(cpu, f.lanes[i].ticket))
		}
	}
	if err := f.d.Close(cpu); err != nil {
		f.errs = append(f.errs, err)
	}
}

// verify reads what is on the medium, without faults and without the driver.
func (f *nvmeFaulty) verify() {
	got := make([]byte, 512)
	for i := range f.lanes {
		for b := range f.lanes[i].versions {
			if err := f.ctl.Store.ReadAt(uint64(i*faultBlocks+b)*512, got); err != nil {
				f.t.Error(err)
			}
			f.holds(i, b, got)
		}
	}
}

// left checks that nothing is left behind.
func (f *nvmeFaulty) left() {
	f.t.Helper()
	if n, b := f.host.Live(); n != 0 {
		f.t.Errorf("%q: %d regions of DMA memory leak, %d bytes", f.plan, n, b)
	}
	if n := f.ctl.InFlight(); n != 0 && !f.drive.dev.Lost() { // nobody resets one that is gone
		f.t.Errorf("%q: %d commands in the controller", f.plan, n)
	}
	if n := f.fabric.InFlight(); n != 0 {
		f.t.Errorf("%q: %d packets in flight", f.plan, n)
	}
	if n := f.eng.Parked(); n != 0 {
		f.t.Errorf("%q: %d processes parked", f.plan, n)
	}
}

// TestNVMeFaultEffects: what each fault comes to.
func TestNVMeFaultEffects(t *testing.T) {
	for _, c := range []struct {
		plan   string
		errors bool
		want   error // each error is this
		seen   func(s nvme.Stats) bool
	}{
		{"opcode=read times=3: media-error", true, nil, nil},
		{`opcode=write times=3: status "Command Interrupted"`, false, nil,
			func(s nvme.Stats) bool { return s.Retries == 3 && s.Resets == 0 }},
		{`opcode=read: status "Namespace Not Ready"`, true, nil,
			func(s nvme.Stats) bool { return s.Retries > 5 && s.Resets == 0 }},
		{"opcode=read nth=5: timeout", false, nil,
			func(s nvme.Stats) bool { return s.Aborts == 1 && s.Resets == 0 && s.Retries == 1 }},
		{"opcode=read nth=5: timeout\nopcode=abort: timeout", false, nil,
			func(s nvme.Stats) bool { return s.Aborts == 1 && s.Resets == 1 }},
		{"queue=1 every=4: abort", false, nil, func(s nvme.Stats) bool { return s.Retries > 5 }},
		{"queue=1 nth=9: delay 2ms", false, nil, nil},
		{"p=0.5: lost-interrupt", false, nil, func(s nvme.Stats) bool { return s.Retries == 0 }},
		{"opcode=read every=3: corrupt-dma detected", false, nil,
			func(s nvme.Stats) bool { return s.Retries > 3 }},
		{"opcode=read every=3: corrupt-dma", false, nil,
			func(s nvme.Stats) bool { return s.Retries == 0 }},
		{"queue=1 every=7: corrupt-cqe", false, nil, nil},
		{"queue=1 nth=12: fatal", false, nil, func(s nvme.Stats) bool { return s.Resets == 1 }},
		{"queue=1 nth=11: reset-stuck\nqueue=1 nth=12: fatal", true, hw.ErrTimeout,
			func(s nvme.Stats) bool { return s.FunctionResets == 1 }},
		{"queue=1 nth=12: removal", true, hw.ErrLost, nil},
		{"at=300us: removal", true, hw.ErrLost, nil},
		{"at=300us: fatal", false, nil, func(s nvme.Stats) bool { return s.Resets == 1 }},
		{"opcode=identify nth=2: timeout", false, nil,
			func(s nvme.Stats) bool { return s.FunctionResets == 1 }},
		{"opcode=create-io-submission-queue nth=1: abort", false, nil, nil},
	} {
		f := newNVMeFaulty(t, c.plan, 5, 0, nil)
		f.run(t, func(cpu hw.CPU) { f.work(cpu, 60) })
		if len(f.errs) > 0 != c.errors {
			t.Errorf("%q: %d errors: %v", c.plan, len(f.errs), f.errs)
		}
		for _, err := range f.errs {
			if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%q: got %v, want %v", c.plan, err, c.want)
			}
		}
		if f.d != nil {
			t.Logf("%q: worst %v us, %+v, %d errors", c.plan, f.worst/1000, f.d.Stats, len(f.errs))
			if c.seen != nil && !c.seen(f.d.Stats) {
				t.Errorf("%q: %+v", c.plan, f.d.Stats)
			}
		}
		f.verify()
		f.left()
	}
}

// faultPlan draws a plan of one to four lines.
func faultPlan(r *sim.Rand) string {
	targets := []string{"opcode=read", "opcode=write", "opcode=flush", "opcode=write-zeroes",
		"queue=1", "lba=40-60", "queue=0", "opcode=abort", "opcode=identify",
		"opcode=create-io-completion-queue"}
	whens := []string{"nth=%d", "every=%d", "p=0.0%d", "p=0.3 times=%d"}
	effects := []string{"media-error", `status "Internal Error"`, `status "Command Interrupted"`,
		"timeout", "delay 300us", "delay 2ms", "abort", "lost-interrupt", "corrupt-dma detected",
		"corrupt-cqe", "fatal"}
	var lines []string
	for range 1 + r.Intn(4) {
		what := targets[r.Intn(len(targets))]
		if what == "opcode=read" && r.Intn(8) == 0 {
			lines = append(lines, fmt.Sprintf("opcode=read every=%d: corrupt-dma", 2+r.Intn(20)))
			continue
		}
		if r.Intn(40) == 0 {
			lines = append(lines, fmt.Sprintf("queue=1 nth=%d: reset-stuck", 1+r.Intn(30)))
		}
		if r.Intn(12) == 0 {
			lines = append(lines, fmt.Sprintf("at=%dus: %s", 1+r.Intn(900),
				[]string{"removal", "fatal"}[r.Intn(2)]))
			continue
		}
		lines = append(lines, what+" "+fmt.Sprintf(whens[r.Intn(len(whens))], 1+r.Intn(9))+": "+
			effects[r.Intn(len(effects))])
	}
	return strings.Join(lines, "\n")
}

// faultBound is the longest that a request may take: six tries of a command, each with its time,
// an Abort's and the grace, and a reset; and, where resets fail, the ladder to its end once.
func faultBound(plan string) hw.Time {
	const settle = 20_000_000 // retries' waits, and what the drive itself takes
	bound := 6*(3*faultTimeout) + settle
	if strings.Contains(plan, "reset-stuck") {
		bound += 4 * 5_500_000_000 // CAP.TO, for each wait for CSTS
	}
	return bound + 60*faultTimeout // admin commands of a bring-up that suffers too
}

// TestNVMeFaultPlans runs 1,200 plans. Every request ends within its bound, with success or an
// error that names the drive; what was acknowledged is there; nothing is left behind.
func TestNVMeFaultPlans(t *testing.T) {
	runs := 1200
	if testing.Short() {
		runs = 100
	}
	var sum nvme.Stats
	failed, dead := 0, 0
	for seed := range uint64(runs) {
		plan := faultPlan(sim.NewRand(seed, "plan"))
		f := newNVMeFaulty(t, plan, seed, seed%3, nil)
		f.run(t, func(cpu hw.CPU) { f.work(cpu, 40) })
		f.verify()
		f.left()
		if bound := faultBound(plan); f.worst > bound {
			t.Errorf("%q: a request took %v us, bound %v", plan, f.worst/1000, bound/1000)
		}
		failed += len(f.errs)
		if f.d == nil {
			dead++
			continue
		}
		sum.Retries += f.d.Stats.Retries
		sum.Aborts += f.d.Stats.Aborts
		sum.Resets += f.d.Stats.Resets
		sum.FunctionResets += f.d.Stats.FunctionResets
		if t.Failed() {
			t.Fatalf("seed %d: %q: %+v %v", seed, plan, f.d.Stats, f.errs)
		}
	}
	t.Logf("%d plans: %+v, %d errors, %d drives did not come up", runs, sum, failed, dead)
}

// TestNVMeFaultsRepeat: a plan and a seed give the same bytes of trace.
func TestNVMeFaultsRepeat(t *testing.T) {
	for seed := range uint64(20) {
		var first []byte
		for range 2 {
			rec := traces.NewRecorder()
			f := newNVMeFaulty(t, faultPlan(sim.NewRand(seed, "plan")), seed, 0, rec)
			f.run(t, func(cpu hw.CPU) { f.work(cpu, 40) })
			if first == nil {
				first = rec.Bytes()
			} else if !bytes.Equal(first, rec.Bytes()) {
				t.Errorf("seed %d: the traces differ", seed)
			}
		}
	}
}
