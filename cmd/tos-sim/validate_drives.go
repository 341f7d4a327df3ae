package main

import (
	"fmt"
	"math"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim/nvme"
)

const (
	srcAnand     = "AnandTech 11209 [S]"
	srcBase      = "ComputerBase, table of the PM1743 [S]"
	srcAisioNVMe = "xnvme/aisio cpu_initiated.md [S]"
	srcGreedy    = "(v-1)/ln(v) = utilisation: greedy collection, uniform writes (Desnoyers, TOS 2014) [R]"
)

const (
	noteClass = "which published figure belongs to which capacity is recalled; raw 8 TiB assumed, and " +
		"all that is spare is over-provisioning"
	noteSpare  = "aged by random overwriting; 7 % spare is assumed, so that nothing is gated"
	noteDies   = "the number of dies was fitted to this depth"
	noteRate   = "the firmware's rate was fitted to this figure"
	noteEmpty  = "measured on empty drives, and so here"
	noteLink   = "what the link lets through"
	noteLittle = "the same experiment as the row above"
)

// publishedRows are drives that are known by a few figures each.
func publishedRows() []vrow {
	var rows []vrow
	add := func(p *nvme.Profile, name, unit string, value float64, source, mark string,
		allow float64, note string, run func(*nvme.Profile) (float64, error)) {
		rows = append(rows, vrow{p.Name, name, unit, value, 0, source, mark, allow, note,
			func() (float64, error) { return run(p) }})
	}
	const one, deep, deepRate = "4 KiB random read, depth 1", "4 KiB random read, depth 16, mean",
		"4 KiB random read, depth 16"
	o := &nvme.OptaneP4800X
	add(o, one, "us", 8.9, srcAnand, fitted, driveAllow, noteFitted9550, meanRead(1))
	add(o, "4 KiB random read, depth 1, rate", "k/s", 108.3, srcAnand, fitted, driveAllow,
		noteLittle, rateRead(4096, 1, 1e3))
	add(o, deepRate, "k/s", 584.8, srcAnand, predicted, driveAllow, "", rateRead(4096, 16, 1e3))
	add(o, deep, "us", 25.5, srcAnand, predicted, driveAllow, "", meanRead(16))
	add(o, "sequential read", "GB/s", 2.4, srcAnand, fitted, driveAllow, noteFitted9550,
		sequentialRead)
	add(o, "sequential write", "GB/s", 2.0, srcAnand, fitted, driveAllow, noteFitted9550,
		sequentialWrite)
	i := &nvme.IntelP3700
	add(i, one, "us", 77.9, srcAnand, fitted, driveAllow, noteFitted9550, meanRead(1))
	add(i, deep, "us", 93.9, srcAnand, fitted, driveAllow, noteDies, meanRead(16))
	add(i, deepRate, "k/s", 167.2, srcAnand, fitted, driveAllow, noteLittle,
		rateRead(4096, 16, 1e3))
	m := &nvme.Micron9100MAX
	add(m, one, "us", 107.7, srcAnand, fitted, driveAllow, noteFitted9550, meanRead(1))
	add(m, deep, "us", 116, srcAnand, fitted, driveAllow, noteDies, meanRead(16))
	add(m, deepRate, "k/s", 135.7, srcAnand, fitted, driveAllow, noteLittle,
		rateRead(4096, 16, 1e3))
	s := &nvme.SamsungPM1743
	add(s, "sequential read", "GB/s", 13, srcBase, predicted, driveAllow, noteLink, sequentialRead)
	add(s, "sequential write", "GB/s", 6.6, srcBase, fitted, driveAllow, noteFitted9550,
		sequentialWrite)
	add(s, "4 KiB random read, depth 512", "M/s", 2.5, srcBase, fitted, driveAllow, noteRate,
		rateRead(4096, 512, 1e6))
	add(s, "4 KiB random write, steady", "M/s", 0.25, srcBase, predicted, 0, noteSpare,
		spareWrite(70))
	n := &nvme.SamsungPM1753
	add(n, "512 B random read, depth 512", "M/s", 3.86, srcAisioNVMe, fitted, driveAllow,
		noteRate+"; "+noteEmpty, emptyRead(512, 512, 1e6))
	add(n, "4 KiB random read, depth 512", "M/s", 3.2, srcAisioNVMe, predicted, driveAllow, "rated",
		rateRead(4096, 512, 1e6))
	add(n, "sequential read", "GB/s", 14.5, srcAisioNVMe, predicted, driveAllow, noteLink,
		sequentialRead)
	for _, spare := range []int{70, 280} {
		_, used := smallDrive(&nvme.Micron9550, spare)
		rows = append(rows, vrow{"micron9550", fmt.Sprintf("write amplification, %d %% spare",
			spare/10), "x", greedyFormula(used), 0, srcGreedy, predicted, 0,
			"an analytic result, not a measurement", func() (float64, error) {
				w, err := steadyWrite(&nvme.Micron9550, spare)
				return w.amplification, err
			}})
	}
	return rows
}

