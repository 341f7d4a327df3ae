package sm

import (
	"tensoros/hw/ptx"
	"tensoros/hw/spec/gpu"
)

// Tensor copies (PTX ISA, "Tensors", "cp.async.bulk.tensor"): a box of a tensor in global memory
// that a tensor map describes, against the same box packed in shared memory, dimension 0 fastest.

// piece is a run of global memory that a tensor copy touches.
type piece struct {
	addr  uint64
	bytes int
}

// tensorMove is one tensor copy of one lane.
type tensorMove struct {
	m       gpu.TensorMap
	at      [5]int64 // coordinates of the box
	offsets [3]int64 // im2col: of the filter, added to the pixels' coordinates
	shared  uint64
	from    uint64 // where the map lies
	f       combine
}

// tensorMaps remembers decoded maps by their bytes: kernels use one map for thousands of copies.
type tensorMaps map[[gpu.TensorMapBytes]byte]gpu.TensorMap

// tensorMap reads the map at a generic address.
func (w *Warp) tensorMap(l int, addr uint64) (m gpu.TensorMap, ok bool) {
	var b [gpu.TensorMapBytes]byte
	for i := 0; i < len(b); i += gpu.TensorMapAlign {
		w.addr[l] = addr + uint64(i)
		p := w.bytesAt(inGeneric, l, gpu.TensorMapAlign, false)
		if p == nil {
			return m, false
		}
		copy(b[i:], p[:gpu.TensorMapAlign])
	}
	c := w.cta
	if m, ok := c.maps[b]; ok {
		return m, true
	}
	m, err := gpu.DecodeTensorMap(b[:])
	if err != nil {
		w.cta.fail(w, "%v (at %#x)", err, addr)
		return m, false
	}
	if c.maps == nil {
		c.maps = tensorMaps{}
	}
	c.maps[b] = m
	return m, true
}

// mapPrefetch is prefetch.tensormap: the SM's first copy by the map does not wait for it.
func (d *decoder) mapPrefetch() func(*Warp) {
	addr := d.address(&d.in.Args[0])
	return func(w *Warp) {
		addr(w)
		if w.mask != 0 {
			t := transfer{write: true, from: w.addr[first(w.mask)]}
			w.transfers = append(w.transfers, t)
		}
	}
}

// tensorOperands decodes [map, {coordinates}] and im2col offsets.
type tensorOperands struct {
	mapAddr func(*Warp)
	coords  []int
	offsets []int
	im2col  bool
}

func (d *decoder) tensorOperands(op *ptx.Operand) *tensorOperands {
	in := d.in
	t := &tensorOperands{im2col: in.Has(ptx.ModIm2col) || in.Has(ptx.ModIm2colNoOffs)}
	addr := ptx.Operand{Kind: ptx.KindAddr, List: op.List[:1]}
	t.mapAddr = d.mapAddress(&addr)
	list := op.List[len(op.List)-1:]
	if list[0].Kind == ptx.KindVector {
		list = list[0].List
	}
	for i := range list {
		t.coords = append(t.coords, d.operand32(&list[i]))
	}
	return t
}

// mapAddress is the generic address of a map. ptxas takes no name of another space for one.
func (d *decoder) mapAddress(addr *ptx.Operand) func(*Warp) {
	if o := &addr.List[0]; o.Kind == ptx.KindLocal || o.Kind == ptx.KindGlobal {
		if s := d.variable(o).Space; s != ptx.SpaceGlobal {
			d.fault("the tensor map %s is in .%v: cvta.%v gives the generic address that is wanted here",
				o.Name, s, s)
		}
	}
	return d.address(addr)
}

// tensorCopy is cp.async.bulk.tensor, cp.reduce.async.bulk.tensor and the prefetch.
func (d *decoder) tensorCopy() func(*Warp) {
	in := d.in
	d.out.class = async
	switch {
	case in.Op.ID == ptx.OpCpAsyncBulkPrefetchTensor:
		d.tensorOperands(&in.Args[0])
		return func(*Warp) {} // a hint
	case in.Has(ptx.ModBulkGroup):
		return d.tensorStore()
	}
	t := d.tensorOperands(&in.Args[1])
	dst, mbar, rest := d.address(&in.Args[0]), d.address(&in.Args[2]), 3
	if in.Has(ptx.ModIm2col) {
		list := in.Args[rest].List
		for i := range list {
			t.offsets = append(t.offsets, d.operand32(&list[i]))
		}
		rest++
	}
	mask := -1
	if in.Has(ptx.ModMulticastCluster) {
		mask = d.src32(rest)
	}
	return func(w *Warp) {
		dst(w)
		to := w.addr
		mbar(w)
		bar := w.addr
		t.mapAddr(w)
		maps := w.addr
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			c := tensorMove{shared: to[l]}
			if !t.fetch(w, l, maps[l], &c) || !w.tensorLoad(l, &c, bar[l], mask) {
				return
			}
		}
	}
}

