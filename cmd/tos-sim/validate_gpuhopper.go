package main

import (
	"fmt"
	"math"
	"strings"

	spec "tensoros/hw/spec/gpu"
	"tensoros/sim/gpu/chip"
)

// The microbenchmarks of a H200 that FlashGPU-Sim publishes (docs/cluster_noc/calibration.md, job
// 2119329), quoted singly, each as a probe of our own.

// job is a figure of it, in cycles if there is no unit.
type job struct {
	name  string
	value float64
	set   string // the parameter that it set
	run   func(c *chip.Chip) (float64, error)
}

// weakJobs are only shown, and why.
var weakJobs = map[string]string{
	"remote arrival to the end of the wait": "published in cycles, taken with a timer in ns"}

func hopperRows() []vrow {
	var rows []vrow
	for _, part := range [][]job{wgmmaJobs(), barrierJobs(), copyJobs(), clusterJobs(),
		streamJobs()} {
		for _, j := range part {
			unit := "clk"
			if strings.Contains(j.name, "rate") || strings.HasPrefix(j.name, "TMA reads") {
				unit = "B/clk"
			}
			mark, note := fitNote(j.set)
			// Cycles are whole: half of one is allowed.
			allow := max(gpuAllow, math.Ceil(50/j.value))
			if why := weakJobs[j.name]; why != "" {
				mark, note, allow = shown, why, 0
			}
			rows = append(rows, vrow{"h200", j.name, unit, j.value, 0, srcH200Job, mark, allow,
				note, on(chip.H200, j.run)})
		}
	}
	return rows
}

// wgmma is m64nNk16 of f16 with f32 sums; A is in registers or in shared memory.
type wgmmaOp struct {
	n         int
	registers bool
}

func (o wgmmaOp) line(int) string {
	acc := make([]string, o.n/2)
	for i := range acc {
		acc[i] = fmt.Sprintf("%%f%d", i)
	}
	a, flip := "%rd10", ", 0, 0"
	if o.registers {
		a, flip = "{%r40,%r41,%r42,%r43}", ", 0"
	}
	return fmt.Sprintf("wgmma.mma_async.sync.aligned.m64n%dk16.f32.f16.f16 {%s}, %s, %%rd11, %%p1, "+
		"1, 1%s;", o.n, strings.Join(acc, ","), a, flip)
}

const (
	wgmmaFence  = "\twgmma.fence.sync.aligned;\n"
	wgmmaCommit = "\twgmma.commit_group.sync.aligned;\n"
	wgmmaWait   = "\twgmma.wait_group.sync.aligned 0;\n"
)

// probe measures body, between two others.
func (o wgmmaOp) probe(c *chip.Chip, before, body, after string) (float64, error) {
	zero := func(format string, from int) func(i int) string {
		return func(i int) string { return fmt.Sprintf(format, from+i) }
	}
	setup := repeat(64, zero("mov.f32 %%f%d, 0f00000000;", 0)) +
		repeat(4, zero("mov.u32 %%r%d, 0;", 40)) + `
	cvt.u64.u32 %rd10, %r5;
	shr.u64 %rd10, %rd10, 4;
	or.b64 %rd10, %rd10, 0x4000004000010000;
	add.s64 %rd11, %rd10, 512;
	setp.eq.u32 %p1, 0, 0;
`
	p := probe{setup: setup + wgmmaFence + before, body: body, after: after, ctas: 1, threads: 128,
		shared: 32 << 10, hopper: true}
	return p.cycles(c)
}

