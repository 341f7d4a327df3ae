package sm

import "tensoros/hw/ptx"

// alloca takes local memory behind that of all frames. How much is taken is a register of its own,
// which a call saves: what a function has taken ends with it (PTX ISA 9.7.15.2, alloca).

// stackBytes is how much a thread may take. CUDA's own stack is 1 KiB unless cudaDeviceSetLimit
// says otherwise; it holds frames too, which are not counted here.
const stackBytes = 16 << 10

// reserve makes room for alloca, if a function of the kernel has one.
func (d *decoder) reserve(list []*ptx.Func) {
	for _, f := range list {
		for in := range f.Insts() {
			switch in.Op.ID {
			case ptx.OpAlloca, ptx.OpStacksave, ptx.OpStackrestore:
				d.p.stack = d.p.rows32
				d.p.rows32++
				d.p.frames = d.p.Local
				d.p.Local += stackBytes
				return
			}
		}
	}
}

// stackOperation is alloca, stacksave and stackrestore. What stacksave gives is opaque: ours is the
// number of bytes taken.
func (d *decoder) stackOperation() func(*Warp) {
	in, sp := d.in, d.p.stack
	switch in.Op.ID {
	case ptx.OpStacksave:
		dst := d.slots(&in.Args[0], true)[0]
		return d.eachLane(func(w *Warp, l int) { dst.set(w, l, uint64(w.r[sp][l])) })
	case ptx.OpStackrestore:
		src := d.slots(&in.Args[0], false)[0]
		return d.eachLane(func(w *Warp, l int) { w.r[sp][l] = uint32(src.get(w, l)) })
	}
	size, dst := d.slots(&in.Args[1], false)[0], d.slots(&in.Args[0], true)[0]
	align := uint64(8) // the default (PTX ISA, alloca)
	if len(in.Args) > 2 {
		align = uint64(in.Args[2].Imm)
	}
	if align == 0 || align&(align-1) != 0 {
		d.fault("alloca aligned to %d bytes: the alignment is a power of two", align)
		return func(*Warp) {}
	}
	base, end := uint64(d.p.frames), uint64(d.p.Local)
	return d.eachLane(func(w *Warp, l int) {
		at := (base + uint64(w.r[sp][l]) + align - 1) &^ (align - 1)
		n := size.get(w, l)
		if n > end-base || at+n > end {
			w.cta.fail(w, "alloca of %d bytes: a thread has %d in all, %d are taken", n, stackBytes,
				w.r[sp][l])
			return
		}
		w.r[sp][l] = uint32(at + n - base)
		dst.set(w, l, at)
	})
}

func (d *decoder) eachLane(f func(w *Warp, l int)) func(*Warp) {
	return func(w *Warp) {
		for m := w.mask; m != 0; m &= m - 1 {
			f(w, first(m))
		}
	}
}