func (d *decoder) tensorStore() func(*Warp) {
	in := d.in
	t := d.tensorOperands(&in.Args[0])
	src := d.address(&in.Args[1])
	op := ptx.Mod(0)
	if in.Op.ID == ptx.OpCpReduceAsyncBulkTensor {
		op = in.AtomOp()
	}
	return func(w *Warp) {
		src(w)
		from := w.addr
		t.mapAddr(w)
		maps := w.addr
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			c := tensorMove{shared: from[l], f: move}
			if !t.fetch(w, l, maps[l], &c) {
				return
			}
			if op != 0 {
				if c.f = reduction(op, tensorElement[c.m.Type]); c.f == nil {
					w.cta.fail(w, "cp.reduce.async.bulk.tensor: no such reduction of %v", c.m.Type)
					return
				}
			}
			if !w.tensorStore(&c) {
				return
			}
		}
	}
}

// tensorElement is the type that a reduction works on; tensors of others have none.
var tensorElement = map[gpu.TensorType]ptx.Type{
	gpu.TensorU32: ptx.U32, gpu.TensorS32: ptx.S32, gpu.TensorU64: ptx.U64, gpu.TensorS64: ptx.S64,
	gpu.TensorF16: ptx.F16, gpu.TensorBF16: ptx.Bf16, gpu.TensorF32: ptx.F32,
	gpu.TensorF64:    ptx.F64,
	gpu.TensorF32Ftz: ptx.F32,
}

// fetch reads the map and the coordinates of one lane and holds the instruction against the map.
func (t *tensorOperands) fetch(w *Warp, l int, addr uint64, c *tensorMove) bool {
	m, ok := w.tensorMap(l, addr)
	if !ok {
		return false
	}
	c.m, c.from = m, addr
	for i, r := range t.coords {
		c.at[i] = int64(int32(w.r[r][l]))
	}
	for i, r := range t.offsets {
		c.offsets[i] = int64(w.r[r][l] & 0xffff)
	}
	why := ""
	switch {
	case m.Rank != len(t.coords):
		why = "the map's rank is not the instruction's"
	case m.Im2col != t.im2col:
		why = "the map's mode (tile or im2col) is not the instruction's"
	case m.Interleave != gpu.InterleaveNone:
		why = "interleaved layouts are not modelled"
	case c.shared&127 != 0:
		why = "the shared address is not 128 byte aligned"
	case c.boxBytes() > maxTransfer:
		why = "a box of more bytes than an mbarrier counts"
	case m.Swizzle != gpu.SwizzleNone && c.rowBytes() != m.Swizzle.Span():
		why = "a box narrower than its swizzle is not modelled: where its rows lie is not published"
	default:
		return true
	}
	w.cta.fail(w, "tensor copy of a %dd box at %#x of shared memory: %s", len(t.coords), c.shared,
		why)
	return false
}

// rowElements is how many elements along dimension 0 lie together, rowBytes their bytes.
func (c *tensorMove) rowElements() int {
	if c.m.Im2col {
		return int(c.m.Channels)
	}
	return int(c.m.Box[0])
}

func (c *tensorMove) rowBytes() int { return c.rowElements() * c.m.Type.Size() }

// each visits the rows of the box in the order of shared memory: the coordinates of the first
// element, false to stop.
func (c *tensorMove) each(f func(row int, at [5]int64) bool) bool {
	if c.m.Im2col {
		return c.eachPixel(f)
	}
	var n, i [5]int64
	rows := 1
	for k := 1; k < c.m.Rank; k++ {
		// An element stride thins the box out: ceil(box / stride) elements (CUDA Driver API).
		s := int64(c.m.ElementStrides[k])
		n[k] = (int64(c.m.Box[k]) + s - 1) / s
		rows *= int(n[k])
	}
	for row := range rows {
		at := c.at
		for k := 1; k < c.m.Rank; k++ {
			at[k] += i[k] * int64(c.m.ElementStrides[k])
		}
		if !f(row, at) {
			return false
		}
		for k := 1; k < c.m.Rank; k++ {
			if i[k]++; i[k] < n[k] {
				break
			}
			i[k] = 0
		}
	}
	return true
}

// eachPixel walks im2col's column: from the base pixel through the bounding box, W fastest, then
// on to the next image; the filter's offsets are added to what is read, not to the walk.
func (c *tensorMove) eachPixel(f func(row int, at [5]int64) bool) bool {
	m, at := &c.m, c.at
	last := m.Rank - 1
	for row := range int(m.Pixels) {
		from := at
		for k := 1; k < last; k++ {
			from[k] += c.offsets[k-1]
		}
		if !f(row, from) {
			return false
		}
		k := 1
		for ; k < last; k++ {
			at[k] += int64(m.ElementStrides[k])
			if at[k] < int64(m.Dims[k])+int64(m.Upper[k-1]) {
				break
			}
			at[k] = int64(m.Lower[k-1])
		}
		if k == last {
			at[last]++
		}
	}
	return true
}

