package sm

import (
	"encoding/binary"

	"tensoros/hw/ptx"
)

// Functions that nobody defines in PTX: the CUDA runtime's part in a kernel. Their arguments are
// those of a call; lanes come one after another.

type runtimeFunc func(w *Warp, lane int, args []uint64) uint64

var runtimeCalls map[string]runtimeFunc

func init() { // the functions fail with the name of their kernel, which reads the table
	runtimeCalls = map[string]runtimeFunc{
		"vprintf":      (*Warp).printf,
		"__assertfail": (*Warp).assertion,
		"malloc":       (*Warp).allocate,
		"free":         (*Warp).giveBack,
	}
}

// runtimeArity is how many arguments they take.
var runtimeArity = map[string]int{"vprintf": 2, "__assertfail": 5, "malloc": 1, "free": 1}

// runtimeCall makes a plain instruction of a call; its site is filled in after it.
func (d *decoder) runtimeCall(site *callSite, name string) {
	if n := len(d.in.Args); n < 3 || len(d.in.Args[2].List) != runtimeArity[name] {
		d.fault("%s takes %d arguments", name, runtimeArity[name])
	}
	d.out.kind, d.out.calls = plain, nil
	d.p.talks = true
	f := runtimeCalls[name]
	d.out.run = func(w *Warp) {
		for m := w.mask; m != 0 && w.cta.fault.err == nil; m &= m - 1 {
			l := first(m)
			var args []uint64
			for _, a := range site.args {
				args = append(args, number(w.take(a, l, nil)))
			}
			result := binary.LittleEndian.AppendUint64(nil, f(w, l, args))
			for _, r := range site.results {
				w.give(r, l, result)
			}
		}
	}
}

// number is a little-endian number of up to 8 bytes.
func number(p []byte) (v uint64) {
	for i, b := range p[:min(len(p), 8)] {
		v |= uint64(b) << (8 * i)
	}
	return v
}

// peek is what a lane finds at a generic address; nil after a fault.
func (w *Warp) peek(lane int, address uint64, n int) []byte {
	w.addr[lane] = address
	return w.bytesAt(inGeneric, lane, n, false)
}

// maxText bounds a string whose end is not found.
const maxText = 1 << 16

// text reads a string that ends with a zero.
func (w *Warp) text(lane int, address uint64) string {
	var s []byte
	for len(s) < maxText {
		p := w.peek(lane, address+uint64(len(s)), 1)
		if p == nil || p[0] == 0 {
			break
		}
		s = append(s, p[0])
	}
	return string(s)
}

// assertion is __assertfail(expression, file, line, function, character size).
func (w *Warp) assertion(lane int, a []uint64) uint64 {
	what, file, in := w.text(lane, a[0]), w.text(lane, a[1]), w.text(lane, a[3])
	w.cta.fail(w, "%s:%d: %s: assertion `%s' failed in lane %d", file, uint32(a[2]), in, what, lane)
	return 0
}

func (w *Warp) allocate(_ int, a []uint64) uint64 { return w.cta.launch.Heap.take(a[0]) }

func (w *Warp) giveBack(_ int, a []uint64) uint64 {
	if !w.cta.launch.Heap.give(a[0]) {
		w.cta.fail(w, "free of %#x: malloc gave no such address", a[0])
	}
	return 0
}

// reservedBytes of shared memory a CTA are the runtime's: cooperative groups keep barriers there
// (CUDA programming guide, table of technical specifications: 1 KB a block since 8.0). Ours lie
// behind the kernel's own.
const (
	reservedBytes = 1 << 10
	reservedFirst = 96 // where %reserved_smem_offset_1 points, within it
)

// workspaceBytes is memory that a launch gives its grid; a cooperative one counts its CTAs there
// (cooperative_groups.h: the environment registers 1 and 2 hold the address).
const workspaceBytes = 64

// runtimeSpecial is what the runtime's own registers hold; nil if it is none of those.
func runtimeSpecial(s ptx.Special) func(w *Warp, l int) uint64 {
	reserved := func(add int) func(w *Warp, l int) uint64 {
		return func(w *Warp, _ int) uint64 {
			return uint64(len(w.cta.shared) - w.prog.reserved + add)
		}
	}
	known := func(v uint64) func(*Warp, int) uint64 { return func(*Warp, int) uint64 { return v } }
	switch s {
	case ptx.SpReservedSmemBegin, ptx.SpReservedSmem0:
		return reserved(0)
	case ptx.SpReservedSmem1:
		return reserved(reservedFirst)
	case ptx.SpReservedSmemEnd:
		return reserved(reservedBytes)
	case ptx.SpReservedSmemCap:
		return known(reservedBytes)
	case ptx.SpEnvreg0 + 1:
		return known(GridWindow >> 32)
	case ptx.SpEnvreg0 + 2:
		return known(GridWindow & (1<<32 - 1))
	}
	if s > ptx.SpEnvreg0 {
		return known(0)
	}
	return nil
}