func wgmmaJobs() []job {
	var jobs []job
	for _, p := range []struct {
		o     wgmmaOp
		value float64
	}{{wgmmaOp{n: 8}, 47}, {wgmmaOp{n: 16}, 51}, {wgmmaOp{n: 32}, 59}, {wgmmaOp{n: 64}, 75},
		{wgmmaOp{n: 128}, 107}, {wgmmaOp{8, true}, 37}, {wgmmaOp{16, true}, 41},
		{wgmmaOp{32, true}, 49}, {wgmmaOp{64, true}, 65}} {
		kind, set := "SS", "wgmma.tail"
		if p.o.registers {
			kind, set = "RS", "wgmma.tail_regs"
		}
		jobs = append(jobs, job{fmt.Sprintf("wgmma %s N=%d, wait", kind, p.o.n), p.value,
			set, func(c *chip.Chip) (float64, error) {
				return p.o.probe(c, "\t"+p.o.line(0)+"\n"+wgmmaCommit, wgmmaWait, "")
			}})
	}
	for _, p := range []struct {
		name  string
		o     wgmmaOp
		value float64
		set   string
	}{{"wgmma SS N=64, issue", wgmmaOp{n: 64}, 4.3, "wgmma.issue"},
		{"wgmma SS N=128, issue", wgmmaOp{n: 128}, 4.27, ""},
		{"wgmma RS N=64, issue", wgmmaOp{64, true}, 9.5, "wgmma.issue_regs"}} {
		jobs = append(jobs, job{p.name, p.value, p.set, func(c *chip.Chip) (float64, error) {
			return p.o.probe(c, "", "\t"+p.o.line(0)+"\n", wgmmaCommit+wgmmaWait)
		}})
	}
	span := func(o wgmmaOp) func(c *chip.Chip) (float64, error) {
		return func(c *chip.Chip) (float64, error) {
			return o.probe(c, "", wgmmaFence+"\t"+o.line(0)+"\n"+wgmmaCommit+wgmmaWait, "")
		}
	}
	return append(jobs,
		job{"wgmma SS N=64, fence to wait", 97.8, "wgmma.fence", span(wgmmaOp{n: 64})},
		job{"wgmma SS N=128, fence to wait", 129.8, "", span(wgmmaOp{n: 128})})
}

// barrierSetup makes an mbarrier of one arrival at store, in a warp of one lane.
const barrierSetup = `	mbarrier.init.shared.b64 [%r5], 1;
	bar.sync 0;
`

// readyWait waits for a phase that may have ended.
const readyWait = `	mov.u32 %r20, 0;
wait:
	mbarrier.try_wait.parity.shared.b64 %p1, [%r5], %r20;
	@!%p1 bra wait;
`

func barrierJobs() []job {
	one := func(setup, body string) func(c *chip.Chip) (float64, error) {
		return func(c *chip.Chip) (float64, error) {
			p := probe{setup: barrierSetup + setup, body: body, ctas: 1, threads: 1, shared: 1024,
				hopper: true}
			return p.cycles(c)
		}
	}
	const arrive = "\tmbarrier.arrive.shared.b64 %rd6, [%r5];\n"
	return []job{
		{"mbarrier.arrive", 6, "mbarrier.arrive", one("", arrive)},
		{"mbarrier.try_wait, ready", 43, "mbarrier.test", one(arrive, readyWait)},
		{"mbarrier.arrive.expect_tx(0) and wait", 71, "",
			one("", "\tmbarrier.arrive.expect_tx.shared.b64 %rd6, [%r5], 0;\n"+readyWait)},
		{"mbarrier.try_wait, fails", 7776, "mbarrier.suspend",
			one("", "\tmbarrier.try_wait.parity.shared.b64 %p1, [%r5], 0;\n"+
				"\tselp.u32 %r6, 1, 0, %p1;\n\tmov.u32 %r7, %r6;\n")},
	}
}

// boxLoad loads rows of 256 bytes by the copy engine into store+1024; of a multicast, to both CTAs.
func boxLoad(rows int, multicast bool) string {
	cast, mask := "", ""
	if multicast {
		cast, mask = ".multicast::cluster", ", %h1"
	}
	return fmt.Sprintf(`	mbarrier.arrive.expect_tx.shared.b64 %%rd6, [%%r5], %d;
	add.u32 %%r6, %%r5, 1024;
	mov.u32 %%r7, 0;
	cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes%s
		[%%r6], [%%rd2, {%%r7, %%r7}], [%%r5]%s;
`, 256*rows, cast, mask)
}

// mapOf writes the map of a matrix of rows of 256 bytes, which lies 1024 bytes behind it.
func mapOf(rows int) func(at uint64, p []byte) {
	return func(at uint64, p []byte) {
		m := spec.TensorMap{Type: spec.TensorU32, Rank: 2, Base: at + 1024}
		m.Dims[0], m.Dims[1], m.Strides[0] = 64, uint64(rows), 256
		m.Box[0], m.Box[1] = 64, uint32(rows)
		m.ElementStrides[0], m.ElementStrides[1] = 1, 1
		b, err := m.Encode()
		if err != nil {
			panic("tos-sim: " + err.Error())
		}
		copy(p, b[:])
	}
}

// tensorLoad is cycles from the request of a cold box to the end of the wait for it.
func tensorLoad(c *chip.Chip, rows int) (float64, error) {
	p := probe{setup: barrierSetup, body: boxLoad(rows, false) + readyWait, ctas: 1, threads: 1,
		shared: 32 << 10, hopper: true, input: make([]byte, 32<<10), prepare: mapOf(rows)}
	return p.cycles(c)
}