// inside is the part [lo, hi) of a row that lies in the tensor, in elements, and its address.
func (c *tensorMove) inside(at *[5]int64) (lo, hi int64, addr uint64) {
	m := &c.m
	for k := 1; k < m.Rank; k++ {
		if at[k] < 0 || at[k] >= int64(m.Dims[k]) {
			return 0, 0, 0
		}
	}
	lo, hi = max(0, -at[0]), min(int64(c.rowElements()), int64(m.Dims[0])-at[0])
	if lo >= hi {
		return 0, 0, 0
	}
	addr = m.Base + uint64(at[0]+lo)*uint64(m.Type.Size())
	for k := 1; k < m.Rank; k++ {
		addr += uint64(at[k]) * m.Strides[k-1]
	}
	return lo, hi, addr
}

// boxBytes is what an mbarrier counts: out of bounds elements too.
func (c *tensorMove) boxBytes() int {
	if c.m.Im2col {
		return int(c.m.Pixels) * c.rowBytes()
	}
	n := c.rowBytes()
	for k := 1; k < c.m.Rank; k++ {
		s := int(c.m.ElementStrides[k])
		n *= (int(c.m.Box[k]) + s - 1) / s
	}
	return n
}

// tensorLoad copies the box to shared memory, of one CTA or of those in a mask.
func (w *Warp) tensorLoad(l int, c *tensorMove, mbar uint64, mask int) bool {
	size, es := c.rowBytes(), int64(c.m.Type.Size())
	box := w.cta.scratch(c.boxBytes())
	clear(box)
	t := transfer{tx: int64(len(box)), from: c.from, pieces: make([]piece, 0, len(box)/size)}
	if !c.each(func(row int, at [5]int64) bool {
		p := box[row*size:][:size]
		lo, hi, addr := c.inside(&at)
		if hi-lo < int64(len(p))/es && c.m.Fill == gpu.FillNaN {
			c.fillNaN(p)
		}
		if lo == hi {
			return true
		}
		t.pieces = append(t.pieces, piece{addr, int((hi - lo) * es)})
		t.bytes += int((hi - lo) * es)
		return w.readGlobal(p[lo*es:hi*es], addr)
	}) {
		return false
	}
	if len(t.pieces) > 0 {
		t.global = t.pieces[0].addr
	}
	multicast, ranks := mask >= 0, uint16(0)
	if multicast {
		ranks = uint16(w.r[mask][l])
	}
	return w.eachTarget(c.shared, mbar, multicast, ranks, func(to uint64) bool {
		p := w.sharedBytes(to, len(box), true)
		return p != nil && c.scatter(w, to, box)
	}, t)
}

func (c *tensorMove) fillNaN(p []byte) {
	e := element{size: c.m.Type.Size()}
	for i := 0; i < len(p); i += e.size {
		e.put(p[i:], c.m.Type.NaN())
	}
}

// scatter writes the packed box to shared memory through the swizzle, which permutes 16-byte units
// by address.
func (c *tensorMove) scatter(w *Warp, to uint64, box []byte) bool {
	if c.m.Swizzle == gpu.SwizzleNone {
		copy(w.sharedBytes(to, len(box), true), box)
		return true
	}
	for i := 0; i < len(box); i += 128 {
		// A swizzle stays in its 128 bytes, and the address is aligned to them.
		p := w.sharedBytes(to+uint64(i), min(128, len(box)-i), true)
		if p == nil {
			return false
		}
		for j := 0; j < len(p); j += 16 {
			copy(p[c.m.Swizzle.Apply(to+uint64(i+j))&127:], box[i+j:i+j+16])
		}
	}
	return true
}

// gather is the reverse of scatter.
func (c *tensorMove) gather(w *Warp, box []byte) bool {
	for i := 0; i < len(box); i += 16 {
		p := w.sharedBytes(c.m.Swizzle.Apply(c.shared+uint64(i)), 16, false)
		if p == nil {
			return false
		}
		copy(box[i:i+16], p)
	}
	return true
}

// tensorStore copies the box to global memory; elements out of bounds are not written.
func (w *Warp) tensorStore(c *tensorMove) bool {
	size, es := c.rowBytes(), int64(c.m.Type.Size())
	box := w.cta.scratch(c.boxBytes())
	if !c.gather(w, box) {
		return false
	}
	t := transfer{write: true, from: c.from, pieces: make([]piece, 0, len(box)/size)}
	if !c.each(func(row int, at [5]int64) bool {
		lo, hi, addr := c.inside(&at)
		if lo == hi {
			return true
		}
		n := int((hi - lo) * es)
		t.pieces = append(t.pieces, piece{addr, n})
		t.bytes += n
		return w.writeGlobal(addr, box[row*size:][lo*es:hi*es], c.f)
	}) {
		return false
	}
	if len(t.pieces) > 0 {
		t.global = t.pieces[0].addr
	}
	t.tx = int64(t.bytes)
	w.transfers = append(w.transfers, t)
	return true
}
