package sm

import "tensoros/hw/ptx"

// Video instructions work on the halves or bytes of a word, in integers wide enough that nothing
// is lost before the end (PTX ISA 9.7.17, "SIMD video instructions").

type videoOp struct {
	lanes int
	f     func(x, y int32) int32
}

var videoOps = map[ptx.OpID]videoOp{
	ptx.OpVadd2: {2, videoAdd}, ptx.OpVadd4: {4, videoAdd},
	ptx.OpVsub2: {2, videoSub}, ptx.OpVsub4: {4, videoSub},
	ptx.OpVavrg2: {2, videoAverage}, ptx.OpVavrg4: {4, videoAverage},
	ptx.OpVabsdiff2: {2, videoDistance}, ptx.OpVabsdiff4: {4, videoDistance},
	ptx.OpVmin2: {2, videoMin}, ptx.OpVmin4: {4, videoMin},
	ptx.OpVmax2: {2, videoMax}, ptx.OpVmax4: {4, videoMax},
	ptx.OpVset2: {lanes: 2}, ptx.OpVset4: {lanes: 4},
}

func videoAdd(x, y int32) int32      { return x + y }
func videoSub(x, y int32) int32      { return x - y }
func videoMin(x, y int32) int32      { return min(x, y) }
func videoMax(x, y int32) int32      { return max(x, y) }
func videoDistance(x, y int32) int32 { return max(x-y, y-x) }

// videoAverage rounds halves up, below zero too.
func videoAverage(x, y int32) int32 {
	if x+y >= 0 {
		return (x + y + 1) >> 1
	}
	return (x + y) >> 1
}

// video is a SIMD video instruction; nil if it is none.
func video(in *ptx.Inst) func(a, b, c uint32) uint32 {
	op, ok := videoOps[in.Op.ID]
	if !ok {
		return nil
	}
	f, types := op.f, 1 // the operands' types follow that of the result
	if f == nil {
		f, types = videoCompare(in.Compare()), 0
	}
	bits := 32 / op.lanes
	saturate := func(v int32) int32 { return v }
	if in.Has(ptx.ModSat) {
		saturate = saturation(bits, in.Type(0).IsSigned())
	}
	add := in.Has(ptx.ModAdd)
	signedA, signedB := in.Type(types).IsSigned(), in.Type(types+1).IsSigned()
	return func(a, b, c uint32) uint32 {
		sum, packed := c, uint32(0)
		for i := 0; i < 32; i += bits {
			v := saturate(f(videoLane(a, i, bits, signedA), videoLane(b, i, bits, signedB)))
			sum += uint32(v)
			packed |= uint32(v) << (32 - bits) >> (32 - bits) << i
		}
		if add {
			return sum
		}
		return packed
	}
}

// videoLane takes bits of a word and extends them.
func videoLane(v uint32, at, bits int, signed bool) int32 {
	top := v << (32 - bits - at)
	if signed {
		return int32(top) >> (32 - bits)
	}
	return int32(top >> (32 - bits))
}

func videoCompare(c ptx.Mod) func(x, y int32) int32 {
	return func(x, y int32) int32 {
		if holds(c, x < y, x == y) {
			return 1
		}
		return 0
	}
}

func saturation(bits int, signed bool) func(int32) int32 {
	least, most := int32(0), int32(1)<<bits-1
	if signed {
		least, most = -1<<(bits-1), 1<<(bits-1)-1
	}
	return func(v int32) int32 { return min(max(v, least), most) }
}