func copyJobs() []job {
	var jobs []job
	for _, p := range []struct {
		bytes int
		value float64
		set   string
	}{{256, 1351, "bulk.map"}, {1 << 10, 1346, ""}, {4 << 10, 1649, ""}, {16 << 10, 1887, ""}} {
		name := fmt.Sprintf("TMA load of %d B, end to end", p.bytes)
		jobs = append(jobs, job{name, p.value, p.set,
			func(c *chip.Chip) (float64, error) { return tensorLoad(c, p.bytes/256) }})
	}
	return append(jobs, job{"TMA multicast, extra", 99, "bulk.multicast", multicastExtra},
		job{"cp.async, 16 copies issue", 65, "pipe.copy", func(c *chip.Chip) (float64, error) {
			line := func(i int) string {
				return fmt.Sprintf("cp.async.cg.shared.global [%%r5+%d], [%%rd2+%d], 16;", 16*i, 16*i)
			}
			p := probe{setup: repeat(16, line), body: repeat(16, line), ctas: 1, threads: 1,
				after: "\tcp.async.wait_all;\n", shared: 1024, input: make([]byte, 1024)}
			return p.cycles(c)
		}})
}

// multicastExtra is what a box that goes to both CTAs of a cluster takes longer than one of one.
func multicastExtra(c *chip.Chip) (float64, error) {
	load := func(cast bool) (float64, error) {
		p := clusterProbe(1, barrierSetup+"\tmov.u16 %h1, 3;\n", boxLoad(4, cast)+readyWait)
		p.input, p.prepare = make([]byte, 32<<10), mapOf(4)
		return p.cycles(c)
	}
	one, err := load(false)
	if err != nil {
		return 0, err
	}
	both, err := load(true)
	return both - one, err
}

// clusterSetup lets rank 0 know of rank 1: %r30 is the peer's store, %r31 its own in the cluster.
// Threads of other ranks report no time.
const clusterSetup = `	mov.u32 %r29, %cluster_ctarank;
	mov.u32 %r28, 1;
	mapa.shared::cluster.u32 %r30, %r5, %r28;
	mapa.shared::cluster.u32 %r31, %r5, %r29;
`

const clusterSync = `	barrier.cluster.arrive.aligned;
	barrier.cluster.wait.aligned;
`

// clusterProbe runs a body in rank 0 of a cluster of two.
func clusterProbe(threads int, setup, body string) probe {
	return probe{setup: clusterSetup + setup + clusterSync +
		"\tsetp.ne.u32 %p2, %r29, 0;\n\t@%p2 bra idle;\n", body: body,
		after: "\tbra.uni over;\nidle:\n\tmov.u64 %rd3, -1;\n\tmov.u64 %rd4, 0;\nover:\n" + clusterSync,
		ctas:  2, threads: threads, shared: 40 << 10, hopper: true, cluster: 2}
}

func clusterJobs() []job {
	chain := func(start string) func(c *chip.Chip) (float64, error) {
		return func(c *chip.Chip) (float64, error) {
			const n = 64
			step := func(int) string { return "ld.shared::cluster.u32 %r10, [%r10];" }
			p := clusterProbe(1, "\tmov.u32 %r10, "+start+
				";\n\tst.shared::cluster.u32 [%r10], %r10;\n"+repeat(4, step), repeat(n, step))
			v, err := p.cycles(c)
			return v / n, err
		}
	}
	rate := func(op func(i int) string) func(c *chip.Chip) (float64, error) {
		return func(c *chip.Chip) (float64, error) {
			const n = 64
			p := clusterProbe(1024, "\tmad.lo.u32 %r32, %r1, 16, %r30;\n", repeat(n, op))
			v, err := p.cycles(c)
			return n * 1024 * 16 / v, err
		}
	}
	return []job{
		{"ld.shared::cluster, own", 37.05, "cluster.own", chain("%r31")},
		{"ld.shared::cluster, remote", 193.4, "cluster.latency", chain("%r30")},
		{"DSM load rate", 19.88, "cluster.load", rate(func(i int) string {
			r := 4 * (i % 4)
			return fmt.Sprintf("ld.shared::cluster.v4.f32 {%%f%d,%%f%d,%%f%d,%%f%d}, [%%r32];", r, r+1,
				r+2, r+3)
		})},
		{"DSM store rate", 18.95, "cluster.store", rate(func(int) string {
			return "st.shared::cluster.v4.f32 [%r32], {%f0,%f1,%f2,%f3};"
		})},
		{"DSM bulk copy rate", 21.06, "cluster.copy", putRate},
		{"remote arrival to the end of the wait", 284, "", remoteArrival},
	}
}