// greedyFormula is the write amplification of greedy collection with large blocks under uniform
// random writes, by bisection.
func greedyFormula(utilisation float64) float64 {
	lo, hi := 1e-9, 1-1e-9
	for range 100 {
		if v := (lo + hi) / 2; (v-1)/math.Log(v) < utilisation {
			lo = v
		} else {
			hi = v
		}
	}
	return 1 / (1 - lo)
}

// rateRead is random reads of n bytes at a depth, in units of scale a second.
func rateRead(n, depth int, scale float64) func(*nvme.Profile) (float64, error) {
	return func(p *nvme.Profile) (float64, error) {
		r, err := newDriveRig(p, 2*max(depth, 32))
		if err != nil {
			return 0, err
		}
		v, err := r.random(spec.Read, n, depth, 200*min(depth, 64)+2000)
		return v / scale, err
	}
}

// emptyRead is rateRead on a drive that was never written.
func emptyRead(n, depth int, scale float64) func(*nvme.Profile) (float64, error) {
	return func(p *nvme.Profile) (float64, error) {
		r, err := newDriveRig(p, 2*depth)
		if err != nil {
			return 0, err
		}
		r.ctl.Forget()
		v, err := r.random(spec.Read, n, depth, 20000)
		return v / scale, err
	}
}

// meanRead is the mean latency at a depth, in us: a queue that is kept full holds depth commands,
// so that it is depth by the rate (Little).
func meanRead(depth int) func(*nvme.Profile) (float64, error) {
	rate := rateRead(4096, depth, 1)
	return func(p *nvme.Profile) (float64, error) {
		v, err := rate(p)
		return 1e6 * float64(depth) / v, err
	}
}

// steady is how a drive takes random writes for good.
type steady struct{ rate, amplification float64 }

// smallDrive is a drive of which 64 rows of erase blocks hold driveSize.
func smallDrive(p *nvme.Profile, perMille int) (*nvme.Profile, float64) {
	const rows = 64
	return p.Small(rows, driveSize/rows/(p.Channels*p.Dies*p.Planes*p.Page), perMille)
}

// steadyWrite ages a drive of a given over-provisioning, then writes 4 KiB at random.
func steadyWrite(p *nvme.Profile, perMille int) (steady, error) {
	const depth = 256
	q, _ := smallDrive(p, perMille)
	r, err := newDriveRig(q, 2*depth)
	if err != nil {
		return steady{}, err
	}
	r.ctl.Age(driveSize, 3, 1)
	// The write buffer fills first: the second half must not see that.
	before := r.ctl.FTL()
	v, err := r.random(spec.Write, 4096, depth, 60000)
	after := r.ctl.FTL()
	after.HostUnits -= before.HostUnits
	after.MovedUnits -= before.MovedUnits
	return steady{v, after.Amplification()}, err
}

func spareWrite(perMille int) func(*nvme.Profile) (float64, error) {
	return func(p *nvme.Profile) (float64, error) {
		w, err := steadyWrite(p, perMille)
		return w.rate / 1e6, err
	}
}