// pairProbe runs one body in rank 0 of a cluster of two, and another in rank 1.
func pairProbe(setup, first, second string) probe {
	return probe{setup: clusterSetup + setup + clusterSync + "\tsetp.ne.u32 %p2, %r29, 0;\n",
		body:  "\t@%p2 bra owner;\n" + first + "\tbra over;\nowner:\n" + second + "over:\n",
		after: clusterSync, ctas: 2, threads: 1, shared: 40 << 10, hopper: true, cluster: 2}
}

// putRate is bytes a cycle of bulk copies to the peer, whose mbarrier counts them.
func putRate(c *chip.Chip) (float64, error) {
	const n, each = 16, 16 << 10
	setup := fmt.Sprintf(`	setp.eq.u32 %%p3, %%r29, 1;
	@%%p3 mbarrier.arrive.expect_tx.shared.b64 %%rd6, [%%r5], %d;
	add.u32 %%r6, %%r5, 1024;
	add.u32 %%r7, %%r30, 1024;
`, n*each)
	p := pairProbe(barrierSetup+setup, repeat(n, func(int) string {
		return fmt.Sprintf("cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes"+
			" [%%r7], [%%r6], %d, [%%r30];", each)
	}), readyWait)
	v, err := p.cycles(c)
	return n * each / v, err
}

// remoteArrival is cycles from an arrival at the peer's mbarrier to the end of the peer's wait,
// which has begun before.
func remoteArrival(c *chip.Chip) (float64, error) {
	p := pairProbe(barrierSetup, "\tnanosleep.u32 500;\n\tmov.u64 %rd3, %clock64;\n"+
		"\tmbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r30];\n",
		"\tmov.u64 %rd3, -1;\n"+readyWait)
	return p.cycles(c)
}

// A bulk stream keeps so many boxes on their way in each SM.
const (
	streamBox    = 16 << 10
	streamStages = 8
)

// bulkStream is bytes a cycle of bulk loads of all SMs, by what a longer stream takes more than a
// shorter one; both in boxes a SM. A warm one walks over the boxes of the shorter, which are in L2.
func bulkStream(c *chip.Chip, short, long int, warm bool) (float64, error) {
	sms := int(c.Get("sm.count"))
	set := func(boxes int) int {
		if warm {
			return short
		}
		return boxes
	}
	var t [2]float64
	for i, n := range []int{short, long} {
		p := streamProbe(sms, n, set(n))
		p.warm = warm
		var err error
		if t[i], err = p.cycles(c); err != nil {
			return 0, err
		}
	}
	return float64((long-short)*sms*streamBox) / (t[1] - t[0]), nil
}

// streamProbe loads boxes in turn by one thread of each SM.
func streamProbe(sms, boxes, set int) probe {
	setup := fmt.Sprintf("\tmul.wide.u32 %%rd6, %%r2, %d;\n\tadd.s64 %%rd6, %%rd6, %%rd2;\n"+
		"\tadd.u32 %%r6, %%r5, 1024;\n", streamBox)
	setup += repeat(streamStages, func(k int) string {
		return fmt.Sprintf("mbarrier.init.shared.b64 [%%r5+%d], 1;", 8*k)
	})
	body := repeat(boxes+streamStages, func(i int) string {
		k, step := i%streamStages, ""
		if i >= streamStages {
			step = fmt.Sprintf("w%d: mbarrier.try_wait.parity.shared.b64 %%p1, [%%r5+%d], %d;\n"+
				"\t@!%%p1 bra w%d;\n\t", i, 8*k, (i/streamStages-1)%2, i)
		}
		if i < boxes {
			step += fmt.Sprintf("mbarrier.arrive.expect_tx.shared.b64 %%rd7, [%%r5+%d], %d;\n"+
				"\tadd.u32 %%r7, %%r6, %d;\n\tadd.s64 %%rd8, %%rd6, %d;\n"+
				"\tcp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes "+
				"[%%r7], [%%rd8], %d, [%%r5+%d];", 8*k, streamBox, k*streamBox,
				i%set*sms*streamBox, streamBox, 8*k)
		}
		return step
	})
	return probe{setup: setup, body: body, ctas: sms, threads: 1,
		shared: 1024 + streamStages*streamBox, hopper: true, wholeGPU: true,
		input: make([]byte, set*sms*streamBox)}
}

func streamJobs() []job {
	return []job{
		{"TMA reads of HBM", 2299, "", func(c *chip.Chip) (float64, error) {
			return bulkStream(c, 48, 96, false)
		}},
		{"TMA reads of L2", 4118, "l2.rate", func(c *chip.Chip) (float64, error) {
			return bulkStream(c, 20, 80, true)
		}},
	}
}
